"""Sizes of axes that are not known when a graph of ONNX is read: the batch, the steps of a text, and what a
graph computes of them by Shape, Mul, Concat and so on.

A size is a whole number, or a Size: a polynomial of named sizes. Arrays of sizes are NumPy's, of objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Size:
    """A polynomial of named sizes, all of them at least 1; `made` gives a whole number where it is one.

    >>> batch = Size({("batch",): 1})
    >>> batch * 4 // batch, 2 * batch == batch + batch, batch - batch
    (4, True, 0)
    """

    __slots__ = ("terms",)

    def __init__(self, terms: Mapping[tuple[str, ...], int]) -> None:
        self.terms = {names: count for names, count in sorted(terms.items()) if count}

    def __add__(self, other: Any) -> Any:
        terms = dict(self.terms)
        for names, count in _terms(other).items():
            terms[names] = terms.get(names, 0) + count
        return made(terms)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return self + other * -1

    def __rsub__(self, other: Any) -> Any:
        return self * -1 + other

    def __mul__(self, other: Any) -> Any:
        terms: dict[tuple[str, ...], int] = {}
        for mine, count in self.terms.items():
            for theirs, times in _terms(other).items():
                names = tuple(sorted(mine + theirs))
                terms[names] = terms.get(names, 0) + count * times
        return made(terms)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        exact = divided(self, other)
        return named(f"({self} // {other})") if exact is None else exact

    def __rfloordiv__(self, other: Any) -> Any:
        exact = divided(other, self)
        return named(f"({other} // {self})") if exact is None else exact

    def __mod__(self, other: Any) -> Any:
        return named(f"({self} % {other})") if divided(self, other) is None else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(tuple(self.terms.items()))

    def __repr__(self) -> str:
        parts = [
            "*".join(([str(count)] if count != 1 or not names else []) + list(names))
            for names, count in reversed(self.terms.items())
        ]
        return "+".join(parts)


AnySize = int | Size


def named(name: str) -> Size:
    """The size of this name."""
    return Size({(name,): 1})


def made(terms: Mapping[tuple[str, ...], int]) -> AnySize:
    """A Size, or the whole number that it is."""
    found = Size(terms)
    if not found.terms:
        return 0
    return found.terms[()] if set(found.terms) == {()} else found


def divided(size: Any, by: Any) -> AnySize | None:
    """size / by where it is exact, for `by` of one term; else None."""
    divisor = _terms(by)
    if len(divisor) != 1:
        return 1 if size == by else None
    ((names, count),) = divisor.items()
    terms = {}
    for mine, times in _terms(size).items():
        rest = list(mine)
        for name in names:
            if name not in rest:
                return None
            rest.remove(name)
        if not count or times % count:
            return None
        terms[tuple(rest)] = times // count
    return made(terms)


def product(sizes: Sequence[AnySize]) -> AnySize:
    """Of all sizes; 1 of none."""
    total: Any = 1
    for size in sizes:
        total = total * size
    found: AnySize = total
    return found


def as_array(sizes: Sequence[AnySize]) -> np.ndarray:
    """A vector of sizes: int64, or of objects where one is not known."""
    if all(isinstance(size, int) for size in sizes):
        return np.array(sizes, np.int64)
    array = np.empty(len(sizes), object)
    array[:] = sizes
    return array


def listed(array: np.ndarray) -> list[Any]:
    """A vector of sizes as a list of them."""
    return [size if isinstance(size, Size) else int(size) for size in np.ravel(array)]


def _terms(value: Any) -> dict[tuple[str, ...], int]:
    return value.terms if isinstance(value, Size) else {(): int(value)}
