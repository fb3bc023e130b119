"""Operations of the core before they are numbered: what translate.py builds and rewrites, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..graph.nodes import Shape
from ..graph.variables import Variable

LOSSES = (
    "cross_entropy",
    "dense_cross_entropy",
    "focal_cross_entropy",
    "element_loss",
    "row_loss",
    "squared_error",
    "given_loss",
)
"""The operations that are losses: they stay although nobody reads them."""


@dataclass
class Operation:
    """One operation: its kind, the tensors it reads and makes, its weights and its attributes."""

    name: str
    inputs: list[int]
    outputs: list[int]
    variables: list[Variable] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    function: Any = None  # of an external operation: has forward and backward


@dataclass
class Lowered:
    """A model as operations: what `_core.Program` is made from. `str()` of it is a listing for people."""

    inputs: list[tuple[Any, ...]]
    operations: list[Operation]
    outputs: list[int]
    variables: list[Variable]

    @property
    def rows_are_alone(self) -> bool:
        """Whether what is computed for an example cannot depend on those beside it."""
        return not any(one.function is not None or one.attributes.get("stateful") for one in self.operations)

    def program_arguments(self) -> tuple[list[Any], list[Any], list[Any], tuple[int, ...]]:
        """Inputs, parameters, operations and outputs in the form of `_core.Program`."""
        numbers = {id(variable): number for number, variable in enumerate(self.variables)}
        operations = [
            (
                op.name,
                tuple(op.inputs),
                tuple(op.outputs),
                tuple(numbers[id(variable)] for variable in op.variables),
                op.attributes,
            )
            for op in self.operations
        ]
        parameters = [(variable.path, tuple(variable.shape)) for variable in self.variables]
        return self.inputs, parameters, operations, tuple(self.outputs)

    def __str__(self) -> str:
        lines = [f"%{number} = input {' '.join(map(str, spec))}" for number, spec in enumerate(self.inputs)]
        for op in self.operations:
            outputs = ", ".join(f"%{symbol}" for symbol in op.outputs)
            arguments = [f"%{symbol}" for symbol in op.inputs] + [variable.path for variable in op.variables]
            attributes = "".join(f" {name}={value}" for name, value in op.attributes.items())
            lines.append(f"{outputs} = {op.name}({', '.join(arguments)}){attributes}")
        lines.append(f"return {', '.join(f'%{symbol}' for symbol in self.outputs)}")
        return "\n".join(lines)


class Builder:
    """Collects operations while they still carry symbols; `finish` drops the unread ones and numbers the
    tensors.
    """

    def __init__(self) -> None:
        self.operations: list[Operation] = []
        self.outputs: list[int] = []
        self.inputs: list[tuple[Any, ...]] = []
        self.shapes: dict[int, Shape] = {}  # of what the layers make
        self.unseen: set[int] = set()  # numbers of outputs whose values nobody looks at
        self.has_losses = False  # whether penalties count
        self._symbols = 0

    def symbol(self) -> int:
        self._symbols += 1
        return self._symbols - 1

    def add(
        self, name: str, inputs: Sequence[int], variables: Sequence[Variable | None] = (), **attributes: Any
    ) -> int:
        """Appends an operation with one output and returns the symbol of it."""
        out = self.symbol()
        weights = [variable for variable in variables if variable is not None]
        self.operations.append(Operation(name, list(inputs), [out], weights, attributes))
        return out

    def penalized(self, layer: Any, results: Sequence[int]) -> list[int]:
        """What a layer makes, under its activity_regularizer: each of its outputs, as in Keras."""
        penalty = layer.activity_regularizer
        if penalty is None or not self.has_losses:
            return list(results)
        return [self.add("activity_penalty", [one], l1=penalty.l1, l2=penalty.l2) for one in results]

    def maker(self, symbol: int) -> Operation | None:
        """The operation that makes a tensor; None for inputs of the model."""
        return next((op for op in self.operations if symbol in op.outputs), None)

    def readers(self, symbol: int) -> int:
        """How many operations read a tensor; being an output of the model counts too."""
        return sum(op.inputs.count(symbol) for op in self.operations) + self.outputs.count(symbol)

    def forget(self, symbol: int, instead: int) -> None:
        """Lets every reader of `symbol` read `instead`."""
        for op in self.operations:
            op.inputs = [instead if read == symbol else read for read in op.inputs]
        self.outputs = [instead if read == symbol else read for read in self.outputs]

    def live(self) -> list[Operation]:
        """The operations that losses and outputs of the model depend on."""
        read = set(self.outputs)
        kept: list[Operation] = []
        for op in reversed(self.operations):
            if op.name in (*LOSSES, "activity_penalty") or any(out in read for out in op.outputs):
                read.update(op.inputs)
                kept.append(op)
        return kept[::-1]

    def finish(self) -> Lowered:
        kept = self.live()
        numbers = {symbol: symbol for symbol in range(len(self.inputs))}
        for op in kept:
            for out in op.outputs:
                numbers[out] = len(numbers)
        operations = [
            Operation(
                op.name,
                [numbers[symbol] for symbol in op.inputs],
                [numbers[symbol] for symbol in op.outputs],
                op.variables,
                op.attributes,
                op.function,
            )
            for op in kept
        ]
        variables = list({id(variable): variable for op in operations for variable in op.variables}.values())
        return Lowered(self.inputs, operations, [numbers[symbol] for symbol in self.outputs], variables)
