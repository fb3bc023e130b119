"""What fit, evaluate and predict show. verbose=1: a bar as wide as the terminal, in notebooks a bar that
leaves its last line behind, one line an epoch where nobody watches (a pipe, a file); verbose=2: a line per
epoch; verbose=0: nothing. Numbers stand before the bar: what does not fit is the bar, the speed, the time.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from ..base.processes import is_first

LOOK = 0.2  # seconds between two looks at the numbers
TAIL = 26  # columns of a short bar with the time behind it, without which numbers stand alone


def checked_verbose(verbose: Any) -> int:
    """0, 1 or 2; "auto" means 1, as in Keras."""
    if isinstance(verbose, str) and verbose == "auto":
        return 1
    if getattr(verbose, "ndim", 0) or verbose not in (0, 1, 2):
        raise ValueError(f"`verbose` must be 0, 1, 2 or 'auto'. Received: verbose={verbose!r}")
    return int(verbose)


def shown_here(verbose: Any) -> int:
    """How much this process shows: of several the first alone."""
    show = checked_verbose(verbose)
    return show if is_first() else 0


def described(logs: dict[str, float]) -> str:
    """loss: 0.6931 - accuracy: 0.5000."""
    return " - ".join(f"{name}: {_shown(value)}" for name, value in logs.items())


def _shown(value: Any) -> str:
    if getattr(value, "ndim", 0):  # a metric per class
        return f"[{', '.join(map(_shown, value.ravel()))}]"
    return f"{value:.4f}" if abs(value) >= 1e-3 or value == 0 else f"{value:.4e}"


def fitted(logs: dict[str, float], room: int) -> str:
    """The numbers in `room` columns: as `described`, else shorter, else the most important of them: those of
    validation before the loss, and this before others; metrics per class last.

    >>> logs = {"accuracy": 0.51234, "loss": 0.69315, "val_accuracy": 0.5, "val_loss": 0.7}
    >>> fitted(logs, 64)
    'accuracy 0.512, loss 0.693, val_accuracy 0.500, val_loss 0.700'
    >>> fitted(logs, 40)
    'val_accuracy 0.500, val_loss 0.700'
    """
    text = described(logs)
    if len(text) <= room:
        return text
    pieces = {name: f"{name} {_short(value)}" for name, value in logs.items()}
    order = sorted(
        pieces, key=lambda name: (_per_class(logs[name]), not name.startswith("val_"), name != "loss")
    )
    left = room
    kept: set[str] = set()
    for name in order:
        needed = len(pieces[name]) + 2 * bool(kept)
        if needed > left:
            break
        left -= needed
        kept.add(name)
    return ", ".join(piece for name, piece in pieces.items() if name in kept)


def _per_class(value: Any) -> bool:
    return bool(getattr(value, "ndim", 0))


def _short(value: Any) -> str:
    if _per_class(value):
        return f"[{' '.join(map(_short, value.ravel()))}]"
    return f"{value:.3f}" if 1e-3 <= abs(value) < 1e3 or value == 0 else f"{value:.2e}"


def watched() -> str:
    """Who sees the bar: "notebook", "terminal", or "nobody"."""
    if "IPython" in sys.modules:
        shell = sys.modules["IPython"].get_ipython()
        if shell is not None and "IPKernelApp" in shell.config:
            return "notebook"
    try:
        return "terminal" if sys.stderr.isatty() else "nobody"
    except (AttributeError, ValueError):  # none, or closed
        return "nobody"


def terminal_width() -> int:
    """The columns of the terminal behind standard error; of COLUMNS where this is set, 80 where neither is
    known.
    """
    given = os.environ.get("COLUMNS", "")
    if given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (AttributeError, ValueError, OSError):
        return 80


class Bar:
    """A bar of `total` steps with a line of numbers before it; `initial` of them are done."""

    def __init__(self, total: int | None, title: str = "", initial: int = 0, unit: str = "batch") -> None:
        notebook = watched() == "notebook"
        if notebook and importlib.util.find_spec("ipywidgets"):
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
        self._fits = not notebook
        self._head = f"{title}: " if title else ""
        settings: dict[str, Any] = {"file": sys.stderr} if self._fits else {"leave": False}
        self._bar = tqdm(
            total=total, desc=self._desc(title), initial=initial, unit=unit, mininterval=LOOK, **settings
        )
        self.show({}, "")

    def show(self, logs: dict[str, float], rate: str) -> None:
        """The numbers to be shown from the next refresh on."""
        if not self._fits:
            self._bar.set_postfix_str(line(described(logs), rate), refresh=False)
            return
        width = terminal_width() - 1
        total = self._bar.total
        count = f"{total}/{total}" if total else f"{self._bar.n}/?"
        text = fitted(logs, width - len(self._head) - len(count) - 2)
        room = width - len(self._head) - len(count) - len(text) - 2
        tail = " |{bar}| {elapsed}<{remaining}" if room >= TAIL else ""
        if rate and tail and room >= TAIL + len(rate) + 2:
            tail += f", {rate}"
        self._bar.ncols = width
        self._bar.bar_format = "{desc}{n_fmt}/{total_fmt}{postfix}" + tail
        self._bar.set_postfix_str(text, refresh=False)

    def rename(self, title: str) -> None:
        """Another title, as that of the next epoch."""
        self._head = f"{title}: "
        self._bar.desc = self._desc(title)

    def _desc(self, title: str) -> str | None:
        return (self._head if self._fits else title) or None

    def update(self, steps: int) -> None:
        """So many more steps are done."""
        self._bar.update(steps)

    def close(self) -> None:
        """Leaves the bar as it stands (in notebooks the caller prints its last line)."""
        self._bar.close()


def line(*parts: str) -> str:
    """Those of the parts that say something."""
    return " - ".join(part for part in parts if part)


class Progress:
    """One pass over batches: `step(count, logs)` after each, `close(logs)` at the end. `initial`: the batches
    that were done before a restart.
    """

    def __init__(self, verbose: int, steps: int | None, title: str = "", initial: int = 0) -> None:
        self.steps, self.title, self.initial = steps, title, initial
        self.amount, self.batches = 0, initial
        self.unit = "examples"
        self.started = time.perf_counter()
        self._next_look = 0.0
        self._bar: Bar | None = None
        self._place = "lines" if verbose == 2 else watched() if verbose else "nothing"
        if self._place in ("terminal", "notebook"):
            self._bar = Bar(steps, title, initial)
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
        now = time.perf_counter()
        if now >= self._next_look:
            self._next_look = now + LOOK
            self._bar.show(logs() if logs else {}, self._rate())
        self._bar.update(batches)

    def close(self, logs: dict[str, float] | None = None) -> None:
        """Shows the final means."""
        if self._bar is not None:
            if logs is not None:
                self._bar.show(logs, self._rate())
            self._bar.close()
            self._bar = None
            if self._place == "notebook" and logs is not None:
                print(line(self.title, self._line(logs)))
        elif self._place == "lines" and logs is not None:
            print(self._line(logs))
        elif self._place == "nobody" and logs is not None and sys.stderr is not None:
            print(line(self.title, self._line(logs)), file=sys.stderr, flush=True)
        self._place = "nothing"

    def _line(self, logs: dict[str, float]) -> str:
        seconds = time.perf_counter() - self.started
        per_step = seconds / max(1, self.batches - self.initial)
        unit = f"{per_step * 1e3:.0f}ms" if per_step >= 1e-3 else f"{per_step * 1e6:.0f}us"
        count = f"{self.batches}/{self.steps or self.batches}"
        return line(count, f"{seconds:.0f}s", f"{unit}/step", described(logs), self._rate())

    def _rate(self) -> str:
        rate = self.amount / max(1e-9, time.perf_counter() - self.started)
        return f"{rate:,.0f} {self.unit}/s"
