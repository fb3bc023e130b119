"""Models of images as ONNX: convolutions and pooling of all paddings and strides, other sizes."""

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from comparison import Pair  # noqa: E402
from onnx_sessions import check_model, close, program_runtime  # noqa: E402
from program.test_random_image_programs import Builder  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import layers  # noqa: E402

SIZES = [(9, 7, 4), (4, 12, 4)]


def on_images(size, *parts):
    images = embedcnn.Input(size, name="images")
    x = images
    for part in parts:
        x = part(x)
    return embedcnn.Model(images, x)


def batches(size):
    return [np.random.default_rng(0).normal(size=(count, *size)) for count in (3, 1)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "activation": "relu"},
        {"kernel_size": (2, 4), "use_bias": False},
        {"kernel_size": 3, "strides": 2},
        {"kernel_size": (1, 2), "strides": (3, 1)},
        {"kernel_size": 2, "dilation_rate": (2, 3)},
        {"kernel_size": 3, "groups": 2},
    ],
)
def test_conv2d(size, padding, settings, tmp_path):
    model = on_images(size, layers.Conv2D(6, padding=padding, **settings))
    check_model(model, batches(size), tmp_path / "m.onnx")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_depthwise_conv2d(padding, tmp_path):
    for size in SIZES:
        for part in (
            layers.DepthwiseConv2D(3, depth_multiplier=2, padding=padding, activation="relu"),
            layers.DepthwiseConv2D((2, 3), strides=2, padding=padding, use_bias=False),
            layers.SeparableConv2D(5, 2, dilation_rate=2, padding=padding, activation="tanh"),
        ):
            check_model(on_images(size, part), batches(size), tmp_path / "m.onnx")


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_size": 3, "activation": "relu"},
        {"kernel_size": (2, 4), "strides": 2, "use_bias": False},
        {"kernel_size": 2, "strides": (3, 4)},
        {"kernel_size": 3, "dilation_rate": 2},
        {"kernel_size": 4, "strides": 3, "output_padding": (2, 1)},
    ],
)
def test_conv2d_transpose(padding, settings, tmp_path):
    for size in SIZES:
        model = on_images(size, layers.Conv2DTranspose(5, padding=padding, **settings))
        check_model(model, batches(size), tmp_path / "m.onnx")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("windows", [(2, None), ((3, 2), 1), (2, 3), ((1, 4), (2, 3))])
def test_pooling_2d(size, padding, windows, tmp_path):
    for kind in (layers.MaxPooling2D, layers.AveragePooling2D):
        model = on_images(size, kind(windows[0], windows[1], padding=padding))
        check_model(model, batches(size), tmp_path / "m.onnx")


def test_a_small_net(tmp_path):
    size = (12, 10, 3)
    model = on_images(
        size,
        *(layers.Conv2D(8, 3, padding="same", activation="relu"), layers.MaxPooling2D()),
        *(layers.Conv2D(5, 3, activation="gelu"), layers.GlobalAveragePooling2D()),
        layers.Dense(3, activation="softmax"),
    )
    check_model(model, batches(size), tmp_path / "m.onnx")


def residual(x):
    return layers.Add()([x, layers.Conv2D(4, 3, padding="same")(x)])


def gated(x):
    """Channels weighed by what all pixels say, as the blocks of EfficientNet do."""
    gate = layers.Dense(4, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    return layers.Multiply()([x, layers.Reshape((1, 1, 4))(gate)])


def each_row(x):
    return layers.LSTM(3)(layers.Reshape((9, 28))(x))


@pytest.mark.parametrize(
    "part",
    [
        layers.BatchNormalization,
        lambda: layers.BatchNormalization(axis=1),
        lambda: layers.LayerNormalization(axis=[1, 2, 3]),
        lambda: layers.GroupNormalization(2),
        layers.Flatten,
        layers.PReLU,
        lambda: layers.PReLU("ones", shared_axes=[1, 2]),
        lambda: layers.Permute((3, 1, 2)),
        lambda: gated,
        lambda: layers.Softmax(axis=(1, 2)),
        lambda: layers.GlobalMaxPooling2D(keepdims=True),
        lambda: layers.TimeDistributed(layers.Conv1D(3, 2)),
        lambda: lambda x: layers.Concatenate(axis=1)([x, x]),
        lambda: residual,
        lambda: each_row,
    ],
)
def test_other_layers_of_images(part, tmp_path):
    check_model(on_images(SIZES[0], part()), batches(SIZES[0]), tmp_path / "m.onnx")


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("size", [(5, 11), (14, 3)])
def test_resize_images(interpolation, size):
    for antialias in (0, 1):
        if antialias and interpolation == "nearest":
            continue
        settings = {
            "height": size[0],
            "width": size[1],
            "interpolation": interpolation,
            "antialias": antialias,
        }
        operations = [("resize_images", (0,), (1,), (), settings)]
        pair = Pair([("x", "float32", None, (9, 7, 2))], [], operations, (1,), [])
        images = np.random.default_rng(1).normal(size=(3, 9, 7, 2)).astype(np.float32)
        expected, got = program_runtime(pair, [images], shapes={0: (None, 9, 7, 2)})
        close(got[0], expected[0], interpolation)


def test_frames_and_what_is_random_in_training_alone(tmp_path):
    size = (9, 7, 2)
    frames = [layers.ZeroPadding2D(((1, 2), 3)), layers.Cropping2D(((2, 0), 1)), layers.CenterCrop(5, 4)]
    resized = layers.Resizing(6, 6, pad_to_aspect_ratio=True, fill_value=0.5)
    changed = [layers.RandomFlip(), layers.RandomRotation(0.2), layers.RandomContrast(0.5)]
    model = on_images(size, *changed, *frames, resized, layers.RandomCrop(3, 4))
    check_model(model, batches(size), tmp_path / "m.onnx")
    images = embedcnn.Input(size)
    for layer in (layers.RandomCrop(3, 3), layers.RandomZoom(0.1)):
        always = embedcnn.Model(images, layer(images, training=True))
        with pytest.raises(ValueError, match="random numbers in inference too"):
            always.export(tmp_path / "m.onnx", format="onnx")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_conv2d_pool(padding):
    """What a convolution, its activation and a pooling become where they run."""
    random = np.random.default_rng(0)
    values = [random.normal(size=(3, 2, 4, 5)), random.normal(size=5)]
    settings = {"padding": padding, "activation": "relu"}
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("conv2d_pool", (0,), (1,), (0, 1), settings)]
    pair = Pair([("x", "float32", None, SIZES[0])], parameters, operations, (1,), values)
    x = random.normal(size=(3, *SIZES[0])).astype(np.float32)
    expected, got = program_runtime(pair, [x], shapes={0: (None, *SIZES[0])})
    close(got[0], expected[0])


@pytest.mark.parametrize("pools", [0, 1])
def test_separable_conv2d(pools):
    """Another operation that layers become where they run."""
    random = np.random.default_rng(0)
    values = [random.normal(size=shape) for shape in ((3, 2, 4, 1), (4,), (1, 1, 4, 5), (5,))]
    settings = {"padding": "same", "stride_rows": 2, "first_bias": 1, "bias": 1, "pools": pools}
    settings |= {"first_activation": "tanh", "activation": "relu"}
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("separable_conv2d", (0,), (1,), (0, 1, 2, 3), settings)]
    pair = Pair([("x", "float32", None, SIZES[0])], parameters, operations, (1,), values)
    x = random.normal(size=(3, *SIZES[0])).astype(np.float32)
    expected, got = program_runtime(pair, [x], shapes={0: (None, *SIZES[0])})
    close(got[0], expected[0])


def drawn(seed):
    """A program over images, and the sizes of its tensors."""
    build = Builder(seed)
    for _ in range(build.whole(2, 8)):
        build.grow()
    read = {source for _, sources, _, _, _ in build.operations for source in sources}
    outputs = tuple(number for number in range(1, len(build.sizes)) if number not in read)
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(build.values)]
    inputs = [("x", "float32", None, build.sizes[0])]
    return build, Pair(inputs, parameters, build.operations, outputs, build.values, seed=seed)


def strided_and_dilated(settings):
    """Whether no layer has these windows."""
    largest = {
        kind: max(settings.get(f"{kind}_{end}", 1) for end in ("rows", "cols"))
        for kind in ("stride", "dilation")
    }
    return min(largest.values()) > 1


@pytest.mark.parametrize("first", range(0, 60, 15))
def test_random_programs_of_images(first):
    """But for windows that chance places in inference too."""
    compared = 0
    for seed in range(first, first + 15):
        build, pair = drawn(seed)
        if any(operation[0] == "random_window" for operation in build.operations):
            continue
        x = build.rng.normal(size=(3, *build.sizes[0])).astype(np.float32)
        shapes = {number: (None, *size) for number, size in enumerate(build.sizes)}
        no_layer = any(strided_and_dilated(operation[4]) for operation in build.operations)
        found = program_runtime(pair, [x], shapes=shapes, returns=not no_layer)
        for one, other in zip(*found, strict=True):
            close(other, one, f"seed {seed}")
        compared += 1
    assert compared > 8
