"""Values that only move: other shapes, axes in another order, parts of axes, steps as texts of their own."""

from __future__ import annotations

from dataclasses import replace

from ..lowering.operations import Operation
from .export_graph import Graph, Mask, Value

FAR = 1 << 20
"""From so many on the core means the end of an axis, whatever its length."""
END = 2**31 - 1


def flatten(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return Value(g.reshaped(g.lengthened(inputs[0], op.attributes.get("length") or 0), 0, -1), 2)


def unflatten(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    sizes = [op.attributes.get(name, 0) for name in ("length", "second", "third")]
    wanted = [0, *(size for size in sizes if size), -1]
    return Value(g.reshaped(inputs[0].name, *wanted), len(wanted), steps=True)


def repeat(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x = inputs[0]
    sizes = g.ints(1, op.attributes["length"], *[1] * (x.rank - 1))
    return Value(g.node("Expand", g.unsqueezed(x.name, 1), sizes), x.rank + 1, steps=True)


def permute(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    name = g.lengthened(inputs[0], op.attributes.get("length") or 0)
    return Value(g.node("Transpose", name, perm=[0, 2, 1]), 3, steps=True)


def reshape(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Within a step the mask goes on; else masked steps are shown as they are padded, and it ends."""
    x, settings = inputs[0], op.attributes
    if settings.get("pads"):
        return Value(g.shown(x), x.rank, steps=True)
    sizes = [settings[f"size{place}"] for place in range(settings.get("rank", 0))]
    if settings.get("keeps_steps"):
        return replace(x, name=g.reshaped(x.name, 0, 0, *sizes), rank=2 + len(sizes))
    if x.single:
        return Value(g.reshaped(x.name, *sizes), len(sizes), single=True)
    steps = [settings["steps"]] if settings.get("steps") else []
    made = g.reshaped(g.shown(x), 0, *steps, *sizes)
    return Value(made, 1 + len(steps) + len(sizes), steps=bool(steps))


def transpose(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x = inputs[0]
    order = [op.attributes["order"] >> 3 * place & 7 for place in range(x.rank)]
    return x.made(g.node("Transpose", x.name, perm=order))


def slice_(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, settings = inputs[0], op.attributes
    start, stop = settings.get("start", 0), settings.get("stop", FAR)
    bounds = [END if one >= FAR else -END if one <= -FAR else one for one in (start, stop)]
    axis, step = g.ints(settings.get("axis", 0)), g.ints(settings.get("step", 1))
    return x.made(g.node("Slice", x.name, g.ints(bounds[0]), g.ints(bounds[1]), axis, step))


def pad(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, settings = inputs[0], op.attributes
    around = settings.get("before", 0), settings.get("behind", 0)
    value = g.number(settings.get("value", 0.0))
    return x.made(g.padded(x.name, x.rank, settings.get("axis", 0), *around, value))


def stretch(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Each value several times, one behind the other."""
    x, axis, times = inputs[0], op.attributes.get("axis", 0), op.attributes.get("times", 1)
    sizes = [1] * (x.rank + 1)
    sizes[axis + 1] = times
    apart = g.node("Expand", g.unsqueezed(x.name, axis + 1), g.ints(*sizes))
    wanted = [g.size(x.name, one) if one != axis else g.ints(-1) for one in range(x.rank)]
    return x.made(g.node("Reshape", apart, g.joined(*wanted)))


def take(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """At indices of one row in all, of rows of a table, or `along` an axis in which both agree."""
    x, given = inputs
    axis, index = op.attributes.get("axis", 0), g.cast(given.name, "int64")
    if op.attributes.get("along"):
        return x.made(g.node("GatherElements", x.name, index, axis=axis))
    made = g.node("Gather", x.name, index, axis=axis)
    if x.single and not given.single:
        return given.made(made, rank=given.rank + x.rank - 1)
    return x.made(made, rank=x.rank + given.rank - 1)


def argsort(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, axis = inputs[0], op.attributes.get("axis", 0)
    largest = int(bool(op.attributes.get("descending")))
    found = g.nodes_of("TopK", [x.name, g.size(x.name, axis)], 2, axis=axis, largest=largest)[1]
    return x.made(g.cast(found, "float"))


def masking(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Steps of one value everywhere, or those where a mask that is given is 0, are masked."""
    *given, x = inputs
    if given:
        mask = g.node("Not", g.node("Equal", given[0].name, g.number(0)))
        mask = g.node("Squeeze", mask, g.ints(*range(2, given[0].rank))) if given[0].rank > 2 else mask
    else:
        other = g.node("Not", g.node("Equal", x.name, g.number(op.attributes.get("mask_value", 0.0))))
        some = g.reduced("ReduceMax", g.cast(other, "float"), list(range(2, x.rank)))
        mask = g.node("Greater", some, g.number(0))
    if x.mask is not None:
        mask = g.node("And", x.mask.name, mask)
    return x.made(x.name, mask=Mask(mask))


def step_mask(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x = inputs[0]
    if x.mask is not None:
        return Value(g.cast(x.mask.name, "float"), 2, steps=True)
    shape = g.joined(g.size(x.name, 0), g.size(x.name, 1))
    return Value(g.node("Expand", g.number(1), shape), 2, steps=True)


def masked_like(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, like = inputs
    return x.made(g.sliced(x.name, 1, 0, g.size(like.name, 1)), mask=like.mask)


# -- steps as texts ------------------------------------------------------------------------------------------
def fold(g: Graph, op: Operation, inputs: list[Value]) -> list[Value]:
    """[B, S, ...] -> [B S, ...], and the frame that undoes it: the sizes, under the mask of the steps."""
    x = inputs[0]
    frame = g.joined(g.size(x.name, 0), g.size(x.name, 1))
    rest = [g.size(x.name, axis) for axis in range(2, x.rank)]
    made = g.node("Reshape", x.name, g.joined(g.ints(-1), *rest))
    steps = bool(op.attributes.get("steps", 1))
    inner = Value(made, x.rank - 1, steps=steps, dtype=x.dtype)
    return [inner, Value(frame, 1, mask=x.mask, dtype="frame")]


def unfold(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x, frame = inputs
    name = g.shown(x)
    rest = [g.size(name, axis) for axis in range(1, x.rank)]
    made = g.node("Reshape", name, g.joined(frame.name, *rest))
    return Value(made, x.rank + 1, steps=True, mask=frame.mask)


OPERATIONS = {
    "flatten": flatten,
    "unflatten": unflatten,
    "repeat": repeat,
    "permute": permute,
    "reshape": reshape,
    "transpose": transpose,
    "slice": slice_,
    "pad": pad,
    "stretch": stretch,
    "take": take,
    "argsort": argsort,
    "masking": masking,
    "step_mask": step_mask,
    "masked_like": masked_like,
    "fold": fold,
    "unfold": unfold,
}
