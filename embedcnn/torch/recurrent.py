"""LSTM and GRU: one program of the core for each layer, with both directions where there are two."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from .embedding import pool_of
from .programs import ProgramCall, apply_program
from .tensors import computes_here
from .tracing import plain, whole_in_graph

States = Sequence[torch.Tensor]


class LSTM(nn.LSTM):
    """Long short-term memory: float32 [T, B, C] (`batch_first`: [B, T, C]), or a packed sequence, to
    (output, (h_n, c_n)). As torch.nn.LSTM, with its arguments and state.

    Packed sequences are computed up to each text's end. `proj_size`, sequences without a batch, and another
    dtype or device are PyTorch's work.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> lstm = nn.LSTM(10, 20, num_layers=2, batch_first=True, bidirectional=True)
    >>> output, (h, c) = lstm(torch.rand(3, 5, 10))
    >>> output.shape, h.shape
    (torch.Size([3, 5, 40]), torch.Size([4, 3, 20]))
    """

    def __prepare_scriptable__(self) -> Any:
        """torch.nn's module, for torch.jit.script."""
        return plain(self, nn.LSTM)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs of the last layer, and the last states of all."""
        if (node := whole_in_graph(self, input, hx)) is not None:
            return node
        states = () if hx is None else tuple(hx)
        if self.proj_size or not _suits(self, input, states, 2):
            return super().forward(input, hx)
        output, (h, c) = _run(self, "lstm", input, states, _lstm_weights)
        return output, (h, c)


class GRU(nn.GRU):
    """A gated recurrent unit: float32 [T, B, C] (`batch_first`: [B, T, C]), or a packed sequence, to
    (output, h_n). As torch.nn.GRU, with its arguments and state.

    Packed sequences are computed up to each text's end. Sequences without a batch, and another dtype or
    device are PyTorch's work.

    >>> import torch
    >>> from embedcnn import torch as nn
    >>> output, h = nn.GRU(10, 20)(torch.rand(5, 3, 10))
    >>> output.shape, h.shape
    (torch.Size([5, 3, 20]), torch.Size([1, 3, 20]))
    """

    def __prepare_scriptable__(self) -> Any:
        """torch.nn's module, for torch.jit.script."""
        return plain(self, nn.GRU)

    def forward(self, input: Any, hx: Any = None) -> Any:
        """The outputs of the last layer, and the last states of all."""
        if (node := whole_in_graph(self, input, hx)) is not None:
            return node
        states = () if hx is None else (hx,)
        if not _suits(self, input, states, 1):
            return super().forward(input, hx)
        output, (h,) = _run(self, "gru", input, states, _gru_weights)
        return output, h


def _suits(module: nn.RNNBase, input: Any, states: States, count: int) -> bool:
    """Whether the core computes this call; what is wrong with another, PyTorch says."""
    data = input.data if isinstance(input, PackedSequence) else input
    weights = [_weight(module, name) for name in module._flat_weights_names]
    if not computes_here(None, data, *states, *weights) or data.shape[-1] != module.input_size:
        return False
    if isinstance(input, PackedSequence):
        batch = int(input.batch_sizes[0])
    elif input.dim() == 3 and input.numel():
        batch = input.shape[0 if module.batch_first else 1]
    else:
        return False
    shape = (module.num_layers * _directions(module), batch, module.hidden_size)
    return len(states) in (0, count) and all(state.shape == shape for state in states)


def _weight(module: nn.Module, name: str) -> Any:
    """A weight, or None: at once where it is a parameter, and not computed by a parametrization."""
    own = module.__dict__["_parameters"].get(name)
    return getattr(module, name, None) if own is None else own


def _directions(module: nn.RNNBase) -> int:
    return 2 if module.bidirectional else 1


def _run(module: Any, operation: str, input: Any, states: States, weights: Any) -> tuple[Any, States]:
    """A call over all layers: the output in the input's form, and the last states [layers, B, H]."""
    if not isinstance(input, PackedSequence):
        x = input if module.batch_first else input.transpose(0, 1)
        y, last = _layers(module, operation, x, None, states, weights)
        return y if module.batch_first else y.transpose(0, 1), last
    data, batch_sizes, sorted_indices, unsorted_indices = input
    x, lengths = pad_packed_sequence(PackedSequence(data, batch_sizes), batch_first=True)
    if sorted_indices is not None:
        states = [state.index_select(1, sorted_indices) for state in states]
    mask = torch.arange(x.shape[1]) < lengths.unsqueeze(1)
    y, last = _layers(module, operation, x, mask.numpy(), states, weights)
    packed = pack_padded_sequence(y, lengths, batch_first=True)
    if unsorted_indices is not None:
        last = [state.index_select(1, unsorted_indices) for state in last]
    return PackedSequence(packed.data, batch_sizes, sorted_indices, unsorted_indices), last


def _layers(
    module: Any, operation: str, x: torch.Tensor, mask: Any, states: States, weights: Any
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """x [B, T, C] through all layers, with dropout between them."""
    directions, last = _directions(module), []
    for layer in range(module.num_layers):
        if layer and module.dropout and module.training:
            x = functional.dropout(x, module.dropout, True)
        places = range(layer * directions, (layer + 1) * directions)
        first = [state[place] for place in places for state in states]
        given = [weights(module, f"_l{layer}{suffix}") for suffix in ("", "_reverse")[:directions]]
        x, made = _layer(module, operation, x, mask, first, given)
        last.append(made)
    count = len(last[0]) // directions
    if len(last) == directions == 1:
        return x, [one.unsqueeze(0) for one in last[0]]
    of_all = [made[number::count] for number in range(count) for made in (sum(last, []),)]
    return x, [torch.stack(one) for one in of_all]


def _layer(
    module: Any, operation: str, x: torch.Tensor, mask: Any, first: States, weights: list[list[torch.Tensor]]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """One layer: its output [B, T, directions H], and the last states of each direction in turn."""
    states = 2 if operation == "lstm" else 1
    form = _form(operation, x.shape[2], module.hidden_size, bool(first), len(weights), bool(module.bias))
    call = ProgramCall(
        pool_of(module),
        form.specs,
        form.operations,
        form.outputs,
        masks={} if mask is None else {0: mask},
        form=form,
    )
    made = apply_program(call, x, *first, *(one for given in weights for one in given))
    if len(weights) == 1:
        return made[0], list(made[1:])
    last = [one for number, one in enumerate(made) if number % (1 + states)]
    return torch.cat(made[:: 1 + states], 2), last


@dataclass(frozen=True, eq=False)
class _Form:
    """What the calls of a layer of these sizes have in common; its identity stands for all of it."""

    specs: list[tuple[Any, ...]]
    operations: list[tuple[Any, ...]]
    outputs: tuple[int, ...]


@functools.lru_cache(maxsize=128)
def _form(
    operation: str, channels: int, units: int, has_first: bool, directions: int, use_bias: bool
) -> _Form:
    states, weights = 2 if operation == "lstm" else 1, 2 + use_bias
    specs: list[tuple[Any, ...]] = [("input", "float32", -1, (channels,))]
    specs += [(f"hx{number}", "float32", None, (units,)) for number in range(has_first * directions * states)]
    operations: list[tuple[Any, ...]] = []
    tensor = len(specs)
    for direction in range(directions):
        own = range(1 + direction * states, 1 + (direction + 1) * states) if has_first else ()
        made = tuple(range(tensor, tensor + 1 + states))
        numbers = tuple(range(direction * weights, (direction + 1) * weights))
        settings = {
            "use_bias": use_bias,
            "return_sequences": True,
            "return_state": True,
            "initial_state": has_first,
            "reverse": bool(direction),
            "keep_order": bool(direction),
            "transposed": True,
        }
        operations.append((operation, (0, *own), made, numbers, settings))
        tensor += 1 + states
    return _Form(specs, operations, tuple(range(len(specs), tensor)))


def _lstm_weights(module: nn.LSTM, suffix: str) -> list[torch.Tensor]:
    """Kernel [4 H, C], recurrent kernel [4 H, H] and bias [4 H]: gates i f g o, in the core as in PyTorch."""
    made = [_weight(module, f"weight_{kind}{suffix}") for kind in ("ih", "hh")]
    if module.bias:
        made.append(_weight(module, f"bias_ih{suffix}") + _weight(module, f"bias_hh{suffix}"))
    return made


def _gru_weights(module: nn.GRU, suffix: str) -> list[torch.Tensor]:
    """The same of a GRU, of 3 H rows, its bias [2, 3 H]: gates z r n in the core, r z n in PyTorch."""

    def turned(name: str) -> torch.Tensor:
        r, z, n = getattr(module, name + suffix).chunk(3)
        return torch.cat([z, r, n])

    made = [turned("weight_ih"), turned("weight_hh")]
    if module.bias:
        made.append(torch.stack([turned("bias_ih"), turned("bias_hh")]))
    return made
