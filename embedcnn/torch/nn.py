"""torch.nn with the modules that run on the core in their places: `import embedcnn.torch.nn as nn`."""

from typing import Any

from torch import nn as _nn

from .acceleration import accelerate
from .convolution import Conv1d
from .embedding import Embedding, EmbeddingBag
from .recurrent import GRU, LSTM
from .text_cnn import TextCNN

__all__ = ["GRU", "LSTM", "Conv1d", "Embedding", "EmbeddingBag", "TextCNN", "accelerate"]


def __getattr__(name: str) -> Any:
    """Everything else is torch.nn's."""
    return getattr(_nn, name)


def __dir__() -> list[str]:
    """The names here and those of torch.nn."""
    return sorted({*__all__, *dir(_nn)})
