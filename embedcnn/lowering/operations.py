"""The language of lowered programs: operations on numbered tensors, and the whole of them, `Lowered`.

translate.py writes it, one plain operation after the other as the layers say; rewrite.py puts faster
operations in the place of plain ones; binding.py hands it to the core. What an operation computes, and with
which attributes, stands in csrc/ops, one file each; an attribute that is not given has the core's default.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from .. import _core
from ..graph.nodes import Shape
from ..graph.variables import Variable
from .listing import listing

InputForm = tuple[str, str, int | None, tuple[int, ...]]
"""An input of `_core.Program`: name, dtype, steps of a text (None: it has none; -1: any), sizes of a row."""

FACTS: dict[str, dict[str, Any]] = _core.operations()
"""What the core says of each operation: see struct ec_op_type in csrc/ops/op.h."""


class Tensor(NamedTuple):
    """What a tensor will hold: its shape (batch first, None = any size) and its dtype."""

    shape: Shape
    dtype: str = "float32"


class Origin(NamedTuple):
    """Where an operation comes from: a layer (behind the names of the models that it stands in, joined by
    "/") and which of its calls, from 0. Losses have their name and the number of their output.
    """

    layer: str
    call: int

    def __str__(self) -> str:
        return f"{self.layer}[{self.call}]" if self.call else self.layer


@dataclass
class Operation:
    """One operation: its kind, the tensors it reads and makes, its weights and its attributes.

    `origins`: the layers that it computes; several where operations were fused.
    """

    name: str
    inputs: list[int]
    outputs: list[int]
    variables: list[Variable] = field(default_factory=list)
    attributes: dict[str, Any] = field(default_factory=dict)
    function: Any = None  # of an external operation: has forward and backward
    origins: tuple[Origin, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What is true of all operations of this name."""
        return FACTS[self.name]

    @property
    def counts(self) -> bool:
        """Whether something depends on it although nobody reads what it makes: the loss, or, where it makes
        no tensor, the operations that read the weights that it writes.
        """
        return bool(self.facts["is_loss"] or self.facts["has_penalty"] or not self.outputs)


@dataclass
class Lowered:
    """A model as operations: what `_core.Program` is made from. `str()` of it is a listing for people.

    `inputs`: what the core must know of each input. `tensors`: shape and dtype of each tensor, by its number;
    inputs come first, then what the operations make, in their order. `outputs`: the numbers of what the model
    returns. `variables`: the weights, each once. `unseen`: the places in `outputs` whose values nobody looks
    at, so that a loss may be computed without them.
    """

    inputs: list[InputForm]
    operations: list[Operation]
    outputs: list[int]
    variables: list[Variable]
    tensors: list[Tensor]
    unseen: frozenset[int] = frozenset()

    @property
    def rows_are_alone(self) -> bool:
        """Whether what is computed for an example cannot depend on those beside it."""
        return not any(one.facts["is_external"] or one.attributes.get("stateful") for one in self.operations)

    @property
    def draws(self) -> bool:
        """Whether something is random in inference too."""
        return any(one.attributes.get("always") for one in self.operations)

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
        return listing(self)


def live(operations: Sequence[Operation], outputs: Collection[int]) -> list[Operation]:
    """The operations that losses and outputs of the model depend on."""
    read = set(outputs)
    kept: list[Operation] = []
    for op in reversed(operations):
        if op.counts or any(out in read for out in op.outputs):
            read.update(op.inputs)
            kept.append(op)
    return kept[::-1]


def assembled(
    inputs: list[InputForm],
    operations: Sequence[Operation],
    outputs: Sequence[int],
    tensors: Mapping[int, Tensor],
    unseen: frozenset[int],
) -> Lowered:
    """The operations that somebody needs, with their tensors numbered in the order in which they are made."""
    kept = live(operations, outputs)
    made = [*range(len(inputs)), *(out for op in kept for out in op.outputs)]
    numbers = {symbol: number for number, symbol in enumerate(made)}
    renumbered = [
        Operation(
            op.name,
            [numbers[symbol] for symbol in op.inputs],
            [numbers[symbol] for symbol in op.outputs],
            op.variables,
            op.attributes,
            op.function,
            op.origins,
        )
        for op in kept
    ]
    variables = list({id(variable): variable for op in kept for variable in op.variables}.values())
    returned = [numbers[symbol] for symbol in outputs]
    return Lowered(inputs, renumbered, returned, variables, [tensors[symbol] for symbol in made], unseen)
