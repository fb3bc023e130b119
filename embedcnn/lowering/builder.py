"""What the layers add their operations to, while translate.py walks over the graph.

Tensors are symbols here, numbers in the order in which they were asked for; `operations.assembled` numbers
those that stay.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from ..graph.nodes import Shape
from ..graph.variables import Variable
from .operations import InputForm, Lowered, Operation, Origin, Tensor, assembled


class Builder:
    """Collects operations, the shapes of the tensors they make and the layers they come from."""

    def __init__(self, penalties: bool = False, trains: bool = False) -> None:
        self.operations: list[Operation] = []
        self.inputs: list[InputForm] = []
        self.tensors: dict[int, Tensor] = {}
        self.penalties = penalties  # whether activity_regularizers count: where there are losses
        self.trains = trains  # whether the program is one of training
        self._origins: tuple[Origin, ...] = ()
        self.training: bool | None = None
        self.layer_shape: Shape = ()  # of the (first) result of the layer at work
        self.layer_single = False  # whether that is one for the whole batch
        self._single: set[int] = set()
        self._steps: dict[int, bool] = {}
        self._images: set[int] = set()

    def begin(
        self, origins: Sequence[Origin], shape: Shape, training: bool | None = None, single: bool = False
    ) -> None:
        """What follows comes from there, and makes tensors of this shape where nothing else is said;
        `training`: what the layer was called with; `single`: it makes one row in all.
        """
        self._origins, self.layer_shape, self.training = tuple(origins), shape, training
        self.layer_single = single

    def always(self) -> dict[str, Any]:
        """The attribute of what is random in inference too, where the layer was called with training=True."""
        return {"always": True} if self.training else {}

    def symbol(self, shape: Shape, dtype: str = "float32") -> int:
        """A new tensor."""
        self.tensors[len(self.tensors)] = Tensor(shape, dtype)
        return len(self.tensors) - 1

    def input_symbol(self, shape: Shape) -> int:
        """The tensor of the input that was described last."""
        _, dtype, steps, _ = self.inputs[-1]
        made = self.symbol(shape, dtype)
        return self.as_image(made) if steps is None and len(shape) == 4 else made

    def shape(self, symbol: int) -> Shape:
        return self.tensors[symbol].shape

    # -- forms: what the core has rows for --
    def is_single(self, symbol: int) -> bool:
        """Whether a tensor is one row in all: a weight, or made of weights, or reduced over the batch."""
        return symbol in self._single

    def is_ids(self, symbol: int) -> bool:
        return self.tensors[symbol].dtype == "int32"

    def has_steps(self, symbol: int) -> bool:
        """Whether a tensor has a row for each step of each text, rather than for each text."""
        if symbol in self._single:
            return False
        return self._steps.get(symbol, self.is_ids(symbol) or len(self.shape(symbol)) > 2)

    def is_image(self, symbol: int) -> bool:
        """Whether a tensor [B, H, W, C] has a row for each image: who reads images made it, or reads it."""
        return symbol in self._images

    def as_image(self, symbol: int) -> int:
        self._steps[symbol] = False
        self._images.add(symbol)
        return symbol

    def formed(
        self,
        name: str,
        inputs: Sequence[int],
        shape: Shape,
        variables: Sequence[Variable] = (),
        *,
        steps: bool = False,
        single: bool = False,
        attributes: dict[str, Any] | None = None,
    ) -> int:
        """Appends an operation whose output has this form."""
        out = self.symbol(shape)
        self.append(name, inputs, [out], variables, **(attributes or {}))
        if single:
            self._single.add(out)
        self._steps[out] = steps
        if len(shape) == 4 and not steps and not single and any(map(self.is_image, inputs)):
            self.as_image(out)
        return out

    def like(self, name: str, inputs: int | Sequence[int], shape: Shape, **attributes: Any) -> int:
        """Appends an operation whose output has the form of its first input."""
        read = [inputs] if isinstance(inputs, int) else list(inputs)
        steps, single = self.has_steps(read[0]), self.is_single(read[0])
        return self.formed(name, read, shape, steps=steps, single=single, attributes=attributes)

    def add(
        self,
        name: str,
        inputs: Sequence[int],
        variables: Sequence[Variable | None] = (),
        shape: Shape | None = None,
        **attributes: Any,
    ) -> int:
        """Appends an operation with one output and returns the symbol of it.

        `shape`: of the output, where it is not that of the layer's (first) result.
        """
        out = self.symbol(self.layer_shape if shape is None else shape)
        self.append(name, inputs, [out], variables, **attributes)
        if inputs and self.is_image(inputs[0]) and len(self.shape(out)) == 4:
            self.as_image(out)
        return out

    def append(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: list[int],
        variables: Sequence[Variable | None] = (),
        **attributes: Any,
    ) -> Operation:
        """Appends an operation that makes these tensors."""
        weights = [variable for variable in variables if variable is not None]
        made = Operation(name, list(inputs), outputs, weights, attributes, origins=self._origins)
        self.operations.append(made)
        return made

    def penalized(self, layer: Any, results: Sequence[int]) -> list[int]:
        """What a layer makes, under its activity_regularizer: each of its outputs, as in Keras."""
        penalty = layer.activity_regularizer
        if penalty is None or not self.penalties:
            return list(results)
        settings = {"l1": penalty.l1, "l2": penalty.l2}
        return [self.add("activity_penalty", [one], shape=self.shape(one), **settings) for one in results]

    def finish(self, outputs: Sequence[int], unseen: Collection[int]) -> Lowered:
        """All of it, as a program."""
        return assembled(self.inputs, self.operations, outputs, self.tensors, frozenset(unseen))
