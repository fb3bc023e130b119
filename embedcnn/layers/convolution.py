"""Conv1D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..choices import one_of, positive_integer, single_integer
from ..graph import Shape, SymbolicTensor
from .base import Layer, known_channels, require_rank


class Conv1D(Layer):
    """Convolution over time: (B, T, C) to (B, T', filters); kernel (kernel_size, C, filters). As
    keras.layers.Conv1D.

    Cross-correlation, as in Keras. Behind an Embedding with `mask_zero=True`, or with Ragged input, only the
    real tokens count. Raises ValueError for padding other than "valid", "same", "causal", for stride and
    dilation both
    above 1, and, without a mask, for texts shorter than the kernel.

    >>> import embedcnn
    >>> embedcnn.layers.Conv1D(8, 3, activation="relu")(embedcnn.Input((10, 4))).shape
    (None, 8, 8)
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.filters = positive_integer("filters", filters)
        self.kernel_size = single_integer("kernel_size", kernel_size)
        self.strides = single_integer("strides", strides)
        self.dilation_rate = single_integer("dilation_rate", dilation_rate)
        self.padding = one_of("padding", padding, ("valid", "same", "causal"))
        if data_format not in (None, "channels_last"):
            raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")
        if positive_integer("groups", groups) != 1:
            raise ValueError(
                f"`groups` must be 1: grouped convolution is not available. Received: groups={groups}"
            )
        if self.strides > 1 and self.dilation_rate > 1:
            raise ValueError(
                "`strides` > 1 and `dilation_rate` > 1 exclude each other. "
                f"Received: strides={self.strides}, dilation_rate={self.dilation_rate}"
            )
        self.activation = activations.name_of(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        shape = (self.kernel_size, self._channels, self.filters)
        self.kernel = self.add_weight("kernel", shape, self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.filters,), self.bias_initializer) if self.use_bias else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        time = input_shape[1]
        if time is not None:
            span = (self.kernel_size - 1) * self.dilation_rate + 1
            if self.padding == "valid":
                # A masked text that is shorter than the kernel still has one window; the core decides per
                # batch.
                time = max(1, -(-(time - span + 1) // self.strides))
            else:
                time = -(-time // self.strides)
        return (input_shape[0], time, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "dilation_rate": self.dilation_rate,
            "activation": self.activation,
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
        }
