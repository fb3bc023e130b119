"""What torch.fx and torch.jit.script make of the modules: a graph of torch.fx calls them whole, as it calls
torch.nn's; a script gets torch.nn's own, over the same weights.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.fx import Proxy


def whole_in_graph(module: nn.Module, *inputs: Any) -> Any:
    """The call of a module as a node of a graph that torch.fx traces; None where nothing is traced, or the
    module itself is.
    """
    proxy = next((one for one in inputs if isinstance(one, Proxy)), None)
    if proxy is None:
        return None
    try:
        path = proxy.tracer.path_of_module(module)
    except (NameError, AttributeError):
        return None
    return proxy.tracer.create_proxy("call_module", path, inputs, {}) if path else None


def plain(module: Any, kind: Any) -> Any:
    """torch.nn's module over the weights and settings of ours."""
    made = kind.__new__(kind)
    made.__dict__ = {name: value for name, value in module.__dict__.items() if name != "_programs"}
    return made


class PlainTextCNN(nn.Module):
    """TextCNN in torch.nn's modules, which torch.jit.script compiles.

    >>> import torch
    >>> from embedcnn.torch import TextCNN
    >>> torch.jit.script(TextCNN(9, 4, 2))(torch.zeros(1, 5, dtype=torch.long)).shape
    torch.Size([1, 6])
    """

    def __init__(self, embedding: nn.Module, convs: nn.ModuleList, activation: str) -> None:
        super().__init__()
        self.embedding, self.convs, self.activation = embedding, convs, activation

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """The features of each text of ids [B, T]."""
        x = self.embedding(input).transpose(-1, -2)
        found = []
        for conv in self.convs:
            y = conv(x)
            if self.activation == "relu":
                y = torch.relu(y)
            elif self.activation == "tanh":
                y = torch.tanh(y)
            elif self.activation == "sigmoid":
                y = torch.sigmoid(y)
            found.append(y.max(-1)[0])
        return torch.cat(found, -1)
