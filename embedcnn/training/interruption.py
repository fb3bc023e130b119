"""Ctrl-C between steps: a signal that arrives within a training step waits until the step and its bookkeeping
are whole.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class WholeSteps:
    """Within this context a step between `inside = True` and `leave()` is never cut by Ctrl-C."""

    def __init__(self) -> None:
        self.inside = False
        self._pending = False
        self._before: Any = None

    def __enter__(self) -> WholeSteps:
        if threading.current_thread() is threading.main_thread():
            handler = signal.getsignal(signal.SIGINT)
            if handler is signal.default_int_handler:
                self._before = handler
                signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.inside:
            self._pending = True
        else:
            raise KeyboardInterrupt

    def leave(self) -> None:
        """The step is whole; raises KeyboardInterrupt if a signal waits."""
        self.inside = False
        if self._pending:
            self._pending = False
            raise KeyboardInterrupt
