"""Language models of one text, a book: they learn to continue it, a character or a word after the other."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from .. import layers, losses, metrics, optimizers
from ..base.arguments import finite_number, positive_integer
from ..base.checked import checked
from ..callbacks import CarryState
from ..data.language import split_input_target, text_streams, text_windows
from ..models.sequential import Sequential, load_model
from ..text.encoders import CharEncoder, WordEncoder
from ..text.vocabulary import CharVocabulary, Vocabulary
from .generation import generate, stream

__all__ = [
    "CharLanguageModel",
    "LanguageModel",
    "WordLanguageModel",
    "split_input_target",
    "text_streams",
    "text_windows",
]


class LanguageModel:
    """Embedding, one or more LSTMs and a Dense layer over the tokens of a text: what CharLanguageModel and
    WordLanguageModel share. `model` is the Sequential inside, for everything that this class does not do.

    `text_encoder`: an encoding.CharEncoder or WordEncoder. `dropout` is applied behind each LSTM. `seed`: of
    shuffling and dropout; the first weights are those of utils.set_random_seed. Raises ValueError for sizes
    that are no positive integers.
    """

    encoder_class: ClassVar[Any] = (CharEncoder, WordEncoder)
    tokens = "tokens"
    holds = "no language model"
    """What `load` says of a file that is of another kind."""

    def __init__(
        self,
        text_encoder: Any,
        embedding_dim: int = 256,
        units: int = 512,
        layer_count: int = 1,
        dropout: float = 0.0,
        learning_rate: Any = 0.002,
        seed: int | None = None,
    ) -> None:
        if not isinstance(text_encoder, self.encoder_class):
            raise TypeError(
                "`text_encoder` must be a CharEncoder or a WordEncoder. "
                f"Received: {type(text_encoder).__name__}"
            )
        count = text_encoder.token_count
        stack: list[Any] = [layers.Input((None,), dtype="int32"), layers.Embedding(count, embedding_dim)]
        for _ in range(positive_integer("layer_count", layer_count)):
            stack.append(layers.LSTM(units, return_sequences=True))
            if finite_number("dropout", dropout, least=0, below=1):
                stack.append(layers.Dropout(dropout))
        stack.append(layers.Dense(count))
        self.model = Sequential(stack, seed=seed)
        self.model.text_encoder = text_encoder
        self.model.compile(
            optimizers.Adam(learning_rate, global_clipnorm=1.0),
            losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=self.measures(),
        )

    def __repr__(self) -> str:
        units = [layer.units for layer in self.model.layers if isinstance(layer, layers.LSTM)]
        kind = type(self)
        return (
            f"<{kind.__name__}: {self.model.text_encoder.token_count} {kind.tokens}, "
            f"LSTM of {', '.join(map(str, units))} units, {self.model.count_params():,} weights>"
        )

    @staticmethod
    def measures() -> list[metrics.Metric]:
        """What `fit` shows beside the loss."""
        return [metrics.Perplexity()]

    def encode(self, text: str) -> np.ndarray:
        """The token ids of a text, int32; TypeError where it is no str."""
        if not isinstance(text, str):
            raise TypeError(f"`text` must be one str. Received: {type(text).__name__}")
        return self.model.text_encoder([text]).ids

    @checked
    def fit(
        self,
        text: str,
        length: int = 100,
        batch_size: int = 128,
        epochs: int = 1,
        *,
        validation_split: float = 0.0,
        stride: int | None = None,
        carry_state: bool = False,
        reset_rate: float = 0.01,
        **settings: Any,
    ) -> Any:
        """Learns windows of `length` tokens; the History of `Sequential.fit`, whose other settings apply.

        `validation_split`: the share at the end of the text that is not learnt, but measured;
        `validation_data` may be another text (then `validation_split` must be 0). `stride`: a window begins
        every so many tokens (None: `length`). `carry_state`: the text is cut into `batch_size` streams that
        are read side by side, and the LSTMs go on from window to window, with gradients within a window
        (truncated backpropagation through time), but for a share `reset_rate` that begins anew; else windows
        are shuffled, and each begins with zeros. The gradients have a global norm of at most 1. Raises
        ValueError for a text too short for a window (in each stream), and for characters that the vocabulary
        lacks.
        """
        validation_split = finite_number("validation_split", validation_split, least=0, below=1)
        if validation_split and settings.get("validation_data") is not None:
            raise ValueError("give either `validation_split` or `validation_data`. Received: both")
        ids = self.encode(text)
        kept = len(ids) - int(len(ids) * validation_split)
        if carry_state:
            if stride is not None or settings.get("shuffle"):
                raise ValueError("`stride` and `shuffle` have no meaning with carry_state=True")
            x, y = text_streams(ids[:kept], batch_size, length)
            carried = CarryState(batch_size, reset_rate)
            settings |= {"shuffle": False, "callbacks": [*_listed(settings.get("callbacks")), carried]}
        else:
            x, y = text_windows(ids[:kept], length, stride)
        held = settings.get("validation_data")
        if validation_split or isinstance(held, str):
            held = self.encode(held) if isinstance(held, str) else ids[kept:]
            settings["validation_data"] = _held_out(held, length, batch_size if carry_state else 0)
        return self.model.fit(x, y, batch_size=batch_size, epochs=epochs, **settings)

    @checked
    def evaluate(
        self, text: str, length: int = 100, batch_size: int = 128, *, carry_state: bool = False
    ) -> dict[str, float]:
        """Mean loss per token of a text (nats) and the perplexity; of characters also the same as bits.

        `carry_state` as in `fit`: what the LSTMs have read counts beyond the window.
        """
        ids = self.encode(text)
        x, y = text_streams(ids, batch_size, length) if carry_state else text_windows(ids, length)
        watching = [CarryState(batch_size)] if carry_state else None
        found = self.model.evaluate(
            x, y, batch_size=batch_size, verbose=0, callbacks=watching, return_dict=True
        )
        return self._described(found["loss"])

    def _described(self, loss: float) -> dict[str, float]:
        return {"loss": loss, "perplexity": math.exp(loss) if not loss > 709 else math.inf}

    def generate(self, prompt: str | Sequence[str], length: int = 200, **settings: Any) -> Any:
        """The text that the model writes on from a prompt, or a list; settings as generation.stream."""
        return generate(self.model, prompt, length, **settings)

    def stream(self, prompt: str | Sequence[str], length: int = 200, **settings: Any) -> Iterator[Any]:
        """The same bit by bit, as generation.stream."""
        return stream(self.model, prompt, length, **settings)

    @checked
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the model with its vocabulary to one file, which `load` and models.load_model read."""
        self.model.save(filepath, overwrite)

    @classmethod
    @checked
    def load(cls, filepath: str | os.PathLike[str]) -> Any:
        """The language model of a file; LanguageModel.load takes each kind. ValueError where the file holds
        another kind of model.
        """
        model = load_model(filepath)
        kind = next((one for one in KINDS if isinstance(model.text_encoder, one.encoder_class)), None)
        if kind is None or not issubclass(kind, cls):
            raise ValueError(f"{os.fspath(filepath)!r} holds {cls.holds}")
        made = kind.__new__(kind)
        made.model = model
        return made


class CharLanguageModel(LanguageModel):
    """A language model of the characters of a text.

    `text`: what the vocabulary is made from (or a text.CharVocabulary); it is not learnt before `fit`. Other
    arguments, and what raises, as LanguageModel.

    >>> writer = CharLanguageModel("to be or not to be", embedding_dim=4, units=8, seed=1)
    >>> history = writer.fit("to be or not to be " * 20, length=10, batch_size=4, epochs=1, verbose=0)
    >>> sorted(history.history), len(writer.generate("to ", 5, seed=1))
    (['bits_per_character', 'loss', 'perplexity'], 5)
    """

    encoder_class = CharEncoder
    tokens = "characters"
    holds = "no language model of characters"

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
        vocabulary = (
            text if isinstance(text, CharVocabulary) else CharVocabulary(_one_text(text, "CharVocabulary"))
        )
        if not len(vocabulary):
            raise ValueError("`text` must hold at least one character. Received: an empty text")
        encoder = CharEncoder(vocabulary)
        super().__init__(encoder, embedding_dim, units, layer_count, dropout, learning_rate, seed)

    @staticmethod
    def measures() -> list[metrics.Metric]:
        return [metrics.BitsPerCharacter(), metrics.Perplexity()]

    @property
    def vocabulary(self) -> CharVocabulary:
        """The characters that the model knows."""
        return self.model.text_encoder.characters

    def _described(self, loss: float) -> dict[str, float]:
        found = super()._described(loss)
        return {"loss": loss, "bits_per_character": loss / math.log(2), "perplexity": found["perplexity"]}


class WordLanguageModel(LanguageModel):
    """A language model of the words and punctuation marks of a text.

    `text`: what the vocabulary is made from (or a text.Vocabulary), its `max_tokens` most frequent words, of
    those that come `min_frequency` times; `lower`: without upper case. Other words are learnt as [UNK], which
    is never generated. Other arguments, and what raises, as LanguageModel.

    >>> writer = WordLanguageModel("To be, or not to be.", embedding_dim=4, units=8, seed=1)
    >>> history = writer.fit("To be, or not to be. " * 20, length=10, batch_size=4, epochs=1, verbose=0)
    >>> len(writer.generate("To be", 5, seed=1).split()) > 1
    True
    """

    encoder_class = WordEncoder
    tokens = "words"
    holds = "no language model of words"

    @checked
    def __init__(
        self,
        text: str | Vocabulary,
        embedding_dim: int = 256,
        units: int = 512,
        layer_count: int = 1,
        dropout: float = 0.0,
        learning_rate: Any = 0.002,
        seed: int | None = None,
        *,
        max_tokens: int | None = 10_000,
        min_frequency: int = 1,
        lower: bool = False,
    ) -> None:
        if isinstance(text, Vocabulary):
            encoder = WordEncoder(text)
        else:
            text = _one_text(text, "Vocabulary")
            encoder = WordEncoder.from_text(text, max_tokens, min_frequency, lower)
        if encoder.token_count <= len(encoder.unwritten):
            raise ValueError("`text` must hold at least one word that the vocabulary keeps. Received: none")
        super().__init__(encoder, embedding_dim, units, layer_count, dropout, learning_rate, seed)

    @property
    def vocabulary(self) -> Vocabulary:
        """The words that the model knows, behind padding and [UNK]."""
        return self.model.text_encoder.vocabulary


KINDS: tuple[Any, ...] = (CharLanguageModel, WordLanguageModel)


def _one_text(text: Any, kind: str) -> str:
    """The text of which a vocabulary is made; TypeError where it is none."""
    if isinstance(text, str):
        return text
    hint = "; decode it, as text.decode()" if isinstance(text, (bytes, bytearray)) else ""
    raise TypeError(f"`text` must be one str or a text.{kind}. Received: {type(text).__name__}{hint}")


def _listed(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _held_out(ids: np.ndarray, length: int, streams: int) -> tuple[np.ndarray, np.ndarray]:
    """The windows on which a training is measured; in streams where these carry a state, shorter where the
    text is too short for `length`.
    """
    if not streams:
        return text_windows(ids, length)
    return text_streams(ids, streams, max(1, min(length, (len(ids) - 1) // streams)))
