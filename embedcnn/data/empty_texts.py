"""Texts without a word in them and blank lines: left out and counted, kept, or an error.

Real data have them. What trains leaves them out and says once how many; what answers texts
(`embedcnn.data.records`) answers them in their place.
"""

from __future__ import annotations

import warnings

from embedcnn.data.lines import PathLike

EMPTY_RULES = ("skip", "error", "keep")


class EmptyTexts:
    """What becomes of the empty texts and blank lines of one file or folder. Blank lines have no label, so
    "keep" leaves them out as "skip" does.
    """

    def __init__(self, path: PathLike, rule: str = "skip") -> None:
        if rule not in EMPTY_RULES:
            raise ValueError(f"`empty` must be one of {', '.join(EMPTY_RULES)}. Received: empty={rule!r}")
        self.path, self.rule = path, rule
        self.texts = self.lines = 0
        self.first_text = self.first_line = ""

    def blank_line(self, number: int) -> None:
        """Counts a line without anything in it."""
        where = f"{self.path}, line {number}"
        if self.rule == "error":
            raise ValueError(f"{where}: the line is blank")
        self.lines += 1
        self.first_line = self.first_line or f"line {number}"

    def leaves_out(self, where: str, label: str) -> bool:
        """Whether an empty text, found at `where`, is left out; counts it then."""
        if self.rule == "error":
            raise ValueError(f"{where}: the text is empty (label {label!r})")
        if self.rule == "keep":
            return False
        self.texts += 1
        self.first_text = self.first_text or where.removeprefix(f"{self.path}, ")
        return True

    def warn(self, stacklevel: int) -> None:
        """One warning for all that was left out, if anything was."""
        kinds = [(self.texts, "empty text", self.first_text), (self.lines, "blank line", self.first_line)]
        parts = [
            f"{count} {kind}{'s' * (count > 1)} (the first: {first})" for count, kind, first in kinds if count
        ]
        if parts:
            verb = "is" if self.texts + self.lines == 1 else "are"
            warnings.warn(f"{self.path}: {' and '.join(parts)} {verb} left out", stacklevel=stacklevel + 1)
