"""How PyTorch lays out the weights of its modules, and what they are in ours: for each kind of layer, arrays
by their PyTorch names to arrays in the order of `layer.weights`, or None where they do not fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import layers
from ..graph.variables import Variable
from ..layers import torch_weights

Arrays = Mapping[str, np.ndarray]
"""Weights of a module by name: weight, bias, weight_ih ..."""
Found = list[np.ndarray] | None

IN_A_ROW = ("0.", "1.")
"""In front of the weights of two modules in a row that are one layer here, a separable convolution."""
SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
CONVOLUTIONS = (
    *(*SEPARABLE, layers.Conv1D, layers.Conv2D, layers.DepthwiseConv1D, layers.DepthwiseConv2D),
    *(layers.Conv1DTranspose, layers.Conv2DTranspose),
)
POOLED = (
    *(layers.MaxPooling1D, layers.AveragePooling1D, layers.MaxPooling2D, layers.AveragePooling2D),
    *(layers.ZeroPadding1D, layers.ZeroPadding2D, layers.Cropping1D, layers.Cropping2D, layers.UpSampling2D),
    *(layers.BatchNormalization, layers.GroupNormalization, layers.LayerNormalization, layers.PReLU),
    *(layers.SpatialDropout1D, layers.SpatialDropout2D),
)
ALIKE = (
    *(layers.Activation, layers.Dropout, layers.ELU, layers.GaussianDropout, layers.GaussianNoise),
    *(layers.Identity, layers.LeakyReLU, layers.ReLU),
)
"""Layers that leave every value in its place."""
CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
"""Of one layer and direction of torch.nn.LSTM, GRU and RNN, in the order of its parameters."""


def converted(layer: Any, arrays: Arrays) -> Found:
    """The arrays of a module for a layer; None where kind, number or shapes differ."""
    layer = _inside(layer)
    for kind, convert in CONVERTERS.items():
        if isinstance(layer, kind):
            found = convert(layer, arrays)
            if found is None or [one.shape for one in found] != [one.shape for one in variables_of(layer)]:
                return None
            return found
    return None


def variables_of(layer: Any) -> list[Variable]:
    """The weights in the order of `converted`."""
    return list(layer._variables)


def _inside(layer: Any) -> Any:
    """The layer that TimeDistributed applies to each step."""
    return layer.layer if isinstance(layer, layers.TimeDistributed) else layer


def _exactly(arrays: Arrays, *names: str) -> bool:
    """Whether a module has these weights and no others; counts of batches are none."""
    return set(arrays) - {"num_batches_tracked"} == set(names)


def _with_bias(layer: Any, arrays: Arrays, kernel: Callable[[np.ndarray], np.ndarray | None]) -> Found:
    """weight and, where the layer has one, bias."""
    if not _exactly(arrays, "weight", *(["bias"] if layer.use_bias else [])):
        return None
    weight = kernel(arrays["weight"])
    if weight is None:
        return None
    return [weight, arrays["bias"]] if layer.use_bias else [weight]


def _table(layer: Any, arrays: Arrays) -> Found:
    return [arrays["weight"]] if _exactly(arrays, "weight") and arrays["weight"].ndim == 2 else None


def _dense(layer: Any, arrays: Arrays) -> Found:
    def kernel(weight: np.ndarray) -> np.ndarray | None:
        if weight.ndim == 3 and weight.shape[2] == 1:  # a convolution of width 1
            weight = weight[:, :, 0]
        if weight.ndim != 2:
            return None
        shape = _flattened(layer)
        if shape is not None and weight.shape[1] == np.prod(shape):
            places, channels = shape[:-1], shape[-1]
            weight = np.moveaxis(weight.reshape(-1, channels, *places), 1, -1).reshape(weight.shape)
        return weight.T

    return _with_bias(layer, arrays, kernel)


def _flattened(layer: Any) -> tuple[int, ...] | None:
    """The sizes, channels last, of what a convolution made, where that is what a Dense reads of each example
    by a Flatten.
    """
    before = _before(layer, ALIKE)
    if not isinstance(before, layers.Flatten):
        return None
    shape: tuple[Any, ...] = tuple(before.nodes[0].inputs[0].shape[1:])
    above = _before(before, (*ALIKE, *POOLED))
    convolved = isinstance(above, CONVOLUTIONS) and len(shape) > 1 and None not in shape
    return shape if convolved else None


def _before(layer: Any, passed: tuple[type, ...]) -> Any:
    """The layer whose result a layer reads, those of some kinds passed over."""
    while layer.nodes:
        layer = layer.nodes[0].inputs[0].node.layer
        if not isinstance(layer, passed):
            return layer
    return None


def _conv1d(layer: Any, arrays: Arrays) -> Found:
    def kernel(weight: np.ndarray) -> np.ndarray | None:
        if (
            weight.ndim == 4 and weight.shape[1] == 1 and layer.groups == 1
        ):  # (F, 1, K, C): as wide as vectors
            weight = weight[:, 0].transpose(0, 2, 1)
        return weight.transpose(2, 1, 0) if weight.ndim == 3 else None

    return _with_bias(layer, arrays, kernel)


def _conv2d(layer: Any, arrays: Arrays) -> Found:
    return _with_bias(
        layer, arrays, lambda weight: weight.transpose(2, 3, 1, 0) if weight.ndim == 4 else None
    )


def _taps_of_channels(weight: np.ndarray, multiplier: int) -> np.ndarray | None:
    """(C M, 1, *taps) of a convolution of C groups as (*taps, C, M); None for other weights."""
    if weight.ndim not in (3, 4) or weight.shape[1] != 1 or len(weight) % multiplier:
        return None
    apart = weight[:, 0].reshape(-1, multiplier, *weight.shape[2:])
    return np.moveaxis(apart, (0, 1), (-2, -1))


def _depthwise(layer: Any, arrays: Arrays) -> Found:
    return _with_bias(layer, arrays, lambda weight: _taps_of_channels(weight, layer.depth_multiplier))


def _separable(layer: Any, arrays: Arrays) -> Found:
    """A convolution of each channel and one of single places behind it, in a row; where the first has a bias,
    the second passes it on: P (D x + a) + b = P D x + (P a + b).
    """
    first, second = (
        {name.removeprefix(front): one for name, one in arrays.items() if name.startswith(front)}
        for front in IN_A_ROW
    )
    if len(first) + len(second) != len(arrays) or "weight" not in first or "weight" not in second:
        return None
    if set(first) - {"weight", "bias"} or set(second) - {"weight", "bias"}:
        return None
    taps, mix = _taps_of_channels(first["weight"], layer.depth_multiplier), second["weight"]
    if taps is None or mix.ndim != taps.ndim or mix.shape[2:] != (1,) * (mix.ndim - 2):
        return None
    if mix.shape[1] != len(first["weight"]):
        return None
    found = [taps, np.moveaxis(mix, (1, 0), (-2, -1))]
    if not layer.use_bias:
        return found if "bias" not in first and "bias" not in second else None
    if "bias" not in second and "bias" not in first:
        return None
    shift = second.get("bias", np.zeros(len(mix), np.float32))
    if "bias" in first:
        shift = shift + mix.reshape(len(mix), -1) @ first["bias"]
    return [*found, shift]


def _transposed(layer: Any, arrays: Arrays) -> Found:
    rank = len(layer.kernel.shape)
    return _with_bias(
        layer, arrays, lambda weight: np.moveaxis(weight, (1, 0), (-2, -1)) if weight.ndim == rank else None
    )


def _einsum_dense(layer: Any, arrays: Arrays) -> Found:
    """A Linear over the axes that are summed, and to those that are made, each in the order they have in the
    tensor and in the result.
    """
    given, _, out = layer.equation.replace("...", "").partition("->")
    read, kernel = given.split(",")
    sizes = dict(zip(kernel, layer.kernel.shape, strict=True))
    summed = [letter for letter in read if letter in kernel and letter not in out]
    made = [letter for letter in out if letter in kernel and letter not in read]
    names = ["weight", *(["bias"] if layer.bias is not None else [])]
    if not _exactly(arrays, *names) or arrays["weight"].ndim != 2 or len(summed) + len(made) != len(kernel):
        return None
    shape = [*(sizes[letter] for letter in made), *(sizes[letter] for letter in summed)]
    rows = int(np.prod(shape[: len(made)]))
    if arrays["weight"].shape != (rows, arrays["weight"].size // max(rows, 1)) or arrays[
        "weight"
    ].size != np.prod(shape):
        return None
    order = [[*made, *summed].index(letter) for letter in kernel]
    found = [arrays["weight"].reshape(shape).transpose(order)]
    if layer.bias is not None:
        if arrays["bias"].size != layer.bias.value.size or set(layer.bias_axes) != set(made):
            return None
        found.append(arrays["bias"].reshape(layer.bias.shape))
    return found


def _scaled(layer: Any, arrays: Arrays) -> Found:
    """gamma and beta, and the moving statistics of batch normalisation."""
    names = (["weight"] if getattr(layer, "scale", True) else []) + (
        ["bias"] if getattr(layer, "center", False) else []
    )
    if isinstance(layer, layers.BatchNormalization):
        names += ["running_mean", "running_var"]
    if not _exactly(arrays, *names):
        return None
    return [
        _channels_last(arrays[name], variable.shape)
        for name, variable in zip(names, variables_of(layer), strict=True)
    ]


def _channels_last(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The weights of nn.LayerNorm over several axes: of images (C, H, W) as (H, W, C), of texts (T, C) as
    they are, or (C, T) turned where that is the shape here.
    """
    if array.ndim == 3 or (array.ndim == 2 and array.shape != shape):
        return np.moveaxis(array, 0, -1)
    return array


def _rms(layer: Any, arrays: Arrays) -> Found:
    return [arrays["weight"]] if _exactly(arrays, "weight") and arrays["weight"].ndim == 1 else None


def _prelu(layer: Any, arrays: Arrays) -> Found:
    if not _exactly(arrays, "weight") or arrays["weight"].ndim != 1:
        return None
    shape = layer.alpha.shape
    fits = arrays["weight"].size in (1, shape[-1])
    return [np.broadcast_to(arrays["weight"], shape)] if fits else None


def _recurrent(layer: Any, arrays: Arrays) -> Found:
    """One direction of one layer; gates are put in our order by layers/torch_weights.py."""
    cells = layer.cells
    given = [arrays[name] for name in CELL if name in arrays]
    if len(cells) != 1 or not _exactly(arrays, *CELL[: len(given)]):
        return None
    try:
        return torch_weights.read(cells[0], given)
    except ValueError:  # another number of weights, or shapes
        return None


def _bidirectional(layer: Any, arrays: Arrays) -> Found:
    behind = {name.removesuffix("_reverse"): one for name, one in arrays.items() if name.endswith("_reverse")}
    ahead = {name: one for name, one in arrays.items() if not name.endswith("_reverse")}
    found = [_recurrent(layer.forward_layer, ahead), _recurrent(layer.backward_layer, behind)]
    return None if None in [one if one is None else 0 for one in found] else [*found[0], *found[1]]  # type: ignore[misc]


def _attention(layer: Any, arrays: Arrays) -> Found:
    """in_proj of query, key and value, in a row or (kdim, vdim) each alone, and out_proj, of
    torch.nn.MultiheadAttention.
    """
    apart = "in_proj_weight" not in arrays
    names = ["q_proj_weight", "k_proj_weight", "v_proj_weight"] if apart else ["in_proj_weight"]
    biases = ["in_proj_bias", "out_proj.bias"] if layer.use_bias else []
    if not _exactly(arrays, *names, "out_proj.weight", *biases):
        return None
    heads, size = layer.num_heads, layer.key_dim
    width = arrays["out_proj.weight"].shape[0]
    rows = [slice(part * width, (part + 1) * width) for part in range(3)]
    parts = [arrays[name] for name in names] if apart else [arrays["in_proj_weight"][one] for one in rows]
    if heads * size != width or any(one.ndim != 2 or len(one) != width for one in parts):
        return None
    if (
        layer.use_bias
        and arrays["in_proj_bias"].shape != (3 * width,)
        or not apart
        and len(arrays["in_proj_weight"]) != 3 * width
    ):
        return None
    found = []
    for one, place in zip(parts, rows, strict=True):
        found.append(one.T.reshape(-1, heads, size))
        if layer.use_bias:
            found.append(arrays["in_proj_bias"][place].reshape(heads, size))
    found.append(arrays["out_proj.weight"].T.reshape(heads, size, width))
    return [*found, arrays["out_proj.bias"]] if layer.use_bias else found


CONVERTERS: dict[Any, Callable[[Any, Arrays], Found]] = {
    layers.Bidirectional: _bidirectional,
    (layers.LSTM, layers.GRU, layers.SimpleRNN, layers.RNN): _recurrent,
    (layers.Embedding, layers.EmbeddingBag): _table,
    layers.Dense: _dense,
    (layers.Conv1DTranspose, layers.Conv2DTranspose): _transposed,
    SEPARABLE: _separable,
    layers.EinsumDense: _einsum_dense,
    layers.Conv1D: _conv1d,
    (layers.DepthwiseConv1D, layers.DepthwiseConv2D): _depthwise,
    (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization): _scaled,
    layers.RMSNormalization: _rms,
    layers.PReLU: _prelu,
    layers.MultiHeadAttention: _attention,
    layers.Conv2D: _conv2d,
}
"""By the class of our layer, or several."""
