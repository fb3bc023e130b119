"""Memory of models that nobody uses any more, which Python alone would keep for long.

A model goes with its last name, and its programs with it (unkept.py). Its layers, their weights and their
calls refer to each other, so that these arrays go when Python's collector finds the circle; but the collector
counts objects, of which a model has few, and not bytes. A service that loads a new table of 200 MB every
hour, or a search that makes a model for each setting, would hold many of them.
"""

from __future__ import annotations

import gc

ROOM = 64 << 20
"""Bytes of weights that are made between two collections: making so many takes longer than one."""


class _Made:
    bytes = 0


def make_room(size: int) -> None:
    """Counts `size` bytes that a model takes, and after 64 MB of them has Python free what nobody uses; not
    where the program has switched the collector off.
    """
    _Made.bytes += size
    if _Made.bytes >= ROOM and gc.isenabled():
        _Made.bytes = 0
        gc.collect()
