"""Model, Sequential and models from files; the language models, which are models, and models of other
frameworks' files are found here too.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names
from ..saving.model_file import save_model
from .model import Model
from .sequential import Sequential, clone_model, load_model, model_from_json

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from ..onnx.import_model import load_onnx as load_onnx
    from .keras_files import load_keras as load_keras
    from .torch_files import load_torch_weights as load_torch_weights

__all__ = [
    "Model",
    "Sequential",
    "clone_model",
    "load_keras",
    "load_model",
    "load_onnx",
    "load_torch_weights",
    "model_from_json",
    "save_model",
]
_ABOVE = {
    "CharLanguageModel": "embedcnn.language_model:CharLanguageModel",
    "LanguageModel": "embedcnn.language_model:LanguageModel",
    "WordLanguageModel": "embedcnn.language_model:WordLanguageModel",
    "load_keras": "embedcnn.models.keras_files:load_keras",
    "load_onnx": "embedcnn.onnx.import_model:load_onnx",
    "load_torch_weights": "embedcnn.models.torch_files:load_torch_weights",
}


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _ABOVE)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted({*__all__, *_ABOVE})
