"""The files of an exported model: the graph, what is too large for it, and the vocabulary beside it."""

from __future__ import annotations

import os
from typing import Any

from .. import __version__
from ..base.replacement import replacing
from .package import package

LARGEST = 2**31 - 2**24
"""Bytes of weights that one file of protobuf holds, with room for the graph."""
ALONE = 1024
"""Weights of fewer bytes stay in the graph."""


def write_files(filepath: Any, proto: Any, metadata: dict[str, str], vocabulary: Any) -> None:
    """Writes a ModelProto, whole or not at all; the vocabulary (a Vocabulary, or None) and large weights
    first.
    """
    path = os.fspath(filepath)
    package().helper.set_model_props(proto, {"embedcnn": __version__, **metadata})
    weights = proto.graph.initializer
    if sum(len(one.raw_data) for one in weights) > LARGEST:
        _write_apart(path + ".data", [one for one in weights if len(one.raw_data) >= ALONE])
    if vocabulary is not None and hasattr(vocabulary, "to_text"):
        vocabulary.save(os.path.splitext(path)[0] + ".vocabulary.txt")
    with replacing(path) as file:
        file.write(proto.SerializeToString())


def _write_apart(path: str, weights: list[Any]) -> None:
    """Moves the bytes of weights into a file of their own, each at a multiple of a page."""
    with replacing(path) as file:
        at = 0
        for one in weights:
            at += file.write(b"\0" * (-at % 4096))
            data = one.raw_data
            package().external_data_helper.set_external_data(one, os.path.basename(path), at, len(data))
            at += file.write(data)
            one.ClearField("raw_data")
