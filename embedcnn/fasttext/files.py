"""The format of fastText's files, as far as Python has to do with it: heads made from settings, sections of a
file that was mapped, and what is written. What is read is checked in the core (csrc/fasttext/model.c).
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np

from ..base.zstandard_files import is_zst_error
from ..data.lines import DAMAGED, SUFFIXES, open_bytes
from ..vectors.mapped import MappedFile

MAGIC = 0x2F4F16BA
VERSION = 12
SETTINGS = struct.Struct("<ii12id")
DICTIONARY = struct.Struct("<iiiqq")
MATRIX_HEAD = 17
"""Bytes in front of a matrix that is not quantised."""
ENTRY_TAIL = struct.Struct("<xqb")
LOSSES = {"hs": 1, "ns": 2, "softmax": 3, "ova": 4}
KINDS = {"cbow": 1, "skipgram": 2, "supervised": 3}
FIELDS = (
    "dim",
    "ws",
    "epoch",
    "minCount",
    "neg",
    "wordNgrams",
    "loss",
    "model",
    "bucket",
    "minn",
    "maxn",
    "lrUpdateRate",
)
DEFAULTS = {
    "dim": 100,
    "ws": 5,
    "epoch": 5,
    "minCount": 1,
    "neg": 5,
    "wordNgrams": 1,
    "loss": "softmax",
    "model": "supervised",
    "bucket": 2000000,
    "minn": 0,
    "maxn": 0,
    "lrUpdateRate": 100,
    "t": 1e-4,
}


def packed_settings(args: Mapping[str, Any]) -> bytes:
    """The first 64 bytes of a file; what `args` lacks has fastText's default."""
    known = {name: args.get(name, value) for name, value in DEFAULTS.items()}
    known["loss"] = LOSSES[known["loss"]]
    known["model"] = KINDS[known["model"]]
    return SETTINGS.pack(MAGIC, VERSION, *(int(known[name]) for name in FIELDS), float(known["t"]))


def packed_dictionary(
    words: Iterable[tuple[bytes, int]],
    labels: Iterable[tuple[bytes, int]],
    tokens: int,
    kept: Iterable[tuple[int, int]] | None = None,
) -> bytes:
    """The dictionary's section: words and labels with their counts, and (bucket, row) of the buckets kept,
    None: all.
    """
    entries = [[word + ENTRY_TAIL.pack(count, 0) for word, count in words]]
    entries.append([label + ENTRY_TAIL.pack(count, 1) for label, count in labels])
    pairs = [] if kept is None else list(kept)
    head = DICTIONARY.pack(
        len(entries[0]) + len(entries[1]),
        len(entries[0]),
        len(entries[1]),
        tokens,
        -1 if kept is None else len(pairs),
    )
    return b"".join([head, *entries[0], *entries[1], *(struct.pack("<ii", *pair) for pair in pairs)])


def mapped(path: str | os.PathLike[str]) -> tuple[mmap.mmap | bytes, MappedFile | None]:
    """The bytes of a file: its pages, and what tells whether it has changed since; of a pipe all that it
    yields.
    """
    with open(path, "rb") as file:
        if not file.seekable() or not os.fstat(file.fileno()).st_size:
            return file.read(), None
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        advice = " (load_model takes its bytes, too, which nobody changes)"
        return data, MappedFile(os.fsdecode(path), file.fileno(), advice)


def contents(path: str | os.PathLike[str] | bytes) -> mmap.mmap | bytes:
    """The bytes of a file of lines, mapped, or unpacked (.gz, .bz2, .xz, .zst); bytes are what they are.

    Raises OSError where the file cannot be read, ValueError where a packed one is damaged.
    """
    if isinstance(path, bytes):
        return path
    if os.path.splitext(os.fsdecode(path))[1].lower() not in SUFFIXES:
        return mapped(path)[0]
    try:
        with open_bytes(os.fsdecode(path)) as file:
            return file.read()
    except Exception as error:
        if isinstance(error, DAMAGED) or is_zst_error(error):
            raise ValueError(f"{os.fsdecode(path)}: the packed file is damaged: {error}") from None
        raise


def section_bytes(section: Any) -> int:
    """Bytes of a section in a file: of the head, or of a matrix."""
    if isinstance(section, np.ndarray):
        return section.nbytes + MATRIX_HEAD
    return len(section)


def write_matrix(file: BinaryIO, matrix: Any) -> None:
    """A section: that of another file, or of a float32 array."""
    if not isinstance(matrix, np.ndarray):
        file.write(matrix)
        return
    file.write(struct.pack("<?qq", False, *matrix.shape))
    file.write(np.ascontiguousarray(matrix).data.cast("B") if matrix.size else b"")
