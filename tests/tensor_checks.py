"""Functions of embedcnn.ops against NumPy in float64: values, and gradients by differences."""

import math

import numpy as np

from embedcnn import ops

SHAPES = [(3, 5), (1, 1), (2, 4, 3), (3, 1, 6), (2, 3, 2, 4), (2, 7, 1)]
erf = np.vectorize(math.erf)


def arrays_of(shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape) for shape in shapes]


def check(function, reference, arrays, slopes=True):
    """Values and gradients of a function of ops against its NumPy twin."""
    arrays = [np.asarray(array, np.float64) for array in arrays]
    expected = np.asarray(reference(*arrays))
    given = [array.astype(np.float32) for array in arrays]
    d_out = np.random.default_rng(1).normal(size=expected.shape)
    got, gradients = ops.vjp(function, *given, d_out=d_out)
    assert got.shape == expected.shape
    near = {
        "rtol": 2e-5,
        "atol": 2e-6 * max(1.0, np.abs(expected).max(initial=0.0, where=np.isfinite(expected))),
    }
    np.testing.assert_allclose(got, expected, **near)  # sums of large numbers may be small
    np.testing.assert_allclose(function(*given), expected, **near)  # on arrays
    if not slopes:
        assert not any(gradient.any() for gradient in gradients)
        return
    for number, gradient in enumerate(gradients):
        direction, step = np.random.default_rng(2).normal(size=arrays[number].shape), 1e-6

        def value(by, number=number, direction=direction):
            moved = [one + by * direction if place == number else one for place, one in enumerate(arrays)]
            return (reference(*moved) * d_out).sum()

        by_differences = (value(step) - value(-step)) / (2 * step)
        np.testing.assert_allclose((gradient * direction).sum(), by_differences, rtol=2e-3, atol=2e-3)
