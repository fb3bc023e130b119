"""The graph of a functional model: symbolic tensors, the calls of layers that join them, and their order.

Calling a layer on symbolic tensors makes a Node; `Model` walks the nodes back from its outputs. lowering/
turns them into operations of the core.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from . import tracing
from .operators import Operators, operate

if TYPE_CHECKING:
    from ..layers.base import Layer

Shape = tuple[int | None, ...]


class SymbolicTensor(Operators):
    """What a layer will produce: its shape (batch first, None = any size) and the call that makes it.

    `single`: there is one for the whole batch, as a mean over all examples; the shape has no batch then.
    """

    __slots__ = ("dtype", "index", "name", "node", "shape", "single")
    __array_ufunc__ = None  # so that array * tensor asks the tensor

    def __init__(self, shape: Shape, node: Node, index: int, dtype: str = "float32") -> None:
        self.shape = shape
        self.node = node
        self.index = index
        self.dtype = dtype
        self.name = node.layer.name
        self.single = False

    @property
    def ndim(self) -> int:
        """How many axes there are."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<SymbolicTensor shape={self.shape}, dtype={self.dtype}, layer={self.name!r}>"

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise TypeError(
            f"{self!r} stands for values that are not known yet; pass data to model.predict instead"
        )

    def __ne__(self, other: Any) -> Any:  # == stays that of objects, as Keras's
        return operate("not_equal", self, other) if other is not None else True

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise tracing.BranchOnValuesError(
            f"{self!r} stands for values that are not known yet, so no `if` or `while` can ask for them: "
            "compute both ways and choose with ops.where, or write a Layer in Python with `forward`"
        )


class Node:
    """One call of a layer: which tensors went in, which came out."""

    __slots__ = ("calls", "inner", "inputs", "layer", "mask_source", "outputs", "training")

    def __init__(
        self, layer: Layer, inputs: Sequence[SymbolicTensor], shapes: Sequence[Shape], dtype: str = "float32"
    ) -> None:
        self.layer = layer
        self.inputs = list(inputs)
        self.training: bool | None = None  # what the layer was called with; None: as the model is run
        self.mask_source: Any = ...  # the node that gave the result its mask, None: no step is masked;
        # found when it is first asked for (layers/operand_masks.py)
        self.inner: tuple[SymbolicTensor, SymbolicTensor] | None = None  # of one step, see folding.py
        # of models inside which it was made, outermost first (nesting.py); an Input belongs to none
        self.calls = tracing.active() if inputs else ()
        self.outputs = [
            SymbolicTensor(tuple(shape), self, index, dtype) for index, shape in enumerate(shapes)
        ]


def is_symbolic(inputs: Any) -> bool:
    """Whether a layer is called on symbolic tensors: one, or a list with one in it, or an empty one."""
    if isinstance(inputs, dict):
        inputs = list(inputs.values())
    if not isinstance(inputs, (list, tuple)):
        return isinstance(inputs, SymbolicTensor)
    if not inputs or any(isinstance(part, SymbolicTensor) for part in inputs):
        return True
    return isinstance(inputs[0], (list, tuple)) and bool(inputs[0]) and is_symbolic(inputs[0])


def flatten(value: Any) -> list[Any]:
    """A tensor, or a (nested) list, tuple or dict of tensors, as a flat list."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [leaf for part in value for leaf in flatten(part)]
    return [value]


def walk(
    inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor], all_inputs: bool = True
) -> list[Node]:
    """The nodes between inputs and outputs, each after those it needs; ValueError if an output needs another
    input, and with `all_inputs` if no output needs one of them.
    """
    ends = {id(tensor) for tensor in inputs}
    found: list[Node] = []
    seen: set[int] = set()
    stack: list[tuple[Node, bool]] = [(tensor.node, False) for tensor in reversed(outputs)]
    while stack:
        node, finished = stack.pop()
        if finished:
            found.append(node)
            continue
        if id(node) in seen:
            continue
        seen.add(id(node))
        stack.append((node, True))
        if any(id(tensor) in ends for tensor in node.outputs):
            continue
        if not node.inputs:
            raise ValueError(
                f"An output of the model depends on the Input {node.layer.name!r}, which is not among "
                f"`inputs`. Received: inputs={[tensor.name for tensor in inputs]}"
            )
        stack += [(tensor.node, False) for tensor in reversed(node.inputs)]
    missing = [tensor.name for tensor in inputs if id(tensor.node) not in seen]
    if missing and all_inputs:
        raise ValueError(f"inputs {missing} are not connected to the outputs of the model")
    return found


def by_depth(nodes: Sequence[Node]) -> list[Node]:
    """The nodes in the order of Keras's `Model.layers`: farthest from the outputs first, then as walked."""
    depth = {id(node): 0 for node in nodes}
    maker = {id(tensor): node for node in nodes for tensor in node.outputs}
    for node in reversed(nodes):
        for tensor in node.inputs:
            before = maker.get(id(tensor))
            if before is not None:
                depth[id(before)] = max(depth[id(before)], depth[id(node)] + 1)
    return sorted(nodes, key=lambda node: -depth[id(node)])


def unique_layers(nodes: Iterable[Any]) -> list[Layer]:
    """The layers of the nodes, each once, in order."""
    return list({id(node.layer): node.layer for node in nodes}.values())
