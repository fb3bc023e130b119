"""Threads of a pipeline: workers that map, and a thread that runs ahead.

Both are generators that own their threads: closing, exhausting or dropping the generator ends them. Threads
are daemons, so that a forgotten iterator cannot keep the interpreter alive, and are told to stop when it
exits.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Generator, Iterator
from typing import Any

AUTOTUNE = -1
PREFETCHED = 2  # elements ahead for AUTOTUNE: one in use, one ready
Call = Callable[[Any], Any]


def add_position(error: BaseException, operation: str, position: int) -> None:
    """Add the element's position to an error: a note, or, before Python 3.11, part of the message."""
    if not isinstance(error, Exception) or hasattr(error, "element_position"):
        return
    with contextlib.suppress(AttributeError):  # an exception with __slots__
        error.element_position = position  # type: ignore[attr-defined]
    note = f"Dataset.{operation}: element {position} (counted from 0)"
    if sys.version_info >= (3, 11):
        error.add_note(note)
    elif len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} [{note}]",)


class PipelineThread(threading.Thread):
    """A daemon thread of a pipeline."""

    def __init__(self, target: Callable[[], None], name: str) -> None:
        super().__init__(target=target, name=f"embedcnn-data-{name}", daemon=True)


class Crew:
    """Threads that share one lock, one stop flag and one owner (the thread that iterates)."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.todo = threading.Condition(self.lock)
        self.done = threading.Condition(self.lock)
        self.stopped = False
        self.threads: list[PipelineThread] = []
        self.owner = threading.current_thread()
        self.process = os.getpid()
        crews.add(self)

    def start(self, target: Callable[[], None], name: str) -> None:
        thread = PipelineThread(target, name)
        self.threads.append(thread)  # before it starts: an interrupt between the two must not lose it
        thread.start()

    def check_process(self) -> None:
        """Threads do not survive a fork: say so, where waiting for them would take forever."""
        if os.getpid() != self.process:
            raise RuntimeError(
                "this iterator was started before a fork; call iter(dataset) in the child process"
            )

    def close(self, timeout: float | None = None) -> None:
        """Stop and join. A pipeline thread that collects foreign garbage only tells the threads to stop."""
        if os.getpid() != self.process:
            return
        with self.lock:
            self.stopped = True
            self.todo.notify_all()
            self.done.notify_all()
        current = threading.current_thread()
        if isinstance(current, PipelineThread) and current is not self.owner:
            return  # joining from here could wait for ourselves
        for thread in self.threads:
            if thread.is_alive():  # not where starting it was interrupted
                thread.join(timeout)


crews: weakref.WeakSet[Crew] = weakref.WeakSet()


@atexit.register
def close_all() -> None:
    """Let no thread run into an interpreter that is being taken down."""
    for crew in list(crews):
        crew.close(timeout=1.0)


class Slot:
    """One element on its way through a worker."""

    __slots__ = ("done", "element", "error", "position", "value")

    def __init__(self, position: int, element: Any) -> None:
        self.position = position
        self.element = element
        self.value: Any = None
        self.error: BaseException | None = None
        self.done = False


class Workers(Crew):
    """Threads that apply a function to slots; results come back in the order of the input or as they are
    ready.
    """

    def __init__(self, function: Call, count: int, ordered: bool, name: str) -> None:
        super().__init__()
        self.function = function
        self.count = count
        self.ordered = ordered
        self.name = name
        self.tasks: deque[Slot] = deque()  # waiting for a worker
        self.finished: deque[Slot] = deque()
        self.pending: deque[Slot] = deque()  # in the order of the input

    def work(self) -> None:
        """The life of one thread."""
        while True:
            with self.lock:
                while not self.tasks and not self.stopped:
                    self.todo.wait()
                if self.stopped:
                    return
                slot = self.tasks.popleft()
            try:
                slot.value = self.function(slot.element)
            except BaseException as error:
                slot.error = error
            with self.lock:
                slot.done = True
                slot.element = None
                self.finished.append(slot)
                self.done.notify()
            del slot

    def submit(self, slot: Slot) -> None:
        """Hand over an element; threads start as the first elements come."""
        with self.lock:
            self.tasks.append(slot)
            self.pending.append(slot)
            self.todo.notify()
        if len(self.threads) < self.count:
            self.start(self.work, self.name)

    def next_slot(self) -> Slot:
        """Wait for a result."""
        queue, other = (self.pending, self.finished) if self.ordered else (self.finished, self.pending)
        with self.lock:
            while not (queue and queue[0].done):
                self.done.wait()
            slot = queue.popleft()
            other.remove(slot)
            return slot


def parallel_map(
    elements: Iterator[Any], function: Call, count: int, ordered: bool, operation: str
) -> Iterator[Any]:
    """`function` of every element by `count` threads; the input is read by the calling thread alone."""
    workers = Workers(function, count, ordered, operation)
    position, exhausted = 0, False
    failure: BaseException | None = None
    slot: Slot | None = None
    try:
        while True:
            workers.check_process()
            while not exhausted and len(workers.pending) < 2 * count:
                try:
                    element = next(elements)
                except StopIteration:
                    exhausted = True
                    break
                except Exception as error:  # the elements before it come first
                    exhausted, failure = True, error
                    break
                workers.submit(Slot(position, element))
                position += 1
            if not workers.pending:
                break
            slot = workers.next_slot()
            if slot.error is not None:
                failure = slot.error
                add_position(failure, operation, slot.position)
                break
            yield slot.value
        if failure is not None:
            raise failure
    finally:
        workers.close()
        failure = slot = element = None  # an error, its traceback and this frame would hold each other


def run_ahead(
    start: Callable[[], Iterator[Any]],
    size: int,
    refill: int | None = None,
    room: Callable[[Any], int] | None = None,
) -> Generator[Any, None, None]:
    """The elements of `start()`, made by a thread that is up to `size` of them ahead and closes its input
    itself.

    Once it is, it sleeps until `refill` are left (None: size - 1). Whoever computes on all processors is
    disturbed by every awakening, less by a long one than by several. `room(element)` are as many as there is
    memory for, where those may be fewer than `size`.
    """
    most = size
    low = least = size - 1 if refill is None else refill
    crew = Crew()
    buffer: deque[Any] = deque()
    ended: list[BaseException | None] = []

    def fill() -> None:
        nonlocal most, low
        failure: BaseException | None = None
        elements: Iterator[Any] = iter(())
        try:
            elements = start()
            for element in elements:
                if room is not None:
                    most = min(size, room(element))
                    low = min(least, most - 1)
                with crew.lock:
                    full = len(buffer) >= most
                    while full and len(buffer) > low and not crew.stopped:
                        crew.todo.wait()
                    if crew.stopped:
                        return
                    buffer.append(element)
                    crew.done.notify()
        except BaseException as error:
            failure = error
        finally:
            close = getattr(elements, "close", None)
            try:
                if close is not None:
                    close()
            except BaseException as error:
                failure = failure or error
            with crew.lock:
                ended.append(failure)
                crew.done.notify()
            failure = None

    try:
        crew.start(fill, "prefetch")
        while True:
            crew.check_process()
            with crew.lock:
                while not buffer and not ended:
                    crew.done.wait()
                if not buffer:
                    break
                element = buffer.popleft()
                if len(buffer) <= low:
                    crew.todo.notify()
            yield element
        failure = ended[0]
        if failure is not None:
            raise failure
    finally:
        crew.close()
        failure = element = None
        buffer.clear()
        ended.clear()
