"""Texts as lists of word numbers, from the archives that Keras has for IMDB and Reuters: how they are read,
shuffled and cut. Nothing in an archive is executed.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from typing import Any

import numpy as np

_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("numpy.core.multiarray", "scalar"): np.float64(0).__reduce__()[0],
    ("numpy._core.multiarray", "scalar"): np.float64(0).__reduce__()[0],
    ("_codecs", "encode"): lambda text, encoding: text.encode(encoding),
}


class _OfArrays(pickle.Unpickler):
    """Reads arrays, lists and numbers; UnpicklingError for all else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"the archive names {module}.{name}, which is no array")
        return _ALLOWED[module, name]


def arrays_of(path: str) -> dict[str, np.ndarray]:
    """The arrays of an .npz by name, those of lists too; ValueError for other files."""
    found = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                data = io.BytesIO(archive.read(member))
                version = np.lib.format.read_magic(data)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
                shape, _, dtype = (read or np.lib.format.read_array_header_2_0)(data)
                if dtype.hasobject:
                    array = np.asarray(_OfArrays(data, encoding="latin1").load(), object).reshape(shape)
                else:
                    data.seek(0)
                    array = np.load(data, allow_pickle=False)
                found[member.removesuffix(".npy")] = array
    except (zipfile.BadZipFile, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path!r} is no archive of arrays: {error}") from error
    return found


def shuffled(texts: np.ndarray, labels: np.ndarray, state: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both in the next order of a RandomState of NumPy, as in Keras."""
    order = np.arange(len(texts))
    state.shuffle(order)
    return texts[order], labels[order]


def begun(texts: Any, start_char: int | None, index_from: int) -> list[list[int]]:
    """Word numbers from `index_from` on, `start_char` before them unless it is None."""
    if start_char is not None:
        return [[start_char, *(word + index_from for word in text)] for text in texts]
    return [[word + index_from for word in text] for text in texts]


def short_ones(texts: list[list[int]], labels: Any, maxlen: int | None) -> tuple[list[list[int]], Any]:
    """The texts of fewer than `maxlen` words, and their labels; None: all of them."""
    if not maxlen:
        return texts, labels
    kept = [number for number, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"no text has fewer than maxlen={maxlen} words")
    return [texts[number] for number in kept], labels[kept]


def known_words(
    texts: list[list[int]], num_words: int | None, skip_top: int, oov_char: int | None
) -> np.ndarray:
    """The texts, an array of lists, with `oov_char` (None: nothing) for words from `num_words` on and below
    `skip_top`.
    """
    most = num_words or max(max(text) for text in texts)
    made = np.empty(len(texts), object)
    for number, text in enumerate(texts):
        if oov_char is None:
            made[number] = [word for word in text if skip_top <= word < most]
        else:
            made[number] = [word if skip_top <= word < most else oov_char for word in text]
    return made
