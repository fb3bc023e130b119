"""Attributes that do not keep alive what they refer to: a part's way back to the whole that owns it.

A model owns its programs, steps and data; where these kept the model in turn, `del model` would leave all of
them, and the core's memory, to the next run of Python's garbage collector.
"""

from __future__ import annotations

import weakref
from typing import Any


class Unkept:
    """An attribute that refers weakly: what it was set to, or None, while somebody else keeps it.

    ReferenceError where it is gone, AttributeError before it was set.

    >>> class Part:
    ...     whole = Unkept()
    >>> class Whole:
    ...     pass
    >>> part, whole = Part(), Whole()
    >>> part.whole = whole
    >>> part.whole is whole
    True
    >>> del whole
    >>> part.whole
    Traceback (most recent call last):
    ReferenceError: the `whole` of this Part is gone: nothing kept it
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __set__(self, part: Any, value: Any) -> None:
        vars(part)[self._name] = None if value is None else weakref.ref(value)

    def __get__(self, part: Any, owner: type | None = None) -> Any:
        if part is None or self._name not in vars(part):
            raise AttributeError(f"{getattr(owner, '__name__', owner)} has no attribute {self._name!r} yet")
        reference = vars(part)[self._name]
        if reference is None:
            return None
        found = reference()
        if found is None:
            raise ReferenceError(f"the `{self._name}` of this {type(part).__name__} is gone: nothing kept it")
        return found
