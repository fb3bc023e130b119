"""What autotune compares models by: fastText's metrics of predictions of labelled lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .texts import BLANK

if TYPE_CHECKING:
    from .model import FastText

NAMES = ("f1", "precisionAtRecall", "recallAtPrecision")


@dataclass(frozen=True)
class Metric:
    """One of NAMES, perhaps at a value in [0, 1], perhaps of a single label."""

    name: str
    value: float = 0.0
    label: str | None = None

    def of(self, model: FastText, lines: list[str], k: int) -> float:
        """The metric of the model's k best labels of each line that has labels which it knows."""
        known = set(model.labels)
        if self.label is not None and self.label not in known:
            raise ValueError(f"`autotuneMetric` names a label that no line of `input` has: {self.label!r}")
        gold = [known.intersection(BLANK.split(line)) for line in lines]
        used = [i for i in range(len(lines)) if gold[i]]
        every = -1 if self.name != "f1" else k
        found, shares = model.predict([lines[i] for i in used], every)
        if self.name == "f1":
            return self._f1([gold[i] for i in used], found)
        scores, right = [], []
        for i, labels, values in zip(used, found, shares, strict=True):
            for name, value in zip(labels, values.tolist(), strict=True):
                if self.label in (None, name):
                    scores.append(value)
                    right.append(name in gold[i])
        wanted = sum(len(gold[i]) if self.label is None else self.label in gold[i] for i in used)
        return self._along_curve(np.array(scores), np.array(right, bool), wanted)

    def _f1(self, gold: list[set[str]], found: Any) -> float:
        only = None if self.label is None else {self.label}
        right = predicted = wanted = 0
        for true, names in zip(gold, found, strict=True):
            guessed = set(names) if only is None else only.intersection(names)
            true = true if only is None else only & true
            right, predicted, wanted = (
                right + len(guessed & true),
                predicted + len(guessed),
                wanted + len(true),
            )
        return 2 * right / (predicted + wanted) if predicted + wanted else 0.0

    def _along_curve(self, scores: np.ndarray, right: np.ndarray, wanted: int) -> float:
        """The best precision where recall reaches the value, or the other way round, over all thresholds."""
        if not len(scores) or not wanted:
            return 0.0
        order = np.argsort(-scores, kind="stable")
        sums = np.cumsum(right[order])
        last = np.append(scores[order][1:] != scores[order][:-1], True)  # equal scores share a threshold
        precision = (sums / np.arange(1, len(sums) + 1))[last]
        recall = (sums / wanted)[last]
        measured, bound = (precision, recall) if self.name == "precisionAtRecall" else (recall, precision)
        reached = measured[bound >= self.value]
        return float(reached.max()) if len(reached) else 0.0


def parsed_metric(text: Any) -> Metric:
    """A metric from its name, as "f1", "f1:__label__a", "precisionAtRecall:30:__label__a"."""
    if not isinstance(text, str):
        raise TypeError(f"`autotuneMetric` must be a str. Received: {text!r}")
    name, _, rest = text.partition(":")
    if name == "f1":
        return Metric(name, label=rest or None)
    value, _, label = rest.partition(":")
    try:
        share = float(value) / 100
    except ValueError:
        share = -1.0
    if name not in NAMES or not 0 <= share <= 1:
        raise ValueError(
            "`autotuneMetric` must be 'f1', 'precisionAtRecall:PERCENT' or 'recallAtPrecision:PERCENT', with "
            f"':LABEL' behind it perhaps. Received: {text!r}"
        )
    return Metric(name, share, label or None)
