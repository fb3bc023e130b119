"""TextVectorization: texts to ids of tokens, or to counts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..base.arguments import one_of, positive_integer
from ..base.checked import checked
from ..base.columns import as_list
from ..base.stored_functions import named_functions, with_functions, with_names
from ..graph.nodes import Shape
from ..ragged import Ragged
from ..text.text_encoder import TextEncoder
from ..text.vocabulary import Vocabulary
from .text_reader import TextReader, text_list, tokens_of_file

COUNTED = ("multi_hot", "count", "tf_idf")
UNKNOWN = "[UNK]"


class TextVectorization(TextReader):
    """Texts to ids of tokens, or to counts of them. As keras.layers.TextVectorization.

    Parameters
    ----------
    max_tokens, standardize, split, ngrams, output_sequence_length
        As in `text.TextEncoder`, which also has rules for other languages than English.
    output_mode : str
        "int": ids, 0 padding and 1 unknown. "multi_hot", "count", "tf_idf": float32 (N, tokens), where
        column 0 is unknown words.
    pad_to_max_tokens : bool
        Whether such rows have `max_tokens` columns, however few tokens there are.
    vocabulary : list of str or path
        Instead of `adapt`; with "tf_idf" also `idf_weights`, one for each.
    ragged : bool
        With "int": a `Ragged` in the place of a padded array.

    In a model, texts of mode "int" without `output_sequence_length` are a `Ragged` batch: padding costs
    nothing, and results do not depend on it.

    Raises
    ------
    ValueError
        For other words and sizes, and before there is a vocabulary.

    Examples
    --------
    >>> import embedcnn
    >>> layer = TextVectorization(output_sequence_length=4)
    >>> layer.adapt(["the cat sat", "the dog"])
    >>> layer(["the bird sat"])
    array([[2, 1, 3, 0]])
    >>> TextVectorization(vocabulary=["a", "b"], output_mode="count")(["b b c"])
    array([[1., 0., 2.]], dtype=float32)
    >>> texts = embedcnn.Input((1,), dtype="string")
    >>> layer(texts).shape
    (None, 4)
    """

    @checked
    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[[str], str] | None = "lower_and_strip_punctuation",
        split: str | Callable[[str], Iterable[str]] | None = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.output_mode = one_of("output_mode", output_mode, ("int", *COUNTED))
        self.max_tokens = None if max_tokens is None else positive_integer("max_tokens", max_tokens)
        self.standardize, self.split, self.ngrams = standardize, split, ngrams
        self.output_sequence_length = output_sequence_length
        self.pad_to_max_tokens = pad_to_max_tokens
        self.ragged, self.sparse, self.encoding = ragged, sparse, encoding
        self._check(idf_weights)
        counted = self.output_mode in COUNTED
        self._encoder = TextEncoder(
            None if self.max_tokens is None else self.max_tokens + counted,  # counts have no padding
            standardize,
            split,
            ngrams,
            output_sequence_length,
        )
        self._idf: np.ndarray | None = None
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)

    def _check(self, idf_weights: Any) -> None:
        if self.sparse:
            raise ValueError("`sparse` must be False: rows are arrays. Received: sparse=True")
        if self.encoding != "utf-8":
            raise ValueError(f"`encoding` must be 'utf-8'. Received: encoding={self.encoding!r}")
        counted = self.output_mode in COUNTED
        if counted and (self.output_sequence_length is not None or self.ragged):
            raise ValueError(
                "`output_sequence_length` and `ragged` are for output_mode='int'. "
                f"Received: output_mode={self.output_mode!r}"
            )
        if self.pad_to_max_tokens and (not counted or self.max_tokens is None):
            raise ValueError("`pad_to_max_tokens` needs `max_tokens` and an output_mode of counts")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(
                f"`idf_weights` are for output_mode='tf_idf'. Received: output_mode={self.output_mode!r}"
            )

    # -- vocabulary ------------------------------------------------------------------------------------------
    def adapt(self, data: Iterable[Any], batch_size: int | None = None, steps: int | None = None) -> None:
        """Learns the vocabulary of texts, or of a data set of texts or batches of them, the first `steps`;
        what was learnt before is forgotten.
        """
        if batch_size is not None:
            positive_integer("batch_size", batch_size)
        if steps is not None:
            count = positive_integer("steps", steps)
            data = [part for _, part in zip(range(count), as_list(data), strict=False)]
        counts, documents, texts = self._encoder.learn(data)
        if self.output_mode == "tf_idf":
            tokens = self._encoder.get_vocabulary(include_special_tokens=False)
            found = dict(zip(counts, documents.tolist(), strict=True))
            idf = np.log1p(texts / (1.0 + np.array([found[token] for token in tokens], np.float64)))
            self._idf = idf.astype(np.float32)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Takes these tokens, with or without the special ones in front; a path is read line by line."""
        tokens = vocabulary if isinstance(vocabulary, Vocabulary) else list(tokens_of_file(vocabulary))
        if self.output_mode in COUNTED and not isinstance(tokens, Vocabulary) and tokens[:1] == [UNKNOWN]:
            tokens = tokens[1:]
        if self.output_mode == "tf_idf":
            idf = None if idf_weights is None else np.asarray(idf_weights, np.float32)
            if idf is None or idf.shape != (len(tokens),):
                got = None if idf is None else idf.shape
                raise ValueError(
                    f"`idf_weights` must hold a weight for each of the {len(tokens)} tokens. Received: {got}"
                )
            self._idf = idf
        self._encoder.set_vocabulary(tokens)

    @checked
    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their ids (of columns, for counts)."""
        tokens = self._encoder.get_vocabulary(include_special_tokens)
        return tokens[1:] if include_special_tokens and self.output_mode in COUNTED else tokens

    def vocabulary_size(self) -> int:
        """How many tokens there are, with the special ones."""
        return self._encoder.vocabulary_size() - (self.output_mode in COUNTED)

    @property
    def vocabulary(self) -> list[str] | None:
        """The tokens without special ones; None before they are known."""
        return None if self._encoder.vocabulary is None else self.get_vocabulary(False)

    @property
    def idf_weights(self) -> list[float] | None:
        """The weights of the tokens for "tf_idf"; None else."""
        return None if self._idf is None else [float(weight) for weight in self._idf]

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, of functions their names."""
        return with_names(super().get_config(), self.name)

    def own_objects(self) -> dict[str, Any]:
        return super().own_objects() | named_functions(super().get_config(), self.name)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TextVectorization:
        """A new layer; functions are looked up in the `custom_objects` of load_model."""
        return cls(**with_functions(config, f"TextVectorization {config.get('name')!r}"))

    # -- calls -----------------------------------------------------------------------------------------------
    @property
    def output_dtype(self) -> str:  # type: ignore[override]
        return "int32" if self.output_mode == "int" else "float32"

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.output_sequence_length if self.output_mode == "int" else self._columns())

    def _columns(self) -> int:
        return self.max_tokens if self.pad_to_max_tokens and self.max_tokens else self.vocabulary_size()

    def on_texts(self, texts: Any) -> Any:
        single = isinstance(texts, str)
        made = self.encode([texts] if single else text_list("inputs", texts))
        if isinstance(made, Ragged):
            if self.ragged:
                return made[0] if single else made
            made = made.to_padded(max(1, int(made.lengths.max(initial=0))), "post", "post")
        made = made.astype(np.int64) if self.output_mode == "int" else made
        return made[0] if single else made

    def settings_of_ids(self) -> Any:
        """As TextEncoder.settings_of_ids; None where the layer gives counts."""
        return self._encoder.settings_of_ids() if self.output_mode == "int" else None

    def encode(self, texts: Sequence[str]) -> Any:
        if self.output_mode == "int":
            return self._encoder(texts)
        ragged, columns = self._encoder.encode(texts), self._columns()
        places = np.repeat(np.arange(len(ragged)), ragged.lengths) * columns + ragged.ids - 1
        rows = np.bincount(places, minlength=len(ragged) * columns).astype(np.float32)
        rows = rows.reshape(len(ragged), columns)
        if self.output_mode == "multi_hot":
            return np.minimum(rows, np.float32(1))
        if self._idf is not None:  # unknown words weigh the mean of the others, as in Keras
            known = np.zeros(columns, np.float32)
            known[: len(self._idf) + 1] = [self._idf.mean() if len(self._idf) else 0, *self._idf]
            rows *= known
        return rows
