"""Sequences of another length: UpSampling1D, ZeroPadding1D, Cropping1D, Conv1DTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import integer, optional, positive_integer, single_integer
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from ..ops.padding import pad
from ..ops.products import matmul
from ..ops.rearranging import expand_dims, repeat, reshape, transpose
from .activation import Activation
from .base import Layer, known_channels, require_rank
from .convolving import OverTime


class UpSampling1D(Layer):
    """Each step `size` times: (B, T, C) to (B, size T, C); masked steps are zeros and the mask ends. As
    keras.layers.UpSampling1D.

    >>> import embedcnn
    >>> embedcnn.layers.UpSampling1D(2)(embedcnn.Input((5, 4))).shape
    (None, 10, 4)
    """

    def __init__(self, size: int = 2, **options: Any) -> None:
        super().__init__(**options)
        self.size = positive_integer("size", size)

    def call(self, inputs: SymbolicTensor) -> Any:
        """The result for a sequence."""
        require_rank(self, inputs, 3, "(batch, time, channels)")
        return repeat(inputs, self.size, axis=1)


class ZeroPadding1D(Layer):
    """Steps of zeros before and behind a sequence: so many on both sides, or a pair of numbers; masked steps
    are zeros and the mask ends. As keras.layers.ZeroPadding1D.

    >>> import embedcnn
    >>> embedcnn.layers.ZeroPadding1D((1, 2))(embedcnn.Input((5, 4))).shape
    (None, 8, 4)
    """

    def __init__(self, padding: Any = 1, **options: Any) -> None:
        super().__init__(**options)
        self.padding = _pair("padding", padding)

    def call(self, inputs: SymbolicTensor) -> Any:
        """The result for a sequence."""
        require_rank(self, inputs, 3, "(batch, time, channels)")
        return pad(inputs, [(0, 0), self.padding, (0, 0)])


class Cropping1D(Layer):
    """A sequence without its first and last steps: so many on both sides, or a pair of numbers; masked steps
    are zeros and the mask ends. As keras.layers.Cropping1D.

    Raises ValueError where nothing would be left.

    >>> import embedcnn
    >>> embedcnn.layers.Cropping1D((1, 2))(embedcnn.Input((5, 4))).shape
    (None, 2, 4)
    """

    def __init__(self, cropping: Any = 1, **options: Any) -> None:
        super().__init__(**options)
        self.cropping = _pair("cropping", cropping)

    def call(self, inputs: SymbolicTensor) -> Any:
        """The result for a sequence."""
        require_rank(self, inputs, 3, "(batch, time, channels)")
        first, last = self.cropping
        if inputs.shape[1] is not None and first + last >= inputs.shape[1]:
            raise ValueError(
                f"`cropping`={self.cropping} leaves nothing of {inputs.shape[1]} steps. Received: "
                f"shape={inputs.shape}"
            )
        return inputs[:, first : -last or None]


class Conv1DTranspose(OverTime):
    """The gradient of a Conv1D as a layer, from few steps to many: (B, T, C) to (B, T', filters). As
    keras.layers.Conv1DTranspose.

    T' is strides T with padding "same", else strides T + max(kernel_size - strides, 0), kernel_size being
    that of the dilated kernel; `output_padding` sets the last steps instead. Kernel (kernel_size, filters,
    C). T must be known unless strides are 1. Raises ValueError for other settings, and for stride and
    dilation both above 1.

    >>> import embedcnn
    >>> layer = embedcnn.layers.Conv1DTranspose(3, 4, strides=2, padding="same")
    >>> layer(embedcnn.Input((5, 2))).shape, layer.kernel.shape
    ((None, 10, 3), (4, 3, 2))
    """

    paddings = ("valid", "same")

    @checked
    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.filters = positive_integer("filters", filters)
        self._set_windows(kernel_size, strides, padding, dilation_rate)
        self.output_padding = optional(single_integer, "output_padding", output_padding, 0)
        if self.output_padding is not None and not 0 <= self.output_padding < self.strides:
            raise ValueError(
                "`output_padding` must be from 0 to strides - 1. Received: "
                f"output_padding={output_padding!r}, strides={strides!r}"
            )
        self._set_weights(activation, use_bias, bias_initializer, kernel_initializer=kernel_initializer)
        active = self.activation != "linear"
        self._activation = Activation(activation, name=f"{self.name}_activation") if active else None

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self.kernel_size, self.filters, self._channels)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self._add_bias(self.filters)

    def call(self, inputs: SymbolicTensor) -> Any:
        """The result for a sequence."""
        self.check_inputs([inputs])
        strides, wide = self.strides, (self.kernel_size - 1) * self.dilation_rate + 1
        total = None
        for tap in range(self.kernel_size):
            kernel = reshape(self.kernel[tap : tap + 1], (self.filters, -1))
            made = matmul(inputs, transpose(kernel, (1, 0)))
            if strides > 1:  # zeros behind each step
                made = pad(expand_dims(made, 2), [(0, 0), (0, 0), (0, strides - 1), (0, 0)])
                made = reshape(made, (-1, strides * (inputs.shape[1] or 0), self.filters))
            before = tap * self.dilation_rate
            made = pad(made, [(0, 0), (before, wide - 1 - before), (0, 0)])
            total = made if total is None else total + made
        assert total is not None
        whole = self._cut(total, inputs.shape[1], wide)
        whole = whole if self.bias is None else whole + self.bias
        return whole if self._activation is None else self._activation(whole)

    def _cut(self, made: Any, steps: int | None, wide: int) -> Any:
        """The steps that count of those that any tap reaches, strides T + wide - 1."""
        strides, same = self.strides, self.padding == "same"
        if self.output_padding is None:
            length = 0 if same else max(wide - strides, 0)  # more than strides T
        else:
            length = wide - (2 * (wide // 2) if same else 0) + self.output_padding - strides
        before = max(wide - strides - length, 0) // 2 if same else 0
        behind = wide - 1 - before - length  # of what is there; more zeros where it is below 0
        made = pad(made, [(0, 0), (0, -behind), (0, 0)]) if behind < 0 else made
        return made[:, before : -behind if behind > 0 else None]


def _pair(name: str, value: Any) -> tuple[int, int]:
    """Two numbers from 0 on."""
    both = list(value) if isinstance(value, (list, tuple)) else [value, value]
    if len(both) != 2:
        raise ValueError(f"`{name}` must be a number or two. Received: {name}={value!r}")
    return integer(name, both[0], 0), integer(name, both[1], 0)
