"""The vocabulary of IntegerLookup and StringLookup: special tokens, then the known ones, by ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import boolean, one_of, positive_integer
from ..base.checked import checked

MODES = ("int", "one_hot", "multi_hot", "count")


def text_token(argument: str, value: Any) -> str:
    """`value` if it is a str, also an empty one; ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"`{argument}` must be a string. Received: {argument}={value!r}")
    return value


class LookupVocabulary:
    """What the two layers share; `_what` is what their errors call a token."""

    name: str
    output_mode: str
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    _what = "tokens"

    def _begin_vocabulary(self, max_tokens: Any, output_mode: Any, invert: Any) -> None:
        """Takes the arguments that mean the same in both."""
        self.max_tokens = None if max_tokens is None else positive_integer("max_tokens", max_tokens)
        self.invert = boolean("invert", invert)
        self.output_mode = one_of("output_mode", output_mode, MODES)
        if self.invert and self.output_mode != "int":
            raise ValueError(f"`invert` needs output_mode='int'. Received: output_mode={output_mode!r}")
        self._tokens: list[Any] | None = None
        self._ids: dict[Any, int] = {}

    def _special(self) -> list[Any]:
        masked = [self.mask_token] if self.mask_token is not None and self.output_mode == "int" else []
        return [*masked, *[self.oov_token] * self.num_oov_indices]

    def _take(self, tokens: Sequence[Any]) -> None:
        """Makes these the vocabulary, with or without the special ones in front."""
        tokens, special = list(tokens), self._special()
        if special and tokens[: len(special)] == special:
            tokens = tokens[len(special) :]
        if len(set(tokens)) != len(tokens) or set(tokens) & set(special):
            raise ValueError(f"`vocabulary` must hold different {self._what}, none of them a special one")
        if self.max_tokens is not None and len(tokens) + len(special) > self.max_tokens:
            raise ValueError(
                f"`vocabulary` and the special {self._what} are {len(tokens) + len(special)}, more than "
                f"max_tokens={self.max_tokens}"
            )
        self._tokens = [*special, *tokens]
        self._ids = {token: number for number, token in enumerate(self._tokens)}

    def _take_ranked(self, ranked: Sequence[Any]) -> None:
        """Makes the first of these, most frequent first, the vocabulary."""
        special = self._special()
        most = None if self.max_tokens is None else self.max_tokens - len(special)
        self._take([token for token in ranked if token not in special][:most])

    @property
    def vocabulary(self) -> list[Any] | None:
        """The tokens without special ones; None before they are known."""
        return None if self._tokens is None else self._tokens[len(self._special()) :]

    @checked
    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their ids."""
        return list(self._known() if include_special_tokens else self._known()[len(self._special()) :])

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        return len(self._known())

    def _known(self) -> list[Any]:
        if self._tokens is None:
            raise ValueError(f"Layer {self.name!r} has no vocabulary yet: call adapt or set_vocabulary first")
        return self._tokens
