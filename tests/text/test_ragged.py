"""Ragged: what it accepts, how it is indexed, that it stays as it is."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedcnn.ragged import Ragged, concatenate

ROWS = st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=6), max_size=12)


@given(ROWS, st.data())
def test_indexing_is_that_of_a_list(rows, data):
    ragged = Ragged.from_sequences(rows)
    assert len(ragged) == len(rows)
    assert ragged.tolist() == rows == [row.tolist() for row in ragged]
    assert ragged.lengths.tolist() == [len(row) for row in rows]
    start, stop = (data.draw(st.none() | st.integers(-15, 15)) for _ in range(2))
    step = data.draw(st.sampled_from([None, 1, 2, -1, -3]))
    assert ragged[start:stop:step].tolist() == rows[start:stop:step]
    mask = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    assert ragged[np.array(mask, bool)].tolist() == [
        row for row, chosen in zip(rows, mask, strict=True) if chosen
    ]
    if rows:
        chosen = data.draw(st.lists(st.integers(-len(rows), len(rows) - 1), max_size=20))
        assert ragged[chosen].tolist() == [rows[i] for i in chosen]
        assert ragged[np.array(chosen, np.int16)].tolist() == [rows[i] for i in chosen]
        assert ragged[chosen[0] if chosen else 0].tolist() == [rows[chosen[0] if chosen else 0]]
    assert concatenate([ragged, ragged[:0], ragged]).tolist() == rows + rows
    for other in (pickle.loads(pickle.dumps(ragged)), copy.deepcopy(ragged), Ragged.from_sequences(ragged)):
        assert other == ragged
    assert ragged != concatenate([ragged, Ragged([7], [0, 1])])


def test_no_sequences():
    for empty in (Ragged([], [0]), Ragged.from_sequences([]), concatenate([])):
        assert (len(empty), empty.tolist(), empty.to_padded().shape) == (0, [], (0, 0))
        assert repr(empty) == "Ragged(0 sequences, 0 ids)"
        assert empty.ids.dtype == np.int32
        assert empty.offsets.dtype == np.int64


def test_objects_with_ids():
    class Encoding:
        ids = (4, 5)

    assert Ragged.from_sequences([Encoding(), [6]]).tolist() == [[4, 5], [6]]


@pytest.mark.parametrize(
    ("ids", "offsets", "error", "message"),
    [
        ([1], [], ValueError, "offsets is empty"),
        ([1], [1, 1], ValueError, r"offsets\[0\] = 1"),
        ([1, 2], [0, 2, 1, 2], ValueError, r"offsets\[2\] = 1 is less than offsets\[1\] = 2"),
        ([1, 2], [0, 1], ValueError, "ends at 1, but there are 2 ids"),
        ([1, 2], [0, 3], ValueError, "ends at 3, but there are 2 ids"),
        ([1.5], [0, 1], TypeError, "ids must hold integers, got float64"),
        ([1, 2**31], [0, 2], OverflowError, r"ids\[1\] = 2147483648 does not fit in int32"),
        ([[1]], [0, 1], ValueError, r"ids must be a vector, got an array of shape \(1, 1\)"),
    ],
)
def test_what_is_no_ragged(ids, offsets, error, message):
    with pytest.raises(error, match=message):
        Ragged(ids, offsets)


def test_misuse():
    ragged = Ragged([1, 2, 3], [0, 1, 3])
    for change in (
        lambda: setattr(ragged, "ids", None),
        lambda: delattr(ragged, "_ids"),
        lambda: ragged.ids.__setitem__(0, 5),
        lambda: ragged.offsets.__setitem__(0, 5),
    ):
        with pytest.raises((AttributeError, ValueError)):
            change()
    for index, message in (
        (2, r"index 2 is outside \[-2, 2\)"),
        ([0, 2], r"= 2 is outside \[0, 2\)"),
        ([-3], "outside"),
    ):
        with pytest.raises(IndexError, match=message):
            ragged[index]
    with pytest.raises(IndexError, match="mask of shape"):
        ragged[np.ones(3, bool)]
    with pytest.raises(TypeError, match="must hold integers"):
        ragged[[0.5]]
    with pytest.raises(TypeError, match="got text"):
        Ragged.from_sequences("text")
    with pytest.raises(TypeError, match=r"sequences\[1\] is a str"):
        Ragged.from_sequences([[1], "text"])
    with pytest.raises(OverflowError, match=r"sequences\[1\]\[0\] = 4294967296"):
        Ragged.from_sequences([[1], [2**32]])
    with pytest.raises(ValueError, match="Received: padding='left'"):
        ragged.to_padded(padding="left")
    with pytest.raises(ValueError, match="Received: maxlen=-1"):
        ragged.to_padded(-1)
    assert ragged.to_padded(0).shape == (2, 0)
    with pytest.raises(TypeError):
        hash(ragged)


def test_a_callers_array_stays_writable():
    ids = np.arange(3, dtype=np.int32)
    Ragged(ids, [0, 3])
    ids[0] = 7
