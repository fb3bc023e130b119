"""What can be wrong with a file of vectors, in words: the core reports codes, users read messages."""

from __future__ import annotations

import os

__all__ = ["StaleCacheError", "VectorFileError"]


class VectorFileError(ValueError):
    """A file of vectors is not what it should be; the message names the file, the line and the reason.

    Example
    -------
    >>> str(VectorFileError("a.txt", "the word is missing", line=3))
    'a.txt, line 3: the word is missing'
    """

    def __init__(
        self, path: str | os.PathLike[str], reason: str, line: int | None = None, unit: str = "line"
    ) -> None:
        self.path = os.fspath(path)
        self.reason = reason
        self.line = line
        where = self.path if line is None else f"{self.path}, {unit} {line}"
        super().__init__(f"{where}: {reason}")

    def __reduce__(self) -> tuple:
        return (ValueError, (str(self),))


class StaleCacheError(VectorFileError):
    """The file that a cache was made from has changed since."""


# Codes of csrc/vectors/reader.h (enum ec_fault).
BLANK, FIELDS, NUMBER, NOT_FINITE, RANGE, NO_WORD, UTF8, DUPLICATE, TRUNCATED, LONG_WORD, LONG_RECORD = range(
    1, 12
)


def shown(text: bytes) -> str:
    """A field or word from a file, as it is quoted in a message."""
    characters = text.decode("utf-8", "backslashreplace")
    plain = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in characters)
    return "'" + "".join(plain) + "'"


def describe_fault(fault: tuple[int, int, int, int, bytes], dimensions: int, dtype: str) -> str:
    """The reason in words. `fault` = (code, line, field, found, text) as the core reports it."""
    code, _, field, found, text = fault
    plural = "number" if dimensions == 1 else "numbers"
    reasons = {
        BLANK: "the line is blank, but more lines follow",
        FIELDS: f"a word and {dimensions} {plural} expected, found {found + 1} fields: {shown(text)}",
        NUMBER: f"field {field} of the vector is {shown(text)}, which is not a number",
        NOT_FINITE: f"number {field} of the vector is not finite ({shown(text)})",
        RANGE: f"number {field} of the vector is too large for {dtype} ({shown(text)})",
        NO_WORD: "the word is missing",
        UTF8: f"the word {shown(text)} is not UTF-8 (byte {found} of it); see unicode_errors=",
        DUPLICATE: f"the word {shown(text)} was there before; see duplicates=",
        TRUNCATED: f"the file ends within the record (its word starts with {shown(text)})",
        LONG_WORD: f"the word is longer than 65536 bytes ({shown(text)}...)",
        LONG_RECORD: "the line is longer than 64 MiB",
    }
    return reasons[code]
