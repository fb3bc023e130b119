"""StringLookup: whole strings to ids, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..base.arguments import boolean, one_of, positive_integer
from ..base.columns import as_list, is_column
from ..graph.nodes import Shape
from .text_reader import TextReader, tokens_of_file


class StringLookup(TextReader):
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
        self.max_tokens = None if max_tokens is None else positive_integer("max_tokens", max_tokens)
        if num_oov_indices not in (0, 1):
            raise ValueError(
                f"`num_oov_indices` must be 0 or 1. Received: num_oov_indices={num_oov_indices!r}"
            )
        self.num_oov_indices, self.mask_token, self.oov_token = int(num_oov_indices), mask_token, oov_token
        self.invert = boolean("invert", invert)
        self.output_mode = one_of("output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if self.invert and self.output_mode != "int":
            raise ValueError(f"`invert` needs output_mode='int'. Received: output_mode={output_mode!r}")
        self._tokens: list[str] | None = None
        self._ids: dict[str, int] = {}
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def _special(self) -> list[str]:
        masked = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return [*masked, *[self.oov_token] * self.num_oov_indices]

    def set_vocabulary(self, vocabulary: Any) -> None:
        """Takes these tokens, with or without the special ones in front."""
        tokens, special = list(tokens_of_file(vocabulary)), self._special()
        if special and tokens[: len(special)] == special:
            tokens = tokens[len(special) :]
        for number, token in enumerate(tokens):
            if not isinstance(token, str):
                raise TypeError(f"vocabulary[{number}] must be a str. Received: {token!r}")
        if len(set(tokens)) != len(tokens) or set(tokens) & set(special):
            raise ValueError("`vocabulary` must hold different tokens, none of them a special one")
        if self.max_tokens is not None and len(tokens) + len(special) > self.max_tokens:
            raise ValueError(
                f"`vocabulary` and the special tokens are {len(tokens) + len(special)}, more than "
                f"max_tokens={self.max_tokens}"
            )
        self._tokens = [*special, *tokens]
        self._ids = {token: number for number, token in enumerate(self._tokens)}

    def adapt(self, data: Iterable[Any], batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the strings of data, most frequent first (ties in reverse order, as Keras)."""
        counts: dict[str, int] = {}
        for number, part in enumerate(as_list(data) if is_column(data) else data):
            if steps is not None and number == positive_integer("steps", steps):
                break
            for value in np.ravel(np.asarray(part, object)).tolist():
                if not isinstance(value, str):
                    raise TypeError(f"data[{number}] must be or hold str. Received: {value!r}")
                counts[value] = counts.get(value, 0) + 1
        ranked = sorted(counts, key=lambda token: (counts[token], token), reverse=True)
        kept = [token for token in ranked if token not in self._special()]
        self.set_vocabulary(
            kept if self.max_tokens is None else kept[: self.max_tokens - len(self._special())]
        )

    @property
    def vocabulary(self) -> list[str] | None:
        """The tokens without special ones; None before they are known."""
        return None if self._tokens is None else self._tokens[len(self._special()) :]

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their ids."""
        return list(self._known() if include_special_tokens else self._known()[len(self._special()) :])

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        return len(self._known())

    def _known(self) -> list[str]:
        if self._tokens is None:
            raise ValueError(f"Layer {self.name!r} has no vocabulary yet: call adapt or set_vocabulary first")
        return self._tokens

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
        unknown = self._ids[self.oov_token] if self.num_oov_indices else -1
        ids = np.array([self._ids.get(value, unknown) for value in values], np.int64)
        if len(ids) and ids.min() < 0:
            raise ValueError(
                f"Layer {self.name!r} does not know {values[int(ids.argmin())]!r}, and num_oov_indices=0"
            )
        return ids
