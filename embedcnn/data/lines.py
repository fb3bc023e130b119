"""Bytes of a file to lines of text, in constant memory.

Everything in `embedcnn.data` that reads text files comes through here. Lines end at LF (a CR before it is
dropped) and nowhere else: real corpora hold NEL, form feeds and other characters that `str.splitlines`
takes for line ends.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import IO, Any

from embedcnn.base.pipes import PipeContents
from embedcnn.base.zstandard_files import ZstdFile, is_zst_error

PathLike = str | os.PathLike[str]

CHUNK_BYTES = 1 << 18
OPENERS: dict[str, Callable[..., Any]] = {
    "GZIP": gzip.open,
    "BZIP2": bz2.open,
    "XZ": lzma.open,
    "ZSTD": ZstdFile,
}
SUFFIXES = {".gz": "GZIP", ".bz2": "BZIP2", ".xz": "XZ", ".zst": "ZSTD"}
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


def damage(error: Exception) -> str:
    """What is said of compressed data that is no such or was cut short; another error is raised again."""
    if not isinstance(error, DAMAGED) and not is_zst_error(error):
        raise error
    return f"the compressed data is damaged or cut short ({error})"


def checked_encoding(encoding: str) -> str:
    """The encoding's name, or a ValueError where Python has no such text encoding."""
    try:
        info = codecs.lookup(encoding)
    except (LookupError, TypeError, ValueError):  # a name with NUL
        raise ValueError(f"encoding: {encoding!r} is not a text encoding that Python knows") from None
    if not getattr(info, "_is_text_encoding", True):
        raise ValueError(
            f"encoding: {encoding!r} turns bytes into bytes; a text encoding is needed, as 'utf-8'"
        )
    return encoding


def existing_file(path: PathLike) -> Path:
    """`path` as a Path, or FileNotFoundError / IsADirectoryError."""
    found = Path(path)
    if not os.fspath(path) or not found.exists():  # an empty name would be this folder
        raise FileNotFoundError(f"there is no file {os.fspath(path)!r}")
    if found.is_dir():
        raise IsADirectoryError(f"{str(found)!r} is a folder; a file is needed")
    return found


def open_bytes(path: PathLike, compression: str | None = None) -> IO[bytes]:
    """Open `path` for reading; `compression` None: by its suffix, "": none, or a key of `OPENERS`."""
    found = existing_file(path)
    if compression is None:
        compression = SUFFIXES.get(found.suffix.lower(), "")
    source: Any = io.BytesIO(path.data) if isinstance(path, PipeContents) else found
    if compression == "":
        return open(found, "rb") if source is found else source
    if compression not in OPENERS:
        raise ValueError(
            f"`compression_type` must be None, '', {', '.join(map(repr, OPENERS))}. "
            f"Received: compression_type={compression!r}"
        )
    return OPENERS[compression](source, "rb")


def text_chunks(path: PathLike, encoding: str = "utf-8", compression: str | None = None) -> Iterator[str]:
    """Decoded pieces of a file, without a byte-order mark; ValueError with line and byte offset for invalid
    bytes.
    """
    decoder = codecs.getincrementaldecoder(checked_encoding(encoding))("strict")
    fed = 0  # bytes given to the decoder
    ended = 0  # lines that ended before this chunk
    with open_bytes(path, compression) as file:
        start = True
        while True:
            try:
                chunk = file.read(CHUNK_BYTES)
            except Exception as error:
                raise ValueError(f"{path}: {damage(error)}") from error
            fed += len(chunk)
            try:
                text = decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                # error.object is what the decoder kept from the chunk before, then this chunk
                before = error.object[: error.start].decode(encoding, "replace")
                line = ended + before.count("\n") + 1
                offset = fed - len(error.object) + error.start
                marked = offset == 0 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff")
                raise ValueError(
                    f"{path}, line {line}, byte offset {offset}: "
                    f"byte 0x{error.object[error.start]:02x} is not valid {encoding} ({error.reason}); "
                    f"give the file's encoding=, as encoding={'utf-16' if marked else 'cp1252'!r}"
                ) from None
            if start and text:
                text = text.removeprefix("\ufeff")
                start = False
            ended += text.count("\n")
            if text:
                yield text
            if not chunk:
                return


def text_lines(
    path: PathLike, encoding: str = "utf-8", compression: str | None = None
) -> Generator[str, None, None]:
    """Lines of a file without their ends (LF or CRLF); a last line without a line end counts."""
    parts: list[str] = []  # a list: a line of many chunks costs linear time
    for text in text_chunks(path, encoding, compression):
        lines = text.split("\n")
        if len(lines) == 1:
            parts.append(text)
            continue
        lines[0] = "".join(parts) + lines[0]
        parts = [lines.pop()]
        for line in lines:
            yield line[:-1] if line.endswith("\r") else line
    last = "".join(parts)
    if last:
        yield last[:-1] if last.endswith("\r") else last
