"""Files that are written whole or not at all: models, vectors, vocabularies.

What is written goes to a temporary name in the same folder, is synced to the disk, and then takes the place
of the old file in one step, so that a killed save leaves the old file.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
from collections.abc import Iterator
from typing import BinaryIO

_numbers = itertools.count(1)  # threads may write the same file at once


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], overwrite: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the name `path` only when the block ends without an exception, synced to the
    disk.

    Raises IsADirectoryError for a folder, FileExistsError without `overwrite` where the file exists, and
    FileNotFoundError where the folder for it is missing.

    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> with replacing(path) as file:
    ...     _ = file.write(b"1 2 3")
    >>> open(path).read()
    '1 2 3'
    """
    target = os.path.realpath(os.fspath(path))
    if os.path.isdir(target):
        raise IsADirectoryError(f"filepath={os.fspath(path)!r} is a directory")
    if not overwrite and os.path.exists(target):
        raise FileExistsError(f"filepath={os.fspath(path)!r} exists, and overwrite=False")
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to write to", folder)
    remove_stale(target)
    temporary = os.path.join(folder, f".{name}.{os.getpid()}.{next(_numbers)}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Makes the new name last; file systems that cannot sync a folder are left alone."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def remove_stale(path: str) -> None:
    """Removes what killed processes left behind when they wrote this file."""
    folder, name = os.path.split(os.path.realpath(path))
    with contextlib.suppress(OSError):
        for entry in os.listdir(folder):
            numbers = entry.removeprefix(f".{name}.").removesuffix(".tmp")
            process = numbers.partition(".")[0]
            if entry != f".{name}.{numbers}.tmp" or not re.fullmatch(r"[0-9]+(\.[0-9]+)?", numbers):
                continue
            if int(process) == os.getpid():
                continue
            try:
                os.kill(int(process), 0)
            except ProcessLookupError:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, entry))
            except (OSError, OverflowError):
                continue
