"""Bags: what may be its arrays, and choosing rows."""

import numpy as np
import pytest

from embedcnn.bags import Bags

BAGS = Bags([0, 2, 2, 3, 6], [0, 3, 1, 0, 1, 2], [1, 2, 1, 4, 5, 6], size=4)


def dense(bags):
    out = np.zeros((len(bags), bags.size), np.float32)
    for row in range(len(bags)):
        begin, end = bags.offsets[row : row + 2]
        out[row, bags.ids[begin:end]] = bags.counts[begin:end]
    return out


@pytest.mark.parametrize(
    "index",
    [
        slice(None),
        slice(1, 3),
        slice(3, 1),
        slice(None, None, -1),
        slice(-2, None),
        slice(0, 100, 2),
        [2, 0, 2],
        np.array([], int),
        np.array([True, False, False, True]),
        np.array([-1, 1]),
    ],
    ids=str,
)
def test_rows(index):
    chosen = BAGS[index]
    assert np.array_equal(dense(chosen), dense(BAGS)[index])
    assert chosen.offsets.dtype == np.int64 and chosen.ids.dtype == np.int32 and chosen.size == 4


def test_scipy():
    pytest.importorskip("scipy")
    matrix = BAGS.to_scipy()
    assert np.array_equal(matrix.toarray(), dense(BAGS)) and matrix.dtype == np.float32
    matrix.data *= 2
    assert BAGS.counts[0] == 1


def test_arrays_that_do_not_fit():
    for arguments in (
        ([1, 2], [0], [1], 3),
        ([0, 2, 1], [0], [1], 3),
        ([0, 2], [0], [1], 3),
        ([], [], [], 3),
    ):
        with pytest.raises(ValueError, match="must"):
            Bags(*arguments)
    with pytest.raises(TypeError, match="vector of numbers"):
        Bags([0, 1], ["a"], [1], 2)
    with pytest.raises(TypeError, match="slice or an array"):
        BAGS[1]
    with pytest.raises(IndexError):
        BAGS[[9]]
