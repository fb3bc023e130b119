"""Which operations of the core the layers of images become: a part of the table of layer_operations.py.

Images are tensors without steps, a row [H, W, C] for each: layers that say `reads_images` get them so.
"""

from __future__ import annotations

from typing import Any

from ..layers import convolution_2d, depthwise_2d, pooling_2d
from .activated import activated
from .builder import Builder
from .tensor_forms import reshaped


def pairs(**settings: tuple[int, int]) -> dict[str, Any]:
    """Settings for height and width as attributes of the core: stride=(1, 2) is stride_rows=1,
    stride_cols=2.
    """
    ends = ("rows", "cols")
    return {f"{name}_{end}": pair[one] for name, pair in settings.items() for one, end in enumerate(ends)}


def _windows(layer: Any) -> dict[str, Any]:
    dilation = {} if layer.dilation_rate == (1, 1) else pairs(dilation=layer.dilation_rate)
    return {**pairs(stride=layer.strides), **dilation, "padding": layer.padding}


def _conv2d(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    settings = _windows(layer) | ({"groups": layer.groups} if layer.groups > 1 else {})
    made = build.add("conv2d", inputs, [layer.kernel, layer.bias], **settings)
    return activated(build, layer, made)


def _depthwise(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    made = build.add("depthwise_conv2d", inputs, [layer.kernel, layer.bias], **_windows(layer))
    return activated(build, layer, made)


def _separable(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    shape = (*build.layer_shape[:3], layer.pointwise_kernel.shape[2])
    made = build.add("depthwise_conv2d", inputs, [layer.depthwise_kernel], shape, **_windows(layer))
    settings: dict[str, Any] = {"padding": "valid"}
    made = build.add("conv2d", [made], [layer.pointwise_kernel, layer.bias], **settings)
    return activated(build, layer, made)


def _conv2d_transpose(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    settings = layer.windows(build.shape(inputs[0]))
    made = build.add("conv2d_transpose", inputs, [layer.kernel, layer.bias], **settings)
    return activated(build, layer, made)


def _pool(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    name = "max_pool2d" if isinstance(layer, pooling_2d.MaxPooling2D) else "average_pool2d"
    settings = pairs(pool=layer.pool_size, stride=layer.strides)
    return build.add(name, inputs, padding=layer.padding, **settings)


def _global_pool(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    name = "max_pool2d" if isinstance(layer, pooling_2d.GlobalMaxPooling2D) else "average_pool2d"
    batch, height, width, channels = build.shape(inputs[0])
    size: Any = (height, width)
    made = build.add(name, inputs, shape=(batch, 1, 1, channels), **pairs(pool=size, stride=size))
    return made if layer.keepdims else reshaped(build, made, (batch, channels), False)


OPERATIONS: dict[type, Any] = {
    convolution_2d.Conv2D: _conv2d,
    depthwise_2d.DepthwiseConv2D: _depthwise,
    depthwise_2d.SeparableConv2D: _separable,
    convolution_2d.Conv2DTranspose: _conv2d_transpose,
    pooling_2d.MaxPooling2D: _pool,
    pooling_2d.AveragePooling2D: _pool,
    pooling_2d.GlobalMaxPooling2D: _global_pool,
    pooling_2d.GlobalAveragePooling2D: _global_pool,
}
