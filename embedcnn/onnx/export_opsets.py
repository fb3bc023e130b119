"""Which versions of ONNX's operations graphs are written in."""

from __future__ import annotations

from typing import Any

from ..base.arguments import integer
from .package import package

OLDEST = 18
"""From here on reductions take their axes as ONNX's later versions do."""


def checked_opset(opset: Any, least: int) -> int:
    """The version that is asked for, or the least that does; ValueError for one that does not."""
    if opset is None:
        return least
    version, newest = integer("opset", opset), package().defs.onnx_opset_version()
    if not least <= version <= newest:
        why = " for text=True" if least > OLDEST else ""
        raise ValueError(f"`opset` must be from {least} to {newest}{why}. Received: opset={opset!r}")
    return version
