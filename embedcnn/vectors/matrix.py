"""`build_matrix`: the embedding matrix of a vocabulary, with vectors for the words that no file has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from embedcnn import _core
from embedcnn.base.arguments import finite_number, integer, number_dtype, optional, positive_integer
from embedcnn.base.checked import checked

from ..base.columns import as_list
from .reading import from_object, load
from .word_vectors import WordVectors

__all__ = ["EmbeddingMatrix", "build_matrix"]

Initializer = Callable[[str, np.random.Generator], Any]


@dataclass(frozen=True, eq=False)
class EmbeddingMatrix:
    """A matrix for an Embedding layer, and how well the vectors cover the vocabulary.

    Wherever an array is expected it stands for `matrix`: `np.asarray(m) is m.matrix`.
    """

    matrix: np.ndarray  #: (rows, D) float32, C-contiguous; row `pad_id` is zeros
    found: list[str] = field(repr=False)  #: words that have a vector, by id
    missing: list[str] = field(repr=False)  #: words that were initialised instead, by id

    @property
    def coverage(self) -> float:
        """Share of the vocabulary's words that have a vector, 0 to 1."""
        total = len(self.found) + len(self.missing)
        return len(self.found) / total if total else 0.0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, D): `input_dim` and `output_dim` of the Embedding layer."""
        return self.matrix.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if dtype is not None and np.dtype(dtype) != self.matrix.dtype:
            if copy is False:
                raise ValueError(
                    f"the matrix is {self.matrix.dtype}; as {np.dtype(dtype)} it has to be copied"
                )
            return self.matrix.astype(dtype)
        return self.matrix.copy() if copy else self.matrix

    def __len__(self) -> int:
        return len(self.matrix)

    def __getitem__(self, rows: Any) -> Any:
        return self.matrix[rows]

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(self.matrix)

    def __repr__(self) -> str:
        rows, dimensions = self.matrix.shape
        words = len(self.found) + len(self.missing)
        found = f"{len(self.found)} of {words} words found"
        return f"<EmbeddingMatrix {rows} x {dimensions}: {found} ({self.coverage:.1%})>"


def word_ids(vocabulary: Any, num_words: int | None) -> dict[str, int]:
    """word -> id, checked, in the order of the ids."""
    if hasattr(vocabulary, "tokens") and not isinstance(vocabulary, Mapping):
        tokens = vocabulary.tokens
        vocabulary = tokens() if callable(tokens) else tokens
    vocabulary = as_list(vocabulary)
    if isinstance(vocabulary, Mapping):
        pairs = list(vocabulary.items())
    elif isinstance(vocabulary, Sequence) and not isinstance(vocabulary, (str, bytes)):
        pairs = [(word, position) for position, word in enumerate(vocabulary)]
    else:
        raise TypeError(
            "`vocabulary` must be a dict word -> id, a list of tokens or an object with tokens. Received: "
            f"vocabulary={type(vocabulary).__name__} object"
        )
    words: dict[str, int] = {}
    for word, number in pairs:
        if not isinstance(word, str):
            raise TypeError(f"vocabulary holds {word!r}; words must be str")
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise ValueError(f"vocabulary[{word!r}] = {number!r} must be an integer from 0 on")
        if word in words:
            raise ValueError(f"vocabulary holds {word!r} twice (ids {words[word]} and {number})")
        words[word] = int(number)
    ordered = sorted(words.items(), key=lambda item: item[1])
    for (first, number), (second, other) in zip(ordered, ordered[1:], strict=False):
        if number == other:
            raise ValueError(f"vocabulary gives the id {number} to both {first!r} and {second!r}")
    return {word: number for word, number in ordered if num_words is None or number < num_words}


def spellings(word: str, lowercase: bool, title: bool) -> list[str]:
    """The spellings under which a word is looked up, best first."""
    return [word] + ([word.lower()] if lowercase else []) + ([word.title()] if title else [])


def word_generator(word: str, seed: int) -> np.random.Generator:
    """Random numbers that depend on the word and the seed alone, not on the order of words."""
    data = word.encode("utf-8", "surrogatepass")
    return np.random.Generator(np.random.Philox(key=[_core.checksum(data), seed % 2**64]))


def initializer(oov: Any, scale: float, dimensions: int, mean: Callable[[], np.ndarray]) -> Initializer:
    """The function that makes the vector of a word that has none."""
    if callable(oov):
        return lambda word, generator: oov(word, dimensions, generator)
    if not isinstance(oov, str):
        oov = repr(oov)
    if oov == "normal":
        return lambda word, generator: generator.normal(0.0, scale, dimensions)
    if oov == "uniform":
        return lambda word, generator: generator.uniform(-scale, scale, dimensions)
    if oov == "zeros":
        return lambda word, generator: np.zeros(dimensions)
    if oov == "mean":
        return lambda word, generator: mean()
    raise ValueError(
        f"`oov` must be 'normal', 'uniform', 'zeros', 'mean' or a function. Received: oov={oov!r}"
    )


def open_vectors(vectors: Any, words: dict[str, int], lowercase: bool, title: bool) -> WordVectors:
    """WordVectors out of what the user has: of a file only the rows that are needed."""
    if isinstance(vectors, (str, bytes, os.PathLike)):
        return load(vectors, words=words, lowercase_fallback=lowercase, title_fallback=title)
    return from_object(vectors)


@checked
def build_matrix(
    vocabulary: Any,
    vectors: Any,
    oov: Literal["normal", "uniform", "zeros", "mean"] | Callable[..., Any] = "normal",
    scale: float = 0.6,
    seed: int = 0,
    *,
    pad_id: int | None = 0,
    num_words: int | None = None,
    lowercase_fallback: bool = True,
    title_fallback: bool = True,
    dtype: Any = "float32",
) -> EmbeddingMatrix:
    """The embedding matrix of a vocabulary: row i is the vector of the word with id i.

    As in Keras's example "Using pre-trained word embeddings".

    Example
    -------
    >>> known = {"cat": [1.0, 2.0], "dog": [3.0, 4.0]}
    >>> m = build_matrix({"cat": 1, "Dog": 2, "xyzzy": 3}, known, oov="zeros")
    >>> m.matrix.tolist(), m.missing
    ([[0.0, 0.0], [1.0, 2.0], [3.0, 4.0], [0.0, 0.0]], ['xyzzy'])
    >>> m
    <EmbeddingMatrix 4 x 2: 2 of 3 words found (66.7%)>

    Parameters
    ----------
    vocabulary
        Dict word -> id (such as a Keras Tokenizer's `word_index`, whose ids start at 1), list of tokens (id
        = position), or an object with `tokens`.
    vectors
        WordVectors, a path that `load` can read (only the needed rows are held), gensim's KeyedVectors, or
        a dict word -> vector.
    oov
        Rows of words without a vector: "normal" (mean 0, standard deviation `scale`), "uniform" (from
        -scale to scale), "zeros", "mean" (of the vocabulary's found vectors), or `function(word, dimensions,
        generator)`. Random rows depend on the word and the seed only, not on the vocabulary's order.
    pad_id
        This row is zeros, whatever the vocabulary says of it; None: there is no padding.
    num_words
        Leave out ids from here on, as Keras's Tokenizer does.
    lowercase_fallback, title_fallback
        Look up "paris" and "Paris" where "PARIS" has no vector.

    Returns
    -------
    An EmbeddingMatrix with `matrix` (largest id + 1, D), `coverage`, `found` and `missing`.

    Raises
    ------
    ValueError
        For an id that is negative or given twice.
    """
    num_words = optional(positive_integer, "num_words", num_words)
    scale = finite_number("scale", scale, least=0)
    pad_id, seed = optional(integer, "pad_id", pad_id, 0, 2**31 - 2), integer("seed", seed)
    kind = number_dtype("dtype", dtype)
    words = word_ids(vocabulary, num_words)
    words = {word: number for word, number in words.items() if number != pad_id}
    opened = open_vectors(vectors, words, lowercase_fallback, title_fallback)
    rows = 1 + max(words.values(), default=-1)
    rows = max(rows, 0 if pad_id is None else pad_id + 1)
    matrix = np.zeros((rows, opened.vector_size), kind)
    found = fill_found(matrix, words, opened, lowercase_fallback, title_fallback)
    missing = [word for word in words if word not in found]
    mean_row = None

    def mean() -> np.ndarray:
        nonlocal mean_row
        if mean_row is None:
            ids = np.fromiter((words[word] for word in found), np.int64, len(found))
            mean_row = matrix[ids].mean(axis=0, dtype=np.float64) if len(ids) else np.zeros(matrix.shape[1])
        return mean_row

    make = initializer(oov, scale, opened.vector_size, mean)
    for word in missing:
        row = np.asarray(make(word, word_generator(word, seed)))
        if row.shape != (opened.vector_size,):
            raise ValueError(f"oov({word!r}) returned shape {row.shape}; ({opened.vector_size},) is expected")
        matrix[words[word]] = row
    return EmbeddingMatrix(matrix, list(found), missing)


def fill_found(
    matrix: np.ndarray, words: dict[str, int], vectors: WordVectors, lowercase: bool, title: bool
) -> dict[str, None]:
    """Copies the rows of all words that have a vector, and returns these words by id."""
    left = list(words)
    found: set[str] = set()
    for form in range(1 + lowercase + title):
        candidates = [spellings(word, lowercase, title)[form] for word in left]
        numbers = vectors.key_to_index.find(candidates)
        hits = np.flatnonzero(numbers >= 0)
        ids = np.fromiter((words[left[hit]] for hit in hits.tolist()), np.int64, len(hits))
        matrix[ids] = vectors.vectors[numbers[hits]]
        found.update(left[hit] for hit in hits.tolist())
        left = [word for word, number in zip(left, numbers.tolist(), strict=True) if number < 0]
    if vectors.subwords is not None:
        for word in left:
            row = vectors.get(word)
            if row is not None:
                matrix[words[word]] = row
                found.add(word)
    return {word: None for word in words if word in found}
