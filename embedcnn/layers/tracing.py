"""Layers of one's own, made of layers and ops: `call` is run once on symbolic tensors, and what it does
becomes a part of the graph, as one unit (graph/nesting.py). Keras's way to write a layer.

The same for models of one's own (models/subclassed.py). A `call` that computes on NumPy arrays is not traced:
such a layer is written in Python (python.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from ..base.configuration import plain
from ..base.named_objects import named_object
from ..graph import tracing
from ..graph.nesting import ModelCall, is_model, leaf_layers, parts_of
from ..graph.nodes import SymbolicTensor
from ..graph.tracing import (
    PHASE,
    AsksWhetherTraining,
    BranchOnValuesError,
    leaves,
    replaced,
)
from ..ops.primitives import WeightTensor
from .call_arguments import NumbersNeededError, called_with
from .own_masks import fill_masks, under_own_mask


def traced(layer: Any, inputs: Any, options: dict[str, Any]) -> Any:
    """What `call` of a layer or model makes of symbolic tensors: they may stand anywhere in its arguments.

    Raises NumbersNeededError where it computes on arrays instead, TypeError where it gives anything but
    tensors.
    """
    options = dict(options)
    training = called_with(layer, options)
    given = {"inputs": inputs, **options}
    call = ModelCall(layer, leaves(given, SymbolicTensor), training)
    if options or not isinstance(inputs, SymbolicTensor):
        places: list[Any] = [{"tensor": number} for number in range(len(call.inputs))]
        call.arguments = plain(replaced(given, SymbolicTensor, iter(places)))
    _build(layer, inputs, options)
    with tracing.inside(call), tracing.collecting(call.losses):
        made = results_of(layer, inputs, options, training)
        found = leaves(made, SymbolicTensor)
        call.outputs = [_made_here(tensor, call, found[:number]) for number, tensor in enumerate(found)]
    if not is_model(layer):
        layer.nodes.append(call)
        layer.built = True
    return replaced(made, SymbolicTensor, iter(call.outputs))


def results_of(layer: Any, inputs: Any, options: dict[str, Any], training: bool | None = None) -> Any:
    """What `call` returns for these; as `traced` raises."""
    before, options = Calls(layer), dict(options)
    try:
        mask = fill_masks(layer, inputs, options)
        with tracing.reading(leaves([inputs, options], SymbolicTensor)):
            made = _run(layer, inputs, options, training, before)
        if not leaves(made, SymbolicTensor):
            raise TypeError(f"{_call_of(layer)} must return tensors. Received: {type(made).__name__}")
        made = under_own_mask(layer, inputs, mask, made)
    except BaseException as error:
        before.forget_later_ones()
        if not isinstance(error, (TypeError, AttributeError)) or "SymbolicTensor" not in str(error):
            raise
        if isinstance(error, BranchOnValuesError) or is_model(layer) or parts_of(layer):
            raise TypeError(
                f"{_call_of(layer)} is run once, on symbolic tensors, and what it does becomes a part of the "
                f"graph: it must be made of layers and ops. {error}"
            ) from error
        layer.traces = False  # from now on a layer written in Python
        raise NumbersNeededError from None
    return made


def _call_of(layer: Any) -> str:
    return f"`call` of {layer.name!r} ({type(layer).__name__})"


def _run(layer: Any, inputs: Any, options: dict[str, Any], training: bool | None, before: Calls) -> Any:
    """What `call` returns; where it asks whether it trains, the choice between both answers."""
    accepted = inspect.signature(layer.call).parameters
    anything = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
    if "mask" in accepted and accepted["mask"].default is inspect.Parameter.empty:
        options.setdefault("mask", None)
    if "training" not in accepted and not anything:
        return layer.call(inputs, **options)
    try:
        return layer.call(inputs, **options, training=PHASE if training is None else training)
    except AsksWhetherTraining:
        before.forget_later_ones()
    both = []
    for answer in (True, False):
        with tracing.answering(answer):
            both.append(layer.call(inputs, **options, training=answer))
    trains, infers = (leaves(one, SymbolicTensor) for one in both)
    if [tensor.shape for tensor in trains] != [tensor.shape for tensor in infers]:
        raise ValueError(
            f"{_call_of(layer)} must return tensors of the same shapes in training and in inference. "
            f"Received: {[tensor.shape for tensor in trains]} and {[tensor.shape for tensor in infers]}"
        )
    chosen = [_switched(one, other) for one, other in zip(trains, infers, strict=True)]
    return replaced(both[0], SymbolicTensor, iter(chosen))


def add_loss(layer: Any, loss: Any) -> None:
    """As Layer.add_loss, and as Model.add_loss within its `call`."""
    losses, found = tracing.collected(), leaves(loss, SymbolicTensor)
    if losses is None:
        raise ValueError(f"add_loss of {layer.name!r} must be called within a `call` that is made of ops")
    if not found and leaves(loss, WeightTensor):
        raise TypeError(
            f"add_loss of {layer.name!r}: a loss of weights alone is a regularizer: give it to the layer of "
            "the weight (embeddings_regularizer, kernel_regularizer, add_weight(regularizer=...)). "
            f"Received: {loss!r}"
        )
    if not found:
        raise TypeError(f"`loss` must be a symbolic tensor or a list of them. Received: {loss!r}")
    losses += found if not (told := tracing.answers()) else _in_one_phase(found, told)


def _switched(trains: SymbolicTensor, infers: SymbolicTensor) -> SymbolicTensor:
    """The first in training, the second in inference."""
    switch = named_object("embedcnn.layers.training_switch:TrainingSwitch")
    made: SymbolicTensor = switch()([trains, infers])
    made.single = trains.single
    return made


def _in_one_phase(losses: list[SymbolicTensor], told: set[bool]) -> list[SymbolicTensor]:
    """Losses that count in training alone or in inference alone, as `call` was told; both: in neither."""
    if len(told) > 1:
        return []
    nothing = [loss * 0.0 for loss in losses]
    pairs = zip(losses, nothing, strict=True) if True in told else zip(nothing, losses, strict=True)
    return [_switched(*pair) for pair in pairs]


class Calls:
    """How often each layer inside another has been called: what an attempt adds can be forgotten."""

    def __init__(self, layer: Any) -> None:
        self._losses = tracing.collected()
        below = [one for one in leaf_layers(parts_of(layer).values()) if one is not layer]
        self._counts = [(one.nodes, len(one.nodes)) for one in below]

    def forget_later_ones(self) -> None:
        """As though the calls since then had not been."""
        for nodes, count in self._counts:
            del nodes[count:]
        if self._losses is not None:
            self._losses.clear()


def _made_here(tensor: SymbolicTensor, call: ModelCall, before: Sequence[SymbolicTensor]) -> SymbolicTensor:
    """A result that the call made itself and returns once: else the unit would have no place in the graph."""
    if any(one is call for one in tensor.node.calls) and not any(one is tensor for one in before):
        return tensor
    same: SymbolicTensor = named_object("embedcnn.layers.core:Identity")()(tensor)
    return same


def _build(layer: Any, inputs: Any, options: dict[str, Any]) -> None:
    """Makes the weights where there are none: `build` gets the shape of the inputs, or one of each argument
    that it names, as query_shape.
    """
    if is_model(layer):
        layer.build_parts(shapes_of(inputs))
    if is_model(layer) or layer.built:
        return
    names = list(inspect.signature(layer.build).parameters)
    first = next(iter(inspect.signature(layer.call).parameters), "")
    given = {f"{first}_shape": inputs} | {f"{name}_shape": value for name, value in options.items()}
    shapes = {name: shapes_of(value) for name, value in given.items() if leaves(value, SymbolicTensor)}
    if len(names) > 1 and set(names) <= set(shapes):
        layer.build(**{name: shapes[name] for name in names})
    else:
        layer.build(shapes_of(inputs))


def shapes_of(tensors: Any) -> Any:
    """The shapes of tensors, in the lists and dicts in which they stand."""
    return replaced(tensors, SymbolicTensor, iter([one.shape for one in leaves(tensors, SymbolicTensor)]))
