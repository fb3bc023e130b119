"""What a feature is worth in a document: counts, tf-idf, naive-Bayes ratios.

A value is tf(count) * scale[feature] / norm of the document: tf is the count or 1 + log(count), the scale the
inverse document frequency (times |r| + damping with naive-Bayes ratios r), the norm the l2 norm of the
scaled values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from ..base.arguments import boolean, finite_number, one_of, unknown_name
from ..runtime import _core


@dataclass(frozen=True, kw_only=True)
class Part:
    """One linear model of a portfolio: which kinds of features it uses, how it weighs them, its loss and
    cost.

    Parameters
    ----------
    weighting : "tfidf" (scikit-learn's, smooth), "naive_bayes" (tf-idf times |r| + `damping`, r being the
        log of how
        much more frequent the feature is in documents of the class than in the rest), or "counts"
    kinds : names of kinds of features, as `NgramFeatures.kinds` has them; None: all
    sublinear : 1 + log(count) instead of the count
    norm : whether each document is divided by its l2 norm
    damping : of "naive_bayes" only; Wang and Manning (2012) have 0, which is too much for several classes
    loss : "squared_hinge" (as sklearn.svm.LinearSVC) or "logistic"
    cost : what a document's loss counts beside |w|**2 / 2, LinearSVC's C

    >>> Part(weighting="naive_bayes", cost=3).damping
    0.5
    """

    weighting: str = "tfidf"
    kinds: tuple[str, ...] | None = None
    sublinear: bool = True
    norm: bool = True
    damping: float = 0.5
    loss: str = "squared_hinge"
    cost: float = 1.0

    def __post_init__(self) -> None:
        one_of("weighting", self.weighting, ("tfidf", "naive_bayes", "counts"))
        one_of("loss", self.loss, ("squared_hinge", "logistic"))
        boolean("sublinear", self.sublinear)
        boolean("norm", self.norm)
        finite_number("damping", self.damping, least=0)
        finite_number("cost", self.cost, above=0)
        if isinstance(self.kinds, str):
            raise TypeError(f"`kinds` must be a tuple of names or None. Received: kinds={self.kinds!r}")
        if self.kinds is not None:
            object.__setattr__(self, "kinds", tuple(self.kinds))  # a list, as a file has it


class Arrays(NamedTuple):
    """Bags as the core takes them."""

    core: Any
    """What the functions of the core take."""
    offsets: np.ndarray
    counts: np.ndarray
    size: int

    @property
    def documents(self) -> int:
        return len(self.offsets) - 1


def checked_bags(bags: Any) -> Arrays:
    """The arrays of `bags`, anything with `offsets`, `ids`, `counts` and `size`; TypeError or ValueError
    otherwise.

    The core checks what stands in `offsets` and `ids`. What is checked already is taken as it is.
    """
    if isinstance(bags, Arrays):
        return bags
    try:
        offsets, ids, counts, size = bags.offsets, bags.ids, bags.counts, bags.size
    except AttributeError:
        raise TypeError(
            f"`bags` must be Bags (with offsets, ids, counts and size). Received: {type(bags).__name__}"
        ) from None
    offsets, counts = np.asarray(offsets, np.int64), np.asarray(counts, np.float32)
    core = _core.bag_documents(offsets, np.asarray(ids, np.int32), counts, int(size))
    if len(counts) and not (np.isfinite(counts.sum()) and counts.min() > 0):
        raise ValueError(
            f"bags.counts must be positive finite numbers. Received: {counts.min()} to {counts.max()}"
        )
    return Arrays(core, offsets, counts, int(size))


def checked_weights(argument: str, weights: Any, documents: int) -> np.ndarray | None:
    """`weights` as float32 (documents,), each finite and >= 0; None stays None."""
    if weights is None:
        return None
    array = np.array(weights, np.float32)
    if array.shape != (documents,) or not np.all(np.isfinite(array) & (array >= 0)):
        wrong = (
            f"shape {array.shape}" if array.shape != (documents,) else "a negative or infinite one, or NaN"
        )
        raise ValueError(
            f"`{argument}` must be {documents} finite numbers >= 0, one a document. Received: {wrong}"
        )
    array.flags.writeable = False
    return array


def document_frequencies(bags: Any, amounts: np.ndarray | None = None) -> np.ndarray:
    """In how many documents each feature occurs, float64 (size,).

    With `amounts`, (documents, columns), their sums over these documents, (size, columns).

    >>> from types import SimpleNamespace
    >>> bags = SimpleNamespace(offsets=[0, 2, 3], ids=[0, 1, 1], counts=[1, 1, 2], size=3)
    >>> document_frequencies(bags)
    array([1., 2., 0.])
    """
    arrays = checked_bags(bags)
    wanted = None if amounts is None else np.ascontiguousarray(amounts, np.float32)
    sums = _core.bag_frequencies(arrays.core, wanted)
    return sums[:, 0] if amounts is None else sums


def inverse_document_frequencies(bags: Any, sample_weight: Any = None, smooth: bool = True) -> np.ndarray:
    """scikit-learn's inverse document frequencies, float32 (size,): log((1 + n) / (1 + df)) + 1.

    Without `smooth`, log(n / df) + 1 (0 for features that no document has). A document counts as many times
    as its weight says.
    """
    arrays = checked_bags(bags)
    weights = checked_weights("sample_weight", sample_weight, arrays.documents)
    amounts = None if weights is None else weights[:, None]
    frequencies = document_frequencies(arrays, amounts).reshape(-1)
    n = arrays.documents if weights is None else weights.sum(dtype=np.float64)
    if smooth:
        return (np.log((1 + n) / (1 + frequencies)) + 1).astype(np.float32)
    found = frequencies > 0
    idf = np.zeros(arrays.size, np.float32)
    idf[found] = np.log(n / frequencies[found]) + 1
    return idf


def values(bags: Any, scale: np.ndarray, *, sublinear: bool = True, norm: bool = True) -> np.ndarray:
    """The weighted values of all pairs, float32 like `bags.counts`: tf * scale, divided by the document's
    l2 norm.
    """
    arrays = checked_bags(bags)
    scale = np.ascontiguousarray(scale, np.float32)
    if scale.shape != (arrays.size,):
        raise ValueError(f"`scale` must have the shape ({arrays.size},). Received: {scale.shape}")
    return _core.bag_values(arrays.core, sublinear, scale, norm)


def used_features(
    part: Part, kinds: Sequence[tuple[str, int, int]] | None, size: int
) -> list[tuple[int, int]]:
    """The ranges of ids (first, end) that a part uses, ascending."""
    if part.kinds is None:
        return [(0, size)]
    known = {name: (int(first), int(end)) for name, first, end in kinds or ()}
    if not part.kinds:
        raise ValueError("`kinds` of a part must name at least one kind, or be None. Received: kinds=()")
    for name in part.kinds:
        if name not in known:
            raise unknown_name("kind", name, known)
        first, end = known[name]
        if not 0 <= first <= end <= size:
            raise ValueError(f"kind {name!r} is outside of the {size} features. Received: {first} to {end}")
    return sorted(known[name] for name in part.kinds)


def base_scale(
    part: Part, ranges: list[tuple[int, int]], size: int, inverse_frequencies: np.ndarray | None
) -> np.ndarray:
    """What features are worth before any class is looked at, float32 (size,): zero for those that are not
    used.
    """
    base = np.zeros(size, np.float32)
    for first, end in ranges:
        if part.weighting == "counts" or inverse_frequencies is None:
            base[first:end] = 1
        else:
            base[first:end] = inverse_frequencies[first:end]
    return base
