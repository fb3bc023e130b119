"""Parameters: what scikit-learn asks of an estimator's constructor, without scikit-learn.

A class with it keeps each argument of its own `__init__` under the argument's name, unchanged, and checks it
when it learns; so `clone`, GridSearchCV and pipelines can handle it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from .arguments import unknown_name

if TYPE_CHECKING:
    from typing_extensions import Self


class Parameters:
    """The base of estimators: `get_params`, `set_params`, and a `repr` that shows what is not the default.

    >>> class Guess(Parameters):
    ...     def __init__(self, *, share=0.5, seed=0):
    ...         self.share, self.seed = share, seed
    >>> Guess().set_params(share=0.25)
    Guess(share=0.25)
    """

    @classmethod
    def _defaults(cls) -> dict[str, Any]:
        """The arguments of the constructor, each with its default."""
        return defaults_of(cls)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor. As in scikit-learn."""
        return {name: getattr(self, name) for name in self._defaults()}

    def set_params(self, **params: Any) -> Self:
        """Sets arguments of the constructor, for the next `fit`; ValueError for unknown names."""
        for name in params:
            if name not in self._defaults():
                raise unknown_name("parameter", name, self._defaults())
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        return shown_parameters(self)


def defaults_of(kind: type) -> dict[str, Any]:
    """The arguments of a constructor, each with its default."""
    parameters = list(inspect.signature(kind).parameters.values())
    return {one.name: one.default for one in parameters}


def shown_parameters(estimator: Any) -> str:
    """An estimator as the call that makes it: its class and the arguments that are not the default."""
    defaults = defaults_of(type(estimator))
    given = [
        f"{name}={value!r}"
        for name, value in estimator.get_params().items()
        if value is not defaults[name] and repr(value) != repr(defaults[name])
    ]
    return f"{type(estimator).__name__}({', '.join(given)})"
