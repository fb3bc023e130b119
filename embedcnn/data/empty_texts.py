"""Texts without a word in them, blank lines and missing labels: left out and counted, kept, or an error.

Real data have them. What trains leaves them out and says once how many; what answers texts
(`embedcnn.data.records`) answers them in their place.
"""

from __future__ import annotations

import warnings

from embedcnn.data.lines import PathLike

EMPTY_RULES = ("skip", "error", "keep")
MISSING_LABEL_RULES = ("error", "skip")


class EmptyTexts:
    """What becomes of the empty texts and blank lines of one file or folder, and of texts without a label
    (`missing_labels`). Blank lines have no label, so "keep" leaves them out as "skip" does.
    """

    def __init__(self, path: PathLike, rule: str = "skip", missing_labels: str = "error") -> None:
        if rule not in EMPTY_RULES:
            raise ValueError(f"`empty` must be one of {', '.join(EMPTY_RULES)}. Received: empty={rule!r}")
        if missing_labels not in MISSING_LABEL_RULES:
            raise ValueError(
                f"`missing_labels` must be one of {', '.join(MISSING_LABEL_RULES)}. "
                f"Received: missing_labels={missing_labels!r}"
            )
        self.path, self.rule, self.missing_labels = path, rule, missing_labels
        self.texts = self.lines = self.labels = 0
        self.first_text = self.first_line = self.first_label = ""

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

    def missing_label(self, where: str, problem: str = "the label is empty") -> None:
        """Counts a text whose label is missing, found at `where`; ValueError unless those are skipped."""
        if self.missing_labels == "error":
            raise ValueError(f"{where}: {problem}; missing_labels='skip' leaves such texts out")
        self.labels += 1
        self.first_label = self.first_label or where.removeprefix(f"{self.path}, ")

    def warn(self, stacklevel: int) -> None:
        """One warning for all that was left out, if anything was."""
        kinds = [
            (self.texts, "empty text", self.first_text),
            (self.lines, "blank line", self.first_line),
            (self.labels, "missing label", self.first_label),
        ]
        parts = [
            f"{count} {kind}{'s' * (count > 1)} (the first: {first})" for count, kind, first in kinds if count
        ]
        if parts:
            verb = "is" if self.texts + self.lines + self.labels == 1 else "are"
            warnings.warn(f"{self.path}: {' and '.join(parts)} {verb} left out", stacklevel=stacklevel + 1)
