"""Public functions and classes called with wrong values, one argument at a time: what comes must be an error
that names the argument, never one out of the depths, and never nothing where the value means nothing.

A case is a function and arguments with which it works. `faults` tries each wrong value in the place of one
argument. Whether a value may be right follows from the annotation (`int`, `float`, `str`, `bool`); of an
argument that is an array, all numbers may be.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

BARE = (
    AttributeError,
    KeyError,
    IndexError,
    ZeroDivisionError,
    OverflowError,
    RecursionError,
    AssertionError,
)


class Thing:
    """An object that is nothing."""

    def __repr__(self) -> str:
        return "<thing>"


NAN = float("nan")
SCALARS = [None, "x", "", -1, 0, 1.5, NAN, float("inf"), -float("inf"), True, [], {}, 1j, Thing()]
SCALARS += [np.array([1, 2]), 2**70, b"x"]
ARRAYS = [None, "x", "", NAN, [], {}, 1j, Thing(), [[1], [1, 2]], np.array(["a", "b"]), [["a"]], 5, [None]]
ARRAYS += [np.array([None, 1], object), np.zeros(0), np.zeros((2, 2, 2, 2)), [1j, 2j], 2**70, {1, 2}]
ARRAYS += [[NAN], np.array([NAN, 1.0, 2.0]), np.array(["2020-01-01"], "M8[D]")]
MEANT = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == value,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
}


@dataclass
class Case:
    """`function(**given)` works; `then` is done with its result. `arrays`: arguments that are arrays of
    numbers; `lists`: lists of something else; `also`: other names by which errors call an argument;
    `allowed`: values that are meant; `skipped`: arguments that are not tried.
    """

    function: Any
    given: dict[str, Any] = field(default_factory=dict)
    then: Any = None
    arrays: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    also: dict[str, tuple[str, ...]] = field(default_factory=dict)
    allowed: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()
    errors: tuple[type[Exception], ...] = ()
    """Those that are right although they name no argument: KeyError of something like a dict."""

    def arguments(self) -> list[str]:
        """The arguments that are tried."""
        named = [one for one in self._parameters() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)]
        return [one.name for one in named if one.name not in self.skipped]

    def _parameters(self) -> Any:
        return inspect.signature(self.function).parameters.values()

    def run(self, **changed: Any) -> Any:
        """Calls it, quietly."""
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            result = self.function(**{**self.given, **changed})
            return result if self.then is None else self.then(result)

    def values(self, argument: str) -> list[Any]:
        """The wrong values for an argument, and some that may be right."""
        one = next(one for one in self._parameters() if one.name == argument)
        of_arrays = argument in self.arrays or argument in self.lists
        none = one.default is None or str(one.annotation).endswith("| None")
        return [value for value in (ARRAYS if of_arrays else SCALARS) if not (value is None and none)]

    def meant(self, argument: str, value: Any) -> bool:
        """Whether a value may be right, so that no error is needed."""
        if any(
            value is one or (type(value) is type(one) and value == one)
            for one in self.allowed.get(argument, ())
        ):
            return True
        one = next(one for one in self._parameters() if one.name == argument)
        kind = str(one.annotation).partition(" | None")[0]
        if argument in self.lists:
            return isinstance(value, (list, np.ndarray, set))
        if argument in self.arrays:
            with contextlib.suppress(ValueError):
                return not isinstance(value, (str, dict, set)) and np.asarray(value).dtype.kind in "biuf"
            return False
        return kind not in MEANT or MEANT[kind](value)

    def fault(self, argument: str, value: Any) -> str | None:
        """What is wrong with the outcome; None: nothing."""
        try:
            self.run(**{argument: value})
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            if isinstance(error, self.errors):
                return None
            if isinstance(error, BARE) and not re.search(rf"`{argument}`", str(error)):
                return f"a bare {told}"
            names = (argument, *self.also.get(argument, ()))
            if not any(re.search(rf"(?<![A-Za-z_]){name}(?![A-Za-z_])", str(error)) for name in names):
                return f"no name of the argument in {told}"
            return None
        return None if self.meant(argument, value) else "nothing was said"


def faults(case: Case, argument: str) -> list[str]:
    """What is wrong with what a case does with wrong values of an argument."""
    found = []
    for value in case.values(argument):
        fault = case.fault(argument, value)
        if fault is not None:
            found.append(f"{argument}={value!r}: {fault}")
    return found


def pairs(cases: dict[str, Case]) -> list[Any]:
    """(case, argument) of all, for `pytest.mark.parametrize`."""
    import pytest

    return [
        pytest.param(case, argument, id=f"{name}-{argument}")
        for name, case in cases.items()
        for argument in case.arguments()
    ]
