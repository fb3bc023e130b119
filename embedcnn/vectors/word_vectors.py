"""Words and their vectors: a matrix, an index, and the questions that are asked of them (gensim's names)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedcnn import _core
from embedcnn.base.arguments import integer, optional
from embedcnn.base.arrays import numbers
from embedcnn.base.named_objects import named_object

from ..base import columns
from .mapped import MappedFile
from .shown import as_table
from .similarity import Similarities, as_list, unit
from .word_index import WordIndex

__all__ = ["Subwords", "WordVectors"]

ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Subwords:
    """Vectors of character n-grams, of which fastText composes the vectors of unseen words."""

    shortest: int
    longest: int
    vectors: np.ndarray  # (buckets, D) float32

    def compose(self, word: str) -> np.ndarray | None:
        """The mean of the vectors of the word's n-grams, (D,) float32; None if it has none."""
        sizes = self.shortest, self.longest, len(self.vectors), 0
        rows = _core.fasttext_subwords(word.encode("utf-8", "replace"), sizes)
        return self.vectors[rows].mean(axis=0, dtype=np.float32) if len(rows) else None


class WordVectors(Similarities):
    """Words and their vectors, read-only where they come from a mapped cache file.

    What is asked of vectors in a mapped file (a cache, an .npy matrix) first looks whether another process
    has cut it short or written over it since (VectorFileError). Nothing can look for an array that `vectors`
    has given: the system ends a process that reads where such a file no longer is. Writing a new file and
    renaming it, as `save` does, is safe; private memory (`cache_copy=True` of `load`) is too.

    Parameters
    ----------
    keys
        The N distinct words, in the order of the rows (or their WordIndex).
    vectors
        (N, D) array, float32 or float16; shared, not copied.
    subwords
        N-gram vectors of a fastText model, with which `wv[word]` answers for unseen words too.

    Raises
    ------
    ValueError
        If a word occurs twice or the counts differ.

    Examples
    --------
    >>> import numpy as np
    >>> wv = WordVectors(["king", "queen", "man"], np.array([[1, 0.1], [0.9, 0.2], [0, 1]], np.float32))
    >>> wv["king"], "horse" in wv, wv.key_to_index["man"], wv.index_to_key[1]
    (array([1. , 0.1], dtype=float32), False, 2, 'queen')
    >>> [word for word, _ in wv.most_similar("king", topn=1)]
    ['queen']
    """

    def __init__(
        self, keys: Sequence[str] | WordIndex, vectors: np.ndarray, *, subwords: Subwords | None = None
    ) -> None:
        index = keys if isinstance(keys, WordIndex) else WordIndex.build(columns.several("keys", keys))
        vectors = vectors if isinstance(vectors, np.ndarray) else numbers("vectors", vectors)
        if vectors.ndim != 2:
            raise ValueError(f"vectors has shape {vectors.shape}; a matrix (words, dimensions) is expected")
        if len(index) != len(vectors):
            raise ValueError(f"{len(index)} keys, but vectors has {len(vectors)} rows")
        if vectors.dtype.kind != "f":
            raise TypeError(f"vectors has dtype {vectors.dtype}; floating-point numbers are expected")
        self._index = index
        self._vectors = vectors
        self._norms: np.ndarray | None = None
        self.subwords = subwords
        self.source: dict[str, Any] | None = None  # the file that the vectors came from: path, size, mtime_ns
        self._cache: Any = None  # the cache file, for verify
        self._mapped: MappedFile | None = None  # the file that the matrix lies in

    # What there is
    _repr_html_ = as_table

    @property
    def vectors(self) -> np.ndarray:
        """The matrix, (N, D). Of a mapped file: valid as long as nobody writes into that file."""
        if self._mapped is not None:
            self._mapped.check()
        return self._vectors

    @property
    def key_to_index(self) -> WordIndex:
        """Mapping from a word to its row; read-only. `dict(wv.key_to_index)` makes a dict of it."""
        return self._index

    @property
    def index_to_key(self) -> list[str]:
        """The words in the order of the rows."""
        return self._index.words()

    @property
    def vector_size(self) -> int:
        """D, the numbers in a vector."""
        return self._vectors.shape[1]

    def __len__(self) -> int:
        return len(self._index)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __repr__(self) -> str:
        return f"<WordVectors: {len(self)} words x {self.vector_size}, {self._vectors.dtype}>"

    def __reduce__(self) -> tuple:
        state = {"subwords": self.subwords, "source": self.source}
        return (WordVectors, (self._index, np.array(self.vectors)), state)

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)

    def __getitem__(self, words: str | Sequence[str]) -> np.ndarray:
        """The vector of a word, (D,), or of a list of words, (n, D). KeyError names an unknown word."""
        if isinstance(words, str):
            return self._vector(words)
        if isinstance(words, (bytes, int, float)) or words is None:
            raise TypeError(f"a word or a list of words is expected, not {words!r}")
        words = list(columns.as_list(words))
        rows = self._index.find(words)
        if (rows >= 0).all():
            return self.vectors[rows] if len(rows) else np.empty((0, self.vector_size), self._vectors.dtype)
        return np.stack([self._vector(word) for word in words])

    def _vector(self, word: str) -> np.ndarray:
        row = _core.word_index_get(self._index.arrays, word)
        if row >= 0:
            return self._vectors[row] if self._mapped is None else self._private(row)
        composed = self.subwords.compose(word) if self.subwords is not None else None
        if composed is None:
            other = next(
                (one for one in (word.lower(), word.title(), word.upper()) if one in self._index), None
            )
            hint = "" if other is None else f"; did you mean {other!r}?"
            raise KeyError(f"the word {word!r} has no vector{hint}")
        return composed.astype(self._vectors.dtype, copy=False)

    def _private(self, row: int) -> np.ndarray:
        """A row of a mapped file as a copy, so that it outlives the file; read-only as the others."""
        vector = self.vectors[row].copy()
        vector.flags.writeable = False
        return vector

    def get(self, word: str, default: Any = None) -> Any:
        """The vector of a word, or `default` where it has none."""
        try:
            return self._vector(word)
        except KeyError:
            return default

    # Similarity

    def norms(self) -> np.ndarray:
        """Lengths of the vectors, (N,) float32; computed once."""
        if self._norms is None:
            norms = np.empty(len(self), np.float32)
            for begin in range(0, len(self), ROWS_AT_ONCE):
                rows = self.vectors[begin : begin + ROWS_AT_ONCE].astype(np.float32, copy=False)
                norms[begin : begin + len(rows)] = np.sqrt(np.einsum("ij,ij->i", rows, rows))
            self._norms = norms
        return self._norms

    def _similarities(self, vector: np.ndarray, begin: int, end: int) -> np.ndarray:
        """Cosines of a vector of length 1 with the rows begin to end - 1; 0 for rows of zeros."""
        norms = self.norms()
        products = np.empty(end - begin, np.float32)
        for at in range(begin, end, ROWS_AT_ONCE):
            stop = min(at + ROWS_AT_ONCE, end)
            rows = self.vectors[at:stop].astype(np.float32, copy=False)
            products[at - begin : stop - begin] = rows @ vector
        return np.divide(products, norms[begin:end], out=np.zeros_like(products), where=norms[begin:end] > 0)

    def _mean_direction(self, positive: list, negative: list) -> tuple[np.ndarray, set[int]]:
        mean = np.zeros(self.vector_size, np.float32)
        used: set[int] = set()
        for sign, items in ((1.0, positive), (-1.0, negative)):
            for item in items:
                weight = sign
                if isinstance(item, tuple):
                    item, weight = item
                if isinstance(item, str):
                    if item in self._index:
                        used.add(self._index[item])
                    vector = self._vector(item).astype(np.float32)
                    mean += np.float32(weight) * unit(vector)
                    continue
                vector = numbers("a word, or a vector of the question", item).astype(np.float32)
                if vector.shape != (self.vector_size,):
                    raise ValueError(f"a vector has shape {vector.shape}; ({self.vector_size},) is expected")
                mean += np.float32(weight) * vector
        return unit(mean), used

    def most_similar(
        self,
        positive: Any = None,
        negative: Any = None,
        topn: int | None = 10,
        *,
        restrict_vocab: int | None = None,
    ) -> Any:
        """The words whose vectors point most nearly where the positive minus the negative ones do.

        gensim's `KeyedVectors.most_similar`.

        Parameters
        ----------
        positive, negative
            A word, a vector (D,), a pair (word or vector, weight), or a list of these.
        topn
            How many; None: the cosines of all words, as an array.
        restrict_vocab
            Search only the first words.

        Returns
        -------
        A list of (word, cosine), best first, without the words of the question.

        Raises
        ------
        KeyError
            For a word without a vector.
        ValueError
            For an empty question.

        Examples
        --------
        >>> import numpy as np
        >>> wv = WordVectors(["a", "b", "c"], np.array([[1, 0], [1, 0.2], [0, 1]], np.float32))
        >>> [word for word, _ in wv.most_similar(positive=["a"], negative=["c"])]
        ['b']
        """
        positive, negative = as_list(positive), as_list(negative)
        if not positive and not negative:
            raise ValueError("positive and negative are both empty: name at least one word or vector")
        topn = optional(integer, "topn", topn)
        restrict_vocab = optional(integer, "restrict_vocab", restrict_vocab, 0)
        if topn is not None and topn < 1:
            return []
        direction, used = self._mean_direction(positive, negative)
        return self._nearest(direction, used, topn, restrict_vocab)

    def similar_by_vector(
        self, vector: np.ndarray, topn: int | None = 10, *, restrict_vocab: int | None = None
    ) -> Any:
        """The words nearest to a vector (D,) by cosine, as `most_similar` returns them."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_word(self, word: str, topn: int | None = 10, *, restrict_vocab: int | None = None) -> Any:
        """The words nearest to a word by cosine, as `most_similar` returns them."""
        return self.most_similar([word], topn=topn, restrict_vocab=restrict_vocab)

    def _nearest(self, direction: np.ndarray, used: set[int], topn: int | None, restrict: int | None) -> Any:
        end = len(self) if not restrict else min(restrict, len(self))
        cosines = self._similarities(direction, 0, end)
        return cosines if topn is None else self._best(cosines, used, topn)

    def _best(self, cosines: np.ndarray, used: set[int], topn: int) -> list[tuple[str, float]]:
        """(word, cosine) of the largest ones of the first words, without those used."""
        end = len(cosines)
        count = min(topn + len(used), end)
        best = np.argpartition(-cosines, count - 1)[:count] if count < end else np.arange(end)
        best = best[np.lexsort((best, -cosines[best]))]
        return [(self._index.word(row), float(cosines[row])) for row in best.tolist() if row not in used][
            :topn
        ]

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that is farthest from the mean direction of all; unknown ones are left out.

        >>> import numpy as np
        >>> wv = WordVectors(["a", "b", "c"], np.array([[1, 0], [1, 0.2], [0, 1]], np.float32))
        >>> wv.doesnt_match(["a", "b", "c"])
        'c'
        """
        words = columns.several("words", words)
        known = [word for word in words if word in self._index]
        if not known:
            raise ValueError(f"none of the words {list(words)!r} has a vector")
        units = np.stack([self.get_vector(word, norm=True) for word in known])
        cosines = units @ unit(units.mean(axis=0))
        return min(zip(cosines.tolist(), known, strict=True))[1]

    def evaluate_word_analogies(self, analogies: str | os.PathLike[str], **options: Any) -> tuple:
        """Share of analogies "a is to b as c is to d" that are solved; see `evaluation`."""
        return named_object("embedcnn.vectors.evaluation:evaluate_word_analogies")(self, analogies, **options)

    def evaluate_word_pairs(self, pairs: str | os.PathLike[str], **options: Any) -> tuple:
        """Correlation with people's judgement of similarity; see `evaluation.evaluate_word_pairs`."""
        return named_object("embedcnn.vectors.evaluation:evaluate_word_pairs")(self, pairs, **options)

    # New ones

    def normalized(self) -> WordVectors:
        """A copy whose vectors have length 1 (float32; rows of zeros stay zeros)."""
        norms = self.norms()[:, None]
        vectors = np.divide(
            self.vectors, norms, out=np.zeros(self._vectors.shape, np.float32), where=norms > 0
        )
        return WordVectors(self._index, vectors)

    def select(self, words: Sequence[str] | Mapping[str, Any]) -> WordVectors:
        """A copy with those of the words that are known, in the order given."""
        rows, kept = [], []
        words = words if isinstance(words, Mapping) else columns.several("words", words)
        for number, word in enumerate(words):
            if not isinstance(word, str):
                raise TypeError(f"words[{number}] must be a str. Received: {word!r}")
        words = list(dict.fromkeys(words))
        for word, row in zip(words, self._index.find(words).tolist(), strict=True):
            if row >= 0:
                rows.append(row)
                kept.append(word)
        return WordVectors(kept, self.vectors[np.array(rows, np.int64)])

    def head(self, limit: int) -> WordVectors:
        """A copy of the first `limit` words (the most frequent ones, as files are usually sorted)."""
        limit = integer("limit", limit, 0)
        return WordVectors(self._index.words()[:limit], np.array(self.vectors[:limit]))

    def reduce(self, dimensions: int) -> WordVectors:
        """A copy in fewer dimensions, by principal component analysis of the centred vectors.

        Returns float32 vectors (N, dimensions). Raises ValueError where dimensions is not in [1,
        vector_size].

        >>> import numpy as np
        >>> wv = WordVectors(["a", "b", "c"], np.array([[1, 0], [2, 0], [3, 0]], np.float32))
        >>> wv.reduce(1).vectors.ravel().tolist()
        [-1.0, 0.0, 1.0]
        """
        dimensions = integer("dimensions", dimensions, 1, self.vector_size)
        mean = self.vectors.mean(axis=0, dtype=np.float64)
        covariance = np.zeros((self.vector_size, self.vector_size))
        for begin in range(0, len(self), ROWS_AT_ONCE):
            rows = self.vectors[begin : begin + ROWS_AT_ONCE] - mean
            covariance += rows.T @ rows
        _, axes = np.linalg.eigh(covariance)
        axes = axes[:, ::-1][:, :dimensions]
        # The sign of an axis is free: let its largest entry be positive, so that results can be repeated.
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(dimensions)])
        reduced = np.empty((len(self), dimensions), np.float32)
        for begin in range(0, len(self), ROWS_AT_ONCE):
            rows = self.vectors[begin : begin + ROWS_AT_ONCE] - mean
            reduced[begin : begin + len(rows)] = rows @ axes
        return WordVectors(self._index, reduced)

    # Files

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a cache file, which `load` maps instead of reading it; see `cache.save_cache`."""
        named_object("embedcnn.vectors.cache:save_cache")(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, verify: bool = False, copy: bool = False) -> WordVectors:
        """Maps a cache file that `save` wrote; see `cache.load_cache`."""
        return named_object("embedcnn.vectors.cache:load_cache")(path, verify=verify, copy=copy)

    def verify(self) -> None:
        """Checks the vectors of a mapped cache file against their checksum (VectorFileError)."""
        if self._cache is not None:
            self._cache.verify()


def _example() -> WordVectors:
    """Three words in a plane, for examples."""
    return WordVectors(["a", "b", "c"], np.array([[1, 0], [1, 0.2], [0, 1]], np.float32))
