"""What stands in the file of a model: its members, written whole and read with distrust."""

from ..base.custom_objects import register_keras_serializable
from .model_file import load_model, load_weights, model_from_bytes, model_to_bytes, save_model, save_weights

__all__ = [
    "load_model",
    "load_weights",
    "model_from_bytes",
    "model_to_bytes",
    "register_keras_serializable",
    "save_model",
    "save_weights",
]
