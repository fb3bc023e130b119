"""Files whose pages serve as memory: whether another process has changed one since it was mapped.

The system ends a process (SIGBUS) that reads a page behind the end of a mapped file. So what reads one asks
here first, by the descriptor: another file may have the name by now, which does no harm.
"""

from __future__ import annotations

import os
import weakref

from .errors import VectorFileError

CHANGED = "another process has cut the file short or written over it while it was mapped; load it again"
OF_VECTORS = " (cache_copy=True of load keeps vectors in memory of their own)"
HEADER_BYTES = 4096


class MappedFile:
    """An open file with the facts that must not change while it is mapped."""

    def __init__(self, path: str, descriptor: int, advice: str = OF_VECTORS) -> None:
        self.path, self.advice = path, advice
        self.descriptor = os.dup(descriptor)
        weakref.finalize(self, os.close, self.descriptor)
        facts = os.fstat(self.descriptor)
        self.size, self.time = facts.st_size, facts.st_mtime_ns
        self.header = os.pread(self.descriptor, HEADER_BYTES, 0)

    def check(self) -> None:
        """VectorFileError where the file was cut short, or its header (of a cache file: with the checksums of
        all that follows) written over.
        """
        facts = os.fstat(self.descriptor)
        if facts.st_size != self.size:
            raise VectorFileError(self.path, CHANGED + self.advice)
        if facts.st_mtime_ns != self.time:
            if os.pread(self.descriptor, HEADER_BYTES, 0) != self.header:
                raise VectorFileError(self.path, CHANGED + self.advice)
            self.time = facts.st_mtime_ns
