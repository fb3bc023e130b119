"""Files fetched once and kept in a folder: keras.utils.get_file."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embedcnn.base.arguments import one_of
from embedcnn.base.checked import checked
from embedcnn.base.replacement import replacing

ALGORITHMS = ("auto", "sha256", "md5")
FORMATS = ("auto", "tar", "zip")


@checked
def get_file(
    fname: Any = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: Any = None,
    force_download: bool = False,
) -> str:
    """The path of a file from a URL, fetched where it is not there yet: `cache_dir`/`cache_subdir`/`fname`,
    by default in ~/.keras (or $KERAS_HOME). As keras.utils.get_file, with its folders.

    `file_hash` (SHA-256, or MD5 by its length): a file with another one is fetched again, and refused where
    it still has. `extract` (or `untar`): the folder that the tar or zip archive was unpacked to; members that
    lie outside of it are refused. A fetch that ends early leaves nothing. Raises ValueError for a missing
    `origin`, a hash that differs and other settings; OSError where the URL cannot be read.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "words.txt").write_text("a b")
    >>> path = get_file(origin=(folder / "words.txt").as_uri(), cache_dir=folder)
    Downloading data from file:...
    >>> pathlib.Path(path).relative_to(folder).as_posix(), open(path).read()
    ('datasets/words.txt', 'a b')
    """
    if not isinstance(origin, str) or not origin:
        raise ValueError(f"`origin` must be the URL of the file. Received: origin={origin!r}")
    one_of("hash_algorithm", hash_algorithm, ALGORITHMS)
    name = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not name or os.path.basename(name) != name:
        raise ValueError(f"`fname` must be the name of a file, without folders. Received: fname={fname!r}")
    folder = _folder(cache_dir, cache_subdir)
    stem = name.partition(".")[0] if fname else name
    target = folder / (f"{name}_archive" if (extract or untar) and (not fname or "." not in name) else name)
    expected = md5_hash if file_hash is None else file_hash
    if force_download or not target.exists() or not _fits(target, expected, hash_algorithm):
        _fetch(origin, target)
        if not _fits(target, expected, hash_algorithm):
            target.unlink()
            raise ValueError(
                f"what {origin} gave does not have the hash {expected!r}: it is incomplete, or another file"
            )
    if not (extract or untar):
        return str(target)
    unpacked = folder / (f"{stem}_extracted" if fname and "." in name else name)
    _unpack(target, unpacked, "tar" if untar else one_of("archive_format", archive_format or "", FORMATS))
    return str(unpacked)


def _folder(cache_dir: Any, cache_subdir: str) -> Path:
    """The folder of the file, made where it is missing; a temporary one where it cannot be written."""
    base = Path(os.path.expanduser(cache_dir or os.environ.get("KERAS_HOME") or "~/.keras"))
    try:
        folder = base / cache_subdir
        folder.mkdir(parents=True, exist_ok=True)
        if os.access(folder, os.W_OK):
            return folder
    except OSError:
        pass
    folder = Path(tempfile.gettempdir(), ".keras", cache_subdir)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fits(path: Path, expected: str | None, algorithm: str) -> bool:
    """Whether the file has the hash; without one it fits."""
    if expected is None:
        return True
    sha = algorithm == "sha256" or (algorithm == "auto" and len(expected) == 64)
    digest = hashlib.sha256() if sha else hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest() == expected


def _fetch(origin: str, target: Path) -> None:
    from urllib.request import urlopen  # only here: the cost of start-up

    print(f"Downloading data from {origin}")
    with urlopen(origin) as source, replacing(target) as file:  # noqa: S310 - the user's URL
        shutil.copyfileobj(source, file, 1 << 20)


def _unpack(archive: Path, folder: Path, kind: str) -> None:
    """Unpacks an archive of files and folders that stay inside the folder; ValueError for others."""
    is_tar = kind in ("auto", "tar") and tarfile.is_tarfile(archive)
    if not is_tar and (kind == "tar" or not zipfile.is_zipfile(archive)):
        raise ValueError(f"{str(archive)!r} is no archive of tar{' or zip' if kind != 'tar' else ''}")
    inside = os.path.realpath(folder)
    if is_tar:
        with tarfile.open(archive) as tar:
            members = tar.getmembers()
            _check_inside(inside, [one.name for one in members])
            if any(not (one.isfile() or one.isdir()) for one in members):
                raise ValueError(f"{str(archive)!r} holds links or devices, which are not unpacked")
            if hasattr(tarfile, "data_filter"):
                tar.extractall(folder, filter="data")
            else:  # Python before 3.11.4; all members were checked
                tar.extractall(folder)  # noqa: S202
        return
    with zipfile.ZipFile(archive) as packed:
        _check_inside(inside, packed.namelist())
        packed.extractall(folder)


def _check_inside(folder: str, names: list[str]) -> None:
    for name in names:
        place = os.path.realpath(os.path.join(folder, name))
        if place != folder and not place.startswith(folder + os.sep):
            raise ValueError(f"the archive holds {name!r}, which lies outside of its folder")
