"""What is left of keras.backend in Keras 3: the small number that divisors get, the dtype, names anew."""

from __future__ import annotations

from .base.names import reset_names


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


def clear_session() -> None:
    """Starts the automatic layer names anew. As keras.backend.clear_session.

    >>> clear_session()
    """
    reset_names()
