"""Text to ids for models: vocabularies, the TextEncoder that a saved model carries, hashed n-grams."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedcnn import _core
from embedcnn.base.arguments import integer, one_of, optional
from embedcnn.base.checked import checked
from embedcnn.base.columns import as_list, entries, is_column
from embedcnn.base.configuration import Configurable
from embedcnn.base.stored_functions import named_functions, with_functions, with_names
from embedcnn.preprocessing.texts import done, text_blocks
from embedcnn.preprocessing.word_counts import PLAIN
from embedcnn.ragged import Ragged, concatenate
from embedcnn.text.encoder_shown import as_table, as_text
from embedcnn.text.rules import SPLIT, STANDARDIZE, WHITESPACE, core_rules
from embedcnn.text.vocabulary import CharVocabulary, Vocabulary

__all__ = ["CharVocabulary", "Ragged", "TextEncoder", "Vocabulary", "ngrams", "subword_ids", "word_hash"]


def _widths(ngrams: Any) -> tuple[int, ...]:
    if ngrams is None:
        return ()
    whole = (int, np.integer)
    single = isinstance(ngrams, whole) and not isinstance(ngrams, bool)
    widths = range(1, int(ngrams) + 1) if single else ngrams
    listed = isinstance(widths, (range, tuple, list, np.ndarray)) and tuple(widths[:1])
    if not listed or not all(isinstance(width, whole) and 1 <= width <= 1024 for width in widths):
        allowed = "None, a positive integer (at most 1024) or a tuple of them"
        raise ValueError(f"`ngrams` must be {allowed}. Received: ngrams={ngrams!r}")
    return tuple(int(width) for width in widths)


MOST_BUCKETS = (1 << 31) - 1


class TextEncoder(Configurable):
    """Texts to ids as Keras's TextVectorization: standardize, split, look up; padding 0, unknown tokens 1.
    As keras.layers.TextVectorization with output_mode="int".

    Texts are a list, a stream, an array or a column (of pandas, polars, pyarrow); a list in place of a text
    holds tokens that are not cut any further.

    Parameters
    ----------
    max_tokens
        The largest vocabulary, with padding and unknown; None: any.
    standardize
        "lower_and_strip_punctuation", "lower", "strip_punctuation" or None. As in Keras only A to Z are
        lower-cased, and punctuation vanishes ("don't" → "dont"). "lower_unicode" lower-cases every script. Or
        a function of a str that gives a str (a file holds its name; the function is given to `load_model` as
        `custom_objects={name: ...}`).
    split
        "whitespace", "character", None (the text is one token), or a function of a str that gives its tokens.
        "words", which Keras has not, is for any language: punctuation of every script ends a word and
        vanishes, marks and joiners stay with their letters, Chinese and Japanese characters and emoji are
        tokens of their own.
    ngrams
        n: tokens and their n-grams of up to n words; a tuple: those lengths only; None: tokens.
    output_sequence_length
        Ids per text in `encoder(texts)`: cut or padded behind. None: a Ragged.
    vocabulary
        A Vocabulary, or tokens (with or without the two first ones), instead of `adapt`.
    filters
        Characters that end a word like whitespace, before `standardize` could drop them.
    missing
        Texts that are None, NaN or pandas' NA are an error that names their place ("error"), or empty texts
        ("empty"); so too for a model that has this encoder.

    Raises
    ------
    ValueError
        For other words or sizes.

    Examples
    --------
    >>> encoder = TextEncoder(max_tokens=5)
    >>> encoder.adapt(["The cat sat.", "The cat; a dog"])
    >>> encoder.get_vocabulary()
    ['', '[UNK]', 'the', 'cat', 'sat']
    >>> encoder(["the dog sat"])
    Ragged(1 sequences, 3 ids, lengths 3 to 3)
    >>> encoder.output_sequence_length = 4
    >>> encoder(["the dog sat"])
    array([[2, 1, 4, 0]], dtype=int32)

    >>> several = TextEncoder(standardize="lower_unicode", split="words")
    >>> several.adapt(["Отличный фильм!", "отличный «фильм»", "好的"])
    >>> several.get_vocabulary(include_special_tokens=False)
    ['фильм', 'отличный', '的', '好']
    """

    not_stored = ("vocabulary",)
    rows_independent = True  # the ids of a text do not depend on the texts beside it

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[[str], str] | None = "lower_and_strip_punctuation",
        split: str | Callable[[str], Iterable[str]] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_sequence_length: int | None = None,
        vocabulary: Vocabulary | Iterable[str] | None = None,
        filters: str = "",
        missing: str = "error",
    ) -> None:
        if not callable(standardize) and not _is_among(standardize, STANDARDIZE):
            raise ValueError(
                f"`standardize` must be one of {STANDARDIZE} or a function. Received: "
                f"standardize={standardize!r}"
            )
        if not callable(split) and not _is_among(split, SPLIT):
            raise ValueError(
                f"`split` must be one of {tuple(SPLIT)} or a function. Received: split={split!r}"
            )
        if filters and split not in ("whitespace", "words"):
            raise ValueError(
                "`filters` must be empty unless split is 'whitespace' or 'words'. "
                f"Received: filters={filters!r}, split={split!r}"
            )
        if split == "words" and isinstance(standardize, str) and "strip" in standardize:
            raise ValueError(
                '`standardize` must be "lower_unicode", "lower" or None where split="words" cuts at '
                f"punctuation, which must still be there. Received: standardize={standardize!r}"
            )
        self.max_tokens = optional(integer, "max_tokens", max_tokens, 2)  # 2: padding and unknown
        self.standardize = standardize
        self.split = split
        self.ngrams = ngrams
        self.output_sequence_length = optional(integer, "output_sequence_length", output_sequence_length, 0)
        self.filters = filters
        self.missing = one_of("missing", missing, ("error", "empty"))
        self._ngram_widths = _widths(ngrams)
        self.vocabulary: Vocabulary | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def _rules(self) -> Any:
        standardize = self.standardize if isinstance(self.standardize, str) else ""
        return core_rules(standardize, None if callable(self.split) else self.split, self.filters)

    def _blocks(self, texts: Iterable[Any]) -> Iterator[tuple[int, Sequence[Any], Any]]:
        """(number of the first, texts or lists of tokens, the core's rules that make tokens of them)."""
        rules = self._rules()
        for first, block in text_blocks(texts, missing=self.missing):
            if callable(self.standardize):
                block = [self.standardize(text) if isinstance(text, str) else text for text in block]
            if callable(self.split):
                whole = rules.tokens(block, first)
                block = [
                    list(self.split(tokens[0])) if isinstance(text, str) else tokens
                    for text, tokens in zip(block, whole, strict=True)
                ]
            elif self._ngram_widths:
                block = rules.tokens(block, first)
            else:
                yield first, block, rules
                continue
            if self._ngram_widths:
                block = [self._join(tokens) for tokens in block]
            yield first, block, PLAIN

    def _join(self, tokens: list[str]) -> list[str]:
        return [
            " ".join(tokens[start : start + width])
            for width in self._ngram_widths
            for start in range(len(tokens) - width + 1)
        ]

    def tokens(self, texts: Iterable[str]) -> list[list[str]]:
        """The tokens of every text as strings, before they are looked up.

        Raises TypeError where `texts` is one str.

        >>> TextEncoder().tokens(["The cat; a dog"])
        [['the', 'cat', 'a', 'dog']]
        """
        return [
            tokens for first, block, rules in self._blocks(texts) for tokens in rules.tokens(block, first)
        ]

    def adapt(self, texts: Iterable[str]) -> None:
        """Makes the vocabulary: tokens by frequency, ties in reverse order of their characters (Keras's way).

        Raises TypeError where `texts` is one str. What was learnt or set before is forgotten.
        """
        self.learn(texts)

    def learn(self, texts: Iterable[Any]) -> tuple[list[str], npt.NDArray[np.int64], int]:
        """`adapt`; returns all tokens, in how many texts each is, and how many texts there were."""
        table, total = _core.WordTable(), 0
        for first, block, rules in self._blocks(_single_texts(texts)):
            done(table.count(block, rules, first), block, first)
            total = first + len(block)
        words = table.words()
        pairs = zip(words, table.counts().tolist(), strict=True)
        ranked = sorted(pairs, key=lambda pair: (pair[1], pair[0]), reverse=True)
        tokens = [word for word, _ in ranked if word not in ("", "[UNK]")]
        self.vocabulary = Vocabulary(tokens if self.max_tokens is None else tokens[: self.max_tokens - 2])
        return words, table.documents(), total

    def set_vocabulary(self, vocabulary: Vocabulary | Iterable[str]) -> None:
        """Uses this vocabulary; ValueError where it is larger than `max_tokens`."""
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        if self.max_tokens is not None and len(vocabulary) > self.max_tokens:
            raise ValueError(
                f"`vocabulary` must have at most max_tokens={self.max_tokens} tokens. "
                f"Received: {len(vocabulary)} tokens"
            )
        self.vocabulary = vocabulary

    def _ready(self) -> Vocabulary:
        if self.vocabulary is None:
            raise ValueError("the encoder has no vocabulary yet: call adapt or set_vocabulary first")
        return self.vocabulary

    @checked
    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their ids; without padding and unknown if so asked."""
        tokens = self._ready().tokens
        return tokens if include_special_tokens else tokens[2:]

    def vocabulary_size(self) -> int:
        """How many tokens there are, with padding and unknown."""
        return len(self._ready())

    def encode(self, texts: Iterable[str]) -> Ragged:
        """The ids of every text.

        Raises ValueError before there is a vocabulary, TypeError where `texts` is one str or holds
        something that is neither str nor a list of str.

        >>> TextEncoder(vocabulary=["a", "b"]).encode(["A, x", "b"]).tolist()
        [[2, 1], [3]]
        """
        vocabulary = self._ready()
        table, ids = vocabulary._table, vocabulary._ids
        return concatenate(
            [
                Ragged._of(*done(table.encode(block, rules, ids, 1, first), block, first))
                for first, block, rules in self._blocks(texts)
            ]
        )

    def __call__(self, texts: Iterable[str]) -> Ragged | npt.NDArray[np.int32]:
        """`encode`, and with `output_sequence_length` an int32 matrix (B, output_sequence_length)."""
        ragged = self.encode(texts)
        if self.output_sequence_length is None:
            return ragged
        return ragged.to_padded(self.output_sequence_length, "post", "post")

    def settings_of_ids(self) -> Any:
        """What decides ids besides the texts, to compare; None where a function of the user does, which may
        give other tokens each time.
        """
        if callable(self.standardize) or callable(self.split) or type(self) is not TextEncoder:
            return None
        rules = self.standardize, self.split, self._ngram_widths, self.filters, self.missing
        return *rules, self.output_sequence_length, self.vocabulary

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        """A table of the vocabulary and the settings, for notebooks."""
        return as_table(self)

    def get_config(self) -> dict[str, Any]:
        """The settings, ready for JSON; the vocabulary is `encoder.vocabulary.to_text()`.

        Functions are their names: `from_config` looks them up in the `custom_objects` of load_model.
        """
        return with_names(super().get_config(), "text_encoder")

    def own_objects(self) -> dict[str, Any]:
        """The functions of the user among the settings, by the names in a file."""
        return named_functions(super().get_config(), "text_encoder")

    @classmethod
    def from_config(
        cls, config: dict[str, Any], vocabulary: Vocabulary | Iterable[str] | None = None
    ) -> TextEncoder:
        """The encoder of `get_config`, with its vocabulary.

        >>> encoder = TextEncoder(ngrams=2, vocabulary=["a"])
        >>> vocabulary = Vocabulary.from_text(encoder.vocabulary.to_text())
        >>> copy = TextEncoder.from_config(encoder.get_config(), vocabulary)
        >>> copy.encode(["a b"]).tolist()
        [[2, 1, 1]]
        """
        return cls(**with_functions(config, "a TextEncoder"), vocabulary=vocabulary)


def _is_among(value: Any, names: Iterable[Any]) -> bool:
    """Whether a name, or None, is one of these."""
    return (value is None or isinstance(value, str)) and value in names


def _single_texts(texts: Iterable[Any]) -> Iterable[Any]:
    """The texts of a list, a column, or a data set, whose elements may be batches: arrays of str, columns."""
    texts = as_list(texts if isinstance(texts, (str, bytes)) else entries("texts", texts))
    if isinstance(texts, (str, bytes, list, tuple)):
        return texts
    return (
        text
        for element in texts
        for text in (as_list(element) if isinstance(element, np.ndarray) or is_column(element) else [element])
    )


@checked
def ngrams(
    texts: Iterable[str | list[str]],
    n: int = 2,
    bucket: int = 2_000_000,
    lower: bool = False,
    filters: str = "",
) -> Ragged:
    """Buckets of the n-grams of 2 to `n` words of every text, as fastText's `-wordNgrams` hashes them.
    Source: fastText's `Dictionary::addWordNgrams` (Joulin et al. 2017).

    Parameters
    ----------
    texts
        Str, cut at whitespace, NUL and `filters`, or lists of tokens.
    n
        The longest n-gram.
    bucket
        How many buckets; ids are below it. A fastText model adds its number of words to them.
    lower
        Lower-case first.

    Raises
    ------
    ValueError
        For n below 1 or a `bucket` outside [1, 2^31).

    Examples
    --------
    >>> ngrams(["one two three"], n=2, bucket=1000).lengths
    array([2])
    """
    n, bucket = integer("n", n, 1, MOST_BUCKETS), integer("bucket", bucket, 1, MOST_BUCKETS)
    if not isinstance(filters, str):
        raise TypeError(f"`filters` must be a str. Received: filters={filters!r}")
    rules = _core.TextRules("words", "unicode" if lower else "none", WHITESPACE + "\0" + filters, "")
    return concatenate(
        [
            Ragged._of(*done(_core.ngrams(block, rules, n, bucket, first), block, first))
            for first, block in text_blocks(texts)
        ]
    )


def subword_ids(word: str, minn: int = 3, maxn: int = 6, bucket: int = 2_000_000) -> npt.NDArray[np.int32]:
    """Buckets of the character n-grams of `<word>`, int32, in fastText's order. Source: fastText's
    `Dictionary::computeSubwords` (Bojanowski et al. 2017).

    Parameters
    ----------
    word
        One word, without "<" and ">".
    minn, maxn
        The shortest and longest n-gram, in code points.
    bucket
        How many buckets; ids are below it. A fastText model adds its number of words to them.

    Raises
    ------
    ValueError
        For `minn` below 1, `maxn` below `minn` or a `bucket` outside [1, 2^31).

    Examples
    --------
    >>> len(subword_ids("where", minn=3, maxn=4))
    9
    """
    if not isinstance(word, str):
        raise TypeError(f"`word` must be a str. Received: word={word!r}")
    minn = integer("minn", minn, 1, MOST_BUCKETS)
    maxn, bucket = integer("maxn", maxn, minn, MOST_BUCKETS), integer("bucket", bucket, 1, MOST_BUCKETS)
    return _core.subwords(word, minn, maxn, bucket)


def word_hash(word: str) -> int:
    """fastText's 32-bit hash of a word: FNV-1a over sign-extended bytes.

    >>> word_hash("a")
    3826002220
    """
    return _core.word_hash(word)
