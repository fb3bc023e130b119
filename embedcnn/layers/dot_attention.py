"""Attention between two sequences: Attention (dot products), AdditiveAttention, MultiHeadAttention."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import finite_number, integer, one_of, optional, positive_integer
from ..base.checked import checked
from ..graph.nodes import SymbolicTensor
from ..graph.variables import Variable
from ..ops.elementwise import cast, logical_and, where
from ..ops.functions import tanh
from ..ops.primitives import apply
from ..ops.products import matmul
from ..ops.rearranging import expand_dims, reshape, transpose
from ..ops.reductions import sum as summed
from .base import Layer
from .open_attention import OpenAttention
from .regularization import Dropout
from .shaping import ApplyMask

FAR_BELOW = -1e9
"""What a score is where it must not count."""


def attend(layer: Any, scores: Any, allowed: Any, dropout: Dropout | None, training: Any) -> SymbolicTensor:
    """The shares of the steps of the value, softmax of the scores over the allowed ones, after dropout; none
    allowed: zeros.
    """
    shares = apply("softmax", [where(allowed, scores, FAR_BELOW)], axis=[-1]) * cast(allowed, "float32")
    return shares if dropout is None else dropout(shares, training=training)


def dropout_of(layer: Any) -> Dropout | None:
    """What drops shares of an attention layer."""
    if not layer.dropout:
        return None
    return Dropout(layer.dropout, seed=layer.seed, name=f"{layer.name}_dropout")


def attend_open(
    layer: Any, parts: list[Any], heads: int, causal: bool, scale: float, training: Any
) -> SymbolicTensor:
    """Attention between query, key and value of open length, in heads."""
    if not layer.dropout:
        made: SymbolicTensor = apply("attention", parts, heads=heads, causal=bool(causal), scale=scale)
        return made
    over = OpenAttention(heads, bool(causal), scale, layer.dropout, layer.seed, name=layer._dropout.name)
    return over(parts, training=training)


def counted_steps(*sequences: Any) -> Any:
    """Which steps of all these sequences count (B, S), bool."""
    masks = [apply("step_mask", [one]) for one in sequences]
    found = masks[0]
    for mask in masks[1:]:
        found = found * mask
    return found > 0.5


def causal(steps: int | None, others: int) -> np.ndarray:
    """Which steps of a value (S) each step of a query (T) may look at: up to its own place."""
    if steps is None:
        raise ValueError("`use_causal_mask` needs a query of known length; give it in Input((length, ...))")
    return np.tril(np.ones((steps, others), bool))


def like(result: Any, query: Any) -> SymbolicTensor:
    """The result with the mask of the query: what is masked there is zeros."""
    made: SymbolicTensor = apply("masked_like", [result, query])
    return made


def masked(sequences: list[Any], masks: Any) -> list[Any]:
    """The sequences under masks (B, T) that are given beside their own."""
    given = list(masks) if masks is not None else []
    given += [None] * (len(sequences) - len(given))
    pairs = zip(sequences, given, strict=False)
    return [one if mask is None else ApplyMask()([one, mask]) for one, mask in pairs]


def require_sequences(layer: Any, *sequences: Any) -> None:
    """ValueError unless all are sequences (B, T, C)."""
    for one in sequences:
        if one.ndim != 3 or one.shape[-1] is None:
            raise ValueError(
                f"Layer {layer.name!r} ({type(layer).__name__}) takes sequences (batch, time, channels). "
                f"Received: shape={one.shape}"
            )


def are_open(layer: Any, sequences: Sequence[Any], **refused: Any) -> bool:
    """Whether the length of a sequence is not known: one operation of the core then goes over each text as it
    is. ValueError where something is asked for that needs a known length.
    """
    shapes = [one.shape for one in sequences]
    if all(shape[1] is not None for shape in shapes):
        return False
    wanted = [name for name, value in refused.items() if value is not None and value is not False]
    if wanted:
        raise ValueError(
            f"Layer {layer.name!r} ({type(layer).__name__}) must know the length of all sequences for "
            f"{', '.join(wanted)}. Received: shapes {', '.join(map(str, shapes))}; give it in "
            "Input((length, ...))"
        )
    return True


class _Attention(Layer):
    """What Attention and AdditiveAttention share: shares of the value's steps for each step of the query."""

    inputs_many = True
    seed: int | None = None

    @checked
    def __init__(self, use_scale: bool = True, dropout: float = 0.0, **options: Any) -> None:
        super().__init__(**options)
        self.use_scale = use_scale
        self.dropout = float(finite_number("dropout", dropout, least=0, below=1))
        self._dropout = dropout_of(self)

    @checked
    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: Any = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        """The result for [query, value] or [query, value, key]; with `return_attention_scores` also the
        shares (B, T, S). `mask`: of the inputs, beside their own.
        """
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            raise ValueError(
                f"Layer {self.name!r} ({type(self).__name__}) takes [query, value] or [query, value, key]. "
                f"Received: {inputs!r}"
            )
        require_sequences(self, *inputs)
        query, value, *rest = masked(list(inputs), mask)
        key = rest[0] if rest else value
        scores = True if return_attention_scores else None
        if are_open(self, inputs, return_attention_scores=scores):
            return self.over_texts(query, key, value, use_causal_mask, training)
        allowed = expand_dims(counted_steps(value), 1)
        if use_causal_mask:
            allowed = logical_and(allowed, causal(query.shape[1], value.shape[1]))
        shares = attend(self, self.scores(query, key), allowed, self._dropout, training)
        made = like(matmul(shares, value), query)
        return (made, shares) if return_attention_scores else made

    def scores(self, query: Any, key: Any) -> Any:
        """(B, T, S)"""
        raise NotImplementedError

    def over_texts(self, query: Any, key: Any, value: Any, causal: bool, training: Any) -> Any:
        """The result for sequences of open length."""
        raise ValueError(
            f"Layer {self.name!r} ({type(self).__name__}) must know the length of all sequences, but with "
            "scores that are dot products. Received: shapes "
            f"{query.shape}, {value.shape}; give it in Input((length, ...))"
        )


class Attention(_Attention):
    """For each step of a query (B, T, C) a mean of the steps of a value (B, S, D), each weighted by the
    softmax of the dot product of query and key (B, S, C; the value where none is given): (B, T, D). As
    keras.layers.Attention.

    Called on [query, value] or [query, value, key]. `use_scale`: a weight that multiplies the scores;
    `score_mode` "concat": scores sum(tanh(scale (query + key))), times a weight of their own. Masked steps of
    the value have no share, the result has the mask of the query, and where nothing may be looked at it is
    zeros. Where T or S is open there are no scores of "concat" and no attention scores. Raises ValueError for
    other inputs. Source: Luong and others (2015).

    >>> import embedcnn
    >>> query, value = embedcnn.Input((4, 8)), embedcnn.Input((6, 8))
    >>> embedcnn.layers.Attention()([query, value]).shape
    (None, 4, 8)
    """

    @checked
    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self.score_mode = one_of("score_mode", score_mode, ("dot", "concat"))
        self.seed = optional(integer, "seed", seed)
        super().__init__(use_scale, dropout, **options)

    def build(self, input_shape: Any) -> None:
        self.scale = self.add_weight("scale", (), "ones") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight("concat_score_weight", (), "ones") if concat else None

    def over_texts(self, query: Any, key: Any, value: Any, causal: bool, training: Any) -> Any:
        """The result for sequences of open length."""
        if self.concat_score_weight is not None:
            return super().over_texts(query, key, value, causal, training)
        query = query if self.scale is None else query * self.scale
        return attend_open(self, [query, key, value], 1, causal, 1.0, training)

    def scores(self, query: Any, key: Any) -> Any:
        """Of each step of the query and the key."""
        if self.concat_score_weight is None:
            made = matmul(query, transpose(key, (0, 2, 1)))
            return made if self.scale is None else made * self.scale
        sums = expand_dims(query, 2) + expand_dims(key, 1)
        sums = sums if self.scale is None else sums * self.scale
        return summed(tanh(sums), axis=-1) * self.concat_score_weight


class AdditiveAttention(_Attention):
    """As Attention, with scores sum(scale * tanh(query + key)), a scale for each channel: Bahdanau's. As
    keras.layers.AdditiveAttention.

    T and S must be known. Source: Bahdanau, Cho and Bengio (2015).

    >>> import embedcnn
    >>> query, value = embedcnn.Input((4, 8)), embedcnn.Input((6, 8))
    >>> embedcnn.layers.AdditiveAttention()([query, value]).shape
    (None, 4, 8)
    """

    def build(self, input_shape: Any) -> None:
        channels = input_shape[0][-1]
        self.scale = self.add_weight("scale", (channels,), "glorot_uniform") if self.use_scale else None

    def scores(self, query: Any, key: Any) -> Any:
        """Of each step of the query and the key."""
        made = tanh(expand_dims(query, 2) + expand_dims(key, 1))
        return summed(made if self.scale is None else made * self.scale, axis=-1)


class MultiHeadAttention(Layer):
    """Attention of `num_heads` heads between a query (B, T, C) and a value (B, S, D): (B, T, C), or
    (B, T, output_shape). As keras.layers.MultiHeadAttention.

    Called as layer(query, value, key=None). Each head has dot products of `key_dim` channels, divided by
    sqrt(key_dim), and means of `value_dim` (`key_dim`) channels. Masked steps of the value have no share, the
    result has the mask of the query, and where nothing may be looked at its heads are zeros. `attention_mask`
    (B, T, S): where it is 0 nothing is looked at; `use_causal_mask`: each step looks at those up to its own.
    Where T or S is open there are no `attention_mask` and no attention scores. Raises ValueError for other
    inputs. Source: Vaswani and others (2017).

    >>> import embedcnn
    >>> x = embedcnn.Input((10, 16))
    >>> layer = embedcnn.layers.MultiHeadAttention(num_heads=2, key_dim=8)
    >>> layer(x, x).shape, [weight.shape for weight in layer.weights][:2]
    ((None, 10, 16), [(16, 2, 8), (2, 8)])
    """

    @checked
    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: int | Sequence[int] | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.num_heads = positive_integer("num_heads", num_heads)
        self.key_dim = positive_integer("key_dim", key_dim)
        self.value_dim = self.key_dim if value_dim is None else positive_integer("value_dim", value_dim)
        self.dropout, self.use_bias = (
            float(finite_number("dropout", dropout, least=0, below=1)),
            use_bias,
        )
        sizes = list(output_shape) if isinstance(output_shape, (list, tuple)) else [output_shape]
        if len(sizes) != 1:
            raise ValueError(f"`output_shape` must be one size. Received: output_shape={output_shape!r}")
        self.output_shape = None if sizes[0] is None else positive_integer("output_shape", sizes[0])
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.seed = optional(integer, "seed", seed)
        self._dropout = dropout_of(self)
        self._projections: dict[str, tuple[Variable, Variable | None]] = {}

    def _make_weights(self, query: int, key: int, value: int) -> None:
        heads = self.num_heads
        for name, channels, size in (
            ("query", query, self.key_dim),
            ("key", key, self.key_dim),
            ("value", value, self.value_dim),
        ):
            kernel = self.add_weight(f"{name}_kernel", (channels, heads, size), self.kernel_initializer)
            bias = self._bias(f"{name}_bias", (heads, size))
            self._projections[name] = kernel, bias
        units = self.output_shape or query
        kernel = self.add_weight("output_kernel", (heads, self.value_dim, units), self.kernel_initializer)
        self._projections["output"] = kernel, self._bias("output_bias", (units,))

    def _bias(self, name: str, shape: tuple[int, ...]) -> Variable | None:
        return self.add_weight(name, shape, self.bias_initializer) if self.use_bias else None

    @checked
    def call(
        self,
        query: Any,
        value: Any,
        key: Any = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: Any = None,
        use_causal_mask: bool = False,
    ) -> Any:
        """The result; with `return_attention_scores` also the shares (B, heads, T, S). Masks (B, T), (B, S)
        are beside those that the sequences have.
        """
        given_key = key
        key = value if key is None else key
        require_sequences(self, query, value, key)
        if not self._projections:
            self._make_weights(query.shape[-1], key.shape[-1], value.shape[-1])
        query, value, *rest = masked(
            [query, value] if given_key is None else [query, value, key], [query_mask, value_mask, key_mask]
        )
        key = rest[0] if rest else value
        scores = True if return_attention_scores else None
        options = {"attention_mask": attention_mask, "return_attention_scores": scores}
        if are_open(self, [query, value, key], **options):
            return self._over_texts(query, key, value, use_causal_mask, training)
        steps = reshape(counted_steps(value, *rest), (-1, 1, 1, value.shape[1]))
        if use_causal_mask:
            steps = logical_and(steps, causal(query.shape[1], value.shape[1]))
        if attention_mask is not None:
            steps = logical_and(steps, expand_dims(attention_mask, 1))
        q = self._heads("query", query) * (1.0 / sqrt(self.key_dim))
        k, v = self._heads("key", key), self._heads("value", value)
        scores = matmul(transpose(q, (0, 2, 1, 3)), transpose(k, (0, 2, 3, 1)))
        shares = attend(self, scores, steps, self._dropout, training)
        found = transpose(matmul(shares, transpose(v, (0, 2, 1, 3))), (0, 2, 1, 3))
        found = reshape(found, (-1, query.shape[1], self.num_heads * self.value_dim))
        kernel, bias = self._projections["output"]
        made = matmul(found, reshape(kernel, (self.num_heads * self.value_dim, kernel.shape[-1])))
        made = like(made if bias is None else made + bias, query)
        return (made, shares) if return_attention_scores else made

    def _over_texts(self, query: Any, key: Any, value: Any, causal: bool, training: Any) -> Any:
        """The result for sequences of open length."""
        q, k, v = (self._projected(*pair) for pair in (("query", query), ("key", key), ("value", value)))
        scale = 1.0 / sqrt(self.key_dim)
        found = attend_open(self, [q, k, v], self.num_heads, causal, scale, training)
        kernel, bias = self._projections["output"]
        made = matmul(found, reshape(kernel, (self.num_heads * self.value_dim, kernel.shape[-1])))
        return made if bias is None else made + bias

    def _projected(self, name: str, x: Any) -> Any:
        """A projection with the channels of all heads side by side."""
        kernel, bias = self._projections[name]
        channels, heads, size = kernel.shape
        made = matmul(x, reshape(kernel, (channels, heads * size)))
        return made if bias is None else made + reshape(bias, (heads * size,))

    def _heads(self, name: str, x: Any) -> Any:
        """A projection (B, T, heads, size)."""
        kernel, bias = self._projections[name]
        channels, heads, size = kernel.shape
        made = reshape(matmul(x, reshape(kernel, (channels, heads * size))), (-1, x.shape[1], heads, size))
        return made if bias is None else made + bias
