"""embedcnn trains text models that stand on word embeddings, on a plain CPU."""

__version__ = "0.1.0"

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING

from embedcnn.base import keras_names as _keras_names
from embedcnn.runtime import (
    get_float32_matmul_precision,
    get_num_threads,
    set_float32_matmul_precision,
    set_num_threads,
    show_config,
)  # first: it loads the core

if _TYPE_CHECKING:  # what __getattr__ finds at run time
    from embedcnn import activations as activations
    from embedcnn import backend as backend
    from embedcnn import bags as bags
    from embedcnn import callbacks as callbacks
    from embedcnn import config as config
    from embedcnn import constraints as constraints
    from embedcnn import data as data
    from embedcnn import datasets as datasets
    from embedcnn import distributed as distributed
    from embedcnn import encoding as encoding
    from embedcnn import fasttext as fasttext
    from embedcnn import generation as generation
    from embedcnn import image as image
    from embedcnn import initializers as initializers
    from embedcnn import inspection as inspection
    from embedcnn import io as io
    from embedcnn import language_model as language_model
    from embedcnn import layers as layers
    from embedcnn import losses as losses
    from embedcnn import metrics as metrics
    from embedcnn import models as models
    from embedcnn import onnx as onnx
    from embedcnn import ops as ops
    from embedcnn import optimizers as optimizers
    from embedcnn import preprocessing as preprocessing
    from embedcnn import ragged as ragged
    from embedcnn import random as random
    from embedcnn import regularizers as regularizers
    from embedcnn import saving as saving
    from embedcnn import sklearn as sklearn
    from embedcnn import text as text
    from embedcnn import torch as torch
    from embedcnn import tuning as tuning
    from embedcnn import utils as utils
    from embedcnn import vectors as vectors
    from embedcnn.language_model import CharLanguageModel, LanguageModel, WordLanguageModel
    from embedcnn.layers import Input, Layer
    from embedcnn.models import Model, Sequential
    from embedcnn.ragged import Ragged

_MODULES = frozenset(
    (
        "activations",
        "backend",
        "bags",
        "callbacks",
        "classifier",
        "config",
        "constraints",
        "data",
        "datasets",
        "distributed",
        "encoding",
        "fasttext",
        "generation",
        "image",
        "initializers",
        "inspection",
        "io",
        "language_model",
        "layers",
        "losses",
        "metrics",
        "models",
        "onnx",
        "ops",
        "optimizers",
        "preprocessing",
        "ragged",
        "random",
        "regularizers",
        "runtime",
        "saving",
        "sklearn",
        "text",
        "torch",
        "tuning",
        "utils",
        "variables",
        "vectors",
        "vocabulary",
    )
)
_NAMES = {
    "CharLanguageModel": "language_model",
    "Initializer": "initializers",
    "Input": "layers",
    "LanguageModel": "language_model",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "Optimizer": "optimizers",
    "Ragged": "ragged",
    "Regularizer": "regularizers",
    "Sequential": "models",
    "WordLanguageModel": "language_model",
}
__all__ = [
    "__version__",
    "get_float32_matmul_precision",
    "get_num_threads",
    "set_float32_matmul_precision",
    "set_num_threads",
    "show_config",
    "CharLanguageModel",
    "Input",
    "LanguageModel",
    "Layer",
    "Model",
    "Ragged",
    "Sequential",
    "WordLanguageModel",
]


if not _TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones

    def __getattr__(name: str) -> object:
        """Modules and public names are imported when first used: `import embedcnn` alone stays fast."""
        if name in _MODULES:
            return _importlib.import_module(f"{__name__}.{name}")
        if name in _NAMES:
            return getattr(_importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        raise _keras_names.no_such_name("", name, {*_MODULES, *_NAMES, *__all__})


def __dir__() -> list[str]:
    """The public names, whether they have been used or not; `torch` where PyTorch is installed."""
    from importlib.util import find_spec  # only here: the cost of start-up

    spec = find_spec("torch")
    without = set() if spec is not None and spec.origin else {"torch"}
    return sorted({*__all__, *_MODULES} - without)
