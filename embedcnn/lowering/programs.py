"""The programs of one model, each made when it is first needed and kept until it is forgotten.

Kinds of programs: "train" and "test" (with the losses of `compile`), "predict", and "forward" (as predict,
but with dropout and moving statistics).
"""

from __future__ import annotations

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


class Programs:
    """Gives the program of each kind; `forget` whenever the graph, the losses or the seed have changed.

    New weights, and other settings of layers and optimizer, need no forgetting: binding sees them.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: dict[str, BoundProgram] = {}
        self._carrier: Carrier | None = None

    def bound(self, kind: str) -> BoundProgram:
        """The program of this kind with its variables; its `ready()` is the core's."""
        found = self._made.get(kind)
        if found is None:
            found = self._made[kind] = self._make(kind)
        return found

    def ready(self, kind: str) -> Any:
        """The core's program of this kind, bound to the present arrays."""
        return self.bound(kind).ready()

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
        for kind in kinds or tuple(self._made):
            self._made.pop(kind, None)

    def carry(self, carrier: Carrier | None) -> None:
        """From now on recurrent layers go on, in training and in evaluation, where the batch before ended;
        None: no longer.
        """
        self._carrier = carrier
        self.forget("train", "test")
