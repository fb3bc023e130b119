"""Layers, settings and inputs whose values Keras computed once; numbers are drawn anew from seeds."""

import numpy as np

SEQUENCE, FLAT, DEEP = (6, 4), (5,), (4, 3, 2)
MASK = [[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], [1, 1, 0, 1, 0, 0]]

TRANSPOSED = ("kernel_size", "strides", "padding", "output_padding", "dilation_rate")
ACTIVATIONS = [
    "relu",
    "relu6",
    "leaky_relu",
    "elu",
    "celu",
    "selu",
    "tanh",
    "sigmoid",
    "hard_sigmoid",
    "softplus",
    "softsign",
    "exponential",
    "silu",
    "gelu",
    "log_sigmoid",
    "mish",
    "hard_silu",
    "hard_tanh",
    "tanh_shrink",
    "soft_shrink",
    "hard_shrink",
    "squareplus",
    "sparse_plus",
    "sparse_sigmoid",
    "softmax",
    "log_softmax",
]

#: name -> (class, arguments, shapes of the inputs, whether a mask is given)
CASES = {
    **{f"activation {name}": ("Activation", {"activation": name}, [FLAT], False) for name in ACTIVATIONS},
    "relu settings": ("ReLU", {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.3}, [FLAT], False),
    "relu slope": ("ReLU", {"negative_slope": 0.25}, [SEQUENCE], False),
    "leaky relu": ("LeakyReLU", {"negative_slope": 0.15}, [FLAT], False),
    "elu": ("ELU", {"alpha": 0.7}, [FLAT], False),
    "prelu flat": ("PReLU", {}, [FLAT], False),
    "prelu shared": ("PReLU", {"shared_axes": [1]}, [SEQUENCE], False),
    "prelu steps": ("PReLU", {}, [SEQUENCE], False),
    "dense": ("Dense", {"units": 3, "activation": "tanh"}, [FLAT], False),
    "dense sequence": ("Dense", {"units": 3, "use_bias": False}, [SEQUENCE], False),
    "conv1d": ("Conv1D", {"filters": 3, "kernel_size": 2, "activation": "relu"}, [SEQUENCE], False),
    "conv1d same stride": (
        "Conv1D",
        {"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"},
        [SEQUENCE],
        False,
    ),
    "conv1d causal dilation": (
        "Conv1D",
        {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "padding": "causal"},
        [SEQUENCE],
        False,
    ),
    "conv1d groups": (
        "Conv1D",
        {"filters": 6, "kernel_size": 3, "groups": 2, "padding": "same"},
        [SEQUENCE],
        False,
    ),
    "depthwise": ("DepthwiseConv1D", {"kernel_size": 3}, [SEQUENCE], False),
    "depthwise multiplier": (
        "DepthwiseConv1D",
        {"kernel_size": 2, "depth_multiplier": 3, "padding": "same", "activation": "tanh"},
        [SEQUENCE],
        False,
    ),
    "depthwise stride": (
        "DepthwiseConv1D",
        {"kernel_size": 3, "strides": 2, "padding": "valid", "use_bias": False},
        [SEQUENCE],
        False,
    ),
    "separable": ("SeparableConv1D", {"filters": 3, "kernel_size": 3}, [SEQUENCE], False),
    "separable multiplier": (
        "SeparableConv1D",
        {"filters": 2, "kernel_size": 2, "depth_multiplier": 2, "padding": "same", "activation": "gelu"},
        [SEQUENCE],
        False,
    ),
    "max pool": ("MaxPooling1D", {"pool_size": 2}, [SEQUENCE], False),
    "average pool": (
        "AveragePooling1D",
        {"pool_size": 3, "strides": 2, "padding": "same"},
        [SEQUENCE],
        False,
    ),
    "global max pool": ("GlobalMaxPooling1D", {}, [SEQUENCE], False),
    "global average pool": ("GlobalAveragePooling1D", {}, [SEQUENCE], False),
    "global average pool mask": ("GlobalAveragePooling1D", {}, [SEQUENCE], True),
    "layer normalization": ("LayerNormalization", {"epsilon": 0.01}, [SEQUENCE], False),
    "batch normalization": ("BatchNormalization", {"momentum": 0.7, "epsilon": 0.01}, [SEQUENCE], False),
    "batch normalization flat": ("BatchNormalization", {"scale": False}, [FLAT], False),
    "batch normalization mask": ("BatchNormalization", {"momentum": 0.5}, [SEQUENCE], True),
    "batch normalization inference": ("BatchNormalization", {"trainable": False}, [SEQUENCE], False),
    "unit normalization": ("UnitNormalization", {}, [SEQUENCE], False),
    "flatten": ("Flatten", {}, [SEQUENCE], False),
    "reshape": ("Reshape", {"target_shape": [3, 8]}, [SEQUENCE], False),
    "permute": ("Permute", {"dims": [2, 1]}, [SEQUENCE], False),
    "repeat": ("RepeatVector", {"n": 3}, [FLAT], False),
    "masking": ("Masking", {"mask_value": 0.0}, [SEQUENCE], False),
    "add": ("Add", {}, [FLAT, FLAT, FLAT], False),
    "subtract": ("Subtract", {}, [FLAT, FLAT], False),
    "multiply": ("Multiply", {}, [SEQUENCE, SEQUENCE], False),
    "average": ("Average", {}, [FLAT, FLAT], False),
    "maximum": ("Maximum", {}, [FLAT, FLAT], False),
    "minimum": ("Minimum", {}, [FLAT, FLAT], False),
    "concatenate": ("Concatenate", {}, [FLAT, FLAT], False),
    "dot": ("Dot", {"axes": 1}, [FLAT, FLAT], False),
    "dot cosine": ("Dot", {"axes": -1, "normalize": True}, [FLAT, FLAT], False),
    "dot channels": ("Dot", {"axes": 2}, [SEQUENCE, (3, 4)], False),
    "dot time": ("Dot", {"axes": 1}, [SEQUENCE, SEQUENCE], False),
    "dot time cosine": ("Dot", {"axes": 1, "normalize": True}, [SEQUENCE, SEQUENCE], False),
    "softmax steps": ("Softmax", {"axis": 1}, [SEQUENCE], False),
    "softmax both": ("Softmax", {"axis": [1, 2]}, [SEQUENCE], False),
    "softmax inner": ("Softmax", {"axis": -2}, [DEEP], False),
    "layer normalization steps": ("LayerNormalization", {"axis": 1}, [SEQUENCE], False),
    "layer normalization both": ("LayerNormalization", {"axis": [2, 1], "epsilon": 0.01}, [SEQUENCE], False),
    "layer normalization outer": ("LayerNormalization", {"axis": [1, 3]}, [DEEP], False),
    "layer normalization inner": ("LayerNormalization", {"axis": 2, "center": False}, [DEEP], False),
    "batch normalization steps": ("BatchNormalization", {"axis": 1, "momentum": 0.7}, [SEQUENCE], False),
    "batch normalization inner": ("BatchNormalization", {"axis": -2, "momentum": 0.7}, [DEEP], False),
    "unit normalization steps": ("UnitNormalization", {"axis": 1}, [SEQUENCE], False),
    "unit normalization both": ("UnitNormalization", {"axis": [1, 2]}, [SEQUENCE], False),
    "unit normalization inner": ("UnitNormalization", {"axis": 2}, [DEEP], False),
    "concatenate steps": ("Concatenate", {"axis": 1}, [SEQUENCE, (3, 4)], False),
    "concatenate steps deep": ("Concatenate", {"axis": -3}, [DEEP, (3, 3, 2)], False),
    "concatenate inner": ("Concatenate", {"axis": 2}, [DEEP, (4, 5, 2)], False),
    "einsum dense": (
        "EinsumDense",
        {"equation": "abc,cde->abde", "output_shape": [None, 2, 3], "bias_axes": "de", "activation": "tanh"},
        [SEQUENCE],
        False,
    ),
    "einsum dense dots": (
        "EinsumDense",
        {"equation": "...x,xy->...y", "output_shape": 3, "bias_axes": "y"},
        [SEQUENCE],
        False,
    ),
    "einsum dense inner": (
        "EinsumDense",
        {"equation": "abc,bcd->abd", "output_shape": [6, 5], "bias_axes": "b"},
        [SEQUENCE],
        False,
    ),
    "rms normalization": ("RMSNormalization", {"epsilon": 0.01}, [SEQUENCE], False),
    "rms normalization both": ("RMSNormalization", {"axis": [1, 2], "epsilon": 0.01}, [SEQUENCE], False),
    "group normalization": ("GroupNormalization", {"groups": 2, "epsilon": 0.01}, [SEQUENCE], False),
    "group normalization flat": ("GroupNormalization", {"groups": 1, "center": False}, [FLAT], False),
    "instance normalization": ("GroupNormalization", {"groups": -1, "epsilon": 0.01}, [SEQUENCE], False),
    "rescaling": ("Rescaling", {"scale": 0.3, "offset": [1.0, 2.0, 3.0, 4.0]}, [SEQUENCE], False),
    "normalization given": ("Normalization", {"mean": 0.5, "variance": 4.0}, [SEQUENCE], False),
    "normalization inverted": (
        "Normalization",
        {"mean": 0.5, "variance": 4.0, "invert": True},
        [FLAT],
        False,
    ),
    "upsampling": ("UpSampling1D", {"size": 3}, [SEQUENCE], False),
    "zero padding": ("ZeroPadding1D", {"padding": [1, 2]}, [SEQUENCE], False),
    "cropping": ("Cropping1D", {"cropping": [1, 2]}, [SEQUENCE], False),
    **{
        f"transposed convolution {number}": (
            "Conv1DTranspose",
            {"filters": 3, **dict(zip(TRANSPOSED, settings, strict=False))},
            [SEQUENCE],
            False,
        )
        for number, settings in enumerate(
            [
                *(
                    (3,),
                    (3, 1, "same"),
                    (2, 2),
                    (2, 2, "same"),
                    (4, 2, "same"),
                    (3, 2),
                    (2, 3),
                    (2, 3, "same"),
                ),
                *((5, 2, "same"), (3, 2, "same", 1), (4, 3, "valid", 1), (3, 1, "valid", None, 2)),
                *((3, 1, "same", None, 2), (3, 2, "same", 0)),
            ]
        )
    },
    "dot mixed": ("Dot", {"axes": [2, 1]}, [SEQUENCE, (4,)], False),
}


def seed_of(name):
    return sum(ord(letter) * (place + 1) for place, letter in enumerate(name))


def inputs_of(name):
    """The inputs of a case, float32."""
    random = np.random.RandomState(seed_of(name))
    found = [random.uniform(-2, 2, (3, *shape)).astype("float32") for shape in CASES[name][2]]
    if name == "masking":
        found[0] *= np.array(MASK)[:, :, None]
    return found


def weights_of(name, shapes):
    """Weights of these shapes; variances must be positive, so all are."""
    random = np.random.RandomState(seed_of(name) + 1)
    return [random.uniform(0.2, 0.9, shape).astype("float32") for shape in shapes]


def d_out_of(name, shape):
    """What the output's gradient is."""
    random = np.random.RandomState(seed_of(name) + 2)
    d_out = random.uniform(-1, 1, shape).astype("float32")
    masked = CASES[name][3] or name == "masking"
    return d_out * np.array(MASK, "float32")[:, :, None] if masked and len(shape) == 3 else d_out
