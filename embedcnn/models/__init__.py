"""Model, Sequential and models from files; the language models, which are models, are found here too."""

import importlib
from typing import Any

from .model import Model
from .sequential import Sequential, clone_model, load_model, model_from_json

__all__ = ["Model", "Sequential", "clone_model", "load_model", "model_from_json"]
_ABOVE = dict.fromkeys(("CharLanguageModel", "LanguageModel", "WordLanguageModel"), "embedcnn.language_model")


def __getattr__(name: str) -> Any:
    """Language models are made of models, so that they are imported when first asked for."""
    if name in _ABOVE:
        return getattr(importlib.import_module(_ABOVE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
