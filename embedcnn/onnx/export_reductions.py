"""What becomes one value from many: pooling over all steps, reductions along chosen axes, bags of tokens."""

from __future__ import annotations

from ..lowering.operations import Operation
from .export_graph import LEAST, Graph, Mask, Value


def any_step(g: Graph, mask: Mask, rank: int) -> str:
    """Which texts have a step that counts, with axes of 1 up to a rank."""
    some = g.cast(g.reduced("ReduceMax", g.cast(mask.name, "int64"), [1]), "bool")
    return g.unsqueezed(some, *range(1, rank))


def largest_step(g: Graph, x: Value) -> Value:
    """The maximum over the steps that count; none: zeros."""
    most = g.reduced("ReduceMax", g.filled(x, LEAST), [1])
    if x.mask is not None:
        most = g.node("Where", any_step(g, x.mask, x.rank - 1), most, g.number(0))
    return Value(most, x.rank - 1)


def share(g: Graph, total: str) -> str:
    """What a sum is divided by: the total, or 1 where that is 0."""
    return g.node("Where", g.node("Equal", total, g.number(0)), g.number(1), total)


def global_max_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return largest_step(g, inputs[0])


def global_sum_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return Value(g.reduced("ReduceSum", g.zeroed(inputs[0]), [1]), inputs[0].rank - 1)


def global_average_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x = inputs[0]
    if x.mask is None:
        return Value(g.reduced("ReduceMean", x.name, [1]), x.rank - 1)
    count = g.node("Max", g.cast(g.counts(x.mask), "float"), g.number(1))
    total = g.reduced("ReduceSum", g.zeroed(x), [1])
    return Value(g.node("Div", total, g.unsqueezed(count, *range(1, x.rank - 1))), x.rank - 1)


def token_bag(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Weighted: sum w x, over sum w ("mean") or sqrt(sum w^2) ("sqrtn"), 0 where that is 0."""
    x, mode = inputs[0], op.attributes.get("mode", "mean")
    if mode == "max":
        return largest_step(g, x)
    if len(inputs) == 1:
        if mode == "mean":
            return global_average_pool(g, op, inputs)
        if mode == "sum" or x.mask is None:
            total = g.reduced("ReduceSum", g.zeroed(x), [1])
            if mode == "sum":
                return Value(total, 2)
            count = g.cast(g.size(x.name, 1), "float")
        else:
            total = g.reduced("ReduceSum", g.zeroed(x), [1])
            count = g.cast(g.unsqueezed(g.counts(x.mask), 1), "float")
        return Value(g.node("Div", total, g.node("Sqrt", g.node("Max", count, g.number(1)))), 2)
    weights = _bag_weights(g, x, inputs[1])
    total = g.reduced("ReduceSum", g.node("Mul", g.zeroed(x), weights), [1])
    if mode == "mean":
        total = g.node("Div", total, _divisor(g, g.reduced("ReduceSum", weights, [1])))
    elif mode == "sqrtn":
        squares = g.reduced("ReduceSum", g.node("Mul", weights, weights), [1])
        total = g.node("Div", total, _divisor(g, g.node("Sqrt", squares)))
    return Value(total, 2)


def _bag_weights(g: Graph, x: Value, given: Value) -> str:
    """The weights [B, T, 1] of the tokens, 0 where either is masked; there may be more than tokens."""
    name = g.zeroed(given)
    name = name if given.rank == 3 else g.unsqueezed(name, 2)
    name = g.sliced(name, 1, 0, g.size(x.name, 1))
    if x.mask is None:
        return name
    return g.node("Where", g.beside(x.mask, 3), name, g.number(0))


def _divisor(g: Graph, by: str) -> str:
    """A divisor; where it is 0 infinite, so that the result is 0."""
    return g.node("Where", g.node("Equal", by, g.number(0)), g.number(float("inf")), by)


def attention_pool(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """sum of a[t] x[t], a = softmax of the scores [B, T, 1] over the steps that count."""
    x, scores = inputs
    masked = Value(scores.name, 3, True, x.mask)
    shares = g.node("Softmax", g.filled(masked, LEAST), axis=1)
    return Value(g.reduced("ReduceSum", g.node("Mul", g.zeroed(x), shares), [1]), x.rank - 1)


def reduce(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """sum, mean, max, min, argmax, argmin along the batch, the steps, dimensions of a row."""
    x, settings = inputs[0], op.attributes
    first = 0 if x.single else 2 if x.steps else 1
    bits = settings.get("dims", 0)
    axes = [0] if settings.get("batch") else []
    axes += [1] if settings.get("steps") else []
    axes += [first + bit for bit in range(x.rank - first) if bits >> bit & 1]
    kind = settings.get("kind", "sum")
    over_steps = bool(settings.get("steps"))
    mask = x.mask if over_steps else None
    if kind in ("argmax", "argmin"):
        made = _place(g, x if mask else x.made(x.name, mask=None), kind, axes)
    else:
        made = _reduced(g, x if mask else x.made(x.name, mask=None), kind, axes)
    return Value(
        made,
        x.rank - len(axes),
        x.steps and not over_steps,
        None if over_steps else x.mask,
        single=x.single or bool(settings.get("batch")),
    )


def _counted(g: Graph, x: Value, axes: list[int]) -> str:
    """How many values take part in each result."""
    assert x.mask is not None
    ones = g.cast(g.node("Expand", g.beside(x.mask, x.rank), g.node("Shape", x.name)), "float")
    return g.reduced("ReduceSum", ones, axes)


def _reduced(g: Graph, x: Value, kind: str, axes: list[int]) -> str:
    if x.mask is None:
        names = {"sum": "ReduceSum", "mean": "ReduceMean", "max": "ReduceMax", "min": "ReduceMin"}
        return g.reduced(names[kind], x.name, axes)
    if kind in ("sum", "mean"):
        total = g.reduced("ReduceSum", g.zeroed(x), axes)
        return total if kind == "sum" else g.node("Div", total, share(g, _counted(g, x, axes)))
    op, fill = ("ReduceMax", LEAST) if kind == "max" else ("ReduceMin", -LEAST)
    some = g.node("Greater", _counted(g, x, axes), g.number(0))
    return g.node("Where", some, g.reduced(op, g.filled(x, fill), axes), g.number(0))


def _place(g: Graph, x: Value, kind: str, axes: list[int]) -> str:
    """Where the largest or smallest stands, counted over the axes as though they were one."""
    name = g.filled(x, LEAST if kind == "argmax" else -LEAST)
    left = [axis for axis in range(x.rank) if axis not in axes]
    turned = g.node("Transpose", name, perm=left + axes) if left + axes != list(range(x.rank)) else name
    sizes = [g.size(name, axis) for axis in left]
    flat = g.node("Reshape", turned, g.joined(*sizes, g.ints(-1)))
    found = g.node({"argmax": "ArgMax", "argmin": "ArgMin"}[kind], flat, axis=-1, keepdims=0)
    return g.cast(found, "float")


OPERATIONS = {
    "global_max_pool": global_max_pool,
    "global_sum_pool": global_sum_pool,
    "global_average_pool": global_average_pool,
    "token_bag": token_bag,
    "attention_pool": attention_pool,
    "reduce": reduce,
}
