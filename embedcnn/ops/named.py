"""Operations as users call them: an error says which operation it is, and names the arguments.

Operations are made of each other and of NumPy, whose errors know neither ("integer modulo by zero"). Here
each public one gets its checks, by its signature, and its name; inside, operations call each other without.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import re
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from ..base.arguments import boolean, integer, number_dtype, optional
from ..base.arrays import rectangular
from ..base.checked import single
from ..graph.tracing import leaves

ARRAYS = frozenset(
    [
        "x",
        "x1",
        "x2",
        "a",
        "b",
        "y",
        "inputs",
        "logits",
        "output",
        "target",
        "predictions",
        "images",
        "sorted_sequence",
    ]
)
"""Arguments that are numbers: an array, a tensor, nested lists of either."""
LOST = (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError, ZeroDivisionError)
"""What comes out of the depths for arguments that nobody expected."""
ANYTHING = frozenset(["is_tensor", "array", "convert_to_tensor", "convert_to_numpy", "expand_dims"])
"""Operations that take whatever there is: texts, and None, the size of a batch as `ops.shape` gives it."""
MAY_BE_NAN = frozenset(["nan_to_num"])


def real(argument: str, value: Any) -> None:
    """ValueError that names `argument` unless it is a number, or a tensor of one."""
    given = isinstance(value, numbers.Real) and not isinstance(value, bool) and value == value
    if not given and not hasattr(value, "shape"):
        raise ValueError(f"`{argument}` must be a number. Received: {argument}={value!r}")
    single("a number", argument, value)


def real_or_nan(argument: str, value: Any) -> None:
    """As `real`, where NaN is a number like another."""
    real(argument, 0.0 if isinstance(value, float) else value)


CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "int": integer,
    "float": real,
    "bool": boolean,
    "str": functools.partial(single, "a string"),
}


def named(function: Callable[..., Any]) -> Callable[..., Any]:
    """The operation, which refuses what is no number where numbers are meant, and whose errors name it and
    its arguments.
    """
    signature = inspect.signature(function)
    name, checks = function.__name__, _checks(function.__name__, signature)
    words = "|".join(map(re.escape, signature.parameters))
    named_in = re.compile(rf"`(?:{words})`|\b(?:{words})(?:=|\[| has |: )")
    calls = any("Callable" in str(one.annotation) for one in signature.parameters.values())
    lost = () if calls else LOST  # what a function of the user's raises is for the user

    @functools.wraps(function)
    def operation(*arguments: Any, **options: Any) -> Any:
        for argument, place, check in checks:
            if argument in options:
                check(argument, options[argument])
            elif place < len(arguments):
                check(argument, arguments[place])
        try:
            return function(*arguments, **options)
        except lost as error:
            if isinstance(error, (TypeError, ValueError)) and _says(name, str(error), named_in):
                raise
            kind = TypeError if isinstance(error, (TypeError, AttributeError)) else ValueError
            shown = _shown(signature, arguments, options)
            raise kind(f"ops.{name}: {error}. Received: {shown}") from error

    operation.__module__ = "embedcnn.ops"
    return operation


def _checks(name: str, signature: inspect.Signature) -> list[tuple[str, int, Callable[[str, Any], Any]]]:
    """(argument, place, check) of the arguments that an annotation or a name tells of, switches first."""
    found: list[tuple[str, int, Callable[[str, Any], Any]]] = []
    switches: list[tuple[str, int, Callable[[str, Any], Any]]] = []
    for place, one in enumerate(signature.parameters.values()):
        if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
            continue
        kind = str(one.annotation)
        check = CHECKS.get(kind.removesuffix(" | None"))
        check = real_or_nan if check is real and name in MAY_BE_NAN else check
        if one.name in ARRAYS and name not in ANYTHING and (check is None or kind.startswith("Any")):
            check = numbers_or_tensors
        elif one.name == "dtype" and name != "cast" and name not in ANYTHING:  # which has fewer
            check = _dtype
        if check is not None:
            none = one.default is None or kind.endswith("| None")
            check = functools.partial(optional, check) if none else check
            where = place if one.kind is not one.KEYWORD_ONLY else 1 << 30
            found.append((one.name, where, check))
            switches += [found.pop()] if kind.startswith("bool") else []
    return switches + found


def _dtype(argument: str, value: Any) -> None:
    if value is not None:
        number_dtype(argument, value)


def numbers_or_tensors(argument: str, value: Any) -> None:
    """TypeError or ValueError that names `argument` unless `value` is made of numbers or tensors."""
    if isinstance(value, np.ndarray):
        kind = value.dtype.kind
    elif isinstance(value, float) or hasattr(value, "shape") or hasattr(value, "detach"):
        return
    elif isinstance(value, int):
        kind = "i" if abs(value) < 1 << 63 else ""
    elif isinstance(value, (list, tuple)):
        if leaves(value, _Tensor):
            return
        kind = rectangular(f"`{argument}`", value).dtype.kind
    else:
        kind = "" if not hasattr(value, "__array__") else np.asarray(value).dtype.kind
    if kind not in tuple("biuf"):
        raise TypeError(
            f"`{argument}` must be numbers: an array, a tensor or nested lists. "
            f"Received: {argument}={reprlib.repr(value)}"
        )


class _TensorMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return hasattr(value, "shape")


class _Tensor(metaclass=_TensorMeta):
    """Whatever has a shape: arrays, tensors and weights."""


def _says(name: str, message: str, pattern: re.Pattern[str]) -> bool:
    """Whether a message names an argument of this operation, not only of one that it is made of."""
    other = message.startswith("ops.") and not message.startswith(f"ops.{name}:")
    return not other and pattern.search(message) is not None


def _shown(signature: inspect.Signature, arguments: tuple[Any, ...], options: dict[str, Any]) -> str:
    """The arguments of a call, for a message: of arrays and tensors the shapes."""
    try:
        given = signature.bind(*arguments, **options).arguments
    except TypeError:
        given = {**{f"argument {place}": one for place, one in enumerate(arguments)}, **options}
    shown = []
    for argument, value in given.items():
        shape = getattr(value, "shape", None)
        arrays = isinstance(shape, tuple) and shape != ()
        shown.append(f"{argument} of shape {shape}" if arrays else f"{argument}={reprlib.repr(value)}")
    return ", ".join(shown)
