"""fastText's autotune: arguments that are best on a validation file, searched for a given time.

A random walk around the best arguments so far, whose steps grow shorter (as fastText's autotune.cc). The text
is read once, trials train on it as it lies in memory; `dim` is not searched, as folded rows need none.
"""

from __future__ import annotations

import copy
import math
import random
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import finite_number, single_integer
from . import files
from .metrics import Metric, parsed_metric
from .settings import Settings, checked_size
from .texts import BLANK

if TYPE_CHECKING:
    from .model import FastText
    from .training import Corpus

SHORTEST = (0, 2, 3)
LEAST_CUTOFF = 256


class Diverged(ValueError):
    """A training whose loss has overflown."""


class Interrupted(Exception):
    """A training that its watch has ended."""


@dataclass(frozen=True)
class Wanted:
    """What a search is for."""

    lines: list[str]
    metric: Metric
    predictions: int
    seconds: float
    size: int | None


def wanted(path: Any, metric: Any, predictions: Any, duration: Any, size: Any) -> Wanted | None:
    """The arguments autotune… of train_supervised, checked; None without a validation file."""
    limit = checked_size(size)
    found = parsed_metric(metric)
    k = single_integer("autotunePredictions", predictions)
    if k < 1 and k != -1:
        raise ValueError(
            f"`autotunePredictions` must be at least 1, or -1 for all. Received: autotunePredictions={k}"
        )
    seconds = float(finite_number("autotuneDuration", duration, above=0))
    if not path:
        if limit is not None:
            raise ValueError("`autotuneModelSize` needs an autotuneValidationFile; else quantize the model")
        return None
    data = bytes(files.contents(path))
    lines = [line for line in data.decode("utf-8", "surrogateescape").split("\n") if BLANK.sub("", line)]
    if not lines:
        where = "" if isinstance(path, bytes) else f"{path}: "
        raise ValueError(f"{where}`autotuneValidationFile` has no lines")
    return Wanted(lines, found, k, seconds, limit)


def searched(
    corpus: Corpus, settings: Settings, search: Wanted, manual: set[str], weights: np.ndarray | None
) -> FastText:
    """The best model that was found in time; RuntimeError where there was none."""
    walk = _Walk(settings, manual)
    begin, best, score, trials, too_small = time.monotonic(), None, -1.0, 0, 0

    def is_over(*_: Any) -> bool:
        return time.monotonic() - begin > search.seconds

    while not trials or not is_over():
        trials += 1
        tried = walk.ask((time.monotonic() - begin) / search.seconds)
        try:
            model = corpus.train(replace(tried, verbose=0), weights, is_over)
            if search.size is not None:
                small = _quantised(model, corpus, tried, walk.part, search.size)
                if small is None:
                    too_small += 1
                    continue
                model = small
            found = search.metric.of(model, search.lines, search.predictions)
            if best is None or found > score:
                best, score = model, found
                walk.keep(tried)
        except Interrupted:
            break
        except (Diverged, MemoryError):
            continue
        finally:
            if settings.verbose > 1:
                done = min(100 * (time.monotonic() - begin) / search.seconds, 100)
                shown = f"{score:9.6f}" if best is not None else "unknown"
                print(
                    f"\rProgress: {done:5.1f}% Trials: {trials:4d} Best score: {shown}",
                    end="",
                    file=sys.stderr,
                )
    if settings.verbose > 1:
        print(file=sys.stderr)
    if best is None:
        if too_small:
            raise RuntimeError("no model of this size was found: give a larger `autotuneModelSize`")
        raise RuntimeError("no model was trained in this time: give a longer `autotuneDuration`")
    return best


class _Walk:
    """Where the search goes next."""

    def __init__(self, settings: Settings, manual: set[str]) -> None:
        self.best, self.manual, self.trials = settings, manual, 0
        self.random = random.Random(settings.seed)
        self.shortest, self.best_part, self.part = 0, 1, 2
        self.bucket = settings.bucket or 2000000

    def keep(self, settings: Settings) -> None:
        """Takes what was asked for last as the best so far."""
        self.best = settings
        self.shortest = SHORTEST.index(settings.minn) if settings.minn in SHORTEST else 0
        self.best_part = int(math.log2(self.part))
        self.bucket = settings.bucket or self.bucket

    def ask(self, done: float) -> Settings:
        """The arguments of the next trial, after this share of the time."""
        self.trials += 1
        if self.trials == 1:
            return self.best
        given, best = self.manual, self.best
        changed: dict[str, Any] = {}
        if "epoch" not in given:
            changed["epoch"] = int(self._scaled(best.epoch, 1, 100, 2.8, 2.5, done))
        if "lr" not in given:
            changed["lr"] = self._scaled(best.lr, 0.01, 5.0, 1.9, 1.0, done)
        if "wordNgrams" not in given:
            changed["wordNgrams"] = int(self._moved(best.wordNgrams, 1, 5, 4.3, 2.4, done))
        self.part = 1 << int(self._moved(self.best_part, 1, 4, 2.0, 1.0, done))
        if "minn" not in given:
            changed["minn"] = SHORTEST[int(self._moved(self.shortest, 0, len(SHORTEST) - 1, 4.0, 1.4, done))]
        if "maxn" not in given:
            shortest = changed.get("minn", best.minn)
            changed["maxn"] = shortest + 3 if shortest else 0
        if "bucket" not in given:
            changed["bucket"] = int(self._scaled(self.bucket, 10000, 10000000, 2.0, 1.5, done))
        else:
            changed["bucket"] = self.bucket
        return replace(best, **changed).checked()

    def _step(self, first: float, last: float, done: float) -> float:
        spread = first - (first - last) / 0.5 * min(0.5, max(min(done, 1.0) - 0.25, 0.0))
        return self.random.gauss(0.0, spread)

    def _scaled(self, value: float, least: float, most: float, *step: float) -> float:
        return min(most, max(least, value * 2 ** self._step(*step)))

    def _moved(self, value: float, least: float, most: float, *step: float) -> float:
        return min(most, max(least, value + self._step(*step)))


def _quantised(model: FastText, corpus: Corpus, settings: Settings, part: int, size: int) -> FastText | None:
    """The model quantised, with as many rows as fit into a file of this size; None: these are too few."""
    dim, labels = model.get_dimension(), corpus.labels
    of_labels = labels >= LEAST_CUTOFF
    output = 16 + 4 * labels * dim
    if of_labels:
        output = 21 + labels * ((dim + 1) // 2) + 16 + 4 * dim * 256 + labels
    room = size - 107 - 4 * 256 * dim - output
    part = min(part, dim)
    cutoff = int(room / (-(-dim // part) + 1 + 10))
    while cutoff > LEAST_CUTOFF:
        small = copy.copy(model)
        small.quantize(
            corpus.text, qout=of_labels, cutoff=cutoff, retrain=True, qnorm=True, dsub=part,
            epoch=max(settings.epoch, 1), lr=settings.lr, thread=settings.thread,
        )  # fmt: skip
        made = sum(files.section_bytes(section) for section in small._sections)
        if made <= size:
            return small
        cutoff = min(cutoff - 1, int(cutoff * size / made))
    return None
