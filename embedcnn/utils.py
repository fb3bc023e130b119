"""Keras's utilities: set_random_seed, to_categorical, normalize, clear_session; and those that are imported
when asked for: pad_sequences, PyDataset (Sequence), load_img and its like, data sets from folders and arrays,
get_file, plot_model, custom objects.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from .base import names, random_seeds
from .base.arguments import axis_of, optional, positive_integer
from .base.arrays import numbers
from .base.checked import checked
from .base.keras_names import no_such_name
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
    classes = np.zeros(0) if isinstance(x, (list, tuple)) and not x else numbers("x", x)
    if classes.dtype.kind not in "iub":
        raise TypeError(f"x: class numbers must be integers. Received: dtype {classes.dtype}")
    if classes.ndim > 1 and classes.shape[-1] == 1:
        classes = classes[..., 0]
    if classes.size == 0:
        raise ValueError("x holds no class numbers (its length is 0)")
    num_classes = optional(positive_integer, "num_classes", num_classes) or int(classes.max()) + 1
    if classes.min() < 0 or classes.max() >= num_classes:
        where = tuple(int(part) for part in np.argwhere((classes < 0) | (classes >= num_classes))[0])
        raise ValueError(f"x[{', '.join(map(str, where))}] = {classes[where]} is outside [0, {num_classes})")
    rows = np.zeros((classes.size, num_classes))
    rows[np.arange(classes.size), classes.ravel().astype(np.int64)] = 1
    return rows.reshape(*classes.shape, num_classes)


def normalize(x: Any, axis: int = -1, order: int = 2) -> np.ndarray:
    """x divided by its norm of this `order` along an axis, float64; what is all zeros stays. As
    keras.utils.normalize.

    Raises ValueError unless `order` is an integer above 0.

    >>> normalize([[3.0, 4.0]]).tolist()
    [[0.6, 0.8]]
    """
    array = np.atleast_1d(numbers("x", x))
    axis = axis_of("axis", axis, array.ndim)
    norm = np.atleast_1d(np.linalg.norm(array, positive_integer("order", order), axis))
    norm[norm == 0] = 1
    return array / np.expand_dims(norm, axis)


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The batch that `train_step` and iterables of batches hold: (x, y, sample_weight), (x, y) or (x,),
    without what is None; x alone where it is no list and nothing else is given. As
    keras.utils.pack_x_y_sample_weight.

    >>> pack_x_y_sample_weight([1.0], [0])
    ([1.0], [0])
    """
    if y is None:
        return (x,) if isinstance(x, (list, tuple)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def is_keras_tensor(x: Any) -> bool:
    """Whether x is a symbolic tensor, which Input and calls of layers make. As keras.utils.is_keras_tensor.

    >>> is_keras_tensor(np.zeros(3))
    False
    """
    return hasattr(x, "node") and hasattr(x, "shape")


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype: of a name, a type, NumPy's dtype, or None, which is "float32". As
    keras.utils.standardize_dtype.

    Raises ValueError for what is none.

    >>> standardize_dtype(np.int32), standardize_dtype(None), standardize_dtype("bool")
    ('int32', 'float32', 'bool')
    """
    if dtype is None:
        return "float32"
    if isinstance(dtype, str) and dtype in ("bfloat16", "string"):
        return str(dtype)
    try:
        name = np.dtype(dtype).name
    except TypeError:
        raise ValueError(f"`dtype` must name a dtype, as 'float32'. Received: dtype={dtype!r}") from None
    return "string" if name.startswith("str") else name


@checked
def clear_session(free_memory: bool = True) -> None:
    """Starts the automatic layer names anew; memory needs no freeing. As keras.utils.clear_session."""
    names.reset_names()


_ELSEWHERE = {
    "array_to_img": "embedcnn.image.pictures:array_to_img",
    "image_dataset_from_directory": "embedcnn.data.image_directory:image_dataset_from_directory",
    "img_to_array": "embedcnn.image.pictures:img_to_array",
    "load_img": "embedcnn.image.pictures:load_img",
    "save_img": "embedcnn.image.pictures:save_img",
    "CustomObjectScope": "embedcnn.base.custom_objects:CustomObjectScope",
    "custom_object_scope": "embedcnn.base.custom_objects:CustomObjectScope",
    "deserialize_keras_object": "embedcnn.saving.keras_objects:deserialize_keras_object",
    "get_custom_objects": "embedcnn.base.custom_objects:get_custom_objects",
    "get_file": "embedcnn.data.downloads:get_file",
    "get_registered_name": "embedcnn.base.custom_objects:get_registered_name",
    "get_registered_object": "embedcnn.base.custom_objects:get_registered_object",
    "plot_model": "embedcnn.inspection.plots:draw_model",
    "serialize_keras_object": "embedcnn.saving.keras_objects:serialize_keras_object",
    "split_dataset": "embedcnn.data.splitting:split_dataset",
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
    raise no_such_name("utils", name, {*_ELSEWHERE, *globals()})
