"""Matrix products: `matmul`; `einsum` and `tensordot`, made of transposed matmuls, two operands at a time."""

from __future__ import annotations

from math import prod
from string import ascii_letters
from typing import Any

import numpy as np

from ..graph.nodes import Shape, SymbolicTensor
from .primitives import apply, broadcast, listed, primitive, shape_of
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
    """Sums of products of operands, by letters for their axes, as "btc,bsc->bts"; "..." stands for all axes
    that have no letter. Axes that are not behind "->" are summed over. As keras.ops.einsum.

    The batch is the first letter of symbolic tensors. Raises ValueError for letters that do not fit, and one
    that an operand has twice.

    >>> einsum("ij,kj->ik", [[1.0, 2.0]], [[3.0, 4.0]]).tolist()
    [[11.0]]
    >>> einsum("...j,jk->...k", [[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    letters, out = _letters(subscripts, [len(shape_of(one)) for one in operands])
    made, own = operands[0], letters[0]
    for number in range(1, len(operands)):
        wanted = out + "".join(letters[number + 1 :])
        here = dict.fromkeys(own + letters[number])
        kept = [letter for letter in out if letter in here]
        kept += [letter for letter in here if letter in wanted and letter not in kept]
        made = _einsum([own, letters[number]], "".join(kept), [made, operands[number]])
        own = "".join(kept)
    alone = [place for place, letter in enumerate(own) if letter not in out]
    made = summed(made, axis=alone) if alone else made
    left = [letter for letter in own if letter in out]
    order = [left.index(letter) for letter in out]
    return made if order == sorted(order) else transpose(made, order)


def _letters(subscripts: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, with some in the place of "..."."""
    left, arrow, out = subscripts.replace(" ", "").partition("->")
    letters = left.split(",")
    if not ranks or len(letters) != len(ranks):
        raise ValueError(
            f"einsum takes an operand for each group of letters. Received: subscripts={subscripts!r}, "
            f"{len(ranks)} operands"
        )
    free = [letter for letter in reversed(ascii_letters) if letter not in subscripts]
    most = 0
    for number, (one, rank) in enumerate(zip(letters, ranks, strict=True)):
        if "..." in one:
            more = rank - len(one) + 3
            most = max(most, more)
            letters[number] = one.replace("...", "".join(free[:more])[::-1] if more > 0 else "", 1)
    rest = "".join(free[:most])[::-1]
    if not arrow:
        named = "".join(letters)
        once = sorted(letter for letter in set(named) if named.count(letter) == 1 and letter not in rest)
        out = rest + "".join(once)
    out = out.replace("...", rest, 1)
    for one, rank in zip(letters, ranks, strict=True):
        if len(set(one)) != len(one) or len(one) != rank or "." in one:
            raise ValueError(
                f"einsum: {one!r} must have a letter for each of {rank} axes, each once. "
                f"Received: subscripts={subscripts!r}"
            )
    if len(set(out)) != len(out) or not set(out) <= set("".join(letters)):
        raise ValueError(
            f"einsum: {out!r} must hold letters of the operands, each once. Received: {subscripts!r}"
        )
    return letters, out


def tensordot(x1: Any, x2: Any, axes: Any = 2) -> Any:
    """The sum of products over the last `axes` axes of x1 and the first of x2, or over the axes that a pair
    of lists names. As keras.ops.tensordot.

    >>> tensordot([[1.0, 2.0]], [[3.0], [4.0]], 1).tolist()
    [[11.0]]
    """
    ranks = len(shape_of(x1)), len(shape_of(x2))
    if isinstance(axes, int):
        pairs = [list(range(ranks[0] - axes, ranks[0])), list(range(axes))]
    else:
        pairs = [listed(one) or [] for one in axes]
    first, second = ([one % rank for one in part] for part, rank in zip(pairs, ranks, strict=True))
    own, other = list(ascii_letters[: ranks[0]]), list(ascii_letters[ranks[0] : ranks[0] + ranks[1]])
    for one, two in zip(first, second, strict=True):
        other[two] = own[one]
    out = [letter for letter in own if letter not in other] + [one for one in other if one not in own]
    return einsum(f"{''.join(own)},{''.join(other)}->{''.join(out)}", x1, x2)


def dot(x1: Any, x2: Any) -> Any:
    """The sum of products over the last axis of x1 and the last but one of x2 (the only one of a vector), or
    the product with a number. As keras.ops.dot; `batch_dot` is layers.Dot.

    >>> dot([[1.0, 2.0]], [[3.0], [4.0]]).tolist()
    [[11.0]]
    """
    rank = len(shape_of(x2))
    if not rank or not len(shape_of(x1)):
        return apply("multiply", [x1, x2])
    return tensordot(x1, x2, [[-1], [max(rank - 2, 0)]])


def outer(x1: Any, x2: Any) -> Any:
    """Each value of an array times each of another. As keras.ops.outer.

    >>> outer([1.0, 2.0], [3.0]).tolist()
    [[3.0], [6.0]]
    """
    return apply("multiply", [reshape(x1, (-1, 1)), reshape(x2, (1, -1))])


def inner(x1: Any, x2: Any) -> Any:
    """The sums of products over the last axis of both. As keras.ops.inner.

    >>> float(inner([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    return tensordot(x1, x2, ([len(shape_of(x1)) - 1], [len(shape_of(x2)) - 1]))


def vdot(x1: Any, x2: Any) -> Any:
    """The sum of products of all values of two arrays. As keras.ops.vdot.

    >>> float(vdot([1.0, 2.0], [3.0, 4.0]))
    11.0
    """
    return summed(apply("multiply", [reshape(x1, (-1,)), reshape(x2, (-1,))]))


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
    if batch and isinstance(operands[0], SymbolicTensor) and first[0] in rows:  # the batch must stay first
        return _of_values(operands, [first, second], inner, out)
    apart = [[letter] for letter in rows] if not batch else [rows]  # without a batch they broadcast
    a = _grouped(operands[0], first, [*([letter] for letter in batch), *apart, inner], sizes)
    b = _grouped(operands[1], second, [*([letter] for letter in batch), inner, cols], sizes)
    made = reshape(matmul(a, b), tuple(_size(sizes, letter) for letter in [*batch, *rows, *cols]))
    order = [[*batch, *rows, *cols].index(letter) for letter in out]
    return made if order == sorted(order) else transpose(made, order)


def _of_values(operands: list[Any], letters: list[str], inner: list[str], out: str) -> Any:
    """The products value by value, then their sum."""
    every = out + "".join(inner)
    spread = []
    for x, own in zip(operands, letters, strict=True):
        order = [own.index(letter) for letter in every if letter in own]
        x = x if order == sorted(order) else transpose(x, order)
        missing = [place for place, letter in enumerate(every) if letter not in own]
        spread.append(expand_dims(x, missing) if missing else x)
    made = apply("multiply", spread)
    return summed(made, axis=list(range(len(out), len(every)))) if inner else made


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
