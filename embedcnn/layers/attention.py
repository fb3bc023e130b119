"""Attention over the steps of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import activations, initializers
from ..base.arguments import positive_integer
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor
from .base import Layer, known_channels, require_rank


class AttentionPooling1D(Layer):
    """The mean over the (unmasked) time steps, each weighted by the score that a small network gives it:
    (B, T, C) to (B, C).

        score[t] = activation(x[t] · kernel + bias) · score_kernel weight = softmax of the scores over the
        unmasked steps y = sum over t of weight[t] x[t]

    `units`: of the hidden layer of the score; kernel (C, units), bias (units,), score_kernel (units, 1). A
    bias of the score itself would cancel in the softmax. A text without unmasked steps gives zeros. Weights
    have a regularizer and a constraint each: kernel_regularizer, bias_..., score_... . Raises ValueError
    unless `units` is a positive integer and the input is a sequence with a known number of channels. In the
    place of pooling over a recurrent or convolutional layer. Source: Yang and others (2016), Hierarchical
    attention networks for document classification.

    >>> import embedcnn
    >>> layer = embedcnn.layers.AttentionPooling1D(16)
    >>> layer(embedcnn.Input((None, 8))).shape, [weight.shape for weight in layer.weights]
    ((None, 8), [(8, 16), (16,), (16, 1)])
    """

    @checked
    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        score_initializer: Any = "glorot_uniform",
        **options: Any,
    ) -> None:
        self.units = positive_integer("units", units)
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.score_initializer = initializers.get(score_initializer, "score_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self._channels = known_channels(self, input_shape)
        self.kernel = self.add_weight("kernel", (self._channels, self.units), self.kernel_initializer)
        self.bias = self.add_weight("bias", (self.units,), self.bias_initializer) if self.use_bias else None
        self.score_kernel = self.add_weight("score_kernel", (self.units, 1), self.score_initializer)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 3, "(batch, time, channels)")
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], input_shape[2])
