"""Files that give their bytes only once: pipes (`<(cat data)`, a FIFO), sockets, terminals.

Opened a second time they give what is left, or wait for ever. Readers ask `is_pipe` before they open, and
read such a file once or refuse it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any


def is_pipe(path: str | bytes | os.PathLike[Any]) -> bool:
    """Whether there is something of this name that is neither a regular file nor a folder.

    >>> is_pipe(os.devnull), is_pipe("no such file")
    (True, False)
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


class PipeContents(type(Path())):  # type: ignore[misc]
    """The path of a pipe, with all that it gave: `data`. Reading takes it from there."""

    data: bytes


def read_pipe(path: str | os.PathLike[str]) -> PipeContents:
    """A pipe, read to its end."""
    contents = PipeContents(path)
    with open(path, "rb") as file:
        contents.data = file.read()
    return contents
