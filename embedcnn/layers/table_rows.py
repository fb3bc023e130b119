"""Rows of a table that learn and rows that rest: how they are given, kept and stored.

Kept is a mask for each row, uint8 as the core reads it; a file holds the runs of rows that learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def row_mask(argument: str, rows: Any, count: int) -> np.ndarray | None:
    """Which of `count` rows learn, uint8 [count]: from a mask of bool, from ids, or from
    `{"runs": [[first, end], ...]}`; None: all of them.

    Raises TypeError for anything else, ValueError for a mask of another length and ids outside the table.

    >>> row_mask("rows", [0, 3], 4).tolist(), row_mask("rows", {"runs": [[1, 3]]}, 4).tolist()
    ([1, 0, 0, 1], [0, 1, 1, 0])
    """
    if rows is None:
        return None
    if isinstance(rows, dict) and set(rows) == {"runs"}:
        rows = [row for first, end in rows["runs"] for row in range(first, end)]
    given = np.asarray(rows)
    if given.size == 0 and given.ndim == 1:
        given = given.astype(np.int64) if given.dtype != bool else given
    if given.ndim != 1 or given.dtype.kind not in "biu":
        raise TypeError(
            f"`{argument}` must be a mask of {count} bools, a list of row numbers, or None for all rows. "
            f"Received: {_kind(rows, given)}"
        )
    if given.dtype == bool:
        if len(given) != count:
            raise ValueError(
                f"`{argument}` as a mask must have a bool for each of the {count} rows. Received: "
                f"{len(given)} bools"
            )
        return given.astype(np.uint8)
    outside = (given < 0) | (given >= count)
    if outside.any():
        at = int(np.argmax(outside))
        raise ValueError(
            f"`{argument}` must hold rows of the table, which has {count}: 0 to {count - 1}. Received: "
            f"{argument}[{at}] = {given[at]}"
        )
    mask = np.zeros(count, np.uint8)
    mask[given] = 1
    return mask


def _kind(rows: Any, given: np.ndarray) -> str:
    if given.dtype == object or not given.ndim:
        return f"{rows!r}"[:200]
    return f"an array of shape {given.shape} and dtype {given.dtype}"


def runs_of(mask: np.ndarray) -> dict[str, list[list[int]]]:
    """The runs of rows that learn, as a file holds them.

    >>> runs_of(np.array([1, 1, 0, 1], np.uint8))
    {'runs': [[0, 2], [3, 4]]}
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return {"runs": edges.reshape(-1, 2).tolist()}


def row_number(argument: str, row: Any, count: int) -> int | None:
    """The number of one row, negative ones counted from the end; None stays None.

    Raises TypeError for anything but an integer, ValueError for one outside the table.
    """
    if row is None:
        return None
    if isinstance(row, (bool, np.bool_)) or not isinstance(row, (int, np.integer)):
        raise TypeError(f"`{argument}` must be the number of a row, or None. Received: {argument}={row!r}")
    if not -count <= row < count:
        raise ValueError(
            f"`{argument}` must be in [{-count}, {count}): the table has {count} rows. Received: "
            f"{argument}={row}"
        )
    return int(row) % count
