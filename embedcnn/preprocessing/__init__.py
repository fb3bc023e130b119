"""Texts to ids and ids to matrices, with the names and results of `keras.preprocessing`."""

from typing import Any

from embedcnn.base.keras_names import no_such_name
from embedcnn.base.named_objects import named_object
from embedcnn.preprocessing import sequence, text

__all__ = ["sequence", "text"]

_ELSEWHERE = {
    "image": "embedcnn.image:pictures",
    "image_dataset_from_directory": "embedcnn.data.image_directory:image_dataset_from_directory",
    "text_dataset_from_directory": "embedcnn.data:text_dataset_from_directory",
    "timeseries_dataset_from_array": "embedcnn.data:timeseries_dataset_from_array",
}
"""What Keras has here too."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return named_object(_ELSEWHERE[name])
    raise no_such_name("preprocessing", name, {*__all__, *_ELSEWHERE})
