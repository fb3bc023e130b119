"""Images of other sizes: ZeroPadding2D, Cropping2D, UpSampling2D, CenterCrop and Resizing; (B, H, W, C)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import finite_number, integer, integer_pair, one_of, require_channels_last
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor, is_symbolic
from ..ops.image import INTERPOLATIONS, Ends, Frame, check_ratios, cropped_to, resize
from .image_windows import ImageLayer, SizedImages


class ZeroPadding2D(ImageLayer):
    """Zeros around images: so many on all sides, (rows, columns) or ((top, bottom), (left, right)). As
    keras.layers.ZeroPadding2D.

    >>> import embedcnn
    >>> embedcnn.layers.ZeroPadding2D(((1, 2), 3))(embedcnn.Input((5, 6, 3))).shape
    (None, 8, 12, 3)
    """

    def __init__(self, padding: Any = (1, 1), data_format: str | None = None, **options: Any) -> None:
        self.padding = sides("padding", padding)
        require_channels_last(data_format)
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.padding, 1)


class Cropping2D(ImageLayer):
    """Images without their borders: so many pixels on all sides, (rows, columns) or ((top, bottom), (left,
    right)). As keras.layers.Cropping2D.

    Raises ValueError where nothing would be left.

    >>> import embedcnn
    >>> embedcnn.layers.Cropping2D(((1, 2), 1))(embedcnn.Input((5, 6, 3))).shape
    (None, 2, 4, 3)
    """

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **options: Any
    ) -> None:
        self.cropping = sides("cropping", cropping)
        require_channels_last(data_format)
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        super().check_inputs(tensors)
        if any(size is not None and size < 1 for size in self.compute_output_shape(tensors[0].shape)[1:3]):
            raise ValueError(
                f"Layer {self.name!r}: `cropping` leaves nothing of the images. Received: "
                f"cropping={tuple(map(tuple, self.cropping))}, shape={tensors[0].shape}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return _grown(input_shape, self.cropping, -1)


class UpSampling2D(ImageLayer):
    """Images `size` times as high and wide, by repeating pixels or between them. As
    keras.layers.UpSampling2D.

    `interpolation`: "nearest", "bilinear", "bicubic", "lanczos3" or "lanczos5".

    >>> import embedcnn
    >>> embedcnn.layers.UpSampling2D((2, 3))(embedcnn.Input((5, 6, 3))).shape
    (None, 10, 18, 3)
    """

    def __init__(
        self,
        size: int | Sequence[int] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **options: Any,
    ) -> None:
        self.size = integer_pair("size", size)
        require_channels_last(data_format)
        self.interpolation = _interpolation(interpolation)
        super().__init__(**options)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        height, width = (
            size and size * times for size, times in zip(input_shape[1:3], self.size, strict=True)
        )
        return (input_shape[0], height, width, input_shape[3])


class CenterCrop(SizedImages):
    """The middle of images, `height` by `width`; smaller images are made larger, and what is cut off keeps
    their ratio of sides. As keras.layers.CenterCrop.

    >>> import embedcnn
    >>> embedcnn.layers.CenterCrop(4, 5)(embedcnn.Input((8, 8, 3))).shape
    (None, 4, 5, 3)
    """


class Resizing(SizedImages):
    """Images of another size, float32: half-pixel centres, as in TensorFlow. As keras.layers.Resizing.

    `interpolation`: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5"; `antialias`: smoothed before
    they are made smaller. `crop_to_aspect_ratio`: of the largest window in the middle with the ratio of the
    new sides; `pad_to_aspect_ratio`: with `fill_value` around. On arrays it takes bytes as they are.

    >>> import embedcnn, numpy as np
    >>> embedcnn.layers.Resizing(4, 5)(np.zeros((8, 8, 3), np.uint8)).shape
    (4, 5, 3)
    """

    @checked
    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(height, width, data_format, **options)
        self.interpolation = _interpolation(interpolation)
        check_ratios(crop_to_aspect_ratio, pad_to_aspect_ratio)
        self.crop_to_aspect_ratio, self.pad_to_aspect_ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
        self.fill_mode = one_of("fill_mode", fill_mode, ("constant",))
        self.fill_value = float(finite_number("fill_value", fill_value))
        self.antialias = antialias

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Applies the layer to symbolic tensors, or to arrays, whose sizes may differ from call to call."""
        if is_symbolic(inputs) or arguments or set(options) - {"training"}:
            return super().__call__(inputs, *arguments, **options)
        return resize(
            inputs,
            (self.height, self.width),
            self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
        )


def middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[Frame, bool]:
    """What is cut off for the middle of an image, and whether what is left must be resized to `target`."""
    below, beside = size[0] - target[0], size[1] - target[1]
    if below < 0 or beside < 0:
        return cropped_to(size, target), True
    top, left = below // 2, beside // 2
    return Frame(Ends(top, below - top), Ends(left, beside - left)), False


def sides(name: str, value: Any) -> Frame:
    """How many pixels on each side: a number, two of them, or two pairs. ValueError for anything else."""
    both = list(value) if isinstance(value, (list, tuple)) else [value, value]
    if len(both) != 2:
        raise ValueError(
            f"`{name}` must be a number, (rows, columns) or ((top, bottom), (left, right)). "
            f"Received: {name}={value!r}"
        )
    ends = [list(one) if isinstance(one, (list, tuple)) else [one, one] for one in both]
    if any(len(one) != 2 for one in ends):
        raise ValueError(f"`{name}` must hold two numbers for each axis. Received: {name}={value!r}")
    rows, cols = (Ends(integer(name, one[0], 0), integer(name, one[1], 0)) for one in ends)
    return Frame(rows, cols)


def _grown(shape: Shape, frame: Frame, sign: int) -> Shape:
    """The shape with the frame around it, or without it."""
    height, width = (
        None if size is None else size + sign * sum(ends)
        for size, ends in zip(shape[1:3], frame, strict=True)
    )
    return (shape[0], height, width, shape[3])


def _interpolation(value: Any) -> str:
    return str(one_of("interpolation", value, INTERPOLATIONS[:-1]))
