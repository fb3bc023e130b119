"""Bytes that know which file they come from, so that an error about them can name it."""

from __future__ import annotations


class FileContents(bytes):
    """The bytes of the file `path`."""

    path: str = ""
