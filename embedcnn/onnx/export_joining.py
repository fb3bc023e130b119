"""Several tensors to one: side by side, one behind the other, value by value, multiplied."""

from __future__ import annotations

from ..lowering.operations import Operation
from . import export_steps as steps
from .export_graph import LEAST, Graph, Mask, Value
from .export_refusals import refuse

EINSUM_AXES = "Bij", "Bkl"


def concatenate(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Along the last axis, or one before it; masked steps are zeros where another tensor has them."""
    wide = steps.as_wide(g, inputs)
    axis = -1 - op.attributes.get("axis", 0)
    mask = steps.joined_mask(g, wide, "Or")
    alike = len({one.mask for one in wide}) == 1
    names = [one.name if alike else g.zeroed(one) for one in wide]
    return wide[0].made(g.node("Concat", *names, axis=axis), mask=mask)


def concatenate_steps(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Texts one behind the other, and their masks."""
    made = g.node("Concat", *map(g.zeroed, inputs), axis=1)
    if all(one.mask is None for one in inputs):
        return inputs[0].made(made)
    masks = []
    for one in inputs:
        if one.mask is not None:
            masks.append(one.mask.name)
            continue
        shape = g.joined(g.size(one.name, 0), g.size(one.name, 1))
        masks.append(g.node("Expand", g.cast(g.ints(1), "bool"), shape))
    return inputs[0].made(made, mask=Mask(g.node("Concat", *masks, axis=1)), clean=True)


def merge(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Value by value; where a step is masked in one of them the others alone count, where in all, zeros."""
    kind = op.attributes.get("kind", "add")
    wide = steps.as_wide(g, inputs)
    mask = steps.joined_mask(g, wide, "Or")
    alike = len({one.mask for one in wide}) == 1
    fill = {"multiply": 1.0, "maximum": LEAST, "minimum": -LEAST}.get(kind, 0.0)
    names = [one.name if alike else g.filled(one, fill) for one in wide]
    if len(names) == 1:
        return wide[0]
    if kind in ("maximum", "minimum"):
        made = g.node("Max" if kind == "maximum" else "Min", *names)
    elif kind in ("add", "average"):
        made = g.node("Sum" if kind == "add" else "Mean", *names)
    else:
        made = names[0]
        for name in names[1:]:
            made = g.node("Sub" if kind == "subtract" else "Mul", made, name)
    return wide[0].made(made, mask=mask)


def dot(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """Summed along one axis of each; masked steps are zeros."""
    letters, read = [], []
    for one, names, side in zip(inputs, EINSUM_AXES, "ab", strict=True):
        own = list(names[: one.rank])
        own[op.attributes.get(f"axis_{side}", 1)] = "s"
        letters.append("".join(own))
        read.append(g.lengthened(one, op.attributes.get(f"length_{side}") or 0))
    left = "B" + "".join(letter for letter in "".join(letters) if letter not in "Bs")
    equation = f"{letters[0]},{letters[1]}->{left}"
    made = g.node("Einsum", *read, equation=equation)
    if all(one.steps for one in inputs):
        return Value(made, len(left), steps=True)
    return Value(g.reshaped(made, 0, -1), 2) if len(left) > 1 else Value(g.unsqueezed(made, 1), 2)


def matmul(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    a, b = inputs
    return a.made(g.node("MatMul", a.name, b.name))


def attention(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """A mean of the value's steps by the softmax of query times key, in heads: slices of the channels."""
    if op.attributes.get("always") and op.attributes.get("rate"):
        refuse(op, "draws random numbers in inference too (it was called with training=True)")
    query, key, value = inputs
    heads = op.attributes.get("heads", 1)

    def split(x: Value, *perm: int) -> str:
        return g.node("Transpose", g.reshaped(g.zeroed(x), 0, 0, heads, -1), perm=perm)

    scores = g.node("MatMul", split(query, 0, 2, 1, 3), split(key, 0, 2, 3, 1))
    scores = g.node("Mul", scores, g.number(op.attributes.get("scale", 1.0)))
    allowed = []
    if query.mask is not None:
        allowed.append(g.unsqueezed(query.mask.name, 1, 3))
    if key.mask is not None:
        allowed.append(g.unsqueezed(key.mask.name, 1, 2))
    if op.attributes.get("causal"):
        rows, columns = (steps.positions(g, g.size(one.name, 1)) for one in (query, key))
        allowed.append(g.node("GreaterOrEqual", g.unsqueezed(rows, 1), columns))
    for one in allowed:
        scores = g.node("Where", one, scores, g.number(-1.0e30))
    shares = g.node("Softmax", scores, axis=-1)
    for one in allowed:
        shares = g.node("Where", one, shares, g.number(0))
    made = g.node("Transpose", g.node("MatMul", shares, split(value, 0, 2, 1, 3)), perm=[0, 2, 1, 3])
    return query.made(g.reshaped(made, 0, 0, -1), clean=query.mask is not None)


OPERATIONS = {
    "concatenate": concatenate,
    "concatenate_steps": concatenate_steps,
    "merge": merge,
    "dot": dot,
    "matmul": matmul,
    "attention": attention,
}
