"""One model, one thread at a time: a second thread is refused, not made to wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator


class Exclusive:
    """What a model inherits to refuse a second thread; the same thread may enter again (callbacks do)."""

    name: str

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: int | None = None

    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._owner == me:
            yield
            return
        self._acquire(me)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, me: int) -> None:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(
                f"Model {self.name!r} is in use by another thread; one model serves one thread at a time"
            )
        self._owner = me

    def _release(self) -> None:
        self._owner = None
        self._lock.release()
