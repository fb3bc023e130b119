"""Convolutions of images whose values Keras and PyTorch computed once (make_keras_image_convolutions.py,
make_torch_image_convolutions.py); numbers are drawn anew from seeds."""

import numpy as np

IMAGE = (6, 5, 3)

#: name -> (class, arguments, shape of an image)
CASES = {
    "conv": ("Conv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, IMAGE),
    "conv same": ("Conv2D", {"filters": 2, "kernel_size": [2, 3], "padding": "same"}, IMAGE),
    "conv strides": ("Conv2D", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    "conv uneven": ("Conv2D", {"filters": 3, "kernel_size": [3, 1], "strides": [2, 3]}, IMAGE),
    "conv dilation": ("Conv2D", {"filters": 3, "kernel_size": 2, "dilation_rate": [3, 2]}, IMAGE),
    "conv dilation same": (
        "Conv2D",
        {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same", "use_bias": False},
        IMAGE,
    ),
    "conv groups": (
        "Conv2D",
        {"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same", "activation": "tanh"},
        (4, 5, 4),
    ),
    "conv single pixels": ("Conv2D", {"filters": 5, "kernel_size": 1, "activation": "gelu"}, IMAGE),
    "transposed": ("Conv2DTranspose", {"filters": 2, "kernel_size": 3}, IMAGE),
    "transposed strides": ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "strides": 2}, (3, 4, 3)),
    "transposed same": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": [3, 4], "strides": 2, "padding": "same", "activation": "relu"},
        (3, 4, 3),
    ),
    "transposed wide strides": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 2, "strides": [3, 2], "padding": "same"},
        (3, 4, 3),
    ),
    "transposed output padding": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "output_padding": 1},
        (3, 4, 3),
    ),
    "transposed output padding valid": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": [4, 3], "strides": [3, 2], "output_padding": [2, 0]},
        (3, 2, 3),
    ),
    "transposed dilation": (
        "Conv2DTranspose",
        {"filters": 2, "kernel_size": 3, "dilation_rate": [1, 2]},
        (3, 4, 3),
    ),
}


def _random(name, more=0):
    return np.random.RandomState(more + sum(ord(letter) * (n + 1) for n, letter in enumerate(name)))


def input_of(name):
    """Two images, float32."""
    return _random(name).uniform(-2, 2, (2, *CASES[name][2])).astype("float32")


def weights_of(name, shapes):
    random = _random(name, 1)
    return [random.uniform(-0.9, 0.9, shape).astype("float32") for shape in shapes]


def d_out_of(name, shape):
    """What the output's gradient is."""
    return _random(name, 2).uniform(-1, 1, shape).astype("float32")


#: The net of make_torch_image_convolutions.py: 50 steps of SGD with momentum on the same batches.
STEPS, BATCH, SIDE, CLASSES, RATE = 50, 8, 10, 4, 0.01


def net_weights():
    """Of Conv2D(8, 3, same), Conv2D(12, 3, strides 2, same), Dense(4), in the layout of Keras."""
    random = np.random.RandomState(7)
    shapes = [(3, 3, 3, 8), (8,), (3, 3, 8, 12), (12,), (SIDE // 2 * (SIDE // 2) * 12, CLASSES), (CLASSES,)]
    scale = [0.2, 0.1, 0.12, 0.1, 0.06, 0.1]
    return [random.normal(0, s, shape).astype("float32") for s, shape in zip(scale, shapes, strict=True)]


def net_batch(step):
    """Images and labels of a step: the label is where the image is brightest."""
    random = np.random.RandomState(100 + step)
    x, y = random.uniform(0, 1, (BATCH, SIDE, SIDE, 3)).astype("float32"), random.randint(0, CLASSES, BATCH)
    half = SIDE // 2
    for image, label in zip(x, y, strict=True):
        image[label // 2 * half : label // 2 * half + half, label % 2 * half : label % 2 * half + half] += 0.2
    return x, y.astype("int32")
