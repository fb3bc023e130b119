"""Text encoders, besides text.TextEncoder: what `model.text_encoder` may be. A Keras-style Tokenizer with a
fixed length; the characters, or the words and punctuation marks, of language models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import one_of, positive_integer
from ..base.checked import checked
from ..base.configuration import Configurable
from ..base.stored_functions import named_functions, with_functions, with_names
from ..preprocessing.sequence import pad_sequences
from ..preprocessing.text import tokenizer_from_json
from ..preprocessing.texts import text_blocks
from ..ragged import Ragged
from .unicode_words import pattern
from .vocabulary import CharVocabulary, Vocabulary


class TokenizerEncoder(Configurable):
    """Texts to padded ids (texts, maxlen) with a fitted preprocessing.text.Tokenizer.

    `maxlen=None`: as long as the longest of the texts. `padding` and `truncating` as in utils.pad_sequences.
    Raises TypeError for a tokenizer of another kind, ValueError for a `maxlen` that is not a positive
    integer.
    """

    def __init__(
        self, tokenizer: Any, maxlen: int | None = None, padding: str = "pre", truncating: str = "pre"
    ) -> None:
        if not hasattr(tokenizer, "texts_to_sequences") or not hasattr(tokenizer, "to_json"):
            raise TypeError(
                f"`tokenizer` must be a preprocessing.text.Tokenizer. Received: {type(tokenizer).__name__}"
            )
        self.tokenizer = tokenizer
        self.maxlen = None if maxlen is None else positive_integer("maxlen", maxlen)
        self.padding = one_of("padding", padding, ("pre", "post"))
        self.truncating = one_of("truncating", truncating, ("pre", "post"))

    @property
    def rows_independent(self) -> bool:
        """Whether the ids of a text do not depend on the texts beside it."""
        return self.maxlen is not None

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        sequences = self.tokenizer.texts_to_sequences(texts)
        maxlen = self.maxlen or max(1, *(len(sequence) for sequence in sequences))
        return pad_sequences(sequences, maxlen=maxlen, padding=self.padding, truncating=self.truncating)

    def settings_of_ids(self) -> Any:
        """What decides ids besides the texts, to compare; None where a function of the user does."""
        settings = self.tokenizer.settings_of_ids()
        return None if settings is None else (*settings, self.maxlen, self.padding, self.truncating)

    def get_config(self) -> dict[str, Any]:
        """The tokenizer as JSON, the lengths, and the name of the tokenizer's `analyzer` where it has one."""
        config = {**super().get_config(), "tokenizer": self.tokenizer.to_json()}
        analyzer = self.tokenizer.analyzer
        return config if analyzer is None else with_names({**config, "analyzer": analyzer}, "text_encoder")

    def own_objects(self) -> dict[str, Any]:
        """The `analyzer` of the tokenizer, a function of the user, by the name in a file."""
        return named_functions({"analyzer": self.tokenizer.analyzer}, "text_encoder")

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TokenizerEncoder:
        """The encoder of a configuration; `analyzer` is looked up in the `custom_objects` of load_model."""
        given = with_functions(config, "a Tokenizer")
        tokenizer = tokenizer_from_json(given["tokenizer"])
        tokenizer.analyzer = given.pop("analyzer", None)
        return cls(**{**given, "tokenizer": tokenizer})


class CharEncoder(Configurable):
    """Texts to the ids of their characters (Ragged), and back: the text encoder of a character language
    model.

    Raises TypeError unless `vocabulary` is a text.CharVocabulary.

    >>> from embedcnn.text import CharVocabulary
    >>> encoder = CharEncoder(CharVocabulary("hello"))
    >>> encoder(["he", "o"]).tolist(), encoder.decode([1, 0])
    ([[1, 0], [3]], 'he')
    """

    rows_independent = True
    unit = "characters"
    unwritten: tuple[int, ...] = ()
    """Ids that are never generated."""

    def __init__(self, vocabulary: Any) -> None:
        if not isinstance(vocabulary, CharVocabulary):
            raise TypeError(f"`vocabulary` must be a CharVocabulary. Received: {type(vocabulary).__name__}")
        self.characters = vocabulary

    def __call__(self, texts: Sequence[str]) -> Any:
        rows = [self.characters.encode(text) for _, block in text_blocks(texts) for text in block]
        return Ragged.from_sequences(rows)

    @property
    def token_count(self) -> int:
        """How many ids there are."""
        return len(self.characters)

    def encode_prompt(self, prompt: str, unknown: str | None = None) -> np.ndarray:
        """The ids of the beginning of a text; `unknown` stands for characters that are not known.

        ValueError for such characters without it, and for an `unknown` that is not known itself.
        """
        if unknown is not None:
            if unknown not in self.characters:
                raise ValueError(
                    f"`unknown` must be a character that the model knows. Received: unknown={unknown!r}"
                )
            prompt = "".join(one if one in self.characters else unknown for one in prompt)
        try:
            return self.characters.encode(prompt)
        except ValueError as error:
            known = " " if " " in self.characters else self.characters.tokens[-1]
            raise ValueError(
                f"`prompt`: {error}; give unknown={known!r} to replace such characters"
            ) from None

    def writer(self, before: str = "") -> CharWriter:
        """Turns ids into text one by one, behind the text `before`."""
        return CharWriter(self)

    def decode(self, ids: Any) -> str:
        """The text of a vector of ids."""
        return self.characters.decode(ids)

    def get_config(self) -> dict[str, Any]:
        """The characters, and which of them stands for unknown ones."""
        return {"characters": "".join(self.characters.tokens), "unknown": self.characters.unknown}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CharEncoder:
        """The encoder of a configuration."""
        return cls(CharVocabulary(config["characters"], config["unknown"]))


class CharWriter:
    """Writes one character after the other: `add(id)` gives it."""

    def __init__(self, encoder: CharEncoder) -> None:
        self._tokens = encoder.characters.tokens

    def add(self, token: int) -> str:
        """The character of an id."""
        return self._tokens[token]


PARAGRAPH = "\n\n"
CLOSING, OPENING = set(".,;:!?)]}%…—'’”"), set("([{—‘“")  # no space before, and none behind


def words_of(text: str) -> list[str]:
    """The words and punctuation marks of a text; empty lines are one token, PARAGRAPH.

    Marks and joiners stay with their letters in every script (unicode_words.py).

    >>> words_of("It's late, isn't it?\\n\\nYes.")
    ["It's", 'late', ',', "isn't", 'it', '?', '\\n\\n', 'Yes', '.']
    """
    return [PARAGRAPH if token[0] == "\n" else token for token in pattern().findall(text)]


class WordEncoder(Configurable):
    """Texts to the ids of their words and punctuation marks (Ragged), and back: the text encoder of a word
    language model.

    Words that the vocabulary lacks have the id 1, as in Vocabulary; it is never generated. Raises TypeError
    unless `vocabulary` is a text.Vocabulary.

    >>> encoder = WordEncoder.from_text('He said: "Well, well."')
    >>> ids = encoder(['"Well," he said.']).ids
    >>> ids.tolist(), encoder.decode(ids[:3])
    ([2, 6, 7, 2, 1, 4, 9], '"Well,')
    """

    not_stored = ("vocabulary",)  # a file keeps it beside the configuration
    rows_independent = True
    unit = "words"
    unwritten = (0, 1)
    """Ids that are never generated: padding and unknown words."""

    def __init__(self, vocabulary: Any) -> None:
        if not isinstance(vocabulary, Vocabulary):
            raise TypeError(f"`vocabulary` must be a Vocabulary. Received: {type(vocabulary).__name__}")
        self.vocabulary = vocabulary
        self._known = set(vocabulary.tokens)

    @classmethod
    @checked
    def from_text(
        cls, text: str, max_tokens: int | None = None, min_frequency: int = 1, lower: bool = False
    ) -> WordEncoder:
        """The encoder of the words of a text: at most `max_tokens` ids, only words that come so often.

        `lower`: upper and lower case are the same, and lower case is written.
        """
        words = [words_of(text)]
        return cls(
            Vocabulary.from_texts(words, max_tokens=max_tokens, min_frequency=min_frequency, lower=lower)
        )

    @property
    def token_count(self) -> int:
        """How many ids there are, with padding and unknown words."""
        return len(self.vocabulary)

    def __call__(self, texts: Sequence[str]) -> Any:
        return self.vocabulary.encode([words_of(text) for _, block in text_blocks(texts) for text in block])

    def encode_prompt(self, prompt: str, unknown: str | None = None) -> np.ndarray:
        """The ids of the beginning of a text; `unknown` (a word, or "[UNK]") stands for unknown words.

        ValueError for such words without it, and for an `unknown` that is not known itself.
        """
        words = words_of(prompt)
        if not words:
            raise ValueError(f"`prompt` must hold at least one word. Received: prompt={prompt!r}")
        ids = self.vocabulary.encode([words]).ids
        missing = np.flatnonzero(ids == 1)
        if unknown is not None:
            if unknown not in self._known:
                raise ValueError(f"`unknown` must be a word that the model knows. Received: {unknown!r}")
            ids = np.where(ids == 1, self.vocabulary[unknown], ids).astype(np.int32)
        elif len(missing):
            raise ValueError(
                f"`prompt`: {words[missing[0]]!r} is none of the {len(self.vocabulary) - 2} words of the "
                f"model; give unknown={self.vocabulary.tokens[1]!r} to replace such words"
            )
        return ids

    def decode(self, ids: Any) -> str:
        """The text of a vector of ids, with spaces where prose has them."""
        writer = self.writer()
        return "".join(writer.add(int(token)) for token in ids)

    def writer(self, before: str = "") -> WordWriter:
        """Turns ids into text one by one, behind the text `before`."""
        return WordWriter(self, before)

    @classmethod
    def from_config(  # type: ignore[override]  # the vocabulary is a file's part of its own
        cls, config: dict[str, Any], vocabulary: Any
    ) -> WordEncoder:
        """The encoder of a configuration and a vocabulary."""
        return cls(vocabulary, **config)


class WordWriter:
    """Writes word after word: `add(id)` gives the word with the space before it where one belongs."""

    def __init__(self, encoder: WordEncoder, before: str = "") -> None:
        self._tokens = encoder.vocabulary.tokens
        self._glued = not before or before[-1].isspace() or before[-1] in OPENING
        self._quoted = before.count('"') % 2 == 1  # straight quotes open and close in turn
        if before.endswith('"'):
            self._glued = self._quoted

    def add(self, token: int) -> str:
        """The text of an id."""
        word = self._tokens[token]
        opens, closes = word in OPENING, word in CLOSING or word == PARAGRAPH
        if word == '"':
            opens, closes = not self._quoted, self._quoted
            self._quoted = opens
        piece = word if self._glued or closes or not word else f" {word}"
        self._glued = opens or word == PARAGRAPH or (self._glued and not word)
        return piece
