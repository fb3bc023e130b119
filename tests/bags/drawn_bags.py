"""Bags drawn at random for tests: documents of a few classes whose features tell them apart, not too well."""

from types import SimpleNamespace

import numpy as np


def draw(documents=300, size=120, classes=2, seed=0, longest=30):
    """Bags and a class for each; the last document is empty, some features occur nowhere."""
    random = np.random.default_rng(seed)
    y = random.integers(0, classes, documents)
    y[:classes] = range(classes)
    likely = random.gamma(0.3, size=(classes, size)) + 0.02
    likely[:, -5:] = 0
    likely /= likely.sum(axis=1, keepdims=True)
    rows = [
        np.bincount(random.choice(size, random.integers(1, longest), p=likely[c]), minlength=size) for c in y
    ]
    rows[-1] = np.zeros(size, int)
    return of_dense(np.array(rows)), y


def of_dense(counts):
    counts = np.asarray(counts)
    rows, ids = np.nonzero(counts)
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(counts)))])
    return SimpleNamespace(
        offsets=offsets.astype(np.int64),
        ids=ids.astype(np.int32),
        counts=counts[rows, ids].astype(np.float32),
        size=counts.shape[1],
    )


def dense(bags, values=None):
    """float64 (documents, size)."""
    matrix = np.zeros((len(bags.offsets) - 1, bags.size))
    rows = np.repeat(np.arange(len(matrix)), np.diff(bags.offsets))
    matrix[rows, bags.ids] = bags.counts if values is None else values
    return matrix


def chosen(bags, documents):
    """The bags of some documents, in that order."""
    return of_dense(dense(bags)[documents])
