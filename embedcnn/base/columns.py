"""Columns of tables as lists: what pandas, polars, pyarrow and NumPy hold texts in, wherever texts are taken.

None of them is imported: a column is known by the methods that they share. Missing entries (None, NaN, pd.NA)
stay what they are here; whoever needs texts says which place is empty.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np


def is_column(value: Any) -> bool:
    """Whether this is a column of a table (a Series, an Index, an array of pandas or pyarrow, a frame) and no
    list, array of NumPy or stream.
    """
    if isinstance(value, (list, tuple, dict, str, bytes, np.ndarray)) or not hasattr(value, "__len__"):
        return False
    listable = any(hasattr(value, method) for method in ("to_pylist", "to_list", "tolist"))
    return hasattr(value, "__array__") and (listable or hasattr(value, "columns"))


def as_list(value: Any) -> Any:
    """The entries of a column, a frame of one column or an array (N,) or (N, 1) as a list; else the value.

    Raises TypeError for a frame of several columns and an array of several axes.

    >>> as_list(np.array([["a"], ["b"]])), as_list(["a"])
    (['a', 'b'], ['a'])
    """
    if isinstance(value, np.ndarray):
        if value.ndim == 2 and value.shape[1] == 1:
            value = value[:, 0]
        if value.ndim != 1:
            raise TypeError(
                f"`texts` must be a vector of texts; pass texts.ravel(). Received: shape {value.shape}"
            )
        return value.tolist()
    if not is_column(value):
        return value
    names = getattr(value, "column_names", None)
    names = getattr(value, "columns", None) if names is None else names
    if names is not None and not callable(names):
        names = list(names)
        if len(names) != 1:
            raise TypeError(
                f"expected one column of texts, got a table of {len(names)}: {names[:8]}; choose one, as "
                "table[name]"
            )
        value = value[names[0]]
    elif len(getattr(value, "shape", ())) == 2:  # an array of pandas that was given a second axis
        return as_list(np.asarray(value, object))
    if hasattr(value, "to_pylist"):
        return value.to_pylist()
    return value.to_list() if hasattr(value, "to_list") else value.tolist()


def several(argument: str, value: Any) -> list[Any]:
    """The entries of a list, a column, an array (N,) or (N, 1), a set or a stream, in a list; TypeError that
    names the argument for one text, a dict and what has no entries.

    >>> several("words", ("a", "b"))
    ['a', 'b']
    """
    if isinstance(value, np.ndarray) and value.ndim and value.shape != (len(value), 1)[: value.ndim]:
        raise TypeError(f"`{argument}` must be a list. Received: an array of shape {value.shape}")
    single = isinstance(value, (str, bytes, bytearray, dict)) or getattr(value, "ndim", 1) == 0
    if single or not (isinstance(value, Iterable) or is_column(value)):
        raise TypeError(f"`{argument}` must be a list. Received: {argument}={reprlib.repr(value)}")
    return list(as_list(value))


def entries(argument: str, value: Any) -> Iterable[Any]:
    """What a list, a column, an array, a data set or a stream holds, one after the other, as it is read;
    TypeError that names the argument for one text, a dict and what has no entries.
    """
    single = isinstance(value, (str, bytes, bytearray, dict)) or getattr(value, "ndim", 1) == 0
    if single or not (isinstance(value, Iterable) or hasattr(value, "__getitem__")):
        raise TypeError(
            f"`{argument}` must be a list, or a data set. Received: {argument}={reprlib.repr(value)}"
        )
    return as_list(value) if is_column(value) else value


def described(value: Any) -> str:
    """What a value that holds no texts is, for a message: type, dtype and shape, and a list's first entry.

    >>> described([b"a film"])
    "a list whose first entry is b'a film' (bytes): decode them, as text.decode()"
    """
    if isinstance(value, str):
        return f"one str, {reprlib.repr(value)}; a list of it is [text]"
    if isinstance(value, np.ndarray):
        kind, first = f"an array of {value.dtype}, shape {value.shape}", value.ravel()[:1].tolist()
    else:
        kind = type(value).__name__
        kind, first = (f"a {kind}", list(value[:1])) if isinstance(value, (list, tuple)) else (kind, [])
    if not first or isinstance(value, np.ndarray) and value.dtype.kind not in "OS":
        return kind
    hint = ": decode them, as text.decode()" if isinstance(first[0], (bytes, bytearray)) else ""
    return f"{kind} whose first entry is {reprlib.repr(first[0])} ({type(first[0]).__name__}){hint}"


def is_missing(value: Any) -> bool:
    """Whether an entry stands for none: None, NaN, pandas' NA and NaT.

    >>> [is_missing(value) for value in (None, float("nan"), "", 0)]
    [True, True, False, False]
    """
    if value is None:
        return True
    if isinstance(value, (float, np.floating)):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")
