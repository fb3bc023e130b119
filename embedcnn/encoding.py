"""A Keras-style Tokenizer with a fixed length as a text encoder: what `model.text_encoder` may be, besides
text.TextEncoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


class TokenizerEncoder:
    """Texts to padded ids (texts, maxlen) with a fitted preprocessing.text.Tokenizer.

    `maxlen=None`: as long as the longest of the texts. `padding` and `truncating` as in utils.pad_sequences.
    Raises TypeError for a tokenizer of another kind, ValueError for a `maxlen` that is not a positive
    integer.
    """

    def __init__(
        self, tokenizer: Any, maxlen: int | None = None, padding: str = "pre", truncating: str = "pre"
    ) -> None:
        from .choices import one_of, positive_integer

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
        from .utils import pad_sequences

        sequences = self.tokenizer.texts_to_sequences(list(texts))
        maxlen = self.maxlen or max(1, *(len(sequence) for sequence in sequences))
        return pad_sequences(sequences, maxlen=maxlen, padding=self.padding, truncating=self.truncating)

    def get_config(self) -> dict[str, Any]:
        """The tokenizer as JSON, and the lengths."""
        return {
            "tokenizer": self.tokenizer.to_json(),
            "maxlen": self.maxlen,
            "padding": self.padding,
            "truncating": self.truncating,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TokenizerEncoder:
        """The encoder of a configuration."""
        from .preprocessing.text import tokenizer_from_json

        return cls(**{**config, "tokenizer": tokenizer_from_json(config["tokenizer"])})


class CharEncoder:
    """Texts to the ids of their characters (Ragged), and back: the text encoder of a character language
    model.

    Raises TypeError unless `vocabulary` is a text.CharVocabulary.

    >>> from embedcnn.text import CharVocabulary
    >>> encoder = CharEncoder(CharVocabulary("hello"))
    >>> encoder(["he", "o"]).tolist(), encoder.decode([1, 0])
    ([[1, 0], [3]], 'he')
    """

    rows_independent = True

    def __init__(self, vocabulary: Any) -> None:
        from .vocabulary import CharVocabulary

        if not isinstance(vocabulary, CharVocabulary):
            raise TypeError(f"`vocabulary` must be a CharVocabulary. Received: {type(vocabulary).__name__}")
        self.characters = vocabulary

    def __call__(self, texts: Sequence[str]) -> Any:
        from .ragged import Ragged

        return Ragged.from_sequences([self.characters.encode(text) for text in texts])

    def decode(self, ids: Any) -> str:
        """The text of a vector of ids."""
        return self.characters.decode(ids)

    def get_config(self) -> dict[str, Any]:
        """The characters, and which of them stands for unknown ones."""
        return {"characters": "".join(self.characters.tokens), "unknown": self.characters.unknown}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> CharEncoder:
        """The encoder of a configuration."""
        from .vocabulary import CharVocabulary

        return cls(CharVocabulary(config["characters"], config["unknown"]))
