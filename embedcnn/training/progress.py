"""What fit, evaluate and predict show: a tqdm bar (verbose=1), a line per epoch (verbose=2) or nothing
(verbose=0).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def checked_verbose(verbose: Any) -> int:
    """0, 1 or 2; "auto" means 1, as in Keras."""
    if verbose == "auto":
        return 1
    if verbose not in (0, 1, 2):
        raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'. Received: verbose={verbose!r}")
    return int(verbose)


def described(logs: dict[str, float]) -> str:
    """loss: 0.6931 - accuracy: 0.5000."""
    return " - ".join(f"{name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    if getattr(value, "ndim", 0):  # a metric per class
        return f"[{', '.join(map(_shown, value.ravel()))}]"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"


class Progress:
    """One pass over batches: `step(count, logs)` after each, `close(logs)` at the end."""

    def __init__(self, verbose: int, steps: int | None, title: str = "") -> None:
        self.verbose, self.steps, self.title = verbose, steps, title
        self.amount = self.batches = 0
        self.unit = "examples"
        self.started = time.perf_counter()
        self._next_look = 0.0
        self._bar: Any = None
        if verbose == 1:
            from tqdm.auto import tqdm

            self._bar = tqdm(total=steps, desc=title or None, unit="batch", mininterval=0.2)
        elif verbose == 2 and title:
            print(title)

    def step(
        self,
        amount: int,
        logs: Callable[[], dict[str, float]] | None = None,
        unit: str = "examples",
        batches: int = 1,
    ) -> None:
        """Counts a batch of so many examples or tokens (or several, done as one); the bar is told the means a
        few times a second.
        """
        self.batches += batches
        self.amount += amount
        self.unit = unit
        if self._bar is None:
            return
        self._bar.update(batches)
        now = time.perf_counter()
        if now >= self._next_look:
            self._next_look = now + 0.2
            self._bar.set_postfix_str(self._text(logs() if logs else {}), refresh=False)

    def close(self, logs: dict[str, float] | None = None) -> None:
        """Shows the final means."""
        if self._bar is not None:
            if logs is not None:
                self._bar.set_postfix_str(self._text(logs), refresh=False)
            self._bar.close()
            self._bar = None
        elif self.verbose == 2 and logs is not None:
            seconds = time.perf_counter() - self.started
            per_step = seconds / max(1, self.batches)
            unit = f"{per_step * 1e3:.0f}ms" if per_step >= 1e-3 else f"{per_step * 1e6:.0f}us"
            print(
                f"{self.batches}/{self.steps or self.batches} - {seconds:.0f}s - {unit}/step - "
                f"{self._text(logs)}"
            )

    def _text(self, logs: dict[str, float]) -> str:
        rate = self.amount / max(1e-9, time.perf_counter() - self.started)
        return " - ".join(part for part in (described(logs), f"{rate:,.0f} {self.unit}/s") if part)
