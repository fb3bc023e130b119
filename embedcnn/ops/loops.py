"""Functions run again and again: map, vectorized_map, scan, switch. Keras's names in keras.ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..base.checked import checked
from ..graph.nodes import SymbolicTensor
from ..graph.tracing import leaves, replaced
from .choices import Place, cond, parts_of, places_of
from .primitives import is_symbolic
from .rearranging import stack

_WHOLE = (
    "operations take whole batches: call the function on the tensor itself, whose axes count from 1, behind "
    "the batch"
)


def map(f: Callable[[Any], Any], xs: Any) -> Any:  # noqa: A001 - Keras's name
    """`f` of each part along the first axis, one after the other, stacked; `xs` and results may be nested. As
    keras.ops.map, of arrays: of symbolic tensors the first axis is the batch, a TypeError.

    >>> map(lambda x: x + 1.0, np.array([[1.0], [2.0]])).tolist()
    [[2.0], [3.0]]
    """
    _, found = scan(lambda carry, x: (carry, f(x)), None, xs)
    return found


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """`function` of each part along the first axis, stacked. As keras.ops.vectorized_map, of arrays: of
    symbolic tensors the first axis is the batch, a TypeError.

    >>> vectorized_map(lambda x: x.sum(), np.array([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [3.0, 7.0]
    """
    return map(function, elements)


@checked
def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: Any = 1,
) -> tuple[Any, Any]:
    """`f(carry, x)`, which gives the next carry and a result, for each part x along the first axis of `xs`
    (or `length` times with None), from `init` on: the last carry, and the results stacked. As keras.ops.scan.

    `xs` is of arrays; `init` and what f reads may be symbolic, where `length` says how often, and results are
    stacked along a new axis behind the batch. `reverse` begins at the end; `unroll` changes nothing. Raises
    ValueError where the number of turns is not known or differs.

    >>> last, found = scan(lambda total, x: (total + x, total), 0.0, np.array([1.0, 2.0, 3.0]))
    >>> float(last), found.tolist()
    (6.0, [0.0, 1.0, 3.0])
    """
    if leaves(xs, SymbolicTensor):
        raise TypeError(f"`xs` must be arrays: {_WHOLE}; layers.RNN goes along the steps. Received: {xs!r}")
    parts = [np.asarray(one) for one in parts_of(xs) if one is not None] if xs is not None else []
    counts = {len(one) for one in parts} | ({int(length)} if length is not None else set())
    if len(counts) != 1:
        raise ValueError(
            f"the first axes of `xs`, and `length`, must agree. Received: {sorted(counts) or 'neither'}"
        )
    count = counts.pop()
    carry, results = init, []
    for number in range(count)[:: -1 if reverse else 1]:
        x = None if xs is None else _filled(xs, [one[number] for one in parts])
        carry, result = f(carry, x)
        results.append(result)
    ordered = results[:: -1 if reverse else 1]
    if not ordered or all(part is None for part in parts_of(ordered[0])):
        return carry, ordered[0] if ordered else None
    columns = zip(*(parts_of(one) for one in ordered), strict=True)
    return carry, _filled(ordered[0], [_stacked(column) for column in columns])


def _filled(like: Any, values: Sequence[Any]) -> Any:
    """The values in the lists, tuples and dicts of `like`."""
    return replaced(places_of(like), Place, iter(values))


def _stacked(column: Sequence[Any]) -> Any:
    return (
        stack(list(column), axis=1) if is_symbolic(*column) else np.stack([np.asarray(one) for one in column])
    )


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """What the branch of this number gives for the operands; the first for negative numbers, the last for
    larger ones. As keras.ops.switch.

    Of a symbolic `index` all are computed, and the choice is made value by value, with its broadcasting.

    >>> switch(1, [lambda x: x, lambda x: -x], 3.0)
    -3.0
    """
    if not branches:
        raise ValueError("`branches` must hold a function")
    if not is_symbolic(index):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    made = branches[-1](*operands)
    for number in range(len(branches) - 2, -1, -1):
        made = _chosen(index <= number, branches[number](*operands), made)
    return made


def _chosen(condition: Any, own: Any, later: Any) -> Any:
    return cond(condition, lambda: own, lambda: later)
