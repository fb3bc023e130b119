"""From the graph of a model to a program of the core: translated, rewritten, bound to the weights.

    translate    graph -> plain operations, one after the other as the layers say
    rewrite      plain operations -> fast ones, by a table of patterns; training and inference apart
    binding      operations -> a program of the core with the weights bound to it

`str()` of a lowered program, plain or rewritten, is a listing to read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ..graph.nodes import Node, SymbolicTensor
from ..losses import Loss
from .input_types import input_dtype
from .operations import Lowered
from .rewrite import MANY_CLASSES, PATTERNS
from .rewrite import rewrite as rewritten
from .translate import translate

__all__ = ["MANY_CLASSES", "PATTERNS", "Lowered", "input_dtype", "lower", "rewritten", "translate"]


def lower(
    inputs: Sequence[SymbolicTensor],
    outputs: Sequence[SymbolicTensor],
    nodes: Sequence[Node],
    names: Sequence[str],
    losses: Sequence[Loss | None] = (),
    loss_weights: Sequence[float] = (),
    training: bool = False,
    unseen: Collection[int] = (),
    rewrite: bool = True,
) -> Lowered:
    """The operations for training or inference; with rewrite=False the plain ones. Other arguments as in
    `translate`.
    """
    plain = translate(inputs, outputs, nodes, names, losses, loss_weights, unseen, training)
    return rewritten(plain, training) if rewrite else plain
