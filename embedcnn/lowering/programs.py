"""The programs of one model, each made when it is first needed and kept until it is forgotten.

Kinds of programs: "train" and "test" (with the losses of `compile`), of which there is one each, "predict",
and "forward" (as predict, but with dropout and moving statistics), of which every thread that predicts is
lent one of its own: a program holds the activations of its step.

Those that write texts token by token are lent too: they carry states, for so many texts side by side.

Images have one size in a program. Where a model leaves their height or width open, it has programs for each
size that batches had of late.
"""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..base.unkept import Unkept
from ..graph.variables import structure
from ..regularizers import own_of
from .binding import BoundProgram
from .carried_states import carrying

if TYPE_CHECKING:
    from ..graph.variables import Variable
    from ..optimizers import Optimizer
    from .operations import Lowered


Sizes = tuple[tuple[int, ...], ...]
"""Height, width and channels of the images of a batch, for each input that leaves some of them open."""
KEPT = 8
"""For how many sizes of images the programs of a kind are kept, those used last: each has its own memory."""


class Source(Protocol):
    """What programs are made from: a model."""

    seed: int
    optimizer: Optimizer | None

    @property
    def trainable_weights(self) -> list[Variable]:
        """Those of the layers that learn."""

    def lowered_as(self, kind: str, *, sizes: Sizes | None = None) -> Lowered:
        """The operations of a kind of program, for images of these sizes."""


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
        self.forgotten = False
        """Whether the model has become another one since."""
        self.writes = self._idle[0].writes
        """Whether a run writes states or statistics, so that no other thread may run beside it."""
        self.last_activation = self._idle[0].last_activation
        """What the last operation does to its values; None: nothing."""

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

    _source = Unkept()

    def __init__(self, source: Source) -> None:
        self._source = source
        self._made: OrderedDict[tuple[str, Sizes], BoundProgram] = OrderedDict()
        self._pools: OrderedDict[tuple[str, Sizes], Pool] = OrderedDict()
        self._sizes: dict[str, Sizes] = {}
        self._seen, self._penalties = -1, []  # type: int, list[Any]
        self._carrier: Carrier | None = None

    def sizes(self, kind: str) -> Sizes:
        """Those of the images of the last batch of this kind, or of any; empty before the first one."""
        return self._sizes.get(kind) or next(iter([*self._sizes.values()]), ())

    def bound(self, kind: str, sizes: Sizes | None = None) -> BoundProgram:
        """The program of this kind ("train", "test") with its variables; its `ready()` is the core's. For
        images of these sizes, or those of the last batch.
        """
        sizes = self._chosen(kind, sizes)
        if self._seen != structure.version:
            self._see_penalties()
        return _kept(self._made, kind, sizes, lambda: self._make(kind, sizes))

    def _see_penalties(self) -> None:
        """Programs hold the regularizers of the user's own, of weights that learn: those may have changed."""
        self._seen = structure.version
        now = [(id(one), one.regularizer) for one in own_of(self._source.trainable_weights)]
        if now != self._penalties:
            self._penalties = now
            self.forget("train", "test")

    def ready(self, kind: str, sizes: Sizes | None = None) -> Any:
        """The core's program of this kind, bound to the present arrays."""
        return self.bound(kind, sizes).ready()

    def pool(self, kind: str, sizes: Sizes = ()) -> Pool:
        """The programs of this kind ("predict", "forward"). One that is given back to a pool that was
        forgotten meanwhile goes with it.
        """
        self._chosen(kind, sizes)
        make = functools.partial(_for, weakref.WeakMethod(self._make), kind, sizes)
        return _kept(self._pools, kind, sizes, lambda: Pool(make))

    def writers(self, batch: int, check: Callable[[Any, Lowered], None]) -> Pool:
        """Programs that carry the states of `batch` texts from run to run, which are their `states`; `check`
        is called with the model and the operations of each, and raises where they cannot write a text.
        """
        make = functools.partial(_for, weakref.WeakMethod(self._make_writer), batch, check)
        return _kept(self._pools, "write", ((batch,),), lambda: Pool(make))

    def _make_writer(self, batch: int, check: Callable[[Any, Lowered], None]) -> BoundProgram:
        lowered = self._source.lowered_as("predict")
        check(self._source, lowered)
        lowered, states = carrying(lowered, batch)
        return BoundProgram(lowered, self._source.seed, states=states)

    def _chosen(self, kind: str, sizes: Sizes | None) -> Sizes:
        if sizes:
            self._sizes[kind] = sizes
        return self.sizes(kind) if sizes is None else sizes

    def _make(self, kind: str, sizes: Sizes) -> BoundProgram:
        source = self._source
        lowered = source.lowered_as(kind, sizes=sizes)
        with_losses = kind in ("train", "test")
        if self._carrier is not None and with_losses:
            lowered, states = carrying(lowered, self._carrier.batch_size)
            self._carrier.take(kind, states)
        optimizer = source.optimizer if with_losses else None
        return BoundProgram(lowered, source.seed, optimizer, kind == "train", kind in ("train", "forward"))

    def forget(self, *kinds: str) -> None:
        """Lets the programs of these kinds, or all, be made anew when they are next needed."""
        for key in [key for key in list(self._made) if not kinds or key[0] in kinds]:
            self._made.pop(key, None)
        for key in [key for key in list(self._pools) if not kinds or key[0] in kinds]:
            pool = self._pools.pop(key, None)
            if pool is not None:
                pool.forgotten = True

    def forget_sizes(self) -> None:
        """The inputs have become others."""
        self._sizes.clear()

    def carry(self, carrier: Carrier | None) -> None:
        """From now on recurrent layers go on, in training and in evaluation, where the batch before ended;
        None: no longer.
        """
        self._carrier = carrier
        self.forget("train", "test")


def _for(make: weakref.WeakMethod[Callable[..., BoundProgram]], *arguments: Any) -> BoundProgram:
    """A program from a method of `Programs`, which the pools it keeps do not keep in turn."""
    method = make()
    if method is None:
        raise ReferenceError("the model of these programs is gone")
    return method(*arguments)


Kept = TypeVar("Kept", BoundProgram, Pool)


def _kept(
    found: OrderedDict[tuple[str, Sizes], Kept], kind: str, sizes: Sizes, make: Callable[[], Kept]
) -> Kept:
    """What stands there for this kind and these sizes, or is made; of a kind those used last stay."""
    key = kind, sizes
    one = found.get(key)
    if one is None:
        one = found[key] = make()
        if sizes:
            for old in [other for other in list(found) if other[0] == kind][:-KEPT]:
                found.pop(old, None)
    elif sizes:
        with contextlib.suppress(KeyError):  # another thread has taken it out
            found.move_to_end(key)
    return one
