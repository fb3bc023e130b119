"""StringLookup: whole strings to ids, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer, optional, positive_integer
from ..base.checked import checked
from ..base.columns import entries
from ..graph.nodes import Shape
from .lookup_vocabulary import LookupVocabulary, text_token
from .text_reader import TextReader, tokens_of_file


class StringLookup(LookupVocabulary, TextReader):
    """Strings to ids, or back with `invert=True`. As keras.layers.StringLookup.

    Parameters
    ----------
    max_tokens : int
        The largest vocabulary, with the special tokens.
    num_oov_indices : int
        1: unknown strings have the id of `oov_token`; 0: they are an error.
    mask_token : str
        The token of id 0, as padding; None: there is none.
    vocabulary : list of str or path
        Instead of `adapt`.
    invert : bool
        Ids to strings, outside of models only.

    Raises
    ------
    ValueError
        For other settings, for an unknown string without `oov_token`, and before there is a vocabulary.

    Examples
    --------
    >>> lookup = StringLookup(vocabulary=["a", "b"])
    >>> lookup([["a", "b"], ["c", "a"]])
    array([[1, 2],
           [0, 1]])
    >>> StringLookup(vocabulary=["a", "b"], invert=True)([1, 2]).tolist()
    ['a', 'b']
    """

    @checked
    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._begin_vocabulary(max_tokens, output_mode, invert)
        if isinstance(num_oov_indices, bool) or num_oov_indices not in (0, 1):
            raise ValueError(
                f"`num_oov_indices` must be 0 or 1. Received: num_oov_indices={num_oov_indices!r}"
            )
        self.num_oov_indices = int(num_oov_indices)
        self.mask_token = None if mask_token is None else text_token("mask_token", mask_token)
        self.oov_token = text_token("oov_token", oov_token)
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def set_vocabulary(self, vocabulary: Any) -> None:
        """Takes these tokens, with or without the special ones in front."""
        tokens = list(tokens_of_file(vocabulary))
        for number, token in enumerate(tokens):
            if not isinstance(token, str):
                raise TypeError(f"vocabulary[{number}] must be a str. Received: {token!r}")
        self._take(tokens)

    def adapt(self, data: Iterable[Any], batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the strings of data, most frequent first (ties in reverse order, as Keras)."""
        counts: dict[str, int] = {}
        optional(positive_integer, "batch_size", batch_size)
        for number, part in enumerate(entries("data", data)):
            if steps is not None and number == positive_integer("steps", steps):
                break
            for value in np.ravel(np.asarray(part, object)).tolist():
                if not isinstance(value, str):
                    raise TypeError(f"data[{number}] must be or hold str. Received: {value!r}")
                counts[value] = counts.get(value, 0) + 1
        self._take_ranked(sorted(counts, key=lambda token: (counts[token], token), reverse=True))

    @property
    def output_dtype(self) -> str:  # type: ignore[override]
        return "int32" if self.output_mode == "int" else "float32"

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.invert:
            raise ValueError(
                f"Layer {self.name!r} with invert=True gives strings, which no other layer reads"
            )
        return (input_shape[0], 1 if self.output_mode == "int" else self.vocabulary_size())

    def on_texts(self, texts: Any) -> Any:
        values = np.asarray(texts, object)
        if self.invert:
            tokens = self._known()
            for one in values.ravel():
                integer("inputs", one)
            found = [tokens[int(i)] if 0 <= int(i) < len(tokens) else self.oov_token for i in values.ravel()]
            return np.array(found).reshape(values.shape)
        ids: np.ndarray = self._look_up(values.ravel().tolist()).reshape(values.shape)
        if self.output_mode == "int":
            return ids
        if self.output_mode == "one_hot":
            return np.eye(self.vocabulary_size(), dtype=np.float32)[ids]
        rows = ids.reshape(-1, ids.shape[-1]) if ids.ndim > 1 else ids[None]
        made = np.stack([np.bincount(row, minlength=self.vocabulary_size()) for row in rows])
        made = (np.minimum(made, 1) if self.output_mode == "multi_hot" else made).astype(np.float32)
        return made.reshape(*ids.shape[:-1], -1)

    def encode(self, texts: Sequence[str]) -> Any:
        ids = self._look_up(list(texts))
        if self.output_mode == "int":
            return ids[:, None].astype(np.int32)
        return np.eye(self.vocabulary_size(), dtype=np.float32)[ids]

    def _look_up(self, values: list[Any]) -> np.ndarray:
        self._known()
        for value in values:
            if not isinstance(value, str):
                raise TypeError(f"Layer {self.name!r}: `inputs` must hold str. Received: {value!r}")
        unknown = self._ids[self.oov_token] if self.num_oov_indices else -1
        ids = np.array([self._ids.get(value, unknown) for value in values], np.int64)
        if len(ids) and ids.min() < 0:
            raise ValueError(
                f"Layer {self.name!r} does not know {values[int(ids.argmin())]!r}, and num_oov_indices=0"
            )
        return ids
