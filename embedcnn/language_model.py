"""A language model of characters: learns to continue a text, one character after the other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import layers, losses, optimizers
from .choices import positive_integer
from .encoding import CharEncoder
from .generation import generate, stream
from .models import Sequential, load_model
from .vocabulary import CharVocabulary


def text_windows(ids: Any, length: int, stride: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Windows of a text of token ids and what follows each token: two int32 arrays (windows, length).

    A window begins every `stride` tokens (None: `length`, so that none is read twice); the rest that fills
    no window is left out. Raises ValueError where the text has fewer than length + 1 tokens. As
    `.batch(length + 1)` and split_input_target of TensorFlow's text generation tutorial.

    >>> x, y = text_windows([1, 2, 3, 4, 5], 2)
    >>> x.tolist(), y.tolist()
    ([[1, 2], [3, 4]], [[2, 3], [4, 5]])
    """
    ids = np.ascontiguousarray(ids, np.int32)
    length = positive_integer("length", length)
    stride = length if stride is None else positive_integer("stride", stride)
    if ids.ndim != 1 or len(ids) <= length:
        raise ValueError(
            f"the text must have more than length = {length} tokens to fill one window. Received: {ids.size}"
        )
    windows = np.lib.stride_tricks.sliding_window_view(ids, length + 1)[::stride]
    return np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:])


class CharLanguageModel:
    """Embedding, one or more LSTMs and a Dense layer over the characters of a text.

    `text`: what the vocabulary is made from (or a text.CharVocabulary); it is not learnt before `fit`.
    `model` is the Sequential inside, for everything that this class does not do. Raises ValueError for sizes
    that are no positive integers.

    >>> writer = CharLanguageModel("to be or not to be", embedding_dim=4, units=8, seed=1)
    >>> history = writer.fit("to be or not to be " * 20, length=10, batch_size=4, epochs=1, verbose=0)
    >>> len(writer.generate("to ", 5, seed=1))
    5
    """

    def __init__(
        self,
        text: str | CharVocabulary,
        embedding_dim: int = 256,
        units: int = 512,
        layer_count: int = 1,
        dropout: float = 0.0,
        learning_rate: Any = 0.002,
        seed: int | None = None,
    ) -> None:
        vocabulary = text if isinstance(text, CharVocabulary) else CharVocabulary(text)
        if not len(vocabulary):
            raise ValueError("`text` must hold at least one character. Received: an empty text")
        stack: list[Any] = [
            layers.Input((None,), dtype="int32"),
            layers.Embedding(len(vocabulary), embedding_dim),
        ]
        for _ in range(positive_integer("layer_count", layer_count)):
            stack.append(layers.LSTM(units, return_sequences=True))
            if dropout:
                stack.append(layers.Dropout(dropout))
        stack.append(layers.Dense(len(vocabulary)))
        model = Sequential(stack, seed=seed)
        model.text_encoder = CharEncoder(vocabulary)
        model.compile(
            optimizers.Adam(learning_rate, global_clipnorm=1.0),
            losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        self.model = model

    @property
    def vocabulary(self) -> CharVocabulary:
        """The characters that the model knows."""
        return self.model.text_encoder.characters

    def fit(
        self,
        text: str,
        length: int = 100,
        batch_size: int = 128,
        epochs: int = 1,
        *,
        validation_split: float = 0.0,
        stride: int | None = None,
        **settings: Any,
    ) -> Any:
        """Learns windows of `length` characters; the History of `Sequential.fit`, whose other settings apply.

        `validation_split`: the share at the end of the text that is not learnt, but measured. The gradients
        have a global norm of at most 1. Raises ValueError for a text too short for one window, and for
        characters that the vocabulary lacks.
        """
        if not 0 <= validation_split < 1:
            raise ValueError(f"`validation_split` must be in [0, 1). Received: {validation_split}")
        ids = self.vocabulary.encode(text)
        kept = len(ids) - int(len(ids) * validation_split)
        x, y = text_windows(ids[:kept], length, stride)
        if validation_split:
            settings["validation_data"] = text_windows(ids[kept:], length)
        return self.model.fit(x, y, batch_size=batch_size, epochs=epochs, **settings)

    def evaluate(self, text: str, length: int = 100, batch_size: int = 128) -> dict[str, float]:
        """Mean loss per character of a text (nats), the same as bits per character, and the perplexity."""
        x, y = text_windows(self.vocabulary.encode(text), length)
        loss = float(self.model.evaluate(x, y, batch_size=batch_size, verbose=0))
        return {"loss": loss, "bits_per_character": loss / math.log(2), "perplexity": math.exp(loss)}

    def generate(self, prompt: str | Sequence[str], length: int = 200, **settings: Any) -> Any:
        """The text that the model writes on from a prompt, or a list; settings as generation.stream."""
        return generate(self.model, prompt, length, **settings)

    def stream(self, prompt: str | Sequence[str], length: int = 200, **settings: Any) -> Iterator[Any]:
        """The same bit by bit, as generation.stream."""
        return stream(self.model, prompt, length, **settings)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the model with its characters to one file, which `load` and models.load_model read."""
        self.model.save(filepath, overwrite)

    @classmethod
    def load(cls, filepath: str | os.PathLike[str]) -> CharLanguageModel:
        """The language model of a file; ValueError where the file holds another kind of model."""
        model = load_model(filepath)
        if not isinstance(model.text_encoder, CharEncoder):
            raise ValueError(f"{os.fspath(filepath)!r} holds no language model of characters")
        made = cls.__new__(cls)
        made.model = model
        return made
