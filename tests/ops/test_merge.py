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
        inputs = [(f"x{i}", "float32", None, (channels,)) for i in range(count)]
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
    pair = Pair([("x", "float32", -1, (5,))], [], operations, (2,), [])
    for mask in masks(3, 6, rng).values():
        x = rng.normal(size=(3, 6, 5)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)])


JOINS = [("merge", {"kind": kind}) for kind in KINDS] + [("concatenate", {})]


@pytest.mark.parametrize(("join", "settings"), JOINS)
def test_a_step_is_unmasked_where_it_is_in_one(rung, threads, join, settings):
    """A convolution fills the gaps inside a text; joined with its input they stay filled, as in Keras."""
    rng = np.random.default_rng(3)
    operations = [
        ("conv1d", (0,), (1,), (0,), {"padding": "same"}),
        (join, (1, 0), (2,), (), settings),
        ("global_max_pool", (2,), (3,), (), {}),
    ]
    kernel = rng.normal(size=(3, 5, 5))
    pair = Pair([("x", "float32", -1, (5,))], [("k", (3, 5, 5))], operations, (2, 3), [kernel])
    mask = np.array([[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    for given in [mask, *masks(4, 6, rng).values()]:
        x = rng.normal(size=(4, 6, 5)).astype(np.float32)
        pair.check_gradients([x if given is None else (x, given)])


@pytest.mark.parametrize(("join", "settings"), JOINS)
def test_texts_of_different_lengths_and_places(rung, threads, join, settings):
    """Every pair of mask patterns, a third input with the first's mask, and further operations behind."""
    rng = np.random.default_rng(4)
    sources = (0, 1) if settings.get("kind") == "subtract" else (0, 1, 2, 0)
    channels = 3 * len(sources) if join == "concatenate" else 3
    operations = [
        ("activation", (0,), (2,), (), {"activation": "tanh"}),
        (join, sources, (3,), (), settings),
        ("conv1d", (3,), (4,), (0,), {"padding": "valid"}),
        ("global_average_pool", (4,), (5,), (), {}),
        ("lstm", (3,), (6,), (1, 2), {"use_bias": False, "return_sequences": True}),
    ]
    shapes = [("k", (3, channels, 2)), ("w", (channels, 8)), ("u", (2, 8))]
    values = [rng.normal(size=shape) for _, shape in shapes]
    inputs = [("x", "float32", -1, (3,)), ("y", "float32", -1, (3,))]
    pair = Pair(inputs, shapes, operations, (3, 5, 6), values)
    patterns = masks(5, 7, rng).values()
    for first in patterns:
        for second in patterns:
            x, y = (rng.normal(size=(5, 7, 3)).astype(np.float32) for _ in range(2))
            pair.check_gradients(
                [value if mask is None else (value, mask) for value, mask in ((x, first), (y, second))]
            )


def test_padding_behind_changes_nothing():
    """A masked sequence of fewer steps, as a Ragged batch of shorter texts gives it."""
    operations = [("merge", (0, 1), (2,), (), {"kind": "multiply"})]
    pair = Pair([("x", "float32", -1, (2,)), ("y", "float32", -1, (2,))], [], operations, (2,), [])
    rng = np.random.default_rng(5)
    x, y = (rng.normal(size=(2, width, 2)).astype(np.float32) for width in (5, 3))
    short = np.array([[1, 1, 0], [0, 1, 1]], bool)
    for long in (None, np.array([[1, 1, 1, 1, 0], [1, 0, 0, 0, 0]], bool)):
        first = x if long is None else (x, long)
        pair.check_gradients([first, (y, short)])
        pair.check_gradients([(y, short), first])
        padded = (np.pad(y, ((0, 0), (0, 2), (0, 0))), np.pad(short, ((0, 0), (0, 2))))
        np.testing.assert_array_equal(
            pair.core.forward([first, (y, short)])[0], pair.core.forward([first, padded])[0]
        )


def test_different_numbers_of_steps_without_a_mask():
    inputs = [("x", "float32", -1, (2,)), ("y", "float32", -1, (2,))]
    pair = Pair(inputs, [], [("merge", (0, 1), (2,), (), {})], (2,), [])
    x, y = np.ones((2, 3, 2), np.float32), np.ones((2, 4, 2), np.float32)
    for first, second in ((x, y), (y, x), (x, (y, np.ones((2, 4), bool)))):
        with pytest.raises(ValueError, match="sequence 1 has . steps, those before .*pad both"):
            pair.core.forward([first, second])


@pytest.mark.parametrize("kind", KINDS)
def test_one_tensor_twice(rung, kind):
    pair = Pair([("x", "float32", None, (9,))], [], [("merge", (0, 0), (1,), (), {"kind": kind})], (1,), [])
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
