"""Categories beside a text: CategoryEncoding, IntegerLookup and Hashing turn what a model is given into ids
or indicators, before its program runs (as TextReader does with texts).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer, one_of, positive_integer
from ..base.checked import checked
from ..base.columns import entries, several
from ..graph.nodes import Node, Shape, SymbolicTensor
from .base import Layer
from .core import InputLayer
from .hashes import fingerprint64, siphash
from .lookup_vocabulary import MODES, LookupVocabulary


class CategoryReader(Layer):
    """The base of these layers: called on an Input, or on what another layer of this kind or StringLookup
    makes of one, or on arrays.
    """

    prepares = True
    output_mode = "int"

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """On a symbolic tensor: the symbolic result. On arrays: an array."""
        options.pop("training", None)
        if options or arguments:
            raise TypeError(f"{self.name!r} is called with its inputs alone. Received: {sorted(options)}")
        if not isinstance(inputs, SymbolicTensor):
            return self.encode(inputs)
        source = inputs.node.layer
        if not (isinstance(source, InputLayer) or source.prepares) or inputs.ndim != 2:
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) reads what a model is given: call it on "
                "Input((1,), dtype='int32'), or on what StringLookup, IntegerLookup or Hashing makes of one. "
                f"Received: shape={inputs.shape}, the result of {source.name!r}"
            )
        self.built = True
        dtype = "int32" if self.output_mode == "int" else "float32"
        node = Node(self, [inputs], [self.compute_output_shape(inputs.shape)], dtype)
        self.nodes.append(node)
        return node.outputs[0]

    @property
    def size(self) -> int:
        """How many ids there are."""
        raise NotImplementedError

    def ids_of(self, values: np.ndarray) -> np.ndarray:
        """The ids of values, int64 of the same shape."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return tuple(input_shape)
        if self.output_mode == "one_hot" and input_shape[-1] != 1:
            return (*input_shape, self.size)
        return (*input_shape[:-1], self.size)

    def encode(self, values: Any) -> np.ndarray:
        """What the layer makes of values (B, n), or of any shape where it gives ids."""
        array = np.asarray(values)
        if array.ndim == 1 and self.output_mode != "int":
            array = array[:, None]
        ids = self.ids_of(array)
        if self.output_mode == "int":
            return ids
        made: np.ndarray = np.eye(self.size, dtype=np.float32)[ids]
        if self.output_mode == "one_hot":
            return made[..., 0, :] if ids.shape[-1] == 1 else made
        return made.max(axis=-2) if self.output_mode == "multi_hot" else made.sum(axis=-2)


def _whole_numbers(layer: Layer, values: np.ndarray) -> np.ndarray:
    """Numbers as int64; TypeError for others."""
    if values.dtype.kind not in "iubf" or (values.dtype.kind == "f" and (values != np.floor(values)).any()):
        raise TypeError(
            f"Layer {layer.name!r} ({type(layer).__name__}) reads whole numbers. Received: {values.dtype}"
        )
    return values.astype(np.int64)


class CategoryEncoding(CategoryReader):
    """Ids (B, n) to indicators (B, num_tokens): 1 for each id that is there ("multi_hot"), how often it is
    ("count"), or for n = 1 that of the id ("one_hot"; for others (B, n, num_tokens)). As
    keras.layers.CategoryEncoding.

    Raises ValueError for other modes and for ids outside [0, num_tokens).

    >>> CategoryEncoding(num_tokens=4, output_mode="count")([[0, 1], [3, 3]]).tolist()
    [[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 2.0]]
    """

    def __init__(self, num_tokens: int, output_mode: str = "multi_hot", **options: Any) -> None:
        super().__init__(**options)
        self.num_tokens = positive_integer("num_tokens", num_tokens)
        self.output_mode = one_of("output_mode", output_mode, MODES[1:])

    @property
    def size(self) -> int:
        return self.num_tokens

    def ids_of(self, values: np.ndarray) -> np.ndarray:
        ids = _whole_numbers(self, values)
        if ids.size and not 0 <= ids.min() <= ids.max() < self.num_tokens:
            raise ValueError(
                f"Layer {self.name!r} takes ids in [0, num_tokens={self.num_tokens}). Received: ids from "
                f"{ids.min()} to {ids.max()}"
            )
        return ids


class IntegerLookup(LookupVocabulary, CategoryReader):
    """Whole numbers to ids, or to indicators of these, as `output_mode` says. As keras.layers.IntegerLookup.

    `vocabulary`, or `adapt`, says which numbers there are; unknown ones have the first `num_oov_indices` ids
    (by their remainder), with 0 of them they are an error. `mask_token`: the number of id 0. With `invert`
    ids to numbers, outside of models. Raises ValueError for other settings and before there is a vocabulary.

    >>> lookup = IntegerLookup(vocabulary=[12, 36])
    >>> lookup([[36, 12], [12, 5]]).tolist()
    [[2, 1], [1, 0]]
    """

    _what = "numbers"

    @checked
    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._begin_vocabulary(max_tokens, output_mode, invert)
        self.num_oov_indices = integer("num_oov_indices", num_oov_indices, 0, 2**31 - 1)
        self.mask_token = None if mask_token is None else integer("mask_token", mask_token)
        self.oov_token = integer("oov_token", oov_token)
        if vocabulary is not None:
            self.set_vocabulary(vocabulary)

    def set_vocabulary(self, vocabulary: Sequence[int]) -> None:
        """Takes these numbers, with or without the special ones in front."""
        self._take([integer("vocabulary", one) for one in several("vocabulary", vocabulary)])

    def adapt(self, data: Iterable[Any]) -> None:
        """Learns the numbers of data, most frequent first (of equally frequent ones the largest)."""
        parts = [data] if isinstance(data, np.ndarray) else list(entries("data", data))
        values = np.concatenate(
            [np.zeros(0, np.int64)] + [_whole_numbers(self, np.ravel(np.asarray(part))) for part in parts]
        )
        found, counts = np.unique(values, return_counts=True)
        self._take_ranked(found[np.lexsort((found, counts))[::-1]].tolist())

    size = property(LookupVocabulary.vocabulary_size)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.invert:
            raise ValueError(f"Layer {self.name!r} with invert=True gives numbers, outside of models only")
        return super().compute_output_shape(input_shape)

    def ids_of(self, values: np.ndarray) -> np.ndarray:
        tokens, numbers = self._known(), _whole_numbers(self, values)
        if self.invert:
            found = [tokens[one] if 0 <= one < len(tokens) else self.oov_token for one in numbers.flat]
        else:
            found = [self._id_of(one) for one in numbers.ravel().tolist()]
        return np.array(found, np.int64).reshape(values.shape)

    def _id_of(self, token: int) -> int:
        known = self._ids.get(token)
        if known is not None and (token != self.oov_token or not self.num_oov_indices):
            return known
        if not self.num_oov_indices:
            raise ValueError(f"Layer {self.name!r} does not know {token}, and num_oov_indices=0")
        return len(self._special()) - self.num_oov_indices + token % self.num_oov_indices


class Hashing(CategoryReader):
    """Strings or whole numbers to one of `num_bins` ids by their hash; no vocabulary. As
    keras.layers.Hashing, with the same bins: FarmHash, or SipHash under a `salt` (a number, or two).

    `mask_value` has id 0, which no other value gets then. Raises ValueError for other settings.

    >>> Hashing(10)([["a"], ["bb"]]).tolist()
    [[9], [2]]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.num_bins = positive_integer("num_bins", num_bins)
        self.mask_value, self.salt = mask_value, salt
        keys = [] if salt is None else list(salt) if isinstance(salt, (list, tuple)) else [salt, salt]
        self._key = [integer("salt", one) for one in keys]
        if len(self._key) not in (0, 2) or (mask_value is not None and self.num_bins < 2):
            raise ValueError(
                "`salt` must be a number or two, and `num_bins` at least 2 with a `mask_value`. Received: "
                f"salt={salt!r}, num_bins={num_bins}"
            )
        self.output_mode = one_of("output_mode", output_mode, MODES)
        self._bins: dict[Any, int] = {}

    @property
    def size(self) -> int:
        return self.num_bins

    def ids_of(self, values: np.ndarray) -> np.ndarray:
        if values.dtype.kind not in "USO":
            values = _whole_numbers(self, values)
        found = [self._bin_of(one) for one in values.ravel().tolist()]
        return np.array(found, np.int64).reshape(values.shape)

    def _bin_of(self, value: Any) -> int:
        found = self._bins.get(value)
        if found is None:
            data = value if isinstance(value, bytes) else str(value).encode()
            hashed = siphash(data, self._key) if self._key else fingerprint64(data)
            masks = self.mask_value is not None
            found = 0 if masks and value == self.mask_value else hashed % (self.num_bins - masks) + masks
            if len(self._bins) < 1 << 16:
                self._bins[value] = found
        return found
