"""Bags: the rows of a table for the ids of a text, summed, averaged or their maximum taken in one operation.

EmbeddingBag is PyTorch's, EmbedReduce that of keras_rs; no array of all embedded tokens is ever made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import one_of, positive_integer
from ..base.arrays import numbers
from ..base.checked import checked
from ..graph.nodes import Shape, SymbolicTensor, flatten, is_symbolic
from ..ragged import Ragged
from .base import Layer, require_rank
from .embedding import Embedding
from .on_arrays import on_arrays
from .table_storage import matrix_or_stored, refuse_misread, stored_parts


class _Bag(Embedding):
    """Ids (B, T), and weights for them, to (B, D)."""

    takes_weights = True
    combiner = "mean"
    weights_argument = "per_sample_weights"

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 2, "(batch, tokens)")
        super().check_inputs(tensors[:1])
        if len(tensors) == 1:
            return
        if len(tensors) > 2:
            raise ValueError(
                f"Layer {self.name!r} takes ids and weights of them. Received: {len(tensors)} inputs"
            )
        self._check_weighted()
        (_, steps), shape = tensors[0].shape, tensors[1].shape
        fits = len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
        if not fits or (len(shape) == 2 and shape[1] is None) or (steps and shape[1] not in (None, steps)):
            raise ValueError(
                f"`{self.weights_argument}` of {self.name!r} must have a weight for each id: the shape "
                f"(batch, {steps or 'tokens'}) with a known size, or (batch, tokens, 1). Received: "
                f"shape={shape}"
            )

    def _check_weighted(self) -> None:
        """ValueError where the bag takes no weights."""

    def compute_output_shape(self, input_shape: Any) -> Shape:
        first = input_shape[0] if isinstance(input_shape, list) else input_shape
        return (first[0], self.output_dim)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """None: there are no steps left."""
        return None

    def _on_tensors(self, inputs: Any, weights: Any, options: dict[str, Any]) -> Any:
        tensors = [*flatten(inputs), *([] if weights is None else [weights])]
        return Layer.__call__(self, tensors if len(tensors) > 1 else tensors[0], **options)

    def _on_ids(self, ids: Any, weights: Any, options: dict[str, Any]) -> Any:
        if weights is not None:
            self._check_weighted()
            options = {**options, self.weights_argument: weights}
        return on_arrays("call", self, ids, **options)

    def _weights_of(self, ids: Any, weights: Any) -> np.ndarray | None:
        """Weights in the shape of the ids; of a Ragged one behind the other (or padded already), padded."""
        if weights is None:
            return None
        array = np.asarray(numbers(self.weights_argument, weights), np.float32)
        if isinstance(ids, Ragged):
            longest = max(1, *ids.lengths.tolist()) if len(ids) else 1
            if array.shape == (len(ids.ids),):
                padded = np.zeros((len(ids), longest), np.float32)
                padded[np.arange(longest) < ids.lengths[:, None]] = array
                return padded
            expected: Any = f"({len(ids.ids)},), a weight for each id, or ({len(ids)}, {longest})"
            fits = array.shape == (len(ids), longest)
        else:
            expected, fits = np.shape(ids), array.shape == np.shape(ids)
        if not fits:
            raise ValueError(
                f"`{self.weights_argument}` must have the shape of the ids, {expected}. Received: "
                f"shape={array.shape}"
            )
        return array


def _texts(ids: Any) -> Any:
    """Texts of ids as models take them: (B, T), or a Ragged; those of no tokens at all are a Ragged."""
    if isinstance(ids, Ragged):
        return ids
    if isinstance(ids, (list, tuple)) and len({np.size(row) for row in ids}) > 1:
        return Ragged.from_sequences(ids)
    array = np.asarray(ids)
    if array.ndim == 2 and not array.shape[1]:
        return Ragged(np.zeros(0, np.int32), np.zeros(len(array) + 1, np.int64))
    return array


class EmbeddingBag(_Bag):
    """Rows of a table of shape (num_embeddings, embedding_dim), those of a text reduced to one: (B, T) to
    (B, D). As torch.nn.EmbeddingBag.

    `mode` is "mean", "sum" or "max", or "sqrtn": the sum divided by the root of how many they are. Ids of
    arrays are (B, T), a Ragged, or one vector with `offsets`, where each bag begins (with
    `include_last_offset` and where the last one ends); in a model they are (B, T) or Ragged.
    `per_sample_weights`, with "sum" only: a weight for each id, in the shape of the ids. A bag without tokens
    gives zeros. Tokens of `padding_idx` are left out, and their row is not read (PyTorch bounds its norm
    too, which no result shows); `max_norm`, `norm_type` and `scale_grad_by_freq` (not
    with "max") as in Embedding. `sparse` is accepted: only rows that a step reads are updated anyway. The
    table begins with N(0, 1), its padding row with zeros; `_weight` gives another.

    Raises ValueError for unknown modes, offsets that do not fit and weights with another mode than "sum".

    >>> import numpy as np, embedcnn
    >>> bag = embedcnn.layers.EmbeddingBag(3, 2, mode="sum", _weight=np.eye(3, 2))
    >>> bag(np.array([0, 1, 1, 2]), offsets=[0, 3]).tolist()
    [[1.0, 2.0], [0.0, 0.0]]
    >>> bag(np.array([[0, 1]]), per_sample_weights=[[0.5, 4.0]]).tolist()
    [[0.5, 4.0]]
    """

    not_stored = (
        *Embedding.not_stored,
        *("input_dim", "output_dim", "mask_zero", "sparse", "_weight"),
    )
    _pads_rows = False

    @checked
    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Any = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        embeddings_initializer: Any = None,
        **options: Any,
    ) -> None:
        self.num_embeddings = positive_integer("num_embeddings", num_embeddings)
        self.embedding_dim = positive_integer("embedding_dim", embedding_dim)
        self.mode = self.combiner = one_of("mode", mode, ("mean", "sum", "sqrtn", "max"))
        self.include_last_offset = include_last_offset
        if mode == "max" and scale_grad_by_freq:
            raise ValueError("`scale_grad_by_freq` must be False with mode='max'. Received: True")
        if embeddings_initializer is None:
            embeddings_initializer = initializers.RandomNormal(stddev=1.0)
        if _weight is not None:
            options["weights"] = self._given_table(_weight, options.get("storage_dtype", "float32"))
        options |= {"max_norm": max_norm, "norm_type": norm_type, "scale_grad_by_freq": scale_grad_by_freq}
        options |= {"padding_idx": padding_idx, "embeddings_initializer": embeddings_initializer}
        super().__init__(self.num_embeddings, self.embedding_dim, **options)

    @staticmethod
    def _given_table(weight: Any, storage_dtype: Any) -> list[Any]:
        """`weights` of an Embedding from `_weight`: stored rows, or numbers of any kind."""
        refuse_misread("_weight", weight, storage_dtype)
        if stored_parts(storage_dtype, weight) is None:
            weight = np.ascontiguousarray(numbers("_weight", weight), np.float32)
        return matrix_or_stored("_weight", weight, storage_dtype)[1]

    @classmethod
    @checked
    def from_pretrained(  # type: ignore[override]
        cls,
        embeddings: Any,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        **options: Any,
    ) -> EmbeddingBag:
        """A layer over a matrix (rows, dimensions), frozen unless `freeze=False`. As
        torch.nn.EmbeddingBag.from_pretrained.

        >>> import numpy as np
        >>> EmbeddingBag.from_pretrained(np.ones((5, 2), "float32"), mode="sum")([[1, 2, 3]]).tolist()
        [[3.0, 3.0]]
        """
        storage_dtype = options.get("storage_dtype", "float32")
        (rows, dimensions), weights = matrix_or_stored("embeddings", embeddings, storage_dtype)
        named: dict[str, Any] = {"max_norm": max_norm, "norm_type": norm_type}
        named["scale_grad_by_freq"] = scale_grad_by_freq
        named |= {"mode": mode, "sparse": sparse, "include_last_offset": include_last_offset}
        named |= {"padding_idx": padding_idx, "weights": weights, "trainable": not freeze, **options}
        return cls(rows, dimensions, **named)

    def _check_weighted(self) -> None:
        if self.mode != "sum":
            raise ValueError(
                f"`per_sample_weights` of {self.name!r} need mode='sum' (EmbedReduce averages with weights). "
                f"Received: mode={self.mode!r}"
            )

    def lookup_settings(self) -> dict[str, Any]:
        settings = super().lookup_settings()
        return settings | ({} if self.padding_idx is None else {"mask_id": self.padding_idx})

    def __call__(
        self, inputs: Any, offsets: Any = None, per_sample_weights: Any = None, **options: Any
    ) -> Any:
        """The bags of ids: symbolic tensors (B, T) give the symbolic result, arrays an array."""
        if is_symbolic(inputs):
            if offsets is not None:
                raise ValueError(
                    f"`offsets` of {self.name!r} are for ids in one vector; in a model give texts of ids "
                    "(B, T), or a Ragged(ids, offsets) to fit and predict"
                )
            return self._on_tensors(inputs, per_sample_weights, options)
        ids = _texts(inputs)
        if not isinstance(ids, Ragged) and ids.ndim == 1:
            weights = per_sample_weights
            if weights is not None and np.shape(weights) != ids.shape:
                raise ValueError(
                    f"`per_sample_weights` must have the shape of the ids, {ids.shape}. Received: "
                    f"shape={np.shape(weights)}"
                )
            ids = self._split(ids, offsets)
        elif offsets is not None:
            raise ValueError(
                "`offsets` must be None where the ids are texts already; they cut one vector of ids. "
                f"Received: ids of shape {getattr(ids, 'shape', 'Ragged')} and offsets"
            )
        return self._on_ids(ids, self._weights_of(ids, per_sample_weights), options)

    def _split(self, ids: np.ndarray, offsets: Any) -> Ragged:
        """One vector of ids, cut into bags where the offsets say."""
        if offsets is None:
            raise ValueError(
                f"`offsets` must say where each bag begins: the ids are one vector of {len(ids)}. Received: "
                "offsets=None"
            )
        places = np.asarray(offsets)
        if places.ndim != 1 or places.dtype.kind not in "iu":
            raise ValueError(
                f"`offsets` must be a vector of integers. Received: an array of shape {places.shape} and "
                f"dtype {places.dtype}"
            )
        ends = [] if self.include_last_offset else [len(ids)]
        return Ragged(ids, np.concatenate([places, ends]).astype(np.int64))


class EmbedReduce(_Bag):
    """Rows of a table of shape (input_dim, output_dim), those of a text reduced to one: (B, T) to (B, D). As
    keras_rs.layers.EmbedReduce.

    `combiner` is "mean", "sum", or "sqrtn": the sum divided by the root of the sum of the squared weights.
    `weights` of a call, in the shape of the ids: the weighted mean divides by their sum; 0 where that is 0.
    With `mask_zero` id 0 is padding. Ids of one axis (B,) are texts of one token: only "sum" weighs them.
    Other arguments as Embedding.

    >>> import numpy as np, embedcnn
    >>> layer = embedcnn.layers.EmbedReduce(3, 2, weights=[np.eye(3, 2, dtype="float32")])
    >>> layer(np.array([[0, 1]]), weights=[[1.0, 3.0]]).tolist()
    [[0.25, 0.75]]
    """

    weights_argument = "weights"

    @checked
    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        weights: Any = None,
        combiner: str = "mean",
        **options: Any,
    ) -> None:
        self.combiner = one_of("combiner", combiner, ("mean", "sum", "sqrtn"))
        super().__init__(
            input_dim, output_dim, embeddings_initializer, mask_zero=mask_zero, weights=weights, **options
        )

    def __call__(self, inputs: Any, weights: Any = None, **options: Any) -> Any:
        """The reduced rows: symbolic tensors (B, T) give the symbolic result, arrays an array."""
        if is_symbolic(inputs):
            return self._on_tensors(inputs, weights, options)
        ids = _texts(inputs)
        if not isinstance(ids, Ragged) and ids.ndim == 1:
            weights = None if weights is None or self.combiner != "sum" else np.reshape(weights, (-1, 1))
            ids = ids.reshape(-1, 1)
        return self._on_ids(ids, self._weights_of(ids, weights), options)
