"""TextCNN: embedding, convolutions of several widths, activation and maximum over time as one module."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import nn

from .convolution import Conv1d
from .embedding import Embedding, in_default_dtype
from .programs import ProgramCall, ProgramPool, apply_program
from .tensors import computes_here
from .tracing import PlainTextCNN, whole_in_graph

ACTIVATIONS = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "linear": lambda x: x,
}
"""Those that never fall, so that the maximum may be taken first."""


class TextCNN(nn.Module):
    """Embedding, a Conv1d of `num_filters` for each of `kernel_sizes`, activation and maximum over time: ids
    int64 [B, T] to float32 [B, num_filters * len(kernel_sizes)]. Source: Y. Kim (2014), "Convolutional neural
    networks for sentence classification".

    As `torch.cat([relu(conv(embedding(x).transpose(1, 2))).max(2).values for conv in convs], 1)`, with the
    distinct ids of a batch convolved once and gradients of the winning windows only. `activation`:
    "relu", "tanh", "sigmoid" or "linear". Weights: embedding.weight [V, D], convs.N.weight [F, D, K],
    convs.N.bias [F], as the two modules of torch.nn have them. With `sparse` the table's gradient is a sparse
    tensor of the batch's rows. Raises IndexError for an id outside [0, V), RuntimeError for texts shorter
    than the widest kernel.

    >>> import torch
    >>> from embedcnn.torch import TextCNN
    >>> encoder = TextCNN(1000, 50, num_filters=16, kernel_sizes=(2, 3))
    >>> encoder(torch.randint(0, 1000, (4, 20))).shape
    torch.Size([4, 32])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        num_filters: int = 100,
        kernel_sizes: Sequence[int] = (3, 4, 5),
        activation: str = "relu",
        padding_idx: int | None = None,
        sparse: bool = False,
        _weight: torch.Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}. Received: {activation!r}")
        sizes = list(kernel_sizes) if isinstance(kernel_sizes, Iterable) else []
        if not sizes or not all(_is_positive(size) for size in sizes):
            raise ValueError(
                "kernel_sizes must be one or more positive integers, as (3, 4, 5). "
                f"Received: {kernel_sizes!r}"
            )
        if not _is_positive(num_filters):
            raise ValueError(f"num_filters must be a positive integer. Received: {num_filters!r}")
        placed = {"device": device, "dtype": dtype}
        self.activation = activation
        self.embedding = Embedding(
            num_embeddings,
            embedding_dim,
            padding_idx,
            sparse=sparse,
            _weight=_weight,
            _freeze=_freeze,
            **placed,
        )
        self.convs = nn.ModuleList(Conv1d(embedding_dim, num_filters, size, **placed) for size in sizes)
        self._programs = ProgramPool()

    @classmethod
    def from_pretrained(cls, embeddings: torch.Tensor, freeze: bool = True, **settings: Any) -> TextCNN:
        """A TextCNN over a table [V, D] of vectors, which is shared and does not learn unless `freeze=False`.
        As Embedding.from_pretrained.

        >>> import torch
        >>> from embedcnn.torch import TextCNN
        >>> TextCNN.from_pretrained(torch.rand(10, 4), num_filters=8).embedding.weight.requires_grad
        False
        """
        embeddings = in_default_dtype(embeddings)
        count, width = embeddings.shape
        placed = {"device": embeddings.device, "dtype": embeddings.dtype}
        return cls(count, width, **settings, _weight=embeddings, _freeze=freeze, **placed)

    def extra_repr(self) -> str:
        """What print() shows beside the parts."""
        return f"activation={self.activation!r}"

    def __prepare_scriptable__(self) -> Any:
        """The same of torch.nn's modules, for torch.jit.script."""
        return PlainTextCNN(self.embedding, nn.ModuleList(self.convs), self.activation)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The features of each text of ids [B, T]."""
        if (node := whole_in_graph(self, input)) is not None:
            return node
        weight = self.embedding.weight
        if not self._is_fused() or not computes_here(input, weight) or not self._fits(input):
            return self._in_parts(input)
        parameters = [weight]
        for conv in self.convs:
            parameters += [conv.weight.permute(2, 1, 0), conv.bias]
        settings = {"use_bias": True, "padding": "valid", "activation": self.activation}
        numbers = tuple(range(1, len(parameters)))
        call = ProgramCall(
            self._programs,
            specs=[("input", "int32", -1, ())],
            operations=[("lookup", (0,), (1,), (0,), {}), ("token_conv_pool", (1,), (2,), numbers, settings)],
            outputs=(2,),
            inputs={0: input.numpy()},
            table=self.embedding,
        )
        return apply_program(call, *parameters)[0]

    def _fits(self, input: torch.Tensor) -> bool:
        """Whether there is a window in each text."""
        return (
            input.dim() == 2
            and len(input) > 0
            and input.shape[1] >= max(conv.kernel_size[0] for conv in self.convs)
        )

    def _is_fused(self) -> bool:
        """Whether the parts are as they were made: others may have been put in their places."""
        return (
            type(self.embedding) is Embedding
            and self.embedding.max_norm is None
            and not self.embedding.scale_grad_by_freq
            and all(
                type(conv) is Conv1d
                and conv.is_plain()
                and not any(conv.padding)
                and conv.bias is not None
                and computes_here(None, conv.weight, conv.bias)
                for conv in self.convs
            )
            and not any(_has_hooks(part) for part in (self.embedding, *self.convs))
        )

    def _in_parts(self, input: torch.Tensor) -> torch.Tensor:
        """The same, one module after the other."""
        x = self.embedding(input).transpose(-1, -2)
        activate = ACTIVATIONS[self.activation]
        return torch.cat([activate(conv(x)).max(-1).values for conv in self.convs], -1)


def _is_positive(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and int(value) > 0


def _has_hooks(module: nn.Module) -> bool:
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )
