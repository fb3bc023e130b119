"""What stands in the file of a model: its members, written whole and read with distrust."""

from .model_file import load_model, load_weights, model_from_bytes, model_to_bytes, save_model, save_weights

__all__ = ["load_model", "load_weights", "model_from_bytes", "model_to_bytes", "save_model", "save_weights"]
