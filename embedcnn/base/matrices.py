"""Matrices that users give and that are shared without a copy, where their form allows it."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arguments import warn_user
from .arrays import check_finite, numbers


def given_matrix(argument: str, value: Any) -> np.ndarray:
    """A matrix given by the user as float32 C-contiguous: itself where it is that already, else a copy, with
    a note.
    """
    matrix = numbers(argument, value)
    if matrix.ndim != 2:
        raise ValueError(
            f"{argument} must be a matrix (rows, dimensions). Received an array of shape {matrix.shape}"
        )
    if matrix.dtype != np.float32 or not matrix.flags.c_contiguous:
        if isinstance(value, np.ndarray):
            warn_user(
                f"{argument} is {matrix.dtype}{'' if matrix.flags.c_contiguous else ', not C-contiguous'}; "
                "a float32 copy is used. Give float32 in C order to share the memory."
            )
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    check_finite(argument, matrix)
    return matrix
