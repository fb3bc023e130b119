"""What the steps of texts need in a graph: positions, spans, steps taken by index, unmasked steps moved to
the
front, masks of several tensors joined.

A text is the span from its first to its last unmasked step (DESIGN.md, Masks); where masks may begin late or
have holes, that is computed in the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .export_graph import Graph, Mask, Value


@dataclass(frozen=True)
class Span:
    """Of each text [B, 1]: where it begins (None: at 0), where it ends, how long it is."""

    begin: str | None
    end: str
    length: str


def positions(g: Graph, count: str) -> str:
    """0, 1, ... up to a count, which is a vector of one number."""
    return g.node("Range", g.whole(0), g.node("Squeeze", count), g.whole(1))


def span(g: Graph, mask: Mask) -> Span:
    """The span of each text; an empty text has length 0."""
    if mask.prefix:
        count = g.unsqueezed(g.counts(mask), 1)
        return Span(None, count, count)
    width = g.size(mask.name, 1)
    at, counted = positions(g, width), g.cast(mask.name, "int64")
    behind = g.node("Mul", counted, g.node("Add", at, g.whole(1)))
    end = g.reduced("ReduceMax", behind, [1], True)
    before = g.reduced("ReduceMax", g.node("Mul", counted, g.node("Sub", width, at)), [1], True)
    first = g.node("Sub", width, before)
    empty = g.node("Equal", end, g.whole(0))
    begin = g.node("Where", empty, g.whole(0), first)
    return Span(begin, end, g.node("Sub", end, begin))


def inside(g: Graph, mask: Mask) -> Mask:
    """The mask of the spans: steps inside that do not count are in it, too."""
    if mask.prefix:
        return mask
    found, at = span(g, mask), positions(g, g.size(mask.name, 1))
    assert found.begin is not None
    before_end = g.node("Less", at, found.end)
    return Mask(g.node("And", g.node("GreaterOrEqual", at, found.begin), before_end))


def taken(g: Graph, name: str, index: str) -> str:
    """out[b, n, ...] = in[b, index[b, n], ...]."""
    return g.node("GatherND", name, g.unsqueezed(index, 2), batch_dims=1)


def clipped(g: Graph, index: str, count: str) -> str:
    """Indices as the nearest ones in [0, count), count a vector of one number."""
    return g.node("Max", g.node("Min", index, g.node("Sub", count, g.whole(1))), g.whole(0))


def to_front(g: Graph, name: str, mask: Mask) -> str:
    """The steps that count, in their order, before all others."""
    if mask.prefix:
        return name
    width = g.size(mask.name, 1)
    at = positions(g, width)
    rank = g.node("Where", mask.name, g.node("Sub", width, at), g.node("Neg", at))
    order = g.nodes_of("TopK", [rank, width], 2, axis=1)[1]
    return taken(g, name, order)


def reversed_steps(g: Graph, name: str) -> str:
    """The last step first."""
    back = g.ints(-1)
    return g.node("Slice", name, back, g.ints(-(2**31)), g.ints(1), back)


# -- several tensors -----------------------------------------------------------------------------------------
def as_wide(g: Graph, values: Sequence[Value]) -> list[Value]:
    """Sequences whose masks differ may be padded to different lengths: all as long as the longest."""
    masks = {value.mask for value in values if value.steps}
    if len(masks) < 2:
        return list(values)
    sizes = [g.size(value.name, 1) for value in values]
    most = g.node("Max", *sizes)
    found = []
    for value, size in zip(values, sizes, strict=True):
        if value.mask is None:  # none is longer
            found.append(value)
            continue
        more = g.node("Sub", most, size)
        longer = g.cast(g.padded(g.cast(value.mask.name, "int64"), 2, 1, 0, more), "bool")
        made = g.padded(g.zeroed(value), value.rank, 1, 0, more)
        found.append(
            replace(value, name=made, mask=replace(value.mask, name=longer), clean=True, repeats=False)
        )
    return found


def joined_mask(g: Graph, values: Sequence[Value], op: str) -> Mask | None:
    """The masks of sequences as one: "And" of those there are, or "Or", which is none where one has none."""
    masks = list(dict.fromkeys(value.mask for value in values if value.steps))
    if op == "Or" and None in masks:
        return None
    there = [mask for mask in masks if mask is not None]
    if not there:
        return None
    name = there[0].name
    for mask in there[1:]:
        name = g.node(op, name, mask.name)
    return Mask(name, all(mask.prefix for mask in there))
