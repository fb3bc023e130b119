"""HashedNgrams: ids of words to ids of words and of their n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import positive_integer
from ..graph.nodes import Shape, SymbolicTensor, is_symbolic
from .base import Layer, require_rank
from .core import InputLayer

LONGEST = 64
MOST_IDS = 2**31 - 1


class HashedNgrams(Layer):
    """The ids of a text, and behind them an id for each of its n-grams of 2 to `n` tokens, for an Embedding.
    Source: fastText's word n-grams (Joulin et al. 2017), here hashed from ids.

    `input_dim`: how many ids of tokens there are; the n-grams are hashed into `buckets` further ones, so the
    Embedding behind it needs `size` = input_dim + buckets rows. A text of T tokens gives T + (T - 1) + ...
    ids: first its own, then its pairs. An n-gram with the id 0 in it gets 0 itself, padding for
    `mask_zero=True`. Raises ValueError for sizes that are no positive integers, sum to 2**31 or more, or n
    above 64, and where the layer is not called on an Input of ids.

    >>> import embedcnn
    >>> ngrams = embedcnn.layers.HashedNgrams(input_dim=1000, buckets=4096, n=2)
    >>> ngrams.size, ngrams(embedcnn.Input((7,), dtype="int32")).shape
    (5096, (None, 13))
    """

    reads_ids = True

    def __init__(self, input_dim: int, buckets: int, n: int = 2, **options: Any) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.buckets = positive_integer("buckets", buckets)
        self.n = positive_integer("n", n)
        if self.n > LONGEST:
            raise ValueError(f"`n` must be at most {LONGEST}. Received: n={n}")
        if self.size > MOST_IDS:
            raise ValueError(
                f"`input_dim` + `buckets` must be below 2**31. Received: input_dim={input_dim}, "
                f"buckets={buckets}"
            )
        super().__init__(**options)

    @property
    def size(self) -> int:
        """One more than the largest id: the `input_dim` of the Embedding."""
        return self.input_dim + self.buckets

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Applies the layer to the Input of a model. Arrays raise TypeError: the core makes the ids while it
        plans a step, and hands them to the Embedding behind only.
        """
        if not is_symbolic(inputs):
            raise TypeError(
                f"Layer {self.name!r} (HashedNgrams) must be called on an Input, with an Embedding behind "
                "it, which makes vectors of its ids: embedding(ngrams(Input((None,), dtype='int32'))). "
                f"Received: {type(inputs).__name__}"
            )
        return super().__call__(inputs, **options)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        require_rank(self, tensors[0], 2, "(batch, tokens)")
        source = tensors[0].node.layer
        if not isinstance(source, InputLayer) and not source.prepares:
            raise ValueError(
                f"Layer {self.name!r} (HashedNgrams) must be called on an Input of token ids. "
                f"Received: the output of {tensors[0].name!r}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        length = input_shape[1]
        if length is None:
            return input_shape
        return (input_shape[0], sum(length - width for width in range(min(self.n, length))))
