"""What a Tokenizer has counted: in the core's word table, and as the dicts that Keras's Tokenizer shows.

The dicts of a large corpus take longer to make than the counting. So they are made when they are first asked
for; from then on the user may have changed them, and they are what counts.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np

from embedcnn import _core
from embedcnn.preprocessing.word_index import WordIndex

__all__ = ["NO_ID", "PLAIN", "WordCounts"]

NO_ID = -(2**31)  # the core leaves such ids out
PLAIN = _core.TextRules("words", "none", "", "")  # for lists of tokens that are ready


class WordCounts:
    """Words with their counts, and their order by frequency; the base of Tokenizer."""

    oov_token: str | None

    def __init__(self) -> None:
        # Counts are in the table until a dict of them was handed out; from then on in the dicts, which may
        # be changed.
        self._table: Any = _core.WordTable()
        self._word_counts: dict | None = None
        self._word_docs: dict | None = None
        self._index_docs: dict | None = None
        # The index follows from the table's order until it was handed out and changed. {} before the first
        # fit.
        self._order: np.ndarray | None = None
        self._before: list = []  # what stands before the table's words: the oov_token of the last fit
        self._word_index: WordIndex | None = WordIndex()
        self._index_word: dict | None = {}
        self._lookup: tuple | None = None  # what encoding needs, by the settings it was made for

    # The attributes of Keras, made when first asked for.

    @property
    def word_index(self) -> dict[str, int]:
        """Index of every word, by frequency from 1 (after `oov_token`)."""
        if self._word_index is None:
            words = self._before + self._table.words(self._order)
            self._word_index = WordIndex(zip(words, range(1, len(words) + 1), strict=True))
        return self._word_index

    @word_index.setter
    def word_index(self, index: dict[str, int]) -> None:
        self._use_dicts()
        self._word_index = WordIndex(index)
        self._order = None
        self._lookup = None

    @property
    def index_word(self) -> dict[int, str]:
        """Word of every index."""
        if self._index_word is None:
            self._index_word = {index: word for word, index in self.word_index.items()}
        return self._index_word

    @index_word.setter
    def index_word(self, words: dict[int, str]) -> None:
        self._index_word = words

    @property
    def word_counts(self) -> dict[str, int]:
        """Occurrences of every word, in order of first appearance."""
        self._use_dicts()
        return self._word_counts  # type: ignore[return-value]

    @word_counts.setter
    def word_counts(self, counts: dict[str, int]) -> None:
        self._use_dicts()
        self._word_counts = counts

    @property
    def word_docs(self) -> dict[str, int]:
        """In how many texts every word occurs."""
        self._use_dicts()
        return self._word_docs  # type: ignore[return-value]

    @word_docs.setter
    def word_docs(self, documents: dict[str, int]) -> None:
        self._use_dicts()
        self._word_docs = documents

    @property
    def index_docs(self) -> dict[int, int]:
        """In how many texts every index occurs."""
        self._use_dicts()
        return self._index_docs  # type: ignore[return-value]

    @index_docs.setter
    def index_docs(self, documents: dict[int, int]) -> None:
        self._use_dicts()
        self._index_docs = documents

    def _use_dicts(self) -> None:
        """From now on the counts are in Python dicts, which the caller may change."""
        if self._word_counts is not None:
            return
        words = self._table.words()
        documents = self._table.documents().tolist()
        self._word_counts = OrderedDict(zip(words, self._table.counts().tolist(), strict=True))
        self._word_docs = defaultdict(int, zip(words, documents, strict=True))
        self._index_docs = defaultdict(int)
        if self._order is not None:
            self._index_docs.update(zip(self._ranks().tolist(), documents, strict=True))

    def _add(self, counts: Iterable[tuple[Any, int]], documents: Iterable[tuple[Any, int]]) -> None:
        for total, parts in ((self._word_counts, counts), (self._word_docs, documents)):
            for word, count in parts:
                total[word] = total.get(word, 0) + count  # type: ignore[index,union-attr]

    def _rank(self) -> None:
        self._lookup = None
        self._index_word = None
        self._before = [] if self.oov_token is None else [self.oov_token]
        if self._word_counts is None:
            self._order = self._table.order()
            self._word_index = None
            return
        words = self._before + sorted(self._word_counts, key=self._word_counts.__getitem__, reverse=True)
        self._order = None
        self._word_index = WordIndex(zip(words, range(1, len(words) + 1), strict=True))
        index = self._word_index
        assert self._index_docs is not None and self._word_docs is not None  # as _word_counts
        self._index_docs.update(
            (index[word], count) for word, count in self._word_docs.items() if word in index
        )

    def _ranks(self) -> np.ndarray:
        """The index of every word of the table, int32."""
        ranks = np.empty(len(self._order), np.int32)  # type: ignore[arg-type]
        start = len(self._before) + 1
        ranks[self._order] = np.arange(start, start + len(ranks), dtype=np.int32)
        return ranks

    def _index_of(self, token: Any, table: Any, ids: np.ndarray) -> int | None:
        """`word_index.get(token)` without making the dict."""
        if self._word_index is not None:
            return self._word_index.get(token)
        if isinstance(token, str):
            found = table.encode([[token]], PLAIN, ids, NO_ID)[0]
            if len(found):
                return int(found[0])
        return 1 if token in self._before else None

    def __getstate__(self) -> dict[str, Any]:
        table = self._table
        state = dict(self.__dict__, _lookup=None)
        state["_table"] = (table.words(), table.counts(), table.documents())
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _table=_core.WordTable(*state["_table"]))
