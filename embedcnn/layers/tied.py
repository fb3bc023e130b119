"""TiedDense: scores for the rows of an Embedding, over its own table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .. import activations, initializers
from ..base.checked import checked
from ..base.configuration import described
from ..graph.nodes import Shape, SymbolicTensor
from ..graph.variables import Variable
from .base import Layer, known_channels
from .embedding import Embedding


class TiedDense(Layer):
    """A Dense whose kernel is the table of an Embedding, transposed: (..., output_dim) to (..., input_dim), a
    score for each row. As keras_hub.layers.ReversibleEmbedding with tie_weights. Source: O. Press and L. Wolf
    (2017), "Using the output embedding to improve language models".

    The table has one gradient, of both layers and of all rows, so every row is updated in every step; it
    stays the weight of the Embedding, whose `trainable` and `trainable_rows` hold. It must be kept in
    float32: scores multiply by all of it, so a step would hold it in float32 beside the stored one.
    `embedding` is that layer, of the same model, or its name where a model is built from a configuration.
    Raises ValueError for inputs that are not as wide as the table.

    >>> import embedcnn
    >>> ids, embedding = embedcnn.Input((7,)), embedcnn.layers.Embedding(50, 8)
    >>> scores = embedcnn.layers.TiedDense(embedding, activation="softmax")
    >>> scores(embedcnn.layers.LSTM(8)(embedding(ids))).shape
    (None, 50)
    """

    @checked
    def __init__(
        self,
        embedding: Any,
        activation: Any = None,
        use_bias: bool = True,
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        if not isinstance(embedding, (Embedding, str)):
            raise TypeError(
                "`embedding` must be the Embedding whose table is shared. Received: "
                f"embedding={type(embedding).__name__}"
            )
        self.embedding: Any = embedding
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        self.bias: Variable | None = None
        super().__init__(**options)

    @property
    def table(self) -> Variable:
        """The weight of the Embedding: (input_dim, output_dim)."""
        table: Variable = self._known().embeddings
        return table

    def _known(self) -> Embedding:
        if isinstance(self.embedding, str):
            raise ValueError(
                f"Layer {self.name!r} shares the table of the layer {self.embedding!r}, which must stand in "
                "the same model"
            )
        known: Embedding = self.embedding
        if known.storage_dtype != "float32":
            raise ValueError(
                f"Layer {self.name!r} shares the table of {known.name!r}, which must be kept in float32. "
                f"Received: storage_dtype={known.storage_dtype!r}"
            )
        return known

    def join(self, layers: Mapping[str, Any]) -> None:
        """Finds the Embedding by its name among the layers of a model that is built."""
        if isinstance(self.embedding, str) and isinstance(layers.get(self.embedding), Embedding):
            self.embedding = layers[self.embedding]

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        channels, width = known_channels(self, tensors[0].shape), self._known().output_dim
        if len(tensors[0].shape) < 2 or channels != width:
            raise ValueError(
                f"Layer {self.name!r} shares a table of {width} columns, so its input must have {width} "
                f"channels. Received: shape={tensors[0].shape}"
            )

    def build(self, input_shape: Any) -> None:
        if self.use_bias:
            self.bias = self.add_weight("bias", (self._known().input_dim,), self.bias_initializer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self._known().input_dim)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; the Embedding by its name."""
        embedding, self.embedding = self.embedding, getattr(self.embedding, "name", self.embedding)
        try:
            return {**super().get_config(), "bias_initializer": described(self.bias_initializer)}
        finally:
            self.embedding = embedding
