"""PReLU whose alpha is shared along any axes, as in Keras: values and gradients."""

import itertools

import numpy as np
import pytest

import embedcnn
from embedcnn import layers

SHAPES = [(5,), (6, 5), (6, 1), (4, 6, 5), (1, 3, 2)]


def cases():
    for shape in SHAPES:
        for count in range(len(shape) + 1):
            for axes in itertools.combinations(range(1, len(shape) + 1), count):
                yield shape, axes


@pytest.mark.parametrize(("shape", "axes"), cases())
@pytest.mark.parametrize("masked", [False, True])
def test_any_shared_axes(shape, axes, masked):
    rng = np.random.default_rng(len(axes))
    x = rng.normal(size=(3, *shape)).astype(np.float32)
    given = embedcnn.Input(shape)
    read = given
    if masked:
        if len(shape) != 2:
            pytest.skip("masks are those of sequences")
        x[0, :2] = x[1, 4:] = x[2, 2] = 0
        read = layers.Masking()(given)
    layer = layers.PReLU(shared_axes=axes or None)
    model = embedcnn.Model(given, layer(read))
    alpha = rng.normal(size=[1 if number in axes else size for number, size in enumerate(shape, 1)])
    assert layer.alpha.shape == alpha.shape
    layer.alpha.assign(alpha)
    wanted = np.where(x > 0, x, alpha * x)
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    if masked:
        return
    model.compile("sgd", "mse")
    y = rng.normal(size=x.shape)
    _, gradients = model.compute_gradients(x, y)
    d_alpha = 2 * (wanted - y) / x.size * np.where(x > 0, 0, x)
    d_alpha = d_alpha.sum((0, *axes), keepdims=True)[0]
    np.testing.assert_allclose(next(iter(gradients.values())), d_alpha, rtol=1e-4, atol=1e-6)


def test_texts_of_any_length_share_one_number():
    tokens = embedcnn.Input((None, 4))
    layer = layers.PReLU(shared_axes=[1, 2], alpha_initializer=embedcnn.initializers.Constant(0.5))
    model = embedcnn.Model(tokens, layer(tokens))
    x = np.random.default_rng(0).normal(size=(2, 7, 4))
    np.testing.assert_allclose(model.predict(x, verbose=0), np.where(x > 0, x, 0.5 * x), rtol=1e-5)
    again = layers.PReLU.from_config(layer.get_config())
    assert again.shared_axes == [1, 2] and again(tokens).shape == (None, None, 4)
