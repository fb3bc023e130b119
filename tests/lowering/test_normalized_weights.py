"""Batch normalisation made part of the weights before it, in inference: the same numbers, the weights always
those of now, and the plain program wherever that cannot be.
"""

import threading

import numpy as np
import pytest

import embedcnn
from embedcnn import _core, layers

CASES = {
    "conv2d": ((9, 8, 3), lambda: layers.Conv2D(5, 3, strides=2, padding="same", use_bias=False)),
    "conv2d of groups": ((9, 8, 4), lambda: layers.Conv2D(6, (2, 3), groups=2, use_bias=True)),
    "conv2d of single pixels": ((6, 6, 3), lambda: layers.Conv2D(7, 1)),
    "depthwise_conv2d": ((9, 8, 3), lambda: layers.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable_conv2d": ((9, 8, 3), lambda: layers.SeparableConv2D(5, 3, padding="same")),
    "conv2d_transpose": ((5, 4, 3), lambda: layers.Conv2DTranspose(5, 3, strides=2)),
    "conv1d": ((11, 3), lambda: layers.Conv1D(5, 3, padding="causal")),
    "conv1d of groups": ((11, 4), lambda: layers.Conv1D(6, 2, groups=2, use_bias=False)),
    "depthwise_conv1d": ((11, 3), lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "separable_conv1d": ((11, 3), lambda: layers.SeparableConv1D(5, 3)),
    "dense": ((7,), lambda: layers.Dense(5, use_bias=False)),
    "dense along time": ((6, 4), lambda: layers.Dense(5)),
    "dense of images": ((6, 4, 3), lambda: layers.Dense(5)),
    "dense of each step": ((6, 4), lambda: layers.TimeDistributed(layers.Dense(5))),
}


def draw_statistics(model, rng):
    """Moving statistics and weights as training might leave them."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            size = layer.moving_mean.shape
            layer.moving_mean.assign(rng.normal(size=size))
            layer.moving_variance.assign(rng.uniform(0.1, 4, size=size))
            for weight in (layer.gamma, layer.beta):
                if weight is not None:
                    weight.assign(rng.normal(size=size))


def names(model, **settings):
    return [op.name for op in model.lowered(**settings).operations]


def both(model, x):
    """Predictions, and those of the plain program."""
    model._run_plain(False)
    made = model.predict(x, verbose=0)
    assert "batch_normalization" in names(model, rewrite=False)
    model._run_plain()
    plain = model.predict(x, verbose=0)
    model._run_plain(False)
    return made, plain


def close(made, plain):
    assert np.abs(made - plain).max() <= 2e-6 * max(1.0, np.abs(plain).max())


@pytest.mark.parametrize("behind", [None, "relu", "softmax"])
@pytest.mark.parametrize("case", CASES)
def test_same_as_the_plain_program(case, behind):
    rng = np.random.default_rng(len(case))
    shape, make = CASES[case]
    for settings in ({}, {"scale": False, "epsilon": 0.1}, {"center": False}):
        x = embedcnn.Input(shape)
        h = layers.BatchNormalization(**settings)(make()(x))
        model = embedcnn.Model(x, h if behind is None else layers.Activation(behind)(h))
        draw_statistics(model, rng)
        assert "batch_normalization" not in names(model)
        assert names(model).count("normalized_weights") == 1
        assert "batch_normalization" in names(model, training=True)
        close(*both(model, rng.normal(size=(5, *shape)).astype(np.float32)))


def small_net():
    x = embedcnn.Input((8, 8, 3))
    h = x
    for width in (4, 6):
        h = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(h)
        h = layers.ReLU()(layers.BatchNormalization()(h))
        h = layers.Conv2D(width, 1, use_bias=False)(h)
        h = layers.ReLU()(layers.BatchNormalization()(h))
    h = layers.GlobalAveragePooling2D()(layers.MaxPooling2D()(h))
    model = embedcnn.Model(x, layers.Dense(3, activation="softmax")(h))
    draw_statistics(model, np.random.default_rng(1))
    return model


def test_what_stands_behind_is_fused_as_without_normalisation():
    model = small_net()
    assert names(model).count("normalized_weights") == 4
    assert [name for name in names(model) if name != "normalized_weights"][:2] == ["separable_conv2d"] * 2
    assert not {"activation", "batch_normalization", "depthwise_conv2d", "conv2d"} & set(names(model))
    close(*both(model, np.random.default_rng(2).normal(size=(5, 8, 8, 3)).astype(np.float32)))


@pytest.mark.parametrize("mask", [False, True])
def test_texts(mask):
    rng = np.random.default_rng(3)
    x = embedcnn.Input((12,), dtype="int32")
    h = layers.Embedding(20, 6, mask_zero=mask)(x)
    wide = layers.GlobalMaxPooling1D()(layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(5, 3)(h))))
    steps = layers.BatchNormalization()(layers.Conv1D(4, 2, padding="same")(h))
    model = embedcnn.Model(x, [wide, steps, layers.LSTM(3)(steps)])
    draw_statistics(model, rng)
    assert names(model).count("token_conv_pool") == 1 and names(model).count("token_conv") == 1
    ids = rng.integers(0, 20, (7, 12))
    ids[0], ids[1, 4:], ids[2, :9] = 0, 0, 0
    made, plain = model.predict(ids, verbose=0), None
    model._run_plain()
    plain = model.predict(ids, verbose=0)
    for one, other in zip(made, plain, strict=True):
        close(one, other)


def test_weights_are_those_of_now():
    rng = np.random.default_rng(4)
    model = small_net()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = rng.normal(size=(24, 8, 8, 3)).astype(np.float32), rng.integers(0, 3, 24)
    for _ in range(3):
        before = model.predict(x, verbose=0)
        close(*both(model, x))
        plain = model.evaluate(x, y, verbose=0)
        model._run_plain()
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), plain, rtol=1e-5)
        model._run_plain(False)
        model.fit(x, y, batch_size=8, verbose=0)
        assert np.abs(model.predict(x, verbose=0) - before).max() > 1e-4
    norm = next(one for one in model.layers if isinstance(one, layers.BatchNormalization))
    norm.moving_mean.value[...] += 1  # in place, which nobody is told of
    assert np.abs(model.predict(x, verbose=0) - before).max() > 1e-4
    close(*both(model, x))


def test_any_number_of_threads():
    rng = np.random.default_rng(5)
    model = small_net()
    x = rng.normal(size=(40, 8, 8, 3)).astype(np.float32)
    alone = model.predict(x, verbose=0)
    before = _core.get_num_threads()
    for threads in (1, 2, 5):
        _core.set_num_threads(threads)
        np.testing.assert_array_equal(model.predict(x, verbose=0), alone)
    _core.set_num_threads(before)
    made = [None] * 4

    def predict(number):
        made[number] = [model.predict(x, batch_size=7, verbose=0) for _ in range(5)]

    running = [threading.Thread(target=predict, args=(number,)) for number in range(4)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    for results in made:
        for result in results:
            np.testing.assert_array_equal(result, alone)


def test_what_stays_as_it_is():
    x = embedcnn.Input((6, 6, 3))
    conv = layers.Conv2D(4, 3)(x)
    kept = [
        embedcnn.Model(x, layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(x))),
        embedcnn.Model(x, layers.BatchNormalization()(x)),
        embedcnn.Model(x, layers.BatchNormalization(axis=1)(layers.Conv2D(4, 3)(x))),
        embedcnn.Model(x, [layers.BatchNormalization()(conv), conv]),  # somebody else reads it
        embedcnn.Model(x, layers.BatchNormalization()(layers.MaxPooling2D()(layers.Conv2D(4, 3)(x)))),
    ]
    for model in kept:
        assert "normalized_weights" not in names(model)
    ids = embedcnn.Input((5,), dtype="int32")
    table = layers.Embedding(9, 4)
    scores = layers.BatchNormalization()(layers.TiedDense(table)(table(ids)))
    assert "normalized_weights" not in names(embedcnn.Model(ids, scores))


def test_large_kernels_that_few_places_read_stay():
    # a pass over the kernel would cost more than one over what a single example makes with it
    def made(shape, layer):
        x = embedcnn.Input(shape)
        return "normalized_weights" in names(embedcnn.Model(x, layers.BatchNormalization()(layer(x))))

    assert not made((512,), layers.Dense(256)) and made((128,), layers.Dense(128))
    assert not made((7, 7, 512), layers.Conv2D(512, 3)) and not made((7, 7, 256), layers.Conv2D(256, 1))
    assert made((14, 14, 512), layers.Conv2D(512, 1)) and made((7, 7, 128), layers.Conv2D(128, 1))
    assert made((7, 7, 1024), layers.DepthwiseConv2D(3))
    assert made((None, 300), layers.Conv1D(100, 1)) and not made((None, 300), layers.Conv1D(100, 5))
    ids = embedcnn.Input((None,), dtype="int32")
    h = layers.BatchNormalization()(layers.Conv1D(100, 5)(layers.Embedding(50, 300)(ids)))
    model = embedcnn.Model(ids, layers.GlobalMaxPooling1D()(layers.ReLU()(h)))
    assert "token_conv_pool" in names(model)  # over the distinct tokens of a batch


def test_layers_that_are_called_twice_have_weights_for_each_normalisation():
    rng = np.random.default_rng(6)
    x, dense = embedcnn.Input((4,)), layers.Dense(3)
    one, other = layers.BatchNormalization(), layers.BatchNormalization()
    model = embedcnn.Model(x, [one(dense(x)), other(dense(x)), dense(x)])
    draw_statistics(model, rng)
    given = rng.normal(size=(6, 4)).astype(np.float32)
    made = model.predict(given, verbose=0)
    assert names(model).count("normalized_weights") == 2
    model._run_plain()
    for got, plain in zip(made, model.predict(given, verbose=0), strict=True):
        close(got, plain)


# -- the operation -------------------------------------------------------------------------------------------
def program(kernel, channels, bias=True, **attributes):
    """normalized_weights, and a dense that reads what it makes."""
    shapes = [kernel, *[(channels,)] * (4 + bias), kernel, (channels,)]
    parameters = [(f"p{number}", shape) for number, shape in enumerate(shapes)]
    count = len(shapes)
    operations = [
        ("normalized_weights", (), (), tuple(range(count)), {"bias": bias, **attributes}),
        ("dense", (0,), (1,), (count - 2, count - 1), {}),
    ]
    return _core.Program([("x", "float32", None, (kernel[0],))], parameters, operations, (1,)), shapes


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (300, 33)])
@pytest.mark.parametrize("bias", [False, True])
def test_against_float64(rung, threads, size, bias):
    rng = np.random.default_rng(7)
    made, shapes = program(size, size[1], bias, epsilon=0.01)
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    arrays[-3] = np.abs(arrays[-3])
    for number, array in enumerate(arrays):
        made.bind(number, array, False, [], np.zeros(1, np.int64))
    x = rng.normal(size=(4, size[0])).astype(np.float32)
    (out,) = made.forward([x], training=False, step=0)
    kernel, *others = (array.astype(np.float64) for array in arrays)
    b = others.pop(0) if bias else 0.0
    gamma, beta, mean, variance = others[:4]
    factor = gamma / np.sqrt(variance + 0.01)
    np.testing.assert_allclose(arrays[-2], kernel * factor, rtol=3e-7)
    np.testing.assert_allclose(arrays[-1], (b - mean) * factor + beta, rtol=3e-7, atol=1e-7)
    np.testing.assert_allclose(out, (x @ kernel + b - mean) * factor + beta, rtol=1e-4, atol=1e-4)


def test_misuse():
    for settings, message in [
        ({"epsilon": 0.0}, "epsilon = 0; both must be > 0"),
        ({"inner": 0}, "inner = 0"),
        ({"inner": 2}, "whole rows of inner"),
        ({"scale": False}, "8 parameters; expected 7"),
    ]:
        with pytest.raises(ValueError, match=message):
            program((3, 5), 5, **settings)
    with pytest.raises(ValueError, match=r"shape \(5,\); expected \(4,\)"):
        parameters = [
            ("k", (3, 4)),
            ("g", (5,)),
            *[(f"p{n}", (4,)) for n in range(3)],
            ("n", (3, 4)),
            ("m", (4,)),
        ]
        _core.Program([], parameters, [("normalized_weights", (), (), tuple(range(7)), {})], ())
    made, shapes = program((3, 5), 5)
    new = np.zeros(shapes[-2], np.float32)
    with pytest.raises(ValueError, match="cannot be trainable"):
        made.bind(len(shapes) - 2, new, True, [], np.zeros(1, np.int64))
    new.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        made.bind(len(shapes) - 2, new, False, [], np.zeros(1, np.int64))
