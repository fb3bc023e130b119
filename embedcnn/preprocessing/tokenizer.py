"""The Tokenizer of `embedcnn.preprocessing.text`: Keras's, on top of the core's word table."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from embedcnn import _core
from embedcnn.base.arguments import integer, nonempty_text, optional
from embedcnn.base.checked import checked
from embedcnn.base.columns import as_list
from embedcnn.base.configuration import plain
from embedcnn.preprocessing.matrix import count_matrix
from embedcnn.preprocessing.texts import check_texts, rows_of_ids, text_blocks
from embedcnn.preprocessing.word_counts import NO_ID, PLAIN, WordCounts
from embedcnn.preprocessing.words import DEFAULT_FILTERS, checked_filters, text_to_word_sequence
from embedcnn.ragged import Ragged, concatenate

__all__ = ["Tokenizer"]


class Tokenizer(WordCounts):
    """Gives every word of a corpus an index by frequency, and turns texts into lists of indices. As
    keras.preprocessing.text.Tokenizer, with the same ids.

    A text is a str, or a list of tokens, which are only lower-cased. Words of equal frequency are ranked by
    first appearance; fitting again adds to the counts. Index 0 stands for padding and is never given.
    `word_index`, `index_word`, `word_counts`, `word_docs`, `index_docs` may be read and changed; a dict
    assigned to `word_index` is copied.

    Parameters
    ----------
    num_words
        Only the `num_words - 1` most frequent words (with `oov_token`: one less) get an id; None or 0:
        all.
    filters
        Characters that separate words, besides `split`.
    lower
        Lower-case all text first, as `str.lower` does.
    split
        What separates words.
    char_level
        Every character is a token; `filters` are not used.
    oov_token
        Stands at index 1 for words without an id; None: such words are left out.
    analyzer
        A function of a text that gives its tokens, instead of `filters`, `lower` and `split`.

    Examples
    --------
    >>> tokenizer = Tokenizer(oov_token="<oov>")
    >>> tokenizer.fit_on_texts(["The cat sat.", "The dog ran!"])
    >>> tokenizer.texts_to_sequences(["the bird sat"])
    [[2, 1, 4]]
    >>> tokenizer.encode(["the cat", "sat"])
    Ragged(2 sequences, 3 ids, lengths 1 to 2)
    """

    @checked
    def __init__(
        self,
        num_words: int | None = None,
        filters: Iterable[str] = DEFAULT_FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Callable[[Any], Iterable[Any]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if "nb_words" in kwargs:
            warnings.warn("`nb_words` of Tokenizer is called `num_words` now", stacklevel=2)
            num_words = kwargs.pop("nb_words")
        self.document_count: int = kwargs.pop("document_count", 0)
        if kwargs:
            raise TypeError(f"unknown arguments of Tokenizer: {', '.join(sorted(kwargs))}")
        checked_filters(filters, split)
        if not (analyzer is None or callable(analyzer)):
            raise TypeError(f"`analyzer` must be a function or None. Received: analyzer={analyzer!r}")
        self.num_words = optional(integer, "num_words", num_words, 0)
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = optional(nonempty_text, "oov_token", oov_token)
        self.analyzer = analyzer

    # Fitting.

    def fit_on_texts(self, texts: Iterable[str | list]) -> None:
        """Counts the words of the texts and ranks all words seen so far.

        Raises TypeError where `texts` is a single str or holds something else than str and lists of tokens.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["b a", "a"])
        >>> tokenizer.word_index
        {'a': 1, 'b': 2}
        """
        for first, block in text_blocks(texts):
            self._count(block, first)
            self.document_count += len(block)
        self._rank()

    def _count(self, texts: Sequence[Any], first: int) -> None:
        table = self._table if self._word_counts is None else _core.WordTable()
        rules = self._rules()
        counted = table.count(texts, rules, first) if rules else False
        if not counted:  # an analyzer, a long separator, or tokens that are no str
            lists = self._token_lists(texts, first)
            if not table.count(lists, PLAIN, first):
                self._use_dicts()
                for tokens in lists:
                    self._add(((token, 1) for token in tokens), ((token, 1) for token in set(tokens)))
                return
        if self._word_counts is not None:
            words = table.words()
            counts, documents = table.counts().tolist(), table.documents().tolist()
            self._add(zip(words, counts, strict=True), zip(words, documents, strict=True))

    def fit_on_sequences(self, sequences: Sequence[Iterable[int]] | Ragged) -> None:
        """Counts in how many sequences every index occurs, for `sequences_to_matrix` with mode "tfidf".

        >>> tokenizer = Tokenizer(num_words=4)
        >>> tokenizer.fit_on_sequences([[1, 2, 2], [1]])
        >>> dict(tokenizer.index_docs)
        {1: 2, 2: 1}
        """
        rows = list(rows_of_ids(sequences))
        self.document_count += len(rows)
        documents = self.index_docs
        for row in rows:
            for index in set(row):
                documents[index] = documents.get(index, 0) + 1

    # Texts to tokens.

    def _rules(self) -> Any:
        """The core's rules, or None where only Python can cut the texts."""
        lower = "unicode" if self.lower else "none"
        if self.char_level:
            return _core.TextRules("characters", lower, "", "")
        if self.analyzer is not None or not isinstance(self.split, str) or len(self.split) != 1:
            return None
        filters = self.filters if isinstance(self.filters, str) else list(self.filters)
        if not all(isinstance(character, str) and len(character) == 1 for character in filters):
            return None
        return _core.TextRules("words", lower, "".join(filters) + self.split, "")

    def _token_lists(self, texts: Sequence[Any], first: int) -> list[list]:
        """The tokens of every text by Python's means."""
        lists = []
        for number, text in enumerate(texts, first):
            if isinstance(text, list):
                if not all(isinstance(token, str) for token in text) and self.lower:
                    raise TypeError(f"texts[{number}] must hold tokens, each a str. Received: {text!r}")
                lists.append([token.lower() for token in text] if self.lower else text)
            elif self.analyzer is not None and not self.char_level:
                lists.append(list(self.analyzer(text)))
            elif not isinstance(text, str):
                raise TypeError(
                    f"texts[{number}] is a {type(text).__name__}; expected a str or a list of tokens"
                )
            elif self.char_level:
                lists.append(list(text.lower() if self.lower else text))
            else:
                lists.append(text_to_word_sequence(text, self.filters, self.lower, self.split))
        return lists

    # Texts to ids.

    def _make_encoder(self) -> tuple[Any, np.ndarray, int | None] | None:
        """(table, id of each of its words, id of other words), or None where the index holds no plain ints.

        None as the last: other words have an `oov_token` that no fit has seen.
        """
        index = self._word_index
        if self._order is not None and (index is None or not index.changes):
            table, ids = self._table, self._ranks()
        else:
            pairs = [(word, place) for word, place in (index or {}).items() if isinstance(word, str)]
            if not all(type(place) is int and NO_ID < place < 2**31 for _, place in pairs):
                return None
            table = _core.WordTable([word for word, _ in pairs])
            ids = np.array([place for _, place in pairs], np.int32)
        oov = self._index_of(self.oov_token, table, ids)
        if oov is not None and type(oov) is not int:
            return None
        if self.num_words:
            ids = np.where(ids >= self.num_words, NO_ID if oov is None else oov, ids).astype(np.int32)
        return table, ids, NO_ID if self.oov_token is None else oov

    def _encoder(self) -> tuple[Any, np.ndarray, int | None] | None:
        changes = 0 if self._word_index is None else self._word_index.changes
        key = (self.num_words, self.oov_token, changes)
        if self._lookup is None or self._lookup[0] != key:
            self._lookup = (key, self._make_encoder())
        return self._lookup[1]

    def settings_of_ids(self) -> Any:
        """What decides ids besides the texts, to compare; None where a function of the user does."""
        if self.analyzer is not None or self._encoder() is None or self._lookup is None:
            return None
        return *self._lookup[0], self.filters, self.lower, self.split, self.char_level

    def _encode_block(self, texts: Sequence[Any], first: int) -> tuple[np.ndarray, np.ndarray] | None:
        """(ids, offsets) by the core, or None where only Python can."""
        encoder = self._encoder()
        if encoder is None or encoder[2] is None:
            return None
        table, ids, unknown = encoder
        rules = self._rules()
        encoded = table.encode(texts, rules, ids, unknown, first) if rules else None
        if encoded is None:
            encoded = table.encode(self._token_lists(texts, first), PLAIN, ids, unknown, first)
        return encoded

    def _look_up(self, tokens: list) -> list:
        """The ids of one text by Python's means."""
        index = self.word_index
        oov = None if self.oov_token is None else index.get(self.oov_token)
        ids: list[Any] = []
        for token in tokens:
            place = index.get(token)
            if place is not None and not (self.num_words and place >= self.num_words):
                ids.append(place)
            elif place is not None and oov is not None or place is None and self.oov_token is not None:
                ids.append(oov)
        return ids

    def _block_lists(self, texts: Sequence[Any], first: int) -> list[list[int]]:
        encoded = self._encode_block(texts, first)
        if encoded is not None:
            return _core.ragged_lists(*encoded)
        return [self._look_up(tokens) for tokens in self._token_lists(texts, first)]

    def encode(self, texts: Iterable[str | list]) -> Ragged:
        """`texts_to_sequences` as a Ragged: the fast way, without Python lists.

        Raises TypeError as `fit_on_texts`, ValueError before the first fit.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer.encode(["b a", "c"]).tolist()
        [[2, 1], []]
        """
        texts = as_list(texts)
        check_texts(texts)
        if self._word_index == {}:
            raise ValueError("the tokenizer has no words yet: call fit_on_texts first")
        parts = []
        for first, block in text_blocks(texts):
            encoded = self._encode_block(block, first)
            parts.append(
                Ragged.from_sequences(self._block_lists(block, first))
                if encoded is None
                else Ragged._of(*encoded)
            )
        return concatenate(parts)

    def texts_to_sequences(self, texts: Iterable[str | list]) -> list[list[int]]:
        """The ids of every text, as lists; words without one are left out, or are that of `oov_token`.

        Raises TypeError as `fit_on_texts`.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer.texts_to_sequences(["b a", "c"])
        [[2, 1], []]
        """
        lists: list[list[int]] = []
        for first, block in text_blocks(texts):
            lists += self._block_lists(block, first)
        return lists

    def texts_to_sequences_generator(self, texts: Iterable[str | list]) -> Iterator[list[int]]:
        """As `texts_to_sequences`, one by one; a stream is read no further than asked for."""
        texts = as_list(texts)
        check_texts(texts)
        return (ids for first, block in text_blocks(texts, 1) for ids in self._block_lists(block, first))

    # Ids to texts and matrices.

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]] | Ragged) -> list[str]:
        """The words of every sequence, with blanks between them; unknown ids as unknown words.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer.sequences_to_texts([[2, 1, 9]])
        ['b a']
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]] | Ragged) -> Iterator[str]:
        """As `sequences_to_texts`, one after the other."""
        oov = None if self.oov_token is None else self.word_index.get(self.oov_token)
        for row in rows_of_ids(sequences):
            words = []
            for index in row:
                word = self.index_word.get(index)
                if word is not None and not (self.num_words and index >= self.num_words):
                    words.append(word)
                elif word is not None and oov is not None or word is None and self.oov_token is not None:
                    words.append(self.index_word[oov])  # type: ignore[index]
            yield " ".join(words)

    def texts_to_matrix(self, texts: Iterable[str | list], mode: str = "binary") -> np.ndarray:
        """`sequences_to_matrix` of the texts' ids.

        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["a b a"])
        >>> tokenizer.texts_to_matrix(["a a b"], mode="count")
        array([[0., 2., 1.]])
        """
        return self.sequences_to_matrix(
            self.encode(texts) if self.word_index else self.texts_to_sequences(texts), mode
        )

    def sequences_to_matrix(
        self, sequences: Sequence[Iterable[int]] | Ragged, mode: str = "binary"
    ) -> np.ndarray:
        """One row for each sequence, one column for each index: float64 (B, num_words), or (B, words + 1). As
        keras.preprocessing.text.Tokenizer.sequences_to_matrix.

        Parameters
        ----------
        sequences
            Ids; those at or above `num_words` do not count, except for the length in "freq".
        mode
            "binary" (occurs), "count", "freq" (count / length) or "tfidf": (1 + ln count) · ln(1 + N / (1 +
            d)) for N texts fitted, d of them with the word.

        Raises
        ------
        ValueError
            For another mode, negative ids, "tfidf" before a fit, or neither `num_words` nor a fit.
        """
        if not self.num_words and not self.word_index:
            raise ValueError("Specify a dimension (`num_words` argument), or fit on some text data first.")
        if isinstance(mode, str) and mode == "tfidf" and not self.document_count:
            raise ValueError("Fit the Tokenizer on some data before using tfidf mode.")
        columns = self.num_words or len(self.word_index) + 1
        weights = None
        if isinstance(mode, str) and mode == "tfidf":
            documents = np.array([self.index_docs.get(index, 0) for index in range(columns)])
            weights = np.log(1 + self.document_count / (1 + documents))
        return count_matrix(Ragged.from_sequences(sequences), columns, mode, weights)

    # Saving.

    def get_config(self) -> dict[str, Any]:
        """All settings but `analyzer`, and all counts, as Keras gives them: the dicts as JSON texts."""
        config = {
            name: plain(getattr(self, name))
            for name in (
                "num_words",
                "filters",
                "lower",
                "split",
                "char_level",
                "oov_token",
                "document_count",
            )
        }
        for name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index"):
            config[name] = json.dumps(getattr(self, name))
        return config

    def to_json(self, **kwargs: Any) -> str:
        """`get_config` as JSON, for `tokenizer_from_json`; `kwargs` go to `json.dumps`."""
        return json.dumps({"class_name": type(self).__name__, "config": self.get_config()}, **kwargs)
