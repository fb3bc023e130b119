"""A file of ONNX as it is read: checked, its external data found beside it, its constants as arrays.

The file may come from anywhere: nothing in it is executed, nothing is read outside its folder, and sizes are
checked before memory is taken.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

MOST_BYTES = 2**31
"""What a file of protobuf can hold."""
MOST_VALUES = 2**28
"""In one array that a graph computes of constants."""


def onnx_module() -> Any:
    """The package onnx; ImportError that names the extra."""
    try:
        # costs 60 ms of start-up, and only models from ONNX need it
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.inliner
        import onnx.numpy_helper
        import onnx.reference
    except ImportError as error:
        raise ImportError(
            "models.load_onnx needs the package onnx, the extra `onnx`: pip install embedcnn[onnx]"
        ) from error
    return onnx


def read(path: Any) -> Any:
    """The ModelProto of a file, with its external data; ValueError for what is damaged or none."""
    name = os.fspath(path)
    if not os.path.isfile(name):
        raise FileNotFoundError(f"`path` must be a file of ONNX. Received: path={name!r}, which is no file")
    size = os.path.getsize(name)
    if not 0 < size < MOST_BYTES:
        raise ValueError(f"`path` must be a file of 1 byte to 2 GB. Received: {name!r} of {size} bytes")
    onnx = onnx_module()
    try:
        model = onnx.load(name, load_external_data=False)
    except Exception as error:  # protobuf's own classes, which differ between its versions
        raise ValueError(f"{name!r} is not a file of ONNX: {error}") from error
    folder = os.path.dirname(os.path.abspath(name))
    for tensor in _tensors(model.graph, onnx):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _fetch(tensor, folder, name, onnx)
    try:
        onnx.checker.check_model(model)
    except Exception as error:  # ValidationError, and what a damaged message raises
        raise ValueError(f"{name!r} does not hold a right model of ONNX: {error}") from error
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def array_of(tensor: Any, what: str) -> np.ndarray:
    """A TensorProto as an array; ValueError where its bytes are not those of its shape."""
    onnx = onnx_module()
    if any(size < 0 for size in tensor.dims):
        raise ValueError(f"{what}: the sizes {list(tensor.dims)} must not be negative")
    try:
        array: np.ndarray = onnx.numpy_helper.to_array(tensor)
    except Exception as error:  # what onnx raises differs from type to type
        raise ValueError(f"{what}: its data do not fit the shape {tuple(tensor.dims)}: {error}") from error
    return array.astype(np.float32) if array.dtype.name == "bfloat16" else array


def _tensors(graph: Any, onnx: Any) -> Iterator[Any]:
    """Every TensorProto of a graph and the graphs within it."""
    waiting = [graph]
    while waiting:
        one = waiting.pop()
        yield from one.initializer
        for node in one.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.TENSOR:
                    yield attribute.t
                yield from attribute.tensors
                waiting += [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else []
                waiting += attribute.graphs


def _fetch(tensor: Any, folder: str, name: str, onnx: Any) -> None:
    """Reads what a tensor keeps in another file, which must lie in the folder of the model."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    target = os.path.realpath(os.path.join(folder, location))
    inside = os.path.commonpath([target, os.path.realpath(folder)]) == os.path.realpath(folder)
    if not location or os.path.isabs(location) or not inside:
        raise ValueError(
            f"{name!r}: the data of {tensor.name!r} must be in a file in the folder of the model. Received: "
            f"location={location!r}"
        )
    if not os.path.isfile(target):
        raise FileNotFoundError(
            f"{name!r}: the data of {tensor.name!r} should be in {target!r}: no such file"
        )
    itemsize = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    expected = _count(tensor.dims) * itemsize
    try:
        offset, length = int(entries.get("offset", 0)), int(entries.get("length", expected))
    except ValueError as error:
        raise ValueError(
            f"{name!r}: offset and length of {tensor.name!r} must be numbers: {error}"
        ) from error
    if length != expected or offset < 0 or offset + length > os.path.getsize(target):
        raise ValueError(
            f"{name!r}: {tensor.name!r} of shape {tuple(tensor.dims)} needs {expected} bytes at {offset} of "
            f"{location!r}. Received: length={length}, and a file of {os.path.getsize(target)} bytes"
        )
    with open(target, "rb") as file:
        file.seek(offset)
        tensor.raw_data = file.read(length)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _count(sizes: Iterable[int]) -> int:
    total = 1
    for size in sizes:
        total *= max(int(size), 0)
    return total


def checked_count(sizes: Iterable[int], what: str) -> tuple[int, ...]:
    """The shape of an array that is about to be made; ValueError where it is too large, or negative."""
    shape = tuple(int(size) for size in sizes)
    if any(size < 0 for size in shape) or _count(shape) > MOST_VALUES:
        raise ValueError(
            f"{what} makes a constant of shape {shape}; at most {MOST_VALUES} values are allowed"
        )
    return shape
