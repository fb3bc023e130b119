"""The operations that all others are made of: for each, what it computes of arrays, and the shape it makes.

`apply` is where a call goes its way: with a symbolic tensor among the operands it becomes an operation of the
model's graph (layers/operation.py, lowered to the core); weights alone become a formula (`WeightTensor`) that
such an operation reads; arrays and numbers are computed at once, by NumPy.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..base.arrays import rectangular
from ..base.named_objects import named_object
from ..graph.nodes import Shape, SymbolicTensor
from ..graph.operators import Operators
from ..graph.tracing import active
from ..graph.variables import Variable

TRACING: ContextVar[bool] = ContextVar("tracing", default=False)
"""Whether a function is being traced: then a weight and an array make a formula, and no array."""
OPERATION = "embedcnn.layers.operation:operation_on"
"""What adds an operation to the graph."""


@dataclass(frozen=True)
class Primitive:
    """One operation: `compute(*arrays, **settings)` in NumPy; `shape(shapes, **settings)` of the result;
    `dtype`: "bool", "int32", "float32", or "" for that of the operands. `broadcasts`: the operands meet value
    by value; `reduces`: along the setting `axis`, which may be that of the batch; `activation`: the name of
    the activation function of the core that it is.
    """

    compute: Callable[..., Any]
    shape: Callable[..., Shape]
    dtype: str = ""
    broadcasts: bool = False
    reduces: bool = False
    activation: str = ""


NUMPY_ERRORS = (TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError)
"""What NumPy raises, without a name, for arguments that do not fit."""

PRIMITIVES: dict[str, Primitive] = {}
"""By name: the modules beside this one fill it."""


def primitive(
    name: str,
    compute: Callable[..., Any],
    shape: Callable[..., Shape],
    dtype: str = "",
    broadcasts: bool = False,
    reduces: bool = False,
    activation: str = "",
) -> None:
    """Enters an operation into the table."""
    PRIMITIVES[name] = Primitive(compute, shape, dtype, broadcasts, reduces, activation)


class WeightTensor(Operators):
    """A formula of weights: `name` of its operation, operands and settings. numpy() is what it is now."""

    __array_ufunc__ = None

    def __init__(self, name: str, operands: Sequence[Any], settings: dict[str, Any]) -> None:
        self.name, self.operands, self.settings = name, list(operands), settings
        self.shape, self.dtype = result_of(name, self.operands, settings)[:2]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def numpy(self) -> np.ndarray:
        """The value with the weights as they are now."""
        arrays = [one.numpy() if isinstance(one, WeightTensor) else as_array(one) for one in self.operands]
        return as_result(PRIMITIVES[self.name].compute(*arrays, **self.settings), arrays)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.numpy(), dtype=dtype)

    def __float__(self) -> float:
        return float(self.numpy())

    def __repr__(self) -> str:
        return f"<WeightTensor {self.name}, shape={self.shape}, dtype={self.dtype}>"


def apply(name: str, operands: Sequence[Any], **settings: Any) -> Any:
    """The result of an operation: a symbolic tensor, a formula of weights, or an array; a list of tensors is
    one operand, stacked.
    """
    operands = [_stacked(one) for one in operands]
    if any(isinstance(one, SymbolicTensor) for one in operands):
        return named_object(OPERATION)(name, list(operands), settings)
    formulas = any(isinstance(one, WeightTensor) for one in operands)
    weights = any(isinstance(one, Variable) for one in operands)
    arrays = any(isinstance(one, np.ndarray) and one.ndim for one in operands)
    if formulas or (weights and (TRACING.get() or active() or not arrays)):
        return WeightTensor(name, operands, settings)
    named = [
        as_array(one, f"ops.{name}: `{what}`") for what, one in zip(_names(operands), operands, strict=True)
    ]
    try:
        return as_result(PRIMITIVES[name].compute(*named, **settings), named)
    except NUMPY_ERRORS as error:
        given = {**dict(zip(_names(operands), named, strict=True)), **settings}
        raise named_error(name, error, given) from None


def named_error(name: str, error: Exception, given: Mapping[str, Any]) -> Exception:
    """An error of NumPy with the name of the operation, and what it was given: of arrays the shapes."""
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"ops.{name}: {error}. Received: {', '.join(map(_shown, given.items()))}")


def _shown(pair: tuple[str, Any]) -> str:
    argument, value = pair
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{argument} of shape {value.shape}"
    return f"{argument}={reprlib.repr(value)}"


def _names(operands: Sequence[Any]) -> list[str]:
    """What operations call their operands."""
    if len(operands) == 3:
        return ["condition", "x1", "x2"]
    return ["x"] if len(operands) == 1 else [f"x{place + 1}" for place in range(len(operands))]


def _stacked(operand: Any) -> Any:
    """Symbolic tensors in a list as one; anything else as it is."""
    listed = isinstance(operand, (list, tuple)) and any(is_symbolic(one) for one in operand)
    return named_object("embedcnn.ops:stack")(operand) if listed else operand


def is_symbolic(*operands: Any) -> bool:
    """Whether one of them stands for values that are not known yet."""
    return any(isinstance(one, (SymbolicTensor, WeightTensor)) for one in operands)


def result_of(name: str, operands: Sequence[Any], settings: dict[str, Any]) -> tuple[Shape, str, bool]:
    """Shape and dtype of a result, and whether it is single. ValueError where the operands do not fit."""
    found = PRIMITIVES[name]
    shapes = [shape_of(one) for one in operands]
    batched = [isinstance(one, SymbolicTensor) and not one.single for one in operands]
    try:
        if found.broadcasts and any(batched):
            _check_batch(shapes, batched)
        shape = tuple(found.shape(shapes, **settings))
    except ValueError as error:
        described = ", ".join(map(str, shapes))
        raise ValueError(f"ops.{name}: {error}. Received: shapes {described}") from None
    if any(batched) and not _batch_stays(name, settings, len(shapes[0])):
        raise ValueError(
            f"ops.{name}: the batch, the first axis of tensors of examples, stays where and as it is. "
            f"Received: a shape {shapes[0]}, {', '.join(f'{key}={one}' for key, one in settings.items())}"
        )
    dtype = settings.get("dtype") or found.dtype or _joined_dtype(operands)
    keeps = not found.reduces or 0 not in axes_in(settings["axis"], len(shapes[0]))
    return shape, dtype, not (any(batched) and keeps)


def _batch_stays(name: str, settings: dict[str, Any], rank: int) -> bool:
    """Whether an operation leaves the first axis alone; reductions over it are looked at elsewhere."""
    if "index" in settings:
        return bool(settings["index"][0] == [None, None, None])
    if "axes" in settings:
        return bool(settings["axes"][0] == 0)
    if "pad_width" in settings:
        return not any(settings["pad_width"][0])
    axis = settings.get("axis")
    if axis is None or PRIMITIVES[name].reduces or name == "take":
        return True
    axes = axis if isinstance(axis, list) else [axis]
    return not {0, -rank - (name == "expand_dims")} & set(axes)


def _check_batch(shapes: Sequence[Shape], batched: Sequence[bool]) -> None:
    """ValueError unless the batch is the first axis of the result too."""
    ranks = {len(shape) for shape, has_batch in zip(shapes, batched, strict=True) if has_batch}
    others = [shape for shape, has_batch in zip(shapes, batched, strict=True) if not has_batch]
    rank = max(ranks)
    if len(ranks) > 1 or any(len(one) > rank or (len(one) == rank and one[0] != 1) for one in others):
        raise ValueError(
            "the batch is the first axis of each tensor of examples, so these need equally many axes "
            "(ops.expand_dims adds one), and arrays and weights fewer"
        )


def _joined_dtype(operands: Sequence[Any]) -> str:
    found = {dtype_of(one) for one in operands}
    return "float32" if "float32" in found else "int32" if "int32" in found else "bool"


def shape_of(value: Any) -> Shape:
    """The shape of an operand."""
    if isinstance(value, (SymbolicTensor, WeightTensor, Variable)):
        return tuple(value.shape)
    return np.shape(value)


def dtype_of(value: Any) -> str:
    """The dtype of an operand: "float32", "int32" or "bool"."""
    if isinstance(value, (SymbolicTensor, WeightTensor, Variable)):
        return "int32" if value.dtype == "int64" else value.dtype
    kind = np.asarray(value).dtype.kind
    return {"b": "bool", "i": "int32", "u": "int32"}.get(kind, "float32")


def as_array(value: Any, what: str = "operands") -> np.ndarray:
    """An operand as an array: numbers float32, whole ones int32 or int64, bool; TypeError or ValueError that
    begins with `what` for what is none.
    """
    if isinstance(value, Variable):
        array = value.read()
    else:
        array = value if isinstance(value, np.ndarray) else rectangular(what, value)
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"{what} must be tensors, weights, arrays of numbers or numbers. Received: "
            f"{type(value).__name__} of dtype {array.dtype}"
        )
    return array.astype(np.float32) if array.dtype.kind == "f" and array.dtype != np.float32 else array


def as_result(value: Any, operands: Sequence[Any]) -> np.ndarray:
    """An array as operations return it: float32 for any floats, and never memory of an operand."""
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return array
    is_new = array.base is None and not any(array is one for one in operands)
    return array.astype(np.float32, copy=not is_new)


# -- axes ----------------------------------------------------------------------------------------------------
def axes_in(axis: Any, rank: int, what: str = "axis") -> list[int]:
    """Axes counted from the first, in ascending order; None: all. ValueError for one that is not there."""
    if axis is None:
        return list(range(rank))
    given = [integer(what, one) for one in (axis if isinstance(axis, (list, tuple)) else [axis])]
    found = sorted(one % rank if rank else one for one in given if -rank <= one < rank)
    if len(set(found)) != len(given):
        raise ValueError(
            f"`{what}` must be among {-rank} to {rank - 1}, each once, for x of {rank} axes; got {axis!r}"
        )
    return found


def listed(axis: Any) -> list[int] | None:
    """The argument `axis` as a list of whole numbers; None stays."""
    if axis is None:
        return None
    several = isinstance(axis, (list, tuple)) or (isinstance(axis, np.ndarray) and axis.ndim == 1)
    return [integer("axis", one) for one in (axis if several else [axis])]


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The shape of NumPy's broadcasting; None is any size, and that of the other where it is known."""
    rank = max((len(shape) for shape in shapes), default=0)
    found: list[int | None] = []
    for place in range(rank):
        sizes = [shape[place - rank + len(shape)] for shape in shapes if place - rank + len(shape) >= 0]
        known = {size for size in sizes if size not in (None, 1)}
        if len(known) > 1:
            raise ValueError("these shapes cannot be broadcast together")
        found.append(known.pop() if known else None if None in sizes else 1)
    return tuple(found)
