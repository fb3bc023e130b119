"""What fastText's training reads: a file of labelled lines, or texts with their labels, as bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from . import files

BLANK = re.compile(r"[ \t\n\v\f\r\0]")
BLANKS_OF_LINES = str.maketrans("\n", " ")
UNLABELLED = object()
"""The labels of texts that have none."""


def text_of(input: Any, labels: Any, prefix: str) -> Any:
    """Lines of fastText's format, bytes-like: of the file `input`, or of the texts `input` and `labels`."""
    if isinstance(input, (str, os.PathLike)):
        if labels is not None and labels is not UNLABELLED:
            raise ValueError(
                "`labels` belong to a list of texts; a file names them in each of its lines. "
                f"Received: input={input!r} and labels"
            )
        return files.contents(input)
    if isinstance(input, (bytes, bytearray, memoryview)) or not isinstance(input, Iterable):
        raise TypeError(
            f"`input` must be the path of a file, or a list of texts. Received: {type(input).__name__}"
        )
    texts = list(input)
    if labels is UNLABELLED:
        lines = [_unlabelled(text, number) for number, text in enumerate(texts)]
        return "".join(lines).encode("utf-8", "surrogateescape")
    if labels is None:
        raise ValueError("`labels` must be given with a list of texts: one, or a list of them, for each")
    of_texts = list(labels)
    if len(of_texts) != len(texts):
        raise ValueError(
            f"`labels` must be as many as there are texts, {len(texts)}. Received: {len(of_texts)}"
        )
    lines = [_line(texts[i], of_texts[i], prefix, i) for i in range(len(texts))]
    return "".join(lines).encode("utf-8", "surrogateescape")


def _unlabelled(text: Any, number: int) -> str:
    """A text, or a list of its words, as a line."""
    if isinstance(text, (list, tuple)):
        for place, word in enumerate(text):
            if not isinstance(word, str) or not word or BLANK.search(word):
                raise ValueError(
                    f"input[{number}] must be a text, or a list of words without blanks. "
                    f"Received: input[{number}][{place}] = {word!r}"
                )
        return " ".join(text) + "\n"
    if not isinstance(text, str):
        raise TypeError(
            f"`input` must be a list of str or of lists of words. Received: input[{number}] = {text!r}"
        )
    return text.translate(BLANKS_OF_LINES) + "\n"


def _line(text: Any, labels: Any, prefix: str, number: int) -> str:
    if not isinstance(text, str):
        raise TypeError(f"`input` must be a list of str. Received: input[{number}] = {text!r}")
    if prefix in text and any(word.startswith(prefix) for word in BLANK.split(text)):
        raise ValueError(
            f"input[{number}] has a word that begins with {prefix!r}, as labels do; give another `label`. "
            f"Received: {text[:80]!r}"
        )
    names = [labels] if isinstance(labels, (str, int)) or not isinstance(labels, Iterable) else labels
    return (
        " ".join([*(_label(name, prefix, number) for name in names), text.translate(BLANKS_OF_LINES)]) + "\n"
    )


def _label(name: Any, prefix: str, number: int) -> str:
    written = str(name)
    if not written or BLANK.search(written):
        raise ValueError(f"labels[{number}] must be a name without blanks. Received: {name!r}")
    return written if written.startswith(prefix) else prefix + written
