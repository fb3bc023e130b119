"""Turns the graph of a model into operations of the core: plain operations first, then a table of rewrites.

layer_operations.py says which operations each layer is made of. `PATTERNS` is the list of rewrites, in
order; each looks
for one shape of operations and replaces it by a faster one. A rewrite serves one consumer: whoever else reads
a tensor keeps
the general path beside it, and operations that nobody reads any more are dropped at the end. Training and
inference are
lowered separately. The operations and their attributes are those of csrc/program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from .. import layers
from ..activations import MONOTONE
from ..graph.nodes import Node, SymbolicTensor
from ..losses import Loss
from .layer_operations import make
from .operations import Builder, Lowered, Operation
from .recurrent_operations import fuse_token_recurrence


# -- the rewrites --------------------------------------------------------------------------------------------
def drop_dropout(build: Builder) -> None:
    """dropout(x) -> x, noise(x) -> x."""
    for op in [op for op in build.operations if op.name in ("dropout", "noise")]:
        build.operations.remove(op)
        build.forget(op.outputs[0], op.inputs[0])


def fuse_token_conv_pool(build: Builder) -> None:
    """global_max_pool([monotone activation] (conv1d(embed(tokens)))), stride and dilation 1 ->
    token_conv_pool(tokens).
    """
    for op in build.operations:
        if op.name != "global_max_pool":
            continue
        activation, source = "linear", build.maker(op.inputs[0])
        if source and source.name == "activation" and source.attributes["activation"] in MONOTONE:
            activation, source = source.attributes["activation"], build.maker(source.inputs[0])
        if not source or source.name != "conv1d":
            continue
        settings = source.attributes
        if any(settings.get(name, 1) != 1 for name in ("strides", "dilation_rate", "groups")):
            continue
        embed = build.maker(source.inputs[0])
        if not embed or embed.name != "embed":
            continue
        op.name, op.inputs, op.variables = "token_conv_pool", embed.inputs, source.variables
        use_bias = len(source.variables) == 2
        op.attributes = {
            "use_bias": use_bias,
            "padding": source.attributes["padding"],
            "activation": activation,
        }


def fuse_conv_pool(build: Builder) -> None:
    """global_max_pool([monotone activation] (conv1d(x))), dilation 1 and one group, read by nobody else ->
    conv_pool(x).
    """
    for op in build.operations:
        if op.name != "global_max_pool":
            continue
        activation, source, between = "linear", build.maker(op.inputs[0]), [op.inputs[0]]
        if source and source.name == "activation" and source.attributes["activation"] in MONOTONE:
            activation, between = source.attributes["activation"], [*between, source.inputs[0]]
            source = build.maker(source.inputs[0])
        if not source or source.name != "conv1d" or not one_tap_apart(source):
            continue
        if any(build.readers(symbol) > 1 for symbol in between):
            continue
        op.name, op.inputs, op.variables = "conv_pool", list(source.inputs), source.variables
        op.attributes = {
            "strides": source.attributes["strides"],
            "padding": source.attributes["padding"],
            "activation": activation,
        }


def one_tap_apart(conv: Operation) -> bool:
    """Whether a convolution's windows are contiguous: no dilation, no groups."""
    return conv.attributes["dilation_rate"] == 1 and conv.attributes.get("groups", 1) == 1


def fuse_token_conv(build: Builder) -> None:
    """conv1d(embed(tokens)), one group -> token_conv(tokens)."""
    for op in build.operations:
        embed = build.maker(op.inputs[0]) if op.name == "conv1d" else None
        if embed and embed.name == "embed" and op.attributes.get("groups", 1) == 1:
            op.name, op.inputs = "token_conv", embed.inputs
            op.attributes = {name: value for name, value in op.attributes.items() if name != "groups"}


def fuse_token_mean(build: Builder) -> None:
    """global_average_pool(embed(tokens)) -> token_mean(tokens)."""
    for op in build.operations:
        embed = build.maker(op.inputs[0]) if op.name == "global_average_pool" else None
        if embed and embed.name == "embed":
            op.name, op.inputs = "token_mean", embed.inputs


def join_branches(build: Builder) -> None:
    """concatenate(token_conv_pool(t, a), token_conv_pool(t, b)) -> token_conv_pool(t, a, b): one pass over
    the tokens.
    """
    for position, op in reversed(list(enumerate(build.operations))):
        if op.name != "concatenate":
            continue
        runs: list[list[int]] = []
        previous, used = None, set[int]()
        for symbol in op.inputs:
            branch = build.maker(symbol)
            key = None
            if branch and branch.name == "token_conv_pool":
                key = (branch.inputs, branch.attributes)
            kernels = {id(variable) for variable in branch.variables} if branch else set()
            if key is not None and key == previous and not kernels & used:  # a kernel stands there once
                runs[-1].append(symbol)
                used |= kernels
            else:
                runs.append([symbol])
                used = kernels
            previous = key
        if len(runs) == len(op.inputs):
            continue
        inputs = []
        for run in runs:
            if len(run) == 1:
                inputs += run
                continue
            branches = [build.maker(symbol) for symbol in run]
            weights = [variable for branch in branches if branch for variable in branch.variables]
            first = branches[0]
            assert first is not None
            joined = Operation("token_conv_pool", first.inputs, [build.symbol()], weights, first.attributes)
            build.operations.insert(position, joined)
            inputs.append(joined.outputs[0])
        op.inputs = inputs
        if len(inputs) == 1:
            build.operations.remove(op)
            build.forget(op.outputs[0], inputs[0])


def fuse_cross_entropy(build: Builder) -> None:
    """cross_entropy(softmax(x) or sigmoid(x)) of probabilities -> cross_entropy(x) of logits, which is exact
    and stable.
    """
    for op in build.operations:
        if op.name not in ("cross_entropy", "focal_cross_entropy") or op.attributes["from_logits"]:
            continue
        source = build.maker(op.inputs[0])
        binary = op.attributes["kind"] == "binary"
        if not source or source.name != ("activation" if binary else "softmax"):
            continue
        if binary and source.attributes["activation"] != "sigmoid":
            continue
        probabilities = op.inputs[0]
        op.inputs = list(source.inputs)
        op.attributes["from_logits"] = True
        build.outputs = [op.outputs[0] if symbol == probabilities else symbol for symbol in build.outputs]


MANY_CLASSES = 2048
"""From so many on, the logits of a batch are worth not keeping."""


def fuse_dense_cross_entropy(build: Builder) -> None:
    """cross_entropy(dense(x)) of labels and logits, many classes, which nobody else reads ->
    dense_cross_entropy(x).
    """
    for op in build.operations:
        if op.name != "cross_entropy" or op.attributes["kind"] != "sparse_categorical":
            continue
        logits, source = op.inputs[0], build.maker(op.inputs[0])
        if not source or source.name != "dense" or not op.attributes["from_logits"]:
            continue
        made = {logits, op.outputs[0]}
        seen = any(
            symbol in made and number not in build.unseen for number, symbol in enumerate(build.outputs)
        )
        readers = sum(other.inputs.count(symbol) for other in build.live() for symbol in made)
        if seen or readers > 1 or source.variables[0].shape[1] < MANY_CLASSES:
            continue
        op.name, op.inputs, op.variables = "dense_cross_entropy", list(source.inputs), source.variables
        op.attributes = {
            name: value for name, value in op.attributes.items() if name not in ("kind", "from_logits")
        }
        build.outputs = [op.outputs[0] if symbol in made else symbol for symbol in build.outputs]


PATTERNS: list[tuple[str, Callable[[Builder], None]]] = [
    ("inference", drop_dropout),
    ("both", fuse_token_conv_pool),
    ("both", fuse_conv_pool),
    ("both", fuse_token_conv),
    ("both", fuse_token_mean),
    ("both", fuse_token_recurrence),
    ("both", join_branches),
    ("both", fuse_cross_entropy),
    ("both", fuse_dense_cross_entropy),
]
"""When each rewrite applies, and the rewrite, in order."""


# -- the whole -----------------------------------------------------------------------------------------------
def input_kind(tensor: SymbolicTensor, nodes: Sequence[Node]) -> str:
    """What an input holds: "ids" where an Embedding reads it, "floats" for numbers, "sequence" for (T, C)."""
    readers = {type(node.layer) for node in nodes if any(tensor is read for read in node.inputs)}
    if readers.intersection(layers.ID_READERS):
        if readers.difference(layers.ID_READERS):
            raise ValueError(
                f"Input {tensor.name!r} is read by an Embedding or HashedNgrams (as ids) and by another "
                "layer (as numbers); "
                "use two Inputs"
            )
        return "ids"
    return "floats" if tensor.ndim == 2 else "sequence"


def _describe_input(tensor: SymbolicTensor, nodes: Sequence[Node], name: str) -> tuple[Any, ...]:
    kind = input_kind(tensor, nodes)
    time = -1 if tensor.shape[1] is None else tensor.shape[1]
    if kind == "sequence":
        return (kind, name, time, tensor.shape[2])
    if kind == "floats" and time == -1:
        raise ValueError(f"Input {tensor.name!r} of numbers must have a known size. Received: shape=(None,)")
    return (kind, name, time)


def _ngrams(build: Builder, nodes: Sequence[Node], symbols: dict[int, int]) -> None:
    """The ids of the n-grams, which the lookups read."""
    for node in nodes:
        if isinstance(node.layer, layers.HashedNgrams):
            layer = node.layer
            sizes = {"n": layer.n, "input_dim": layer.input_dim, "buckets": layer.buckets}
            made = build.add("ngrams", [symbols[id(node.inputs[0])]], **sizes)
            symbols[id(node.outputs[0])] = made


def _lookups(build: Builder, nodes: Sequence[Node], symbols: dict[int, int]) -> dict[int, int]:
    """One lookup per Embedding layer over all its inputs; returns the tokens of each call."""
    tokens: dict[int, int] = {}
    for layer in {
        id(node.layer): node.layer for node in nodes if isinstance(node.layer, layers.Embedding)
    }.values():
        calls = [node for node in nodes if node.layer is layer]
        read = list(dict.fromkeys(symbols[id(call.inputs[0])] for call in calls))
        made = [build.symbol() for _ in read]
        build.operations.append(
            Operation("lookup", read, made, [layer.embeddings], {"mask_zero": layer.mask_zero})
        )
        for call in calls:
            tokens[id(call)] = made[read.index(symbols[id(call.inputs[0])])]
    return tokens


def lower(
    inputs: Sequence[SymbolicTensor],
    outputs: Sequence[SymbolicTensor],
    nodes: Sequence[Node],
    names: Sequence[str],
    losses: Sequence[Loss | None] = (),
    loss_weights: Sequence[float] = (),
    training: bool = False,
    unseen: Collection[int] = (),
) -> Lowered:
    """The operations for `outputs` (and their losses): `nodes` are all between inputs and outputs, in order.

    `names` are those of the inputs in messages; `unseen` the numbers of outputs that need not be computed
    where their loss does without them.
    """
    build = Builder()
    build.unseen = set(unseen)
    build.has_losses = bool(losses)
    symbols: dict[int, int] = {}
    for tensor, name in zip(inputs, names, strict=True):
        build.inputs.append(_describe_input(tensor, nodes, name))
        symbols[id(tensor)] = build.symbol()
        build.shapes[symbols[id(tensor)]] = tensor.shape
    _ngrams(build, nodes, symbols)
    tokens = _lookups(build, nodes, symbols)
    for call, node in enumerate(nodes):
        if not node.inputs or isinstance(node.layer, layers.HashedNgrams):
            continue
        read = [tokens[id(node)]] if id(node) in tokens else [symbols[id(tensor)] for tensor in node.inputs]
        made = make(build, node.layer, read, call)
        results = build.penalized(node.layer, made if isinstance(made, list) else [made])
        for tensor, result in zip(node.outputs, results, strict=True):
            symbols[id(tensor)] = result
            build.shapes[result] = tensor.shape
    build.outputs = [symbols[id(tensor)] for tensor in outputs]
    for number, loss in enumerate(losses):
        if loss is not None:
            weight = {} if loss_weights[number] == 1.0 else {"weight": float(loss_weights[number])}
            build.add(loss.operation, [build.outputs[number]], **loss.attributes(), **weight)
    for when, rewrite in PATTERNS:
        if when == "both" or not training:
            rewrite(build)
    return build.finish()
