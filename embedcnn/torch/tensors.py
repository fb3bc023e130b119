"""The border between PyTorch and the core: which tensors the core computes, and how it is called with them.

The core has float32 on the CPU, in tensors that are just that. Whatever else comes (float64, another device,
a tracer, autocast, a tensor class of one's own) goes PyTorch's way: the modules here are its subclasses.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.nn import Parameter

from ..runtime import _core

MOST_THREADS = 64
_PLAIN = (torch.Tensor, Parameter)
_transforms_are_active: Callable[[], bool] = getattr(
    torch._C, "_are_functorch_transforms_active", lambda: False
)


_exports: Callable[[], bool] = getattr(torch.compiler, "is_exporting", lambda: False)


def computes_here(ids: torch.Tensor | None, *floats: torch.Tensor | None) -> bool:
    """Whether the core can compute with these: integers of 32 or 64 bits, and float32, in plain tensors of
    the CPU, outside of autocast, tracers and the transforms of torch.func.
    """
    if ids is not None and not (
        type(ids) in _PLAIN
        and ids.dtype in (torch.int64, torch.int32)
        and ids.is_cpu
        and ids.layout is torch.strided
    ):
        return False
    for one in floats:
        if one is not None and not (
            type(one) in _PLAIN and one.dtype is torch.float32 and one.is_cpu and one.layout is torch.strided
        ):
            return False
    is_traced = torch.jit.is_tracing() or _exports()
    return not (is_traced or torch.is_autocast_enabled("cpu") or _transforms_are_active())


def outside_graphs(function: Callable[..., Any]) -> Callable[..., Any]:
    """torch.compiler.disable, for a function that torch.compile is to call and not to look into; the
    compiler, which takes seconds to import, is imported when it first meets the function.
    """
    disabled: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        if not torch.compiler.is_compiling():
            return function(*arguments)
        if not disabled:
            disabled.append(torch.compiler.disable(function))
        return disabled[0](*arguments)

    return call


def on_threads_of_torch(function: Callable[..., Any], *arguments: Any) -> Any:
    """The function's result, computed on as many threads as `torch.set_num_threads` allows.

    Core and PyTorch share one OpenMP runtime and its setting, unless PyTorch came with a runtime of another
    name, or `embedcnn.set_num_threads` was called: then the core's setting is lent for this call. An id that
    the core refuses is an IndexError, as with PyTorch.
    """
    wanted, had = min(torch.get_num_threads(), MOST_THREADS), _core.get_num_threads()
    try:
        if wanted == had:
            return function(*arguments)
        _core.set_num_threads(wanted)
        try:
            return function(*arguments)
        finally:
            _core.set_num_threads(had)
    except ValueError as error:
        if "is outside [0, " in str(error):
            raise IndexError(str(error)) from None
        raise


def table_gradient(shape: torch.Size, rows: torch.Tensor, values: torch.Tensor, sparse: bool) -> torch.Tensor:
    """The gradient of a table [V, D] from distinct rows [U] and their values [U, D]: a coalesced sparse
    tensor, for which the rows must rise, or a dense one.
    """
    if sparse:
        return torch.sparse_coo_tensor(
            rows.unsqueeze(0), values, shape, is_coalesced=True, check_invariants=False
        )
    return torch.zeros(shape).index_copy_(0, rows, values)
