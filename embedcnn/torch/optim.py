"""torch.optim with optimizers that update the rows of a sparse gradient and no others, and Adam in one pass.

A table's gradient from `embedcnn.torch` with `sparse=True` names distinct rows in order; of these the values
and what the optimizer keeps of them are read and written, so that a step takes no longer the more rows a
table has. Dense gradients are torch.optim's work, Adam's that of its fused kernel, which PyTorch does not use
on the CPU unless it is asked for: a third of the time, as memory is read and written once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import optim as _optim

from ..base.programs import make_program
from .tensors import computes_here, on_threads_of_torch

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "SparseAdam"]


class _OverRows:
    """An optimizer of torch.optim whose step takes the sparse gradients first, row by row, and leaves the
    rest to its parent.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update. `closure` computes the loss anew, and its gradients, and returns it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        done: list[tuple[torch.Tensor, torch.Tensor]] = []
        others = False
        for group in self.param_groups:  # type: ignore[attr-defined]
            for parameter in group["params"]:
                gradient = parameter.grad
                if gradient is None:
                    continue
                if gradient.layout is torch.sparse_coo and self._suits(parameter, group):
                    rows, values = _rows_and_values(gradient)
                    if group.get("maximize", False):
                        values = -values
                    self._update_rows(parameter, group, rows, values)
                    done.append((parameter, parameter.grad))
                else:
                    others = True
        if others:
            self._step_others(done)
        return loss

    def _step_others(self, done: list[tuple[torch.Tensor, torch.Tensor]]) -> None:
        """The parent's step, which does not see the gradients that are done."""
        for parameter, _ in done:
            parameter.grad = None
        step = super().step  # type: ignore[misc]
        if getattr(step, "hooked", False):  # its hooks are this optimizer's, which run around the whole step
            step = step.__wrapped__.__get__(self)
        try:
            step()
        finally:
            for parameter, gradient in done:
                parameter.grad = gradient

    def _suits(self, parameter: torch.Tensor, group: dict[str, Any]) -> bool:
        """Whether rows of this parameter are updated here."""
        return parameter.dim() == 2 and parameter.layout is torch.strided

    def _update_rows(
        self, parameter: torch.Tensor, group: dict[str, Any], rows: torch.Tensor, values: torch.Tensor
    ) -> None:
        raise NotImplementedError


def _rows_and_values(gradient: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Distinct rising rows of a sparse gradient, and their values; PyTorch forgets that they are so."""
    rows, values = gradient._indices()[0], gradient._values()
    if gradient.is_coalesced() or bool((rows[1:] > rows[:-1]).all()):
        return rows, values
    gradient = gradient.coalesce()
    return gradient.indices()[0], gradient.values()


class _InOnePass:
    """An optimizer of torch.optim that is `fused` where nobody chose otherwise and all parameters are real
    numbers on the CPU.
    """

    def __init__(self, params: Any, *arguments: Any, **options: Any) -> None:
        params = _listed(params)
        chosen = any(options.get(name) is not None for name in ("foreach", "fused"))
        if (
            not chosen
            and not options.get("differentiable")
            and not options.get("capturable")
            and _suit(params)
        ):
            options["fused"] = True
        super().__init__(params, *arguments, **options)  # type: ignore[call-arg]


def _listed(params: Any) -> Any:
    """Parameters, or groups of them, that may be gone through twice."""
    if isinstance(params, (torch.Tensor, str, bytes)):
        return params  # PyTorch says what is wrong
    made = list(params)
    for number, one in enumerate(made):
        if isinstance(one, dict) and not isinstance(one.get("params", ()), (torch.Tensor, list, set)):
            made[number] = {**one, "params": list(one["params"])}
    return made


def _suit(params: Any) -> bool:
    """Whether PyTorch's fused kernel of the CPU takes all of these."""
    if not isinstance(params, list):
        return False
    tensors: list[Any] = []
    for one in params:
        if isinstance(one, dict) and any(one.get(name) is not None for name in ("foreach", "fused")):
            return False
        held = one.get("params", ()) if isinstance(one, dict) else [one]
        tensors += [held] if isinstance(held, torch.Tensor) else list(held)
    plain = [one[1] if isinstance(one, tuple) and len(one) == 2 else one for one in tensors]
    return all(isinstance(one, torch.Tensor) and one.is_cpu and one.is_floating_point() for one in plain)


class Adam(_InOnePass, _optim.Adam):
    """Adam in one pass over memory. As torch.optim.Adam, with its arguments, state and results, to rounding.

    It is torch.optim.Adam with `fused=True`, unless `fused` or `foreach` is given or parameters are not real
    numbers on the CPU.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> linear = torch.nn.Linear(3, 2)
    >>> optimizer = nn.optim.Adam(linear.parameters(), lr=0.01)
    >>> linear(torch.rand(4, 3)).sum().backward()
    >>> optimizer.step()
    """


class AdamW(_InOnePass, _optim.AdamW):
    """Adam whose weight decay is no part of the gradient, in one pass over memory, as `Adam` here. As
    torch.optim.AdamW, with its arguments, state and results, to rounding.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> linear = torch.nn.Linear(3, 2)
    >>> optimizer = nn.optim.AdamW(linear.parameters(), lr=0.01, weight_decay=0.1)
    >>> linear(torch.rand(4, 3)).sum().backward()
    >>> optimizer.step()
    """


class SparseAdam(_OverRows, _optim.SparseAdam):
    """Adam over the rows of sparse gradients, in one pass of the core. As torch.optim.SparseAdam, with its
    arguments, state and results.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> embedding = nn.Embedding(1000, 8, sparse=True)
    >>> optimizer = nn.optim.SparseAdam(embedding.parameters(), lr=0.01)
    >>> embedding(torch.tensor([3, 5])).sum().backward()
    >>> optimizer.step()
    """

    def _suits(self, parameter: torch.Tensor, group: dict[str, Any]) -> bool:
        return parameter.dim() == 2 and computes_here(None, parameter) and parameter.is_contiguous()

    def _update_rows(
        self, parameter: torch.Tensor, group: dict[str, Any], rows: torch.Tensor, values: torch.Tensor
    ) -> None:
        state = self.state[parameter]
        if not state:
            state["step"] = 0
            state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
            state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.contiguous_format)
        slots = [state["exp_avg"].numpy(), state["exp_avg_sq"].numpy()]
        program = self._program(parameter, group["betas"], group["eps"])
        program.bind(0, parameter.detach().numpy(), True, slots, np.array([state["step"]], np.int64))
        gradient = rows.to(torch.int32).numpy(), values.contiguous().numpy()
        on_threads_of_torch(program.update, [gradient], float(group["lr"]), state["step"])
        state["step"] += 1
        for changed in (parameter, state["exp_avg"], state["exp_avg_sq"]):
            torch.autograd.graph.increment_version(changed)

    def _program(self, parameter: torch.Tensor, betas: tuple[float, float], epsilon: float) -> Any:
        """A program with a table of the parameter's shape, for its update alone."""
        programs = self.__dict__.setdefault("_programs", {})
        key = (tuple(parameter.shape), *betas, epsilon)
        if key not in programs:
            operations = [
                ("lookup", (0,), (1,), (0,), {}),
                ("token_bag", (1,), (2,), (), {"mode": "sum"}),
                ("squared_error", (2,), (3,), (), {}),  # a parameter that no loss needs has no update
            ]
            inputs: list[tuple[Any, ...]] = [("ids", "int32", -1, ())]
            settings = {"beta_1": betas[0], "beta_2": betas[1], "epsilon": epsilon}
            programs[key] = make_program(
                inputs, [("table", tuple(parameter.shape))], operations, (2,), optimizer=("adam", settings)
            )
        return programs[key]


class SGD(_OverRows, _optim.SGD):
    """Gradient descent, over the rows of gradients that are sparse. As torch.optim.SGD, with its arguments.

    Momentum and weight decay of a row act when a batch names it; torch.optim.SGD moves all rows that were
    ever named, and refuses weight decay. Without momentum both give the same result.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> embedding = nn.Embedding(1000, 8, sparse=True)
    >>> optimizer = nn.optim.SGD(embedding.parameters(), lr=0.1, momentum=0.9)
    >>> embedding(torch.tensor([3, 5])).sum().backward()
    >>> optimizer.step()
    """

    def _update_rows(
        self, parameter: torch.Tensor, group: dict[str, Any], rows: torch.Tensor, values: torch.Tensor
    ) -> None:
        momentum, decay, rate = group["momentum"], group["weight_decay"], -float(group["lr"])
        if decay:
            values = values.add(parameter.index_select(0, rows), alpha=decay)
        if momentum:
            state = self.state[parameter]
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = torch.zeros_like(parameter)
            moved = buffer.index_select(0, rows).mul_(momentum).add_(values, alpha=1 - group["dampening"])
            buffer.index_copy_(0, rows, moved)
            values = values.add(moved, alpha=momentum) if group["nesterov"] else moved
        parameter.index_add_(0, rows, values, alpha=rate)


class Adagrad(_OverRows, _optim.Adagrad):
    """Adagrad, over the rows of gradients that are sparse. As torch.optim.Adagrad, with its arguments, state
    and results.

    Weight decay of a row, which torch.optim.Adagrad refuses, acts when a batch names it.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> embedding = nn.Embedding(1000, 8, sparse=True)
    >>> optimizer = nn.optim.Adagrad(embedding.parameters(), lr=0.1)
    >>> embedding(torch.tensor([3, 5])).sum().backward()
    >>> optimizer.step()
    """

    def _update_rows(
        self, parameter: torch.Tensor, group: dict[str, Any], rows: torch.Tensor, values: torch.Tensor
    ) -> None:
        state = self.state[parameter]
        state["step"] += 1
        rate = float(group["lr"]) / (1 + (float(state["step"]) - 1) * group["lr_decay"])
        if group["weight_decay"]:
            values = values.add(parameter.index_select(0, rows), alpha=group["weight_decay"])
        total = state["sum"].index_select(0, rows).addcmul_(values, values)
        state["sum"].index_copy_(0, rows, total)
        parameter.index_add_(0, rows, values / total.sqrt_().add_(group["eps"]), alpha=-rate)


def __getattr__(name: str) -> Any:
    """Everything else is torch.optim's."""
    return getattr(_optim, name)


def __dir__() -> list[str]:
    """The names here and those of torch.optim."""
    return sorted({*__all__, *dir(_optim)})
