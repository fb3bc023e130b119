"""The file of a saved model: an uncompressed zip of a few known members, written whole or not at all, read
with distrust.

Weights are members in the safetensors layout, written straight from the arrays. Reading refuses, with
ValueError, whatever a writer here would not have written: other members, compression, repeated names, sizes
beyond the file, wrong checksums. Large members (base.arrays.MAPPED_BYTES) are not read but mapped, and their
checksums are not looked at, as they would have to be read for that; arrays begin at multiples of 64 bytes.
"""

from __future__ import annotations

import errno
import io
import json
import mmap
import struct
import zipfile
from math import prod
from typing import Any, BinaryIO

import numpy as np

from ..base import arrays

MEMBERS = (
    "config.json",
    "weights.safetensors",
    "optimizer.safetensors",
    "vocabulary.txt",
    "features.safetensors",
    "training.json",
    "training.safetensors",
)
HDF5 = b"\x89HDF\r\n\x1a\n"
"""The first bytes of a file of older versions of Keras, or of its weights."""
MAPPABLE = ("weights.safetensors", "features.safetensors")  # which training copies before it writes to them
_DTYPES = {"float32": "F32", "int64": "I64"}
OF_WEIGHTS = {**_DTYPES, "float16": "F16", "uint16": "U16", "int8": "I8"}
"""The dtypes of weights: tables may be stored in fewer bits, bfloat16 as U16."""
OF_FEATURES = {**OF_WEIGHTS, "int32": "I32", "uint8": "U8", "uint32": "U32", "uint64": "U64"}
"""The dtypes of arrays that are no weights: what layers know of texts."""
_ALIGNMENT = 64
_PADDING = 0xD935  # the field of a zip's entry that aligns it, as Android's zipalign has it
_LOCAL_HEADER = struct.Struct("<4s22xHH")
_HEADER_LIMIT = 100_000_000  # safetensors's own limit
MOST_TENSORS = 200_000  # a file of a few kilobytes an array could take minutes


def write_tensors(file: Any, tensors: dict[str, np.ndarray]) -> None:
    """Writes arrays (of OF_FEATURES) in the safetensors layout, without a second copy in memory."""
    header: dict[str, Any] = {}
    offset = 0
    for name, array in tensors.items():
        header[name] = {
            "dtype": OF_FEATURES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-(len(text) + 8) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for array in tensors.values():
        file.write(np.ascontiguousarray(array).data.cast("B"))


def read_tensors(
    data: bytes | memoryview, what: str, dtypes: dict[str, str] = _DTYPES
) -> dict[str, np.ndarray]:
    """The arrays of a safetensors file; ValueError where it is not one, or holds others than `dtypes`.

    Those of a mapped file (a memoryview) stay in it.
    """
    if isinstance(data, memoryview):
        return _mapped_tensors(data, what, dtypes)
    from safetensors import SafetensorError
    from safetensors.numpy import load

    header = _header(data)
    if len(header) > MOST_TENSORS:
        raise ValueError(f"{what}: it names {len(header):,} arrays; at most {MOST_TENSORS:,} are read")
    try:
        np.empty(len(data), np.uint8)  # the reader copies all arrays, and has no error for want of memory
        tensors = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(f"{what}: not a safetensors file ({error})") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, which is no Exception
            raise
        raise MemoryError(f"{what}: no memory for its arrays, {len(data):,} bytes") from None
    for name, array in tensors.items():
        if array.dtype.name not in dtypes:
            raise ValueError(f"{what}: {name!r} has dtype {array.dtype}; allowed: {', '.join(dtypes)}")
    return {
        name: tensors[name] for name in header if name in tensors
    }  # in the order in which they were written


def _mapped_tensors(data: memoryview, what: str, dtypes: dict[str, str]) -> dict[str, np.ndarray]:
    """As `read_tensors`, without a copy of what is aligned."""
    start = 8 + int.from_bytes(data[:8], "little")
    names = {short: name for name, short in dtypes.items()}
    found: dict[str, np.ndarray] = {}
    spans = []
    try:
        header = json.loads(bytes(data[8:start])) if start <= min(8 + _HEADER_LIMIT, len(data)) else {}
        header.pop("__metadata__", None)
        for name, entry in header.items():
            dtype, shape = np.dtype(names[entry["dtype"]]), tuple(map(int, entry["shape"]))
            begin, end = (start + int(offset) for offset in entry["data_offsets"])
            if min(shape, default=0) < 0 or end - begin != prod(shape) * dtype.itemsize:
                raise ValueError(f"{name!r} has not the size of its shape")
            spans.append((begin, end))
            array = np.frombuffer(data[begin:end], dtype).reshape(shape)
            found[name] = array if array.flags.aligned else array.copy()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ValueError(f"{what}: not a safetensors file ({error})") from None
    spans.sort()
    if not found or [start, *(end for _, end in spans)] != [*(begin for begin, _ in spans), len(data)]:
        raise ValueError(f"{what}: not a safetensors file (its arrays do not follow each other)")
    return found


def _header(data: bytes) -> dict[str, Any]:
    """What a safetensors file says of its arrays; {} where that cannot be read, as who reads it will say."""
    try:
        found = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (ValueError, RecursionError, OverflowError):
        return {}
    return found if isinstance(found, dict) else {}


def write_archive(file: BinaryIO, members: dict[str, Any]) -> None:
    """Writes members, bytes or dicts of arrays, as an uncompressed zip (with its checksums)."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        try:
            for name, content in members.items():
                info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # equal models give equal files
                if not isinstance(content, bytes):
                    info.extra = _padding(file.tell() + len(name))
                with archive.open(info, "w", force_zip64=True) as member:
                    if isinstance(content, bytes):
                        member.write(content)
                    else:
                        write_tensors(member, content)
        except BaseException:
            archive.fp = None  # given up: closing it would raise another error in the place of this one
            raise


def _padding(place: int) -> bytes:
    """The extra field of an entry whose header, without its 50 bytes that are always there, ends at `place`:
    so long that the entry's bytes begin at a multiple of _ALIGNMENT.
    """
    room = -(place + 50 + 6) % _ALIGNMENT
    return struct.pack("<HHH", _PADDING, 2 + room, _ALIGNMENT) + bytes(room)


def _mapped(source: Any, entries: list[zipfile.ZipInfo], size: int, label: str) -> dict[str, memoryview]:
    """Entries that are too large to be read, as the pages of the file."""
    large = [one for one in entries if one.filename in MAPPABLE and one.file_size >= arrays.MAPPED_BYTES]
    try:
        pages = mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) if large else b""
    except (AttributeError, OSError, io.UnsupportedOperation):  # no file of the system's
        return {}
    view, found = memoryview(pages), {}
    for entry in large:
        begin = entry.header_offset + _LOCAL_HEADER.size
        mark, name, extra = _LOCAL_HEADER.unpack(view[entry.header_offset : begin])
        begin += name + extra
        if mark != b"PK\x03\x04" or begin + entry.file_size > size:
            raise ValueError(f"{label} is damaged: {entry.filename} is not where it should be")
        found[entry.filename] = view[begin : begin + entry.file_size]
    return found


def read_archive(source: Any, label: str) -> dict[str, Any]:
    """The members of a saved model, checked: bytes, or memoryviews of what is mapped; ValueError that says
    what is wrong.
    """
    refuse_hdf5(source, label)
    try:
        size = source.seek(0, io.SEEK_END)
        source.seek(0)
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            _check_entries(entries, size, label)
            mapped = _mapped(source, entries, size, label)
            return {
                entry.filename: mapped[entry.filename] if entry.filename in mapped else archive.read(entry)
                for entry in entries
            }
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        hint = "; models.load_onnx reads graphs of ONNX" if label.strip("'\"").endswith(".onnx") else ""
        raise ValueError(f"{label} is not a saved model, or is damaged: {error}{hint}") from None
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a seek to where a damaged directory points
            raise
        raise ValueError(f"{label} is damaged: it points outside itself") from None
    except (
        OverflowError,
        UnicodeDecodeError,
        IndexError,
        struct.error,
    ) as error:  # not MemoryError: the file is good
        raise ValueError(f"{label} is damaged: {type(error).__name__}") from None


def refuse_hdf5(source: Any, label: str) -> None:
    """ValueError with words for a file of Keras that is no zip; the place in the file stays."""
    place = source.tell()
    begin = source.read(8)
    source.seek(place)
    if begin == HDF5:
        raise _foreign(label, "Keras (HDF5 inside)")


def _foreign(label: str, owner: str) -> ValueError:
    return ValueError(
        f"{label} is a file of {owner}, not of embedcnn: models.load_keras makes a model of a file of Keras, "
        "and model.load_weights takes the weights of one; else give the arrays to model.load_state_dict"
    )


def _check_entries(entries: list[zipfile.ZipInfo], size: int, label: str) -> None:
    names = [entry.filename for entry in entries]
    if any(name.endswith(".weights.h5") for name in names):
        raise _foreign(label, "Keras (HDF5 inside)")
    if any(name.endswith("/data.pkl") for name in names):
        raise _foreign(label, "PyTorch")
    wrong = [name for name in names if name not in MEMBERS]
    if wrong:
        raise ValueError(
            f"{label} is not a saved model: it holds {wrong[0]!r}; allowed: {', '.join(MEMBERS)}"
        )
    if len(set(names)) != len(names):
        raise ValueError(f"{label} is damaged: it holds a member twice")
    for required in ("config.json", "weights.safetensors"):
        if required not in names:
            raise ValueError(f"{label} is not a saved model: {required} is missing")
    for entry in entries:
        if (
            entry.compress_type != zipfile.ZIP_STORED
            or entry.file_size != entry.compress_size
            or entry.flag_bits & 1
        ):
            raise ValueError(
                f"{label} is refused: {entry.filename} is compressed or encrypted, which save never does"
            )
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError(f"{label} is damaged: its members are larger than the file")


def parse_json(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object; ValueError where it is none."""
    try:
        value = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not valid JSON ({type(error).__name__})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{what} must be a JSON object. Received: {type(value).__name__}")
    return value
