"""separable_conv2d: against the reference, and in models against the operations whose place it takes."""

import numpy as np
import pytest
from comparison import Pair

import embedcnn
from embedcnn import layers as L
from embedcnn import ops


def pair_of(shape, filters, size, settings, seed=0):
    """The operation two times over the same weights: the second adds to the gradients of the first."""
    rng = np.random.default_rng(seed)
    channels = shape[3]
    arrays = [rng.normal(size=(*size, channels, 1))] + [rng.normal(size=channels)] * settings.get(
        "first_bias", 0
    )
    arrays += [rng.normal(size=(1, 1, channels, filters))] + [rng.normal(size=filters)] * settings.get(
        "bias", 0
    )
    parameters = [(f"p{number}", array.shape) for number, array in enumerate(arrays)]
    numbers = tuple(range(len(arrays)))
    operations = [("separable_conv2d", (0,), (out,), numbers, settings) for out in (1, 2)]
    pair = Pair([("x", "float32", None, shape[1:])], parameters, operations, (1, 2), arrays)
    return pair, rng.normal(size=shape)


@pytest.mark.parametrize("pools", [0, 1])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": "same", "first_bias": 1, "first_activation": "relu", "activation": "relu"},
        {"stride_rows": 2, "stride_cols": 3, "bias": 1, "first_activation": "tanh", "padding": "same"},
        {"dilation_rows": 2, "bias": 1, "first_bias": 1, "activation": "sigmoid", "first_activation": "relu"},
    ],
)
def test_settings(rung, threads, settings, pools):
    for shape, filters, size in [((2, 9, 12, 3), 18, (3, 3)), ((1, 8, 7, 17), 2, (2, 3))]:
        pair, x = pair_of(shape, filters, size, settings | {"pools": pools})
        pair.check_gradients([x], tolerance=3e-5)


@pytest.mark.parametrize("pools", [0, 1])
def test_many_bands(threads, pools):
    settings = {"first_bias": 1, "bias": 1, "first_activation": "relu", "activation": "relu", "pools": pools}
    for shape, filters in [((1, 61, 40, 40), 64), ((70, 6, 5, 2), 3)]:
        pair, x = pair_of(shape, filters, (3, 3), settings)
        pair.check_gradients([x], tolerance=1e-4)


def block(**options):
    return [
        L.Conv2D(4, 3, activation="relu"),
        L.DepthwiseConv2D(3, activation="relu", **options),
        L.Conv2D(6, 1, activation="relu"),
        L.MaxPooling2D(2),
        L.SeparableConv2D(5, 3, padding="same", activation="tanh"),
        L.Flatten(),
        L.Dense(3, activation="softmax"),
    ]


@pytest.mark.parametrize("strides", [1, 2])
def test_it_takes_the_place_of_others_in_models(strides):
    x = np.random.default_rng(0).normal(size=(12, 19, 18, 3)).astype(np.float32)
    y = np.arange(12) % 3
    losses, outputs = [], []
    for plain in (False, True):
        embedcnn.utils.set_random_seed(0)
        model = embedcnn.Sequential([embedcnn.Input(x.shape[1:]), *block(strides=strides)])
        model.compile("adam", "sparse_categorical_crossentropy")
        if plain:
            model._run_plain()
        losses.append(model.fit(x, y, epochs=5, shuffle=False, verbose=0).history["loss"])
        outputs.append(model.predict(x, verbose=0))
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    np.testing.assert_allclose(outputs[0], outputs[1], atol=1e-4)
    names = [op.name for op in model.lowered(training=True).operations]
    assert names.count("separable_conv2d") == 2 and not {"depthwise_conv2d", "max_pool2d"} & set(names)


def test_slopes_are_given_where_nobody_else_reads():
    x = embedcnn.Input((8, 8, 3))
    h = L.Conv2D(4, 3, activation="tanh")(x)
    out = L.Flatten()(L.SeparableConv2D(4, 3)(h))
    given = [
        "input_activation" in op.attributes for op in embedcnn.Model(x, out).lowered(training=True).operations
    ]
    shared = embedcnn.Model(x, [out, L.GlobalMaxPooling2D()(h)]).lowered(training=True).operations
    assert sum(given) == 1
    assert not any({"input_activation", "slope_is_given"} & set(op.attributes) for op in shared)


def test_what_is_read_elsewhere_stays():
    x = embedcnn.Input((8, 8, 3))
    h = L.DepthwiseConv2D(3)(x)
    model = embedcnn.Model(x, [L.Flatten()(h), L.Flatten()(L.MaxPooling2D(2)(L.Conv2D(4, 1)(h)))])
    assert "separable_conv2d" not in [op.name for op in model.lowered(training=True).operations]
    wide = L.MaxPooling2D(3)(L.SeparableConv2D(4, 3, depth_multiplier=2)(x))
    names = [op.name for op in embedcnn.Model(x, L.Flatten()(wide)).lowered(training=False).operations]
    assert "separable_conv2d" not in names and "max_pool2d" in names


def test_alone():
    rng = np.random.default_rng(0)
    x, first, second = (rng.normal(size=s) for s in [(2, 5, 6, 3), (3, 3, 3, 1), (1, 1, 3, 4)])
    expected = ops.conv2d(ops.depthwise_conv2d(x, first, padding="same"), second)
    np.testing.assert_allclose(ops.separable_conv2d(x, first, second, padding="same"), expected, atol=1e-4)
    np.testing.assert_allclose(ops.separable_conv(x, first, second, padding="same"), expected, atol=1e-4)
    with pytest.raises(ValueError, match=r"expected \(any, any, 3, 1\)"):
        ops.separable_conv2d(x, np.zeros((3, 3, 3, 2)), second)
    assert ops.separable_conv(x, np.zeros((3, 3, 3, 2)), np.zeros((1, 1, 6, 4))).shape == (2, 3, 4, 4)
