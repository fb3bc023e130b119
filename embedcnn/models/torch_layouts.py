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
        return weight.T if weight.ndim == 2 else None

    return _with_bias(layer, arrays, kernel)


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


def _depthwise(layer: Any, arrays: Arrays) -> Found:
    def kernel(weight: np.ndarray) -> np.ndarray | None:
        if weight.ndim != 3 or weight.shape[1] != 1 or len(weight) % layer.depth_multiplier:
            return None
        return weight[:, 0].reshape(-1, layer.depth_multiplier, weight.shape[2]).transpose(2, 0, 1)

    return _with_bias(layer, arrays, kernel)


def _transposed(layer: Any, arrays: Arrays) -> Found:
    return _with_bias(layer, arrays, lambda weight: weight.transpose(2, 1, 0) if weight.ndim == 3 else None)


def _scaled(layer: Any, arrays: Arrays) -> Found:
    """gamma and beta, and the moving statistics of batch normalisation."""
    names = (["weight"] if getattr(layer, "scale", True) else []) + (
        ["bias"] if getattr(layer, "center", False) else []
    )
    if isinstance(layer, layers.BatchNormalization):
        names += ["running_mean", "running_var"]
    return [arrays[name] for name in names] if _exactly(arrays, *names) else None


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
    """in_proj of query, key and value in a row, and out_proj, of torch.nn.MultiheadAttention."""
    names = ["in_proj_weight", "out_proj.weight"]
    names += ["in_proj_bias", "out_proj.bias"] if layer.use_bias else []
    if not _exactly(arrays, *names):
        return None
    heads, size = layer.num_heads, layer.key_dim
    width = arrays["out_proj.weight"].shape[0]
    if heads * size != width or arrays["in_proj_weight"].shape != (3 * width, width):
        return None
    found = []
    for part in range(3):
        rows = slice(part * width, (part + 1) * width)
        found.append(arrays["in_proj_weight"][rows].T.reshape(width, heads, size))
        if layer.use_bias:
            found.append(arrays["in_proj_bias"][rows].reshape(heads, size))
    found.append(arrays["out_proj.weight"].T.reshape(heads, size, width))
    return [*found, arrays["out_proj.bias"]] if layer.use_bias else found


CONVERTERS: dict[Any, Callable[[Any, Arrays], Found]] = {
    layers.Bidirectional: _bidirectional,
    (layers.LSTM, layers.GRU, layers.SimpleRNN, layers.RNN): _recurrent,
    (layers.Embedding, layers.EmbeddingBag): _table,
    layers.Dense: _dense,
    layers.Conv1DTranspose: _transposed,
    layers.Conv1D: _conv1d,
    layers.DepthwiseConv1D: _depthwise,
    (layers.BatchNormalization, layers.LayerNormalization, layers.GroupNormalization): _scaled,
    layers.RMSNormalization: _rms,
    layers.PReLU: _prelu,
    layers.MultiHeadAttention: _attention,
    layers.Conv2D: _conv2d,
}
"""By the class of our layer, or several."""
