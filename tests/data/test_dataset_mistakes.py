"""Every misuse of a Dataset gets a message that names the argument and the value."""

import numpy as np
import pytest

from embedcnn.data import Dataset

numbers = Dataset.range(6)
unequal = Dataset.from_tensor_slices([[1, 2], [3]])


def first(dataset):
    return next(iter(dataset))


MISTAKES = [
    (lambda: numbers.batch(0), "`batch_size` must be an integer of at least 1. Received: batch_size=0"),
    (lambda: numbers.batch(2.0), "`batch_size` must be an integer of at least 1. Received: batch_size=2.0"),
    (lambda: numbers.batch(True), "`batch_size` must be .* Received: batch_size=True"),
    (lambda: numbers.take(-2), r"`count` must be an integer of at least -1 \(-1: all\). Received: count=-2"),
    (lambda: numbers.skip("1"), r"`count` must be .* Received: count='1'"),
    (lambda: numbers.repeat(-5), r"`count` must be .* \(-1: without end\). Received: count=-5"),
    (lambda: numbers.shuffle(0), "`buffer_size` must be an integer of at least 1. Received: buffer_size=0"),
    (lambda: numbers.filter(bool).shuffle(), "buffer_size: needed where the number of elements is not known"),
    (lambda: numbers.shuffle(3, seed=1.5), "`seed` must be an integer or None. Received: seed=1.5"),
    (lambda: numbers.shard(2, 2), r"`index` must be an integer below num_shards \(2\). Received: index=2"),
    (lambda: numbers.shard(0, 0), "`num_shards` must be an integer of at least 1"),
    (lambda: numbers.prefetch(-2), r"`buffer_size` must be .*AUTOTUNE\). Received: buffer_size=-2"),
    (lambda: numbers.window(0), "`size` must be an integer of at least 1. Received: size=0"),
    (lambda: numbers.window(2, shift=0), "`shift` must be an integer of at least 1"),
    (lambda: numbers.window(2, stride=0), "`stride` must be an integer of at least 1"),
    (lambda: numbers.map(None), "`map_func` must be a function. Received: map_func=None"),
    (
        lambda: numbers.map(abs, num_parallel_calls=0),
        "`num_parallel_calls` must be .* Received: num_parallel_calls=0",
    ),
    (
        lambda: numbers.map(abs, deterministic="yes"),
        "`deterministic` must be True or False or None. Received: deterministic='yes'",
    ),
    (lambda: numbers.filter(3), "`predicate` must be a function. Received: predicate=3"),
    (lambda: numbers.reduce(0, None), "`reduce_func` must be a function"),
    (lambda: numbers.repeat().reduce(0, max), r"the data set is infinite; take\(n\) of it"),
    (
        lambda: numbers.apply(lambda d: [1]),
        "apply: the result of transformation_func must be a Dataset. Received: list",
    ),
    (
        lambda: first(numbers.flat_map(lambda x: [x])),
        "flat_map: the result of map_func must be a Dataset. Received: list",
    ),
    (lambda: numbers.interleave(abs, cycle_length=0), "`cycle_length` must be an integer of at least 1"),
    (lambda: numbers.interleave(abs, block_length=0), "`block_length` must be an integer of at least 1"),
    (lambda: numbers.concatenate([1]), "`dataset` must be a Dataset. Received: list"),
    (lambda: Dataset.zip(), "`datasets` must be at least one Dataset. Received: none"),
    (lambda: Dataset.zip(numbers, [1]), "`datasets` must be a Dataset. Received: list"),
    (lambda: Dataset.range("a"), r"`range` must be \(stop\), .* Received: range=\('a',\)"),
    (lambda: Dataset.range(1, 2, 0), "`range` must be"),
    (lambda: Dataset.from_generator([1, 2]), "`generator` must be a function that returns an iterable"),
    (lambda: Dataset.from_generator(range, args=3), "`args` must be a tuple. Received: args=3"),
    (
        lambda: Dataset.from_tensor_slices("abc"),
        r"`tensors` must be arrays or lists. Received: tensors='abc' \(str\)",
    ),
    (
        lambda: Dataset.from_tensor_slices(3),
        r"`tensors` must be arrays or lists. Received: tensors=3 \(int\)",
    ),
    (lambda: Dataset.from_tensor_slices(np.array(3)), "`tensors` must be at least one dimension"),
    (lambda: Dataset.from_tensor_slices(()), r"`tensors` must be at least one array. Received: tensors=\(\)"),
    (
        lambda: Dataset.from_tensor_slices((np.zeros(3), [1, 2])),
        r"`tensors` must be equal first dimensions. Received: tensors=\[3, 2\]",
    ),
    (lambda: Dataset.from_tensor_slices(["a", 1]), r"texts and int are mixed \(row 1: 1\)"),
    (lambda: Dataset.from_tensor_slices([[1], [None]]), "row 1 is no array of numbers or text"),
    (lambda: first(unequal.batch(2)), r"element 1 has shape \(1,\), element 0 has \(2,\); use padded_batch"),
    (lambda: first(unequal.map(lambda x: x).batch(2)), r"batch: element 1 has shape \(1,\)"),
    (
        lambda: first(Dataset.from_generator(lambda: [1, 2.5]).batch(2)),
        "batch: element 1 has dtype float64, element 0 has int64",
    ),
    (
        lambda: first(Dataset.from_generator(lambda: [(1, 2), {"a": 1}]).batch(2)),
        r"batch: element 1 has the structure \{'a': \.\}, element 0 has \(\., \.\)",
    ),
    (
        lambda: first(Dataset.from_tensors(None).batch(1)),
        "batch: element 0 holds a NoneType that is no array",
    ),
    (
        lambda: first(unequal.padded_batch(2, [1])),
        r"element 0 has shape \(2,\), which does not fit padded_shapes",
    ),
    (lambda: first(unequal.padded_batch(2, [1, 1])), "element 0 has 1 dimensions, expected 2"),
    (
        lambda: first(unequal.padded_batch(2, "x")),
        "`padded_shapes` must be sizes or None .* Received: padded_shapes='x'",
    ),
    (lambda: first(unequal.padded_batch(2, None, 0.5)), "padding_values: 0.5 does not fit dtype int64"),
    (lambda: first(unequal.padded_batch(2, None, "x")), "`padding_values` must be a number for dtype int64"),
    (
        lambda: first(Dataset.zip(unequal, unequal).padded_batch(2, ([2],))),
        r"padded_shapes: \(\[2\],\) does not have the elements' structure \(\., \.\)",
    ),
    (lambda: first(numbers.unbatch()), "unbatch: element 0 has no common first dimension"),
    (
        lambda: numbers.bucket_by_sequence_length(len, [], [1]),
        r"`bucket_boundaries` must be increasing .*=\[\]",
    ),
    (
        lambda: numbers.bucket_by_sequence_length(len, [3, 2], [1, 1, 1]),
        "`bucket_boundaries` must be increasing",
    ),
    (
        lambda: numbers.bucket_by_sequence_length(len, [3], [1]),
        r"must be 2 sizes, one more .* Received: bucket_batch_sizes=\[1\]",
    ),
    (
        lambda: numbers.bucket_by_sequence_length(len, [3], [1, 1], no_padding=True, ragged=True),
        "no_padding, ragged and pad_to_bucket_boundary exclude each other",
    ),
    (
        lambda: numbers.bucket_by_sequence_length(len, [3], [1, 1], padding_values=1, ragged=True),
        "padding_values have no meaning with no_padding or ragged",
    ),
    (
        lambda: first(unequal.bucket_by_sequence_length(len, [2], [1, 1], pad_to_bucket_boundary=True)),
        "pad_to_bucket_boundary: a length is not below the last boundary, 2",
    ),
    (lambda: numbers.iterate(-1), "`epoch` must be an integer of at least 0. Received: epoch=-1"),
    (lambda: setattr(numbers, "epoch", "2"), "`epoch` must be an integer of at least 0. Received: epoch='2'"),
]


@pytest.mark.parametrize(("action", "message"), MISTAKES)
def test_mistakes(action, message):
    with pytest.raises((ValueError, TypeError), match=message):
        action()


def notes(error):
    return " ".join(getattr(error, "__notes__", [])) + str(error)


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_error_of_map_has_the_position(workers):
    seen = []
    dataset = Dataset.range(20).map(lambda x: 1 // (x - 7), num_parallel_calls=workers).prefetch(2)
    with pytest.raises(ZeroDivisionError) as caught:
        for value in dataset:
            seen.append(value)
    assert len(seen) == 7
    assert caught.value.element_position == 7 and "map: element 7" in notes(caught.value)


@pytest.mark.parametrize("operation", ["filter", "flat_map", "reduce"])
def test_other_errors_have_the_position(operation):
    def fail(*arguments):
        if arguments[-1] == 2:
            raise KeyError("two")
        return Dataset.range(1)

    with pytest.raises(KeyError) as caught:
        if operation == "reduce":
            numbers.reduce(0, fail)
        list(getattr(numbers, operation)(fail))
    assert f"{operation}: element 2" in notes(caught.value)


def test_error_of_a_generator_has_the_position():
    def broken():
        yield 1
        yield 2
        raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone") as caught:
        list(Dataset.from_generator(broken))
    assert "from_generator: element 2" in notes(caught.value)


@pytest.mark.parametrize("workers", [None, 2])
def test_stop_iteration_does_not_end_the_loop_silently(workers):
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(numbers.map(lambda x: next(iter(())), num_parallel_calls=workers))
