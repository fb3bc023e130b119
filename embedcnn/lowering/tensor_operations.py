"""From operations on tensors (layers/operation.py) to operations of the core.

The core has a row for each step of each text, or for each text, or one row in all (weights and what comes of
them); the Builder knows which a tensor has. A tensor of shape (B, T) may have steps, with their mask, or
none. Where an operation takes one form only, a `reshape` gives it (tensor_forms.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph.nodes import Shape
from ..graph.variables import Variable
from ..ops.primitives import PRIMITIVES, WeightTensor, axes_in, result_of, shape_of
from .builder import Builder
from .tensor_forms import as_rows, as_steps, floats, full, reshaped

if TYPE_CHECKING:
    from ..layers.operation import Operation

REDUCED = {"any": "max", "all": "min"}
"""Reductions of what is true."""


class Constant(Variable):
    """An array that a program reads as though it were a weight, and never writes."""

    __slots__ = ()

    @property
    def trainable(self) -> bool:
        return False


def operation(build: Builder, layer: Operation, inputs: list[int], call: int) -> int:
    """Adds what a call of an Operation is made of."""
    made = [
        inputs[one.number] if hasattr(one, "number") else operand(build, layer, one) for one in layer.operands
    ]
    shapes = [build.shape(one) for one in made]
    single = build.layer_single
    return _add(build, layer.operation, made, layer.settings, build.layer_shape, single, shapes)


def operand(build: Builder, layer: Any, value: Any) -> int:
    """The tensor of a weight, a formula of weights, or an array."""
    if isinstance(value, WeightTensor):
        made = [operand(build, layer, one) for one in value.operands]
        shape, _, _ = result_of(value.name, value.operands, value.settings)
        return _add(build, value.name, made, value.settings, shape, True, [build.shape(one) for one in made])
    shape = shape_of(value)
    if not isinstance(value, Variable):
        array = np.ascontiguousarray(value, np.float32).reshape(shape or (1,))
        value = Constant(f"constant{len(build.operations)}", array, layer)
    if len(value.shape) > 4:
        raise ValueError(f"{layer!r}: arrays and weights have up to 4 axes here. Received: shape={shape}")
    return build.formed("weight", [], shape, [value], single=True)


def _add(
    build: Builder,
    name: str,
    read: list[int],
    settings: dict[str, Any],
    shape: Shape,
    single: bool,
    shapes: list[Shape],
) -> int:
    read = [floats(build, one) for one in read]
    if PRIMITIVES[name].broadcasts:
        return _value_by_value(build, name, read, shape, single)
    if PRIMITIVES[name].reduces:
        return _reduce(build, name, read[0], settings, shape, single)
    return TABLE[name](build, read, settings, shape)


# -- value by value ------------------------------------------------------------------------------------------
def _value_by_value(build: Builder, name: str, read: list[int], shape: Shape, single: bool) -> int:
    rows = [one for one in read if not build.is_single(one)]
    steps = any(build.has_steps(one) for one in rows)
    if steps:
        read = [as_steps(build, one) for one in read]
    activation = PRIMITIVES[name].activation
    kind = {"activation": activation} if activation else {"kind": name}
    core = "activation" if activation else "elementwise"
    return build.formed(core, read, shape, steps=steps, single=single, attributes=kind)


def _cast(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    (x,) = read
    kind = {"float32": "", "int32": "trunc", "bool": "is_true"}[settings["dtype"]]
    return build.like("elementwise", x, shape, kind=kind) if kind else x


# -- along axes ----------------------------------------------------------------------------------------------
def _reduce(build: Builder, name: str, x: int, settings: dict[str, Any], shape: Shape, single: bool) -> int:
    before = build.shape(x)
    axes = axes_in(settings["axis"], len(before))
    if name in REDUCED:
        x = build.like("elementwise", x, before, kind="is_true")
    was_single = build.is_single(x)
    if not was_single and 0 in axes and 1 not in axes and build.has_steps(x):
        x = as_rows(build, x)
    steps = build.has_steps(x)
    first = 0 if was_single else 2 if steps else 1
    over_steps = steps and 1 in axes
    attributes: dict[str, Any] = {"kind": REDUCED.get(name, name)}
    attributes |= {"batch": 1} if not was_single and 0 in axes else {}
    attributes |= {"steps": 1} if over_steps else {}
    dims = sum(1 << axis - first for axis in axes if axis >= first)
    attributes |= {"dims": dims} if dims else {}
    left = tuple(size for place, size in enumerate(before) if place not in axes)
    made = build.formed(
        "reduce", [x], left, steps=steps and not over_steps, single=single, attributes=attributes
    )
    if left == shape:
        return made
    if steps and not over_steps:
        return reshaped(build, made, shape, True, keeps_steps=1)
    return reshaped(build, made, shape, False)


def _along(build: Builder, name: str, x: int, axes: Sequence[int], shape: Shape) -> int:
    """An operation whose attribute `axes` names the axes of the padded form."""
    if build.is_single(x):
        chosen = sum(2 << axis for axis in axes)
        return build.like(name, x, shape, axes=chosen)
    scalar = build.has_steps(x) and len(shape) == 2
    if scalar:
        x = reshaped(build, x, (*shape, 1), True, keeps_steps=1)
    made = build.like(name, x, (*shape, 1) if scalar else shape, axes=sum(1 << axis for axis in axes))
    return reshaped(build, made, shape, True, keeps_steps=1) if scalar else made


def _softmax(name: str) -> Callable[..., int]:
    def make(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
        return _along(build, name, read[0], axes_in(settings["axis"], len(shape)), shape)

    return make


def _cumsum(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    return _along(build, "cumsum", read[0], [settings["axis"]], shape)


# -- moved values --------------------------------------------------------------------------------------------
def _reshape(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    """Steps that stay where they are keep their mask."""
    (x,) = read
    before = build.shape(x)
    if before == shape:
        return x
    if build.is_single(x):
        return reshaped(build, x, shape, False)
    if build.has_steps(x) and len(shape) > 1 and before[1] == shape[1]:
        return reshaped(build, x, shape, True, keeps_steps=1)
    return reshaped(build, as_rows(build, x), shape, False)


def _transpose(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    (x,), order = read, settings["axes"]
    if order == sorted(order):
        return x
    single = build.is_single(x)
    if not single and build.has_steps(x) and order[1] != 1:
        x = as_rows(build, x)
    return build.like("transpose", x, shape, order=sum(axis << 3 * place for place, axis in enumerate(order)))


def transposed(build: Builder, x: int, order: list[int]) -> int:
    """The axes in this order, 0 being the batch, which stays; masked steps are zeros and count."""
    shape = build.shape(x)
    return _transpose(build, [as_rows(build, x)], {"axes": order}, tuple(shape[axis] for axis in order))


def _get_item(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    (x,), index, whole = read, settings["index"], [None, None, None]
    single = build.is_single(x)
    if not single and build.has_steps(x) and index[1] != whole:
        x = full(build, x)
    unknown = not single and build.has_steps(x) and build.shape(x)[1] is None
    size = list(build.shape(x))
    for axis, part in enumerate(index):
        if part == whole:
            continue
        cut = _slice(part)
        start, stop, step = cut.start, cut.stop, 1 if cut.step is None else cut.step
        ends = (1 << 20, -(1 << 20)) if step < 0 else (0, 1 << 20)
        start, stop = ends[0] if start is None else start, ends[1] if stop is None else stop
        own = size[axis]
        size[axis] = (
            None if own is None else len(range(own)[slice(*part)]) if not isinstance(part, int) else 1
        )
        x = build.like("slice", x, tuple(size), axis=axis, start=start, stop=stop, step=step)
    if tuple(size) == shape:
        return x
    if unknown and isinstance(index[1], int):  # the one that is left of any number of steps
        rest = (size[0], *size[2:])
        x = build.formed("reduce", [x], rest, attributes={"kind": "sum", "steps": 1})
        return x if rest == shape else reshaped(build, x, shape, False)
    return _reshape(build, [x], {}, shape)


def _slice(part: Any) -> slice:
    """A part of an index; a whole number as the slice of it alone."""
    return slice(part, part + 1 or None) if isinstance(part, int) else slice(*part)


def _pad(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    x = read[0] if settings["pad_width"][1:2] == [[0, 0]] else full(build, read[0])
    size = list(build.shape(x))
    for axis, (before, behind) in enumerate(settings["pad_width"]):
        if not before and not behind:
            continue
        own = size[axis]
        size[axis] = None if own is None else own + before + behind
        value = settings["constant_values"]
        x = build.like("pad", x, tuple(size), axis=axis, before=before, behind=behind, value=value)
    return x


def _repeat(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    axis = settings["axis"]
    x = full(build, read[0]) if axis == 1 else read[0]
    return build.like("stretch", x, shape, axis=axis, times=settings["repeats"])


def _concatenate(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    axis = settings["axis"]
    single = [build.is_single(one) for one in read]
    if any(single) and not all(single):
        raise ValueError(
            "ops.concatenate: arrays and weights are joined with each other only; add them to zeros of the "
            "tensor's shape for a copy for each example"
        )
    if not single[0] and any(build.has_steps(one) for one in read):
        read = [as_steps(build, one) for one in read]
        scalar = len(shape) == 2
        if scalar:
            read = [reshaped(build, one, (*build.shape(one), 1), True, keeps_steps=1) for one in read]
        if axis == 1:
            made = build.like("concatenate_steps", read, (*shape, 1) if scalar else shape)
            return reshaped(build, made, shape, True, keeps_steps=1) if scalar else made
    before = len(shape) - 1 - axis
    return build.like("concatenate", read, shape, **({"axis": before} if before else {}))


def _take(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    x, indices = read
    if build.is_single(x) and not build.is_single(indices):
        if settings["axis"]:
            raise ValueError("ops.take: symbolic indices choose rows of a weight: axis=0")
        steps = build.has_steps(indices)
        return build.formed("take", read, shape, steps=steps, attributes={"axis": 0})
    if not build.is_single(indices):
        raise ValueError("ops.take: of a symbolic tensor, `indices` are an array; see ops.take_along_axis")
    x = full(build, x) if settings["axis"] == 1 else x
    return build.like("take", [x, indices], shape, axis=settings["axis"])


def _take_along_axis(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    axis = settings["axis"]
    if build.is_single(read[0]) != build.is_single(read[1]):
        raise ValueError("ops.take_along_axis: both must be tensors of examples, or both weights or arrays")
    x, indices = read
    inside = axis > 1 and build.has_steps(x) and build.has_steps(indices)
    if not inside or build.shape(x)[1] != build.shape(indices)[1]:
        x, indices = full(build, x), full(build, indices)
    if build.has_steps(x) != build.has_steps(indices):
        x, indices = as_rows(build, x), as_rows(build, indices)
    wanted = list(shape)
    indices = stretched(build, indices, wanted)
    wanted[axis] = build.shape(x)[axis]
    x = stretched(build, x, wanted)
    return build.like("take", [x, indices], shape, axis=axis, along=1)


def _argsort(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    axis = settings["axis"]
    x = full(build, read[0]) if axis == 1 else read[0]
    return build.like("argsort", x, shape, axis=axis, descending=int(settings["descending"]))


def stretched(build: Builder, x: int, wanted: Sequence[int | None]) -> int:
    """x with its axes of size 1 repeated up to these sizes."""
    size = list(build.shape(x))
    for axis, (own, to) in enumerate(zip(build.shape(x), wanted, strict=True)):
        if own == 1 and to not in (1, None):
            size[axis] = to
            x = build.like("stretch", x, tuple(size), axis=axis, times=to)
    return x


def _matmul(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    a, b = read
    if build.is_single(b) and len(build.shape(b)) == 2:
        return build.like("matmul", [a, b], shape)
    if build.is_single(a) != build.is_single(b):
        if build.is_single(b) and len(build.shape(b)) > 2:
            raise ValueError("ops.matmul: a weight or an array beside a symbolic tensor has 2 axes")
        rank = len(build.shape(b))
        turned = [_swapped(build, one) for one in (b, a)]  # (a b)^T = b^T a^T
        made = build.like("matmul", turned, (*shape[:-2], shape[-1], shape[-2]))
        assert rank >= 2
        return _swapped(build, made)
    if len(build.shape(a)) == 2 == len(build.shape(b)) and not build.is_single(a):
        raise ValueError(
            "ops.matmul: the batch is no axis of a product; ops.sum(x1 * x2, -1) multiplies the vectors of "
            "each example"
        )
    a, b = full(build, a), full(build, b)
    a = stretched(build, a, (*shape[:-2], *build.shape(a)[-2:]))
    b = stretched(build, b, (*shape[:-2], *build.shape(b)[-2:]))
    if build.has_steps(a) != build.has_steps(b):
        a, b = as_rows(build, a), as_rows(build, b)
    return build.like("matmul", [a, b], shape)


def _swapped(build: Builder, x: int) -> int:
    """The last two axes exchanged."""
    shape = build.shape(x)
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    return _transpose(build, [x], {"axes": order}, (*shape[:-2], shape[-1], shape[-2]))


def _step_mask(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    return build.like("step_mask", as_steps(build, read[0]), shape)


def _all_steps(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    """Masked steps are zeros and count from here on."""
    return as_steps(build, full(build, read[0]))


def _masked_like(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    return build.like("masked_like", [as_steps(build, one) for one in read], shape)


def _attention(build: Builder, read: list[int], settings: dict[str, Any], shape: Shape) -> int:
    read = [as_steps(build, one) for one in read]
    attributes = {"heads": settings["heads"], "causal": int(settings["causal"]), "scale": settings["scale"]}
    return build.formed("attention", read, shape, steps=True, attributes=attributes)


TABLE: dict[str, Callable[[Builder, list[int], dict[str, Any], Shape], int]] = {
    "cast": _cast,
    "softmax": _softmax("softmax"),
    "log_softmax": _softmax("log_softmax"),
    "cumsum": _cumsum,
    "reshape": _reshape,
    "expand_dims": _reshape,
    "squeeze": _reshape,
    "transpose": _transpose,
    "get_item": _get_item,
    "pad": _pad,
    "repeat": _repeat,
    "concatenate": _concatenate,
    "take": _take,
    "take_along_axis": _take_along_axis,
    "argsort": _argsort,
    "attention": _attention,
    "matmul": _matmul,
    "step_mask": _step_mask,
    "all_steps": _all_steps,
    "masked_like": _masked_like,
}
"""How the core computes what is neither value by value nor a reduction."""
