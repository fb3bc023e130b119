"""Conv1d: a convolution over time whose gradients know that a maximum over time has one winner."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

from ..runtime import _core
from .tensors import computes_here, on_threads_of_torch, outside_graphs
from .tracing import plain, whole_in_graph


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.save_for_backward(x, weight)
        constants = None if bias is None else bias.detach().numpy()
        return torch.from_numpy(
            on_threads_of_torch(_core.convolve, x.detach().numpy(), weight.detach().numpy(), constants)
        )

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_out: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, weight = (one.detach().numpy() for one in ctx.saved_tensors)
        made = on_threads_of_torch(
            _core.convolve_backward, d_out.contiguous().numpy(), x, weight, *ctx.needs_input_grad
        )
        return tuple(None if one is None else torch.from_numpy(one) for one in made)


_convolve = outside_graphs(_Convolve.apply)


class Conv1d(nn.Conv1d):
    """A convolution over time: float32 [B, C, T] to [B, F, T']. As torch.nn.Conv1d, with its arguments and
    state.

    An input that is a transposed [B, T, C], as an embedding's is, is read where it stands. Where few of the
    gradients that come back are not zero, as below a maximum over time, only their windows are worked on.
    Strides, dilation, groups, and another dtype or device are PyTorch's work.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> nn.Conv1d(16, 33, 3, padding="same")(torch.rand(20, 16, 50)).shape
    torch.Size([20, 33, 50])
    """

    def is_plain(self) -> bool:
        """Whether the core has a convolution of these settings."""
        return self.stride == (1,) and self.dilation == (1,) and self.groups == 1

    def __prepare_scriptable__(self) -> Any:
        """torch.nn's module, for torch.jit.script."""
        return plain(self, nn.Conv1d)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The convolved sequences."""
        if (node := whole_in_graph(self, input)) is not None:
            return node
        if not self.is_plain() or not computes_here(None, input, self.weight, self.bias):
            return super().forward(input)
        before, after = self._reversed_padding_repeated_twice
        reach = input.shape[-1] + before + after
        if (
            input.dim() != 3
            or input.shape[1] != self.in_channels
            or reach < self.kernel_size[0]
            or not len(input)
        ):
            return super().forward(input)
        x = input.transpose(1, 2)
        if (before or after) and self.padding_mode == "zeros" and x.is_contiguous():
            x = functional.pad(x, (0, 0, before, after))
        elif before or after:
            mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
            x = functional.pad(input, (before, after), mode=mode).transpose(1, 2)
        weight = self.weight.transpose(1, 2)
        return _convolve(x.contiguous(), weight.contiguous(), self.bias)
