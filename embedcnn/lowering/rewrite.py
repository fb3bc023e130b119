"""From plain operations to fast ones: the table PATTERNS, each tried wherever it fits, in order.

Most patterns are a chain of operations that one fused operation computes. A rewrite serves one consumer:
whoever else reads a tensor keeps the general path beside it, and operations that nobody reads any more are
dropped at the end. Training and inference are rewritten separately, because dropout vanishes in inference and
may open a fusion. What a rewritten program computes is what the plain one does, to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..activations import MONOTONE
from ..graph.variables import Variable
from .operations import FACTS, Lowered, Operation, assembled, live

MOST_MIXED = 16384
"""Weights of a convolution of single pixels, at most, that stay in the caches beside a band of rows."""
OPEN_STEPS = 128
"""Steps of a text of any length, where a rule on shapes has to count some."""
_WINDOWS = ("stride_rows", "stride_cols", "dilation_rows", "dilation_cols")
RECURRENT = tuple(name for name, facts in FACTS.items() if facts["states"])
MANY_CLASSES = 2048
"""From so many on, the logits of a batch are worth not keeping."""


def rewrite(lowered: Lowered, training: bool) -> Lowered:
    """The same program with the patterns applied that hold in training, or in inference."""
    draft = Draft(lowered)
    for when, pattern in PATTERNS:
        if when == "both" or not training:
            pattern(draft)
    return assembled(lowered.inputs, draft.operations, draft.outputs, draft.tensors, lowered.unseen)


class Draft:
    """A program while it is rewritten: who makes a tensor, and who reads it."""

    def __init__(self, lowered: Lowered) -> None:
        self.operations = [replace(op) for op in lowered.operations]
        self.outputs = list(lowered.outputs)
        self.tensors = dict(enumerate(lowered.tensors))
        self.unseen = lowered.unseen
        self._makers = {out: op for op in self.operations for out in op.outputs}

    def maker(self, tensor: int) -> Operation | None:
        """The operation that makes a tensor; None for inputs of the model."""
        return self._makers.get(tensor)

    def readers(self, tensor: int) -> int:
        """How often a tensor is read: by operations that count, and as an output that somebody looks at."""
        seen = [out for place, out in enumerate(self.outputs) if place not in self.unseen]
        read = sum(op.inputs.count(tensor) for op in live(self.operations, self.outputs))
        return read + seen.count(tensor)

    def insert(self, position: int, op: Operation) -> None:
        self.operations.insert(position, op)
        self._makers |= dict.fromkeys(op.outputs, op)

    def remove(self, op: Operation, *instead: int) -> None:
        """Takes an operation out; who reads its outputs reads `instead`."""
        self.operations.remove(op)
        for out, other_tensor in zip(op.outputs, instead, strict=True):
            for other in self.operations:
                other.inputs = [other_tensor if read == out else read for read in other.inputs]
            self.return_instead({out}, other_tensor)

    def return_instead(self, tensors: set[int], instead: int) -> None:
        """Lets the model return another tensor in the place of these."""
        self.outputs = [instead if out in tensors else out for out in self.outputs]


# -- chains of operations ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Chain:
    """Operations of which each reads, as its first input, what the one before it makes. The last one becomes
    `into` (keeps its name where that is empty), takes all weights and reads what the first one reads.

    `chain`: their names, alternatives joined by "|", with "?" at the end of one that may be missing.
    `settings`: takes the operations found (None for a missing one) and gives the attributes of the fused one,
    or None where it cannot compute them. `alone`: not where anybody else reads what is no longer made.
    `predicts`: a loss, whose output is the prediction: the model returns that.
    """

    into: str
    chain: tuple[str, ...]
    settings: Callable[..., dict[str, Any] | None]
    alone: bool = False
    predicts: bool = False

    def __call__(self, draft: Draft) -> None:
        for op in draft.operations:
            found = self._find(draft, op)
            settings = self.settings(*found) if found else None
            if settings is None:
                continue
            parts = [part for part in found if part is not None]
            between = {part.outputs[0] for part in parts[:-1]}
            if self.alone:
                gone = [op.outputs[0]] if self.predicts else []
                if any(draft.readers(one) > 1 for one in between) or any(map(draft.readers, gone)):
                    continue
            op.name, op.attributes = self.into or op.name, settings
            op.inputs = [*parts[0].inputs, *op.inputs[1:]]
            op.variables = [variable for part in parts for variable in part.variables]
            op.origins = tuple(dict.fromkeys(origin for part in parts for origin in part.origins))
            if self.predicts:
                draft.return_instead(between, op.outputs[0])

    def _find(self, draft: Draft, last: Operation) -> list[Operation | None]:
        """The operations of the chain that ends here; empty where there is none."""
        if last.name not in self.chain[-1].split("|"):
            return []
        found: list[Operation | None] = [last]
        tensor = last.inputs[0]
        for names in reversed(self.chain[:-1]):
            source = draft.maker(tensor)
            if source and source.name in names.rstrip("?").split("|") and source.outputs[0] == tensor:
                found.append(source)
                tensor = source.inputs[0]
            elif names.endswith("?"):
                found.append(None)
            else:
                return []
        return found[::-1]


Found = Operation | None


def _kept_order(activation: Found) -> str | None:
    """The activation, where the maximum may be taken before it; None where not."""
    name = activation.attributes["activation"] if activation else "linear"
    return name if name in MONOTONE or name == "linear" else None


def _plain(op: Operation, *names: str) -> bool:
    """Whether these settings of an operation are 1."""
    return all(op.attributes.get(name, 1) == 1 for name in names)


def _token_conv_pool(_: Operation, conv: Operation, activation: Found, pool: Operation) -> Any:
    kept = _kept_order(activation)
    if kept is None or not _plain(conv, "strides", "dilation_rate", "groups"):
        return None
    use_bias = len(conv.variables) == 2
    return {"use_bias": use_bias, "padding": conv.attributes["padding"], "activation": kept}


def _conv_pool(conv: Operation, activation: Found, pool: Operation) -> Any:
    kept = _kept_order(activation)
    if kept is None or not _plain(conv, "dilation_rate", "groups"):
        return None
    windows = {name: conv.attributes[name] for name in ("strides", "padding")}
    return {**windows, "activation": kept}


def _token_conv(_: Operation, conv: Operation) -> Any:
    if not _plain(conv, "groups"):
        return None
    return {name: value for name, value in conv.attributes.items() if name != "groups"}


def _conv2d_pool(conv: Operation, activation: Found, pool: Operation) -> Any:
    kept = _kept_order(activation)
    windows = {name: size for name, size in pool.attributes.items() if name != "padding"}
    if kept is None or set(windows.values()) != {2} or pool.attributes["padding"] != "valid":
        return None
    if "activation" in conv.attributes or not _plain(conv, "groups"):
        return None
    return {name: value for name, value in conv.attributes.items() if name != "groups"} | {"activation": kept}


def _activated(conv: Operation, activation: Operation) -> Any:
    kept = _kept_order(activation)
    if kept is None or "activation" in conv.attributes:  # two above each other
        return None
    return {**conv.attributes, "activation": kept}


def _separable(depthwise: Operation, conv: Operation) -> Any:
    """What stands between is made a band of rows at a time, where the second kernel fits beside it."""
    (rows, cols, channels, filters), multiplier = conv.variables[0].shape, depthwise.variables[0].shape[3]
    small = channels * filters <= MOST_MIXED
    if (rows, cols, multiplier) != (1, 1, 1) or not small or not _plain(conv, *_WINDOWS, "groups"):
        return None
    return {
        **{name: value for name, value in depthwise.attributes.items() if name != "activation"},
        "first_activation": depthwise.attributes.get("activation", "linear"),
        "first_bias": len(depthwise.variables) == 2,
        "bias": len(conv.variables) == 2,
    }


def _pooled(conv: Operation, pool: Operation) -> Any:
    squares = all(
        pool.attributes[name] == 2 for name in ("pool_rows", "pool_cols", "stride_rows", "stride_cols")
    )
    return {**conv.attributes, "pools": True} if squares and pool.attributes["padding"] == "valid" else None


def _bag(_: Operation, pool: Operation) -> Any:
    return {"mode": {"global_sum_pool": "sum", "global_max_pool": "max"}.get(pool.name, "mean")}


def _same(*found: Operation) -> Any:
    return found[-1].attributes


def _logits(source: Operation, loss: Operation) -> Any:
    # of logits rather than probabilities: exact and stable
    binary = loss.attributes["kind"] == "binary"
    makes = source.attributes["activation"] if source.name == "activation" else source.name
    if (
        source.attributes.get("axes")
        or loss.attributes["from_logits"]
        or makes != ("sigmoid" if binary else "softmax")
    ):
        return None
    return {**loss.attributes, "from_logits": True}


def _many_classes(dense: Operation, loss: Operation) -> Any:
    labels = loss.attributes["kind"] == "sparse_categorical" and loss.attributes["from_logits"]
    if not labels or dense.attributes or dense.variables[0].shape[1] < MANY_CLASSES:
        return None
    return {name: value for name, value in loss.attributes.items() if name not in ("kind", "from_logits")}


# -- other patterns ------------------------------------------------------------------------------------------
def leave_out_noise(draft: Draft) -> None:
    """dropout(x) -> x, noise(x) -> x; not of layers that were called with training=True."""
    for op in [op for op in draft.operations if op.facts["only_trains"] and not op.attributes.get("always")]:
        draft.remove(op, op.inputs[0])


_KERNELS = {
    "conv2d": (),
    "depthwise_conv2d": (),
    "conv2d_transpose": (3,),
    "conv1d": (),
    "depthwise_conv1d": (),
    "dense": (),
}
"""Operations that are linear in a kernel, and which of its axes stand behind that of their channels."""


def normalize_weights(draft: Draft) -> None:
    """batch_normalization(conv2d(x; W, b)) -> conv2d(x; W', b') in inference, where it scales and shifts each
    channel: normalized_weights makes W' and b' of the weights as they are, in each run. Only where nobody
    else reads what is between.
    """
    for op in [op for op in draft.operations if op.name == "batch_normalization"]:
        source = draft.maker(op.inputs[0])
        if source is None or source.name not in _KERNELS or op.attributes.get("axes"):
            continue
        kernel, *bias = source.variables
        values = math.prod(size or OPEN_STEPS for size in draft.tensors[op.outputs[0]].shape[1:])
        read = draft.maker(source.inputs[0])  # tokens: then more is saved behind it
        pays = kernel.size <= max(MOST_MIXED, 4 * values) or (read is not None and read.name == "embed")
        if source.attributes.get("transposed") or draft.readers(source.outputs[0]) > 1 or not pays:
            continue
        shapes = {"kernel": kernel.shape, "bias": op.variables[-1].shape}
        made = [
            Variable(f"normalized_{name}", np.zeros(shape, np.float32), kernel.layer, tracked=True)
            for name, shape in shapes.items()
        ]
        settings = {name: op.attributes[name] for name in ("scale", "center", "epsilon")}
        settings["inner"] = math.prod(kernel.shape[axis] for axis in _KERNELS[source.name])
        origins = tuple(dict.fromkeys(source.origins + op.origins))
        weights = [kernel, *bias, *op.variables, *made]
        writer = Operation(
            "normalized_weights", [], [], weights, {"bias": bool(bias), **settings}, None, origins
        )
        draft.insert(draft.operations.index(source), writer)
        source.variables, source.origins = made, origins
        draft.remove(op, source.outputs[0])


def fold_once(draft: Draft) -> None:
    """fold(unfold(x)) -> x, where x has no mask that ends: layers that are applied to each step alone, one
    above the other.
    """
    for op in [op for op in draft.operations if op.name == "fold"]:
        source = draft.maker(op.inputs[0])
        if source is None or source.name != "unfold" or _may_be_masked(draft, source.inputs[0]):
            continue
        if draft.tensors[source.inputs[0]].shape[1:] == draft.tensors[op.outputs[0]].shape[1:]:
            draft.remove(op, *source.inputs)


def _may_be_masked(draft: Draft, tensor: int) -> bool:
    """Whether steps inside of a fold can be masked: by what stands between it and the tensor."""
    source = draft.maker(tensor)
    if source is None or source.name == "fold":
        return False
    masks = source.facts["plans_from_values"] or source.attributes.get("mask_zero")
    return bool(masks) or any(_may_be_masked(draft, read) for read in source.inputs)


def join_branches(draft: Draft) -> None:
    """concatenate(token_conv_pool(t, a), token_conv_pool(t, b)) -> token_conv_pool(t, a, b): one pass over
    the tokens.
    """
    for position, op in reversed(list(enumerate(draft.operations))):
        runs = _runs(draft, op.inputs) if op.name == "concatenate" else []
        if len(runs) == len(op.inputs) or not runs:
            continue
        inputs = []
        for run in runs:
            if len(run) > 1:
                draft.insert(position, joined := _joined(draft, run))
                inputs.append(joined.outputs[0])
            else:
                inputs += run
        op.inputs = inputs
        if len(inputs) == 1:
            draft.remove(op, inputs[0])


def _runs(draft: Draft, tensors: list[int]) -> list[list[int]]:
    """The tensors, neighbours that one token_conv_pool may make together; a kernel stands there once."""
    runs: list[list[int]] = []
    previous, used = None, set[int]()
    for tensor in tensors:
        branch = draft.maker(tensor)
        fits = branch is not None and branch.name == "token_conv_pool"
        key = (branch.inputs, branch.attributes) if branch and fits else None
        kernels = {id(variable) for variable in branch.variables} if branch else set()
        if key is not None and key == previous and not kernels & used:
            runs[-1].append(tensor)
            used |= kernels
        else:
            runs.append([tensor])
            used = kernels
        previous = key
    return runs


def _joined(draft: Draft, run: list[int]) -> Operation:
    """The one operation for several branches."""
    branches = [branch for branch in map(draft.maker, run) if branch]
    out = len(draft.tensors)
    shapes = [draft.tensors[tensor].shape for tensor in run]
    width = sum(shape[-1] or 0 for shape in shapes)
    draft.tensors[out] = draft.tensors[run[0]]._replace(shape=(*shapes[0][:-1], width))
    return replace(
        branches[0],
        outputs=[out],
        variables=[variable for branch in branches for variable in branch.variables],
        origins=tuple(dict.fromkeys(origin for branch in branches for origin in branch.origins)),
    )


def give_slopes(draft: Draft) -> None:
    """separable_conv2d(conv2d(x)) where nobody else reads what is between: the slope of its activation is
    multiplied into its gradient while a band of that is in the cache.
    """
    for op in [op for op in draft.operations if op.name == "separable_conv2d"]:
        source = draft.maker(op.inputs[0])
        activation = source.attributes.get("activation", "linear") if source else "linear"
        if source is None or source.name != "conv2d" or activation == "linear":
            continue
        if draft.readers(source.outputs[0]) == 1:
            source.attributes = {**source.attributes, "slope_is_given": True}
            op.attributes = {**op.attributes, "input_activation": activation}


POOLED = ("conv1d", "activation?", "global_max_pool")

PATTERNS: list[tuple[str, Callable[[Draft], None]]] = [
    ("inference", leave_out_noise),
    ("inference", normalize_weights),
    ("both", fold_once),
    ("both", Chain("token_conv_pool", ("embed", *POOLED), _token_conv_pool)),
    ("both", Chain("conv_pool", POOLED, _conv_pool, alone=True)),
    ("both", Chain("token_conv", ("embed", "conv1d"), _token_conv)),
    ("both", Chain("token_bag", ("embed", "global_average_pool"), _bag)),
    ("both", Chain("token_bag", ("embed", "global_sum_pool"), _bag)),
    ("both", Chain("token_bag", ("embed", "global_max_pool"), _bag, alone=True)),
    ("both", Chain("", ("embed", "|".join(RECURRENT)), _same)),  # its product over the distinct ids
    ("both", join_branches),
    ("both", Chain("depthwise_conv2d", ("depthwise_conv2d", "activation"), _activated, alone=True)),
    ("both", Chain("separable_conv2d", ("depthwise_conv2d", "conv2d"), _separable, alone=True)),
    ("both", Chain("separable_conv2d", ("separable_conv2d", "activation"), _activated, alone=True)),
    ("both", Chain("separable_conv2d", ("separable_conv2d", "max_pool2d"), _pooled, alone=True)),
    ("both", Chain("conv2d_pool", ("conv2d", "activation?", "max_pool2d"), _conv2d_pool, alone=True)),
    ("both", Chain("conv2d", ("conv2d", "activation"), _activated, alone=True)),
    ("both", Chain("conv2d_transpose", ("conv2d_transpose", "activation"), _activated, alone=True)),
    ("both", give_slopes),
    ("both", Chain("", ("softmax|activation", "cross_entropy|focal_cross_entropy"), _logits, predicts=True)),
    ("both", Chain("dense_cross_entropy", ("dense", "cross_entropy"), _many_classes, True, predicts=True)),
]
"""When each rewrite applies, and the rewrite, in order."""
