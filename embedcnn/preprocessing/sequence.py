"""Sequences of ids to matrices and to word pairs: Keras's `keras.preprocessing.sequence`."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedcnn import _core
from embedcnn.base.arguments import finite_number, integer, items, number_dtype, optional, positive_integer
from embedcnn.base.arrays import numbers
from embedcnn.base.checked import checked
from embedcnn.ragged import Ragged, ids_of

__all__ = ["make_sampling_table", "pad_sequences", "skipgrams"]


def _measure(rows: tuple[Any, ...], texts: bool) -> tuple[int, tuple[int, ...]]:
    """Length of the longest sequence, and the shape of an item of the first non-empty one."""
    longest = _core.longest_row(rows)
    if longest is None:  # not only lists and tuples
        if not texts:
            _refuse_texts(rows)
        try:
            longest = max(map(len, rows), default=0)
        except TypeError:
            index = next(index for index, row in enumerate(rows) if not _has_length(row))
            raise ValueError(
                "`sequences` must be a list of iterables. Found non-iterable: "
                f"sequences[{index}] = {rows[index]!r}. For a single sequence pass [sequence]"
            ) from None
    first = next((row for row in rows if len(row)), ())
    if isinstance(first, (list, tuple)) and (not first or type(first[0]) in (int, float)):
        return longest, ()
    return longest, np.asarray(first).shape[1:]


def _has_length(row: Any) -> bool:
    return hasattr(row, "__len__") and getattr(row, "shape", None) != ()  # an array of no dimension has none


def _refuse_texts(rows: Sequence[Any]) -> None:
    for index, row in enumerate(rows):
        if isinstance(row, (str, bytes)):
            raise ValueError(f"sequences[{index}] is text; expected ids: use Tokenizer.texts_to_sequences")


def _refuse_items(rows: Sequence[Any]) -> None:
    """TypeError for the first sequence that holds something else than numbers."""
    for index, row in enumerate(rows):
        for item in row if hasattr(row, "__iter__") else ():
            if item is None or isinstance(item, (str, bytes, dict)):
                kind = type(item).__name__
                raise TypeError(f"sequences[{index}] must hold numbers, ids. Received: {item!r} ({kind})")


def _check_value(value: Any, kind: np.dtype) -> None:
    """OverflowError for a padding value that integers of this kind cannot hold, ValueError for NaN and
    infinite ones.
    """
    if kind.kind in "biufc" and (np.ndim(value) or not isinstance(value, (int, float, complex, np.generic))):
        raise TypeError(
            f"`value` must be one number, which `dtype` {kind} can hold. Received: value={value!r}"
        )
    if kind.kind not in "iu" or not isinstance(value, (int, float, np.number)):
        return
    least, most = np.iinfo(kind).min, np.iinfo(kind).max
    if not least <= value <= most:
        raise (OverflowError if math.isfinite(value) else ValueError)(
            f"`value` must be a number from {least} to {most}, which `dtype` {kind} can hold. "
            f"Received: value={value!r}"
        )


def _check_words(padding: str, truncating: str) -> None:
    for argument, given in (("truncating", truncating), ("padding", padding)):
        if not isinstance(given, str) or given not in ("pre", "post"):
            raise ValueError(
                f"`{argument}` must be 'pre' or 'post' ({argument.title()} type \"{given}\" not understood). "
                f"Received: {argument}={given!r}"
            )


def _fill(out: np.ndarray, rows: Sequence[Any], padding: str, truncating: str) -> None:
    """The general way, for strings, objects and items that are arrays themselves."""
    width = out.shape[1]
    for index, row in enumerate(rows):
        if not len(row):
            continue
        part = np.asarray(row[-width:] if truncating == "pre" else row[:width], dtype=out.dtype)
        if part.shape[1:] != out.shape[2:]:
            raise ValueError(
                f"Shape of sample {part.shape[1:]} of sequence at position {index} is different from "
                f"expected shape {out.shape[2:]}"
            )
        start = 0 if padding == "post" else width - len(part)
        out[index, start : start + len(part)] = part


def _pad_ragged(
    ragged: Ragged, maxlen: int | None, dtype: np.dtype, padding: str, truncating: str, value: Any
) -> np.ndarray:
    if dtype == np.int32 and isinstance(value, (int, float)) and int(value) == value:
        return ragged.to_padded(maxlen, padding, truncating, int(value))
    _check_words(padding, truncating)
    out = np.full((len(ragged), int(ragged.lengths.max()) if maxlen is None else maxlen), value, dtype)
    _fill(out, list(ragged), padding, truncating)
    return out


def pad_sequences(
    sequences: Sequence[Any] | Ragged,
    maxlen: int | None = None,
    dtype: npt.DTypeLike = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """An array (B, maxlen, ...) of sequences, cut to `maxlen` or filled up with `value`. As
    keras.utils.pad_sequences, with the same results.

    Parameters
    ----------
    sequences
        B sequences of ids (lists, tuples, arrays, encodings of `tokenizers`), or a Ragged.
    maxlen
        Columns; None takes the longest sequence.
    dtype
        Of the result; `object` or a string type for strings. Floats are truncated to integer types.
    padding, truncating
        "pre" or "post": where padding stands, where too long sequences are cut.
    value
        What to fill up with.

    Raises
    ------
    ValueError
        For another word, no sequences without `maxlen`, a negative `maxlen`, texts instead of ids or
        items of different shapes.
    OverflowError
        For an id that does not fit `dtype`.

    Examples
    --------
    >>> pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
    array([[0, 1],
           [2, 3],
           [5, 6]], dtype=int32)
    """
    kind = number_dtype("dtype", dtype, others="OUSc")
    if not hasattr(sequences, "__len__"):
        raise ValueError(
            f"`sequences` must be iterable and have a length. Received: sequences={type(sequences).__name__}"
        )
    if maxlen is None and not len(sequences):
        raise ValueError("`sequences` must not be empty without `maxlen`. Received: sequences=[]")
    maxlen = optional(integer, "maxlen", maxlen, 0)
    if isinstance(value, str) and kind.kind not in "OUS":
        raise ValueError(
            f"`dtype` {kind} cannot hold the padding value {value!r}; pass dtype=object for strings"
        )
    _check_value(value, kind)
    if isinstance(sequences, Ragged):
        return _pad_ragged(sequences, maxlen, kind, padding, truncating, value)
    rows = tuple(sequences)
    if rows and hasattr(rows[0], "ids"):
        rows = tuple(ids_of(row) for row in rows)
    longest, item_shape = _measure(rows, texts=kind.kind in "OUS")
    width = longest if maxlen is None else maxlen
    if longest:
        _check_words(padding, truncating)
        if width == 0 and truncating == "pre":
            raise ValueError(
                "`maxlen` must be at least 1 with truncating='pre', for a column of ids. Received: maxlen=0"
            )
    shape = (len(rows), width, *item_shape)
    zero = type(value) in (int, float) and value == 0 and kind.kind in "iuf"
    out = np.zeros(shape, kind) if zero else np.full(shape, value, kind)
    if item_shape or kind.kind not in "iuf" or not kind.isnative:
        _fill(out, rows, padding, truncating)
    else:
        try:
            _core.pad_rows(out, rows, padding == "post", truncating == "post")
        except (TypeError, ValueError):
            _refuse_items(rows)
            raise
    return out


def make_sampling_table(size: int, sampling_factor: float = 1e-5) -> npt.NDArray[np.float64]:
    """How likely `skipgrams` keeps the word of each rank, float64 (size,): frequent words less often. As
    keras.preprocessing.sequence.make_sampling_table.

    Frequencies follow Zipf's law, `1 / (rank · (ln rank + γ) + 1/2 − 1/(12 · rank))`, and a word of
    frequency f is kept with `min(1, sqrt(sampling_factor / f))` (Mikolov et al. 2013). Raises ValueError
    for a size below 1.

    >>> make_sampling_table(4).round(5)
    array([0.00315, 0.00315, 0.00548, 0.00742])
    """
    size = positive_integer("size", size)
    sampling_factor = finite_number("sampling_factor", sampling_factor, above=0)
    rank = np.maximum(np.arange(size), 1)
    inverse_frequency = rank * (np.log(rank) + 0.577) + 0.5 - 1.0 / (12.0 * rank)
    scaled = sampling_factor * inverse_frequency
    return np.minimum(1.0, scaled / np.sqrt(scaled))


def _positive_pairs(
    sequence: Sequence[int], window_size: int, sampling_table: Sequence[float] | None
) -> list[list[int]]:
    """[word, neighbour] for all words within `window_size` of each other; 0 is no word."""
    pairs: list[list[int]] = []
    for place, word in enumerate(sequence):
        if not word or (sampling_table is not None and sampling_table[word] < random.random()):
            continue
        begin = max(0, place - window_size)
        neighbours = [*sequence[begin:place], *sequence[place + 1 : place + window_size + 1]]
        pairs.extend([word, neighbour] for neighbour in neighbours if neighbour)
    return pairs


@checked
def skipgrams(
    sequence: Sequence[int],
    vocabulary_size: int,
    window_size: int = 4,
    negative_samples: float = 1.0,
    shuffle: bool = True,
    categorical: bool = False,
    sampling_table: Sequence[float] | None = None,
    seed: int | None = None,
) -> tuple[list[list[int]], list[Any]]:
    """Pairs of words with labels: neighbours (1) and random words (0), as word2vec's skip-gram trains on. As
    keras.preprocessing.sequence.skipgrams, with the same pairs for the same state of `random`.

    Parameters
    ----------
    sequence
        Ids of one text; 0 is no word and is left out.
    vocabulary_size
        Ids are below it.
    window_size
        Neighbours are at most so many places away.
    negative_samples
        Random pairs for each pair of neighbours.
    shuffle
        In random order; else neighbours first.
    categorical
        Labels are [0, 1] and [1, 0] instead of 1 and 0.
    sampling_table
        How likely each word is kept (`make_sampling_table`).
    seed
        Of the shuffling. As in Keras all else uses Python's `random` as it stands: call `random.seed`.

    Returns
    -------
    (pairs, labels).

    Raises
    ------
    ValueError
        For a vocabulary without words.

    Examples
    --------
    >>> skipgrams([1, 2, 3], vocabulary_size=4, window_size=1, negative_samples=0, shuffle=False)
    ([[1, 2], [2, 1], [2, 3], [3, 2]], [1, 1, 1, 1])
    """
    words_of_text = items("sequence", sequence)
    window_size = integer("window_size", window_size, 0)
    negative_samples = finite_number("negative_samples", negative_samples, least=0)
    seed = optional(integer, "seed", seed)
    if sampling_table is not None:
        table = numbers("sampling_table", sampling_table)
        if table.ndim != 1 or (words_of_text and max(words_of_text) >= len(table)):
            raise ValueError(
                f"`sampling_table` must have a number for each id. Received: shape {table.shape}, and the "
                f"largest id is {max(words_of_text, default=0)}"
            )
    if not all(isinstance(word, (int, np.integer)) for word in words_of_text):
        raise ValueError(f"`sequence` must hold integers, the ids of words. Received: sequence={sequence!r}")
    pairs = _positive_pairs(words_of_text, window_size, sampling_table)
    labels: list[Any] = [[0, 1] if categorical else 1 for _ in pairs]
    if negative_samples > 0:
        vocabulary_size = integer("vocabulary_size", vocabulary_size, 2)
        words = [pair[0] for pair in pairs]
        random.shuffle(words)
        drawn = int(len(pairs) * negative_samples)
        pairs += [[words[i % len(words)], random.randint(1, vocabulary_size - 1)] for i in range(drawn)]
        labels += [[1, 0] if categorical else 0 for _ in range(drawn)]
    if shuffle:
        if seed is None:
            seed = random.randint(0, 10_000_000)
        for part in (pairs, labels):
            random.seed(seed)
            random.shuffle(part)
    return pairs, labels
