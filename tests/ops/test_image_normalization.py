"""batch_normalization of images: all pixels of a batch, no mask; against NumPy in float64."""

import numpy as np
import pytest

from embedcnn import _core


def program(shape, scale, center, moves, values, frozen=False):
    names = ["gamma"] * scale + ["beta"] * center + ["mean", "variance"]
    settings = {"scale": scale, "center": center, "momentum": 0.7, "epsilon": 0.01, "frozen": frozen}
    operation = ("batch_normalization", (0,), (1,), tuple(range(len(names))), settings)
    made = _core.Program(
        [("x", "float32", None, shape)],
        [(n, shape[-1:]) for n in names],
        [operation],
        (1,),
        input_gradients=True,
    )
    arrays = {name: values[name].copy() for name in names}
    for number, name in enumerate(names):
        learns = name in ("gamma", "beta")
        made.bind(number, arrays[name], learns, [], np.zeros(1, np.int64), moves and not learns)
    return made, arrays


@pytest.mark.parametrize(("scale", "center"), [(1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("moves", [True, False])
def test_values_and_gradients(rung, threads, scale, center, moves):
    rng = np.random.default_rng(0)
    for batch, shape in [(1, (1, 1, 3)), (5, (7, 9, 19)), (3, (40, 30, 4))]:
        x = (rng.normal(size=(batch, *shape)) * 3 + 200 * rng.normal(size=shape[-1])).astype(np.float32)
        x[0, 0, 0] = 0  # far from all others
        d_out = rng.normal(size=x.shape).astype(np.float32)
        values = {name: rng.uniform(0.5, 2, shape[-1]).astype(np.float32) for name in ("gamma", "beta")}
        values |= {name: rng.uniform(0.5, 2, shape[-1]).astype(np.float32) for name in ("mean", "variance")}
        made, arrays = program(shape, scale, center, moves, values)
        out = made.forward([x], training=True)[0]
        made.backward([d_out])

        wide, axes, n = x.astype(np.float64), (0, 1, 2), x[..., 0].size
        mean = wide.mean(axes) if moves else values["mean"].astype(float)
        variance = wide.var(axes) if moves else values["variance"].astype(float)
        gamma, h = values["gamma"] if scale else 1.0, (wide - mean) / np.sqrt(variance + 0.01)
        np.testing.assert_allclose(
            out, h * gamma + (values["beta"] if center else 0), rtol=2e-5, atol=1e-3 if moves else 0.02
        )
        d_gamma, d_beta = (d_out * h).sum(axes), d_out.sum(axes)
        share = 1 / n if moves else 0.0
        d_x = gamma / np.sqrt(variance + 0.01) * (d_out - d_beta * share - h * d_gamma * share)
        np.testing.assert_allclose(made.input_gradient(0), d_x, rtol=1e-4, atol=1e-4)
        for number, (name, expected) in enumerate([("gamma", d_gamma)] * scale + [("beta", d_beta)] * center):
            found = made.gradient(number)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3 * max(np.abs(expected).max(), 1))
            assert name in arrays
        moved = 0.7 * values["mean"] + 0.3 * mean if moves else values["mean"]
        np.testing.assert_allclose(arrays["mean"], moved, rtol=1e-5)
        moved = 0.7 * values["variance"] + 0.3 * variance if moves else values["variance"]
        np.testing.assert_allclose(arrays["variance"], moved, rtol=1e-5)


def test_statistics_of_no_numbers():
    """The variance of NaN is NaN, as that of rows without pixels, not 0."""
    x = np.ones((2, 3, 3, 2), np.float32)
    x[1, 2, 0, 1] = np.nan
    values = {"mean": np.zeros(2, np.float32), "variance": np.ones(2, np.float32)}
    made, arrays = program((3, 3, 2), 0, 0, True, values)
    made.forward([x], training=True)
    assert np.isnan(arrays["mean"][1]) and np.isnan(arrays["variance"][1])
    np.testing.assert_allclose(arrays["variance"][0], 0.7, 1e-6)
