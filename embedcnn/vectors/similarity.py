"""How near words and groups of words are, by gensim's names. WordVectors has these methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from ..base.arguments import boolean
from ..base.arrays import numbers
from ..base.checked import checked
from ..base.columns import several
from .word_index import WordIndex

__all__ = ["Similarities", "as_list", "unit"]

LEAST = 1e-6
"""What a product of distances is divided by at least: gensim's."""


def unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1; zeros stay zeros."""
    length = np.linalg.norm(vector)
    return vector / length if length else vector


def as_list(items: Any) -> list:
    """One word, vector or pair, or a list of them, as a list."""
    if items is None:
        return []
    if isinstance(items, (str, tuple)) or (isinstance(items, np.ndarray) and items.ndim == 1):
        return [items]
    return several("positive and negative", items)


class Similarities:
    """Methods over cosines of vectors; a class of its own only to keep files short."""

    _index: WordIndex
    _vectors: np.ndarray

    def __contains__(self, word: object) -> bool:
        return word in self._index

    @checked
    def get_vector(self, word: str, norm: bool = False) -> np.ndarray:
        """The vector of a word, (D,), at length 1 if `norm`; KeyError names a word that has none."""
        vector = cast(Any, self)._vector(word)
        return unit(vector.astype(np.float32)) if norm else vector

    def get_index(self, word: str, default: Any = None) -> Any:
        """The row of a word; `default` where it has none, KeyError where that is None. As gensim's."""
        found = self._index.get(word)
        if found is None and default is None:
            row = self._index.get(word) if isinstance(word, str) else None
            if row is None:
                raise KeyError(f"the word {word!r} has no row")
            return row
        return default if found is None else found

    def has_index_for(self, word: str) -> bool:
        """Whether a word has a row. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().has_index_for("a"), _example().has_index_for("z"), _example().get_index("z", -1)
        (True, False, -1)
        """
        return word in self._index

    def similarity(self, first: str, second: str) -> float:
        """Cosine of the vectors of two words."""
        return float(np.dot(self.get_vector(first, norm=True), self.get_vector(second, norm=True)))

    def distance(self, first: str, second: str) -> float:
        """1 - the cosine of the vectors of two words. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> round(_example().distance("a", "c"), 3)
        1.0
        """
        return 1 - self.similarity(first, second)

    def distances(self, word_or_vector: Any, other_words: Sequence[str] = ()) -> np.ndarray:
        """1 - the cosines of a word or vector (D,) with each of the other words, none: with all, float32.

        As gensim's. KeyError names a word without a vector.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().distances("a", ["b", "c"]).round(3)
        array([0.019, 1.   ], dtype=float32)
        """
        wanted = word_or_vector
        vector = self.get_vector(wanted, True) if isinstance(wanted, str) else unit(self._checked(wanted))
        if not len(other_words):
            return 1 - cast(Any, self)._similarities(vector, 0, len(self._index))
        units = np.stack([self.get_vector(word, norm=True) for word in other_words])
        return 1 - units @ vector

    def _checked(self, vector: Any) -> np.ndarray:
        array = np.asarray(vector, np.float32)
        if array.shape != (self._vectors.shape[1],):
            raise ValueError(f"a vector has shape {array.shape}; ({self._vectors.shape[1]},) is expected")
        return array

    @checked
    def get_mean_vector(
        self,
        keys: Sequence[Any],
        weights: Any = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> np.ndarray:
        """The weighted mean of the vectors of words, float32 (D,). As gensim's.

        Parameters
        ----------
        keys : words, or vectors (D,)
        weights : a number for each; None: all 1. The sum is divided by the sum of their absolute values
        pre_normalize, post_normalize : whether each word's vector, and the mean, get length 1
        ignore_missing : leave words without a vector out; False: a KeyError names them

        Raises
        ------
        ValueError : no keys, or not as many weights; KeyError

        Examples
        --------
        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().get_mean_vector(["a", "c", "absent"]).tolist()
        [0.5, 0.5]
        """
        keys = list(keys) if isinstance(keys, np.ndarray) and keys.ndim == 2 else several("keys", keys)
        given = np.ones(len(keys)) if weights is None else numbers("weights", weights)
        factors = given.astype(np.float32)
        if not keys or factors.shape != (len(keys),):
            raise ValueError(
                f"`weights` must be a number for each of the {len(keys)} keys, at least one. Received: shape "
                f"{factors.shape}"
            )
        norm = boolean("pre_normalize", pre_normalize)
        mean, total = np.zeros(self._vectors.shape[1], np.float32), 0.0
        for key, factor in zip(keys, factors, strict=True):
            try:
                vector = self.get_vector(key, norm) if isinstance(key, str) else self._checked(key)
            except KeyError:
                if not boolean("ignore_missing", ignore_missing):
                    raise
                continue
            mean += factor * vector
            total += abs(float(factor))
        mean = mean / np.float32(total) if total else mean
        return unit(mean) if boolean("post_normalize", post_normalize) else mean

    def n_similarity(self, first: Sequence[str], second: Sequence[str]) -> float:
        """Cosine of the means of two groups of words, those without a vector left out. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> round(_example().n_similarity(["a", "b"], ["c"]), 3)
        0.1
        """
        sides = (list(first), list(second))
        if not all(any(isinstance(word, str) and word in self for word in side) for side in sides):
            raise ValueError(f"each group needs a word that has a vector. Received: {first!r} and {second!r}")
        means = [unit(self.get_mean_vector(side, pre_normalize=False)) for side in sides]
        return float(np.dot(means[0], means[1]))

    def most_similar_cosmul(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """The words with the largest product of cosines to the positive words over that to the negative ones,
        each cosine moved to [0, 1]: one of them cannot decide alone (Levy and Goldberg 2014). Arguments and
        result as of `most_similar`, without weights; vectors count by their direction. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> [word for word, _ in _example().most_similar_cosmul(positive=["a"], negative=["c"])]
        ['b']
        """
        groups = [as_list(positive), as_list(negative)]
        if not any(len(group) for group in groups):
            raise ValueError("positive and negative are both empty: name at least one word or vector")
        if topn is not None and topn < 1:
            return []
        end = min(restrict_vocab or len(self._index), len(self._index))
        shares = []
        for group in groups:
            product = np.ones(end, np.float32)
            for item in group:
                vector = self.get_vector(item, True) if isinstance(item, str) else unit(self._checked(item))
                product *= (1 + cast(Any, self)._similarities(vector, 0, end)) / 2
            shares.append(product)
        scores = shares[0] / (shares[1] + np.float32(LEAST))
        if topn is None:
            return scores
        named = [item for group in groups for item in group if isinstance(item, str)]
        return cast(Any, self)._best(scores, {self._index[word] for word in named if word in self}, topn)

    def most_similar_to_given(self, word: str, words: Sequence[str]) -> str:
        """Of some words the one whose vector has the largest cosine with that of `word`. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().most_similar_to_given("a", ["c", "b"])
        'b'
        """
        words = several("words", words)
        if not words:
            raise ValueError("`words` must hold at least one word. Received: words=[]")
        return words[int(np.argmax([self.similarity(word, other) for other in words]))]

    def closer_than(self, first: str, second: str) -> list[str]:
        """The words whose vectors are nearer to that of the first word than the second's. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().closer_than("a", "c")
        ['b']
        """
        distances = self.distances(first)
        nearer = np.flatnonzero(distances < distances[self.get_index(second)])
        own = self.get_index(first)
        return [self._index.word(row) for row in nearer.tolist() if row != own]

    def rank(self, first: str, second: str) -> int:
        """The place of the second word among those nearest to the first one, from 1. As gensim's.

        >>> from embedcnn.vectors.word_vectors import _example
        >>> _example().rank("a", "c")
        2
        """
        return len(self.closer_than(first, second)) + 1

    def wmdistance(self, first: Sequence[str], second: Sequence[str], norm: bool = True) -> float:
        """Word mover's distance of two documents (Kusner, Sun, Kolkin and Weinberger 2015): how far the words
        of one have to be moved, on the whole, to become those of the other. As gensim's.

        Parameters
        ----------
        first, second : words; those that have no row are left out
        norm : whether vectors get length 1 before their Euclidean distances are taken

        Returns
        -------
        The distance; inf where one document has no known word.

        Raises
        ------
        ImportError : there is no scipy, which solves the transport (`pip install scipy`)

        Examples
        --------
        >>> from embedcnn.vectors.word_vectors import _example
        >>> round(_example().wmdistance(["a"], ["c", "absent"]), 3)  # doctest: +SKIP
        1.414
        """
        norm = boolean("norm", norm)
        known = [[word for word in document if word in self] for document in (first, second)]
        if not all(known):
            return float("inf")
        words, shares, points = [], [], []
        for document in known:
            counts: dict[str, int] = {}
            for word in document:
                counts[word] = counts.get(word, 0) + 1
            words.append(list(counts))
            shares.append(np.array(list(counts.values())) / len(document))
            points.append(np.stack([self.get_vector(word, norm) for word in counts]).astype(np.float64))
        if words[0] == words[1] and np.array_equal(shares[0], shares[1]):
            return 0.0
        costs = np.sqrt(((points[0][:, None] - points[1][None]) ** 2).sum(axis=-1))
        return transported(costs, *shares)


def transported(costs: np.ndarray, given: np.ndarray, wanted: np.ndarray) -> float:
    """The least cost of moving what is given, (n,), to where it is wanted, (m,); costs (n, m)."""
    try:
        from scipy.optimize import linprog  # an extra
        from scipy.sparse import kron, vstack
    except ImportError:
        raise ImportError("wmdistance needs scipy: pip install scipy") from None
    rows = kron(np.eye(len(given)), np.ones((1, len(wanted))), format="csr")
    columns = kron(np.ones((1, len(given))), np.eye(len(wanted)), format="csr")
    sums = np.concatenate([given, wanted])
    found = linprog(costs.ravel(), A_eq=vstack([rows, columns]), b_eq=sums, bounds=(0, None), method="highs")
    if not found.success:
        raise ValueError(f"the transport between the documents was not found: {found.message}")
    return float(found.fun)
