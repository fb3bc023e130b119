"""Conv2D and Conv2DTranspose: convolution over images, and the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..base.arguments import integer_pair, one_of, positive_integer, require_channels_last
from ..base.checked import checked
from ..base.transposed_windows import transposed_pair, transposed_windows
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, known_channels
from .image_windows import require_image, windows_over


class Windows(Layer):
    """What convolutions over images share: the windows and the shapes that follow."""

    not_stored = ("data_format",)  # always channels_last
    reads_images = True

    kernel_size: tuple[int, int]
    strides: tuple[int, int]
    dilation_rate: tuple[int, int]
    padding: str
    _channels: int

    def _set_windows(
        self, kernel_size: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
    ) -> None:
        self.kernel_size = integer_pair("kernel_size", kernel_size)
        self.strides = integer_pair("strides", strides)
        self.dilation_rate = integer_pair("dilation_rate", dilation_rate)
        self.padding = one_of("padding", padding, ("valid", "same"))
        require_channels_last(data_format)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(
                "`strides` > 1 and `dilation_rate` > 1 exclude each other. "
                f"Received: strides={strides!r}, dilation_rate={dilation_rate!r}"
            )

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_image(self, tensors[0])
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def _sizes(self, shape: Shape) -> tuple[int | None, int | None]:
        """How many windows there are, over rows and over columns."""
        return windows_over(self, shape, self.kernel_size, self.strides, self.padding, self.dilation_rate)


class Conv2D(Windows):
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
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.groups = positive_integer("groups", groups)
        if self.filters % self.groups:
            raise ValueError(
                f"`filters` must be a multiple of `groups`. Received: filters={filters}, groups={groups}"
            )
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        channels = self._channels = known_channels(self, input_shape)
        if channels % self.groups:
            raise ValueError(
                f"The channels of the input of {self.name!r} must be a multiple of `groups`={self.groups}. "
                f"Received: shape={input_shape}"
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self._sizes(input_shape), self.filters)


class Conv2DTranspose(Windows):
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
        self._set_windows(kernel_size, strides, padding, data_format, dilation_rate)
        self.output_padding = transposed_pair(self.strides, self.dilation_rate, output_padding)
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (*self.kernel_size, self.filters, self._channels)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

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
