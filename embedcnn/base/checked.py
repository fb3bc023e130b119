"""Arguments that are what their annotations say: switches and paths, before a public function runs.

Numbers, names and arrays have limits of their own: the functions that use them call those of arguments.py. An
array in the place of a single number or name is refused here: comparisons with it are arrays too.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from .arguments import boolean, optional

Function = TypeVar("Function", bound=Callable[..., Any])


def checked(function: Function) -> Function:
    """`function`, whose arguments annotated `bool` must be True or False, and those annotated
    `str | os.PathLike[str]` a path; `| None` allows None. TypeError that names the argument otherwise. Those
    annotated `int`, `float`, `str` or `Literal` must not be arrays with axes: ValueError.

    >>> @checked
    ... def write(path: str | os.PathLike[str], append: bool = False) -> str:
    ...     return f"{path} {append}"
    >>> write("a.txt", True)
    'a.txt True'
    >>> write("a.txt", append="no")
    Traceback (most recent call last):
    TypeError: `append` must be True or False. Received: append='no'
    """
    positions = {}
    for position, one in enumerate(inspect.signature(function).parameters.values()):
        check = _check_of(one.annotation)
        if check is not None:
            positions[one.name] = position, one.kind is one.KEYWORD_ONLY, check

    @functools.wraps(function)
    def with_checks(*arguments: Any, **named: Any) -> Any:
        for name, (position, by_name, check) in positions.items():
            if name in named:
                named[name] = check(name, named[name])
            elif position < len(arguments) and not by_name:
                value = check(name, arguments[position])
                if value is not arguments[position]:
                    arguments = (*arguments[:position], value, *arguments[position + 1 :])
        return function(*arguments, **named)

    return with_checks  # type: ignore[return-value]


def path(argument: str, value: Any) -> Any:
    """`value` if it is a path: a str or an os.PathLike; bytes as str. TypeError for all else, ValueError for
    a name with a NUL, which no file has.
    """
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise TypeError(f"`{argument}` must be a path. Received: {argument}={value!r}")
    if "\0" in os.fsdecode(value):
        raise ValueError(f"`{argument}` must be a path without NUL. Received: {argument}={value!r}")
    return os.fsdecode(value) if isinstance(value, bytes) else value


def single(what: str, argument: str, value: Any) -> Any:
    """`value` unless it is an array with axes, of which there is none where one number or name is meant."""
    if isinstance(value, np.ndarray) and value.ndim:
        raise ValueError(f"`{argument}` must be {what}, not an array. Received: {argument}={value!r}")
    return value


SINGLE = {"int": "an integer", "float": "a number", "str": "a string", "Literal": "a string"}


def _check_of(annotation: Any) -> Callable[[str, Any], Any] | None:
    """The check that an annotation, as written in the source, stands for."""
    kind, _, rest = str(annotation).partition(" | None")
    what = SINGLE.get(kind if kind in SINGLE else kind.partition("[")[0] if kind.endswith("]") else "")
    if what is not None and not rest:
        return functools.partial(single, what)
    check = {"bool": boolean, "str | os.PathLike[str]": path, "PathLike": path}.get(kind)
    if check is None or rest:
        return None
    return check if kind == annotation else functools.partial(optional, check)
