"""What fastText's training says on stderr."""

from __future__ import annotations

import sys
import time


class TrainingProgress:
    """fastText's line on stderr."""

    def __init__(self, threads: int) -> None:
        self.threads, self.start, self.shown = threads, time.monotonic(), False

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """Ends the line where an error ends the training, so that what is said of it has its own."""
        if kind is not None and self.shown:
            print(file=sys.stderr, flush=True)

    def __call__(self, tokens: int, total: int, rate: float, loss: float) -> bool:
        self.show(tokens, total, rate, loss)
        return False

    def show(self, tokens: int, total: int, rate: float, loss: float, end: str = "") -> None:
        """Writes it."""
        self.shown = True
        seconds = time.monotonic() - self.start
        done = min(tokens / max(total, 1), 1.0)
        left = int(seconds * (1 - done) / done) if done else 0
        speed = tokens / max(seconds, 1e-9) / self.threads
        print(
            f"\rProgress: {100 * done:5.1f}% words/sec/thread: {speed:7.0f} lr: {rate:9.6f} "
            f"avg.loss: {loss:9.6f} ETA: {left // 3600:3d}h{left // 60 % 60:2d}m{left % 60:2d}s",
            end=end,
            file=sys.stderr,
            flush=True,
        )
