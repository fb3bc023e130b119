"""What a distribution does for training (base/processes.py says what it is asked): beginning, batches, steps,
means and ends of several ranks that train one model.
"""

from __future__ import annotations

import json
import signal
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..base.processes import NOTHING, Batch
from ..graph.nesting import all_weights
from . import start, steps
from .rounds import RankError, Rounds


class AllInterrupted(KeyboardInterrupt):
    """Ctrl-C, on all ranks after the same step."""


class Ranks(Rounds):
    """The ranks of a communicator, training together. `shards`: each takes its part of batches that all are
    given.
    """

    def __init__(self, communicator: Any, shards: bool) -> None:
        super().__init__(communicator)
        self.shards = shards
        self.all_know = False
        """Whether an error that ended the last training has been told to all ranks."""
        self._inside = False
        self._interrupted = False
        self._rate: float | None = None  # of the step that comes, where it was asked for
        self._begun: weakref.WeakSet[Any] = weakref.WeakSet()

    # -- beginning and end -------------------------------------------------------------------------------
    @contextmanager
    def together(self) -> Iterator[None]:
        """Within, an error of one rank ends all; Ctrl-C ends all after the same step."""
        if self._inside:
            yield
            return
        self._inside, self.all_know = True, False
        try:
            with self._interrupts_wait():
                yield
        except (RankError, AllInterrupted):
            self.all_know = True
            raise
        except BaseException as error:
            self.fail(error)
            self.all_know = True
            raise
        finally:
            self._inside = False

    @contextmanager
    def _interrupts_wait(self) -> Iterator[None]:
        """Ctrl-C is noted, and raised between two steps; a second one is raised at once."""
        self._interrupted = False
        ours = threading.current_thread() is threading.main_thread()
        before = signal.getsignal(signal.SIGINT) if ours else None
        if before is not signal.default_int_handler:
            yield
            return

        def note(number: int, frame: Any) -> None:
            if self._interrupted:
                signal.default_int_handler(number, frame)
            self._interrupted = True

        signal.signal(signal.SIGINT, note)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def begin(self, model: Any, what: Mapping[str, Any]) -> None:
        """Compares what the ranks are about to do, then gives all the state of rank 0."""
        if not self.shards and "balanced" in repr(what.get("class_weight")):
            raise ValueError(
                "class_weight='balanced' counts the data of one rank, where each has its own: give the "
                "weight of each class, or all data to all ranks (auto_shard_dataset=True)"
            )
        start.refuse_what_differs(self, model, what)
        start.take_state_of_first(self, model)
        self._begun.add(model)

    def begin_once(self, model: Any) -> None:
        """The same before the first of single steps."""
        if model not in self._begun:
            self.begin(model, {"does": "begins single steps"})

    def any(self, flag: bool) -> bool:
        """Whether it is so on one of the ranks."""
        return any(numbers[0] for numbers in self.numbers("agrees on the end", [bool(flag)]))

    # -- steps -------------------------------------------------------------------------------------------
    def steps(self, model: Any, batches: Iterable[Batch], trains: bool) -> Generator[Batch, None, None]:
        """The batches until no rank has one, or one is to stop; where others have one more, NOTHING."""
        given = iter(batches)
        while True:
            stops = trains and bool(model.stop_training)
            batch = None if stops else next(given, None)
            rate = model.optimizer.rate() if trains and batch is not None else 0.0
            own = [batch is not None, stops, self._interrupted, rate, getattr(batch, "mark", -1)]
            every = self.numbers("takes a batch", own)
            has, stop, interrupted, all_rates, marks = zip(*every, strict=True)
            if any(interrupted):
                raise AllInterrupted
            if any(stop):
                model.stop_training = True
                return
            rates = [rate for one, rate in zip(has, all_rates, strict=True) if one]
            if not rates:
                return
            if len(set(rates)) > 1:
                raise RankError(
                    f"the ranks have different learning rates, {rates}: callbacks and schedules that change "
                    "it must do so on every rank"
                )
            if self.shards and (not all(has) or len(set(marks)) > 1):
                raise RankError(
                    "the ranks were given different batches: with auto_shard_dataset=True each takes its "
                    "part of the same ones (give Dataset.shuffle a seed). Where each rank has its own data, "
                    "use DataParallel(auto_shard_dataset=False)"
                )
            self._rate = rates[0] if trains else None
            yield NOTHING if batch is None else batch

    def train(self, model: Any, inputs: Any, targets: Any, weights: Any, compiled: Any) -> Any:
        """A training step of all; None of no examples."""
        rate, self._rate = self._rate, None
        rate = model.optimizer.rate() if rate is None else rate  # a function of the user's is called once
        return steps.train(self, model, inputs, targets, weights, compiled, rate)

    def test(self, model: Any, inputs: Any, targets: Any, weights: Any, compiled: Any) -> Any:
        """Losses of all; None of no examples."""
        return steps.test(self, model, inputs, targets, weights, compiled)

    # -- means -------------------------------------------------------------------------------------------
    def settle_statistics(self, model: Any) -> None:
        """Gives all ranks the mean of their moving statistics, each of which has seen its own batches."""
        tracked = [one for one in all_weights(model) if one.tracked]
        if not tracked:
            return
        own = np.concatenate([one.numpy().ravel() for one in tracked])
        total = np.zeros(own.size)
        for part in self.gather("averages statistics", own.tobytes()):
            total += np.frombuffer(part, np.float32)
        means, begin = (total / self.size).astype(np.float32), 0
        for one in tracked:
            one.assign(means[begin : begin + one.size].reshape(one.shape))
            begin += one.size

    def summed(self, tally: Any) -> dict[str, Any]:
        """The state of the tallies of all ranks, summed in their order; those without examples count not."""
        state = tally.get_state() if tally is not None and tally.examples else {}
        plain = {name: np.asarray(value, np.float64) for name, value in state.items()}
        packed = json.dumps({name: [value.shape, value.ravel().tolist()] for name, value in plain.items()})
        total: dict[str, Any] = {}
        for text in self.gather("reads metrics", packed.encode()):
            for name, (shape, values) in json.loads(text).items():
                part = np.array(values, np.float64).reshape(shape)
                total[name] = total[name] + part if name in total else part
        if not total:
            return tally.get_state() if tally is not None else {}
        return total | {"examples": total["examples"].astype(np.int64)}

    def of_first_members(self, read: Callable[[], Mapping[str, bytes] | None]) -> dict[str, bytes] | None:
        """What `read` gives on rank 0, where alone it is called."""
        members = read() if self.rank == 0 else None
        names = None if members is None else [[name, len(part)] for name, part in members.items()]
        packed = json.dumps(names).encode()
        known = json.loads(bytes(self.of_first("gives or takes a state", np.frombuffer(packed, np.uint8))))
        if known is None:
            return None
        joined = b"" if members is None else b"".join(members.values())
        data = bytes(self.of_first("gives or takes a state", np.frombuffer(joined, np.uint8)))
        found, begin = {}, 0
        for name, size in known:
            found[name] = data[begin : begin + size]
            begin += size
        return found
