"""Bags: what features make of texts, a sparse matrix of counts. NgramFeatures makes it, solvers read it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Bags:
    """The counts of the features of N texts: those of text i are `ids[offsets[i]:offsets[i + 1]]`, ascending
    and distinct, and their `counts`. As scipy.sparse.csr_array (`to_scipy`).

    `offsets` int64 (N + 1,), `ids` int32 (nnz,), `counts` float32 (nnz,), `size` the number of features; the
    arrays may be mapped from a file. `bags[i:j]` and `bags[array of indices]` are Bags, too. Raises
    ValueError for arrays that do not fit together, TypeError for other dtypes.

    >>> bags = Bags([0, 2, 2, 3], [0, 3, 1], [1, 2, 1], size=4)
    >>> len(bags), bags[[2, 0]].ids.tolist(), bags[1:].offsets.tolist()
    (3, [1, 0, 3], [0, 0, 1])
    """

    def __init__(self, offsets: npt.ArrayLike, ids: npt.ArrayLike, counts: npt.ArrayLike, size: int) -> None:
        self.offsets = _vector("offsets", offsets, np.int64)
        self.ids = _vector("ids", ids, np.int32)
        self.counts = _vector("counts", counts, np.float32)
        self.size = int(size)
        ends = self.offsets
        if len(ends) == 0 or ends[0] != 0 or (len(ends) > 1 and (ends[1:] < ends[:-1]).any()):
            raise ValueError(f"`offsets` must ascend from 0. Received: offsets={ends!r}")
        if not len(self.ids) == len(self.counts) == ends[-1]:
            raise ValueError(
                f"`ids` and `counts` must have offsets[-1] = {ends[-1]} entries. Received: "
                f"{len(self.ids)} and {len(self.counts)}"
            )

    @classmethod
    def _of(cls, offsets: Any, ids: Any, counts: Any, size: int) -> Bags:
        """Bags of arrays that are known to fit together."""
        bags = cls.__new__(cls)
        bags.offsets, bags.ids, bags.counts, bags.size = offsets, ids, counts, size
        return bags

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: Any) -> Bags:
        """The bags of a slice, an array of indices or a mask."""
        if isinstance(index, slice):
            start, stop, step = index.indices(len(self))
            if step == 1:
                stop = max(start, stop)
                begin, end = int(self.offsets[start]), int(self.offsets[stop])
                offsets = self.offsets[start : stop + 1] - begin
                return Bags._of(offsets, self.ids[begin:end], self.counts[begin:end], self.size)
        rows = np.arange(len(self))[index]
        if rows.ndim != 1:
            raise TypeError(f"`bags[index]` takes a slice or an array of indices. Received: {index!r}")
        lengths = np.diff(self.offsets)[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], lengths)
        return Bags._of(offsets, self.ids[places], self.counts[places], self.size)

    def to_scipy(self) -> Any:
        """A scipy.sparse.csr_array (N, size) of the counts, a copy. Needs scipy (extra `sklearn`)."""
        csr_array = scipy_sparse("to_scipy").csr_array
        few = self.offsets[-1] <= np.iinfo(np.int32).max
        kind: Any = np.int32 if few else np.int64  # scipy wants one for both
        arrays = self.counts.copy(), self.ids.astype(kind), self.offsets.astype(kind)
        matrix = csr_array(arrays, shape=(len(self), self.size))
        matrix.has_canonical_format = True  # sorted, and nothing twice
        return matrix

    def __repr__(self) -> str:
        return f"Bags({len(self)} texts, {len(self.ids)} pairs, {self.size} features)"


def _vector(name: str, value: npt.ArrayLike, dtype: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.ndim != 1 or (array.dtype.kind not in "iuf" and array.size):
        raise TypeError(
            f"`{name}` must be a vector of numbers. Received: {array.dtype} of shape {array.shape}"
        )
    return (
        np.ascontiguousarray(array, dtype)
        if type(array) is not np.memmap
        else array.astype(dtype, copy=False)
    )


def scipy_sparse(what: str) -> Any:
    """The module scipy.sparse; ImportError that names the extra where it is not installed."""
    try:
        from scipy import sparse  # lazy: an extra
    except ImportError as error:
        raise ImportError(f"{what} needs the package scipy: pip install 'embedcnn[sklearn]'") from error
    return sparse
