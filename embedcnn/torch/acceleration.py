"""accelerate: the modules of a model that are torch.nn's become those that run on the core."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from .convolution import Conv1d
from .embedding import Embedding, EmbeddingBag
from .recurrent import GRU, LSTM

_COUNTERPARTS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Embedding: Embedding,
    nn.EmbeddingBag: EmbeddingBag,
    nn.Conv1d: Conv1d,
    nn.LSTM: LSTM,
    nn.GRU: GRU,
}


@dataclass
class Accelerated:
    """What `accelerate` did: names of the modules that run on the core now, and why others do not."""

    replaced: dict[str, str] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{name or 'the model'}: {kind} runs on the core" for name, kind in self.replaced.items()]
        return "\n".join(lines + [f"{name or 'the model'}: {why}" for name, why in self.kept.items()])


def accelerate(model: nn.Module) -> Accelerated:
    """Turns the modules of a model that the core knows (Embedding, EmbeddingBag, Conv1d, LSTM, GRU of
    torch.nn) into those of embedcnn.torch, in place, and says which, and why not the others with parameters.

    Parameters, buffers, hooks and names stay as they are, so that optimizers and stored states go on to fit.
    `print` shows the result, a line for each module. Raises TypeError for what is no module.

    >>> import torch
    >>> from embedcnn.torch import accelerate
    >>> print(accelerate(torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Linear(4, 2))))
    0: Embedding runs on the core
    1: Linear has no counterpart in the core
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module. Received: {model!r:.100}")
    done = Accelerated()
    for name, module in model.named_modules():
        kind = type(module).__name__
        why = _why_not(module)
        if why is None:
            module.__class__ = _COUNTERPARTS[type(module)]
            done.replaced[name] = kind
        elif why:
            done.kept[name] = f"{kind} {why}"
    return done


def _why_not(module: nn.Module) -> str | None:
    """None for a module to turn, "" for one that computes nothing itself, else the reason."""
    own = list(module.parameters(recurse=False))
    if type(module) in _COUNTERPARTS.values():
        return "runs on the core already"
    if type(module) not in _COUNTERPARTS:
        known = next((base for base in _COUNTERPARTS if isinstance(module, base)), None)
        if known is not None:
            return f"is a subclass of {known.__name__}, which may do something else"
        return "has no counterpart in the core" if own else ""
    other = next((one for one in own if one.device.type != "cpu" or str(one.dtype) != "torch.float32"), None)
    if other is not None:
        return f"has parameters of {other.dtype} on {other.device}; the core has float32 on the CPU"
    if isinstance(module, nn.Conv1d) and not (
        module.stride == (1,) and module.dilation == (1,) and module.groups == 1
    ):
        return (
            f"has stride {module.stride[0]}, dilation {module.dilation[0]} and {module.groups} groups; "
            "the core has 1 of each"
        )
    if isinstance(module, nn.LSTM) and module.proj_size:
        return f"has proj_size {module.proj_size}, which the core lacks"
    return None
