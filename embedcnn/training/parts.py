"""The values of a batch, one for each input or loss, beside the form in which the user gave them: own steps
and `compute_loss` get them back in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

SINGLE, NOTHING = "single", "nothing"


class Parts(list[Any]):
    """A list that remembers its form: `list`, `tuple`, SINGLE, NOTHING (None was given), or the keys of a
    dict, one for each part. A part that was not given is None.
    """

    def __init__(self, parts: Iterable[Any], form: Any = list) -> None:
        super().__init__(parts)
        self.form = form

    def like(self, parts: Iterable[Any]) -> Parts:
        """Other parts, in this form."""
        return Parts(parts, self.form)

    def given(self) -> Any:
        """The values in the form in which they were given."""
        if self.form is NOTHING:
            return None
        if self.form is SINGLE:
            return self[0]
        if isinstance(self.form, list):
            named = zip(self.form, self, strict=True)
            return {name: part for name, part in named if part is not None}
        return self.form(self)


def parts_of(value: Any, parts: Sequence[Any], names: Sequence[str]) -> Parts:
    """The parts of a value, which have these names, in its form."""
    if isinstance(value, dict):
        return Parts(parts, list(names))
    if isinstance(value, (list, tuple)) and len(value) == len(parts) > 1:
        return Parts(parts, tuple if isinstance(value, tuple) else list)
    return Parts(parts, SINGLE if len(parts) == 1 else list)


def like(before: Sequence[Any], parts: Iterable[Any]) -> list[Any]:
    """Other parts in the form of those before, where these have one."""
    return before.like(parts) if isinstance(before, Parts) else list(parts)
