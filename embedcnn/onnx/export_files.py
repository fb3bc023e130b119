"""The files of an exported model: the graph, what is too large for it, and the vocabulary beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import __version__
from ..base.replacement import replacing
from .package import package

LARGEST = 2**31 - 2**24
"""Bytes of weights that one file of protobuf holds, with room for the graph."""
ALONE = 1024
"""Weights of fewer bytes stay in the graph."""


def inlined(proto: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """A ModelProto with the numbers of its weights, but those that stand in another file."""
    for one in proto.graph.initializer:
        if one.name in arrays and not one.external_data:
            one.raw_data = _little_endian(arrays[one.name]).tobytes()
    return proto


def write_files(
    filepath: Any,
    proto: Any,
    arrays: Mapping[str, np.ndarray],
    metadata: dict[str, str],
    vocabulary: Any,
) -> None:
    """Writes a ModelProto and the arrays of its weights, each file whole or not at all; the vocabulary (a
    Vocabulary, or None) and large weights first.
    """
    path = os.fspath(filepath)
    package().helper.set_model_props(proto, {"embedcnn": __version__, **metadata})
    if sum(array.nbytes for array in arrays.values()) > LARGEST:
        _write_apart(path + ".data", proto, arrays)
    if vocabulary is not None:
        vocabulary.save(os.path.splitext(path)[0] + ".vocabulary.txt")
    with replacing(path) as file:
        file.write(inlined(proto, arrays).SerializeToString())


def _write_apart(path: str, proto: Any, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes weights into a file of their own, each at a multiple of a page."""
    onnx = package()
    with replacing(path) as file:
        at = 0
        for one in proto.graph.initializer:
            if one.name not in arrays or arrays[one.name].nbytes < ALONE:
                continue
            array = _little_endian(arrays[one.name])
            at += file.write(b"\0" * (-at % 4096))
            one.raw_data = b""  # what set_external_data asks for
            onnx.external_data_helper.set_external_data(one, os.path.basename(path), at, array.nbytes)
            one.ClearField("raw_data")
            at += file.write(array.data)


def _little_endian(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
