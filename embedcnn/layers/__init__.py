"""Layers by Keras's names. Each is a description; models.Model joins them and lowering.py hands them to the
core.
"""

from .activation import Activation, ReLU, Softmax
from .base import Layer
from .convolution import Conv1D
from .core import Dense, Input, InputLayer
from .embedding import Embedding
from .merging import Concatenate, concatenate
from .pooling import GlobalAveragePooling1D, GlobalAvgPool1D, GlobalMaxPool1D, GlobalMaxPooling1D
from .regularization import Dropout

Convolution1D = Conv1D

__all__ = [
    "Activation",
    "Concatenate",
    "Conv1D",
    "Convolution1D",
    "Dense",
    "Dropout",
    "Embedding",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "Input",
    "InputLayer",
    "Layer",
    "ReLU",
    "Softmax",
    "concatenate",
]

CLASSES: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (Activation, Concatenate, Conv1D, Dense, Dropout, Embedding, GlobalAveragePooling1D)
    + (GlobalMaxPooling1D, InputLayer, ReLU, Softmax)
}
"""The layers that a saved model may hold, by name: nothing else is ever built from a file."""
