"""Dataset against a plain specification on Python lists."""

import itertools
import random

import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from embedcnn.data import AUTOTUNE, INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, Dataset
from embedcnn.data.streams import generator_for

sizes = st.integers(0, 12)
positive = st.integers(1, 5)


def plain(elements):
    return [x.tolist() if hasattr(x, "tolist") else x for x in elements]


@settings(max_examples=examples(60), deadline=None)
@given(sizes, st.integers(-1, 14), st.integers(-1, 14), st.integers(0, 3), positive, st.booleans())
def test_take_skip_repeat_batch(count, take, skip, repeat, size, drop):
    numbers = list(range(count))
    expected = numbers[: None if take == -1 else take]
    expected = [] if skip == -1 else expected[skip:]
    expected = expected * repeat
    batches = [expected[i : i + size] for i in range(0, len(expected), size)]
    if drop:
        batches = [batch for batch in batches if len(batch) == size]
    for source in (Dataset.range(count), Dataset.from_tensor_slices(np.arange(count))):
        dataset = source.take(take).skip(skip).repeat(repeat)
        assert plain(dataset) == expected and len(dataset) == len(expected)
        assert plain(dataset.batch(size, drop)) == batches and len(dataset.batch(size, drop)) == len(batches)


@settings(max_examples=examples(60), deadline=None)
@given(sizes, positive, positive, positive, st.booleans())
def test_window(count, size, shift, stride, drop):
    numbers = list(range(count))
    expected = [numbers[i : i + (size - 1) * stride + 1 : stride] for i in range(0, count, shift)]
    if drop:
        expected = [window for window in expected if len(window) == size]
    dataset = Dataset.range(count).window(size, shift, stride, drop)
    assert [list(window) for window in dataset] == expected
    assert len(dataset) == len(expected)


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(0, 40), st.integers(1, 50), st.integers(0, 99), st.integers(0, 3))
def test_shuffle_is_a_permutation_given_by_seed_and_epoch(count, size, seed, epoch):
    dataset = Dataset.range(count).shuffle(size, seed)
    order = list(dataset.iterate(epoch))
    assert sorted(order) == list(range(count))
    assert list(Dataset.range(count).shuffle(size, seed).iterate(epoch)) == order
    for position, number in enumerate(order):
        assert number <= position + size - 1 or size >= count


def test_epochs_differ_and_resume():
    dataset = Dataset.range(30).shuffle(30, seed=5).batch(4).prefetch(2)
    epochs = [plain(dataset) for _ in range(4)]
    assert len({str(epoch) for epoch in epochs}) == 4
    assert dataset.epoch == 4
    resumed = Dataset.range(30).shuffle(30, seed=5).batch(4)
    resumed.epoch = 2
    assert [plain(resumed), plain(resumed)] == epochs[2:]
    fixed = Dataset.range(30).shuffle(30, seed=5, reshuffle_each_iteration=False)
    assert list(fixed) == list(fixed)
    twice = list(fixed.repeat(2))
    assert twice[:30] == twice[30:]
    again = list(Dataset.range(30).shuffle(30, seed=5).repeat(2))
    assert sorted(again[:30]) == sorted(again[30:]) and again[:30] != again[30:]


def test_shuffle_of_rows_equals_shuffle_of_elements():
    rows = (
        Dataset.from_tensor_slices((np.arange(20), [str(i) for i in range(20)])).shuffle(7, seed=2).repeat(2)
    )
    pairs = Dataset.range(20).map(lambda i: (i, str(i))).shuffle(7, seed=2).repeat(2)
    assert [(int(a), b) for a, b in rows] == list(pairs)
    together = [
        (a.tolist(), b.tolist()) for a, b in rows.iterate(0).__class__(iter(rows.batch(3).iterate(1)))
    ]
    flat = [pair for a, b in together for pair in zip(a, b, strict=True)]
    assert flat == list(pairs.iterate(1))


@pytest.mark.parametrize(
    ("count", "size"), [(0, 3), (5, 9), (300, 300), (700, 300), (700, 1), (1000, 10**30)]
)
def test_the_order_of_a_shuffle_never_changes(count, size):
    """A buffer from which a random element leaves whenever the next comes in, said in the plainest way."""
    generator, buffer, expected = generator_for(4, (2,)), [], []
    for element in range(count):
        if len(buffer) == size:
            place = int(generator.random() * size)
            expected.append(buffer[place])
            buffer[place] = element
        else:
            buffer.append(element)
    while buffer:
        place = int(generator.random() * len(buffer))
        buffer[place], buffer[-1] = buffer[-1], buffer[place]
        expected.append(buffer.pop())
    dataset = Dataset.range(count).shuffle(size, seed=4)
    assert list(dataset.iterate(2)) == expected
    assert [x for batch in dataset.batch(64).iterate(2) for x in batch.tolist()] == expected


def test_seed_none_follows_python_random():
    orders = []
    for _ in range(2):
        random.seed(9)
        orders.append(list(Dataset.range(50).shuffle()))
    assert orders[0] == orders[1] != list(Dataset.range(50).shuffle())


@pytest.mark.parametrize("workers", [None, 1, 2, 5, AUTOTUNE])
def test_workers_change_nothing(workers):
    dataset = Dataset.range(50).shuffle(20, seed=1).map(lambda x: x * x, num_parallel_calls=workers)
    dataset = dataset.interleave(
        lambda x: Dataset.from_tensors(x).repeat(3),
        cycle_length=4,
        block_length=2,
        num_parallel_calls=workers,
    )
    expected = Dataset.range(50).shuffle(20, seed=1).map(lambda x: x * x)
    expected = expected.interleave(
        lambda x: Dataset.from_tensors(x).repeat(3), cycle_length=4, block_length=2
    )
    assert list(dataset.prefetch(3)) == list(expected)


def test_unordered_map_gives_all_elements():
    dataset = Dataset.range(200).map(lambda x: x + 1, num_parallel_calls=3, deterministic=False)
    assert sorted(dataset) == list(range(1, 201))


def test_structures():
    source = {"x": np.arange(6).reshape(3, 2), "y": (["a", "b", "c"], [1.5, 2.5, 3.5])}
    dataset = Dataset.from_tensor_slices(source)
    first = next(iter(dataset))
    assert first["x"].tolist() == [0, 1] and first["y"] == ("a", 1.5)
    batch = next(iter(dataset.batch(2)))
    assert (
        batch["x"].shape == (2, 2)
        and batch["y"][0].tolist() == ["a", "b"]
        and batch["y"][1].dtype == np.float64
    )
    same = next(iter(dataset.map(lambda row: row).batch(2)))
    assert same["x"].tolist() == batch["x"].tolist() and same["y"][0].dtype == object
    assert [row["y"][0] for row in dataset.batch(2).unbatch()] == ["a", "b", "c"]
    pair = next(iter(Dataset.range(4).map(lambda i: (i, -i)).window(2)))
    assert [list(part) for part in pair] == [[0, 1], [0, -1]]


def test_rows_are_read_only():
    values = np.zeros((2, 2))
    row = next(iter(Dataset.from_tensor_slices(values)))
    with pytest.raises(ValueError, match="read-only"):
        row[0] = 1
    values[0, 0] = 7
    assert row[0] == 7  # the caller's array is shared, not copied, and stays writable


def test_padded_batch():
    dataset = Dataset.from_tensor_slices(([[1, 2, 3], [4], []], [["a"], ["b", "c"], ["d"]]))
    ids, words = next(iter(dataset.padded_batch(3)))
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0], [0, 0, 0]]
    assert words.tolist() == [["a", ""], ["b", "c"], ["d", ""]]
    ids, words = next(iter(dataset.padded_batch(3, ([4], [None]), (-1, "."))))
    assert ids.tolist() == [[1, 2, 3, -1], [4, -1, -1, -1], [-1] * 4] and words.tolist()[0] == ["a", "."]
    table = Dataset.from_generator(lambda: [{"m": np.ones((1, 2))}, {"m": np.ones((2, 1))}])
    assert next(iter(table.padded_batch(2)))["m"].tolist() == [[[1, 1], [0, 0]], [[1, 0], [1, 0]]]


def test_ragged_batch():
    dataset = Dataset.from_tensor_slices(([[1, 2, 3], [4], []], [0.5, 1.5, 2.5]))
    ids, labels = next(iter(dataset.ragged_batch(3)))
    assert ids.offsets.tolist() == [0, 3, 4, 4] and ids.ids.tolist() == [1, 2, 3, 4]
    assert labels.tolist() == [0.5, 1.5, 2.5]


def test_buckets():
    lengths = [1, 5, 2, 2, 9, 1, 6, 3]
    dataset = Dataset.from_generator(lambda: (np.full(n, n) for n in lengths))
    batches = plain(dataset.bucket_by_sequence_length(len, [3, 6], [2, 2, 1]))
    assert [[row[0] for row in batch] for batch in batches] == [[1, 2], [9], [2, 1], [6], [5, 3]]
    assert batches[0] == [[1, 0], [2, 2]]
    bounded = dataset.filter(lambda x: len(x) < 6).bucket_by_sequence_length(
        len, [3, 6], [2, 2, 1], pad_to_bucket_boundary=True
    )
    assert {np.shape(batch)[1] for batch in bounded} == {2, 5}
    ragged = dataset.bucket_by_sequence_length(len, [3, 6], [2, 2, 1], ragged=True, drop_remainder=True)
    assert [np.diff(batch.offsets).tolist() for batch in ragged] == [[1, 2], [9], [2, 1], [6], [5, 3]]


def test_zip_concatenate_enumerate_shard_reduce_apply_random():
    a, b = Dataset.range(3), Dataset.range(10, 14)
    assert list(Dataset.zip({"a": a, "b": (b,)})) == [{"a": i, "b": (10 + i,)} for i in range(3)]
    assert len(Dataset.zip(a, b)) == 3
    assert list(a.concatenate(b).enumerate(1))[3] == (4, 10)
    assert [list(b.shard(3, i)) for i in range(3)] == [[10, 13], [11], [12]]
    assert Dataset.zip(a, b).reduce(0, lambda total, pair: total + pair[1]) == 33
    assert list(a.apply(lambda d: d.concatenate(d))) == [0, 1, 2] * 2
    seeds = Dataset.random(seed=1, rerandomize_each_iteration=True).take(3)
    assert list(seeds) != list(seeds) and list(seeds.iterate(0)) == list(seeds.iterate(0))


def test_cardinality():
    numbers = Dataset.range(5)
    infinite = numbers.repeat()
    assert infinite.cardinality() == infinite.batch(2).shuffle(3).cardinality() == INFINITE_CARDINALITY
    assert (
        numbers.filter(bool).cardinality() == numbers.batch(2).unbatch().cardinality() == UNKNOWN_CARDINALITY
    )
    assert infinite.take(7).cardinality() == 7 and infinite.skip(3).cardinality() == INFINITE_CARDINALITY
    assert Dataset.zip(numbers, infinite).cardinality() == 5
    assert numbers.concatenate(infinite).cardinality() == INFINITE_CARDINALITY
    with pytest.raises(TypeError, match="infinite"):
        len(infinite)
    with pytest.raises(TypeError, match="unknown"):
        len(numbers.filter(bool))
    assert bool(numbers.filter(bool)) and bool(Dataset.range(0))
    assert plain(itertools.islice(infinite, 7)) == [0, 1, 2, 3, 4, 0, 1]
    assert list(Dataset.range(5).filter(lambda x: x > 9).repeat()) == []


def test_cache_needs_a_complete_pass():
    calls = []
    dataset = Dataset.range(4).map(lambda x: calls.append(x) or np.array([x])).cache()
    next(iter(dataset))
    assert calls == [0]
    assert plain(dataset) == plain(dataset) == [[0], [1], [2], [3]]
    assert calls == [0, 0, 1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        next(iter(dataset))[0] = 5


def test_take_makes_no_element_too_many():
    calls = []
    assert list(Dataset.range(100).map(lambda x: calls.append(x) or x).take(3)) == [0, 1, 2]
    assert calls == [0, 1, 2]


def test_as_numpy_iterator():
    kinds = [type(x) for x in next(Dataset.from_tensors((1, 2.5, "a", [1, 2])).as_numpy_iterator())]
    assert kinds == [np.int64, np.float64, str, np.ndarray]
    with pytest.raises(TypeError, match="elements are windows"):
        next(Dataset.range(4).window(2).as_numpy_iterator())
