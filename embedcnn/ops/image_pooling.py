"""Pooling of images [B, H, W, C]: what `max_pool` and `average_pool` make of arrays of four axes."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from ..base.arguments import integer_pair
from .call import Call

Sizes = int | Sequence[int]


def pool(name: str, x: ArrayLike, pool_size: Sizes, strides: Sizes | None, padding: str) -> Call:
    """The call of max_pool2d or average_pool2d."""
    call = Call(outputs=(1,))
    call.add_images("x", x)
    rows, cols = integer_pair("pool_size", pool_size)
    down, right = (rows, cols) if strides is None else integer_pair("strides", strides)
    settings = {"pool_rows": rows, "pool_cols": cols, "stride_rows": down, "stride_cols": right}
    call.operations = [(name, (0,), (1,), (), {**settings, "padding": padding})]
    return call
