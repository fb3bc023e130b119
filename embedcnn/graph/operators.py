"""Python's operators for what stands for values: symbolic tensors, weights, and formulas of weights.

What they make is an operation of `embedcnn.ops`, which stands above and enters its functions here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OPERATIONS: dict[str, Callable[..., Any]] = {}
"""The functions by their names: ops/__init__.py fills it, which layers need too."""


def operate(name: str, *operands: Any) -> Any:
    """The operation of this name in `embedcnn.ops`, called."""
    return OPERATIONS[name](*operands)


class Operators:
    """+ - * / // % ** @, comparisons but == and !=, & | ^ ~, abs(), round() and [] as operations of
    `embedcnn.ops`.
    """

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return operate("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return operate("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return operate("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return operate("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return operate("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return operate("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return operate("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return operate("divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return operate("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return operate("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        return operate("mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return operate("mod", other, self)

    def __pow__(self, other: Any) -> Any:
        return operate("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return operate("power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return operate("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return operate("matmul", other, self)

    def __neg__(self) -> Any:
        return operate("negative", self)

    def __abs__(self) -> Any:
        return operate("abs", self)

    def __lt__(self, other: Any) -> Any:
        return operate("less", self, other)

    def __le__(self, other: Any) -> Any:
        return operate("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return operate("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return operate("greater_equal", self, other)

    def __and__(self, other: Any) -> Any:
        return operate("logical_and", self, other)

    def __rand__(self, other: Any) -> Any:
        return operate("logical_and", other, self)

    def __or__(self, other: Any) -> Any:
        return operate("logical_or", self, other)

    def __ror__(self, other: Any) -> Any:
        return operate("logical_or", other, self)

    def __xor__(self, other: Any) -> Any:
        return operate("logical_xor", self, other)

    def __rxor__(self, other: Any) -> Any:
        return operate("logical_xor", other, self)

    def __round__(self) -> Any:
        return operate("round", self)

    def __invert__(self) -> Any:
        return operate("logical_not", self)

    def __getitem__(self, index: Any) -> Any:
        return operate("get_item", self, index)

    def __iter__(self) -> Any:
        raise TypeError(
            f"{self!r} cannot be iterated over; ops.split and ops.unstack give its parts, and "
            "layers.Concatenate()([a, b]) joins several"
        )
