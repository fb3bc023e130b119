"""One model, one thread at a time: a second thread is refused, not made to wait."""

from __future__ import annotations

import threading
from typing import Any


class ExclusiveUse:
    """A context that one thread at a time may be in; that thread may enter again (callbacks do).

    RuntimeError for a second one. The lock knows its owner: taking it and saying whose it is are one step.
    """

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        if not self._lock.acquire(False):
            raise RuntimeError(
                f"Model {self._model.name!r} is in use by another thread; one model serves one thread at a "
                "time"
            )

    def __exit__(self, *_: object) -> None:
        self._lock.release()
