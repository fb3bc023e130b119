"""PyTorch's modules on the core: `import embedcnn.torch as nn`, or `from embedcnn import torch`.

Embedding, EmbeddingBag, Conv1d, LSTM, GRU and TextCNN are here, with torch.nn's arguments, states and
results; every other name is that of torch.nn, or else of torch. Only the modules of this folder import torch
(the extra `torch`).
"""

from typing import Any

try:
    import torch as _torch
    import torch.nn
except ImportError as error:
    raise ImportError("embedcnn.torch needs PyTorch: pip install 'embedcnn[torch]'") from error

from . import nn, optim, utils
from .acceleration import Accelerated, accelerate
from .convolution import Conv1d
from .embedding import Embedding, EmbeddingBag
from .recurrent import GRU, LSTM
from .text_cnn import TextCNN

__all__ = [
    "GRU",
    "LSTM",
    "Accelerated",
    "Conv1d",
    "Embedding",
    "EmbeddingBag",
    "TextCNN",
    "accelerate",
    "nn",
    "optim",
    "utils",
]


def __getattr__(name: str) -> Any:
    """What is not here is torch.nn's, or else torch's: `Linear` and `functional`, `tensor` and `cuda`."""
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(_torch.nn, name, None)
    return getattr(_torch, name) if found is None else found


def __dir__() -> list[str]:
    """The names here, those of torch.nn and those of torch."""
    return sorted({*__all__, *dir(_torch.nn), *dir(_torch)})
