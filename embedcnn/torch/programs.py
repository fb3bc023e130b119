"""Programs of the core as functions that PyTorch differentiates.

A program keeps the activations of its forward pass for its backward pass, so a call holds one until then; a
module keeps those that are free. After a second backward pass over the same graph, or none, nothing is lost:
the forward pass is then computed again, or the program goes back when the graph is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..base.programs import make_program
from .tensors import on_threads_of_torch, outside_graphs, table_gradient

_MOST_KINDS = 8
_MOST_FREE = 4
_NO_STEPS = np.zeros(1, np.int64)


class ProgramPool:
    """The programs of one module that no call uses now. Copies and pickles are empty."""

    def __init__(self) -> None:
        self._free: dict[Hashable, list[Any]] = {}

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return ProgramPool, ()

    def take(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """A program made for `key`, which belongs to the caller until it gives it back."""
        free = self._free.get(key)
        try:
            return free.pop() if free else make()
        except IndexError:  # another thread was quicker
            return make()

    def give(self, key: Hashable, program: Any) -> None:
        """Keeps a program for the next call."""
        if key not in self._free and len(self._free) >= _MOST_KINDS:
            self._free.clear()
        free = self._free.setdefault(key, [])
        if len(free) < _MOST_FREE:
            free.append(program)


class _Lease:
    """A program from a forward pass to its backward pass; it goes back when the lease is dropped."""

    def __init__(self, pool: ProgramPool, key: Hashable, program: Any) -> None:
        self.pool, self.key, self.program = pool, key, program

    def __del__(self) -> None:
        self.pool.give(self.key, self.program)


@dataclass
class ProgramCall:
    """One call of a program: `inputs` beside tensors (ids, masks), by the number of the program's input;
    the tensors that it is applied to are the other inputs, then the parameters.
    """

    pool: ProgramPool
    specs: list[tuple[Any, ...]]
    """Of all inputs, as `make_program` has them."""
    operations: list[tuple[Any, ...]]
    outputs: tuple[int, ...]
    inputs: dict[int, Any] = field(default_factory=dict)
    """Arrays of ids, or (ids, offsets)."""
    masks: dict[int, Any] = field(default_factory=dict)
    """Of float inputs [B, T, C] that have one: bool [B, T]."""
    table: Any = None
    """The module whose weight is the table of the lookup, a torch.nn.Embedding or EmbeddingBag."""
    form: Hashable = None
    """What stands for specs, operations and outputs where many calls share them: it is compared faster."""

    def split(self, tensors: Sequence[torch.Tensor]) -> tuple[list[int], int]:
        """Numbers of the inputs that tensors are given for, and how many these are."""
        numbers = [number for number in range(len(self.specs)) if number not in self.inputs]
        return numbers, len(numbers)

    def run(self, tensors: Sequence[torch.Tensor], learns: Sequence[bool]) -> tuple[_Lease, list[Any]]:
        """The forward pass: the program that ran, and its outputs as arrays."""
        numbers, count = self.split(tensors)
        arrays = [tensor.detach().numpy() for tensor in tensors]
        shapes = tuple(array.shape for array in arrays[count:])
        wants_inputs = any(learns[:count])
        form = self.form or (tuple(self.specs), self.outputs, repr(self.operations))
        key = (form, shapes, wants_inputs)
        parameters = [(str(number), shape) for number, shape in enumerate(shapes)]
        program = self.pool.take(
            key,
            lambda: make_program(
                self.specs, parameters, self.operations, self.outputs, input_gradients=wants_inputs
            ),
        )
        lease = _Lease(self.pool, key, program)
        for number, array in enumerate(arrays[count:]):
            program.bind(number, array, learns[count + number], [], _NO_STEPS)
        values = dict(self.inputs)
        for number, array in zip(numbers, arrays, strict=False):
            values[number] = (array, self.masks[number]) if number in self.masks else array
        ordered = [values[number] for number in range(len(self.specs))]
        return lease, on_threads_of_torch(program.forward, ordered, any(learns))

    def gradient(self, program: Any, place: int, tensor: torch.Tensor, numbers: list[int]) -> torch.Tensor:
        """The gradient of the tensor at this place among those that the call was applied to."""
        if place < len(numbers):
            return torch.from_numpy(program.input_gradient(numbers[place]))
        made = program.gradient(place - len(numbers))
        if not isinstance(made, tuple):
            return torch.from_numpy(made)
        rows, values = made
        if self.table.sparse:
            order = np.argsort(rows)
            order = order[rows[order] != self.table.padding_idx]
            rows, values = rows[order], values[order]
        elif self.table.padding_idx is not None:
            values[rows == self.table.padding_idx] = 0
        numbered = torch.from_numpy(rows.astype(np.int64))
        return table_gradient(tensor.shape, numbered, torch.from_numpy(values), self.table.sparse)


class _ProgramFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: ProgramCall, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        learns = ctx.needs_input_grad[1:]
        lease, made = call.run(tensors, learns)
        ctx.call, ctx.learns, ctx.lease = call, learns, lease
        ctx.save_for_backward(*tensors)
        return tuple(torch.from_numpy(array) for array in made)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *d_outputs: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        call, tensors = ctx.call, ctx.saved_tensors
        lease = ctx.lease or call.run(tensors, ctx.learns)[0]
        ctx.lease = None
        arrays = [one.numpy() for one in d_outputs]
        on_threads_of_torch(lease.program.backward, arrays)
        numbers, _ = call.split(tensors)
        found = [
            call.gradient(lease.program, place, tensor, numbers) if ctx.learns[place] else None
            for place, tensor in enumerate(tensors)
        ]
        return None, *found


@outside_graphs
def apply_program(call: ProgramCall, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The outputs of a program for float32 tensors, its further inputs and then its parameters, in the
    core's layouts.
    """
    given = [tensor.contiguous() for tensor in tensors]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given):
        return _ProgramFunction.apply(call, *given)
    _, made = call.run(given, [False] * len(given))
    return tuple(torch.from_numpy(array) for array in made)
