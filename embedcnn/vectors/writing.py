"""Writes vectors in the formats that other programs read; the numbers read back unchanged."""

from __future__ import annotations

import os
from typing import IO

import numpy as np

from embedcnn.base.arguments import unknown_name
from embedcnn.base.checked import checked
from embedcnn.base.replacement import replacing

from .word_vectors import WordVectors

__all__ = ["OUTPUT_FORMATS", "write"]

OUTPUT_FORMATS = ("cache", "glove", "word2vec", "word2vec_binary", "npz")


@checked
def write(vectors: WordVectors, path: str | os.PathLike[str], format: str = "word2vec") -> None:
    """Writes vectors as "glove" or "word2vec" text, "word2vec_binary", "npz" or "cache".

    The file appears under its name only when it is complete. Raises ValueError for another format, and for
    words that the format cannot hold (a newline; in binary files a blank or a newline at the begin).

    Example
    -------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "small.txt")
    >>> write(WordVectors(["a"], np.array([[0.1, 2]], np.float32)), path, "word2vec")
    >>> open(path).read()
    '1 2\\na 0.1 2\\n'
    """
    if not hasattr(vectors, "vector_size"):
        raise TypeError(f"`vectors` must be WordVectors. Received: vectors={vectors!r}")
    if not isinstance(format, str) or format not in OUTPUT_FORMATS:
        raise unknown_name("format", format, OUTPUT_FORMATS)
    if format == "cache":
        vectors.save(path)
        return
    check_words(vectors, format)
    with replacing(path) as file:
        if format == "npz":
            np.savez(file, vectors=vectors.vectors, words=np.array(vectors.index_to_key, dtype=np.str_))
        elif format == "word2vec_binary":
            write_binary(vectors, file)
        else:
            write_text(vectors, file, header=format == "word2vec")


def check_words(vectors: WordVectors, format: str) -> None:
    """Refuses words that would be read back as something else."""
    for word in vectors:
        plain = word.strip(" \t\r\n") == word and "\n" not in word and word
        if format == "npz":
            if word.endswith("\0"):
                raise ValueError(f"the word {word!r} cannot be written as npz: NumPy drops zeros at its end")
        elif not plain or (format == "word2vec_binary" and " " in word):
            raise ValueError(f"the word {word!r} cannot be written as {format}")


def write_text(vectors: WordVectors, file: IO[bytes], header: bool) -> None:
    """One line per word: 9 significant digits tell every float32 from all others, 5 every float16."""
    if header:
        file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
    form = (" %.5g" if vectors.vectors.dtype == np.float16 else " %.9g") * vectors.vector_size
    brief = " %.6g" * vectors.vector_size
    for word, row in zip(vectors, vectors.vectors, strict=True):
        numbers = tuple(row.tolist())
        text = brief % numbers  # what most files hold has few digits; the long form only where they do not do
        if not np.array_equal(np.array(text.split(), row.dtype), row):
            text = form % numbers
        file.write(f"{word}{text}\n".encode())


def write_binary(vectors: WordVectors, file: IO[bytes]) -> None:
    """word2vec's binary records, as its own program writes them."""
    file.write(f"{len(vectors)} {vectors.vector_size}\n".encode())
    for word, row in zip(vectors, vectors.vectors, strict=True):
        file.write(word.encode() + b" " + row.astype("<f4").tobytes() + b"\n")
