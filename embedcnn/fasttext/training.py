"""fastText's supervised training: a file of labelled lines, or texts with labels, to a model of its kind.

The text is read once, by all threads. Without `dim`, rows have as many floats as there are labels, which
learn what rows of any width do (csrc/bags/product_form.h).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..base.checked import checked
from . import autotune, files
from .model import FastText
from .settings import DEFAULTS, Settings
from .start_vectors import StartVectors
from .tables import Tables
from .text_corpus import TextCorpus, Watch
from .texts import text_of

__all__ = ["train_supervised"]


@checked
def train_supervised(
    input: str | os.PathLike[str] | Iterable[str],
    lr: float = 0.1,
    dim: int | None = None,
    ws: int = 5,
    epoch: int = 5,
    minCount: int = 1,
    minCountLabel: int = 0,
    minn: int = 0,
    maxn: int = 0,
    neg: int = 5,
    wordNgrams: int = 1,
    loss: str = "softmax",
    bucket: int = 2000000,
    thread: int | None = None,
    lrUpdateRate: int = 100,
    t: float = 1e-4,
    label: str = "__label__",
    verbose: int = 2,
    pretrainedVectors: str | os.PathLike[str] = "",
    seed: int = 0,
    autotuneValidationFile: str | os.PathLike[str] | bytes = "",
    autotuneMetric: str = "f1",
    autotunePredictions: int = 1,
    autotuneDuration: float = 300,
    autotuneModelSize: str = "",
    *,
    labels: Iterable[Any] | None = None,
    sample_weight: Any = None,
) -> FastText:
    """A classifier of texts, trained as fastText's `train_supervised`, with its arguments, many times faster.

    Steps follow each other line by line: the same arguments give the same model on any number of threads.

    Parameters
    ----------
    input : path of a file of UTF-8 lines, each with its labels among its words; or a list of texts
    lr : learning rate of the first step; it falls evenly to 0. Without `dim`, 0.5 suits most texts
    dim : floats of a row; None: as many as there are labels, which learns the same in a fraction of the time
        (vectors of words are then shares of the labels)
    ws, t : kept in the model's file; as in fastText, training of labelled texts has no use for them
    epoch : passes over the text
    minCount, minCountLabel : words, and labels, that occur more rarely are left out
    minn, maxn : characters of the shortest and the longest n-gram of characters; maxn=0: none
    neg : labels drawn against each one, with loss="ns"
    wordNgrams : words of the longest n-gram of words
    loss : "softmax", labels that exclude each other; "ova", each alone; "hs", a tree of labels; "ns"
    bucket : rows for n-grams of words and characters
    thread : threads, at most 64; None: `embedcnn.set_num_threads`
    lrUpdateRate : tokens between two changes of the learning rate
    label : what labels begin with
    verbose : what is written to stderr: 0 nothing, 1 sizes and the final loss, 2 also the progress
    pretrainedVectors : file of word vectors to start from, in any usual format; without `dim` it decides that
    seed : decides what is random: the start of rows with `dim`, which of several labels a step is for, "ns"
    autotuneValidationFile : file of labelled lines, or its bytes; arguments that have their default are
        searched for those that are best on it
    autotuneMetric : "f1", "f1:LABEL", "precisionAtRecall:30", "recallAtPrecision:30", these with ":LABEL" too
    autotunePredictions : labels that a line is predicted, for the metric
    autotuneDuration : seconds of the search
    autotuneModelSize : as "2M": the result is quantised to at most so many bytes
    labels : with a list of texts, of each text its label, or a list of them
    sample_weight : (lines,) how much the steps of each line count

    Raises
    ------
    OSError : the file cannot be read
    ValueError, TypeError : arguments out of range; a text without labels or words; a learning rate that lets
        the loss overflow
    MemoryError : the table of rows does not fit into this machine

    Examples
    --------
    >>> texts = ["a fine film", "a dull film", "fine acting", "dull and long"] * 5
    >>> model = train_supervised(texts, lr=0.5, epoch=20, labels=["good", "bad"] * 10, verbose=0)
    >>> model.predict("a fine one")[0], model.get_dimension()
    (('__label__good',), 2)
    """
    settings = Settings(
        lr, dim, ws, epoch, minCount, minCountLabel, minn, maxn, neg, wordNgrams, loss, bucket, thread,
        lrUpdateRate, t, label, verbose, seed,
    )  # fmt: skip
    wanted = autotune.wanted(
        autotuneValidationFile, autotuneMetric, autotunePredictions, autotuneDuration, autotuneModelSize
    )
    manual = {name for name, value in DEFAULTS.items() if getattr(settings, name) != value}
    return trained(input, settings, manual, pretrainedVectors, wanted, labels, sample_weight)


def trained(
    input: Any,
    settings: Settings,
    manual: set[str],
    pretrained: Any = "",
    wanted: autotune.Wanted | None = None,
    labels: Any = None,
    sample_weight: Any = None,
) -> FastText:
    """The model of `train_supervised`; a search for what is `wanted` leaves the settings named in `manual` as
    they are.
    """
    settings = settings.checked()
    vectors = StartVectors(pretrained, settings) if pretrained else None
    if vectors:
        settings = replace(settings, dim=vectors.dim)
    text = text_of(input, labels, settings.label)
    corpus = Corpus(text, settings, vectors)
    weights = None if sample_weight is None else _checked_sample_weight(sample_weight)
    if wanted is None:
        return corpus.train(settings, weights)
    return autotune.searched(corpus, settings, wanted, manual | ({"dim"} if vectors else set()), weights)


def _checked_sample_weight(weights: Any) -> np.ndarray:
    array = np.ascontiguousarray(weights, np.float32)
    if array.ndim != 1 or not np.isfinite(array).all() or (array < 0).any():
        raise ValueError("`sample_weight` must be a vector of finite numbers, none below 0")
    return array


class Corpus(TextCorpus):
    """A text of labelled lines, on which models are trained."""

    def __init__(self, text: Any, settings: Settings, vectors: StartVectors | None = None) -> None:
        super().__init__(text, settings, vectors)
        self.text = text
        if not self.labels:
            least = settings.minCountLabel
            rare = f" and occur {least} times (`minCountLabel`)" if least > 1 else ""
            raise ValueError(
                f"`input` has no labels: words that begin with {settings.label!r} (argument `label`){rare}"
            )

    def train(
        self, settings: Settings, weights: np.ndarray | None = None, watch: Watch | None = None
    ) -> FastText:
        """A model; autotune.Interrupted where `watch`, called now and then, has ended it."""
        threads = settings.thread or 0
        tables = Tables(
            self.words + settings.bucket, self.labels, settings.dim, settings.loss, settings.seed, threads
        )
        self.place_vectors(tables.rows)

        def steps(watched: Watch | None) -> tuple[bool, float]:
            return self.core.train(
                tables.rows,
                tables.output,
                (settings.minn, settings.maxn),
                settings.wordNgrams,
                settings.bucket,
                files.LOSSES[settings.loss],
                settings.neg,
                settings.lr,
                settings.lrUpdateRate,
                settings.epoch,
                settings.seed,
                weights,
                threads,
                watched,
            )

        self.run(settings, steps, watch)
        rows, output = tables.finished()
        return FastText._from_parts(
            settings.args(rows.shape[1]), self.core.section(), rows, output, label=settings.label
        )
