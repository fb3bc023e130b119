"""Sequences of ids of different lengths, without padding: what tokenizers return and models take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedcnn import _core

__all__ = ["Ragged", "concatenate"]


def _vector(values: Any, dtype: type, name: str) -> np.ndarray:
    """`values` as a contiguous vector of integers that all fit `dtype`."""
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"{name} must be a vector, got an array of shape {array.shape}")
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if array.size == 0:
        return np.zeros(0, dtype)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got {array.dtype}")
    limits = np.iinfo(dtype)
    outside = (array < limits.min) | (array > limits.max)
    if outside.any():
        at = int(np.argmax(outside))
        raise OverflowError(f"{name}[{at}] = {array[at]} does not fit in {np.dtype(dtype).name}")
    return array.astype(dtype)


def _check_offsets(offsets: np.ndarray, id_count: int) -> None:
    if not len(offsets):
        raise ValueError("offsets is empty; B sequences need B + 1 offsets")
    if offsets[0] != 0:
        raise ValueError(f"offsets[0] = {offsets[0]}; the first sequence must start at 0")
    falls = offsets[1:] < offsets[:-1]
    if falls.any():
        at = int(np.argmax(falls)) + 1
        raise ValueError(f"offsets[{at}] = {offsets[at]} is less than offsets[{at - 1}] = {offsets[at - 1]}")
    if offsets[-1] != id_count:
        raise ValueError(f"offsets ends at {offsets[-1]}, but there are {id_count} ids")


class Ragged:
    """B sequences of ids, one behind the other: `ids[offsets[i]:offsets[i + 1]]` is sequence i.

    Immutable: `ids` and `offsets` are read-only views. An int, a slice, an integer or boolean array or a
    list of ints as index gives a new Ragged (an int: one of a single sequence); iteration gives the sequences
    as arrays.

    Parameters
    ----------
    ids
        The int32 vector of all ids. Other integers are converted, and must fit.
    offsets
        The int64 vector of B + 1 places; starts at 0, never falls, ends at `len(ids)`.

    Raises
    ------
    ValueError
        Where the offsets are not of that kind.
    TypeError
        Where one of the two does not hold integers.
    OverflowError
        Where an id does not fit in int32.

    Examples
    --------
    >>> ragged = Ragged([5, 6, 7, 8], [0, 1, 1, 4])
    >>> len(ragged), ragged.lengths.tolist()
    (3, [1, 0, 3])
    >>> ragged[[2, 0]].to_padded()
    array([[6, 7, 8],
           [0, 0, 5]], dtype=int32)
    """

    __slots__ = ("_ids", "_offsets")
    _ids: npt.NDArray[np.int32]
    _offsets: npt.NDArray[np.int64]

    def __init__(self, ids: npt.ArrayLike, offsets: npt.ArrayLike) -> None:
        id_vector = _vector(ids, np.int32, "ids")
        offset_vector = _vector(offsets, np.int64, "offsets")
        _check_offsets(offset_vector, len(id_vector))
        self._hold(id_vector, offset_vector)

    def _hold(self, ids: np.ndarray, offsets: np.ndarray) -> None:
        ids, offsets = ids.view(), offsets.view()
        ids.flags.writeable = False
        offsets.flags.writeable = False
        object.__setattr__(self, "_ids", ids)
        object.__setattr__(self, "_offsets", offsets)

    @classmethod
    def _of(cls, ids: np.ndarray, offsets: np.ndarray) -> Ragged:
        """A Ragged of arrays that the core has just made."""
        self = cls.__new__(cls)
        self._hold(ids, offsets)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"Ragged is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Ragged is immutable: cannot delete {name!r}")

    def __reduce__(self) -> tuple:
        return Ragged, (np.asarray(self._ids), np.asarray(self._offsets))

    def __copy__(self) -> Ragged:
        return self

    def __deepcopy__(self, memo: dict) -> Ragged:
        return self

    @classmethod
    def from_sequences(cls, sequences: Iterable[Any]) -> Ragged:
        """A Ragged of lists, tuples or arrays of ids, or of objects with `.ids` (tokenizers' Encoding,
        whose `attention_mask` leaves padding out).

        Raises TypeError where a sequence holds something else than integers, OverflowError where an id does
        not fit in int32; both name the sequence.

        >>> Ragged.from_sequences([[1, 2], [], (3,)])
        Ragged(3 sequences, 3 ids, lengths 0 to 2)
        """
        if isinstance(sequences, Ragged):
            return sequences
        if isinstance(sequences, (str, bytes)):
            raise TypeError(
                "`sequences`: expected sequences of ids, got text; encode it first (Tokenizer.encode)"
            )
        if not isinstance(sequences, Iterable) or isinstance(sequences, dict):
            raise TypeError(f"`sequences` must be a list of sequences of ids. Received: {sequences!r}")
        rows = []
        for index, sequence in enumerate(sequences):
            row = ids_of(sequence)
            if isinstance(row, (str, bytes)) or not hasattr(row, "__len__"):
                raise TypeError(
                    f"sequences[{index}] is a {type(row).__name__}; expected a sequence of integers"
                )
            rows.append(_vector(row, np.int32, f"sequences[{index}]"))
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        ids = np.concatenate(rows) if rows else np.zeros(0, np.int32)
        return cls._of(ids, offsets)

    @property
    def ids(self) -> npt.NDArray[np.int32]:
        """All ids, int32, read-only."""
        return self._ids

    @property
    def offsets(self) -> npt.NDArray[np.int64]:
        """Where each sequence starts, and the end; int64, B + 1, read-only."""
        return self._offsets

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Ids of every sequence, int64, B."""
        return np.diff(self._offsets)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __iter__(self) -> Iterator[npt.NDArray[np.int32]]:
        ends = self._offsets.tolist()
        for begin, end in zip(ends[:-1], ends[1:], strict=True):
            yield self._ids[begin:end]

    def __getitem__(self, index: int | slice | Sequence[int] | np.ndarray) -> Ragged:
        count = len(self)
        if isinstance(index, slice):
            start, stop, step = index.indices(count)
            if step == 1:
                stop = max(start, stop)
                offsets = self._offsets[start : stop + 1]
                return Ragged._of(self._ids[offsets[0] : offsets[-1]], offsets - offsets[0])
            return self._take(np.arange(start, stop, step, dtype=np.int64))
        if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
            if not -count <= index < count:
                raise IndexError(f"index {index} is outside [{-count}, {count})")
            begin = int(index) % count
            return self[begin : begin + 1]
        rows = np.asarray(index)
        if rows.dtype == bool:
            if rows.shape != (count,):
                raise IndexError(f"a mask of shape {rows.shape} cannot choose among {count} sequences")
            rows = np.flatnonzero(rows)
        rows = _vector(rows, np.int64, "index")
        return self._take(np.where(rows < 0, rows + count, rows))

    def _take(self, rows: np.ndarray) -> Ragged:
        return Ragged._of(
            *_core.gather_ragged(self._ids, self._offsets, np.ascontiguousarray(rows, np.int64))
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ragged):
            return NotImplemented
        return np.array_equal(self._offsets, other._offsets) and np.array_equal(self._ids, other._ids)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        lengths = self.lengths
        span = f", lengths {lengths.min()} to {lengths.max()}" if len(lengths) else ""
        return f"Ragged({len(self)} sequences, {len(self._ids)} ids{span})"

    def tolist(self) -> list[list[int]]:
        """The sequences as lists of Python ints.

        >>> Ragged([1, 2], [0, 0, 2]).tolist()
        [[], [1, 2]]
        """
        return _core.ragged_lists(self._ids, self._offsets)

    def to_padded(
        self, maxlen: int | None = None, padding: str = "pre", truncating: str = "pre", value: int = 0
    ) -> npt.NDArray[np.int32]:
        """The sequences as rows of an int32 matrix (B, maxlen), as Keras's `pad_sequences` makes them.

        Parameters
        ----------
        maxlen
            Columns; None takes the longest sequence.
        padding
            "pre" or "post": where padding stands.
        truncating
            "pre" or "post": where ids of too long sequences are left out.
        value
            The padding, an int32.

        Raises
        ------
        ValueError
            For another word or a negative `maxlen`.
        OverflowError
            For a value that does not fit.

        Examples
        --------
        >>> Ragged([1, 2, 3], [0, 1, 3]).to_padded(maxlen=3, padding="post")
        array([[1, 0, 0],
               [2, 3, 0]], dtype=int32)
        """
        for name, word in (("padding", padding), ("truncating", truncating)):
            if word not in ("pre", "post"):
                raise ValueError(f"`{name}` must be 'pre' or 'post'. Received: {name}={word!r}")
        width = int(self.lengths.max(initial=0)) if maxlen is None else int(maxlen)
        if width < 0:
            raise ValueError(f"`maxlen` must be an integer >= 0 or None. Received: maxlen={maxlen}")
        return _core.pad_ragged(
            self._ids, self._offsets, width, padding == "post", truncating == "post", value
        )


def ids_of(sequence: Any, keep_length: bool = False) -> Any:
    """The ids of an object with `.ids`, as tokenizers' Encoding, where its `attention_mask` is 1; with
    `keep_length` the others are 0. Anything else as it is.
    """
    ids, mask = getattr(sequence, "ids", sequence), getattr(sequence, "attention_mask", None)
    if ids is sequence or mask is None:
        return ids
    kept = np.asarray(mask) != 0
    return np.where(kept, ids, 0) if keep_length else np.asarray(ids)[kept]


def concatenate(parts: Sequence[Ragged]) -> Ragged:
    """The sequences of all parts, one after the other.

    >>> concatenate([Ragged([1, 2], [0, 2]), Ragged([3], [0, 0, 1])]).tolist()
    [[1, 2], [], [3]]
    """
    if len(parts) == 1:
        return parts[0]
    offsets = np.zeros(sum(len(part) for part in parts) + 1, np.int64)
    np.cumsum(np.concatenate([part.lengths for part in parts] or [offsets[:0]]), out=offsets[1:])
    ids = np.concatenate([part.ids for part in parts]) if parts else np.zeros(0, np.int32)
    return Ragged._of(ids, offsets)
