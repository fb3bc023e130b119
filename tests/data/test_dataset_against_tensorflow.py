"""The same pipelines in tf.data: equal elements in equal order (everything that draws no random numbers)."""

import numpy as np
import pytest

from embedcnn.data import Dataset

tf = pytest.importorskip("tensorflow")
THEIRS = tf.data.Dataset


def plain(value):
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list):
        return list(map(plain, value))
    return value.decode() if isinstance(value, bytes) else value


def same(build, source=lambda kind: kind.range(11)):
    ours, theirs = build(source(Dataset)), build(source(THEIRS))
    assert [plain(x) for x in ours] == [plain(x) for x in theirs.as_numpy_iterator()]
    count = int(theirs.cardinality())
    assert ours.cardinality() in (count, -2) or count == -2


@pytest.mark.parametrize("take", [-1, 0, 3, 20])
@pytest.mark.parametrize("skip", [-1, 0, 4, 20])
def test_take_skip_repeat(take, skip):
    same(lambda d: d.take(take).skip(skip).repeat(2))
    same(lambda d: d.skip(skip).repeat().take(5))


@pytest.mark.parametrize("cycle", [1, 2, 3, 5])
@pytest.mark.parametrize("block", [1, 2, 3])
def test_interleave(cycle, block):
    lengths = [3, 1, 0, 4, 2, 2, 5, 1, 0, 0, 3]

    def make(kind, repeat):
        return kind.range(11).interleave(
            lambda x: kind.from_tensors(x).repeat(repeat(x)), cycle_length=cycle, block_length=block
        )

    ours = make(Dataset, lambda x: lengths[x])
    theirs = make(THEIRS, lambda x: tf.constant(lengths, tf.int64)[x])
    assert list(ours) == list(theirs.as_numpy_iterator())
    parallel = Dataset.range(11).interleave(
        lambda x: Dataset.from_tensors(x).repeat(lengths[x]), cycle, block, num_parallel_calls=2
    )
    assert list(parallel) == list(ours)


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("shift", [None, 1, 3, 6])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("drop", [False, True])
def test_window(size, shift, stride, drop):
    same(lambda d: d.window(size, shift, stride, drop).flat_map(lambda window: window.batch(size)))


@pytest.mark.parametrize("drop", [False, True])
def test_batch_and_back(drop):
    same(lambda d: d.batch(4, drop_remainder=drop))
    same(lambda d: d.batch(4, drop_remainder=drop).unbatch().batch(3))
    same(lambda d: d.map(lambda x: {"a": x, "b": (x, -x)}).batch(4, drop_remainder=drop))
    same(lambda d: d.shard(3, 1).enumerate(2).concatenate(d.enumerate()))


@pytest.mark.parametrize("arguments", [{}, {"padded_shapes": [6]}, {"padding_values": np.int64(-1)}])
def test_padded_batch(arguments):
    def build(d):
        return d.padded_batch(3, **arguments)

    rows = [np.arange(n, dtype=np.int64) for n in (2, 0, 5, 1)]
    ours = build(Dataset.from_generator(lambda: iter(rows)))
    theirs = build(
        THEIRS.from_generator(lambda: iter(rows), output_signature=tf.TensorSpec([None], tf.int64))
    )
    assert [plain(x) for x in ours] == [plain(x) for x in theirs.as_numpy_iterator()]


@pytest.mark.parametrize("arguments", [{}, {"drop_remainder": True}, {"pad_to_bucket_boundary": True}])
def test_buckets(arguments):
    rows = [np.full(n, n, dtype=np.int64) for n in (1, 5, 2, 2, 4, 1, 5, 3, 3, 0)]
    ours = Dataset.from_generator(lambda: iter(rows)).bucket_by_sequence_length(
        len, [2, 4, 6], [2, 3, 2, 1], **arguments
    )
    theirs = THEIRS.from_generator(lambda: iter(rows), output_signature=tf.TensorSpec([None], tf.int64))
    theirs = theirs.bucket_by_sequence_length(lambda x: tf.shape(x)[0], [2, 4, 6], [2, 3, 2, 1], **arguments)
    assert [plain(x) for x in ours] == [plain(x) for x in theirs.as_numpy_iterator()]


def test_slices_zip_filter_reduce():
    data = {"x": np.arange(6).reshape(3, 2), "y": (["a", "b", "c"], [1, 2, 3])}
    same(lambda d: d.batch(2), lambda kind: kind.from_tensor_slices(data))
    same(lambda d: d.filter(lambda x: x % 3 == 1).map(lambda x: (x, x * x)))
    for kind in (Dataset, THEIRS):
        pairs = kind.zip((kind.range(3), kind.range(5, 9)))
        assert int(pairs.reduce(np.int64(0), lambda total, pair: total * 10 + pair[1])) == 567
        assert [plain(x) for x in pairs.as_numpy_iterator()] == [(0, 5), (1, 6), (2, 7)]
        assert len(kind.range(10, 0, -3)) == 4
