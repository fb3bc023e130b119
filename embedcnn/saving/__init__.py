"""What stands in the file of a model: its members, written whole and read with distrust."""

from typing import TYPE_CHECKING, Any

from ..base.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from ..base.keras_names import no_such_name
from ..base.named_objects import named_object
from .model_file import load_model, load_weights, model_from_bytes, model_to_bytes, save_model, save_weights

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from .keras_objects import deserialize_keras_object as deserialize_keras_object
    from .keras_objects import serialize_keras_object as serialize_keras_object

_ABOVE = {
    "deserialize_keras_object": "embedcnn.saving.keras_objects:deserialize_keras_object",
    "serialize_keras_object": "embedcnn.saving.keras_objects:serialize_keras_object",
}
"""What names all kinds of objects."""

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "model_from_bytes",
    "model_to_bytes",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones

    def __getattr__(name: str) -> Any:
        """What is imported when asked for, or what to use in the place of a name that is not here."""
        if name in _ABOVE:
            return named_object(_ABOVE[name])
        raise no_such_name("saving", name, __all__)
