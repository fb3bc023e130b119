"""Which operations of the core each layer is made of: the table OPERATIONS, which translate.py goes through.

A new layer is a line here. Where an operation's result has not the shape of what the layer makes, `shape`
says so.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from ..layers import (
    activation,
    attention,
    convolution,
    core,
    embedding,
    embedding_bag,
    merging,
    normalization,
    open_attention,
    operation,
    pooling,
    python,
    recurrent,
    recurrent_cells,
    regularization,
    shaping,
    tied,
    wrappers,
)
from ..layers.axes import axes_of, core_axes
from . import image_changes, image_operations, tensor_forms, tensor_operations
from .activated import activate, activated
from .builder import Builder
from .recurrent_operations import bidirectional, step
from .recurrent_operations import recurrent as run

Make = Callable[[Builder, Any, list[int], int], "int | list[int]"]
"""Adds a layer's operations for the symbols it reads and the number of the call; returns the symbol it
makes, or those of several outputs.
"""


def _windows(layer: Any) -> dict[str, Any]:
    return {"strides": layer.strides, "dilation_rate": layer.dilation_rate, "padding": layer.padding}


def _convolve(build: Builder, layer: Any, inputs: list[int], variables: list[Any]) -> int:
    settings = _windows(layer) | ({"groups": layer.groups} if layer.groups > 1 else {})
    return build.add("conv1d", inputs, variables, **settings)


def _conv1d(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return activated(build, layer, _convolve(build, layer, inputs, [layer.kernel, layer.bias]))


def _depthwise(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    made = build.add("depthwise_conv1d", inputs, [layer.kernel, layer.bias], **_windows(layer))
    return activated(build, layer, made)


def _separable(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    _, channels, multiplier = layer.depthwise_kernel.shape
    shape = (*build.layer_shape[:2], channels * multiplier)
    made = build.add("depthwise_conv1d", inputs, [layer.depthwise_kernel], shape, **_windows(layer))
    settings: dict[str, Any] = {"strides": 1, "dilation_rate": 1, "padding": "valid"}
    made = build.add("conv1d", [made], [layer.pointwise_kernel, layer.bias], **settings)
    return activated(build, layer, made)


def _dense(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return activated(build, layer, build.add("dense", inputs, [layer.kernel, layer.bias]))


def _tied_dense(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    weights = [layer.table, layer.bias]
    return activated(build, layer, build.add("dense", inputs, weights, transposed=True))


def _weight_normalization(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    inner = layer.layer
    if isinstance(inner, core.Dense):
        made = build.add("dense", inputs, [layer.v])
    else:
        made = _convolve(build, inner, inputs, [layer.v])
    made = build.add("weight_normalization", [made], [layer.g, layer.v, layer.bias])
    return activated(build, inner, made)


def _dropout(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if not layer.rate or build.training is False:
        return inputs[0]
    shared = layer.shared_axes(build.shape(inputs[0]))
    settings = build.always() | ({"shared_axes": shared} if shared else {})
    return build.add("dropout", inputs, rate=layer.rate, layer=layer.key(call), **settings)


def _open_attention(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    """Attention with dropout; without, it is an operation of ops."""
    settings: dict[str, Any] = {"heads": layer.heads, "causal": int(layer.causal), "scale": layer.scale}
    if build.training is not False:
        settings |= {"rate": layer.rate, "layer": layer.key(call), **build.always()}
    return build.add("attention", inputs, **settings)


def _noise(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if build.training is False:
        return inputs[0]
    return build.add("noise", inputs, deviation=layer.stddev, layer=layer.key(call), **build.always())


def _gaussian_dropout(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if build.training is False:
        return inputs[0]
    deviation = (layer.rate / (1 - layer.rate)) ** 0.5
    settings = {"deviation": deviation, "layer": layer.key(call), "multiply": True, **build.always()}
    return build.add("noise", inputs, **settings)


def _pool(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    name = "max_pool" if isinstance(layer, pooling.MaxPooling1D) else "average_pool"
    settings = {"pool_size": layer.pool_size, "strides": layer.strides, "padding": layer.padding}
    return build.add(name, inputs, **settings)


def _bag(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return build.add("token_bag", inputs, mode=layer.combiner)


_GLOBAL_POOLS = {
    pooling.GlobalMaxPooling1D: "global_max_pool",
    pooling.GlobalAveragePooling1D: "global_average_pool",
    pooling.GlobalSumPooling1D: "global_sum_pool",
}


def _global_pool(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    name = _GLOBAL_POOLS[type(layer)]
    batch, _, channels = build.shape(inputs[0])
    made = build.add(name, inputs, shape=(batch, channels))
    return build.add("unflatten", [made], length=1) if layer.keepdims else made


def _attention_pool(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    batch, steps, _ = build.shape(inputs[0])
    hidden = (batch, steps, layer.units)
    scores = build.add("dense", inputs, [layer.kernel, layer.bias], hidden)
    scores = activated(build, layer, scores)
    scores = build.add("dense", [scores], [layer.score_kernel], (batch, steps, 1))
    return build.add("attention_pool", [*inputs, scores])


def _merge(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shapes = [build.shape(one) for one in inputs]
    wanted = layer.compute_output_shape(shapes)
    if any(None not in shape[1:] and shape[1:] != wanted[1:] for shape in shapes):  # images only
        rows = [tensor_forms.as_rows(build, one) for one in inputs]
        inputs = [tensor_operations.stretched(build, one, wanted) for one in rows]
    return build.add("merge", inputs, kind=type(layer).__name__.lower())


def _flatten(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shape = build.shape(inputs[0])
    if len(shape) == 2:
        return inputs[0]
    if build.is_image(inputs[0]):
        return tensor_forms.reshaped(build, inputs[0], layer.compute_output_shape(shape), False)
    inner: Any = shape[1:]  # known sizes: Flatten has checked them
    return build.add("flatten", inputs, shape=(shape[0], prod(map(int, inner))), length=shape[1])


def _reshape(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shape = build.shape(inputs[0])
    target = layer.compute_output_shape(shape)
    if target == shape:
        return inputs[0]
    flat = _flatten(build, layer, inputs, call)
    if len(target) == 2:
        return flat
    sizes = dict(zip(("length", "second", "third"), target[1:-1], strict=False))
    return build.add("unflatten", [flat], **sizes)


def _permute(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if list(layer.dims) == sorted(layer.dims):
        return inputs[0]
    if len(layer.dims) > 2:
        return tensor_operations.transposed(build, inputs[0], [0, *layer.dims])
    return build.add("permute", inputs, length=build.shape(inputs[0])[1])


def _dot(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shapes = [build.shape(symbol) for symbol in inputs]
    axes, read, lengths = layer.axes_of(shapes), list(inputs), []
    for number, (shape, axis) in enumerate(zip(shapes, axes, strict=True)):
        length = shape[1] if len(shape) == 3 else 0
        if layer.normalize:
            if axis == 1 and length:  # along time: the channels of the permuted tensor
                shape = (shape[0], shape[2], length)
                read[number] = build.add("permute", [read[number]], shape=shape, length=length)
                length, axes[number] = shape[1], 2
            read[number] = build.add("unit_normalization", [read[number]], shape=shape)
        lengths.append(length)
    settings = {"axis_a": axes[0], "axis_b": axes[1], "length_a": lengths[0], "length_b": lengths[1]}
    return build.add("dot", read, **settings)


def _layer_normalization(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    settings = {"scale": layer.scale, "center": layer.center, "epsilon": layer.epsilon}
    settings |= core_axes(layer, layer.axis, build.shape(inputs[0]))
    return build.add("layer_normalization", inputs, [layer.gamma, layer.beta], **settings)


def _batch_normalization(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    settings = {"scale": layer.scale, "center": layer.center, "epsilon": layer.epsilon}
    settings |= core_axes(layer, layer.axis, build.shape(inputs[0]))
    if build.training is False:
        settings["frozen"] = True
    weights = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
    return build.add("batch_normalization", inputs, weights, momentum=layer.momentum, **settings)


def _unit_normalization(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return build.add("unit_normalization", inputs, **core_axes(layer, layer.axis, build.shape(inputs[0])))


def _softmax(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return build.add("softmax", inputs, **core_axes(layer, layer.axis, build.shape(inputs[0])))


def _concatenate(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shape = build.shape(inputs[0])
    (axis,) = axes_of(layer, layer.axis, shape)
    if axis == 1 and build.has_steps(inputs[0]):
        return build.add("concatenate_steps", inputs)
    before = len(shape) - 1 - axis
    settings: dict[str, Any] = {"axis": before} if before else {}
    return build.add("concatenate", inputs, **settings)


def _relu(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if not layer.negative_slope and not layer.threshold and layer.max_value in (None, 6):
        return activate(build, "relu" if layer.max_value is None else "relu6", inputs[0])
    limit = {} if layer.max_value is None else {"max_value": layer.max_value}
    return build.add("rectifier", inputs, slope=layer.negative_slope, threshold=layer.threshold, **limit)


def _prelu(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shape, of_channels = build.shape(inputs[0]), layer.alpha.shape[-1] == build.shape(inputs[0])[-1]
    if len(shape) < 4 and of_channels:
        return build.add("rectifier", inputs, [layer.alpha])
    x = inputs[0] if len(shape) < 4 else tensor_forms.as_rows(build, inputs[0])
    x = build.as_image(x) if len(shape) == 4 else x
    above = activate(build, "relu", x)
    below = activate(build, "relu", build.like("elementwise", x, shape, kind="negative"))
    alpha = build.formed("weight", [], layer.alpha.shape, [layer.alpha], single=True)
    scaled = build.like("elementwise", [below, alpha], shape, kind="multiply")
    return build.like("elementwise", [above, scaled], shape, kind="subtract")


def _elu(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    made = activate(build, "elu", inputs[0])  # below 0 exactly where x is
    return made if layer.alpha == 1 else build.add("rectifier", [made], slope=layer.alpha)


def python_layer(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    """A layer written in Python: an operation that the core calls back for."""
    shapes = [build.shape(symbol) for symbol in inputs]
    shape = layer.output_shape_for(shapes)
    settings: dict[str, Any] = {"has_steps": len(shape) == 3, "cols": shape[-1]}
    if len(shape) == 3 and (len(shapes[0]) != 3 or shape[1] != shapes[0][1]):
        settings["length"] = shape[1]
    made = build.add("external", inputs, layer.weights, shape, **settings)
    build.operations[-1].function = python.PythonCall(layer, shape, build.training)
    return made


OPERATIONS: dict[type, Make] = {
    embedding.Embedding: lambda build, layer, inputs, call: build.add(
        "embed", inputs
    ),  # of its lookup's tokens
    **dict.fromkeys((embedding_bag.EmbeddingBag, embedding_bag.EmbedReduce), _bag),
    **dict.fromkeys(
        (core.Identity, core.ActivityRegularization), lambda build, layer, inputs, call: inputs[0]
    ),
    convolution.Conv1D: _conv1d,
    convolution.DepthwiseConv1D: _depthwise,
    convolution.SeparableConv1D: _separable,
    core.Dense: _dense,
    tied.TiedDense: _tied_dense,
    normalization.WeightNormalization: _weight_normalization,
    regularization.Dropout: _dropout,
    regularization.SpatialDropout1D: _dropout,
    regularization.SpatialDropout2D: _dropout,
    regularization.GaussianNoise: _noise,
    regularization.GaussianDropout: _gaussian_dropout,
    pooling.MaxPooling1D: _pool,
    pooling.AveragePooling1D: _pool,
    shaping.Flatten: _flatten,
    shaping.Reshape: _reshape,
    shaping.Permute: _permute,
    shaping.RepeatVector: lambda build, layer, inputs, call: build.add("repeat", inputs, length=layer.n),
    shaping.Masking: lambda build, layer, inputs, call: build.add(
        "masking", inputs, mask_value=layer.mask_value
    ),
    shaping.ApplyMask: lambda build, layer, inputs, call: build.add("masking", inputs[::-1]),
    merging.Dot: _dot,
    normalization.LayerNormalization: _layer_normalization,
    normalization.BatchNormalization: _batch_normalization,
    normalization.UnitNormalization: _unit_normalization,
    **dict.fromkeys(
        (merging.Add, merging.Subtract, merging.Multiply, merging.Average, merging.Maximum, merging.Minimum),
        _merge,
    ),
    activation.Activation: lambda build, layer, inputs, call: activated(build, layer, inputs[0]),
    activation.ReLU: _relu,
    activation.LeakyReLU: lambda build, layer, inputs, call: build.add(
        "rectifier", inputs, slope=layer.negative_slope
    ),
    activation.ELU: _elu,
    activation.PReLU: _prelu,
    activation.Softmax: _softmax,
    merging.Concatenate: _concatenate,
    open_attention.OpenAttention: _open_attention,
    **dict.fromkeys(_GLOBAL_POOLS, _global_pool),
    attention.AttentionPooling1D: _attention_pool,
    **image_operations.OPERATIONS,
    **image_changes.OPERATIONS,
    operation.Operation: tensor_operations.operation,
    **dict.fromkeys((recurrent.SimpleRNN, recurrent.LSTM, recurrent.GRU, recurrent.RNN), run),
    **dict.fromkeys(
        (
            recurrent_cells.SimpleRNNCell,
            recurrent_cells.LSTMCell,
            recurrent_cells.GRUCell,
            recurrent_cells.StackedRNNCells,
        ),
        step,
    ),
    wrappers.Bidirectional: bidirectional,
    wrappers.TimeDistributed: lambda build, layer, inputs, call: make(build, layer.layer, inputs, call),
}


def make(build: Builder, layer: Any, inputs: list[int], call: int) -> int | list[int]:
    """Adds the operations of a layer; TypeError for one that has none and is not written in Python."""
    plain = OPERATIONS.get(type(layer))
    if plain is None and python.function_of(layer) is not None:
        plain = python_layer
    if plain is None:
        raise TypeError(
            f"Layer {layer.name!r} ({type(layer).__name__}) has no `forward`: a layer written in Python "
            "computes y = forward(x) on NumPy arrays"
        )
    if plain is not tensor_operations.operation:
        inputs = tensor_forms.taken(build, layer, inputs)
    return plain(build, layer, inputs, call)
