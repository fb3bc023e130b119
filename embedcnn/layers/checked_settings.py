"""Attributes of an Embedding that are checked as its arguments are, whenever they are set. What programs read
of them holds from the next `compile` on; the rows that learn, from the next step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..base.arguments import finite_number, optional
from .table_rows import row_number
from .table_storage import refuse_rule

Check = Callable[[Any, str, Any], Any]
"""Of layer, name and value given: the value to keep; TypeError or ValueError where it is wrong."""


class Setting:
    """An attribute that lies in `vars(layer)`, checked when it is set."""

    def __init__(self, check: Check) -> None:
        self.check, self.name = check, ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        if self.name not in vars(layer):
            raise AttributeError(self.name)
        return vars(layer)[self.name]

    def __set__(self, layer: Any, value: Any) -> None:
        vars(layer)[self.name] = self.check(layer, self.name, value)


class PaddingRow(Setting):
    """The row that does not learn: changed, it is another one from the next step on."""

    def __set__(self, layer: Any, value: Any) -> None:
        super().__set__(layer, value)
        if vars(layer).get("built"):
            layer._let_rows_learn()


def norm(layer: Any, name: str, value: Any) -> float | None:
    """A norm above 0, or None; a table of int8 takes none after it was made."""
    checked: float | None = optional(finite_number, name, value, above=0)
    if checked is not None and "_variables" in vars(layer) and layer.storage_dtype == "int8":
        refuse_rule(layer, name, value)
    return checked


def order(layer: Any, name: str, value: Any) -> float:
    """The order of a norm: a number above 0, or infinity."""
    if isinstance(value, float) and value == float("inf"):  # NumPy's float64 is one
        return float(value)
    return float(finite_number(name, value, above=0))


def flag(layer: Any, name: str, value: Any) -> bool:
    """A bool."""
    if not isinstance(value, bool):
        raise TypeError(f"`{name}` must be True or False. Received: {name}={value!r}")
    return value


def row(layer: Any, name: str, value: Any) -> int | None:
    """A row of the table, or None."""
    return row_number(name, value, layer.input_dim)


def given_once(layer: Any, name: str, value: Any) -> Any:
    """What the constructor has checked; ValueError where it is to be changed."""
    if name in vars(layer) and value != vars(layer)[name]:
        remedy = (
            "use model.convert_tables(dtype), or layer.convert_table(dtype)"
            if name == "storage_dtype"
            else "give it to a new layer"
        )
        raise ValueError(
            f"`{name}` of {layer.name!r} is {vars(layer)[name]!r} and says how its table is kept; {remedy}. "
            f"Received: {name}={value!r}"
        )
    return value
