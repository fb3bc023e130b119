"""Layers over windows of images: Keras's values (tests/golden), their place in models, misuse."""

from pathlib import Path

import numpy as np
import pytest
from golden.image_window_cases import CASES, d_out_of, input_of, weights_of
from layer_program import Alone, close

import embedcnn
from embedcnn import layers as L

GOLDEN = Path(__file__).parents[1] / "golden"

KERAS = np.load(GOLDEN / "keras_image_windows.npz")


@pytest.mark.parametrize("name", CASES)
def test_keras(name):
    kind, arguments, shape = CASES[name]
    layer = getattr(L, kind)(**arguments)
    layer(embedcnn.Input(shape))
    alone = Alone(layer, [input_of(name)], weights_of(name, [one.shape for one in layer.weights]))
    close(alone.out, KERAS[f"{name}/out"], "out")
    alone.backward(d_out_of(name, alone.out.shape))
    close(alone.core.input_gradient(0), KERAS[f"{name}/d_x"], "d_x")
    for number, variable in enumerate(layer.trainable_weights):
        close(alone.gradient(variable), KERAS[f"{name}/d_w{number}"], variable.name)
    for variable in layer.non_trainable_weights:
        close(variable.value, KERAS[f"{name}/{variable.name}"], variable.name)


@pytest.mark.parametrize("name", CASES)
def test_saved_and_on_arrays(name, tmp_path):
    kind, arguments, shape = CASES[name]
    model = embedcnn.Sequential([embedcnn.Input(shape), getattr(L, kind)(**arguments)])
    x = input_of(name)
    model.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert again.layers[0].get_config() == model.layers[0].get_config()
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_array_equal(model.layers[0](x), model.predict(x, verbose=0))


def test_images_stay_rows_between_layers():
    """What is done value by value, or along axes, takes images as they are: nothing is copied for it."""
    x = embedcnn.Input((8, 6, 4))
    h = L.MaxPooling2D(2)(x)
    h = L.Dropout(0.1)(L.ReLU()(L.BatchNormalization()(h)))
    h = L.Concatenate()([h, L.Add()([h, L.Dense(4)(h)])])
    h = L.Concatenate(axis=1)([h, h * 2 + 1])
    model = embedcnn.Model(x, L.Dense(2)(L.Flatten()(L.AveragePooling2D(3, 1, "same")(h))))
    names = [op.name for op in model.lowered(training=True).operations]
    assert names.count("reshape") == 1 and "concatenate_steps" not in names  # Flatten's
    model.compile("adam", "mse")
    data = np.random.default_rng(0).normal(size=(6, 8, 6, 4)).astype(np.float32)
    losses = model.fit(data, data[:, 0, 0, :2], epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_the_bits_do_not_depend_on_the_threads():
    x = np.random.default_rng(0).normal(size=(9, 33, 30, 3)).astype(np.float32)
    found = []
    try:
        for threads in (1, 2, 3, 8):
            embedcnn.set_num_threads(threads)
            embedcnn.utils.set_random_seed(1)
            h = inputs = embedcnn.Input(x.shape[1:])
            h = L.BatchNormalization()(L.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(h))
            h = L.AveragePooling2D(2, padding="same")(L.SeparableConv2D(8, 3, activation="relu")(h))
            h = L.MaxPooling2D(3, strides=2)(L.DepthwiseConv2D(3, strides=2, padding="same")(h))
            h = L.MaxPooling2D(2)(L.SeparableConv2D(8, 3, padding="same", activation="relu")(h))
            model = embedcnn.Model(inputs, L.Dense(3, activation="softmax")(L.GlobalMaxPooling2D()(h)))
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(x, np.arange(9) % 3, epochs=3, batch_size=5, verbose=0)
            found.append(model.get_weights())
    finally:
        embedcnn.set_num_threads(0)
    for other in found[1:]:
        for one, same in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("kind", ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"])
def test_merged_with_what_all_pixels_share(kind):
    """As though what is of size 1 had been repeated before: values, and what a step of training learns."""
    random = np.random.default_rng(0)
    x, gate = random.normal(size=(3, 4, 5, 2)), random.normal(size=(3, 2))
    images, gates = embedcnn.Input((4, 5, 2)), embedcnn.Input((2,))
    weights = []
    for size in [(1, 1, 2), (4, 5, 2)]:
        learned = L.Dense(2, kernel_initializer="identity")(gates)
        shared = L.UpSampling2D((size[0], size[1]))(L.Reshape((1, 1, 2))(learned))
        mixed = getattr(L, kind)()([shared, L.Dense(2, kernel_initializer="identity")(images)])
        assert mixed.shape == (None, 4, 5, 2)
        model = embedcnn.Model([images, gates], L.Flatten()(mixed))
        if size == (1, 1, 2):
            wanted = {"Add": np.add, "Subtract": np.subtract, "Multiply": np.multiply, "Maximum": np.maximum}
            wanted |= {"Minimum": np.minimum, "Average": lambda a, b: (a + b) / 2}
            made = wanted[kind](gate[:, None, None], x).reshape(3, 40)
            np.testing.assert_allclose(model.predict([x, gate], verbose=0), made, atol=1e-6)
        model.compile(embedcnn.optimizers.SGD(0.5), "mse")
        model.train_on_batch([x, gate], np.ones((3, 40)))
        weights.append(model.get_weights())
    for own, repeated in zip(*weights, strict=True):
        np.testing.assert_allclose(own, repeated, atol=1e-6)


def test_images_of_videos():
    """Poolings of each step of [B, T, H, W, C]."""
    clips = np.random.default_rng(0).normal(size=(2, 3, 4, 6, 2)).astype(np.float32)
    out = L.TimeDistributed(L.MaxPooling2D(2))(clips)
    np.testing.assert_array_equal(out[:, 1], L.MaxPooling2D(2)(clips[:, 1]))


MISUSE = {
    "size": (lambda: L.MaxPooling2D(0), "pool_size=0"),
    "three sizes": (lambda: L.MaxPooling2D((2, 2, 2)), "one integer or two, for height and width"),
    "strides": (lambda: L.AveragePooling2D(2, strides=(1, -1)), "strides=-1"),
    "padding": (lambda: L.MaxPooling2D(2, padding="causal"), "padding='causal'"),
    "format": (lambda: L.MaxPooling2D(data_format="channels_first"), "data_format='channels_first'"),
    "global format": (lambda: L.GlobalMaxPooling2D("channels_first"), "data_format='channels_first'"),
    "keepdims": (lambda: L.GlobalAveragePooling2D(keepdims=2), "keepdims=2"),
    "kernel size": (lambda: L.DepthwiseConv2D((3, 3, 3)), "kernel_size=(3, 3, 3)"),
    "multiplier": (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), "depth_multiplier=0"),
    "strides and dilation": (lambda: L.SeparableConv2D(4, 3, 2, dilation_rate=2), "exclude each other"),
    "filters": (lambda: L.SeparableConv2D(-1, 3), "filters=-1"),
    "causal": (lambda: L.DepthwiseConv2D(3, padding="causal"), "padding='causal'"),
    "channels": (
        lambda: [one := L.DepthwiseConv2D(2), one(embedcnn.Input((4, 4, 2))), one(embedcnn.Input((4, 4, 3)))],
        "was built for 2 channels",
    ),
    "kernel larger": (lambda: L.SeparableConv2D(4, 5)(embedcnn.Input((4, 9, 2))), "reach over 5 pixels"),
    "sequence": (lambda: L.MaxPooling2D()(embedcnn.Input((6, 4))), "(batch, height, width, channels)"),
    "unknown size": (lambda: L.MaxPooling2D()(embedcnn.Input((6, 4, None))), "must know the channels"),
    "small": (lambda: L.MaxPooling2D(4)(embedcnn.Input((3, 6, 4))), "reach over 4 pixels"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_misuse(name):
    wrong, message = MISUSE[name]
    with pytest.raises((ValueError, TypeError)) as error:
        wrong()
    assert message in str(error.value)
