"""One operation of the core as a program of its own: what `embedcnn.ops` builds, runs and takes gradients
from.

A program is made once for each combination of shapes and settings, and kept per thread.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.arguments import axis_of
from ..base.arrays import numbers, rectangular
from ..base.programs import make_program
from .primitives import is_symbolic

Padding = Literal["valid", "same", "causal"]
Axis = int | Sequence[int]
Floats = NDArray[np.float32]

_CACHED_PROGRAMS = 32
_CACHED_BYTES = 1 << 22  # a program holds on to its parameters: those with large ones are not kept
_local = threading.local()


@dataclass
class Call:
    """One call as a program: what goes in under which argument's name, and the operations."""

    operations: list[tuple[Any, ...]] = field(default_factory=list)
    outputs: tuple[int, ...] = ()
    specs: list[tuple[Any, ...]] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    input_names: list[str] = field(default_factory=list)
    parameters: list[Floats] = field(default_factory=list)
    parameter_names: list[str] = field(default_factory=list)
    targets: Any = None  # of a loss
    sample_weight: Any = None
    seed: int = 0
    step: int = 0
    training: bool = False
    constant: set[int] = field(default_factory=set)  # parameters without a gradient
    many: bool = False  # the result is a tuple of all outputs

    def add_ids(self, name: str, ids: Any) -> None:
        if not isinstance(ids, tuple):
            ids = rectangular(name, ids)
            if ids.ndim != 2:
                raise ValueError(
                    f"{name} has shape {ids.shape}; allowed is [B, T], or a tuple (ids, offsets)"
                )
        self.specs.append((name, "int32", -1, ()))
        self.values.append(ids)
        self.input_names.append(name)

    def add_floats(self, name: str, x: ArrayLike, mask: ArrayLike | None = None) -> None:
        array = np.ascontiguousarray(numbers(name, x), np.float32)
        if not (2 if mask is None else 3) <= array.ndim <= 6:
            allowed = "[B, T, C]" if mask is not None else "[B, C] or [B, T, C]"
            raise ValueError(f"{name} has shape {array.shape}; allowed is {allowed}, or up to 6 axes")
        steps = None if array.ndim == 2 else -1
        self.specs.append((name, "float32", steps, array.shape[1 if steps is None else 2 :]))
        self.values.append(array if mask is None else (array, np.ascontiguousarray(mask, np.bool_)))
        self.input_names.append(name)

    def add_images(self, name: str, x: ArrayLike) -> None:
        """Images [B, H, W, C]: a row for each, without steps."""
        array = np.ascontiguousarray(numbers(name, x), np.float32)
        if array.ndim != 4:
            raise ValueError(f"{name} has shape {array.shape}; allowed is [B, H, W, C]")
        self.specs.append((name, "float32", None, array.shape[1:]))
        self.values.append(array)
        self.input_names.append(name)

    def know_steps(self) -> None:
        """Where weights have a place for each step, their number is that of the first input."""
        if self.operations[0][4].get("axes", 0) & 2 and self.specs[0][2] is not None:
            name, dtype, _, dims = self.specs[0]
            x = self.values[0][0] if isinstance(self.values[0], tuple) else self.values[0]
            self.specs[0] = (name, dtype, x.shape[1], dims)

    def add_parameter(self, name: str, value: ArrayLike, rank: int) -> int:
        array = np.ascontiguousarray(numbers(name, value), np.float32)
        if array.ndim != rank:
            raise ValueError(f"{name} has shape {array.shape}; allowed is an array of {rank} dimensions")
        self.parameters.append(array)
        self.parameter_names.append(name)
        return len(self.parameters) - 1

    def add_weights(self, bias: ArrayLike | None, **weights: tuple[ArrayLike, int]) -> tuple[int, ...]:
        """Adds weights, each with the rank that it must have, and behind them the bias where there is one."""
        places = [self.add_parameter(name, value, rank) for name, (value, rank) in weights.items()]
        return (*places, *([] if bias is None else [self.add_parameter("bias", bias, 1)]))

    def program(self, trainable: bool) -> Any:
        """The program of this call, from the cache where one of the same shape was made before, bound."""
        parameters = tuple((str(n), tuple(p.shape)) for n, p in enumerate(self.parameters))
        cache: OrderedDict[Any, Any] = _local.__dict__.setdefault("programs", OrderedDict())
        described = tuple((*op[:4], tuple(sorted(op[4].items()))) for op in self.operations)
        key = (tuple(self.specs), parameters, described, self.outputs, self.seed)
        program = cache.pop(key, None)
        if program is None:
            program = make_program(
                self.specs,
                list(parameters),
                self.operations,
                self.outputs,
                seed=self.seed,
                input_gradients=True,
            )
        for number, value in enumerate(self.parameters):
            if trainable and not value.flags.writeable:
                value = value.copy()
            learns = trainable and number not in self.constant
            program.bind(number, value, learns, [], np.zeros(1, np.int64))
        if sum(value.nbytes for value in self.parameters) <= _CACHED_BYTES:
            cache[key] = program
            while len(cache) > _CACHED_PROGRAMS:
                cache.popitem(last=False)
        return program

    def run(self) -> Any:
        program = self.program(trainable=False)
        if self.targets is not None:
            return program.test_step(self.values, [self.targets], self.sample_weight).losses[0]
        made = program.forward(self.values, training=self.training, step=self.step)
        return tuple(made) if self.many else made[0]

    def run_with_gradients(self, d_out: ArrayLike | None) -> tuple[Any, dict[str, Any]]:
        program = self.program(trainable=True)
        if self.targets is not None:
            result = program.gradient_step(self.values, [self.targets], self.sample_weight, self.step)
            out = result.losses[0]
        else:
            made = program.forward(self.values, training=True, step=self.step)
            program.backward(_output_gradients(made, d_out if self.many or d_out is None else [d_out]))
            out = tuple(made) if self.many else made[0]
        scale = 1.0 if self.targets is None or d_out is None else float(np.asarray(d_out))
        found: dict[str, Any] = {}
        for number, (name, spec) in enumerate(zip(self.input_names, self.specs, strict=True)):
            if spec[1] == "float32":
                _collect(found, name, program.input_gradient(number) * np.float32(scale))
        for number, name in enumerate(self.parameter_names):
            if number not in self.constant:
                _collect(found, name, program.gradient(number))
        return out, found


def _output_gradients(made: Sequence[Floats], d_out: Any) -> list[Floats]:
    """The gradient of each output, checked; ones where none are given."""
    if d_out is None:
        return [np.ones_like(out) for out in made]
    given = [np.ascontiguousarray(one, np.float32) for one in d_out]
    for number, out in enumerate(made):
        shape = given[number].shape if number < len(given) else None
        if shape != out.shape:
            raise ValueError(f"d_out has shape {shape}; allowed is the output's, {out.shape}")
    if len(given) > len(made):
        raise ValueError(f"d_out has {len(given)} arrays; allowed are {len(made)}, one for each output")
    return given


def _collect(found: dict[str, Any], name: str, gradient: Any) -> None:
    """An argument that is a list of arrays is named `name[0]`, `name[1]` ...: its gradients form a list
    too."""
    if name.endswith("]"):
        found.setdefault(name[: name.index("[")], []).append(gradient)
    else:
        found[name] = gradient


def operation(make: Callable[..., Call]) -> Callable[..., Any]:
    """Turns a function that describes its call into one that runs it; vjp uses the description too."""

    @functools.wraps(make)
    def run(*args: Any, **kwargs: Any) -> Any:
        return make(*args, **kwargs).run()

    run.call = make  # type: ignore[attr-defined]
    return run


def also_symbolic(symbolic: Callable[..., Any]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """For an operation that takes symbolic tensors too, which `symbolic` makes of the same arguments."""

    def decorate(of_arrays: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(of_arrays)
        def run(x: Any, *args: Any, **kwargs: Any) -> Any:
            return (symbolic if is_symbolic(x) else of_arrays)(x, *args, **kwargs)

        return run

    return decorate


def axes(x: ArrayLike, axis: Axis) -> int:
    """Axes of x, negative ones counted from the last, as the core has them: bit k for axis k."""
    given = axis if isinstance(axis, (list, tuple)) else np.ravel(axis).tolist()
    return sum({1 << axis_of("axis", one, np.ndim(x)) for one in given})


def elementary(name: str, x: ArrayLike, mask: ArrayLike | None = None, **attributes: Any) -> Call:
    """The call of an operation with one input `x` and no parameters."""
    call = Call(outputs=(1,))
    call.add_floats("x", x, mask)
    call.operations = [(name, (0,), (1,), (), attributes)]
    return call
