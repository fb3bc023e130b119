"""Elements of a data set in one file: what `Dataset.cache(filename)` writes in its first pass and maps into
memory in every later one, whose arrays are then views of the file.

The file: a line that names the format; per element a JSON description behind its length (8 bytes, little
endian), then its arrays, each at a multiple of 64 bytes; at the end where each element starts, their number
and a closing mark. Nothing that is read is executed.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import numpy as np

from embedcnn.base.mapped_pages import check_pages
from embedcnn.base.replacement import replacing
from embedcnn.data.streams import close_elements
from embedcnn.data.structure import objects
from embedcnn.ragged import Ragged

FORMAT = b"embedcnn cached elements 1\n"
CLOSED = b"complete"
ALIGNED = 64  # bytes: what the core's vectors like best


def filed(start: Callable[[], Iterator[Any]], filename: str) -> Iterator[Any]:
    """One pass: over the file where it is there, else over `start()`, which is written on the way."""
    if os.path.exists(filename):
        yield from read(filename)
        return
    elements = start()
    try:
        yield from written(elements, filename)
    finally:
        close_elements(elements)


def written(elements: Iterator[Any], filename: str) -> Iterator[Any]:
    """The elements, on whose way they are written; the file is there once the last one was taken."""
    with replacing(filename) as file:
        file.write(FORMAT)
        starts = []
        for position, element in enumerate(elements):
            starts.append(_write_element(file, element, position))
            yield element
        _align(file)
        file.write(np.array([*starts, len(starts)], "<i8").tobytes() + CLOSED)


def read(filename: str) -> Iterator[Any]:
    """The elements of a file, whose arrays are read-only views of it. ValueError for another file."""
    with open(filename, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        mapped: Any = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    tail = len(CLOSED) + 8
    if mapped[: len(FORMAT)] != FORMAT or mapped[-len(CLOSED) :] != CLOSED:
        raise ValueError(
            f"`filename` must be a file that cache wrote, or a new one. Received: filename={filename!r}, "
            f"which begins with {bytes(mapped[:16])!r}"
        )
    count = int(np.frombuffer(mapped, "<i8", 1, size - tail)[0])
    if not 0 <= count <= size // 8:
        raise ValueError(f"{filename} is damaged: it claims to hold {count} elements")
    for position, start in enumerate(np.frombuffer(mapped, "<i8", count, size - tail - 8 * count).tolist()):
        check_pages(f"element {position} of {filename}", mapped)
        length = int.from_bytes(mapped[start : start + 8], "little")
        described = json.loads(mapped[start + 8 : start + 8 + length])
        yield _element_of(described, mapped)


def _align(file: BinaryIO) -> int:
    file.write(b"\0" * (-file.tell() % ALIGNED))
    return file.tell()


def _write_element(file: BinaryIO, element: Any, position: int) -> int:
    """Writes one element; returns where it starts."""
    arrays: list[np.ndarray] = []
    tree = _described(element, arrays, position)
    start = _align(file)
    room = len(json.dumps(tree)) + 32 + 24 * len(arrays)  # where the arrays stand depends on it
    at, places = start + 8 + room, []
    for array in arrays:
        at += -at % ALIGNED
        places.append(at)
        at += array.nbytes
    text = json.dumps({"tree": tree, "at": places}).encode().ljust(room)
    file.write(len(text).to_bytes(8, "little") + text)
    for array in arrays:
        _align(file)
        file.write(array.reshape(-1).view(np.uint8).data)
    return start


def _described(element: Any, arrays: list[np.ndarray], position: int) -> Any:
    """An element as [kind, what there is of it], with its arrays put aside."""

    def place(array: np.ndarray) -> list[Any]:
        arrays.append(np.ascontiguousarray(array).reshape(array.shape))
        return [array.dtype.str, list(array.shape), len(arrays) - 1]

    if isinstance(element, tuple):
        return ["tuple", [_described(part, arrays, position) for part in element]]
    if isinstance(element, dict) and all(isinstance(key, str) for key in element):
        return ["dict", [[key, _described(part, arrays, position)] for key, part in element.items()]]
    if element is None or type(element) in (bool, int, float, str):
        return ["value", element]
    if isinstance(element, bytes):
        return ["bytes", place(np.frombuffer(element, np.uint8))]
    if isinstance(element, Ragged):
        return ["ragged", [place(element.ids), place(element.offsets)]]
    array = np.asarray(element) if isinstance(element, (np.ndarray, np.generic)) else np.empty(0, "V1")
    if array.dtype.kind in "OU" and all(isinstance(text, str) for text in array.flat):
        return ["texts", [array.ravel().tolist(), list(array.shape)]]
    if array.dtype.kind not in "biuf":
        raise TypeError(
            "cache: a file keeps arrays of numbers or texts, numbers, texts and bytes. Received: element "
            f"{position} with a {type(element).__name__}"
        )
    return ["array" if isinstance(element, np.ndarray) else "number", place(array)]


def _element_of(described: dict[str, Any], mapped: Any) -> Any:
    """The element, whose arrays are views of the file."""

    def placed(where: list[Any]) -> np.ndarray:
        name, shape, number = where
        dtype = np.dtype(name)
        array = np.frombuffer(
            mapped, dtype, math.prod(shape), described["at"][number] if math.prod(shape) else 0
        )
        return array.reshape(shape)

    def element(kind: str, part: Any) -> Any:
        if kind == "tuple":
            return tuple(element(*one) for one in part)
        if kind == "dict":
            return {key: element(*one) for key, one in part}
        if kind == "value":
            return part
        if kind == "ragged":
            return Ragged(*map(placed, part))
        if kind == "texts":
            texts, shape = part
            return objects(texts).reshape(shape)
        array = placed(part)
        return array.tobytes() if kind == "bytes" else array[()] if kind == "number" else array

    return element(*described["tree"])
