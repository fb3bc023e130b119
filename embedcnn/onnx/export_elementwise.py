"""Formulas of the user's own, value by value: one operation of one to three tensors, broadcast as in NumPy.

Comparisons and logic give 1 and 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..lowering.operations import Operation
from . import export_steps as steps
from .export_graph import Graph, Mask, Value


def _named(op: str) -> Callable[..., str]:
    return lambda g, *x: g.node(op, *x)


def _truth(op: str) -> Callable[..., str]:
    return lambda g, *x: g.cast(g.node(op, *x), "float")


def _is_true(g: Graph, x: str) -> str:
    return g.node("Not", g.node("Equal", x, g.number(0)))


def _not_equal(g: Graph, x: str, y: str) -> str:
    return g.cast(g.node("Not", g.node("Equal", x, y)), "float")


def _both(g: Graph, x: str, y: str) -> str:
    return g.cast(g.node("And", _is_true(g, x), _is_true(g, y)), "float")


def _either(g: Graph, x: str, y: str) -> str:
    return g.cast(g.node("Or", _is_true(g, x), _is_true(g, y)), "float")


def _infinite(g: Graph, x: str) -> str:
    return g.node("Equal", g.node("Abs", x), g.number(float("inf")))


def _finite(g: Graph, x: str) -> str:
    either = g.node("Or", _infinite(g, x), g.node("IsNaN", x))
    return g.cast(g.node("Not", either), "float")


def _mod(g: Graph, x: str, y: str) -> str:
    """With the sign of the divisor, as in Python."""
    left = g.node("Mod", x, y, fmod=1)
    other = g.node("Less", g.node("Mul", left, y), g.number(0))
    return g.node("Where", other, g.node("Add", left, y), left)


def _arctan2(g: Graph, y: str, x: str) -> str:
    """arctan(y / x), half a turn further where x is negative, a quarter where it is 0."""
    zero, turn = g.number(0), g.number(np.pi)
    negative_y = g.node("Less", y, zero)
    level = g.node("Equal", x, zero)
    safe = g.node("Where", level, g.number(1), x)
    slope = g.node("Atan", g.node("Div", y, safe))
    behind = g.node("Where", negative_y, g.node("Sub", slope, turn), g.node("Add", slope, turn))
    found = g.node("Where", g.node("Less", x, zero), behind, slope)
    quarter = g.node("Mul", g.node("Sign", y), g.number(np.pi / 2))
    return g.node("Where", level, quarter, found)


def _trunc(g: Graph, x: str) -> str:
    return g.node("Mul", g.node("Sign", x), g.node("Floor", g.node("Abs", x)))


def _log1p(g: Graph, x: str) -> str:
    """log(u) x / (u - 1) with u = 1 + x as rounded, which is exact for small x; x where u is 1 (Kahan)."""
    u = g.node("Add", x, g.number(1))
    over = g.node("Sub", u, g.number(1))
    same = g.node("Equal", over, g.number(0))
    far = _infinite(g, u)
    exact = g.node("Div", g.node("Mul", g.node("Log", u), x), g.node("Where", same, g.number(1), over))
    made = g.node("Where", same, x, exact)
    return g.node("Where", far, u, made)


def _expm1(g: Graph, x: str) -> str:
    """tanh(x / 2) (exp(x) + 1) for small x, which loses no digits; else exp(x) - 1."""
    raised = g.node("Exp", x)
    small = g.node("Less", g.node("Abs", x), g.number(0.5))
    half = g.node("Tanh", g.node("Mul", x, g.number(0.5)))
    exact = g.node("Mul", half, g.node("Add", raised, g.number(1)))
    return g.node("Where", small, exact, g.node("Sub", raised, g.number(1)))


KINDS: dict[str, Callable[..., str]] = {
    "add": _named("Add"),
    "subtract": _named("Sub"),
    "multiply": _named("Mul"),
    "divide": _named("Div"),
    "mod": _mod,
    "power": _named("Pow"),
    "maximum": _named("Max"),
    "minimum": _named("Min"),
    "arctan2": _arctan2,
    "equal": _truth("Equal"),
    "not_equal": _not_equal,
    "less": _truth("Less"),
    "less_equal": _truth("LessOrEqual"),
    "greater": _truth("Greater"),
    "greater_equal": _truth("GreaterOrEqual"),
    "logical_and": _both,
    "logical_or": _either,
    "where": lambda g, c, x, y: g.node("Where", _is_true(g, c), x, y),
    "negative": _named("Neg"),
    "log": _named("Log"),
    "log1p": _log1p,
    "expm1": _expm1,
    "sqrt": _named("Sqrt"),
    "rsqrt": lambda g, x: g.node("Reciprocal", g.node("Sqrt", x)),
    "reciprocal": _named("Reciprocal"),
    "square": lambda g, x: g.node("Mul", x, x),
    "abs": _named("Abs"),
    "sign": _named("Sign"),
    "erf": _named("Erf"),
    "sin": _named("Sin"),
    "cos": _named("Cos"),
    "tan": _named("Tan"),
    "arcsin": _named("Asin"),
    "arccos": _named("Acos"),
    "arctan": _named("Atan"),
    "sinh": _named("Sinh"),
    "cosh": _named("Cosh"),
    "floor": _named("Floor"),
    "ceil": _named("Ceil"),
    "round": _named("Round"),
    "trunc": _trunc,
    "stop_gradient": lambda g, x: x,
    "zeros_like": lambda g, x: g.node("Expand", g.number(0), g.node("Shape", x)),
    "ones_like": lambda g, x: g.node("Expand", g.number(1), g.node("Shape", x)),
    "isnan": _truth("IsNaN"),
    "isfinite": _finite,
    "isinf": lambda g, x: g.cast(_infinite(g, x), "float"),
    "logical_not": lambda g, x: g.cast(g.node("Equal", x, g.number(0)), "float"),
    "is_true": lambda g, x: g.cast(_is_true(g, x), "float"),
}
"""By the core's names."""


def elementwise(g: Graph, op: Operation, inputs: list[Value]) -> Value:
    """A step counts where it does in all operands that have a mask."""
    rows = [one for one in inputs if not one.single]
    if not rows:
        made = KINDS[op.attributes["kind"]](g, *(one.name for one in inputs))
        return Value(made, max(one.rank for one in inputs), single=True, clean=True)
    wide = iter(steps.as_wide(g, rows))
    inputs = [one if one.single else next(wide) for one in inputs]
    rows = [one for one in inputs if not one.single]
    mask = steps.joined_mask(g, rows, "And")
    names = [_of_steps(g, one, rows[0], mask) if one.single else one.name for one in inputs]
    return rows[0].made(KINDS[op.attributes["kind"]](g, *names), mask=mask)


def _of_steps(g: Graph, x: Value, row: Value, mask: Mask | None) -> str:
    """A weight has no axis of 1 in the place of the batch's, and of steps as many as the texts."""
    name, more = x.name, x.rank - (row.rank - 1)
    if more > 0:
        name = g.node("Squeeze", name, g.ints(*range(more)))
    if row.steps and mask is not None and more >= 0:
        name = g.sliced(name, 0, 0, g.size(mask.name, 1))
    return name


OPERATIONS = {"elementwise": elementwise}
