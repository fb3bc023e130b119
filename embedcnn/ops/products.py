"""Matrix products: `matmul`, and `einsum` of two operands, which is made of transposed matmuls."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..graph.nodes import Shape
from .primitives import apply, broadcast, primitive, shape_of
from .rearranging import expand_dims, reshape, squeeze, transpose
from .reductions import sum as summed


def _product(shapes: list[Shape]) -> Shape:
    first, second = shapes
    if len(first) < 2 or len(second) < 2:
        raise ValueError("both need 2 axes or more")
    inner, other = first[-1], second[-2]
    if inner != other and None not in (inner, other):
        raise ValueError(f"{inner} columns of the first do not fit {other} rows of the second")
    return (*broadcast([first[:-2], second[:-2]]), first[-2], second[-1])


primitive("matmul", np.matmul, _product)


def matmul(x1: Any, x2: Any) -> Any:
    """The matrix product over the last axis of x1 and the last but one of x2 (the only one of a vector); axes
    before these are broadcast. As keras.ops.matmul, and x1 @ x2.

    With an unknown number of steps T, (B, T, C) can be multiplied by (C, D) and (B, C, D). Raises ValueError
    for sizes that do not fit.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    ranks = len(shape_of(x1)), len(shape_of(x2))
    if ranks[0] == 1:
        return squeeze(matmul(expand_dims(x1, 0), x2), -2)
    if ranks[1] == 1:
        return squeeze(matmul(x1, expand_dims(x2, -1)), -1)
    return apply("matmul", [x1, x2])


def einsum(subscripts: str, *operands: Any) -> Any:
    """Sums of products of two operands, by letters for their axes, as "btc,bsc->bts"; "..." stands for none.
    Axes that are not behind "->" are summed over. As keras.ops.einsum.

    The batch is the first letter of symbolic tensors. Raises ValueError for other numbers of operands, and a
    letter that one operand has twice.

    >>> einsum("ij,kj->ik", [[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    """
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    letters = left.split(",")
    if len(operands) != 2 or len(letters) != 2 or "." in subscripts:
        raise ValueError(
            "einsum takes two operands and a letter for each of their axes. Received: "
            f"subscripts={subscripts!r}, {len(operands)} operands"
        )
    if not arrow:
        both = letters[0] + letters[1]
        out = "".join(sorted(letter for letter in set(both) if both.count(letter) == 1))
    for one, operand in zip(letters, operands, strict=True):
        if len(set(one)) != len(one) or len(one) != len(shape_of(operand)):
            raise ValueError(
                f"einsum: {one!r} must have a letter for each axis of {shape_of(operand)}, each once. "
                f"Received: subscripts={subscripts!r}"
            )
    if len(set(out)) != len(out) or not set(out) <= set(letters[0] + letters[1]):
        raise ValueError(f"einsum: {out!r} must hold letters of the operands, each once")
    return _einsum(letters, out, list(operands))


def _einsum(letters: list[str], out: str, operands: list[Any]) -> Any:
    sizes: dict[str, Any] = {}
    for number in (0, 1):
        one, other = letters[number], letters[1 - number]
        alone = [place for place, letter in enumerate(one) if letter not in other + out]
        if alone:
            operands[number] = summed(operands[number], axis=alone)
            letters[number] = "".join(letter for letter in one if letter in other + out)
        for letter, size in zip(letters[number], shape_of(operands[number]), strict=True):
            sizes[letter] = size if sizes.get(letter) in (None, 1) else sizes[letter]
    if any(sizes[letter] is None for letter in letters[1] if letter not in letters[0]):
        letters.reverse()  # the batch is the first axis of the result
        operands.reverse()
    first, second = letters
    batch = [letter for letter in out if letter in first and letter in second]
    inner = [letter for letter in first if letter in second and letter not in out]
    rows = [letter for letter in first if letter not in second]
    cols = [letter for letter in second if letter not in first]
    apart = [[letter] for letter in rows] if not batch else [rows]  # without a batch they broadcast
    a = _grouped(operands[0], first, [*([letter] for letter in batch), *apart, inner], sizes)
    b = _grouped(operands[1], second, [*([letter] for letter in batch), inner, cols], sizes)
    made = reshape(matmul(a, b), tuple(_size(sizes, letter) for letter in [*batch, *rows, *cols]))
    order = [[*batch, *rows, *cols].index(letter) for letter in out]
    return made if order == sorted(order) else transpose(made, order)


def _size(sizes: dict[str, Any], letter: str) -> int:
    return -1 if sizes[letter] is None else sizes[letter]


def _grouped(x: Any, letters: str, groups: list[list[str]], sizes: dict[str, Any]) -> Any:
    """x with its axes in the order of the groups, those of a group joined."""
    order = [letters.index(letter) for group in groups for letter in group]
    x = x if order == sorted(order) else transpose(x, order)
    if all(len(group) == 1 for group in groups):
        return x
    return reshape(x, tuple(_joined(group, sizes) for group in groups))


def _joined(group: list[str], sizes: dict[str, Any]) -> int:
    found = [sizes[letter] for letter in group]
    return -1 if None in found else prod(found)
