"""The programs of one model, each made when it is first needed and kept until it is forgotten.

Kinds of programs: "train" and "test" (with the losses of `compile`), of which there is one each, "predict",
and "forward" (as predict, but with dropout and moving statistics), of which every thread that predicts is
lent one of its own: a program holds the activations of its step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from .binding import BoundProgram
from .carried_states import carrying

if TYPE_CHECKING:
    from ..graph.variables import Variable
    from ..optimizers import Optimizer
    from .operations import Lowered


class Source(Protocol):
    """What programs are made from: a model."""

    seed: int
    optimizer: Optimizer | None

    def lowered_as(self, kind: str) -> Lowered:
        """The operations of a kind of program."""


class Carrier(Protocol):
    """Who has recurrent layers go on from batch to batch: callbacks.CarryState."""

    batch_size: int

    def take(self, kind: str, states: list[Variable]) -> None:
        """Called with the states that a new program of this kind carries."""


class Pool:
    """Programs of one kind, lent to one thread at a time; a thread that finds none gets a new one."""

    def __init__(self, make: Callable[[], BoundProgram]) -> None:
        self._make = make
        self._idle = [make()]
        self.writes = self._idle[0].writes
        """Whether a run writes states or statistics, so that no other thread may run beside it."""

    def take(self) -> BoundProgram:
        """A program that nobody else has."""
        try:
            return self._idle.pop()  # one step: two threads never get the same
        except IndexError:
            return self._make()

    def give_back(self, program: BoundProgram) -> None:
        """Lets others have it."""
        self._idle.append(program)


class Programs:
    """Gives the program of each kind; `forget` whenever the graph, the losses or the seed have changed.

    New weights, and other settings of layers and optimizer, need no forgetting: binding sees them.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[str, BoundProgram] = {}
        self._pools: dict[str, Pool] = {}
        self._carrier: Carrier | None = None

    def bound(self, kind: str) -> BoundProgram:
        """The program of this kind ("train", "test") with its variables; its `ready()` is the core's."""
        found = self._made.get(kind)
        if found is None:
            found = self._made[kind] = self._make(kind)
        return found

    def ready(self, kind: str) -> Any:
        """The core's program of this kind, bound to the present arrays."""
        return self.bound(kind).ready()

    def pool(self, kind: str) -> Pool:
        """The programs of this kind ("predict", "forward"). One that is given back to a pool that was
        forgotten meanwhile goes with it.
        """
        found = self._pools.get(kind)
        if found is None:
            found = self._pools[kind] = Pool(lambda: self._make(kind))
        return found

    def _make(self, kind: str) -> BoundProgram:
        source = self._source
        lowered = source.lowered_as(kind)
        with_losses = kind in ("train", "test")
        if self._carrier is not None and with_losses:
            lowered, states = carrying(lowered, self._carrier.batch_size)
            self._carrier.take(kind, states)
        optimizer = source.optimizer if with_losses else None
        return BoundProgram(lowered, source.seed, optimizer, kind == "train", kind in ("train", "forward"))

    def forget(self, *kinds: str) -> None:
        """Lets the programs of these kinds, or all, be made anew when they are next needed."""
        for kind in kinds or ("train", "test", "predict", "forward"):
            self._made.pop(kind, None)
            self._pools.pop(kind, None)

    def carry(self, carrier: Carrier | None) -> None:
        """From now on recurrent layers go on, in training and in evaluation, where the batch before ended;
        None: no longer.
        """
        self._carrier = carrier
        self.forget("train", "test")
