"""Activations, orders, products and others of embedcnn.ops that are made of the first ones, against NumPy in
float64: values, and gradients by differences.
"""

import numpy as np
import pytest
from tensor_checks import SHAPES, arrays_of, check

import embedcnn
from embedcnn import activations, layers, ops

ACTIVATIONS = (
    "relu6 elu selu silu softplus softsign hard_sigmoid hard_silu hard_tanh log_sigmoid mish tanh_shrink "
    "soft_shrink hard_shrink squareplus sparse_plus sparse_sigmoid leaky_relu celu"
)
DEEP = [(2, 4, 3), (1, 3, 4), (2, 4, 3, 2)]


@pytest.mark.parametrize("shape", SHAPES)
def test_activations(shape):
    (x,) = arrays_of([shape])
    for name in ACTIVATIONS.split():
        check(getattr(ops, name), getattr(activations, name), [x])
    check(lambda x: ops.gelu(x, approximate=False), activations.gelu, [x])
    check(ops.gelu, activations.gelu_tanh, [x])
    check(lambda x: ops.elu(x, 0.3), lambda x: activations.elu(x, 0.3), [x])
    check(lambda x: ops.celu(x, 0.3), lambda x: activations.celu(x, 0.3), [x])
    check(lambda x: ops.leaky_relu(x, 0.3), lambda x: activations.leaky_relu(x, 0.3), [x])
    check(lambda x: ops.soft_shrink(x, 0.9), lambda x: activations.soft_shrink(x, 0.9), [x])
    check(lambda x: ops.hard_shrink(x, 0.9), lambda x: activations.hard_shrink(x, 0.9), [x])
    check(lambda x: ops.squareplus(x, 1.5), lambda x: activations.squareplus(x, 1.5), [x])
    with pytest.raises(ValueError, match="alpha=0"):
        ops.celu(x, 0)


@pytest.mark.parametrize("shape", SHAPES)
def test_functions_of_one_value(shape):
    (x,) = arrays_of([shape])
    for name in ("tan", "arctan", "sinh", "cosh", "exp2"):
        near = x / 2 if name == "tan" else x
        check(getattr(ops, name), getattr(np, name), [near])
    for name in ("arcsin", "arccos"):
        check(getattr(ops, name), getattr(np, name), [x / 2.1])
    for name in ("log2", "log10"):
        check(getattr(ops, name), getattr(np, name), [np.abs(x)])
    check(ops.arctan2, np.arctan2, [x, x[::-1] + 0.1])
    check(ops.logaddexp, np.logaddexp, [x, x[::-1]])
    odd = np.where(x > 1, np.inf, np.where(x < -1, np.nan, x)).astype(np.float32)
    for name in ("isfinite", "isinf", "isnan"):
        np.testing.assert_array_equal(
            ops.vjp(getattr(ops, name), odd)[0], getattr(np, name)(odd) * np.float32(1)
        )
    np.testing.assert_array_equal(ops.vjp(ops.nan_to_num, odd)[0], np.nan_to_num(odd))


@pytest.mark.parametrize("shape", SHAPES)
def test_orders(shape):
    (x,) = arrays_of([shape])
    for axis in {1, -1}:
        check(lambda x, axis=axis: ops.sort(x, axis), lambda x, axis=axis: np.sort(x, axis), [x])
        tied = np.round(x)  # equal values keep their order
        check(
            lambda x, axis=axis: ops.argsort(x, axis),
            lambda x, axis=axis: np.argsort(x, axis, kind="stable") * 1.0,
            [tied],
            slopes=False,
        )
    size = shape[-1]
    for k in {1, (size + 1) // 2, size}:
        check(lambda x, k=k: ops.top_k(x, k).values, lambda x, k=k: -np.sort(-x, -1)[..., :k], [x])
        check(
            lambda x, k=k: ops.top_k(x, k).indices,
            lambda x, k=k: np.argsort(-x, -1, kind="stable")[..., :k] * 1.0,
            [tied],
            slopes=False,
        )
    with pytest.raises(ValueError, match="k=0"):
        ops.top_k(x, 0)


def test_nan_is_the_largest():
    x = np.array([[2, np.nan, -np.inf, np.inf, np.nan, 1]], np.float32)
    for order in (ops.argsort, lambda x: ops.vjp(ops.argsort, x)[0]):
        assert order(x).tolist() == [[2, 5, 0, 3, 1, 4]]
    for order in (ops.top_k, lambda x, k: ops.vjp(lambda x: ops.top_k(x, k).indices, x)):
        assert order(x, 3)[0 if order is not ops.top_k else 1].tolist() == [[1, 4, 3]]


def test_orders_of_texts_of_any_length():
    """Within a step the mask stays; along the steps what is masked is zeros."""
    ids = np.array([[3, 1, 2, 0], [1, 0, 0, 0]])
    tokens = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(4, 5, mask_zero=True)(tokens)
    model = embedcnn.Model(tokens, [ops.sort(x, -1), layers.GlobalAveragePooling1D()(ops.sort(x, -1))])
    table = model.layers[1].get_weights()[0]
    by_step, means = model.predict(ids, verbose=0)
    expected = np.sort(table[ids], -1) * (ids > 0)[:, :, None]
    np.testing.assert_allclose(by_step, expected, rtol=1e-6)
    np.testing.assert_allclose(means, expected.sum(1) / (ids > 0).sum(1, keepdims=True), rtol=1e-5)
    fixed = embedcnn.Input((4,), dtype="int32")
    model = embedcnn.Model(fixed, ops.sort(layers.Embedding(4, 5, mask_zero=True)(fixed), 1))
    table = model.layers[1].get_weights()[0]
    expected = np.sort(table[ids] * (ids > 0)[:, :, None], 1)
    np.testing.assert_allclose(model.predict(ids, verbose=0), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_other_reductions(shape):
    (x,) = arrays_of([shape])
    for axis in {-1, 1, tuple(range(1, len(shape)))}:
        check(lambda x, axis=axis: ops.prod(x, axis), lambda x, axis=axis: x.prod(axis), [x])
        check(
            lambda x, axis=axis: ops.norm(x, axis=axis),
            lambda x, axis=axis: np.sqrt((x * x).sum(axis)),
            [x],
        )
        check(
            lambda x, axis=axis: ops.rms_normalization(x, axis=axis, epsilon=0.1),
            lambda x, axis=axis: x / np.sqrt((x * x).mean(axis, keepdims=True) + 0.1),
            [x],
        )
    for order in (1, 3, np.inf, -np.inf):
        check(
            lambda x, order=order: ops.norm(x, order, 1),
            lambda x, order=order: np.linalg.norm(x, order, 1),
            [x],
        )
    weights = np.abs(arrays_of([shape], 3)[0])
    check(lambda x, w: ops.average(x, 1, w), lambda x, w: (x * w).sum(1) / w.sum(1), [x, weights])


def test_products_of_masked_texts_leave_masked_steps_out():
    ids = np.array([[1, 2, 0], [2, 0, 0]])
    tokens = embedcnn.Input((3,), dtype="int32")
    x = layers.Embedding(3, 2, mask_zero=True)(tokens)
    model = embedcnn.Model(tokens, ops.prod(x, 1))
    model.layers[1].set_weights([np.array([[9, 9], [2, 3], [4, 5]], np.float32)])
    assert model.predict(ids, verbose=0).tolist() == [[8, 15], [4, 5]]


@pytest.mark.parametrize("shape", DEEP)
def test_values_move(shape):
    (x,) = arrays_of([shape])
    rest = [(0, 0)] * (len(shape) - 2)
    for mode in ("reflect", "symmetric", "edge"):
        pairs = [(0, 0), (1, 2), *rest]
        check(
            lambda x, mode=mode, pairs=pairs: ops.pad(x, pairs, mode),
            lambda x, mode=mode, pairs=pairs: np.pad(x, pairs, mode),
            [x],
        )
    for name in ("tril", "triu"):
        for k in (-1, 0, 1):
            check(
                lambda x, name=name, k=k: getattr(ops, name)(x, k),
                lambda x, name=name, k=k: getattr(np, name)(x, k),
                [x],
            )
    check(lambda x: ops.diagonal(x, 0, 1, 2), lambda x: np.diagonal(x, 0, 1, 2), [x])
    check(lambda x: ops.trace(x, 1, 1, 2), lambda x: np.trace(x, 1, 1, 2), [x])
    check(lambda x: ops.roll(x, -1, 1), lambda x: np.roll(x, -1, 1), [x])
    check(lambda x: ops.roll(x, (1, 2), (1, 2)), lambda x: np.roll(x, (1, 2), (1, 2)), [x])
    check(lambda x: ops.diff(x, 1, 1), lambda x: np.diff(x, 1, 1), [x])
    check(lambda x: ops.diff(x, 2, 1), lambda x: np.diff(x, 2, 1), [x])
    check(lambda x: ops.moveaxis(x, 1, -1), lambda x: np.moveaxis(x, 1, -1), [x])
    check(lambda x: ops.glu(ops.concatenate([x, 2 * x], -1)), lambda x: x / (1 + np.exp(-2 * x)), [x])


def test_sums_of_products():
    x, y, z = arrays_of([(2, 3, 4), (2, 4, 5), (2, 3, 5)])
    check(
        lambda x, y, z: ops.einsum("bij,bjk,bik->bi", x, y, z),
        lambda x, y, z: np.einsum("bij,bjk,bik->bi", x, y, z),
        [x, y, z],
    )
    check(lambda x: ops.einsum("...ij->...ji", x), lambda x: np.swapaxes(x, 1, 2), [x])
    check(lambda x, y: ops.einsum("...ij,...jk", x, y), lambda x, y: x @ y, [x, y])
    kernel = arrays_of([(4, 6)])[0].astype(np.float32)
    check(lambda x: ops.einsum("...j,jk->...k", x, kernel), lambda x: x @ kernel, [x])
    check(lambda x: ops.tensordot(x, kernel, 1), lambda x: np.tensordot(x, kernel, 1), [x])
    check(lambda x: ops.tensordot(x, kernel, [[2], [0]]), lambda x: np.tensordot(x, kernel, [[2], [0]]), [x])
    for wrong in ("bii,bij->b", "bij->bk", "bij,bjk,bkl->b"):
        with pytest.raises(ValueError, match="einsum"):
            ops.einsum(wrong, x, y)
