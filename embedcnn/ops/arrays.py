"""Arrays that are made: eye, linspace, meshgrid, triangles and diagonals. Keras's names in keras.ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.checked import checked
from .elementwise import add, where
from .functions import zeros_like
from .indexing import convert_to_tensor
from .padding import moveaxis
from .primitives import as_array, dtype_of, is_symbolic, shape_of
from .rearranging import get_item, reshape
from .reductions import sum as summed


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = "float32") -> np.ndarray:  # noqa: N803 - Keras's
    """Ones on a diagonal, zeros elsewhere: an array (N, M), M as N where it is not given. As keras.ops.eye.

    >>> eye(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(N, M, k, dtype or "float32")


def identity(n: int, dtype: Any = "float32") -> np.ndarray:
    """Ones on the diagonal of n rows and columns. As keras.ops.identity.

    >>> identity(2).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return np.eye(n, dtype=dtype or "float32")


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = "float32") -> np.ndarray:  # noqa: N803 - Keras's
    """Ones on a diagonal and below it: an array (N, M). As keras.ops.tri.

    >>> tri(2).tolist()
    [[1.0, 0.0], [1.0, 1.0]]
    """
    return np.tri(N, M, k, dtype or "float32")


@checked
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = "float32",
    axis: int = 0,
) -> Any:
    """`num` numbers at equal distances from start to stop, an array; with `retstep` also their distance. As
    keras.ops.linspace.

    >>> linspace(0.0, 1.0, 3).tolist()
    [0.0, 0.5, 1.0]
    """
    made, step = np.linspace(start, stop, num, endpoint=endpoint, retstep=True, axis=axis)
    return (made.astype(dtype), step) if retstep else made.astype(dtype)


def meshgrid(*x: Any, indexing: str = "xy") -> list[np.ndarray]:
    """For arrays of coordinates those of each point of their grid. As keras.ops.meshgrid.

    >>> [one.tolist() for one in meshgrid([1, 2], [3])]
    [[[1, 2]], [[3, 3]]]
    """
    return [np.array(one) for one in np.meshgrid(*x, indexing=indexing)]  # type: ignore[call-overload]


def array(x: Any, dtype: Any = None) -> Any:
    """x as an array, or itself where it is symbolic. As keras.ops.array.

    >>> array([1.0, 2.0]).tolist()
    [1.0, 2.0]
    """
    return convert_to_tensor(x, dtype)


def empty(shape: Any, dtype: Any = "float32") -> np.ndarray:
    """An array whose values are still to come: zeros here. As keras.ops.empty.

    >>> empty((1, 2)).shape
    (1, 2)
    """
    return np.zeros(shape, dtype or "float32")


def full_like(x: Any, fill_value: Any) -> Any:
    """The shape of x, with one value everywhere. As keras.ops.full_like.

    >>> full_like([1.0, 2.0], 3.0).tolist()
    [3.0, 3.0]
    """
    return add(zeros_like(x), fill_value)


def tril(x: Any, k: int = 0) -> Any:
    """The last two axes with zeros above a diagonal. As keras.ops.tril.

    >>> tril([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[1.0, 0.0], [3.0, 4.0]]
    """
    return where(np.tril(np.ones(_square(x, "tril"), bool), k), x, zeros_like(x))


def triu(x: Any, k: int = 0) -> Any:
    """The last two axes with zeros below a diagonal. As keras.ops.triu.

    >>> triu([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [[1.0, 2.0], [0.0, 4.0]]
    """
    return where(np.triu(np.ones(_square(x, "triu"), bool), k), x, zeros_like(x))


def _square(x: Any, name: str) -> tuple[int, int]:
    """The sizes of the last two axes; ValueError where they are not known."""
    sizes = shape_of(x)[-2:]
    if (
        len(sizes) < 2
        or None in sizes
        or (len(shape_of(x)) == 2 and is_symbolic(x) and shape_of(x)[0] is None)
    ):
        raise ValueError(f"ops.{name} needs two last axes of known size. Received: shape={shape_of(x)}")
    return sizes[0] or 0, sizes[1] or 0


def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """What stands on the diagonal of two axes, along a new last one. As keras.ops.diagonal.

    >>> diagonal([[1.0, 2.0], [3.0, 4.0]]).tolist()
    [1.0, 4.0]
    """
    x = moveaxis(x, (axis1, axis2), (-2, -1))
    rows, cols = _square(x, "diagonal")
    places = np.flatnonzero(np.eye(rows, cols, offset))
    flat = reshape(x, (*(-1 if size is None else size for size in shape_of(x)[:-2]), rows * cols))
    start, step = int(places[0]), cols + 1
    return get_item(flat, (..., slice(start, int(places[-1]) + 1, step)))


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """The sum of a diagonal of two axes. As keras.ops.trace.

    >>> float(trace([[1.0, 2.0], [3.0, 4.0]]))
    5.0
    """
    return summed(diagonal(x, offset, axis1, axis2), -1)


def diag(x: Any, k: int = 0) -> Any:
    """A square array with x on a diagonal; of a matrix its diagonal. As keras.ops.diag.

    >>> diag([1.0, 2.0]).tolist()
    [[1.0, 0.0], [0.0, 2.0]]
    """
    if len(shape_of(x)) == 2:
        return diagonal(x, k)
    if is_symbolic(x):
        raise ValueError("ops.diag: a symbolic tensor of one axis is the batch, which stays the first axis")
    return np.diag(as_array(x), k)


def ndim(x: Any) -> int:
    """How many axes there are. As keras.ops.ndim.

    >>> ndim([[1.0]])
    2
    """
    return len(shape_of(x))


def size(x: Any) -> int | None:
    """How many values there are; None where the batch decides. As keras.ops.size.

    >>> size([[1.0, 2.0]])
    2
    """
    sizes = shape_of(x)
    return None if None in sizes else int(np.prod([one or 0 for one in sizes]))


def dtype(x: Any) -> str:
    """ "float32", "int32" or "bool". As keras.ops.dtype.

    >>> dtype([1, 2])
    'int32'
    """
    return dtype_of(x)


def is_tensor(x: Any) -> bool:
    """Whether x is symbolic, a weight or an array. As keras.ops.is_tensor.

    >>> is_tensor([1.0]), is_tensor(eye(2))
    (False, True)
    """
    return is_symbolic(x) or hasattr(x, "__array__")
