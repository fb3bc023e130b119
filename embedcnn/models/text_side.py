"""The text side of a model: names of its classes, and words added after training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import layers
from ..base.columns import as_list
from ..base.custom_objects import known_objects
from ..base.unkept import Unkept
from ..graph.nesting import leaf_layers


class TextSide:
    """The text encoder and the names of the classes of one model."""

    _model = Unkept()

    def __init__(self, model: Any) -> None:
        self._model = model
        self.encoder: Any = None
        self.labels: list[Any] | None = None

    def set_labels(self, value: Sequence[Any] | None) -> None:
        """Sets the names of the classes; ValueError unless they are different and as many as the classes."""
        if value is not None:
            if isinstance(value, str):
                raise TypeError(f"`labels` must be a list of names. Received: one string {value!r}")
            value = as_list(value)
            value = [part.item() if isinstance(part, np.generic) else part for part in value]
            if len(set(value)) != len(value):
                raise ValueError(f"`labels` must be different from each other. Received: {value}")
            for name in value:
                if isinstance(name, str) and any("\ud800" <= letter <= "\udfff" for letter in name):
                    raise ValueError(f"`labels`: {name!r} holds half a character, which no file can hold")
            if self._model.built:
                units = self._model.outputs[0].shape[-1] or 0
                if len(value) != max(2, units):
                    raise ValueError(
                        f"`labels` must hold {max(2, units)} names, one per class. Received: {len(value)}"
                    )
        self.labels = value

    def extend_vocabulary(self, words: Sequence[str], vectors: Any, layer: str | None) -> None:
        """As Model.extend_vocabulary, which tells programs and inputs of it."""
        table = self._table(layer)
        words = list(as_list(words))
        matrix = np.asarray(vectors)
        if matrix.ndim != 2 or len(matrix) != len(words):
            raise ValueError(
                f"`vectors` must have one row per word ({len(words)}). Received: shape {matrix.shape}"
            )
        vocabulary = getattr(self.encoder, "vocabulary", None)
        if self.encoder is not None and vocabulary is None:
            raise ValueError(f"{type(self.encoder).__name__} has no vocabulary that can be extended")
        if table.trainable:
            raise ValueError(
                f"Layer {table.name!r} is trainable; only a frozen Embedding can be given more rows"
            )
        if vocabulary is not None:
            if len(vocabulary) != table.input_dim:
                raise ValueError(
                    f"The vocabulary has {len(vocabulary)} entries, but the table {table.name!r} "
                    f"{table.input_dim} rows: new words would get wrong rows"
                )
            encoder = _extended_encoder(self.encoder, words)
        table.append_rows(matrix)
        if vocabulary is not None:
            self.encoder = encoder

    def _table(self, name: str | None) -> layers.Embedding:
        tables = [layer for layer in leaf_layers(self._model.layers) if isinstance(layer, layers.Embedding)]
        names = [layer.name for layer in tables]
        if name is not None:
            tables = [layer for layer in tables if layer.name == name]
        if len(tables) != 1:
            raise ValueError(
                f"`layer` must name one Embedding of the model: {names}. Received: layer={name!r}"
            )
        return tables[0]


def _extended_encoder(encoder: Any, words: list[str]) -> Any:
    """A text encoder that also knows `words`, with the ids behind those it has; ValueError for a word it
    knows.
    """
    from ..text.vocabulary import Vocabulary  # most models have no text: start-up does without

    known = encoder.vocabulary
    for number, word in enumerate(words):
        if word in known:
            raise ValueError(f"words[{number}] = {word!r} is known already")
    pad, unknown, *tokens = known.tokens
    larger = Vocabulary([*tokens, *words], pad=pad, unknown=unknown, **known.settings)
    config = encoder.get_config()
    if "max_tokens" in config:  # the limit was for the text that the words came from
        config["max_tokens"] = None
    with known_objects(encoder.own_objects() if hasattr(encoder, "own_objects") else None):
        return type(encoder).from_config(config, larger)
