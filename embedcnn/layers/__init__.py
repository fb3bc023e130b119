"""Layers by Keras's names. Each is a description; models.Model joins them and lowering.py hands them to the
core.
"""

from .activation import Activation, ReLU, Softmax
from .base import Layer
from .convolution import Conv1D
from .core import Dense, Input, InputLayer
from .embedding import Embedding
from .merging import Add, Average, Concatenate, Maximum, Minimum, Multiply, Subtract, concatenate
from .ngrams import HashedNgrams
from .normalization import LayerNormalization
from .pooling import (
    AveragePooling1D,
    AvgPool1D,
    GlobalAveragePooling1D,
    GlobalAvgPool1D,
    GlobalMaxPool1D,
    GlobalMaxPooling1D,
    MaxPool1D,
    MaxPooling1D,
)
from .regularization import Dropout, SpatialDropout1D
from .shaping import Flatten

Convolution1D = Conv1D

__all__ = [
    "Activation",
    "Add",
    "Average",
    "AveragePooling1D",
    "AvgPool1D",
    "Concatenate",
    "Conv1D",
    "Convolution1D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAvgPool1D",
    "GlobalMaxPool1D",
    "GlobalMaxPooling1D",
    "HashedNgrams",
    "Input",
    "InputLayer",
    "Layer",
    "LayerNormalization",
    "MaxPool1D",
    "MaxPooling1D",
    "Maximum",
    "Minimum",
    "Multiply",
    "ReLU",
    "Softmax",
    "SpatialDropout1D",
    "Subtract",
    "concatenate",
]

CLASSES: dict[str, type[Layer]] = {
    cls.__name__: cls
    for cls in (Activation, Add, Average, AveragePooling1D, Concatenate, Conv1D, Dense, Dropout, Embedding)
    + (
        Flatten,
        GlobalAveragePooling1D,
        GlobalMaxPooling1D,
        HashedNgrams,
        InputLayer,
        LayerNormalization,
        MaxPooling1D,
    )
    + (Maximum, Minimum, Multiply, ReLU, Softmax, SpatialDropout1D, Subtract)
}
"""The layers that a saved model may hold, by name: nothing else is ever built from a file."""

ID_READERS = (Embedding, HashedNgrams)
"""The layers whose input is token ids."""
