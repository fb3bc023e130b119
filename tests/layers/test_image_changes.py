"""Layers that move or change pixels: Keras's values, gradients, chance, inference, files, misuse."""

from pathlib import Path

import numpy as np
import pytest
from golden.image_change_cases import CONTRASTS, FILLS, IMAGES, MAPS, MOVED, RESIZED, cases, d_out_of

import embedcnn
from embedcnn import _core, layers, ops

GOLDEN = Path(__file__).parents[1] / "golden"

CASES, KERAS = cases(), np.load(GOLDEN / "keras_image_changes.npz")
TORCH = np.load(GOLDEN / "torch_image_changes.npz")


@pytest.mark.parametrize("name", CASES)
def test_values_of_keras(name):
    layer, arguments, settings, images = CASES[name]
    made = getattr(layers, layer)(*arguments, **settings)
    options = {"training": True} if layer.startswith("Random") else {}
    out, wanted = made(IMAGES[images], **options), KERAS[name]
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("name", MAPS)
def test_affine_transform_of_keras(name, fill_mode):
    out = ops.image.affine_transform(IMAGES["wide"][0], MAPS[name], fill_mode=fill_mode, fill_value=5.0)
    np.testing.assert_allclose(out, KERAS[f"{name}, {fill_mode}"][0], rtol=1e-4, atol=2e-2)


@pytest.mark.parametrize("factor", CONTRASTS)
def test_contrast_of_keras(factor):
    settings = {"contrast": True, "low": factor, "high": factor, "least": 0.0, "most": 255.0}
    operations = [("random_light", (0,), (1,), (), settings)]
    program = _core.Program([("x", "float32", None, IMAGES["wide"].shape[1:])], [], operations, (1,))
    out = program.forward([IMAGES["wide"]], training=True)[0]
    np.testing.assert_allclose(out, KERAS[f"contrast {factor}"], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", [*RESIZED, *MOVED])
def test_values_and_gradients_of_pytorch(name):
    wanted = TORCH[f"{name}/out"]
    if name in RESIZED:
        images, size, mode, antialias = RESIZED[name]
        change, settings = ops.image.resize, {"size": size, "interpolation": mode, "antialias": antialias}
    else:
        images, numbers = MOVED[name]
        change, settings = ops.image.affine_transform, {"transform": [numbers] * len(IMAGES[images])}
    out, gradients = ops.vjp(change, IMAGES[images], **settings, d_out=d_out_of(name, wanted.shape))
    np.testing.assert_allclose(out, wanted, rtol=1e-4, atol=2e-2)
    np.testing.assert_allclose(gradients["images"], TORCH[f"{name}/gradient"], rtol=1e-4, atol=1e-3)


RANDOM = [
    layers.RandomFlip("horizontal", seed=3),
    layers.RandomCrop(5, 6),
    layers.RandomRotation(0.2, fill_mode="nearest"),
    layers.RandomTranslation(0.3, (-0.1, 0.4), fill_mode="constant", fill_value=1.0),
    layers.RandomZoom((-0.3, 0.2), 0.1, interpolation="nearest"),
    layers.RandomContrast((0.2, 0.4), value_range=(0, 1)),
    layers.RandomBrightness((-0.1, 0.3), value_range=[0, 1]),
]
PLAIN = [
    layers.ZeroPadding2D((1, 2)),
    layers.Cropping2D(((1, 0), 2)),
    layers.UpSampling2D(2, interpolation="bilinear"),
    layers.Resizing(5, 4, "bicubic", pad_to_aspect_ratio=True, fill_value=0.5, antialias=True),
    layers.CenterCrop(4, 4),
    layers.SpatialDropout2D(0.4, seed=1),
]
X = np.random.default_rng(0).uniform(0, 1, (6, 8, 9, 3)).astype(np.float32)


def named(layer):
    return type(layer).__name__


@pytest.mark.parametrize("layer", RANDOM + PLAIN, ids=named)
def test_models_and_files(layer, tmp_path):
    """In inference as on arrays; the same again from a file; in training the layer's own draws."""
    inputs = embedcnn.Input((8, 9, 3))
    model = embedcnn.Model(inputs, layers.GlobalMaxPooling2D()(layer(inputs)))
    assert model.layers[1].get_config() == type(layer).from_config(layer.get_config()).get_config()
    out = model.predict(X, verbose=0)
    np.testing.assert_array_equal(out, layer(X, training=False).max((1, 2)))
    model.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    np.testing.assert_array_equal(again.predict(X, verbose=0), out)
    assert again.layers[1].get_config() == layer.get_config()


@pytest.mark.parametrize("layer", RANDOM, ids=named)
def test_inference_training_and_one_image(layer):
    if named(layer) == "RandomCrop":
        resized = layers.Resizing(5, 6, crop_to_aspect_ratio=True)(X)
        np.testing.assert_array_equal(layer(X, training=False), resized)
    else:
        np.testing.assert_array_equal(layer(X, training=False), X)
    made = [layer(X, training=True), layer(X), layer(X)]
    assert any((one != made[0]).any() for one in made[1:]) and made[0].dtype == np.float32
    np.testing.assert_array_equal(layer(X[0], training=False), layer(X, training=False)[0])
    photograph = (X[0] * 255).astype(np.uint8)
    one = layer(photograph, training=True)
    assert one.shape == layer.compute_output_shape((None, *photograph.shape))[1:] and one.dtype == np.float32


def test_random_crop_takes_windows_of_the_images():
    numbers = np.arange(2 * 7 * 6 * 1, dtype=np.float32).reshape(2, 7, 6, 1)
    corners = set()
    layer = layers.RandomCrop(3, 6)
    for _ in range(40):
        made = layer(numbers, training=True)
        top = (int(made[0, 0, 0, 0]) // 6, (int(made[1, 0, 0, 0]) - 42) // 6)
        for image in range(2):
            np.testing.assert_array_equal(made[image], numbers[image, top[image] : top[image] + 3])
        corners.add(top)
    assert {one for one, _ in corners} == set(range(5)) and any(one != other for one, other in corners)
    small = layers.RandomCrop(9, 9)(numbers, training=True)
    np.testing.assert_array_equal(small, layers.CenterCrop(9, 9)(numbers))


def test_training_repeats_and_learns_through_them():
    """Upstream weights get gradients through what moves pixels; the same seed gives the same steps."""
    labels = np.arange(6) % 2

    def trained(threads):
        embedcnn.utils.set_random_seed(4)
        model = embedcnn.Sequential(
            [embedcnn.Input((8, 9, 3)), layers.Rescaling(1 / 255), layers.Conv2D(2, 3)]
        )
        changes = [layers.RandomFlip(), layers.RandomRotation(0.1), layers.RandomZoom(0.2)]
        changes += [layers.RandomTranslation(0.1, 0.1), layers.RandomContrast(0.2, value_range=(-9, 9))]
        changes += [layers.RandomBrightness(0.1, value_range=(-9, 9)), layers.RandomCrop(5, 5)]
        changes += [
            layers.ZeroPadding2D(),
            layers.UpSampling2D(),
            layers.Resizing(6, 7),
            layers.Cropping2D(1),
        ]
        for layer in [*changes, layers.SpatialDropout2D(0.2), layers.Flatten(), layers.Dense(2)]:
            model.add(layer)
        model.compile("sgd", embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True))
        before = model.get_weights()[0].copy()
        _core.set_num_threads(threads)
        history = model.fit((X * 255).astype(np.uint8), labels, epochs=2, batch_size=4, verbose=0)
        _core.set_num_threads(0)
        assert (model.get_weights()[0] != before).any()
        return history.history["loss"], model.get_weights()

    (losses, weights), (again, others) = trained(1), trained(3)
    assert losses == again and np.isfinite(losses).all()
    for one, other in zip(weights, others, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("layer", RANDOM, ids=named)
def test_data_sets_repeat_with_any_number_of_threads(layer):
    """Each pass draws anew; which thread works on an element, and what shape others have, does not matter."""
    photographs = [np.round(X[0, : 6 + number % 3] * 255).astype(np.uint8) for number in range(12)]

    def passes(calls):
        embedcnn.utils.set_random_seed(1)
        changed = type(layer).from_config(layer.get_config())
        numbers = embedcnn.data.Dataset.range(len(photographs))
        made = numbers.map(lambda n: (changed(photographs[n]), changed(photographs[n])), calls)
        return [[np.stack(pair) for pair in made] for _ in range(2)]

    first, second = passes(None)
    assert any((one != other).any() for one, other in zip(first, second, strict=True))
    assert any((one != other).any() for one, other in first)
    for calls in (1, 4):
        for one, other in zip([first, second], passes(calls), strict=True):
            for left, right in zip(one, other, strict=True):
                np.testing.assert_array_equal(left, right)


def test_sequential_of_changes_in_a_data_set():
    """As in Keras's guides: a model of such layers on images, or batches of them, in parallel."""

    def passes(calls, batch):
        embedcnn.utils.set_random_seed(2)
        changes = embedcnn.Sequential(
            [layers.RandomFlip(), layers.RandomRotation(0.1), layers.Rescaling(2.0)]
        )
        data = embedcnn.data.Dataset.from_tensor_slices((X, np.arange(6)))
        data = data.batch(2) if batch else data
        return [made for made, _ in data.map(lambda x, y: (changes(x, training=True), y), calls)]

    for batch in (False, True):
        first = passes(None, batch)
        assert first[0].shape == ((2, 8, 9, 3) if batch else (8, 9, 3)) and (first[0] != 2 * X[0]).any()
        for one, other in zip(first, passes(3, batch), strict=True):
            np.testing.assert_array_equal(one, other)
    changes = embedcnn.Sequential([layers.Rescaling(2.0), layers.RandomFlip()])
    np.testing.assert_array_equal(changes(X[0]), 2 * X[0])


def test_normalization_adapts_to_images():
    images = (X * 255).astype(np.uint8)
    layer, batches = layers.Normalization(), layers.Normalization()
    layer.adapt(images)
    batches.adapt(embedcnn.data.Dataset.from_tensor_slices(images).batch(4))
    for one, other in zip(layer.weights[:2], batches.weights[:2], strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-6)
    np.testing.assert_allclose(layer(images).mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(layer(images).std((0, 1, 2)), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ZeroPadding2D((1, 2, 3)), r"`padding` must be a number.*padding=\(1, 2, 3\)"),
        (lambda: layers.ZeroPadding2D(-1), "`padding` must be an integer >= 0. Received: padding=-1"),
        (lambda: layers.ZeroPadding2D(1, data_format="channels_first"), "must be 'channels_last'"),
        (lambda: layers.Cropping2D(((1, 2, 3), 1)), "two numbers for each axis"),
        (lambda: layers.Cropping2D((4, 0))(X), r"leaves nothing of the images.*cropping=\(\(4, 4\)"),
        (lambda: layers.UpSampling2D((2, 2, 2)), "`size` must be one integer or two"),
        (lambda: layers.UpSampling2D(interpolation="area"), "interpolation='area'"),
        (lambda: layers.CenterCrop(0, 3), "`height` must be"),
        (lambda: layers.Resizing(3, 3, "cubic"), "interpolation='cubic'"),
        (lambda: layers.Resizing(3, 3, fill_mode="reflect"), "fill_mode='reflect'"),
        (lambda: layers.Resizing(3, 3, "nearest", True, True), "exclude each other"),
        (lambda: layers.Resizing(3, 3)(embedcnn.Input((8, 3))), "expects an input of 4 axes"),
        (lambda: layers.Resizing(3, 3)(np.zeros((8, 3))), r"shape=\(8, 3\)"),
        (lambda: layers.RandomFlip("both"), "mode='both'"),
        (lambda: layers.RandomFlip()(np.zeros((2, 8, 3, 3, 3)), training=True), "expects an input of 4 axes"),
        (lambda: layers.RandomCrop(3, 3)(embedcnn.Input((8, 8, None))), "must know the channels"),
        (lambda: layers.RandomRotation(1.5), r"`factor` must be .*in \[-1, 1\].*factor=1.5"),
        (lambda: layers.RandomRotation((0.1,)), r"`factor` must be a number or \(least, most\)"),
        (lambda: layers.RandomRotation(0.1, fill_mode="mirror"), "fill_mode='mirror'"),
        (lambda: layers.RandomZoom((-1.0, 0.0)), r"`height_factor` must be .*in \(-1, 1\]"),
        (lambda: layers.RandomTranslation(0.1, "0.1"), "`width_factor` must be"),
        (lambda: layers.RandomTranslation(0.1, 0.1, interpolation="bicubic"), "interpolation='bicubic'"),
        (lambda: layers.RandomContrast(-0.1), r"`factor` must be .*in \[0, 1\].*factor=-0.1"),
        (lambda: layers.RandomContrast(0.1, value_range=1), r"`value_range` must be \(least, most\)"),
        (lambda: layers.RandomBrightness(0.1, value_range=(0, np.inf)), "`value_range` must be a finite"),
        (lambda: layers.RandomBrightness(0.1, seed=1.5), "`seed` must be"),
        (lambda: layers.SpatialDropout2D(1.0), "`rate` must be"),
        (lambda: layers.SpatialDropout2D(0.5)(embedcnn.Input((8, 3))), "expects an input of 4 axes"),
        (lambda: layers.RandomZoom(0.1, zoom=2), "Unrecognized keyword arguments"),
    ],
)
def test_misuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
