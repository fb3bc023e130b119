"""What stands in X: raw texts, or a matrix of token ids that somebody else's tokenizer made.

`read` checks either and gives rows, an array that can be indexed; a model's encoder makes ids of texts later.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.arguments import one_of
from ..layers.text_reader import text_list

Rows = np.ndarray
"""Texts, object (N,), or ids, int32 (N, T)."""


def read(estimator: Any, X: Any, new: bool) -> Rows:
    """The rows of X. `new`: the estimator learns, and keeps how many columns ids have.

    Raises TypeError and ValueError that name the place.
    """
    if one_of("input", estimator.input, ("texts", "ids")) == "texts":
        if isinstance(X, str):
            raise TypeError(f"`X` must be a list or array of str, not one text. Received: {X[:60]!r}")
        texts = text_list("X", X)
        rows = np.empty(len(texts), object)
        rows[:] = texts
        return rows
    from sklearn.utils.validation import validate_data  # extra: of texts nothing of it is needed

    ids = np.asarray(validate_data(estimator, X, reset=new))
    wrong = (ids < 0) | (ids % 1 != 0) | (ids >= 2**31 - 2)
    if wrong.any():
        row, column = (int(part) for part in np.argwhere(wrong)[0])
        what = "Negative values in data: " if ids[row, column] < 0 else ""
        raise ValueError(f"{what}X[{row}, {column}] = {ids[row, column]}; ids must be whole numbers >= 0")
    return ids.astype(np.int32)


def known_ids(rows: Rows, size: int) -> Rows:
    """Ids of a table of `size` rows, whose last one stands for all ids that training did not see."""
    return np.minimum(rows, size - 1).astype(np.int32)
