"""Files that are written whole or not at all: models, vectors, vocabularies.

What is written goes to a temporary name in the same folder, is synced to the disk, and then takes the place
of the old file in one step, so that a killed save leaves the old file. A writer holds a lock on its temporary
file: one without is what a killed process left, wherever that ran. Devices and pipes are written into.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO

from .pipes import is_pipe

try:
    import fcntl
except ImportError:  # Windows: only the age of a file tells
    fcntl = None  # type: ignore[assignment]

STALE_SECONDS = 24 * 3600
"""Age of a temporary file that is taken for left behind where the file system has no locks."""

_names = random.SystemRandom()


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str], overwrite: bool = True) -> Iterator[BinaryIO]:
    """A file to write that takes the name `path` only when the block ends without an exception, synced to the
    disk; with the mode and the owner of the file that it replaces.

    Raises IsADirectoryError for a folder, FileExistsError without `overwrite` where the file exists,
    FileNotFoundError for an empty name and where the folder is missing, PermissionError for a file that is
    read-only. A device or a pipe gets all that was written when the block ends.

    >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> with replacing(path) as file:
    ...     _ = file.write(b"1 2 3")
    >>> open(path).read()
    '1 2 3'
    """
    if not os.fspath(path):
        raise FileNotFoundError(errno.ENOENT, "The name of a file to write must not be empty", "")
    target = os.path.realpath(os.fspath(path))
    if os.path.isdir(target):
        raise IsADirectoryError(f"filepath={os.fspath(path)!r} is a directory")
    if is_pipe(os.fspath(path)):  # not its real path: that of /dev/stdout names no file
        with tempfile.TemporaryFile() as held:
            yield held
            held.seek(0)
            with open(path, "wb") as device:
                shutil.copyfileobj(held, device)
        return
    if not overwrite and os.path.exists(target):
        raise FileExistsError(f"filepath={os.fspath(path)!r} exists, and overwrite=False")
    folder, name = os.path.split(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "There is no such folder to write to", folder)
    before = os.stat(target) if os.path.exists(target) else None
    if before is not None and not (before.st_mode & 0o222 and os.access(target, os.W_OK)):
        raise PermissionError(errno.EACCES, "The file is read-only", os.fspath(path))
    remove_stale(target)
    temporary = ""
    try:
        temporary, file = _locked_file(folder, name)
        with file:
            yield file
            file.flush()
            if before is not None:
                _take_after(temporary, before)
            os.fsync(file.fileno())
            if fcntl is not None:  # while the lock is held
                os.replace(temporary, target)
        if fcntl is None:
            os.replace(temporary, target)
    except BaseException as error:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        if isinstance(error, OSError) and error.filename in (temporary, _pattern(folder, name)):
            raise type(error)(error.errno, error.strerror, os.fspath(path)) from None
        raise
    _sync_folder(folder)


def _pattern(folder: str, name: str) -> str:
    return os.path.join(folder, f".{name}.*.tmp")


def _locked_file(folder: str, name: str) -> tuple[str, BinaryIO]:
    """A new temporary file, with its path, that this process has locked."""
    while True:
        temporary = os.path.join(folder, f".{name}.{os.getpid()}.{_names.randrange(10**9)}.tmp")
        try:
            file = open(temporary, "xb")  # noqa: SIM115 - the caller closes it
        except FileExistsError:
            continue
        except OSError as error:
            error.filename = _pattern(folder, name)
            raise
        if fcntl is None:
            return temporary, file
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(file, fcntl.LOCK_EX)
        with contextlib.suppress(OSError):  # somebody who cleaned up took it before it was locked
            if os.stat(temporary).st_ino == os.fstat(file.fileno()).st_ino:
                return temporary, file
        file.close()


def _take_after(path: str, before: os.stat_result) -> None:
    """Mode and owner of the file that was there, as far as this process may set them."""
    with contextlib.suppress(OSError):
        if hasattr(os, "chown") and (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
            os.chown(path, before.st_uid, before.st_gid)
    with contextlib.suppress(OSError):
        os.chmod(path, stat.S_IMODE(before.st_mode))


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
            if entry == f".{name}.{numbers}.tmp" and re.fullmatch(r"[0-9]+(\.[0-9]+)?", numbers):
                with contextlib.suppress(OSError):
                    _remove_unless_locked(os.path.join(folder, entry))


def _remove_unless_locked(path: str) -> None:
    with open(path, "rb") as file:
        try:
            if fcntl is None:
                raise OSError(errno.ENOTSUP, "no locks")
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its writer lives
            return
        except OSError:
            if time.time() - os.fstat(file.fileno()).st_mtime < STALE_SECONDS:
                return
        os.unlink(path)
