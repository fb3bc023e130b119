"""Which operations of the core the layers become that move pixels or change them by chance.

A part of the table of layer_operations.py.
"""

from __future__ import annotations

from typing import Any

from ..layers import image_augmentation as augmentation
from ..layers import image_shaping as shaping
from ..ops.image import Frame, cropped_to, padded_to
from .builder import Builder


def _window(build: Builder, x: int, frame: Frame, sign: int, value: float = 0.0) -> int:
    """The image with the frame around it (sign 1), or without it (-1)."""
    batch, height, width, channels = build.shape(x)
    rows, cols = frame
    if not any((*rows, *cols)):
        return x
    assert height is not None and width is not None  # require_image
    size = (height + sign * sum(rows), width + sign * sum(cols))
    window: dict[str, Any] = {
        "top": -sign * rows.before,
        "left": -sign * cols.before,
        "height": size[0],
        "width": size[1],
    }
    window |= {"value": value} if value else {}
    return build.add("window_images", [x], shape=(batch, *size, channels), **window)


def _resized(
    build: Builder, x: int, height: int, width: int, interpolation: str, antialias: bool = False
) -> int:
    batch, *own, channels = build.shape(x)
    if own == [height, width]:
        return x
    settings: dict[str, Any] = {"antialias": True} if antialias else {}
    shape = (batch, height, width, channels)
    settings |= {"height": height, "width": width, "interpolation": interpolation}
    return build.add("resize_images", [x], shape=shape, **settings)


def _size(build: Builder, x: int) -> tuple[int, int]:
    _, height, width, _ = build.shape(x)
    assert height is not None and width is not None  # require_image
    return height, width


def _zero_padding(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return _window(build, inputs[0], layer.padding, 1)


def _cropping(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    return _window(build, inputs[0], layer.cropping, -1)


def _up_sampling(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    height, width = _size(build, inputs[0])
    return _resized(build, inputs[0], height * layer.size[0], width * layer.size[1], layer.interpolation)


def _center_crop(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    frame, _ = shaping.middle(_size(build, inputs[0]), (layer.height, layer.width))
    return _resized(build, _window(build, inputs[0], frame, -1), layer.height, layer.width, "bilinear")


def _resizing(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    (x,), target = inputs, (layer.height, layer.width)
    if layer.crop_to_aspect_ratio:
        x = _window(build, x, cropped_to(_size(build, x), target), -1)
    elif layer.pad_to_aspect_ratio:
        x = _window(build, x, padded_to(_size(build, x), target), 1, layer.fill_value)
    return _resized(build, x, *target, layer.interpolation, layer.antialias)


def _trains(build: Builder) -> bool:
    """Whether the layer at work is to draw in training: not where it was called with training=False."""
    return build.training is not False


def _flip(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if not _trains(build):
        return inputs[0]
    axes: dict[str, Any] = {} if layer.mode == "vertical" else {"cols": True}
    axes |= {} if layer.mode == "horizontal" else {"rows": True}
    return build.add("random_flip", inputs, layer=layer.key(call), **axes, **build.always())


def _moved(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if not _trains(build):
        return inputs[0]
    settings = layer.ranges() | {"fill_mode": layer.fill_mode, "interpolation": layer.interpolation}
    settings |= {"fill_value": layer.fill_value} if layer.fill_value else {}
    return build.add("random_affine", inputs, layer=layer.key(call), **settings, **build.always())


def _light(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    if not _trains(build):
        return inputs[0]
    return build.add("random_light", inputs, layer=layer.key(call), **layer.ranges(), **build.always())


def _crop(build: Builder, layer: Any, inputs: list[int], call: int) -> int:
    """Which it is depends on what the program is for: the results are other pixels, not other values."""
    (x,), target, own = inputs, (layer.height, layer.width), _size(build, inputs[0])
    draws = build.trains if build.training is None else build.training
    if draws and own[0] >= target[0] and own[1] >= target[1]:
        return build.add("random_window", inputs, height=target[0], width=target[1], layer=layer.key(call))
    return _resized(build, _window(build, x, cropped_to(own, target), -1), *target, "bilinear")


OPERATIONS: dict[type, Any] = {
    shaping.ZeroPadding2D: _zero_padding,
    shaping.Cropping2D: _cropping,
    shaping.UpSampling2D: _up_sampling,
    shaping.CenterCrop: _center_crop,
    shaping.Resizing: _resizing,
    augmentation.RandomFlip: _flip,
    augmentation.RandomCrop: _crop,
    augmentation.RandomRotation: _moved,
    augmentation.RandomTranslation: _moved,
    augmentation.RandomZoom: _moved,
    augmentation.RandomContrast: _light,
    augmentation.RandomBrightness: _light,
}
