"""Conv2D and Conv2DTranspose: convolution over images, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import integer_pair, positive_integer
from ..base.checked import checked
from ..base.transposed_windows import transposed_pair, transposed_windows
from ..graph.nodes import Shape, SymbolicTensor
from .base import known_channels
from .convolving import Convolving, Mixing
from .image_windows import require_image, windows_over


class OverImages(Convolving):
    """Windows over images (B, H, W, C)."""

    reads_images = True
    _size = staticmethod(integer_pair)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])
        super().check_inputs(tensors)

    def _steps(self, input_shape: Shape) -> tuple[int | None, ...]:
        return windows_over(
            self, input_shape, self.kernel_size, self.strides, self.padding, self.dilation_rate
        )


class Conv2D(OverImages, Mixing):
    """Convolution over images: (B, H, W, C) to (B, H', W', filters); kernel (*kernel_size, C / groups,
    filters). As keras.layers.Conv2D, channels_last.

    Cross-correlation, as in Keras. `kernel_size`, `strides` and `dilation_rate` are a number or two, for rows
    and columns. Raises ValueError for padding other than "valid" and "same", for stride and dilation both
    above 1, for channels or filters that `groups` does not divide, and for images smaller than the kernel.

    >>> import embedcnn
    >>> embedcnn.layers.Conv2D(8, 3, activation="relu")(embedcnn.Input((10, 12, 3))).shape
    (None, 8, 10, 8)
    """

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self._set_filters(filters, groups)
        self._set_weights(activation, use_bias, bias_initializer, kernel_initializer=kernel_initializer)
        super().__init__(**options)


class Conv2DTranspose(OverImages):
    """The gradient of a Conv2D as a layer, from few pixels to many: (B, H, W, C) to (B, H', W', filters);
    kernel (*kernel_size, filters, C). As keras.layers.Conv2DTranspose, channels_last.

    H' is strides H with padding "same", else strides H + max(kernel_size - strides, 0), kernel_size being
    that of the dilated kernel; `output_padding` (a number or two, below the strides) sets the last rows and
    columns instead. Raises ValueError for other settings, and for stride and dilation both above 1.

    >>> import embedcnn
    >>> layer = embedcnn.layers.Conv2DTranspose(3, 4, strides=2, padding="same")
    >>> layer(embedcnn.Input((5, 6, 2))).shape, layer.kernel.shape
    ((None, 10, 12, 3), (4, 4, 3, 2))
    """

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = (1, 1),
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = (1, 1),
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        self._set_windows(kernel_size, strides, padding, dilation_rate, data_format)
        self.output_padding = transposed_pair(self.strides, self.dilation_rate, output_padding)
        self._set_weights(activation, use_bias, bias_initializer, kernel_initializer=kernel_initializer)
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (*self.kernel_size, self.filters, self._channels)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self._add_bias(self.filters)

    def windows(self, shape: Shape) -> dict[str, int]:
        """The settings of the core for inputs of this shape."""
        images: Any = shape[1:3]
        taps, strides, more = self.kernel_size, self.strides, self.output_padding
        return transposed_windows(images, taps, strides, self.padding, more, self.dilation_rate)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if None in input_shape[1:3]:
            return (input_shape[0], None, None, self.filters)
        settings = self.windows(input_shape)
        return (input_shape[0], settings["out_rows"], settings["out_cols"], self.filters)
