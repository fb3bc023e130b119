"""Embedding and EmbeddingBag with gradients of distinct rows, sparse or dense."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.autograd.function import once_differentiable

from ..runtime import _core
from .programs import ProgramCall, ProgramPool, apply_program
from .tensors import computes_here, on_threads_of_torch, outside_graphs, table_gradient
from .tracing import plain, whole_in_graph

_MODES = ("sum", "mean", "max")


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, ids: torch.Tensor, module: Embedding) -> torch.Tensor:
        ctx.module, ctx.weight_shape = module, weight.shape
        ctx.save_for_backward(ids)
        rows = on_threads_of_torch(_core.gather_rows, weight.detach().numpy(), ids.numpy())
        # shaped before it is a tensor: PyTorch lets no view that a Function returns be changed in place
        return torch.from_numpy(rows.reshape(*ids.shape, weight.shape[1]))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_rows: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        module, (count, width) = ctx.module, ctx.weight_shape
        skipped = -1 if module.padding_idx is None else module.padding_idx
        flat = d_rows.contiguous().view(-1, width).numpy()
        rows, values = on_threads_of_torch(
            _core.sum_rows, ids.numpy(), flat, count, skipped, module.scale_grad_by_freq
        )
        found = torch.from_numpy(rows), torch.from_numpy(values)
        return table_gradient(ctx.weight_shape, *found, module.sparse), None, None


_gather = outside_graphs(_Gather.apply)


class Embedding(nn.Embedding):
    """Rows of a table [V, D] for ids int64 or int32 of any shape: float32 [..., D]. As torch.nn.Embedding,
    with its arguments, state and `from_pretrained`.

    The gradient is made of the batch's distinct rows; with `sparse` it is a coalesced sparse tensor of these,
    for `embedcnn.torch.optim`, and a step takes no longer the more rows a table has. Tables of another dtype
    or device are PyTorch's work. Raises IndexError for an id outside [0, V), naming it.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> embedding = nn.Embedding(10, 3, sparse=True)
    >>> embedding(torch.tensor([[2, 5, 2]])).sum().backward()
    >>> embedding.weight.grad.coalesce().indices().tolist()
    [[2, 5]]
    """

    @classmethod
    def from_pretrained(cls, embeddings: torch.Tensor, *settings: Any, **named: Any) -> Embedding:
        """An Embedding over a table [V, D] of vectors, shared and frozen unless `freeze=False`, with the
        arguments of torch.nn.Embedding.from_pretrained.

        An array of NumPy will do. A float64 matrix becomes one of PyTorch's default dtype, which the layers
        above have; `.double()` turns a model to float64. Raises TypeError for what is neither, ValueError for
        another number of axes.
        """
        return super().from_pretrained(in_default_dtype(embeddings), *settings, **named)

    def __prepare_scriptable__(self) -> Any:
        """torch.nn's module, for torch.jit.script."""
        return plain(self, nn.Embedding)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The rows of ids of any shape."""
        if (node := whole_in_graph(self, input)) is not None:
            return node
        if not computes_here(input, self.weight) or not self.weight.is_contiguous():
            return super().forward(input)
        if self.max_norm is not None:
            bound_norms(self, input)
        return _gather(self.weight, input, self)


class EmbeddingBag(nn.EmbeddingBag):
    """Sum, mean or maximum of the rows of each bag of ids, [B, T] or flat [N] with `offsets` [B]: float32
    [B, D]. As torch.nn.EmbeddingBag, with its arguments and state.

    Rows are read where they stand in the table. `per_sample_weights` beside flat ids, `scale_grad_by_freq`,
    and tables of another dtype or device, are PyTorch's work. Raises IndexError for an id outside [0, V),
    naming it.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> bag = nn.EmbeddingBag(10, 3, mode="sum")
    >>> bag(torch.tensor([1, 2, 4, 5, 4, 3, 2, 9]), torch.tensor([0, 4])).shape
    torch.Size([2, 3])
    """

    @classmethod
    def from_pretrained(cls, embeddings: torch.Tensor, *settings: Any, **named: Any) -> EmbeddingBag:
        """An EmbeddingBag over a table [V, D] of vectors, shared and frozen unless `freeze=False`, with the
        arguments of torch.nn.EmbeddingBag.from_pretrained. Arrays and float64 as for Embedding.
        """
        return super().from_pretrained(in_default_dtype(embeddings), *settings, **named)

    def __prepare_scriptable__(self) -> Any:
        """torch.nn's module, for torch.jit.script."""
        return plain(self, nn.EmbeddingBag)

    def forward(
        self,
        input: torch.Tensor,
        offsets: torch.Tensor | None = None,
        per_sample_weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """The reduced rows of each bag."""
        if (node := whole_in_graph(self, input, offsets, per_sample_weights)) is not None:
            return node
        ids = self._bags(input, offsets)
        weights = () if per_sample_weights is None else (per_sample_weights,)
        if ids is None or not computes_here(None, self.weight, *weights):
            return super().forward(input, offsets, per_sample_weights)
        if weights and (isinstance(ids, tuple) or self.mode != "sum" or weights[0].shape != input.shape):
            return super().forward(input, offsets, per_sample_weights)
        if self.max_norm is not None:
            bound_norms(self, input)
        settings = {} if self.padding_idx is None else {"mask_id": self.padding_idx}
        specs: list[tuple[Any, ...]] = [("input", "int32", -1, ())]
        if weights:
            specs.append(("per_sample_weights", "float32", None, (input.shape[1],)))
        tokens = len(specs)
        operations = [
            ("lookup", (0,), (tokens,), (0,), settings),
            ("token_bag", (tokens, 1) if weights else (tokens,), (tokens + 1,), (), {"mode": self.mode}),
        ]
        call = ProgramCall(pool_of(self), specs, operations, (tokens + 1,), inputs={0: ids}, table=self)
        return apply_program(call, *weights, self.weight)[0]

    def _bags(self, input: torch.Tensor, offsets: torch.Tensor | None) -> Any:
        """The ids as the core takes them, [B, T] or (ids, offsets with an end); None: these are left to
        PyTorch, which also says what is wrong with them.
        """
        if not computes_here(input) or input.numel() == 0 or self.scale_grad_by_freq:
            return None
        if self.mode not in _MODES:
            return None
        if offsets is None:
            return input.numpy() if input.dim() == 2 else None
        if input.dim() != 1 or offsets.dim() != 1 or not computes_here(offsets):
            return None
        ends = offsets.numpy().astype(np.int64)
        if not self.include_last_offset:
            ends = np.append(ends, input.numel())
        rises = len(ends) > 1 and ends[0] == 0 and ends[-1] == input.numel() and (ends[1:] >= ends[:-1]).all()
        return (input.numpy(), ends) if rises else None


def in_default_dtype(vectors: Any) -> torch.Tensor:
    """A table [V, D] as a tensor that shares its memory; one of float64, NumPy's default, in PyTorch's."""
    if isinstance(vectors, np.ndarray):
        vectors = torch.from_numpy(vectors)
    if not isinstance(vectors, torch.Tensor):
        raise TypeError(
            "embeddings must be a tensor or an array of NumPy [V, D]. Received: a " + type(vectors).__name__
        )
    if vectors.dim() != 2:
        raise ValueError(f"embeddings must have the shape [V, D]. Received: {tuple(vectors.shape)}")
    return vectors.to(torch.get_default_dtype()) if vectors.dtype is torch.float64 else vectors


def bound_norms(module: Any, ids: torch.Tensor) -> None:
    """Scales the rows of the ids whose norm is above the module's max_norm, in place, as PyTorch does."""
    with torch.no_grad():
        torch.embedding_renorm_(
            module.weight.detach(), ids.contiguous().view(-1), module.max_norm, module.norm_type
        )


def pool_of(module: nn.Module) -> ProgramPool:
    """The module's programs; it gets a pool when it first asks, as one that `accelerate` has turned must."""
    pool = module.__dict__.get("_programs")
    if pool is None:
        pool = module.__dict__["_programs"] = ProgramPool()
    return pool
