"""Functions made of `embedcnn.ops` as programs of the core: called once on symbolic tensors, then run on
arrays, with their gradients. For losses, for `ops.vjp`, and for the steps of recurrent cells of one's own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock, RLock
from typing import Any

import numpy as np

from ..base.class_numbers import check_classes
from ..base.programs import make_program
from ..graph.nodes import SymbolicTensor, flatten, walk
from ..graph.tracing import noting_labels, replaced
from ..layers.core import InputLayer
from ..ops import cast, squeeze
from ..ops.primitives import TRACING
from .translate import translate

IN_BATCH = " (counted in the batch)"
RESHAPES = ("squeeze", "expand_dims", "reshape")
KEPT = 8
"""How many programs a function keeps, those used last: one for each shape of its arguments."""


class Traced:
    """A function of arrays (B, ...) that is made of `embedcnn.ops`; each call runs a program of the core."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._made: OrderedDict[Any, _Program] = OrderedDict()
        self._running = Lock()  # a program holds the values of its step

    def result_and_gradients(
        self,
        arrays: Sequence[np.ndarray],
        d_out: Any = None,
        training: bool = True,
        names: Sequence[str] | None = None,
    ) -> tuple[Any, list[np.ndarray]]:
        """What the function gives, and the gradients of sum(result * d_out), or of the sum, in the arrays;
        `d_out` may be a function of the number of a result and its value. Without `training` layers run as in
        inference, and the gradients are zeros. `names`: what messages call the first arrays.

        Raises TypeError where it is not made of operations, ValueError for shapes that do not fit.
        """
        with self._running:
            key = tuple((array.shape[1:], array.dtype.kind) for array in arrays)
            if key not in self._made:
                self._made[key] = _Program(self.function, arrays)
            self._made.move_to_end(key)
            while len(self._made) > KEPT:
                self._made.popitem(last=False)
            return self._made[key].run(arrays, d_out, training, names)

    def variables(self) -> list[Any]:
        """The weights that the program used last reads."""
        return self._made[next(reversed(self._made))].variables


class _Program:
    """The program for arrays of one shape."""

    def __init__(self, function: Callable[..., Any], arrays: Sequence[np.ndarray]) -> None:
        inputs = [_input(number, array) for number, array in enumerate(arrays)]
        given = [squeeze(x, -1) if array.ndim == 1 else x for x, array in zip(inputs, arrays, strict=True)]
        token = TRACING.set(True)
        try:
            with noting_labels() as noted:
                self.form = function(*given)
            noted = [one for one in noted if _comes_from(one[0], inputs)]
            checked = [cast(tensor, "float32") for tensor, _ in noted]
        finally:
            TRACING.reset(token)
        self.outputs: list[Any] = flatten(self.form)
        if not all(isinstance(one, SymbolicTensor) for one in self.outputs):
            raise TypeError(
                f"{function!r} must be made of embedcnn.ops: symbolic tensors make symbolic tensors. "
                f"Received: {', '.join(type(one).__name__ for one in self.outputs)}"
            )
        self.labels = [(_argument(tensor, inputs), classes) for tensor, classes in noted]
        """Of the outputs behind those of the function: which argument these class numbers are, and how many
        classes there are.
        """
        outputs = [*self.outputs, *checked]
        self.read = [number for number, x in enumerate(inputs) if _reaches(x, outputs)]
        chosen = [inputs[number] for number in self.read]
        names = [f"argument {number}" for number in self.read]
        lowered = translate(chosen, outputs, walk(chosen, outputs), names)
        self.program = make_program(*lowered.program_arguments(), input_gradients=True)
        self.variables: list[Any] = lowered.variables
        self.of_ids = [form[1] == "int32" for form in lowered.inputs]

    def run(
        self, arrays: Sequence[np.ndarray], d_out: Any, training: bool, names: Sequence[str] | None
    ) -> tuple[Any, list[np.ndarray]]:
        """The result in the form in which the function gives it, and a gradient for each array."""
        for number, variable in enumerate(self.variables):
            self.program.bind(number, variable.value, False, [], np.zeros(1, np.int64))
        given = [
            arrays[number].reshape(len(arrays[number]), -1) if arrays[number].ndim == 1 else arrays[number]
            for number in self.read
        ]
        kinds = [np.int32 if ids else np.float32 for ids in self.of_ids]
        read = [np.ascontiguousarray(one, kind) for one, kind in zip(given, kinds, strict=True)]
        given_out = self.program.forward(read, training=training)
        made, numbers = given_out[: len(self.outputs)], given_out[len(self.outputs) :]
        for (argument, classes), values in zip(self.labels, numbers, strict=True):
            if argument is None:
                check_classes("the target of a sparse categorical loss", values, classes, IN_BATCH)
            else:  # as it was given, not rounded
                check_classes(_name(names, argument), arrays[argument], classes, IN_BATCH)
        gradients = [np.zeros(array.shape, np.float32) for array in arrays]
        if training:
            self._back(made, d_out, numbers, gradients)
        results = [
            out.reshape(out.shape[1:]) if one.single else out
            for out, one in zip(made, self.outputs, strict=True)
        ]
        results = [
            out.reshape(one.shape) if one.single else out
            for out, one in zip(results, self.outputs, strict=True)
        ]
        return (results[0] if isinstance(self.form, SymbolicTensor) else results), gradients

    def _back(
        self,
        made: Sequence[np.ndarray],
        d_out: Any,
        numbers: Sequence[np.ndarray],
        gradients: list[np.ndarray],
    ) -> None:
        """Puts the gradients of the arrays that the program reads in their places."""
        if callable(d_out):
            back = [d_out(number, out) for number, out in enumerate(made)]
        else:
            back = [None] * len(made) if d_out is None else flatten(d_out)
        d_made = [_like(out, one) for out, one in zip(made, back, strict=True)]
        self.program.backward(d_made + [np.zeros_like(one) for one in numbers])
        for place, number in enumerate(self.read):
            if not self.of_ids[place]:  # those have no gradient
                gradients[number] = self.program.input_gradient(place).reshape(gradients[number].shape)


def _like(out: np.ndarray, d_out: Any) -> np.ndarray:
    if d_out is None:
        return np.ones_like(out)
    return np.ascontiguousarray(
        np.broadcast_to(np.asarray(d_out, np.float32), np.shape(d_out)).reshape(out.shape)
    )


def _input(number: int, array: np.ndarray) -> SymbolicTensor:
    dtype = "int32" if array.dtype.kind in "iub" else "float32"
    layer = InputLayer(array.shape[1:] or (1,), dtype=dtype, name=f"argument_{number}")
    return layer.nodes[0].outputs[0]


def _reaches(tensor: SymbolicTensor, outputs: Sequence[SymbolicTensor]) -> bool:
    """Whether one of the outputs depends on a tensor."""
    seen: set[int] = set()
    waiting = [one.node for one in outputs]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            waiting += [one.node for one in node.inputs]
    return id(tensor.node) in seen


def _comes_from(tensor: SymbolicTensor, inputs: Sequence[SymbolicTensor]) -> bool:
    """Whether a tensor is computed from these inputs alone, of no other graph's."""
    known, seen, waiting = {id(one.node) for one in inputs}, set(), [tensor.node]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or id(node) in known:
            continue
        if isinstance(node.layer, InputLayer):
            return False
        seen.add(id(node))
        waiting += [one.node for one in node.inputs]
    return True


def _argument(tensor: SymbolicTensor, inputs: Sequence[SymbolicTensor]) -> int | None:
    """Which argument a tensor is, in the same order of numbers; None where it is computed."""
    numbers = {id(one.node): number for number, one in enumerate(inputs)}
    while id(tensor.node) not in numbers:
        if len(tensor.node.inputs) != 1 or getattr(tensor.node.layer, "operation", "") not in RESHAPES:
            return None
        tensor = tensor.node.inputs[0]
    return numbers[id(tensor.node)]


def _name(names: Sequence[str] | None, number: int) -> str:
    return names[number] if names is not None and number < len(names) else f"argument {number}"


def vjp(function: Callable[..., Any], arguments: Sequence[Any], d_out: Any = None) -> tuple[Any, Any]:
    """What `ops.vjp` gives for a function that is no single operation of arrays: gradients in the form of the
    arguments, which are arrays or lists of them.
    """
    form = [_with_places(one) for one in arguments]
    arrays = [np.asarray(one) for argument in arguments for one in _arrays_in(argument)]

    def call(*tensors: Any) -> Any:
        leaves = iter(tensors)
        return function(*(replaced(one, _Place, leaves) for one in form))

    result, gradients = Traced(call).result_and_gradients(arrays, d_out)
    found = iter(gradients)
    return result, tuple(replaced(one, _Place, found) for one in form)


class _Place:
    """Stands for an array."""


def _with_places(argument: Any) -> Any:
    """An argument with a place for each array; a list of numbers is one."""
    nested = isinstance(argument, (list, tuple)) and any(hasattr(part, "__array__") for part in argument)
    return [_with_places(part) for part in argument] if nested else _Place()


def _arrays_in(argument: Any) -> list[Any]:
    nested = isinstance(_with_places(argument), list)
    return [one for part in argument for one in _arrays_in(part)] if nested else [argument]


class StepProgram:
    """A graph as a program that is run many times on other arrays, weights as they are, and back."""

    def __init__(self, inputs: Sequence[SymbolicTensor], outputs: Sequence[SymbolicTensor]) -> None:
        self.read = [number for number, x in enumerate(inputs) if _reaches(x, outputs)]
        chosen = [inputs[number] for number in self.read]
        lowered = translate(chosen, outputs, walk(chosen, outputs), [f"x{number}" for number in self.read])
        self.program = make_program(*lowered.program_arguments(), input_gradients=True)
        self.variables: list[Any] = lowered.variables
        self._running = RLock()  # a program holds the values of its run

    def run(self, arrays: Sequence[np.ndarray], training: bool, step: int) -> list[np.ndarray]:
        """The results."""
        with self._running:
            return self._run(arrays, training, step)

    def _run(self, arrays: Sequence[np.ndarray], training: bool, step: int) -> list[np.ndarray]:
        for number, variable in enumerate(self.variables):
            self.program.bind(number, variable.value, variable.trainable, [], np.zeros(1, np.int64))
        given = [np.ascontiguousarray(arrays[number], np.float32) for number in self.read]
        return list(self.program.forward(given, training=training, step=step))

    def run_back(
        self,
        arrays: Sequence[np.ndarray],
        d_out: Sequence[np.ndarray],
        training: bool,
        step: int,
        weights: Sequence[Any],
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The gradients of the arrays and of weights."""
        with self._running:
            return self._run_back(arrays, d_out, training, step, weights)

    def _run_back(
        self,
        arrays: Sequence[np.ndarray],
        d_out: Sequence[np.ndarray],
        training: bool,
        step: int,
        weights: Sequence[Any],
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        self._run(arrays, training, step)
        self.program.backward([np.ascontiguousarray(one, np.float32) for one in d_out])
        gradients: list[Any] = [np.zeros(array.shape, np.float32) for array in arrays]
        for place, number in enumerate(self.read):
            gradients[number] = self.program.input_gradient(place)
        numbers = {id(variable): number for number, variable in enumerate(self.variables)}
        learning = [numbers.get(id(one)) if one.trainable else None for one in weights]
        of_weights: list[Any] = [
            np.zeros(one.shape, np.float32) if number is None else self.program.gradient(number)
            for one, number in zip(weights, learning, strict=True)
        ]
        return gradients, of_weights
