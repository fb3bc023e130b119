"""Operations of arrays, updates and loops, against Keras's in tests/golden/keras_array_operations.npz."""

from pathlib import Path

import numpy as np
import pytest
from array_operation_cases import CASES

import embedcnn
from embedcnn import ops

GOLDEN = np.load(Path(__file__).resolve().parents[1] / "golden" / "keras_array_operations.npz")


@pytest.mark.parametrize("name", CASES)
def test_values_are_keras_s(name):
    found, expected = np.asarray(CASES[name](ops)), GOLDEN[name]
    assert found.shape == expected.shape
    assert found.dtype.kind == expected.dtype.kind and found.dtype != np.float64
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


def test_symbolic_tensors_are_refused_where_places_follow_from_values():
    x = embedcnn.Input((3,))
    for call in (
        lambda: ops.scatter([[0]], x, (3,)),
        lambda: ops.scatter_update(x, [[0]], [1.0]),
        lambda: ops.segment_sum(x, [0]),
        lambda: ops.bincount(x),
        lambda: ops.unique(x),
        lambda: ops.quantile(x, 0.5),
        lambda: ops.map(lambda one: one, x),
        lambda: ops.vectorized_map(lambda one: one, x),
        lambda: ops.scan(lambda carry, one: (carry, one), 0.0, x),
    ):
        with pytest.raises(TypeError, match=r"arrays"):
            call()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.scatter_update([1.0], [[0]], [1.0], reduction="sum"), ValueError, "`reduction`"),
        (lambda: ops.scatter_update([1.0], [[0.5]], [1.0]), ValueError, "`indices`"),
        (lambda: ops.scatter_update([1.0], [[3]], [1.0]), ValueError, "ops.scatter_update: .*out of bounds"),
        (
            lambda: ops.slice_update(np.ones((2, 3)), (0, 2), np.ones((2, 2))),
            ValueError,
            "`updates` must lie",
        ),
        (lambda: ops.slice_update(np.ones((2, 3)), (0,), np.ones((2, 2))), ValueError, "`updates` must lie"),
        (lambda: ops.segment_sum([1.0, 2.0], [0]), ValueError, "`segment_ids`"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0), ValueError, "must agree"),
        (lambda: ops.scan(lambda c, x: (c, x), 0.0, np.ones(3), length=2), ValueError, "must agree"),
        (lambda: ops.switch(0, []), ValueError, "`branches`"),
        (lambda: ops.cross([1.0, 2.0], [1.0, 2.0]), ValueError, "must have 3 values"),
        (lambda: ops.sparsemax(embedcnn.Input((None, 2)), axis=1), ValueError, "known size"),
        (lambda: ops.cumsum(embedcnn.Input((2,))), ValueError, "`axis` must be given"),
    ],
)
def test_mistakes_are_named(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_empty_segments_and_ids_outside():
    assert ops.segment_sum([1.0, 2.0, 4.0], [0, 9, -1], 2).tolist() == [1.0, 0.0]
    assert ops.segment_max([1.0, 2.0], [0, 0], 2).tolist() == [2.0, -np.inf]
    assert ops.segment_min(np.array([3, 2]), [0, 0], 2)[0] == 2
    assert ops.segment_sum(np.zeros((0, 3)), np.zeros(0, int), 2).shape == (2, 3)
    assert ops.bincount(np.zeros((2, 0), int), minlength=3).tolist() == [[0] * 3] * 2


def test_loops_of_nested_values_and_symbolic_tensors():
    state, (first, second) = ops.scan(
        lambda carry, x: ({"sum": carry["sum"] + x["a"]}, (carry["sum"], x["b"] * 2)),
        {"sum": np.float32(0)},
        {"a": np.array([1.0, 2.0]), "b": np.array([[1.0], [3.0]])},
    )
    assert float(state["sum"]) == 3 and first.tolist() == [0, 1] and second.tolist() == [[2], [6]]
    assert ops.scan(lambda carry, _: (carry + 1, None), 0, length=4) == (4, None)
    x = embedcnn.Input((2,))
    last, steps = ops.scan(lambda carry, _: (carry * 2.0, carry), x, length=3)
    model = embedcnn.Model(
        x, [last, steps, ops.switch(ops.sum(x, 1, keepdims=True), [lambda: x, lambda: -x])]
    )
    rows = np.array([[1.0, 2.0], [-3.0, 1.0]], np.float32)
    found = model.predict(rows, verbose=0)
    np.testing.assert_array_equal(found[0], rows * 8)
    np.testing.assert_array_equal(found[1], np.stack([rows, rows * 2, rows * 4], 1))
    np.testing.assert_array_equal(found[2], [[-1, -2], [-3, 1]])


def test_dot_of_a_tensor_and_a_matrix_has_gradients():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(3, 4)).astype("f"), rng.normal(size=(4, 2)).astype("f")
    inputs = embedcnn.Input((4,))
    model = embedcnn.Model(inputs, ops.dot(inputs, kernel))
    np.testing.assert_allclose(model.predict(x, verbose=0), x @ kernel, rtol=1e-5)
    out, (gradient,) = ops.vjp(lambda x: ops.dot(x, kernel), x, d_out=np.ones((3, 2), np.float32))
    np.testing.assert_allclose(gradient, np.ones((3, 2)) @ kernel.T, rtol=1e-5)


def test_slices_of_steps_are_updated_in_a_model():
    x, y = embedcnn.Input((4, 2)), embedcnn.Input((2, 2))
    model = embedcnn.Model([x, y], ops.slice_update(x, (0, 1, 0), y))
    a, b = np.zeros((3, 4, 2), np.float32), np.ones((3, 2, 2), np.float32)
    expected = a.copy()
    expected[:, 1:3] = 1
    np.testing.assert_array_equal(model.predict([a, b], verbose=0), expected)


def test_sparsemax_is_the_nearest_point_of_shares():
    x = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32)
    for axis in (1, -1):
        found, (gradient,) = ops.vjp(lambda x, axis=axis: ops.sparsemax(x, axis), x, d_out=x)
        np.testing.assert_allclose(found.sum(axis), 1, rtol=1e-5)
        assert (found >= 0).all() and (found == 0).any()
        kept = (found > 0).astype(np.float32)
        # what is kept was moved by one number, and what is not lies below it
        moved = np.where(kept, x - found, -np.inf).max(axis, keepdims=True)
        np.testing.assert_allclose(found, np.maximum(x - moved, 0), atol=1e-6)
        mean = (x * kept).sum(axis, keepdims=True) / kept.sum(axis, keepdims=True)
        np.testing.assert_allclose(gradient, kept * (x - mean), atol=1e-5)
