"""From the graph of a model to plain operations of the core: one after the other, as its layers say.

`layer_operations.OPERATIONS` says which operations each layer is made of: most are one, with an activation
behind it where the layer has one. Nothing is fused here and nothing left out, so training and inference have
the same plain program, but for layers of one's own that ask which it is; rewrite.py makes it fast, and who
wants to read a model (an exporter) reads it here: every tensor has its shape and dtype, every operation the
layer and the call that it comes from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ..graph.folding import Fold, Unfold, unrolled
from ..graph.nodes import Node, SymbolicTensor
from ..layers.embedding import Embedding
from ..layers.ngrams import HashedNgrams
from ..layers.training_switch import TrainingSwitch
from ..ops.primitives import TRACING, WeightTensor
from . import tables, tensor_operations
from .builder import Builder
from .input_types import input_dtype
from .layer_operations import make
from .operations import InputForm, Lowered, Origin
from .tensor_forms import reshaped, usual

if TYPE_CHECKING:
    from ..graph.variables import Variable
    from ..losses import Loss


def translate(
    inputs: Sequence[SymbolicTensor],
    outputs: Sequence[SymbolicTensor],
    nodes: Sequence[Node],
    names: Sequence[str],
    losses: Sequence[Loss | None] = (),
    loss_weights: Sequence[float] = (),
    unseen: Collection[int] = (),
    training: bool = False,
    added: Sequence[SymbolicTensor] = (),
    penalised: Sequence[Variable] = (),
) -> Lowered:
    """The plain operations for `outputs` and their losses: `nodes` are all between inputs and outputs, in
    order.

    `names` are those of the inputs in messages; `unseen` the numbers of outputs whose values nobody looks
    at; `training` decides what layers of one's own that ask for it do; `added` is what they add to the loss;
    `penalised` are weights whose regularizer is the user's own.
    Raises ValueError for inputs that no
    layer can read, TypeError for layers that have no operation.
    """
    build = Builder(penalties=bool(losses), trains=training)
    nodes = tables.ids_first(unrolled(nodes))
    origins = _origins(nodes)
    symbols: dict[int, int] = {}
    for tensor, name in zip(inputs, names, strict=True):
        build.inputs.append(_describe_input(tensor, nodes, name))
        symbols[id(tensor)] = build.input_symbol(tensor.shape)
    frames = _folded_ids(build, nodes, symbols, origins)
    _ngrams(build, nodes, symbols, origins)
    tokens = tables.lookups(build, nodes, symbols, origins)
    for call, (node, origin) in enumerate(zip(nodes, origins, strict=True)):
        done = isinstance(node.layer, HashedNgrams) or node.layer.prepares or id(node.layer) in frames
        if not node.inputs or done:
            continue  # what these give is known already
        if isinstance(node.layer, Fold):
            frames[id(node.layer)] = _fold(build, node, symbols, origin)
            continue
        if isinstance(node.layer, Embedding) and id(node) not in tokens:  # whose ids have been computed now
            tokens |= tables.lookup(build, node.layer, nodes, symbols, origins)
        first = tokens[id(node)] if id(node) in tokens else symbols[id(node.inputs[0])]
        read = [first, *(symbols[id(tensor)] for tensor in node.inputs[1:])]
        if isinstance(node.layer, TrainingSwitch):
            symbols[id(node.outputs[0])] = read[not training]
            continue
        build.begin([origin], node.outputs[0].shape, node.training, node.outputs[0].single)
        if isinstance(node.layer, Unfold):
            made: int | list[int] = build.add("unfold", [*read, frames[id(node.layer.fold)]])
        else:
            made = make(build, node.layer, read, call)
        results = build.penalized(node.layer, made if isinstance(made, list) else [made])
        symbols.update(zip(map(id, node.outputs), results, strict=True))
    returned = [usual(build, symbols[id(tensor)]) for tensor in outputs]
    for number, loss in enumerate(losses):
        if loss is not None:
            settings = loss.attributes()
            if loss_weights[number] != 1.0:
                settings["weight"] = float(loss_weights[number])
            predicted = returned[number]
            build.begin([Origin(loss.name, number)], build.shape(predicted))
            if len(build.shape(predicted)) == 1 and not build.is_single(
                predicted
            ):  # one number for each text
                predicted = reshaped(build, predicted, (*build.shape(predicted), 1), False)
                build.begin([Origin(loss.name, number)], build.shape(predicted))
            build.add(loss.operation, [predicted], **settings)
    for number, tensor in enumerate(added):
        symbol = symbols[id(tensor)]
        build.begin([Origin("added_loss", number)], build.shape(symbol))
        build.add("activity_penalty", [symbol], added=1.0)
    for variable in penalised:
        _penalise(build, variable)
    return build.finish(returned, unseen)


def _penalise(build: Builder, variable: Variable) -> None:
    """Adds what a regularizer of the user's own says of a weight, a formula of it, to the loss."""
    what = f"{variable.regularizer!r} of {variable.path}"
    if any(variable in one.variables and one.facts["reads_table"] for one in build.operations):
        raise ValueError(f"{what}: the table of an Embedding takes L1, L2 and L1L2 alone")
    token = TRACING.set(True)
    try:
        formula = variable.regularizer(variable)  # type: ignore[misc]  # there is one
    finally:
        TRACING.reset(token)
    if not isinstance(formula, WeightTensor):
        raise TypeError(
            f"{what} must be made of operators and embedcnn.ops. Received: {type(formula).__name__}"
        )
    build.begin([Origin(f"{variable.path}/regularizer", 0)], formula.shape, None, True)
    symbol = tensor_operations.operand(build, variable.layer, formula)
    build.add("activity_penalty", [symbol], added=1.0)


def _describe_input(tensor: SymbolicTensor, nodes: Sequence[Node], name: str) -> InputForm:
    dtype = input_dtype(tensor, nodes)
    images = tensor.ndim == 4 and any(node.layer.reads_images for node in nodes)
    has_steps = dtype == "int32" or (tensor.ndim > 2 and not images)
    dims = tensor.shape[2 if has_steps else 1 :]
    if images and None in dims:
        raise ValueError(
            f"The operations on the images of input {tensor.name!r} follow from their sizes, which the first "
            f"batch gives: fit, evaluate or predict first. Received: shape={tensor.shape[1:]}"
        )
    if dtype == "float32" and None in dims:
        raise ValueError(
            f"Input {tensor.name!r} of numbers must have a known size. Received: shape={tensor.shape[1:]}"
        )
    steps = (-1 if tensor.shape[1] is None else tensor.shape[1]) if has_steps else None
    return name, dtype, steps, tuple(-1 if size is None else size for size in dims)


def _origins(nodes: Sequence[Node]) -> list[Origin]:
    """Where the operations of each node come from."""
    calls: Counter[str] = Counter()
    found = []
    opened: list[Any] = []  # whose Unfold follows, with the same origin
    for node in nodes:
        path = "/".join([*(call.layer.name for call in node.calls), node.layer.name])
        found.append(Origin(path, calls[path]))
        if isinstance(node.layer, Fold):
            opened.append(node.layer.holder)
        elif isinstance(node.layer, Unfold):
            opened.pop()
        calls[path] += not isinstance(node.layer, Fold) and node.layer not in opened
    return found


def _fold(build: Builder, node: Node, symbols: dict[int, int], origin: Origin) -> int:
    """The steps of a tensor as a batch of their own; returns the symbol of their frame, which unfolds it."""
    source, (first,) = usual(build, symbols[id(node.inputs[0])]), node.outputs
    dtype, batch_and_steps = build.tensors[source].dtype, build.shape(source)[:2]
    symbols[id(first)], frame = build.symbol(first.shape, dtype), build.symbol(batch_and_steps)
    build.begin([origin], first.shape)
    has_steps = dtype == "int32" or first.ndim > 2
    settings: dict[str, Any] = {} if has_steps else {"steps": 0}
    build.append("fold", [source], [symbols[id(first)], frame], **settings)
    return frame


def _folded_ids(
    build: Builder, nodes: Sequence[Node], symbols: dict[int, int], origins: Sequence[Origin]
) -> dict[int, int]:
    """Folds the inputs of ids, which the lookups read; returns the frame of each Fold."""
    frames: dict[int, int] = {}
    for node, origin in zip(nodes, origins, strict=True):
        source = symbols.get(id(node.inputs[0])) if isinstance(node.layer, Fold) else None
        if source is not None and build.tensors[source].dtype == "int32":
            frames[id(node.layer)] = _fold(build, node, symbols, origin)
    return frames


def _ngrams(
    build: Builder, nodes: Sequence[Node], symbols: dict[int, int], origins: Sequence[Origin]
) -> None:
    """The ids of the n-grams, which the lookups read."""
    for node, origin in zip(nodes, origins, strict=True):
        if isinstance(node.layer, HashedNgrams):
            layer = node.layer
            build.begin([origin], node.outputs[0].shape)
            made = build.symbol(node.outputs[0].shape, "int32")
            sizes: dict[str, Any] = {"n": layer.n, "input_dim": layer.input_dim, "buckets": layer.buckets}
            build.append("ngrams", [symbols[id(node.inputs[0])]], [made], **sizes)
            symbols[id(node.outputs[0])] = made
