"""Phrases: words that stand together more often than chance would have them, joined into one, before word
vectors are learnt. gensim's `Phrases`, with its names and its numbers; the core counts (csrc/text/phrases.c).
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from embedcnn import _core

from ..base.arguments import finite_number, integer, one_of
from ..base.checked import checked
from . import phrase_files
from .sentences import block_of, blocks, is_single, words_of

__all__ = ["ENGLISH_CONNECTOR_WORDS", "FrozenPhrases", "Phrases"]

ENGLISH_CONNECTOR_WORDS = frozenset(
    ["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with", "without"]
)
SCORINGS = ("default", "npmi")
MOST_WORDS = 2**31 - 2
Scoring = str | Callable[[int, int, int, int, float, int], float]
Sentence = str | Sequence[str]

if TYPE_CHECKING:
    from typing_extensions import Self


class _Joining:
    """What joins phrases, with counts or with scores."""

    _table: _core.Phrases
    min_count: float
    threshold: float
    delimiter: str
    scoring: Scoring
    connector_words: frozenset[str]

    def _settle(
        self, min_count: Any, threshold: Any, delimiter: Any, scoring: Any, connector_words: Iterable[str]
    ) -> None:
        """Takes the settings, checked."""
        self.min_count = finite_number("min_count", min_count, above=0)
        self.scoring = scoring if callable(scoring) else one_of("scoring", scoring, SCORINGS)
        least, most = (-1, 1) if self.scoring == "npmi" else (None, None)
        above = 0 if self.scoring == "default" else None
        self.threshold = finite_number("threshold", threshold, least, most, above=above)
        if not isinstance(delimiter, str) or not delimiter or "\n" in delimiter:
            raise ValueError(
                "`delimiter` must be a str with a character, and no newline. "
                f"Received: delimiter={delimiter!r}"
            )
        self.delimiter = delimiter
        if isinstance(connector_words, str):
            raise TypeError(f"`connector_words` must be several words. Received: {connector_words!r}")
        words = list(connector_words)
        block_of("connector_words", [words])
        self.connector_words = frozenset(words)

    def _new_core(self, scored: bool) -> _core.Phrases:
        connectors = block_of("connector_words", [sorted(self.connector_words)])[:-1]
        most_words = getattr(self, "max_vocab_size", 0)
        return _core.Phrases(self.delimiter.encode("utf-8", "surrogatepass"), connectors, most_words, scored)

    def _score_of(self) -> Any:
        return SCORINGS.index(self.scoring) if isinstance(self.scoring, str) else self.scoring

    def _joined(self, text: bytes, sentences: list[Any]) -> tuple[list[str], list[int], np.ndarray]:
        """Words of some sentences (`text`: as the core reads them), where each sentence ends, scores."""
        phrases, ends, sources, scores = self._table.join(
            text, self.min_count, self.threshold, self._score_of()
        )
        given = list(itertools.chain.from_iterable(sentences))
        given.append("")  # for the phrases, which have number -1
        words = list(map(given.__getitem__, sources.tolist()))
        for place, phrase in zip((sources < 0).nonzero()[0].tolist(), _lines(phrases), strict=True):
            words[place] = phrase
        return words, ends.tolist(), scores

    def __getitem__(self, sentence: Sentence | Iterable[Sentence]) -> Any:
        """The words of a sentence (a text, or a list of words), its phrases joined; of an iterable of
        sentences an iterable of these lists, made as they are asked for.

        >>> phrases = Phrases([["new", "york", "city"]] * 3 + [["a", "city"]], min_count=1, threshold=1.5)
        >>> phrases["in new york"]
        ['in', 'new_york']
        >>> list(phrases[[["new", "york"], ["york"]]])
        [['new_york'], ['york']]
        """
        single, sentence = is_single(sentence)
        return self._of_one(cast("Sentence", sentence))[0] if single else JoinedSentences(self, sentence)

    def _of_one(self, sentence: Sentence) -> tuple[list[str], list[float]]:
        """Words of a sentence, and scores."""
        sentences = [words_of("sentence", sentence, 0)]
        words, _, scores = self._joined(block_of("sentence", sentences), sentences)
        return words, scores.tolist()

    def analyze_sentence(self, sentence: Sentence) -> list[tuple[str, float | None]]:
        """(word, None) and (joined phrase, its score) of a sentence, in order.

        >>> phrases = Phrases([["new", "york", "city"]] * 3 + [["a", "city"]], min_count=1, threshold=1.5)
        >>> phrases.analyze_sentence(["new", "york", "hall"])
        [('new_york', 1.5555555555555554), ('hall', None)]
        """
        pairs = zip(*self._of_one(sentence), strict=True)
        return [(word, None if math.isnan(score) else score) for word, score in pairs]

    def find_phrases(self, sentences: Iterable[Sentence]) -> dict[str, float]:
        """The phrases that occur in sentences, with their scores.

        >>> phrases = Phrases([["new", "york", "city"]] * 3 + [["a", "city"]], min_count=1, threshold=1.5)
        >>> phrases.find_phrases(["in new york", "a city"])
        {'new_york': 1.5555555555555554}
        """
        found: dict[str, float] = {}
        for text, _ in blocks("sentences", sentences):
            phrases, _, sources, scores = self._table.join(
                text, self.min_count, self.threshold, self._score_of()
            )
            found.update(zip(_lines(phrases), scores[sources < 0].tolist(), strict=True))
        return found

    def score_candidate(
        self, word_a: str, word_b: str, in_between: Sequence[str] = ()
    ) -> tuple[str | None, float | None]:
        """(joined phrase, score) of words that follow each other, connectors between them, or (None, None).

        >>> phrases = Phrases([["new", "york", "city"]] * 3 + [["a", "city"]], min_count=1, threshold=1.5)
        >>> phrases.score_candidate("new", "york", []), phrases.score_candidate("york", "new", [])
        (('new_york', 1.5555555555555554), (None, None))
        """
        found = self.analyze_sentence([word_a, *in_between, word_b])
        return found[0] if len(found) == 1 and found[0][1] is not None else (None, None)

    def __getstate__(self) -> dict[str, Any]:
        return phrase_files.state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        phrase_files.set_state(self, state)

    @checked
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes a file of one line of settings, then a count (or score) and a word or phrase a line.

        Raises ValueError where the scoring is a function, which a file cannot hold.
        """
        phrase_files.save(self, path)

    @classmethod
    @checked
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """What `save` wrote. ValueError for other files: gensim's are pickles, which run what they say."""
        made = cls.__new__(cls)
        phrase_files.load(made, path)
        return made


def _lines(text: bytes) -> list[str]:
    return text.decode("utf-8", "surrogatepass").split("\n")[:-1]


class JoinedSentences:
    """Sentences whose phrases are joined, made anew whenever they are gone through."""

    def __init__(self, phrases: _Joining, sentences: Iterable[Sentence]) -> None:
        self._phrases, self._sentences = phrases, sentences

    def __iter__(self) -> Iterator[list[str]]:
        for text, block in blocks("sentences", self._sentences):
            words, ends, _ = self._phrases._joined(text, block)
            begin = 0
            for end in ends:
                yield words[begin:end]
                begin = end

    def __repr__(self) -> str:
        return f"<sentences joined by {self._phrases!r}>"


class Phrases(_Joining):
    """Words that stand together more often than chance would have them: gensim's `Phrases`, with its results.

    A pair of words is a phrase where it scores more than `threshold`. "default" (Mikolov et al. 2013):
    (count of the pair - min_count) / (count of one x count of the other) x words and pairs that were
    counted. "npmi" (Bouma 2009): log(p(pair) / (p(one) p(other))) / -log p(pair), -1 to 1, of pairs that come
    at least `min_count` times. Phrases of more words: another `Phrases` of the joined sentences.

    Parameters
    ----------
    sentences : iterable of texts, split at white space, or of lists of words; a file opened as text is one.
        None: `add_vocab` counts later
    min_count : float, above 0
    threshold : above 0 for "default"; -1 to 1 for "npmi"
    max_vocab_size : of words and pairs; where more have been counted, those that are rare are dropped
    delimiter : between the words of a phrase
    scoring : "default", "npmi", or a function of (worda_count, wordb_count, bigram_count, len_vocab,
        min_count, corpus_word_count), called in this order; NaN is no phrase
    connector_words : words that may stand inside a phrase and are no ends of one:
        `ENGLISH_CONNECTOR_WORDS`

    Raises
    ------
    ValueError, TypeError : arguments out of range, sentences that are no texts or lists of words

    Examples
    --------
    >>> sentences = [["new", "york", "city"]] * 3 + [["a", "city"]]
    >>> phrases = Phrases(sentences, min_count=1, threshold=1.5)
    >>> phrases[["in", "new", "york"]]
    ['in', 'new_york']
    >>> phrases.export_phrases()
    {'new_york': 1.5555555555555554}
    """

    @checked
    def __init__(
        self,
        sentences: Iterable[Sentence] | None = None,
        min_count: float = 5,
        threshold: float = 10.0,
        max_vocab_size: int = 40000000,
        delimiter: str = "_",
        *,
        scoring: Scoring = "default",
        connector_words: Iterable[str] = frozenset(),
    ) -> None:
        self._settle(min_count, threshold, delimiter, scoring, connector_words)
        self.max_vocab_size = integer("max_vocab_size", max_vocab_size, 1, MOST_WORDS)
        self._table = self._new_core(scored=False)
        if sentences is not None:
            self.add_vocab(sentences)

    @checked
    def add_vocab(self, sentences: Iterable[Sentence]) -> None:
        """Counts more sentences.

        >>> phrases = Phrases(min_count=1, threshold=1.5)
        >>> phrases.add_vocab(["in new york", "new york", "a city"])
        >>> phrases.vocab["new_york"], phrases.corpus_word_count
        (2, 7)
        """
        counted = self._new_core(scored=False)
        for text, _ in blocks("sentences", sentences):
            counted.count(text)
        if self._table.sizes()[0]:
            self._table.merge(counted)
        else:
            counted.restore(b"", np.zeros(0, np.int64), self.corpus_word_count, 1)
            self._table = counted

    @property
    def vocab(self) -> dict[str, int]:
        """How often each word and each pair was counted, made anew at each call."""
        return phrase_files.entries(self._table)

    @property
    def corpus_word_count(self) -> int:
        """Words of the sentences that were counted, connectors too."""
        return self._table.sizes()[1]

    def export_phrases(self) -> dict[str, float]:
        """All phrases among the counted, with their scores; a phrase of joined words is judged by its first
        and last word, as in gensim.
        """
        return phrase_files.entries(self._exported())

    def freeze(self) -> FrozenPhrases:
        """Only the phrases, with their scores: smaller, and counts no more."""
        frozen = FrozenPhrases.__new__(FrozenPhrases)
        for name in ("min_count", "threshold", "delimiter", "scoring", "connector_words"):
            setattr(frozen, name, getattr(self, name))
        frozen._table = self._exported()
        return frozen

    def _exported(self) -> _core.Phrases:
        found = self._new_core(scored=True)
        self._table.export(found, self.min_count, self.threshold, self._score_of())
        return found

    def __repr__(self) -> str:
        return (
            f"Phrases<{self._table.sizes()[0]} vocab, min_count={self.min_count}, "
            f"threshold={self.threshold}, max_vocab_size={self.max_vocab_size}>"
        )


class FrozenPhrases(_Joining):
    """The phrases of a `Phrases`, with their scores; gensim's `FrozenPhrases` and `Phraser`.

    `phrasegrams` has them. Made by `Phrases.freeze()`, or from one:

    >>> phrases = Phrases([["new", "york", "city"]] * 3 + [["a", "city"]], min_count=1, threshold=1.5)
    >>> frozen = FrozenPhrases(phrases)
    >>> frozen["new york hall"], frozen.phrasegrams
    (['new_york', 'hall'], {'new_york': 1.5555555555555554})
    """

    @checked
    def __init__(self, phrases_model: Phrases) -> None:
        self.__dict__.update(phrases_model.freeze().__dict__)

    @property
    def phrasegrams(self) -> dict[str, float]:
        """Each phrase's score, made anew at each call."""
        return phrase_files.entries(self._table)

    def __repr__(self) -> str:
        return (
            f"FrozenPhrases<{self._table.sizes()[0]} phrases, min_count={self.min_count}, "
            f"threshold={self.threshold}>"
        )
