"""From ids to rows of a table: ids that layers compute, hashed n-grams, the lookup."""

from __future__ import annotations

from ..lowering.operations import Operation
from . import export_steps as steps
from .export_graph import Graph, Mask, Value

MIXES = (0xBF58476D1CE4E5B9, 30), (0x94D049BB133111EB, 27)
GOLDEN = 0x9E3779B97F4A7C15


def lookup(g: Graph, op: Operation, inputs: list[Value]) -> list[Value]:
    """Rows of the table, read in float32; ids of padding are masked."""
    settings = op.attributes
    padding = 0 if settings.get("mask_zero") else settings.get("mask_id", -1)
    found = []
    for ids in inputs:
        mask = ids.mask
        if padding >= 0:
            real = g.node("Not", g.node("Equal", ids.name, g.whole(padding)))
            mask = Mask(real if mask is None else g.node("And", mask.name, real))
        found.append(Value(_rows(g, op.variables[0], ids.name), ids.rank + 1, True, mask))
    return found


def _rows(g: Graph, table: object, ids: str) -> str:
    """A table in fewer bits stays as it is stored; its rows are read to float32."""
    if getattr(table, "dtype", "float32") == "float32":
        return g.node("Gather", g.weight(table), ids)  # type: ignore[arg-type]
    rows, scales = g.stored_table(table)
    made = g.cast(g.node("Gather", rows, ids), "float")
    return made if scales is None else g.node("Mul", made, g.node("Gather", scales, ids))


def to_ids(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    x = inputs[0]
    name = g.node("Squeeze", x.name, g.ints(2)) if x.rank == 3 else x.name
    ids = g.cast(name, "int64")
    if x.mask is not None:  # what stands at masked steps may be no row of a table
        ids = g.node("Where", x.mask.name, ids, g.whole(0))
    return Value(ids, 2, True, x.mask, dtype="ids")


def cast(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    return inputs[0].made(g.cast(inputs[0].name, "float"), dtype="floats")


def ngrams(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """The tokens of a text, then its n-grams of 2, 3 ... as hash buckets: csrc/ops/ngrams.c."""
    ids, settings = inputs[0], op.attributes
    width = g.size(ids.name, 1)
    parts, masks = [ids.name], [ids.mask.name if ids.mask is not None else ""]
    real = g.node("Greater", ids.name, g.whole(0))
    key, some, there = _mixed(g, g.whole(0), ids.name), real, masks[0]
    for taps in range(2, settings.get("n", 2) + 1):
        count = g.node("Max", g.node("Sub", width, g.whole(taps - 1)), g.whole(0))
        following = g.sliced(ids.name, 1, taps - 1, width)
        key = _mixed(g, g.sliced(key, 1, 0, count), following)
        some = g.node("And", g.sliced(some, 1, 0, count), g.node("Greater", following, g.whole(0)))
        share = g.node("Mul", _shifted(g, key, 32), g.whole(settings["buckets"]))
        bucket = g.node("Add", _shifted(g, share, 32), g.whole(settings["input_dim"]))
        parts.append(g.node("Where", some, bucket, g.whole(0)))
        if there:
            there = g.node("And", g.sliced(there, 1, 0, count), g.sliced(masks[0], 1, taps - 1, width))
            masks.append(there)
    joined = g.node("Concat", *parts, axis=1)
    if not there:
        return Value(joined, 2, True, dtype="ids")
    mask = Mask(g.node("Concat", *masks, axis=1))
    lengths = g.unsqueezed(g.counts(mask), 1)
    first = g.node("Less", steps.positions(g, g.size(mask.name, 1)), lengths)
    return Value(steps.to_front(g, joined, mask), 2, True, Mask(first, True), dtype="ids")


def _shifted(g: Graph, number: str, by: int) -> str:
    """A whole number shifted to the right, zeros from the left."""
    bits = g.cast(number, "uint64")
    return g.cast(g.node("BitShift", bits, g.cast(g.whole(by), "uint64"), direction="RIGHT"), "int64")


def _signed(number: int) -> int:
    """64 bits as a signed number."""
    return number - (1 << 64) if number >> 63 else number


def _mixed(g: Graph, key: str, counter: str) -> str:
    """csrc/base/random.h, ec_random_key: SplitMix64's finaliser; sums and products wrap around."""
    step = g.node("Mul", g.node("Add", counter, g.whole(1)), g.whole(_signed(GOLDEN)))
    z = g.node("Add", key, step)
    for factor, by in MIXES:
        z = g.node("Mul", g.node("BitwiseXor", z, _shifted(g, z, by)), g.whole(_signed(factor)))
    return g.node("BitwiseXor", z, _shifted(g, z, 31))


OPERATIONS = {"lookup": lookup, "to_ids": to_ids, "cast": cast, "ngrams": ngrams}
