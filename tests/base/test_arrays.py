"""embedcnn.base.arrays: arrays that begin with a cache line, of rows that are read all over in huge pages."""

import pickle
import sys

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.base.arrays import HUGE_PAGE, LINE, aligned_copy, aligned_zeros
from embedcnn.base.mapped_pages import pages_of


@pytest.mark.parametrize("scattered", [False, True])
@pytest.mark.parametrize("rows", [0, 3, 40_000])
@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.int8])
def test_zeros_that_begin_with_a_line(rows, dtype, scattered):
    array = aligned_zeros((rows, 130), dtype, scattered)
    assert (array.shape, array.dtype) == ((rows, 130), dtype)
    line = HUGE_PAGE if scattered and array.nbytes >= 2 * HUGE_PAGE else LINE
    assert rows == 0 or array.ctypes.data % line == 0
    assert array.flags.writeable and array.flags.c_contiguous and not array.any()
    array[:] = 1
    assert pickle.loads(pickle.dumps(array)).sum(dtype=np.int64) == array.size
    assert pages_of(array) is None  # no file, which could be cut short


def test_a_copy_in_huge_pages():
    given = np.arange(3 << 20, dtype=np.float32).reshape(-1, 64)[:, ::-1]
    copy = aligned_copy(given, scattered=True)
    assert copy.ctypes.data % HUGE_PAGE == 0 and copy.flags.c_contiguous and np.array_equal(copy, given)


def test_an_array_that_no_machine_has_room_for():
    for scattered in (False, True):
        with pytest.raises(MemoryError, match="needs .* bytes"):
            aligned_zeros((sys.maxsize, 2), np.float32, scattered)
    with pytest.raises(MemoryError, match="bytes"):
        aligned_zeros((1 << 45, 16), np.float32, scattered=True)


def test_a_large_table_is_trained_copied_and_saved(tmp_path):
    table = np.random.default_rng(0).normal(size=(20_000, 64)).astype(np.float32)
    model = embedcnn.Sequential(
        [
            embedcnn.Input((5,), dtype="int32"),
            layers.Embedding(20_000, 64, weights=[table]),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    before = table.copy()
    model.train_on_batch(np.arange(10, dtype=np.int32).reshape(2, 5), np.ones((2, 1), np.float32))
    assert np.array_equal(table, before)  # the given array is nobody's but the caller's
    learnt = model.get_weights()[0]
    assert (learnt[:10] != before[:10]).any() and np.array_equal(learnt[10:], before[10:])
    model.save(tmp_path / "large.keras")
    assert np.array_equal(embedcnn.models.load_model(tmp_path / "large.keras").get_weights()[0], learnt)
