"""Keras's utilities: set_random_seed, to_categorical, clear_session; and those that are imported when asked
for: pad_sequences, PyDataset (Sequence), load_img and its like, data sets from folders and arrays.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from .base import names, random_seeds
from .base.named_objects import named_object


def set_random_seed(seed: int) -> None:
    """Makes everything drawn after it repeatable: initial weights, shuffling, dropout; also `random` and
    NumPy.

    Raises ValueError unless `seed` is an integer in [0, 2**32). As keras.utils.set_random_seed.

    >>> import embedcnn
    >>> set_random_seed(1); a = embedcnn.initializers.get("normal")((2,))
    >>> set_random_seed(1); b = embedcnn.initializers.get("normal")((2,))
    >>> bool((a == b).all())
    True
    """
    if seed is None or random_seeds.checked_seed("seed", seed) >= 2**32:
        raise ValueError(f"`seed` must be an integer in [0, 2**32). Received: seed={seed!r}")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - users of the global generator expect it, as in Keras
    random_seeds.set_sequence(int(seed))


def to_categorical(x: Any, num_classes: int | None = None) -> np.ndarray:
    """Class numbers as one-hot rows, float64 as in Keras: (...) to (..., num_classes).

    Raises TypeError unless the numbers are whole, ValueError outside [0, num_classes). As
    keras.utils.to_categorical.

    >>> to_categorical([0, 2]).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    classes = np.asarray(x)
    if classes.dtype.kind not in "iub":
        raise TypeError(f"x: class numbers must be integers. Received: dtype {classes.dtype}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    if classes.size == 0:
        raise ValueError("x holds no class numbers (its length is 0)")
    if num_classes is None:
        num_classes = int(classes.max()) + 1
    if classes.min() < 0 or classes.max() >= num_classes:
        where = tuple(int(part) for part in np.argwhere((classes < 0) | (classes >= num_classes))[0])
        raise ValueError(f"x[{', '.join(map(str, where))}] = {classes[where]} is outside [0, {num_classes})")
    return np.eye(num_classes)[classes.astype(np.int64)]


def clear_session() -> None:
    """Starts the automatic layer names anew. As keras.utils.clear_session."""
    names.reset_names()


_ELSEWHERE = {
    "array_to_img": "embedcnn.image.pictures:array_to_img",
    "image_dataset_from_directory": "embedcnn.data.image_directory:image_dataset_from_directory",
    "img_to_array": "embedcnn.image.pictures:img_to_array",
    "load_img": "embedcnn.image.pictures:load_img",
    "save_img": "embedcnn.image.pictures:save_img",
    "PyDataset": "embedcnn.data.indexed_batches:PyDataset",
    "Sequence": "embedcnn.data.indexed_batches:PyDataset",
    "pad_sequences": "embedcnn.preprocessing.sequence:pad_sequences",
    "register_keras_serializable": "embedcnn.base.custom_objects:register_keras_serializable",
    "text_dataset_from_directory": "embedcnn.data:text_dataset_from_directory",
    "timeseries_dataset_from_array": "embedcnn.data:timeseries_dataset_from_array",
    "unpack_x_y_sample_weight": "embedcnn.training.own_steps:unpack_x_y_sample_weight",
}
"""What Keras has here too."""


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return named_object(_ELSEWHERE[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
