"""Arrays whose numbers lie in a mapped file: whether the file is still as long as it was.

The system ends a process (SIGBUS) that reads a page behind the end of a mapped file, so what reads such an
array asks here first. Between the question and the reading another process may still cut the file short.
"""

from __future__ import annotations

import mmap

import numpy as np


def pages_of(array: np.ndarray) -> mmap.mmap | None:
    """The mapped file that the numbers of an array lie in, or None."""
    owner: object = array.base
    while isinstance(owner, (np.ndarray, memoryview)):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if type(owner) is mmap.mmap else None  # memory of no file is arrays.Pages


def check_pages(name: str, pages: mmap.mmap | None) -> None:
    """ValueError that names what is read where the file has been cut short since it was mapped."""
    if pages is not None and pages.size() < len(pages):
        raise ValueError(
            f"{name} lies in a file that another process has cut short while it was mapped: {pages.size()} "
            f"bytes are left of {len(pages)}; load it again"
        )
