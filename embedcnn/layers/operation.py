"""An operation of `embedcnn.ops` as a layer of the graph: what `x + 1` of a symbolic tensor makes.

Its operands are what it is called on, and beside that arrays and weights, in their order. Which operations of
the core it becomes: lowering/tensor_operations.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..base.names import unique_name
from ..graph.nodes import Node, Shape, SymbolicTensor, flatten, is_symbolic
from ..graph.variables import Variable
from ..ops.primitives import PRIMITIVES, WeightTensor, apply, as_array, result_of
from .base import Layer
from .operand_masks import ZERO_STAYS, masks_differ, on_all_steps

AS_LAYERS: dict[str, type[Layer]] = {}
"""Operations in which tensors of one shape join as in Keras's merging layers: merging.py fills it."""


class Place(NamedTuple):
    """Stands for what an operation is called on, by its number."""

    number: int


class Operation(Layer):
    """One operation: its name in `embedcnn.ops`, its operands (Place, arrays, numbers, weights, formulas of
    weights) and its settings. Made by `embedcnn.ops`; a file keeps it where it reads no weights.

    >>> import embedcnn
    >>> x = embedcnn.Input((4,))
    >>> (x * 2 + 1).node.layer
    <Add name=add..., built=True>
    """

    inputs_many = True

    def __init__(
        self,
        operation: str,
        operands: Sequence[Any],
        settings: dict[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        if operation not in PRIMITIVES:
            raise ValueError(f"`operation` must be one of embedcnn.ops. Received: operation={operation!r}")
        super().__init__(name=unique_name(operation) if name is None else name)
        self.operation, self.settings = operation, dict(settings or {})
        self.operands = [_restored(one) if isinstance(one, dict) else _kept(one) for one in operands]
        self.built = True

    @property
    def class_shown(self) -> str:
        """What a summary has in the place of the name of the class, as Keras: NotEqual, GetItem."""
        return "".join(part.capitalize() for part in self.operation.split("_"))

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """The result for symbolic tensors, or for arrays."""
        options.pop("training", None)
        if options:
            raise TypeError(f"{self.name!r} was called with unknown arguments {sorted(options)}")
        if not is_symbolic(inputs):
            return apply(self.operation, self.filled(inputs), **self.settings)
        tensors = flatten(inputs)
        shape, dtype, single = result_of(self.operation, self.filled(tensors), self.settings)
        node = Node(self, tensors, [shape], dtype)
        node.outputs[0].single = single
        self.nodes.append(node)
        return node.outputs[0]

    def filled(self, given: Any) -> list[Any]:
        """The operands with what the operation is called on in its places."""
        values = list(given) if isinstance(given, (list, tuple)) else [given]
        return [values[one.number] if isinstance(one, Place) else one for one in self.operands]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """The shape of the result for tensors of these shapes."""
        shapes = list(input_shape) if isinstance(input_shape, list) else [input_shape]
        tensors = [SymbolicTensor(tuple(shape), Node(self, [], []), 0) for shape in shapes]
        return result_of(self.operation, self.filled(tensors), self.settings)[0]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; ValueError where it reads weights of other layers."""
        return {
            "name": self.name,
            "operation": self.operation,
            "operands": [_stored(self, one) for one in self.operands],
            "settings": self.settings,
        }

    def __repr__(self) -> str:
        return f"<{self.class_shown} name={self.name}, built={self.built}>"


def _kept(operand: Any) -> Any:
    """An operand as the layer keeps it: arrays as copies that nobody changes."""
    if isinstance(operand, (Place, Variable, WeightTensor)):
        return operand
    array = np.array(as_array(operand))
    array.flags.writeable = False
    return array


def _stored(layer: Operation, operand: Any) -> dict[str, Any]:
    if isinstance(operand, Place):
        return {"input": operand.number}
    if isinstance(operand, (Variable, WeightTensor)):
        raise ValueError(
            f"{layer!r} reads a weight of another layer, {operand!r}, which no file can hold. Write both as "
            "one layer: a subclass of Layer whose `call` computes this"
        )
    return {"array": operand.tolist(), "dtype": operand.dtype.name, "shape": list(operand.shape)}


def _restored(stored: dict[str, Any]) -> Any:
    if "input" in stored:
        return Place(int(stored["input"]))
    dtype = stored["dtype"] if stored["dtype"] in ("float32", "int32", "int64", "bool") else "float32"
    return _kept(np.array(stored["array"], dtype).reshape(stored["shape"]))


def operation_on(name: str, operands: list[Any], settings: dict[str, Any]) -> SymbolicTensor:
    """The result of an operation with symbolic tensors among its operands: a new call in the graph."""
    tensors = [one for one in operands if isinstance(one, SymbolicTensor)]
    as_layer = AS_LAYERS.get(name) if len(tensors) == 2 and _alike(*tensors) else None
    meet = PRIMITIVES[name].broadcasts or name == "take_along_axis"
    differ = len(tensors) > 1 and meet and masks_differ(tensors)
    if as_layer is not None and not (differ and name in ZERO_STAYS):
        return as_layer()(tensors)  # in a sum what is masked counts as zeros
    if differ and name not in ZERO_STAYS:
        operands = on_all_steps(operands)
        tensors = [one for one in operands if isinstance(one, SymbolicTensor)]
    result_of(name, operands, settings)  # refuses what does not fit before a name is taken
    numbers = iter(range(len(tensors)))
    kept = [Place(next(numbers)) if isinstance(one, SymbolicTensor) else one for one in operands]
    return Operation(name, kept, settings)(tensors)


def _alike(first: SymbolicTensor, second: SymbolicTensor) -> bool:
    """Whether the merging layers take both: of one shape, sequences or vectors of numbers."""
    plain = first.shape == second.shape and not first.single and not second.single
    return (
        plain and first.ndim > 1 and first.dtype == second.dtype == "float32" and first.shape[-1] is not None
    )
