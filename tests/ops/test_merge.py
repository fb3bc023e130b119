"""merge (add, subtract, multiply, average, maximum, minimum) against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops

KINDS = ["add", "subtract", "multiply", "average", "maximum", "minimum"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 3000])
def test_flat(rung, threads, kind, channels):
    rng = np.random.default_rng(channels)
    for count in (2,) if kind == "subtract" else (1, 2, 3):
        inputs = [("floats", f"x{i}", channels) for i in range(count)]
        operation = ("merge", tuple(range(count)), (count,), (), {"kind": kind})
        pair = Pair(inputs, [], [operation], (count,), [])
        pair.check_gradients([rng.normal(size=(3, channels)).astype(np.float32) for _ in range(count)])


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_of_one_tensor_and_its_activation(rung, threads, kind):
    """The masks agree as both come from one input, which gets its gradient from two consumers."""
    rng = np.random.default_rng(1)
    operations = [
        ("activation", (0,), (1,), (), {"activation": "tanh"}),
        ("merge", (0, 1), (2,), (), {"kind": kind}),
    ]
    pair = Pair([("sequence", "x", -1, 5)], [], operations, (2,), [])
    for mask in masks(3, 6, rng).values():
        x = rng.normal(size=(3, 6, 5)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)])


@pytest.mark.parametrize("join", ["merge", "concatenate"])
def test_a_step_is_unmasked_where_it_is_in_all(rung, threads, join):
    """A convolution fills the gaps inside a text; its sum with its input has them again, as Keras's masks."""
    rng = np.random.default_rng(3)
    operations = [
        ("conv1d", (0,), (1,), (0,), {"padding": "same"}),
        (join, (1, 0, 1), (2,), (), {"kind": "add"} if join == "merge" else {}),
        ("global_max_pool", (2,), (3,), (), {}),
    ]
    kernel = rng.normal(size=(3, 5, 5))
    pair = Pair([("sequence", "x", -1, 5)], [("k", (3, 5, 5))], operations, (2, 3), [kernel])
    mask = np.array([[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    for given in [mask, *masks(4, 6, rng).values()]:
        x = rng.normal(size=(4, 6, 5)).astype(np.float32)
        pair.check_gradients([x if given is None else (x, given)])


def test_texts_of_different_lengths_cannot_be_merged():
    pair = Pair(
        [("sequence", "x", -1, 2), ("sequence", "y", -1, 2)], [], [("merge", (0, 1), (2,), (), {})], (2,), []
    )
    x, mask = np.ones((2, 3, 2), np.float32), np.array([[1, 1, 0], [1, 1, 1]], bool)
    with pytest.raises(ValueError, match="texts of different lengths"):
        pair.core.forward([(x, mask), (x, ~mask | mask)])
    with pytest.raises(ValueError, match="texts of different lengths"):
        pair.core.forward([(x, np.array([[1, 0, 1]] * 2, bool)), (x, np.array([[0, 1, 1]] * 2, bool))])


@pytest.mark.parametrize("kind", KINDS)
def test_one_tensor_twice(rung, kind):
    pair = Pair([("floats", "x", 9)], [], [("merge", (0, 0), (1,), (), {"kind": kind})], (1,), [])
    pair.check_gradients([np.random.default_rng(2).normal(size=(4, 9)).astype(np.float32)])


def test_ties_and_nan(rung):
    a, b = np.array([[1, np.nan, 2, 0]], np.float32), np.array([[1, 3, np.nan, -1]], np.float32)
    out, gradients = ops.vjp(ops.merge, [a, b], "maximum")
    np.testing.assert_array_equal(out, [[1, np.nan, np.nan, 0]])
    np.testing.assert_array_equal(gradients["inputs"][0], [[1, 1, 0, 1]])
    np.testing.assert_array_equal(gradients["inputs"][1], [[0, 0, 1, 0]])


def test_misuse():
    with pytest.raises(ValueError, match="2 inputs"):
        ops.merge([np.zeros((1, 2))] * 3, "subtract")
    with pytest.raises(ValueError, match="channels"):
        ops.merge([np.zeros((1, 2)), np.zeros((1, 3))])
    with pytest.raises(ValueError, match="kind = 'mean'"):
        ops.merge([np.zeros((1, 2))], "mean")
