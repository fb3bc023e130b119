"""Convolutions of images as layers: values of Keras and PyTorch (tests/golden), 50 steps beside PyTorch,
their place in models and files, misuse."""

from pathlib import Path

import numpy as np
import pytest
from golden import image_convolution_cases as cases
from layer_program import Alone, close

import embedcnn
from embedcnn import layers as L

GOLDEN = Path(__file__).parents[1] / "golden"

KERAS = np.load(GOLDEN / "keras_image_convolutions.npz")
TORCH = np.load(GOLDEN / "torch_image_convolutions.npz")
CHECKED = [("keras", name) for name in cases.CASES]
CHECKED += [("torch", name) for name in dict.fromkeys(key.split("/")[0] for key in TORCH if "/" in key)]


@pytest.mark.parametrize(("peer", "name"), CHECKED)
def test_values_of_peers(peer, name):
    kind, arguments, shape = cases.CASES[name]
    layer, known = getattr(L, kind)(**arguments), KERAS if peer == "keras" else TORCH
    layer(embedcnn.Input(shape))
    weights = cases.weights_of(name, [one.shape for one in layer.weights])
    alone = Alone(layer, [cases.input_of(name)], weights)
    close(alone.out, known[f"{name}/out"], "out")
    alone.backward(cases.d_out_of(name, alone.out.shape))
    close(alone.core.input_gradient(0), known[f"{name}/d_x"], "d_x")
    for variable, key in zip(layer.weights, ("d_kernel", "d_bias"), strict=False):
        close(alone.gradient(variable), known[f"{name}/{key}"], variable.name)


@pytest.mark.parametrize("name", cases.CASES)
def test_saved_and_on_arrays(name, tmp_path):
    kind, arguments, shape = cases.CASES[name]
    model = embedcnn.Sequential([embedcnn.Input(shape), getattr(L, kind)(**arguments)])
    x = cases.input_of(name)
    assert model.output_shape == (None, *KERAS[f"{name}/out"].shape[1:])
    model.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert again.layers[0].get_config() == model.layers[0].get_config()
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_array_equal(model.layers[0](x), model.predict(x, verbose=0))


def test_fifty_losses_are_those_of_pytorch():
    net = [
        L.Conv2D(8, 3, padding="same", activation="relu"),
        L.Conv2D(12, 3, strides=2, padding="same", activation="relu"),
        *(L.Flatten(), L.Dense(cases.CLASSES)),
    ]
    model = embedcnn.Sequential([embedcnn.Input((cases.SIDE, cases.SIDE, 3)), *net])
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(embedcnn.optimizers.SGD(cases.RATE, momentum=0.9), loss)
    model.set_weights(cases.net_weights())
    seen = []
    for step in range(cases.STEPS):
        x, y = cases.net_batch(step)
        seen.append(model.train_on_batch(x, y))
    np.testing.assert_allclose(seen, TORCH["losses"], rtol=1e-4)
    assert seen[-1] < 0.9 * seen[0]


def test_activations_are_part_of_the_convolution_unless_others_read_before_them():
    x = embedcnn.Input((6, 6, 2))
    h = L.Conv2D(4, 3, activation="relu")(x)
    before = L.Conv2D(4, 3)(h)
    out = L.Add()([L.ReLU()(before), before])
    model = embedcnn.Model(x, L.Conv2D(3, 1, activation="gelu")(out))
    lowered = model.lowered(training=True).operations
    assert [(op.name, op.attributes.get("activation")) for op in lowered if "conv" in op.name] == [
        ("conv2d", "relu"),
        *[("conv2d", None)] * 2,
    ]
    array = np.random.default_rng(0).normal(size=(2, 6, 6, 2)).astype(np.float32)
    fused = model.predict(array, verbose=0)
    model._run_plain()
    np.testing.assert_allclose(model.predict(array, verbose=0), fused, atol=1e-6)


def test_of_two_activations_one_is_part_of_the_convolution():
    x = embedcnn.Input((5, 5, 2))
    for layer in (L.Conv2D(3, 3, activation="relu"), L.DepthwiseConv2D(3, activation="relu")):
        model = embedcnn.Model(x, L.Activation("tanh")(layer(x)))
        array = np.random.default_rng(0).normal(size=(2, 5, 5, 2)).astype(np.float32)
        np.testing.assert_allclose(model.predict(array, verbose=0), np.tanh(layer(array)), atol=1e-6)


def test_functions_of_ones_own_and_prelu_on_images():
    def leaky(x):
        return np.where(x > 0, x, 0.25 * x), lambda d_y: d_y * np.where(x > 0, 1, 0.25)

    def model_of(activation, behind=()):
        layers = [L.Conv2D(3, 2, activation=activation, name="c"), *behind, L.Flatten(), L.Dense(2, name="d")]
        model = embedcnn.Sequential([embedcnn.Input((5, 6, 2)), *layers])
        model.compile("sgd", "mse")
        return model

    x = np.random.default_rng(3).normal(size=(4, 5, 6, 2)).astype(np.float32)
    slope = embedcnn.initializers.Constant(0.25)
    behind = [L.LeakyReLU(0.25), L.PReLU(slope), L.PReLU(slope, shared_axes=[1, 2])]
    assert [layer(x).shape for layer in behind[1:]] == [x.shape] * 2
    behind[1:] = [L.PReLU(slope), L.PReLU(slope, shared_axes=[1, 2])]
    models = [model_of(None, [layer]) for layer in behind]
    for layer in behind[1:]:
        layer.trainable = False
    models.append(model_of(leaky))
    start = models[0].get_weights()
    for model in models:
        model.layers[0].set_weights(start[:2])
        model.layers[-1].set_weights(start[2:])
        model.train_on_batch(x, x[:, 0, 0])
    assert [layer.alpha.shape for layer in behind[1:]] == [(4, 5, 3), (1, 1, 3)]
    for model in models[1:]:
        np.testing.assert_allclose(model.predict(x, verbose=0), models[0].predict(x, verbose=0), atol=1e-5)
    behind[2].trainable = True
    before = behind[2].alpha.numpy().copy()
    models[2].compile("sgd", "mse")
    models[2].train_on_batch(x, x[:, 0, 0])
    assert (behind[2].alpha.numpy() != before).all()


def test_an_autoencoder_learns():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 1, 1, 3)) * rng.normal(size=(16, 8, 8, 1)).round()
    model = embedcnn.Sequential([embedcnn.Input((8, 8, 3)), L.Conv2D(16, 3, 2, "same", activation="relu")])
    model.add(L.Conv2DTranspose(3, 3, 2, "same"))
    model.compile(embedcnn.optimizers.Adam(0.01), "mse")
    losses = model.fit(x, x, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2


def test_of_each_frame_of_a_film():
    film = np.random.default_rng(2).normal(size=(2, 3, 5, 6, 2)).astype(np.float32)
    inner = L.Conv2D(4, 3, activation="relu")
    x = embedcnn.Input((3, 5, 6, 2))
    model = embedcnn.Model(x, L.TimeDistributed(inner)(x))
    made = model.predict(film, verbose=0)
    assert made.shape == (2, 3, 3, 4, 4)
    np.testing.assert_array_equal(made[1, 2], inner(film[1, 2:])[0])


@pytest.mark.parametrize(("make", "message"), [
    (lambda: L.Conv2D(0, 3), "`filters` must be a positive integer"),
    (lambda: L.Conv2D(4, (3, 3, 3)), "`kernel_size` must be one integer or two"),
    (lambda: L.Conv2D(4, 3, padding="causal"), "padding='causal' is unknown"),
    (lambda: L.Conv2D(4, 3, strides=2, dilation_rate=2), "exclude each other"),
    (lambda: L.Conv2D(4, 3, groups=3), "`filters` must be a multiple of `groups`"),
    (lambda: L.Conv2D(4, 3, data_format="channels_first"), "must be 'channels_last'"),
    (lambda: L.Conv2D(4, 3, activation="rellu"), "did you mean 'relu'"),
    (lambda: L.Conv2D(4, 3)(embedcnn.Input((8, 8))), "expects an input of 4 axes"),
    (lambda: L.Conv2D(4, 3)(embedcnn.Input((8, 8, None))), "must know the channels of its input"),
    (lambda: L.Conv2D(4, 5)(embedcnn.Input((8, 4, 3))), "windows that reach over 5 pixels"),
    (lambda: L.Conv2D(4, 3, groups=2)(embedcnn.Input((8, 8, 3))), "must be a multiple of `groups`=2"),
    (lambda: L.Conv2DTranspose(4, 3, output_padding=1), "`output_padding` must be from 0 to strides - 1"),
    (lambda: L.Conv2DTranspose(4, 3, 2, output_padding="1"), "`output_padding` must be an integer"),
])  # fmt: skip
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_layer_is_for_the_channels_it_was_built_for():
    layer = L.Conv2D(4, 3)
    layer(embedcnn.Input((8, 8, 3)))
    assert layer(embedcnn.Input((5, 9, 3))).shape == (None, 3, 7, 4)  # of any size
    with pytest.raises(ValueError, match="was built for 3 channels"):
        layer(embedcnn.Input((8, 8, 1)))
    with pytest.raises(ValueError, match=r"expected shape \(batch, 8, 8, 3\)"):
        embedcnn.Sequential([embedcnn.Input((8, 8, 3)), L.Conv2D(2, 3)]).predict(np.zeros((2, 8, 9, 3)))
