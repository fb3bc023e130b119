"""What every function that takes texts does first: refuse a single text, and cut long streams into blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from embedcnn.ragged import Ragged, concatenate

__all__ = ["check_texts", "done", "encode_texts", "text_blocks"]

STREAM_BLOCK = 8192  # texts taken at once from something that is no list


def check_texts(texts: Any) -> None:
    """Raises TypeError where `texts` is one text, or nothing to go through."""
    if isinstance(texts, (str, bytes, bytearray)):
        raise TypeError(f"expected a list of texts, got one {type(texts).__name__}; did you mean [text]?")
    if not isinstance(texts, Iterable):
        raise TypeError(f"expected a list of texts, got {type(texts).__name__}")
    shape = getattr(texts, "shape", None)
    if isinstance(shape, tuple) and len(shape) != 1:
        raise TypeError(f"expected a list of texts, got an array of shape {shape}; pass a vector (ravel)")


def text_blocks(texts: Iterable[Any], block: int = STREAM_BLOCK) -> Iterator[tuple[int, Sequence[Any]]]:
    """(number of the first text, texts) of the whole list, or block after block of anything else.

    >>> list(text_blocks(iter(["a", "b", "c"]), block=2))
    [(0, ['a', 'b']), (2, ['c'])]
    """
    check_texts(texts)
    if hasattr(texts, "tolist"):  # arrays and pandas' Series
        texts = texts.tolist()
    if isinstance(texts, (list, tuple)):
        yield 0, texts
        return
    stream = iter(texts)
    first = 0
    while part := list(islice(stream, block)):
        yield first, part
        first += len(part)


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
