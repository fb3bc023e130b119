"""The forms that a tensor has in the core, and how one becomes another: steps, rows, no padding left out.

See tensor_operations.py, which asks for them.
"""

from __future__ import annotations

from typing import Any

from ..graph.nodes import Shape
from .builder import Builder


def floats(build: Builder, symbol: int) -> int:
    """Ids as numbers; others as they are."""
    if build.tensors[symbol].dtype != "int32" or not build.is_ids(symbol):
        return symbol
    return build.formed("cast", [symbol], build.shape(symbol), steps=True)


def reshaped(build: Builder, symbol: int, shape: Shape, steps: bool, **settings: Any) -> int:
    """The values in this shape, which has steps as its second axis or not; from another form where needed."""
    single = build.is_single(symbol)
    sizes = shape if single else shape[2:] if steps else shape[1:]
    if None in sizes:
        raise ValueError(
            f"a tensor of shape {shape} cannot be made: only the batch and the steps of a sequence may have "
            "any size. Give the number of steps in Input((length, ...))"
        )
    if len(sizes) > 4:
        raise ValueError(f"a tensor of shape {shape} has more axes than 6. Reshape it before")
    given = {f"size{place}": size for place, size in enumerate(sizes)}
    if steps and "keeps_steps" not in settings:
        settings["steps"] = shape[1]
    form = {"rank": len(sizes), **settings, **given}
    return build.formed(
        "reshape", [symbol], shape, steps=steps and not single, single=single, attributes=form
    )


def as_rows(build: Builder, symbol: int) -> int:
    """A row for each text: masked steps are zeros, the mask ends. The number of steps must be known."""
    if build.is_single(symbol) or not build.has_steps(symbol):
        return symbol
    return reshaped(build, symbol, build.shape(symbol), False)


def as_steps(build: Builder, symbol: int) -> int:
    """A row for each step of each text."""
    if build.is_single(symbol) or build.has_steps(symbol):
        return symbol
    return reshaped(build, symbol, build.shape(symbol), True)


def full(build: Builder, symbol: int) -> int:
    """Without masked steps: rows for each text where the number of steps is known, else padded steps."""
    if build.is_single(symbol) or not build.has_steps(symbol):
        return symbol
    shape = build.shape(symbol)
    if shape[1] is not None and len(shape) <= 5:
        return as_rows(build, symbol)
    return build.formed("reshape", [symbol], shape, steps=True, attributes={"pads": 1})


def taken(build: Builder, layer: Any, inputs: list[int]) -> list[int]:
    """What a layer reads, in the form that it takes: images as rows, and so where any form will do."""
    if layer.reads_images:
        return [build.as_image(as_rows(build, one)) for one in inputs]
    if layer.any_form and all(map(build.is_image, inputs)):
        return inputs
    return [usual(build, one) for one in inputs]


def usual(build: Builder, symbol: int) -> int:
    """As layers take it: sequences from three axes on, else a row for each text."""
    shape = build.shape(symbol)
    if build.is_single(symbol) or build.is_ids(symbol):
        return symbol
    if len(shape) > 2:
        return as_steps(build, symbol)
    return as_rows(build, symbol) if None not in shape[1:] else symbol
