"""Layers by Keras's names. Each is a description; a Model joins them, lowering/ hands them to the core."""

from typing import Any

from ..base.configuration import described
from ..base.custom_objects import known_class, known_objects
from ..base.keras_names import no_such_name
from .activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from .attention import AttentionPooling1D
from .bag_of_ngrams import BagOfNgrams
from .base import Layer
from .categories import CategoryEncoding, Hashing, IntegerLookup
from .convolution import Conv1D, DepthwiseConv1D, SeparableConv1D
from .convolution_2d import Conv2D, Conv2DTranspose
from .core import ActivityRegularization, Dense, Identity, Input, InputLayer
from .depthwise_2d import DepthwiseConv2D, SeparableConv2D
from .discretization import Discretization
from .dot_attention import AdditiveAttention, Attention, MultiHeadAttention
from .einsum_dense import EinsumDense
from .embedding import Embedding
from .embedding_bag import EmbeddingBag, EmbedReduce
from .image_augmentation import (
    RandomBrightness,
    RandomContrast,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomTranslation,
    RandomZoom,
)
from .image_shaping import CenterCrop, Cropping2D, Resizing, UpSampling2D, ZeroPadding2D
from .merging import (
    Add,
    Average,
    Concatenate,
    Dot,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    dot,
    maximum,
    minimum,
    multiply,
    subtract,
)
from .ngrams import HashedNgrams
from .normalization import BatchNormalization, LayerNormalization, UnitNormalization, WeightNormalization
from .operation import Operation
from .own_cells import OwnCellRNN
from .pooling import (
    AveragePooling1D,
    AvgPool1D,
    GlobalAveragePooling1D,
    GlobalAvgPool1D,
    GlobalMaxPool1D,
    GlobalMaxPooling1D,
    GlobalSumPooling1D,
    MaxPool1D,
    MaxPooling1D,
)
from .pooling_2d import (
    AveragePooling2D,
    AvgPool2D,
    GlobalAveragePooling2D,
    GlobalAvgPool2D,
    GlobalMaxPool2D,
    GlobalMaxPooling2D,
    MaxPool2D,
    MaxPooling2D,
)
from .python import Lambda
from .recurrent import GRU, LSTM, RNN, SimpleRNN
from .recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from .regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout1D,
    SpatialDropout2D,
)
from .resizing import Conv1DTranspose, Cropping1D, UpSampling1D, ZeroPadding1D
from .scaling import GroupNormalization, Normalization, Rescaling, RMSNormalization
from .shaping import ApplyMask, Flatten, Masking, Permute, RepeatVector, Reshape
from .string_lookup import StringLookup
from .text_vectorization import TextVectorization
from .tied import TiedDense
from .wrapper import Wrapper
from .wrappers import EACH_STEP as EACH_STEP
from .wrappers import Bidirectional, TimeDistributed
from .wrapping import CLASSES as CLASSES
from .wrapping import made

Convolution1D = Conv1D
Convolution1DTranspose = Conv1DTranspose
Convolution2D = Conv2D
Convolution2DTranspose = Conv2DTranspose
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

__all__ = [
    "Activation",
    "ActivityRegularization",
    "Add",
    "AdditiveAttention",
    "AlphaDropout",
    "ApplyMask",
    "Attention",
    "AttentionPooling1D",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BagOfNgrams",
    "BatchNormalization",
    "Bidirectional",
    "CategoryEncoding",
    "CenterCrop",
    "Concatenate",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Discretization",
    "Dot",
    "Dropout",
    "ELU",
    "EinsumDense",
    "EmbedReduce",
    "Embedding",
    "EmbeddingBag",
    "Flatten",
    "GRU",
    "GRUCell",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalSumPooling1D",
    "GroupNormalization",
    "HashedNgrams",
    "Hashing",
    "Identity",
    "Input",
    "InputLayer",
    "IntegerLookup",
    "LSTM",
    "LSTMCell",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "MultiHeadAttention",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "RMSNormalization",
    "RNN",
    "RandomBrightness",
    "RandomContrast",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomTranslation",
    "RandomZoom",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Resizing",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "SimpleRNN",
    "SimpleRNNCell",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "StackedRNNCells",
    "StringLookup",
    "Subtract",
    "TextVectorization",
    "TiedDense",
    "TimeDistributed",
    "UnitNormalization",
    "UpSampling1D",
    "UpSampling2D",
    "WeightNormalization",
    "Wrapper",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

_STORED: tuple[type[Layer], ...] = (
    *(Activation, Add, Average, AveragePooling1D, BatchNormalization, Concatenate, Conv1D, Dense),
    *(DepthwiseConv1D, Dot, Dropout, ELU, Embedding, Flatten, GaussianDropout, GaussianNoise),
    *(
        GlobalAveragePooling1D,
        GlobalMaxPooling1D,
        GlobalSumPooling1D,
        HashedNgrams,
        Identity,
        InputLayer,
        Lambda,
    ),
    *(LayerNormalization, LeakyReLU, Masking, MaxPooling1D, Maximum, Minimum, Multiply, PReLU, Permute),
    *(ReLU, RepeatVector, Reshape, SeparableConv1D, Softmax, SpatialDropout1D, Subtract),
    *(UnitNormalization, WeightNormalization, SimpleRNN, LSTM, GRU, Bidirectional, TimeDistributed),
    *(ApplyMask, AttentionPooling1D, RNN, OwnCellRNN, SimpleRNNCell, LSTMCell, GRUCell, StackedRNNCells),
    *(ActivityRegularization, CategoryEncoding, Discretization, Hashing, IntegerLookup),
    *(AveragePooling2D, GlobalAveragePooling2D, GlobalMaxPooling2D, MaxPooling2D),
    *(DepthwiseConv2D, SeparableConv2D, Conv2D, Conv2DTranspose),
    *(BagOfNgrams, StringLookup, TextVectorization, EmbeddingBag, EmbedReduce, TiedDense),
)
_OF_IMAGES = (
    *(CenterCrop, Cropping2D, Resizing, SpatialDropout2D, UpSampling2D, ZeroPadding2D),
    *(
        RandomBrightness,
        RandomContrast,
        RandomCrop,
        RandomFlip,
        RandomRotation,
        RandomTranslation,
        RandomZoom,
    ),
)
_MADE_OF_OPERATIONS = (
    *(AdditiveAttention, AlphaDropout, Attention, Conv1DTranspose, Cropping1D, EinsumDense),
    GroupNormalization,
    *(MultiHeadAttention, Normalization, Operation, RMSNormalization, Rescaling, UpSampling1D, ZeroPadding1D),
)
CLASSES.update({cls.__name__: cls for cls in (*_STORED, *_OF_IMAGES, *_MADE_OF_OPERATIONS)})


def serialize(layer: Layer) -> dict[str, Any]:
    """The configuration of a layer, for `deserialize`. As keras.layers.serialize."""
    return described(layer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Layer:
    """The layer of `serialize`, with new weights; ValueError for unknown classes. As
    keras.layers.deserialize.

    >>> deserialize(serialize(Dense(3, name="scores"))).name
    'scores'
    """
    with known_objects(custom_objects):
        own = known_class(config.get("class_name", ""))
        return made(config) if own is None else own.from_config(config["config"])


def __getattr__(name: str) -> Any:
    """What to use in the place of a layer that is not here."""
    raise no_such_name("layers", name, __all__)
