"""What is left of keras.backend in Keras 3: the small number that divisors get, the dtype, where channels
stand, names anew.
"""

from __future__ import annotations

from .base.arguments import require_channels_last
from .base.checked import checked
from .base.names import reset_names
from .runtime import _core


def epsilon() -> float:
    """The smallest probability, norm or divisor. As keras.backend.epsilon.

    >>> epsilon()
    1e-07
    """
    return 1e-7


def floatx() -> str:
    """The dtype of numbers. As keras.backend.floatx.

    >>> floatx()
    'float32'
    """
    return "float32"


def image_data_format() -> str:
    """Where the channels of an image stand: last. As keras.backend.image_data_format.

    >>> image_data_format()
    'channels_last'
    """
    return "channels_last"


def set_image_data_format(data_format: str) -> None:
    """Keeps "channels_last", the one that there is. As keras.backend.set_image_data_format.

    Raises ValueError for another one.

    >>> set_image_data_format("channels_last")
    """
    require_channels_last(data_format)


def set_floatx(value: str) -> None:
    """Keeps "float32", the one that there is. As keras.backend.set_floatx.

    Raises ValueError for another one.

    >>> set_floatx("float32")
    """
    if value != "float32":
        raise ValueError(
            "`value` must be 'float32': everything is computed in it; set_float32_matmul_precision allows "
            f"faster products. Received: value={value!r}"
        )


def set_epsilon(value: float) -> None:
    """Keeps 1e-7, the one that there is. As keras.backend.set_epsilon.

    Raises ValueError for another one: layers and optimizers take `epsilon`.

    >>> set_epsilon(1e-7)
    """
    if value != epsilon():
        raise ValueError(
            f"`value` must be 1e-07; layers and optimizers take another `epsilon`. Received: value={value!r}"
        )


def backend() -> str:
    """What computes: "embedcnn". As keras.backend.backend.

    >>> backend()
    'embedcnn'
    """
    return "embedcnn"


@checked
def clear_session(free_memory: bool = True) -> None:
    """Starts the automatic layer names anew, and with `free_memory` frees what the core keeps of large
    results that are gone (at most 128 MB). As keras.backend.clear_session.

    >>> clear_session()
    """
    reset_names()
    if free_memory:
        _core.free_kept_memory()
