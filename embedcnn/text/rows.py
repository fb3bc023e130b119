"""Raw texts as an input of a model: checked at once, turned into ids batch by batch.

A thread ahead of the training step does it (see training/batches.py); training of several epochs keeps the
ids (training/kept_ids.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.columns import as_list, is_column, is_missing
from ..preprocessing.texts import COUNT_AS_EMPTY, without_gaps


def no_settings() -> None:
    """The settings of what may give other ids for the same text each time."""


class TextRows:
    """Texts whose ids do not depend on each other, with the function that encodes some of them.

    `settings()`: what else decides the ids, to compare; None where that cannot be said.
    """

    def __init__(
        self,
        texts: np.ndarray,
        encode: Callable[[list[str]], Any],
        settings: Callable[[], Any] = no_settings,
    ) -> None:
        self.texts, self.encode, self.settings = texts, encode, settings

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> TextRows:
        return TextRows(self.texts[index], self.encode, self.settings)

    def encoded(self, index: Any) -> Any:
        """The ids of the texts of `index` (an array or a slice)."""
        return self.encode(self.texts[index].tolist())


def column_of(value: Any) -> Any:
    """Lists of one text each, [["a"], ["b"]], as the array (N, 1) that they are; else the value."""
    if isinstance(value, (list, tuple)) and len(value) and isinstance(value[0], (list, tuple)):
        return np.asarray(value, object)
    return value


def raw_texts(value: Any) -> Any:
    """x where it is raw text, as a list or tuple of texts or an array of str; None where it is not.

    Raw text are lists and arrays whose first entry that is not missing is a str, and such columns of pandas,
    polars and pyarrow.
    """
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "U":
            return value
        if value.dtype.kind not in "OT" or not value.size or value.ndim > 2:
            return None
        return value if _begins_with_text(value.ravel().tolist()) else None
    if isinstance(value, (list, tuple)):
        return value if _begins_with_text(value) else None
    dtype = getattr(value, "dtype", None)
    if not is_column(value) or getattr(dtype, "kind", "O") in "iufbc":
        return None
    shape: tuple[int, ...] = getattr(value, "shape", ())
    if (
        len(shape) == 2
        and shape[1] != 1
        and not any(isinstance(one, str) for one in np.asarray(value)[:1].flat)
    ):
        return None  # a table of numbers
    texts = as_list(value)
    return texts if _begins_with_text(texts, "str" in str(dtype).lower()) else None


def is_empty(value: Any) -> bool:
    """Whether this is a list, column or array (0,) or (0, 1) of no entries, which may as well be no texts."""
    if not hasattr(value, "__len__") or isinstance(value, (str, bytes, dict)) or len(value):
        return False
    shape = tuple(getattr(value, "shape", (0,)))
    return len(shape) == 1 or shape[1:] == (1,)


def has_no_rows(value: Any) -> bool:
    """Whether this is a list, column, frame or array of no examples."""
    return hasattr(value, "__len__") and not isinstance(value, (str, bytes, dict)) and len(value) == 0


def is_text(value: Any) -> bool:
    """Whether x is raw text."""
    return raw_texts(value) is not None


def _begins_with_text(values: Any, of_texts: bool = False) -> bool:
    """Whether the first value that is not missing is a str; where all are missing, `of_texts`, or None."""
    for value in values:
        if not is_missing(value):
            return isinstance(value, str)
    return len(values) > 0 and (of_texts or any(value is None for value in values))


def checked_texts(name: str, value: Any, missing: str = "error", remedy: str = COUNT_AS_EMPTY) -> np.ndarray:
    """Texts as an array (N,) of str; TypeError that names the first that is none, or for more axes.

    `missing`: such texts are an error ("error") that names a `remedy`, or "" ("empty").
    """
    if isinstance(value, np.ndarray):
        texts = value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value
        if texts.ndim != 1:
            raise TypeError(f"{name}: expected one text per example. Received: texts of shape {value.shape}")
        if texts.dtype.kind == "U":
            return texts
        value = texts.tolist()
    texts = np.empty(len(value), object)
    texts[:] = without_gaps(name, value, missing, remedy=remedy)
    if set(map(type, texts.tolist())) != {str}:
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"{name}[{number}] = {text!r} is a {type(text).__name__}; expected a str")
    return texts
