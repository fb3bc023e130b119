"""word -> row, as a read-only mapping over three arrays that may lie in memory or in a mapped cache file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from embedcnn import _core

from .mapped import MappedFile

__all__ = ["WordIndex"]

BATCH = 4096


class WordIndex(Mapping[str, int]):
    """A mapping from words to their row numbers, in the order of the rows.

    Compared with a dict of 400,000 words it takes a fifth of the memory, is opened from a cache file without
    being read, and is shared between processes.

    Example
    -------
    >>> index = WordIndex.build(["king", "queen"])
    >>> index["queen"], "horse" in index, list(index)
    (1, False, ['king', 'queen'])
    """

    __slots__ = ("_arrays", "_mapped", "_words")

    def __init__(
        self,
        arrays: tuple[np.ndarray, np.ndarray, np.ndarray],
        mapped: MappedFile | None = None,
    ) -> None:
        self._arrays = arrays
        self._mapped = mapped  # the file that the arrays lie in
        self._words: list[str] | None = None

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Slots, offsets and bytes of the words; VectorFileError where their cache file has changed."""
        if self._mapped is not None:
            self._mapped.check()
        return self._arrays

    @classmethod
    def build(cls, words: Iterable[str]) -> WordIndex:
        """The index of distinct words; raises ValueError if a word occurs twice."""
        words = list(words)
        index, rows = cls.build_distinct(words)
        if len(index) != len(words):
            row = int(np.flatnonzero(rows != np.arange(len(words)))[0])
            raise ValueError(f"words[{row}] = {words[row]!r} occurs twice")
        return index

    @classmethod
    def build_distinct(cls, words: Sequence[str | bytes]) -> tuple[WordIndex, np.ndarray]:
        """The index of the distinct words, and for each given word its number (int64)."""
        arrays, numbers = _core.word_index_build(words)
        return cls(arrays), numbers

    def __getitem__(self, word: str) -> int:
        number = _core.word_index_get(self.arrays, word) if isinstance(word, str) else -1
        if number < 0:
            raise KeyError(word)
        return number

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and _core.word_index_get(self.arrays, word) >= 0

    def __len__(self) -> int:
        return len(self._arrays[1]) - 1  # a shape, not what is in the file

    def __iter__(self) -> Iterator[str]:
        if self._words is not None:
            yield from self._words
            return
        for begin in range(0, len(self), BATCH):
            yield from _core.word_index_words(self.arrays, begin, min(begin + BATCH, len(self)))

    def __repr__(self) -> str:
        return f"<WordIndex of {len(self)} words>"

    def __reduce__(self) -> tuple:
        return (WordIndex, (tuple(np.array(array) for array in self.arrays),))

    def find(self, words: Sequence[str | bytes]) -> np.ndarray:
        """Row numbers (int64) of many words, -1 for those that are unknown."""
        return _core.word_index_find(self.arrays, words)

    def word(self, row: int) -> str:
        """The word of a row."""
        return _core.word_index_words(self.arrays, row, row + 1)[0]

    def words(self) -> list[str]:
        """All words, in the order of the rows; the list is kept."""
        if self._words is None:
            self._words = _core.word_index_words(self.arrays, 0, len(self))
        return self._words
