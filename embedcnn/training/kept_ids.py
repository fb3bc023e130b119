"""Ids of raw texts, made in the first pass over them and kept for the passes that follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..ragged import Ragged, concatenate
from ..text.rows import TextRows

KEPT_BYTES = 1 << 30  # of larger data sets nothing is kept: each pass makes the ids of its texts anew


class KeptIds:
    """The batches of TextRows, whose ids are made once as long as nothing that decides them changes.

    Texts are encoded anew where a function of the user takes part, which may give other ids each time, and
    where what is made of them are not ids. `take` is called by one thread at a time.
    """

    def __init__(self, rows: TextRows) -> None:
        self._rows = rows
        self._keeps = True
        self._forget(rows.settings())

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def complete(self) -> bool:
        """Whether the ids of all texts are there."""
        return self._whole is not None and self._rows.settings() == self._settings

    def take(self, index: Any) -> Any:
        """The ids of the texts of `index` (an array or a slice)."""
        settings = self._rows.settings()
        if settings != self._settings:
            self._forget(settings)
        if self._whole is not None:
            return self._whole[index]
        ids = self._rows.encoded(index)
        if self._keeps and settings is not None:
            self._keep(np.arange(len(self))[index], ids)
        return ids

    def _forget(self, settings: Any) -> None:
        self._settings = settings
        self._whole: Any = None
        self._parts: list[Any] = []
        self._bytes = self._kept = 0
        self._place = np.full(len(self), -1, np.int64)  # of each text in the parts

    def _keep(self, numbers: np.ndarray, ids: Any) -> None:
        """Adds a batch; the last that was missing makes the whole."""
        new = self._place[numbers] < 0
        if not new.any():
            return
        ragged = isinstance(ids, Ragged)
        self._bytes += ids.ids.nbytes + ids.offsets.nbytes if ragged else ids.nbytes
        if not ragged and ids.dtype.kind not in "iu" or self._bytes > KEPT_BYTES or not self._alike(ids):
            self._keeps = False
            self._forget(self._settings)
            return
        self._parts.append(ids)
        self._place[numbers] = np.arange(self._kept, self._kept + len(numbers))
        self._kept += len(numbers)
        if self._place.min() >= 0:
            parts, self._parts = self._parts, []
            whole = concatenate(parts) if ragged else np.concatenate(parts)
            del parts
            in_order = np.array_equal(self._place, np.arange(len(self)))
            self._whole = whole if in_order else whole[self._place]

    def _alike(self, ids: Any) -> bool:
        """Whether a batch can stand behind those before."""
        first = self._parts[0] if self._parts else ids
        if isinstance(ids, Ragged) or isinstance(first, Ragged):
            return type(ids) is type(first)
        return bool(ids.shape[1:] == first.shape[1:] and ids.dtype == first.dtype)
