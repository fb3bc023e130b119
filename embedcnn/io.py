"""Bytes of files, with tf.io's names: what stands before `image.decode_jpeg` in an input pipeline."""

from __future__ import annotations

import os

from .base.checked import checked
from .base.file_contents import FileContents


@checked
def read_file(filename: str | os.PathLike[str]) -> FileContents:
    """All bytes of a file, which remember its path for the messages of whoever decodes them. As
    tf.io.read_file.

    Raises TypeError unless `filename` is a path, FileNotFoundError where there is no such file.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp(), "bytes")
    >>> _ = path.write_bytes(b"123")
    >>> read_file(path)
    b'123'
    """
    if not isinstance(filename, (str, bytes, os.PathLike)):
        raise TypeError(f"`filename` must be a path. Received: filename={filename!r}")
    with open(filename, "rb", buffering=0) as file:  # all at once, without a copy
        contents = FileContents(file.read())
    contents.path = os.fsdecode(filename)
    return contents
