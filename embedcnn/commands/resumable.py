"""Output of a long run, which goes on where it was when the process was killed.

What is written goes to NAME.partial, and NAME is made of it at the end. Every few seconds the partial file
is synced, and NAME.partial.json says how far the input had been read, and how long the output was, at that
moment: a run of the same command cuts the output there and goes on. Packed output ends a member (of gzip) or
a frame at each of these moments, so that it can be cut. Pipes and devices are written as it comes.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import time
from collections.abc import Callable, Sequence
from typing import IO, Any, NamedTuple

from embedcnn.base.replacement import replacing
from embedcnn.base.zstandard_files import zst_writer
from embedcnn.commands.errors import CommandError
from embedcnn.data.corpus import Place
from embedcnn.data.lines import OPENERS, SUFFIXES

try:
    import fcntl
except ImportError:  # Windows: nothing tells two runs from each other
    fcntl = None  # type: ignore[assignment]

SECONDS = 5.0
"""Between two moments to which a killed run can go back."""


class Progressed(NamedTuple):
    """How far a run came: the number of the input, the place in it, and what was counted."""

    input: int
    place: Place
    counts: dict[str, int]


class StreamOutput:
    """Output that is written as it comes, and never again: a pipe, a device, standard output."""

    begun: Progressed | None = None

    def __init__(self, file: IO[bytes], close: bool) -> None:
        self._file, self._close = file, close

    def open(self, number: int) -> None:
        """The next input begins."""

    def write(self, data: bytes) -> None:
        """Writes, and hands it on at once."""
        self._file.write(data)
        self._file.flush()

    def note(self, progressed: Progressed) -> None:
        """Nothing: this cannot be cut."""

    def finish(self, number: int, progressed: Progressed) -> None:
        """Nothing, as long as there are more inputs."""

    def close(self) -> None:
        """Closes what was opened for it."""
        if self._close:
            self._file.close()

    def complete(self) -> None:
        """Nothing is left to do."""


class ResumableOutput:
    """Files, one for all inputs or one for each, that a killed run can go on with.

    `targets`: their names; `journal`: the file that says how far it came, None: an input is a pipe, which
    nobody can go on with; `run`: all that the output depends on, ready for JSON; `begun`: how far an earlier
    run came, None: there was none. Raises CommandError where what an earlier run left does not belong to this
    one, or is still written.
    """

    def __init__(
        self, targets: Sequence[str], journal: str | None, run: dict[str, Any], restart: bool = False
    ) -> None:
        self._targets, self._journal, self._run = list(targets), journal, run
        self._file: IO[bytes] | None = None
        self._packed: Any = None
        self._target = ""
        self._locked = False  # the file of this target is this run's alone
        self._noted = time.monotonic()
        self.begun: Progressed | None = None
        self._written = 0
        if restart:
            self.complete()
        elif self.can_go_on:
            self._go_on(str(journal))

    @property
    def can_go_on(self) -> bool:
        """Whether there is something on disk that the same command would go on with."""
        return self._journal is not None and os.path.exists(self._journal)

    # -- what an earlier run left ----------------------------------------------------------------------------
    def _go_on(self, journal: str) -> None:
        try:
            with open(journal, encoding="utf-8") as file:
                stored = json.load(file)
            run, number, written = stored["run"], int(stored["input"]), int(stored["written"])
            place, counts = Place(*map(int, stored["place"])), dict(stored["counts"])
            finished = stored["finished"]
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{journal!r} does not say how far an earlier run came ({error}); --restart begins anew"
            ) from None
        other = [name for name in self._run if run.get(name) != self._run[name]]
        if other:
            raise CommandError(
                f"{journal!r} was left by a run with other {' and '.join(other)}; give the same again to "
                "go on with it, or --restart to begin anew"
            )
        if finished is not None and os.path.exists(_partial(self._targets[finished])):
            os.replace(_partial(self._targets[finished]), self._targets[finished])
        self.begun, self._written = Progressed(number, place, counts), written

    # -- writing ---------------------------------------------------------------------------------------------
    def open(self, number: int) -> None:
        """Goes to the file of this input."""
        target = self._targets[number if len(self._targets) > 1 else 0]
        if target == self._target:
            return
        self._target, self._locked = target, False
        partial = _partial(target)
        goes_on = self.begun is not None and self._written > 0
        if goes_on and (not os.path.exists(partial) or os.path.getsize(partial) < self._written):
            raise CommandError(
                f"{partial!r}, which an earlier run began, is gone or was cut; --restart begins anew"
            )
        self._file = open(partial, "r+b" if goes_on else "ab")  # noqa: SIM115  # closed in close
        if fcntl is not None:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CommandError(f"{partial!r} is being written by another process") from None
            except OSError:  # a file system without locks
                pass
        self._locked = True
        self._file.truncate(self._written)
        self._file.seek(self._written)
        self._written = 0

    def write(self, data: bytes) -> None:
        """Appends, packed where the file's name says so."""
        if not data:
            return
        if self._packed is None:
            self._packed = packer(self._target)(self._file)
        with self._named_errors():
            self._packed.write(data)

    def note(self, progressed: Progressed) -> None:
        """Makes what was written last, every few seconds: a killed run goes on here."""
        if self._journal is not None and time.monotonic() - self._noted >= SECONDS:
            with self._named_errors():
                self._note(progressed, self._sync(), None)

    def _sync(self) -> int:
        """Everything is on the disk; how long the file is."""
        assert self._file is not None
        if self._packed is not None:
            self._packed.close()
            self._packed = None
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def _note(self, progressed: Progressed, written: int, finished: int | None) -> None:
        stored = {
            "run": self._run,
            "input": progressed.input,
            "place": list(progressed.place),
            "counts": progressed.counts,
            "written": written,
            "finished": finished,
        }
        if self._journal is not None:
            with replacing(self._journal) as file:
                file.write(json.dumps(stored, ensure_ascii=False).encode())
        self._noted = time.monotonic()

    def finish(self, number: int, progressed: Progressed) -> None:
        """The input has ended: its file takes its name, unless more is to come into it. `progressed` is the
        begin of the next input.
        """
        if len(self._targets) == 1 and number < len(self._run["inputs"]) - 1:
            self.note(progressed)
            return
        with self._named_errors():
            assert self._file is not None
            if self._packed is None and not self._file.tell():
                self._packed = packer(self._target)(self._file)  # nothing, packed, is something
            self._sync()
            self._note(progressed, 0, number if len(self._targets) > 1 else 0)
            os.replace(_partial(self._target), self._target)
        self._file.close()
        self._file, self._target, self.begun, self._locked = None, "", None, False

    def complete(self) -> None:
        """The run is done: nothing is left of how far it came."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._journal or "")

    def discard(self) -> None:
        """Removes what was begun, and did not come to its end, where no run could go on with it."""
        if self._locked and not self.can_go_on:
            with contextlib.suppress(OSError):
                os.unlink(_partial(self._target))

    def close(self) -> None:
        """Closes the file, however it ended."""
        if self._packed is not None:
            with contextlib.suppress(OSError):
                self._packed.close()
        if self._file is not None:
            self._file.close()

    @contextlib.contextmanager
    def _named_errors(self) -> Any:
        """Says which file could not be written."""
        try:
            yield
        except OSError as error:
            if error.filename is None and error.errno is not None:
                raise OSError(error.errno, os.strerror(error.errno), _partial(self._target)) from None
            raise


def _partial(target: str) -> str:
    return f"{target}.partial"


def packer(target: str) -> Callable[[Any], Any]:
    """What writes into a file as its name says: .gz, .bz2, .xz, .zst, or as it is."""
    kind = SUFFIXES.get(os.path.splitext(target)[1].lower(), "")
    if not kind:
        return _Plain
    if kind == "ZSTD":
        return zst_writer
    if kind == "GZIP":  # level 4 is twice as fast as 9; no time inside: equal output gives equal files
        return lambda file: gzip.GzipFile("", "wb", 4, file, mtime=0)
    return lambda file: OPENERS[kind](file, "wb")


class _Plain:
    """A file that stays open when what was written into it is closed."""

    def __init__(self, file: IO[bytes]) -> None:
        self.write = file.write

    def close(self) -> None:
        """Nothing to do."""
