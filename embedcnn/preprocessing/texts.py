"""What every function that takes texts does first: refuse a single text, and cut long streams into blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from embedcnn.base.columns import as_list, is_missing
from embedcnn.ragged import Ragged, concatenate

__all__ = ["check_texts", "done", "encode_texts", "rows_of_ids", "text_blocks"]

COUNT_AS_EMPTY = 'Drop it, or let it count as empty (TextEncoder(missing="empty"))'
FILL_GAPS = 'Drop it, or give "" in its place; of a whole column of pandas: column.fillna("")'
STREAM_BLOCK = 8192  # texts taken at once from something that is no list


def check_texts(texts: Any) -> None:
    """Raises TypeError where `texts` is one text, or nothing to go through."""
    if isinstance(texts, (str, bytes, bytearray)):
        raise TypeError(
            f"`texts` must be a list of texts; did you mean [text]? Received: one {type(texts).__name__}"
        )
    if not isinstance(texts, Iterable) or isinstance(texts, dict):
        raise TypeError(f"`texts` must be a list of texts. Received: {type(texts).__name__}")


def text_blocks(
    texts: Iterable[Any],
    block: int = STREAM_BLOCK,
    missing: str = "error",
    remedy: str = COUNT_AS_EMPTY,
) -> Iterator[tuple[int, Sequence[Any]]]:
    """(number of the first text, texts) of a whole list or column, or block after block of anything else.

    `missing`: None, NaN and pandas' NA raise TypeError ("error"), whose message ends with `remedy`, or are
    empty texts ("empty").

    >>> list(text_blocks(iter(["a", None, "c"]), block=2, missing="empty"))
    [(0, ['a', '']), (2, ['c'])]
    """
    texts = as_list(texts)
    check_texts(texts)
    if isinstance(texts, (list, tuple)):
        yield 0, without_gaps("texts", texts, missing, remedy=remedy)
        return
    stream = iter(texts)
    first = 0
    while part := list(islice(stream, block)):
        yield first, without_gaps("texts", part, missing, first, remedy)
        first += len(part)


TEXTS = frozenset({str, list})


def without_gaps(
    name: str, texts: Sequence[Any], missing: str, first: int = 0, remedy: str = COUNT_AS_EMPTY
) -> Sequence[Any]:
    """The texts, missing ones as "" where `missing` is "empty"; TypeError that names the first one, and a
    remedy, where it is "error".

    >>> without_gaps("x", ["a", None], "error")
    Traceback (most recent call last):
    TypeError: x[1] is missing: None. Drop it, or let it count as empty (TextEncoder(missing="empty"))
    """
    if TEXTS.issuperset(map(type, texts)):
        return texts
    for number, text in enumerate(texts, first):
        if missing == "error" and is_missing(text):
            raise TypeError(f"{name}[{number}] is missing: {text!r}. {remedy}")
    return ["" if is_missing(text) else text for text in texts]


def rows_of_ids(sequences: Any) -> Iterator[Any]:
    """The sequences of ids, one after the other; TypeError for what is none, by its number."""
    if isinstance(sequences, Ragged):
        sequences = sequences.tolist()
    if isinstance(sequences, (str, bytes, dict)) or not isinstance(sequences, Iterable):
        raise TypeError(f"`sequences` must be a list of sequences of ids. Received: {sequences!r}")
    for number, row in enumerate(sequences):
        if (
            isinstance(row, (str, bytes, dict))
            or not isinstance(row, Iterable)
            or getattr(row, "ndim", 1) > 1
        ):
            raise TypeError(f"sequences[{number}] is a {type(row).__name__}; expected a sequence of integers")
        row = row.tolist() if isinstance(row, np.ndarray) else list(row)
        if not all(isinstance(one, (int, float, np.number)) and not isinstance(one, complex) for one in row):
            raise TypeError(f"sequences[{number}] must hold integers. Received: {row!r}")
        yield row


def encode_texts(table: Any, rules: Any, ids: np.ndarray, unknown: int, texts: Iterable[Any]) -> Ragged:
    """The ids of all texts by the core's table; TypeError where a list holds something else than str."""
    return concatenate(
        [
            Ragged._of(*done(table.encode(block, rules, ids, unknown, first), block, first))
            for first, block in text_blocks(texts)
        ]
    )


def done(result: Any, block: Sequence[Any], first: int) -> Any:
    """What the core returned for a block, or TypeError where it found a list with something else than str."""
    if result is None or result is False:
        for number, text in enumerate(block, first):
            for place, token in enumerate(text if isinstance(text, list) else ()):
                if not isinstance(token, str):
                    raise TypeError(f"texts[{number}][{place}] is a {type(token).__name__}; expected str")
    return result
