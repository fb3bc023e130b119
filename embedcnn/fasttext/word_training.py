"""fastText's unsupervised training: word vectors from a text, by skip-gram or a continuous bag of words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from embedcnn import _core

from ..base.arguments import finite_number, integer, one_of, optional
from ..base.checked import checked
from .model import FastText
from .settings import MOST_WINDOW, Settings
from .start_vectors import StartModel, StartVectors
from .tables import FLOATS_PER_LINE, packed, scattered
from .text_corpus import TextCorpus, Watch
from .texts import UNLABELLED, text_of

__all__ = ["train_unsupervised"]

MODELS = ("skipgram", "cbow")
LOSSES = ("ns", "hs")


@checked
def train_unsupervised(
    input: str | os.PathLike[str] | Iterable[str | Sequence[str]],
    model: str = "skipgram",
    lr: float = 0.05,
    dim: int = 100,
    ws: int = 5,
    epoch: int = 5,
    minCount: int = 5,
    minCountLabel: int = 0,
    minn: int = 3,
    maxn: int = 6,
    neg: int = 5,
    wordNgrams: int = 1,
    loss: str = "ns",
    bucket: int = 2000000,
    thread: int | None = None,
    lrUpdateRate: int = 100,
    t: float = 1e-4,
    label: str = "__label__",
    verbose: int = 2,
    pretrainedVectors: str | os.PathLike[str] = "",
    seed: int = 0,
    *,
    min_lr: float = 0.0,
    ns_exponent: float = 0.5,
    max_words: int | None = None,
    start_model: FastText | None = None,
) -> FastText:
    """Word vectors, trained as fastText's `train_unsupervised`, with its arguments, several times faster.

    Sixteen neighbouring words at a time share the words that are drawn against them
    (csrc/fasttext/word_steps.h), so that numbers differ from fastText's; how good they are does not. The
    same arguments give the same bits on any number of threads. Source: Mikolov et al. 2013, Bojanowski et
    al. 2017.

    Parameters
    ----------
    input : path of a file of UTF-8 lines, one text each (.gz, .bz2, .xz and .zst are unpacked);
        or a list of texts, or of lists of words. Words stand between blanks: lower-case and cut off
        punctuation first
    model : "skipgram", which predicts the neighbours of a word, or "cbow", which predicts it from them
    lr, min_lr : learning rate of the first step; it falls evenly to `min_lr`
    dim : floats of a vector
    ws : neighbours on each side, at most 1000; how many is drawn for each word
    epoch : passes over the text
    minCount : words that occur more rarely are left out
    minCountLabel, label : words that begin with `label` are not trained; the model lists those that come so
        often as labels
    minn, maxn : characters of the shortest and the longest n-gram of characters; maxn=0: none, as word2vec
    neg : words drawn against each neighbour, with loss="ns"
    loss : "ns", or "hs": hierarchical softmax, a tree of the words instead of drawn ones, on one thread
    wordNgrams : only 1
    bucket : rows for n-grams of characters
    thread : threads, at most 64; None: `embedcnn.set_num_threads`
    lrUpdateRate : kept in the model's file; the rate falls every some hundred words
    t : words with a larger share of the text are left out at random; 0: none
    verbose : what is written to stderr: 0 nothing, 1 sizes and the final loss, 2 also the progress
    pretrainedVectors : file of word vectors to start from, in any usual format, of `dim` floats. Rows of
        n-grams of characters start at random even so, as in fastText, and a word's vector is the mean of
        its rows: maxn=0 goes on from just these vectors
    seed : decides what is random
    ns_exponent : these are drawn by count^ns_exponent, -10 to 10; word2vec has 0.75
    max_words : of more words the rarest are left out, as though `minCount` were larger
    start_model : a model of word vectors, trained with loss="ns" and the same dim, minn, maxn and bucket,
        that goes on learning from this text; it stays as it is. All its words stay, new ones come to them

    Returns
    -------
    FastText : `model["word"]`, `get_nearest_neighbors`, `save_model`, and `word_vectors()`, gensim's way

    Raises
    ------
    OSError : the file cannot be read
    ValueError, TypeError : arguments out of range, a text without words, a rate that lets the loss overflow
    MemoryError : the table of rows does not fit into this machine

    Examples
    --------
    >>> texts = ["cats purr and sleep", "dogs bark and sleep", "cats and kittens purr"] * 300
    >>> model = train_unsupervised(texts, dim=10, maxn=0, t=0.1, lr=0.1, epoch=10, verbose=0)
    >>> model.get_nearest_neighbors("cats", k=1)[0][1]
    'kittens'
    """
    settings = _checked(
        Settings(
            lr, dim, ws, epoch, minCount, minCountLabel, minn, maxn, neg, wordNgrams, loss, bucket, thread,
            lrUpdateRate, t, label, verbose, seed, model,
        )
    )  # fmt: skip
    min_lr = float(finite_number("min_lr", min_lr, least=0))
    if min_lr > settings.lr:
        raise ValueError(f"`min_lr` must be at most lr={settings.lr:g}. Received: min_lr={min_lr:g}")
    exponent = float(finite_number("ns_exponent", ns_exponent, -10, 10))
    max_words = optional(integer, "max_words", max_words, 1)
    if sum(given not in (None, "") for given in (max_words, start_model, pretrainedVectors)) > 1:
        raise ValueError(
            "only one of `max_words`, `start_model` and `pretrainedVectors` may be given: all words of the "
            "latter two stay"
        )
    text = text_of(input, UNLABELLED, settings.label)
    vectors = _start(pretrainedVectors, start_model, settings)
    settings = _with_fewer_words(text, settings, max_words)
    return _trained(TextCorpus(text, settings, vectors), settings, min_lr, exponent)


def _start(path: Any, model: FastText | None, settings: Settings) -> StartVectors | None:
    if model is not None:
        return StartModel(model, settings)
    return StartVectors(path, settings) if path else None


def _with_fewer_words(text: Any, settings: Settings, most: int | None) -> Settings:
    """With the least `minCount` that leaves at most so many words."""
    if most is None:
        return settings
    corpus = TextCorpus(text, replace(settings, verbose=0))
    return settings if corpus.words <= most else replace(settings, minCount=corpus.count_of(most) + 1)


def _checked(settings: Settings) -> Settings:
    one_of("model", settings.model, MODELS)
    if settings.loss not in LOSSES:
        raise ValueError(
            '`loss` must be "ns" (negative sampling) or "hs" (a tree of the words) for word vectors. '
            f"Received: loss={settings.loss!r}"
        )
    dim = integer("dim", settings.dim, 1, 65536)
    settings = replace(settings.checked(), dim=dim)
    integer("ws", settings.ws, 1, MOST_WINDOW)
    integer("neg", settings.neg, 1)
    if settings.wordNgrams != 1:
        raise ValueError(
            "`wordNgrams` must be 1: word vectors have no n-grams of words. "
            f"Received: wordNgrams={settings.wordNgrams}"
        )
    return settings


def _trained(corpus: TextCorpus, settings: Settings, min_lr: float, exponent: float) -> FastText:
    dim, threads = settings.dim, settings.thread or 0
    assert dim is not None
    stride = -(-dim // FLOATS_PER_LINE) * FLOATS_PER_LINE
    rows, output = scattered(corpus.words + settings.bucket, stride), scattered(corpus.words, stride)
    _core.fasttext_randomise(rows, dim, settings.seed, threads)
    corpus.place_vectors(rows)
    corpus.place_output(output)

    def steps(watch: Watch | None) -> tuple[bool, float]:
        return corpus.core.train_words(
            rows,
            output,
            dim,
            (settings.minn, settings.maxn),
            settings.bucket,
            settings.model == "cbow",
            settings.loss == "hs",
            settings.ws,
            settings.neg,
            exponent,
            settings.t,
            settings.lr,
            min_lr,
            settings.epoch,
            settings.seed,
            threads,
            watch,
        )

    corpus.run(settings, steps, last_rate=min_lr)
    return FastText._from_parts(
        settings.args(dim),
        corpus.core.section(),
        packed(rows, dim),
        packed(output, dim),
        label=settings.label,
    )
