"""A model over a corpus: files one after the other, block by block, in constant memory, with what was done so
far on the terminal and on disk. What `embedcnn predict --input` and `embedcnn filter` share.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from embedcnn import __version__
from embedcnn.base.pipes import is_pipe
from embedcnn.commands.errors import CommandError
from embedcnn.commands.model_file import is_new_folder
from embedcnn.commands.resumable import Progressed, ResumableOutput, StreamOutput
from embedcnn.data.corpus import Place

REFRESH = 0.5  # seconds between two lines of progress


class Piece(NamedTuple):
    """Some records of a file, where those behind them begin, and how much of the file that is."""

    records: Any
    behind: Place
    packed_bytes: int
    texts: int
    text_bytes: int


Read = Callable[[str, Place], Iterator[Piece]]
Answer = Callable[[str, Any, dict[str, int]], bytes]


def ahead(items: Iterator[Any]) -> Iterator[Any]:
    """The same items; another thread makes the next one while the last one is used.

    >>> list(ahead(iter([1, 2])))
    [1, 2]
    """
    with ThreadPoolExecutor(1) as pool:
        following = pool.submit(next, items, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, items, None)
            yield item


def run_corpus(
    inputs: Sequence[str], read: Read, answer: Answer, out: StreamOutput | ResumableOutput, show: bool
) -> dict[str, int]:
    """Answers all files into `out`; what `answer` counted, from the run's very beginning.

    `read(path, place)` gives the pieces of a file from a place on, `answer(path, records, counts)` the bytes
    to write; `show`: progress on standard error.
    """
    first, place, counts = out.begun or Progressed(0, Place(), {})
    counts = dict(counts)
    if out.begun is not None:
        print(f"embedcnn: going on where an earlier run was stopped ({described(counts)})", file=sys.stderr)
    progress = Progress(inputs, show)
    try:
        for number in range(first, len(inputs)):
            out.open(number)
            for piece in ahead(read(inputs[number], place)):
                out.write(answer(inputs[number], piece.records, counts))
                out.note(Progressed(number, piece.behind, counts))
                progress.add(number, piece)
            place = Place()
            out.finish(number, Progressed(number + 1, place, counts))
        out.complete()
    except (KeyboardInterrupt, OSError):
        progress.end()
        if isinstance(out, ResumableOutput) and out.can_go_on:
            print("embedcnn: the same command will go on from here", file=sys.stderr)
        raise
    finally:
        progress.end()
        if isinstance(out, ResumableOutput):
            out.discard()
        out.close()
    return counts


def described(counts: dict[str, int]) -> str:
    """What was counted, in words.

    >>> described({"texts": 1200, "kept": 7})
    '1,200 texts, 7 kept'
    """
    return ", ".join(f"{number:,} {name}" for name, number in counts.items() if number) or "nothing done yet"


class Progress:
    """One line on the terminal: how much is done, how fast it goes, how long it takes yet."""

    def __init__(self, inputs: Sequence[str], show: bool) -> None:
        self._sizes = [os.path.getsize(path) for path in inputs]
        self._show, self._shown = show, 0
        self._begin = self._last = time.monotonic()
        self._texts = self._bytes = 0
        self._first: tuple[int, float] | None = None  # what was done, and when, as the first piece was

    def add(self, number: int, piece: Piece) -> None:
        """Counts what was answered, and shows it from time to time."""
        now = time.monotonic()
        done = sum(self._sizes[:number]) + piece.packed_bytes
        self._first = self._first or (done, now)
        self._texts += piece.texts
        self._bytes += piece.text_bytes
        if self._show and now - self._last >= REFRESH:
            self._last = now
            line = self._line(done, now)
            sys.stderr.write("\r" + line.ljust(self._shown))
            sys.stderr.flush()
            self._shown = len(line)

    def _line(self, done: int, now: float) -> str:
        seconds, (begun, since) = now - self._begin, self._first or (0, now)
        total = sum(self._sizes)
        speed = (
            f"{self._texts:,} texts, {self._texts / seconds:,.0f} texts/s, "
            f"{self._bytes / 1e6 / seconds:.1f} MB/s"
        )
        if done <= begun:
            return speed
        left = (now - since) * (total - done) / (done - begun)
        return f"{100 * done // total} %, {speed}, {clock(left)} left"

    def end(self) -> None:
        """Removes the line."""
        if self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
            self._shown = 0


def clock(seconds: float) -> str:
    """A time for people.

    >>> clock(75), clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def opened_output(
    out: str | None, inputs: Sequence[str], names: Sequence[str], run: dict[str, Any], restart: bool
) -> StreamOutput | ResumableOutput:
    """Where the output goes: standard output (`out` None), a file, a pipe, or a folder with a file for each
    input, called `names`. `run` is what the output depends on.
    """
    if out is None:
        return StreamOutput(sys.stdout.buffer, close=False)
    if is_pipe(out):
        return StreamOutput(open(out, "wb"), close=True)  # noqa: SIM115  # closed by run_corpus
    whole = run | {
        "version": __version__,
        "inputs": [[os.path.abspath(path), *fingerprint(path)] for path in inputs],
    }
    again = not any(is_pipe(path) for path in inputs)
    if is_new_folder(out):  # made here, behind all checks
        os.mkdir(out)
    if not os.path.isdir(out):
        return ResumableOutput([out], f"{out}.partial.json" if again else None, whole, restart)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise CommandError(f"--out: two inputs would be written to {os.path.join(out, twice)!r}; give a file")
    targets = [os.path.join(out, name) for name in names]
    for target in targets:
        if os.path.isdir(target):
            raise CommandError(f"--out: {target!r} is a folder")
    journal = os.path.join(out, "embedcnn.partial.json")
    return ResumableOutput(targets, journal if again else None, whole, restart)


def fingerprint(path: str) -> list[int]:
    """Size and time of a file: others, and an earlier run does not belong to it."""
    found = os.stat(path)
    return [found.st_size, found.st_mtime_ns]
