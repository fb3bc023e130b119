"""Files compressed with Zstandard, by Python's own module (3.14) or the package zstandard."""

from __future__ import annotations

import os
from typing import IO, Any


def open_zst(path: str, file: IO[bytes]) -> Any:
    """A decompressing reader: Python's own (3.14) or the package zstandard."""
    try:
        from compression import zstd

        return zstd.open(file, "rb")
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        raise ImportError(
            f"{path} is compressed with Zstandard, which needs the package zstandard: "
            "pip install 'embedcnn[zstd]'"
        ) from None
    return ZstdStream(zstandard.ZstdDecompressor(), file)


def zst_writer(file: IO[bytes]) -> Any:
    """What writes one frame into a file, which stays open when the frame is closed."""
    try:
        from compression import zstd

        return zstd.open(file, "wb")
    except ImportError:
        pass
    try:
        import zstandard
    except ImportError:
        raise ImportError(
            "writing Zstandard needs the package zstandard: pip install 'embedcnn[zstd]'"
        ) from None
    return zstandard.ZstdCompressor().stream_writer(file, closefd=False)


class ZstdStream:
    """What the frames of a file decompress to; EOFError where the last one is cut short.

    Taken in small pieces: four bytes can stand for 128 KiB.
    """

    PIECE = 1024

    def __init__(self, decompressor: Any, file: IO[bytes]) -> None:
        self.decompressor, self.file = decompressor, file
        self.frame: Any = None
        self.packed = self.unpacked = b""
        self.used = 0

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end."""
        while self.used == len(self.unpacked):
            piece = self.packed or self.file.read(self.PIECE)
            if not piece:
                if self.frame is not None:
                    raise EOFError("it ends within a frame")
                return b""
            if self.frame is None:
                self.frame = self.decompressor.decompressobj()
            self.unpacked, self.used, self.packed = self.frame.decompress(piece), 0, b""
            if self.frame.eof:
                self.packed, self.frame = self.frame.unused_data, None
        piece = self.unpacked[self.used : self.used + count]
        self.used += len(piece)
        return piece

    def close(self) -> None:
        """Nothing to do: the file belongs to the caller."""


class ZstdFile:
    """A compressed file, opened for reading bytes; ImportError that names the package where there is none."""

    def __init__(self, path: str | os.PathLike[str] | IO[bytes], mode: str = "rb") -> None:
        named = isinstance(path, (str, os.PathLike))
        self.file: IO[bytes] = open(path, mode) if named else path  # type: ignore[arg-type, assignment]  # noqa: SIM115
        try:
            self.stream = open_zst(os.fspath(path) if named else "the data", self.file)  # type: ignore[arg-type]
        except BaseException:
            self.file.close()
            raise

    def read(self, count: int) -> bytes:
        """At most `count` bytes; empty at the end."""
        return self.stream.read(count)

    def close(self) -> None:
        """Closes the file."""
        self.stream.close()
        self.file.close()

    def __enter__(self) -> ZstdFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def is_zst_error(error: Exception) -> bool:
    """Whether a decompressor found damage; its class has the same name in both packages."""
    return type(error).__name__ == "ZstdError"
