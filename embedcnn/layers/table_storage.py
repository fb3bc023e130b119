"""How an Embedding comes to a table in fewer bits: from rows of a mapped file, a matrix or an initializer."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arrays import check_finite, deferred_value
from ..base.matrices import given_matrix
from ..graph.stored import ARRAY_DTYPES, StoredVariable, decoded, encoded, refuse_unfit
from ..graph.variables import Variable
from ..initializers import made_by

Rows = tuple[np.ndarray, "np.ndarray | None"]
"""Stored rows and, of int8, their scales."""


def stored_parts(storage_dtype: Any, weights: Any) -> tuple[np.ndarray, Any] | None:
    """Rows, and what is given as scales, where `weights` are stored in this dtype already, or None."""
    dtype = ARRAY_DTYPES.get(storage_dtype) if isinstance(storage_dtype, str) else None
    parts = list(weights) if isinstance(weights, (list, tuple)) else [weights]
    if dtype is None or len(parts) != (2 if storage_dtype == "int8" else 1):
        return None
    if getattr(parts[0], "dtype", None) != dtype or np.ndim(parts[0]) != 2:
        return None
    return parts[0], parts[1] if len(parts) == 2 else None


def refuse_misread(argument: str, value: Any, storage_dtype: Any) -> None:
    """ValueError for rows that are stored already, but not as the storage dtype says, or not in the form that
    `weights` has; they would be read as numbers.
    """
    parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(parts) == 1 and isinstance(parts[0], (list, tuple)) and len(parts[0]) == 2:
        rows, scales = parts[0]
        if getattr(rows, "dtype", None) == np.int8 and np.ndim(rows) == 2 and np.ndim(scales) == 1:
            raise ValueError(
                f"`{argument}` of int8 must be two arrays, {argument}=[rows, scales]. Received: a "
                f"{type(parts[0]).__name__} of both within a list"
            )
    of_bits = [getattr(part, "dtype", None) == np.uint16 and np.ndim(part) == 2 for part in parts]
    if any(of_bits) and storage_dtype != "bfloat16":
        raise ValueError(
            f"`{argument}` of uint16 are the bits of bfloat16, which need storage_dtype='bfloat16'; give "
            f"numbers as float32. Received: uint16, storage_dtype={storage_dtype!r}"
        )


def refuse_rounding(dtype: str, rounding: str) -> None:
    """ValueError for masters of tables that have none."""
    if rounding == "master" and dtype not in HALVES:
        raise ValueError(
            "`storage_rounding` 'master' would do nothing: only tables of 'float16' and 'bfloat16' are "
            f"rounded while they learn. Received: storage_rounding='master', storage_dtype={dtype!r}"
        )


def matrix_or_stored(argument: str, value: Any, storage_dtype: Any) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of the matrix that a user gives, and `weights` of an Embedding: rows that are stored so
    already as they are, anything else in float32, with a note where it was not.
    """
    refuse_misread(argument, value, storage_dtype)
    stored = stored_parts(storage_dtype, value)
    if stored is not None:
        return stored[0].shape, [part for part in stored if part is not None]
    matrix = given_matrix(argument, value)
    return matrix.shape, [matrix]


def given_rows(layer: Any, weights: Any) -> Rows | None:
    """The rows that `weights` holds in the storage dtype of the layer already; None: they are to be rounded.

    Raises ValueError for rows of another shape, scales that do not fit, and NaN or infinite numbers.
    """
    refuse_misread("weights", weights, layer.storage_dtype)
    shape, stored = (layer.input_dim, layer.output_dim), stored_parts(layer.storage_dtype, weights)
    if stored is None:
        return None
    rows, scales = stored
    if scales is not None:
        scales = np.asarray(scales)
        if scales.shape != shape[:1] or scales.dtype != np.float32:
            raise ValueError(
                f"`weights` of int8 must be (rows, scales), scales float32 of shape {shape[:1]}. Received: "
                f"{scales.dtype} of shape {scales.shape}"
            )
        if not np.isfinite(scales).all():
            row = int(np.argmin(np.isfinite(scales)))
            raise ValueError(
                f"`weights[1]`, the scales, must be finite. Received: weights[1][{row}] = {scales[row]}"
            )
    else:
        for first in range(0, len(rows), 1 << 16):
            check_finite("weights", decoded(layer.storage_dtype, rows[first : first + (1 << 16)]))
    if rows.shape != shape:
        raise ValueError(
            f"`weights` must have shape (input_dim, output_dim) = {shape}. Received a matrix of shape "
            f"{rows.shape}"
        )
    return np.asarray(rows) if rows.flags.c_contiguous else np.ascontiguousarray(rows), scales


def stored_table(layer: Any, rows: Rows | None) -> StoredVariable:
    """The table of a layer: of the rows given, or of its initializer."""
    dtype, shape = layer.storage_dtype, (layer.input_dim, layer.output_dim)
    shared = rows is not None
    waiting = deferred_value(shape, ARRAY_DTYPES[dtype]) if rows is None else None
    if waiting is not None:
        rows = waiting, np.zeros(len(waiting), np.float32) if dtype == "int8" else None
    elif rows is None:
        matrix = made_by(layer.embeddings_initializer, shape)
        if layer.padding_idx is not None:
            matrix[layer.padding_idx] = 0
        rows = rounded(dtype, matrix)
    return StoredVariable("embeddings", *rows, layer, dtype, layer.storage_rounding, shared=shared)


def rounded(dtype: str, matrix: np.ndarray) -> Rows:
    """A matrix as it is stored; ValueError for numbers beyond the range of halves."""
    refuse_unfit(dtype, matrix, "weights")
    return encoded(dtype, matrix)[:2]


def converted(layer: Any, table: Variable, dtype: str) -> tuple[Variable, int]:
    """The table in another dtype, and how many numbers were beyond the range of halves."""
    matrix = table.numpy()
    if dtype == "int8":
        refuse_unfit(dtype, matrix, table.path)
    if dtype == "float32":
        made, overflow = Variable(table.name, matrix, layer), 0
    else:
        rows, scales, overflow = encoded(dtype, matrix)
        made = StoredVariable(table.name, rows, scales, layer, dtype, layer.storage_rounding)
    made.regularizer, made.constraint = table.regularizer, table.constraint
    return made, overflow


HALVES = ("float16", "bfloat16")
LEARNING_RULES = ("max_norm", "embeddings_regularizer", "embeddings_constraint", "trainable_rows")
"""The arguments of an Embedding that say how its table learns."""


def refuse_rules(layer: Any) -> None:
    """ValueError for rules of a new table of int8, which never learns."""
    for name in LEARNING_RULES:
        value = getattr(layer, name)
        if value is not None:
            refuse_rule(layer, name, value)


def refuse_rule(layer: Any, name: str, value: Any) -> None:
    """The ValueError of a rule of a table of int8."""
    raise ValueError(
        f"`{name}` of {layer.name!r} would do nothing: a table of int8 never learns. Use "
        "storage_dtype='float16' or 'bfloat16', or convert_tables('int8') after the training. "
        f"Received: {name}={value!r}, storage_dtype='int8'"
    )


def refuse_column_norms(layer: Any, dtype: str) -> None:
    """ValueError for a constraint on norms over all rows: rows of fewer bits are constrained one by one,
    before they are rounded.
    """
    constraint = layer.embeddings_constraint
    rules = {} if constraint is None else constraint.rules((layer.input_dim, layer.output_dim))
    if rules.get("constraint") == "norm" and rules["norm_axes"] != 2:
        raise ValueError(
            f"`embeddings_constraint` of {layer.name!r} takes norms over all rows, but a table of {dtype} is "
            "constrained row by row, before a row is rounded. Use axis=1, or a table in float32. Received: "
            f"embeddings_constraint={constraint!r}, storage_dtype={dtype!r}"
        )
