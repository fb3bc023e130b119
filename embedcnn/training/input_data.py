"""What users pass as x, y and sample weights, turned into what programs take: checked arrays and their
batches.

Arrays are checked once as a whole (so that an error names the row the user knows); batches from iterables one
by one. A prepared input is an integer array (B, T), a Ragged, a float32 array (B, C), (B, T, C) or
(B, H, W, C), TextRows or Pixels.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.columns import described, is_column, is_missing
from ..data.indexed_batches import is_indexed
from ..ragged import Ragged, ids_of
from ..text.rows import TextRows, no_settings

if TYPE_CHECKING:
    from ..lowering.programs import Sizes

UNEQUAL = (
    "rows of unequal length cannot form an array. Pad them: utils.pad_sequences({0}), "
    "or keep their lengths: Ragged.from_sequences({0})"
)


@dataclass(frozen=True)
class InputSpec:
    """An input of a program: its name in messages, what it holds ("int32" ids, or "float32"), shape, number
    of ids, which input of the model it comes from, and what makes it of texts where that is a layer.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    limit: int | None
    source: int = 0
    encode: Callable[[Any], Any] | None = None
    of_texts: bool = True
    """Whether `encode` is given texts; else the whole array of what the input of the model takes."""
    settings: Callable[[], Any] = no_settings
    """What `encode` depends on, to compare, as TextRows.settings."""
    open_image: bool = False
    """Whether it is images whose height or width each batch decides."""


def sizes_of(specs: Iterable[InputSpec], inputs: Sequence[Any]) -> Sizes:
    """The sizes that a batch, prepared, gives what is open."""
    return tuple(one.shape[1:] for spec, one in zip(specs, inputs, strict=True) if spec.open_image)


@dataclass(frozen=True)
class TargetSpec:
    """A target: its name in messages, what it holds (Loss.target, or "any" without a loss) and the output's
    shape.
    """

    name: str
    target: str
    shape: tuple[int | None, ...]
    ignored: int | None = None
    """A class number that does not count and may be any integer."""

    @property
    def units(self) -> int:
        return int(self.shape[-1] or 1)


class Pixels:
    """Images of bytes, which stay bytes in memory: `[index]` are float32 numbers, those of a batch."""

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: Any) -> np.ndarray:
        return np.asarray(self.images[index], np.float32)


# -- inputs --------------------------------------------------------------------------------------------------
def prepare_input(spec: InputSpec, value: Any, whole: bool = False) -> Any:
    """One input as programs take it; `whole` also checks the range of ids, which the core else does per
    batch.
    """
    if isinstance(value, (TextRows, Pixels)):
        return value
    if isinstance(value, Ragged):
        if spec.dtype != "int32":
            raise TypeError(
                f"{spec.name}: an input of numbers takes no Ragged; expected shape "
                f"{as_output_shape(spec.shape)}"
            )
        if len(spec.shape) > 2:
            raise ValueError(
                f"{spec.name}: an input of {len(spec.shape)} axes takes no Ragged; pad texts and what they "
                f"are made of to shape {as_output_shape(spec.shape)}"
            )
        if whole:
            _check_texts(spec, value)
        return value
    if spec.dtype == "int32" and isinstance(value, (list, tuple)):
        value = _listed_ids(spec, value)
        if isinstance(value, Ragged):
            if whole:
                _check_texts(spec, value)
            return value
    array = value if type(value) is np.ndarray and value.dtype.kind != "O" else _as_array(spec.name, value)
    if spec.dtype == "int32":
        return _prepare_ids(spec, array, whole)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{spec.name}: numbers were expected. Received: dtype {array.dtype}")
    if spec.shape[-1] == 1 and array.ndim == len(spec.shape) - 1:
        array = array[..., None]  # a number for each example, as Keras takes it
    if array.ndim != len(spec.shape) or any(
        size not in (None, got) for size, got in zip(spec.shape[1:], array.shape[1:], strict=True)
    ):
        raise ValueError(
            f"{spec.name}: expected shape {as_output_shape(spec.shape)}. Received: shape {array.shape}"
        )
    _require_examples(spec.name, len(array))
    if math.prod(array.shape[1:]) >= 2**31:  # before a copy of so many is made
        raise ValueError(f"{spec.name}: an example has at most 2**31 - 1 values, not {array.shape[1:]}")
    if whole and array.dtype == np.uint8 and array.ndim > 3:
        return Pixels(array)
    array = np.ascontiguousarray(array, np.float32)
    if whole and not np.isfinite(array.sum()) and not np.isfinite(array).all():
        where = tuple(int(part) for part in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(
            f"{spec.name}[{', '.join(map(str, where))}] = {array[where]}: only finite numbers are allowed"
        )
    return array


def _listed_ids(spec: InputSpec, rows: Sequence[Any]) -> Any:
    """Lists of ids, or encodings of tokenizers; a Ragged where lengths differ and the input takes any."""
    if any(hasattr(row, "ids") for row in rows):
        rows = [ids_of(row, keep_length=spec.shape[1] is not None) for row in rows]
    if len(spec.shape) > 2 or spec.shape[1] is not None:
        return rows
    if not all(isinstance(row, (list, tuple, np.ndarray)) for row in rows):
        return rows
    if len({len(row) if np.ndim(row[:1]) == 1 else None for row in rows}) < 2:
        return rows
    try:
        return Ragged.from_sequences(rows)
    except (TypeError, ValueError, OverflowError) as error:
        raise type(error)(str(error).replace("sequences[", f"{spec.name}[")) from None


def _as_array(name: str, value: Any) -> np.ndarray:
    if value is None:
        raise ValueError(f"{name} is missing. Received: {name}=None")
    if isinstance(value, (str, bytes)):
        raise TypeError(
            f"{name}: expected arrays of numbers, or a list of texts. Received: one string; did you mean "
            f"[{name}]?"
        )
    try:
        array = np.asarray(value)
    except ValueError:
        if isinstance(value, (list, tuple)):
            _refuse_gaps(name, value)
        raise ValueError(f"{name}: {UNEQUAL.format(name)}") from None
    if array.dtype == object and not array.ndim:
        raise TypeError(f"{name}: expected arrays of numbers, or a list of texts. Received: {value!r}")
    if array.dtype == object and is_column(value):  # numbers of a column that may have gaps
        with contextlib.suppress(TypeError, ValueError):
            return array.astype(np.float64)
    if (
        array.dtype == object
        and len(array)
        and all(isinstance(row, (list, tuple, np.ndarray)) for row in array.flat)
    ):
        raise ValueError(f"{name}: {UNEQUAL.format(name)}")
    if array.dtype == object and array.ndim:
        _refuse_gaps(name, array)
    return array


def _refuse_gaps(name: str, rows: Any, place: str = "") -> None:
    """TypeError that names the first missing number (None, pandas' NA) of nested rows."""
    for number, row in enumerate(rows):
        where = f"{place}, {number}" if place else f"{number}"
        if is_missing(row):
            raise TypeError(f"{name}[{where}] is missing: {row!r}. Leave out the examples that have none")
        if isinstance(row, (list, tuple)) or (isinstance(row, np.ndarray) and row.ndim):
            _refuse_gaps(name, row, where)


def _prepare_ids(spec: InputSpec, array: np.ndarray, whole: bool) -> np.ndarray:
    kind = array.dtype.kind
    if kind not in "iu":
        array = _whole_numbers(spec.name, array, "token ids")
    if array.ndim == 1 and spec.shape[1:] == (1,) and len(array):
        array = array[:, None]
    if array.ndim != len(spec.shape):
        hint = f"; for one text use {spec.name}[None]" if array.ndim == 1 and len(array) else ""
        raise ValueError(
            f"{spec.name}: expected token ids of shape {as_output_shape(spec.shape)}. Received: shape "
            f"{array.shape}{hint}"
        )
    if any(size not in (None, got) for size, got in zip(spec.shape[1:], array.shape[1:], strict=True)):
        raise ValueError(
            f"{spec.name}: expected token ids of shape {as_output_shape(spec.shape)}. "
            f"Received: shape {array.shape}; Input(shape=(None,)) takes any length"
        )
    _require_examples(spec.name, len(array))
    if whole:
        check_range(spec.name, array, spec.limit)
    return array


def check_range(name: str, ids: np.ndarray, limit: int | None) -> None:
    """ValueError that names the first id outside [0, limit)."""
    if limit is None or ids.size == 0 or (ids.min() >= 0 and ids.max() < limit):
        return
    where = tuple(int(part) for part in np.argwhere((ids < 0) | (ids >= limit))[0])
    raise ValueError(f"{name}[{', '.join(map(str, where))}] = {ids[where]} is outside [0, {limit})")


def _check_texts(spec: InputSpec, texts: Ragged) -> None:
    """ValueError that names text and place of the first id outside [0, limit)."""
    ids, limit = texts.ids, spec.limit
    if limit is None or ids.size == 0 or (ids.min() >= 0 and ids.max() < limit):
        return
    at = int(np.flatnonzero((ids < 0) | (ids >= limit))[0])
    text = int(np.searchsorted(texts.offsets, at, "right")) - 1
    place = at - int(texts.offsets[text])
    raise ValueError(f"{spec.name}[{text}, {place}] = {ids[at]} is outside [0, {limit})")


def _whole_numbers(name: str, array: np.ndarray, meaning: str) -> np.ndarray:
    """Floats (or booleans) that are whole numbers, as int64; TypeError or ValueError for anything else."""
    if array.dtype.kind == "b":
        return array.astype(np.int64)
    if array.dtype.kind != "f":
        hint = ""
        if array.dtype.kind in "USO" and meaning == "class numbers":
            hint = "; number the labels first: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(f"{name}: {meaning} must be integers. Received: {described(array)}{hint}")
    if (
        not np.isfinite(array).all()
        or np.abs(array).max(initial=0.0) >= 2**31
        or not (array == np.floor(array)).all()
    ):
        with np.errstate(invalid="ignore"):
            wrong = np.argwhere(~np.isfinite(array) | (array != np.floor(array)) | (np.abs(array) >= 2**31))
        where = tuple(int(part) for part in wrong[0])
        raise ValueError(f"{name}[{', '.join(map(str, where))}] = {array[where]}: {meaning} must be integers")
    return array.astype(np.int64)


def _require_examples(name: str, count: int) -> None:
    if count == 0:
        raise ValueError(f"{name} holds no examples (its length is 0)")


def as_output_shape(shape: Sequence[int | None]) -> str:
    """A shape in messages: (batch, any, 3)."""
    return f"({', '.join(['batch', *('any' if size is None else str(size) for size in shape[1:])])})"


# -- targets -------------------------------------------------------------------------------------------------
def padded_labels(spec: TargetSpec, value: Any, inputs: Sequence[Any]) -> Any:
    """Class numbers of the tokens of Ragged texts, a Ragged too or lists, as a padded array: steps behind a
    text do not count. ValueError unless each text has one for each token.
    """
    if spec.target != "classes" or len(spec.shape) != 3:
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(row, (list, tuple, np.ndarray)) for row in value):
        if len({len(row) for row in value}) < 2:
            return value
        value = Ragged.from_sequences(value)
    if not isinstance(value, Ragged):
        return value
    texts = next((one for one in inputs if isinstance(one, Ragged)), None)
    if texts is None:
        raise ValueError(
            f"{spec.name}: class numbers of unequal lengths go with x as a Ragged of the same lengths. "
            "Received: a padded x; pad y too, as x: utils.pad_sequences(y, padding='post')"
        )
    if len(value) == len(texts) and not np.array_equal(value.lengths, texts.lengths):
        i = int(np.argmax(value.lengths != texts.lengths))
        raise ValueError(
            f"{spec.name}[{i}]: one class number for each token was expected. Received: {value.lengths[i]} "
            f"for a text of {texts.lengths[i]} tokens"
        )
    return value.to_padded(padding="post")


def prepare_target(spec: TargetSpec, value: Any, whole: bool = False) -> np.ndarray:
    """One target as programs take it: integers for "classes", else float32 of the output's shape."""
    array = value if type(value) is np.ndarray and value.dtype.kind != "O" else _as_array(spec.name, value)
    _require_examples(spec.name, len(array) if array.ndim else 0)
    if spec.target == "free":  # what the loss function of the user makes of it
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{spec.name}: numbers were expected. Received: dtype {array.dtype}")
        return array
    if spec.target == "classes":
        return _prepare_classes(spec, array, whole)
    if array.dtype.kind not in "fiub":
        hint = "; number the labels first: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(
            f"{spec.name}: numbers were expected. "
            f"Received: dtype {array.dtype}{hint if spec.target != 'values' else ''}"
        )
    ndim = len(spec.shape)
    if array.ndim == ndim - 1 and spec.units == 1:
        array = array[..., None]
    if (
        spec.target == "one_hot"
        and array.shape != (len(array), *spec.shape[1:])
        and (array.ndim < ndim or array.shape[-1] == 1)
    ):
        raise ValueError(
            f"{spec.name}: categorical_crossentropy takes one-hot rows of {spec.units} numbers. Received: "
            f"shape {array.shape}; "
            "for class numbers use the loss sparse_categorical_crossentropy (or utils.to_categorical)"
        )
    if array.ndim != ndim or array.shape[-1] != spec.units:
        raise ValueError(
            f"{spec.name}: expected shape {as_output_shape(spec.shape)}, as the output. Received: shape "
            f"{array.shape}"
        )
    array = np.ascontiguousarray(array, np.float32)
    if whole:
        _check_values(spec, array)
    return array


def _prepare_classes(spec: TargetSpec, array: np.ndarray, whole: bool) -> np.ndarray:
    ndim = len(spec.shape)
    if array.dtype.kind not in "iu":
        if (
            array.ndim == ndim
            and array.shape[-1] == spec.units
            and spec.units > 1
            and array.dtype.kind == "f"
        ):
            raise _one_hot_error(spec, array)
        array = _whole_numbers(spec.name, array, "class numbers")
    if array.ndim == ndim and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != ndim - 1:
        if array.ndim == ndim and array.shape[-1] == spec.units:
            raise _one_hot_error(spec, array)
        raise ValueError(
            f"{spec.name}: expected class numbers of shape {as_output_shape(spec.shape[:-1])}. "
            f"Received: shape {array.shape}"
        )
    if whole:
        counted = array if spec.ignored is None else np.where(array == spec.ignored, 0, array)
        check_range(spec.name, counted, spec.units)
    return array


def _one_hot_error(spec: TargetSpec, array: np.ndarray) -> ValueError:
    return ValueError(
        f"{spec.name}: sparse_categorical_crossentropy takes class numbers in [0, {spec.units}), one per "
        f"example. Received: shape {array.shape}; for one-hot rows use the loss categorical_crossentropy"
    )


def _check_values(spec: TargetSpec, array: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        if spec.target in ("binary", "one_hot"):
            bad, allowed = ~((array >= 0) & (array <= 1)), "outside [0, 1]"
        else:
            bad, allowed = ~np.isfinite(array), "not finite"
    if bad.any():
        where = tuple(int(part) for part in np.argwhere(bad)[0])
        if array.shape[-1] == 1:
            where = where[:-1]
        value = array[where] if np.ndim(array[where]) == 0 else array[where][0]
        raise ValueError(f"{spec.name}[{', '.join(map(str, where))}] = {value:g} is {allowed}")


def is_iterable_of_batches(x: Any) -> bool:
    """Whether x gives batches by itself (a Dataset, a generator, a PyDataset) rather than being data."""
    if isinstance(x, (np.ndarray, list, tuple, dict, str, bytes, Ragged, TextRows)) or x is None:
        return False
    return is_indexed(x) or isinstance(x, Iterable) and not hasattr(x, "__array__")


def same_length(parts: dict[str, Any]) -> int:
    """The number of examples that all parts share; ValueError that lists the lengths where they differ."""
    lengths = {name: len(part) for name, part in parts.items() if part is not None}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise ValueError(f"All inputs and targets must have the same number of examples. Received: {listed}")
    return next(iter(lengths.values()))
