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
from collections.abc import Callable, Iterator
from typing import Any

AUTOTUNE = -1
PREFETCHED = 2  # elements ahead for AUTOTUNE: one in use, one ready
Call = Callable[[Any], Any]


def processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
        thread.start()
        self.threads.append(thread)

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


def parallel_map(
    elements: Iterator[Any], function: Call, count: int, ordered: bool, operation: str
) -> Iterator[Any]:
    """``function`` of every element by ``count`` threads; the input is read by the calling thread alone."""
    crew = Crew()
    tasks: deque[Slot] = deque()  # waiting for a worker
    finished: deque[Slot] = deque()
    pending: deque[Slot] = deque()  # in the order of the input

    def work() -> None:
        while True:
            with crew.lock:
                while not tasks and not crew.stopped:
                    crew.todo.wait()
                if crew.stopped:
                    return
                slot = tasks.popleft()
            try:
                slot.value = function(slot.element)
            except BaseException as error:
                slot.error = error
            with crew.lock:
                slot.done = True
                slot.element = None
                finished.append(slot)
                crew.done.notify()
            del slot

    def next_slot() -> Slot:
        with crew.lock:
            queue = pending if ordered else finished
            while not (queue and queue[0].done):
                crew.done.wait()
            slot = queue.popleft()
            (finished if ordered else pending).remove(slot)
            return slot

    try:
        position, exhausted, failure = 0, False, None
        while True:
            crew.check_process()
            while not exhausted and len(pending) < 2 * count:
                try:
                    element = next(elements)
                except StopIteration:
                    exhausted = True
                    break
                except Exception as error:  # the elements before it come first
                    exhausted, failure = True, error
                    break
                slot = Slot(position, element)
                position += 1
                with crew.lock:
                    tasks.append(slot)
                    pending.append(slot)
                    crew.todo.notify()
                if len(crew.threads) < count:
                    crew.start(work, operation)
            if not pending:
                break
            slot = next_slot()
            if slot.error is not None:
                failure = slot.error
                add_position(failure, operation, slot.position)
                break
            yield slot.value
        if failure is not None:
            raise failure
    finally:
        crew.close()
        failure = slot = element = None  # an error, its traceback and this frame would hold each other


def run_ahead(start: Callable[[], Iterator[Any]], size: int) -> Iterator[Any]:
    """The elements of ``start()``, made by a thread that is up to ``size`` of them ahead and closes its
    input itself.
    """
    crew = Crew()
    buffer: deque[Any] = deque()
    ended: list[BaseException | None] = []

    def fill() -> None:
        failure: BaseException | None = None
        elements: Iterator[Any] = iter(())
        try:
            elements = start()
            for element in elements:
                with crew.lock:
                    while len(buffer) >= size and not crew.stopped:
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
