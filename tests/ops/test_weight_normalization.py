"""weight_normalization behind dense and conv1d against the reference, and against PyTorch's definition."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("filters", [1, 16, 21])
def test_behind_its_layer(rung, threads, filters, use_bias):
    rng = np.random.default_rng(filters)
    arrays = [rng.normal(size=(3, 4, filters)), rng.normal(size=filters)] + [
        rng.normal(size=filters)
    ] * use_bias
    parameters = [(f"p{number}", array.shape) for number, array in enumerate(arrays)]
    rest = (1, 0, 2) if use_bias else (1, 0)
    operations = [("conv1d", (0,), (1,), (0,), {"padding": "same"})]
    operations += [("weight_normalization", (1,), (2,), rest, {})]
    pair = Pair([("x", "float32", -1, (4,))], parameters, operations, (1, 2), arrays)
    for mask in masks(3, 6, rng).values():
        x = rng.normal(size=(3, 6, 4))
        if not use_bias or mask is None:
            pair.check_gradients([x if mask is None else (x, mask)])
    arrays[0] = arrays[0].reshape(12, filters)
    parameters[0] = ("v", (12, filters))
    operations[0] = ("dense", (0,), (1,), (0,), {})
    pair = Pair([("x", "float32", None, (12,))], parameters, operations, (2,), arrays)
    pair.check_gradients([rng.normal(size=(9, 12))])


def test_it_is_the_layer_with_the_normalised_kernel():
    rng = np.random.default_rng(1)
    x, v, g, bias = rng.normal(size=(5, 7)), rng.normal(size=(7, 3)), rng.normal(size=3), rng.normal(size=3)
    out = ops.weight_normalization(ops.dense(x, v), g, v, bias)
    np.testing.assert_allclose(out, x @ (g * v / np.linalg.norm(v, axis=0)) + bias, rtol=1e-5, atol=1e-5)


def test_misuse():
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        ops.weight_normalization(np.zeros((1, 2)), np.ones(3), np.ones((4, 2)))
    with pytest.raises(ValueError, match=r"expected \(any, 2\)"):
        ops.weight_normalization(np.zeros((1, 2)), np.ones(2), np.ones((4, 3)))
