"""Layers over windows of images whose values Keras computed once (make_keras_image_windows.py); numbers are
drawn anew from seeds."""

import numpy as np

IMAGE = (5, 6, 3)

#: name -> (class, arguments, shape of an image)
CASES = {
    "max": ("MaxPooling2D", {}, IMAGE),
    "max same": ("MaxPooling2D", {"pool_size": [3, 2], "strides": [2, 3], "padding": "same"}, IMAGE),
    "max overlapping": ("MaxPooling2D", {"pool_size": 3, "strides": 1}, IMAGE),
    "average": ("AveragePooling2D", {"pool_size": [2, 3]}, IMAGE),
    "average same": ("AveragePooling2D", {"pool_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    "global max": ("GlobalMaxPooling2D", {}, IMAGE),
    "global average": ("GlobalAveragePooling2D", {"keepdims": True}, IMAGE),
    "depthwise": ("DepthwiseConv2D", {"kernel_size": 3, "activation": "relu"}, IMAGE),
    "depthwise multiplier": (
        "DepthwiseConv2D",
        {"kernel_size": [2, 3], "depth_multiplier": 2, "padding": "same", "activation": "tanh"},
        IMAGE,
    ),
    "depthwise strides": ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "use_bias": False}, IMAGE),
    "depthwise strides same": ("DepthwiseConv2D", {"kernel_size": 3, "strides": 2, "padding": "same"}, IMAGE),
    "depthwise dilation": (
        "DepthwiseConv2D",
        {"kernel_size": 2, "dilation_rate": 2, "padding": "same"},
        IMAGE,
    ),
    "separable": ("SeparableConv2D", {"filters": 4, "kernel_size": 3, "activation": "relu"}, IMAGE),
    "separable multiplier": (
        "SeparableConv2D",
        {"filters": 2, "kernel_size": 3, "depth_multiplier": 2, "strides": 2, "padding": "same"},
        IMAGE,
    ),
    "flatten": ("Flatten", {}, (2, 3, 2)),
    "batch normalization": ("BatchNormalization", {"momentum": 0.7}, IMAGE),
    "batch normalization rows": ("BatchNormalization", {"axis": 1, "momentum": 0.7}, (3, 4, 2)),
    "permute": ("Permute", {"dims": [2, 3, 1]}, IMAGE),
}


def _random(name, more=0):
    return np.random.RandomState(more + sum(ord(letter) * (n + 1) for n, letter in enumerate(name)))


def input_of(name):
    """Two images, float32."""
    return _random(name).uniform(-2, 2, (2, *CASES[name][2])).astype("float32")


def weights_of(name, shapes):
    """Weights of these shapes; variances must be positive, so all are."""
    random = _random(name, 1)
    return [random.uniform(0.2, 0.9, shape).astype("float32") for shape in shapes]


def d_out_of(name, shape):
    """What the output's gradient is."""
    return _random(name, 2).uniform(-1, 1, shape).astype("float32")
