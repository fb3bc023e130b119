"""Calls that are being traced: `call` of a layer or model of one's own runs once, on symbolic tensors, and
what it does with them becomes a part of the graph.

While such a `call` runs, every Node that is made belongs to it. layers/tracing.py runs the calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

_calls: ContextVar[tuple[Any, ...]] = ContextVar("calls", default=())
_branches: ContextVar[tuple[bool, ...]] = ContextVar("branches", default=())
_losses: ContextVar[list[Any] | None] = ContextVar("losses", default=None)
_counted: ContextVar[list[Any] | None] = ContextVar("counted", default=None)


def active() -> tuple[Any, ...]:
    """The calls (nesting.ModelCall) that are being traced here, outermost first."""
    return _calls.get()


@contextmanager
def inside(*calls: Any) -> Iterator[None]:
    """Inside, new nodes belong to these calls too; with none of them, to no call at all."""
    token = _calls.set((*_calls.get(), *calls) if calls else ())
    try:
        yield
    finally:
        _calls.reset(token)


_builds: ContextVar[bool] = ContextVar("builds", default=False)


@contextmanager
def building() -> Iterator[None]:
    """Inside, weights are made, and may be written, though the call of a layer around may be traced."""
    token = _builds.set(True)
    try:
        yield
    finally:
        _builds.reset(token)


def builds() -> bool:
    """Whether a `build` is running."""
    return _builds.get()


@contextmanager
def collecting(losses: list[Any]) -> Iterator[None]:
    """Inside, `add_loss` puts its tensors into this list."""
    token = _losses.set(losses)
    try:
        yield
    finally:
        _losses.reset(token)


def collected() -> list[Any] | None:
    """Where the call that is being traced keeps the losses that it adds; None: none is traced."""
    return _losses.get()


_penalties: ContextVar[tuple[Any, ...]] = ContextVar("penalties", default=())


@contextmanager
def penalising(penalties: list[Any]) -> Iterator[None]:
    """Inside, these are the `losses` of the model whose `compute_loss` is traced."""
    token = _penalties.set(tuple(penalties))
    try:
        yield
    finally:
        _penalties.reset(token)


def penalties() -> list[Any]:
    """What regularizers and `add_loss` add, as a tensor, where `compute_loss` is traced; else nothing."""
    return list(_penalties.get())


_labels: ContextVar[list[Any] | None] = ContextVar("labels", default=None)


@contextmanager
def noting_labels() -> Iterator[list[Any]]:
    """Inside, losses put (tensor of class numbers, number of classes) into the list that this gives: who runs
    the graph checks them.
    """
    labels: list[Any] = []
    token = _labels.set(labels)
    try:
        yield labels
    finally:
        _labels.reset(token)


def note_labels(tensor: Any, classes: int) -> None:
    """Keeps class numbers of a loss where somebody will check them."""
    labels = _labels.get()
    if labels is not None:
        labels.append((tensor, classes))


@contextmanager
def counting() -> Iterator[list[Any]]:
    """Inside, metrics that are given symbolic tensors put (metric, tensor) into the list that this gives."""
    counted: list[Any] = []
    token = _counted.set(counted)
    try:
        yield counted
    finally:
        _counted.reset(token)


def counted() -> list[Any] | None:
    """Where metrics keep the tensors that they are to count; None: nothing will count them."""
    return _counted.get()


@contextmanager
def answering(training: bool) -> Iterator[None]:
    """Inside, a `call` that asks whether it trains is told this; it is traced with the other answer too."""
    token = _branches.set((*_branches.get(), training))
    try:
        yield
    finally:
        _branches.reset(token)


def answers() -> set[bool]:
    """What the calls that are being traced here were told: nothing, one answer, or both, which no run is."""
    return set(_branches.get())


_examples: ContextVar[tuple[Any, ...]] = ContextVar("examples", default=())


@contextmanager
def reading(tensors: list[Any]) -> Iterator[None]:
    """Inside, a `call` is traced that reads these tensors: their batch is that of what it draws by chance."""
    token = _examples.set(tuple(one for one in tensors if not one.single and one.dtype != "string"))
    try:
        yield
    finally:
        _examples.reset(token)


def examples() -> tuple[Any, ...]:
    """The tensors with a batch that the innermost `call` reads; nothing outside of one."""
    return _examples.get()


class AsksWhetherTraining(Exception):  # noqa: N818 - no mistake: who traces answers with both
    """`call` does other things in training than in inference."""


class Phase:
    """What `call` gets as `training` where the graph is to serve both: layers take it as None, an `if` asks
    for the two ways to be traced one after the other.
    """

    def __bool__(self) -> bool:
        raise AsksWhetherTraining

    def __repr__(self) -> str:
        return "<training, as the model is run>"


PHASE = Phase()


class BranchOnValuesError(TypeError):
    """An `if` or `while` asked a symbolic tensor for its truth."""


def leaves(value: Any, kind: type) -> list[Any]:
    """What is of this kind in nested lists, tuples and dicts, in order."""
    if isinstance(value, kind):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [leaf for part in value for leaf in leaves(part, kind)] if isinstance(value, (list, tuple)) else []


def replaced(value: Any, kind: type, leaves: Iterator[Any]) -> Any:
    """Nested lists, tuples and dicts again, with the next leaf in the place of each of this kind."""
    if isinstance(value, kind):
        return next(leaves)
    if isinstance(value, dict):
        return {name: replaced(part, kind, leaves) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [replaced(part, kind, leaves) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    return value
