"""The update of an optimizer alone, for loops of one's own: gradients into variables or arrays, by the rules
of the core. What `Optimizer.apply` and `Optimizer.apply_gradients` do.

The core updates the parameters of a program. Here the program is made for the update: its operations only say
that a loss depends on each parameter, and which of them are tables; they never run.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import warn_user
from ..graph.variables import Variable
from ..lowering.binding import BoundProgram
from ..lowering.operations import InputForm, Lowered, Operation
from .gradients import coalesced

if TYPE_CHECKING:
    from ..optimizers import Optimizer

INPUTS: list[InputForm] = [("x", "float32", None, (1,)), ("ids", "int32", -1, ())]


def apply(optimizer: Optimizer, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
    """One update; None gradients are left out, with a warning. Raises as `Optimizer.apply` says."""
    if len(gradients) != len(variables):
        raise ValueError(
            f"`grads` must hold a gradient for each of {len(variables)} variables. Received: {len(gradients)}"
        )
    known = [_variable(optimizer, number, one) for number, one in enumerate(variables)]
    if len(set(map(id, known))) < len(known):
        raise ValueError("`trainable_variables` must be distinct. Received: one of them twice")
    missing = [one.path for one, gradient in zip(known, gradients, strict=True) if gradient is None]
    pairs = [(one, gradient) for one, gradient in zip(known, gradients, strict=True) if gradient is not None]
    if not pairs:
        raise ValueError("`grads`: no gradient is given for any variable")
    if missing:
        warn_user(f"Gradients do not exist for variables {missing}: they stay as they are")
    frozen = [one.path for one, _ in pairs if not one.trainable]
    if frozen:
        raise ValueError(f"`trainable_variables`: {frozen} are frozen or never trained (trainable=False)")
    given = {id(one): _gradient(one, gradient) for one, gradient in pairs}
    bound = _program(optimizer, [(one, isinstance(given[id(one)], tuple)) for one, _ in pairs])
    ready = bound.ready()
    ready.update([given[id(one)] for one in bound.variables], optimizer.rate(), optimizer.counter)
    bound.constrain()


def _variable(optimizer: Optimizer, number: int, given: Any) -> Variable:
    """A variable, or one that stands for an array and shares its memory."""
    if isinstance(given, Variable):
        return given
    what = f"`trainable_variables[{number}]`"
    if not isinstance(given, np.ndarray):
        raise TypeError(
            f"{what} must be a variable of a layer or a NumPy array. Received: {type(given).__name__}"
        )
    fits = given.dtype == np.float32 and given.flags.c_contiguous and given.flags.writeable
    if not fits or not 1 <= given.ndim <= 4 or not given.size:
        raise ValueError(
            f"{what} is updated in place: it must be a float32 array in C order that can be written, of 1 to "
            f"4 axes. Received: {given.dtype} of shape {given.shape}"
        )
    known = optimizer.arrays.get(id(given))
    if known is None:
        holder: Any = SimpleNamespace(name="arrays", trainable=True)
        known = optimizer.arrays[id(given)] = Variable(str(len(optimizer.arrays)), given, holder)
    return known


def _gradient(variable: Variable, gradient: Any) -> Any:
    """A dense gradient, or (rows, values) of a table; that of an embedding always as rows."""
    if isinstance(gradient, tuple):
        if len(gradient) != 2 or len(variable.shape) != 2:
            raise ValueError(
                f"the gradient of {variable.path} must be an array of shape {variable.shape}"
                + (", or (rows, values)" if len(variable.shape) == 2 else "")
                + f". Received: a tuple of {len(gradient)}"
            )
        return coalesced(*gradient)
    if getattr(variable.layer, "embeddings", None) is variable:
        return np.arange(variable.shape[0], dtype=np.int32), gradient
    return gradient


def _program(optimizer: Optimizer, kinds: list[tuple[Variable, bool]]) -> BoundProgram:
    """The program that updates these, whether tables or not; the last one is kept."""
    key = [(id(variable), table) for variable, table in kinds], optimizer.core_settings()
    if optimizer.applied is None or optimizer.applied[0] != key:
        optimizer.applied = key, BoundProgram(_lowered(kinds), 0, optimizer, trains=True)
    made: BoundProgram = optimizer.applied[1]
    return made


def _lowered(kinds: list[tuple[Variable, bool]]) -> Lowered:
    dense, made = [variable for variable, table in kinds if not table], len(INPUTS)
    operations = []
    if dense:
        one = Operation("external", [0], [made], dense, {"has_steps": 0, "cols": 1})
        operations += [one, Operation("squared_error", [made], [made + 1])]
        made += 2
    for variable, table in kinds:
        if table:
            operations += [
                Operation("lookup", [1], [made], [variable]),
                Operation("token_bag", [made], [made + 1]),
                Operation("squared_error", [made + 1], [made + 2]),
            ]
            made += 3
    variables = [variable for operation in operations for variable in operation.variables]
    outputs = [operation.outputs[0] for operation in operations if operation.counts]
    return Lowered(INPUTS, operations, outputs, variables, [])
