"""What every function that takes texts does first: refuse a single text, and cut long streams into blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

__all__ = ["check_texts", "text_blocks"]

STREAM_BLOCK = 8192  # texts taken at once from something that is no list


def check_texts(texts: Any) -> None:
    """Raises TypeError where ``texts`` is one text, or nothing to go through."""
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
