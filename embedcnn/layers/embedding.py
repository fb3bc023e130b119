"""Embedding: token ids to rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import constraints, initializers, regularizers
from ..base.arguments import one_of, optional, positive_integer
from ..base.arrays import numbers
from ..base.checked import checked
from ..base.configuration import described
from ..base.matrices import given_matrix
from ..graph import tracing
from ..graph.nodes import Shape, SymbolicTensor, is_symbolic
from ..graph.operators import operate
from ..graph.stored import ROUNDINGS, STORAGE_DTYPES
from ..graph.variables import Variable, mark_changed
from . import checked_settings
from .base import Layer, require_rank
from .checked_settings import PaddingRow, Setting
from .each_step import on_each_step
from .ngrams import HashedNgrams
from .on_arrays import on_arrays
from .table_rows import row_mask, row_number, runs_of
from .table_storage import (
    HALVES,
    LEARNING_RULES,
    converted,
    given_rows,
    matrix_or_stored,
    refuse_column_norms,
    refuse_rounding,
    refuse_rule,
    refuse_rules,
    rounded,
    stored_table,
)


class Embedding(Layer):
    """Rows of a table of shape (input_dim, output_dim), one per token id. As keras.layers.Embedding.

    `weights=[matrix]` or `embeddings_initializer=Constant(matrix)` start from a matrix: float32 in C order is
    shared without copy while the layer is frozen and copied at the first step that would write to it. With
    `mask_zero=True` id 0 is padding (not the unknown word): all layers after it skip padded positions, and
    row 0 gets no gradient. `input_length` matters where a later layer of a Sequential must know the length,
    as Flatten; else texts may have any. The table, `embeddings`, is there at once.

    As torch.nn.Embedding: `padding_idx` is a row without gradient (zeros at first, where no matrix is given),
    whose id is no padding otherwise. `max_norm`: a row that a training step reads and that is longer in the
    norm of order `norm_type` is scaled to it in the table first, that of `padding_idx` too (PyTorch: in every
    call). With `scale_grad_by_freq` the gradient of a row is divided by how often its id stands in the batch.
    These may be set later, and hold from the next `compile` on, as in Keras.

    `trainable_rows`, a mask of bool or a list of rows, lets only these learn: the others keep their bits, and
    cost no gradient and no update. It may be changed at any time and takes effect at the next step; None: all
    rows.

    `storage_dtype` keeps the table in "float16", "bfloat16" (half the memory) or "int8" with a scale a row (a
    quarter); all is computed in float32. Halves learn: what a step touches is rounded by chance, drawn from
    seed, step, row and column, or with `storage_rounding="master"` is the nearest of a float32 master of each
    touched row. The rule of the optimizer, moving averages and constraints come before the rounding: numbers
    are none below zero then, norms what they should be up to one part in 2^7 (bfloat16) or 2^10 (float16),
    with masters half of that; `max_norm` rounds towards zero and holds, without masters. Penalties are those
    of the rounded rows. Refused are norms over all rows, and other layers that read the table (TiedDense):
    both need all of it in float32. Tables of int8 do not learn, so rules of learning are refused; one that
    was converted keeps them for when it is converted back. `weights=[matrix]` is rounded to nearest. Rows
    that are stored so already, as a mapped file, are shared, and copied at the first step that would write to
    them: `weights=[rows]` of float16, or of uint16, the bits of bfloat16; `weights=[rows, scales]` of int8.
    Numbers beyond the range of halves are refused, then as when they are assigned or loaded later.

    Raises ValueError for sizes that are not positive integers, for a matrix of another shape, for NaN or
    infinite elements and for rows outside the table.

    >>> import numpy as np, embedcnn
    >>> table = np.eye(4, 3, dtype="float32")
    >>> layer = embedcnn.layers.Embedding(4, 3, weights=[table], trainable=False)
    >>> layer(embedcnn.Input((7,))).shape, layer.embeddings.value is table
    ((None, 7, 3), True)
    """

    reads_ids = True
    not_stored: tuple[str, ...] = ("embeddings_initializer", "weights", "input_length", "trainable_rows")
    _pads_rows = True  # a row of padding_idx has no gradient; False: its tokens are left out
    max_norm, norm_type = Setting(checked_settings.norm), Setting(checked_settings.order)
    scale_grad_by_freq, mask_zero = Setting(checked_settings.flag), Setting(checked_settings.flag)
    padding_idx = PaddingRow(checked_settings.row)
    storage_dtype, storage_rounding = (Setting(checked_settings.given_once) for _ in range(2))

    @checked
    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        mask_zero: bool = False,
        weights: Any = None,
        input_length: Any = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        padding_idx: int | None = None,
        trainable_rows: Any = None,
        storage_dtype: str = "float32",
        storage_rounding: str = "stochastic",
        **options: Any,
    ) -> None:
        self.input_dim = positive_integer("input_dim", input_dim)
        self.output_dim = positive_integer("output_dim", output_dim)
        self.mask_zero = mask_zero
        self.input_length = _single_length(input_length)
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.padding_idx = padding_idx
        self._rows = row_mask("trainable_rows", trainable_rows, self.input_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer, "embeddings_initializer")
        self.storage_dtype = one_of("storage_dtype", storage_dtype, STORAGE_DTYPES)
        self.storage_rounding = one_of("storage_rounding", storage_rounding, ROUNDINGS)
        refuse_rounding(self.storage_dtype, self.storage_rounding)
        self._given: np.ndarray | None = None
        self._given_stored = given_rows(self, weights)
        if self._given_stored is not None:
            weights = None
        if weights is not None:
            self._given = self._checked_matrix("weights", _single_matrix(weights))
        elif isinstance(self.embeddings_initializer, initializers.Constant):
            value = self.embeddings_initializer.value
            if np.ndim(value):
                self._given = self._checked_matrix("embeddings_initializer", value)
        if self._given is not None and self.storage_dtype != "float32":
            self._given_stored = rounded(self.storage_dtype, self._given)
            self._given = None
        super().__init__(**options)
        if self.storage_dtype != "float32":
            refuse_column_norms(self, self.storage_dtype)
        if self.storage_dtype == "int8":
            refuse_rules(self)

    def _checked_matrix(self, argument: str, value: Any) -> np.ndarray:
        matrix = given_matrix(argument, value)
        if matrix.shape != (self.input_dim, self.output_dim):
            raise ValueError(
                f"`{argument}` must have shape (input_dim, output_dim) = ({self.input_dim}, "
                f"{self.output_dim}). Received a matrix of shape {matrix.shape}"
            )
        return matrix

    @classmethod
    @checked
    def from_pretrained(
        cls,
        embeddings: Any,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        mask_zero: bool = False,
        name: str | None = None,
        **options: Any,
    ) -> Embedding:
        """A layer over a matrix (rows, dimensions), frozen unless `freeze=False`. As
        torch.nn.Embedding.from_pretrained.

        `padding_idx` 0 makes id 0 padding, as `mask_zero=True`; any other is a row without gradient. Numbers
        other than float32 are converted, with a note, but those that are in `storage_dtype` already. `sparse`
        is accepted: only touched rows are updated anyway. `options` are further arguments of the layer.

        >>> import numpy as np
        >>> Embedding.from_pretrained(np.zeros((5, 2), "float32")).trainable
        False
        """
        storage_dtype = options.get("storage_dtype", "float32")
        (rows, dimensions), weights = matrix_or_stored("embeddings", embeddings, storage_dtype)
        padding_idx = row_number("padding_idx", padding_idx, rows)
        if padding_idx == 0:
            mask_zero, padding_idx = True, None
        named: dict[str, Any] = {"max_norm": max_norm, "norm_type": norm_type}
        named["scale_grad_by_freq"] = scale_grad_by_freq
        named |= {"padding_idx": padding_idx, "mask_zero": mask_zero, "name": name, **options}
        return cls(rows, dimensions, weights=weights, trainable=not freeze, **named)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Applies the layer to token ids (B, T), or (B, S, W): texts of sentences. Arrays of ids, of any
        shape, give an array.
        """
        if not is_symbolic(inputs) and tracing.active() and not hasattr(inputs, "node"):
            return self._shared_rows(inputs)
        if not is_symbolic(inputs):
            return on_arrays("call", self, inputs, **options)
        if isinstance(inputs, SymbolicTensor) and inputs.ndim == 1:  # one id a text, as ids[:, 0]
            return operate("squeeze", self(operate("expand_dims", inputs, 1), **options), 1)
        out = super().__call__(inputs, **options)
        if out.ndim > 3:
            outer = self.nodes.pop()
            outer.inner = on_each_step(self, self, outer.inputs[0])
            self.nodes.insert(-1, outer)
        return out

    def _shared_rows(self, ids: Any) -> Any:
        """The rows of ids that all texts share, as positions are, within a `call` that is traced."""
        if not self.built:
            self.build()
        return operate("take", self.embeddings, np.asarray(ids, np.int32), 0)

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if tensors[0].ndim > 2 and not tensors[0].node.inputs:
            if self.mask_zero or None in tensors[0].shape[2:]:
                raise ValueError(
                    f"Layer {self.name!r} (Embedding): ids of {tensors[0].ndim} axes need mask_zero=False "
                    "and inner texts of a known length; to mask words, put the layer inside "
                    f"TimeDistributed(encoder). Received: shape={tensors[0].shape}, "
                    f"mask_zero={self.mask_zero}"
                )
            return
        require_rank(self, tensors[0], 2, "(batch, tokens)")
        source = tensors[0].node.layer
        if isinstance(source, HashedNgrams):
            if self.input_dim < source.size:
                raise ValueError(
                    f"`input_dim` of {self.name!r} must be at least {source.size}, the ids that "
                    f"{source.name!r} gives. Received: input_dim={self.input_dim}"
                )
        elif tensors[0].node.inputs and not source.prepares:
            self._check_computed(tensors[0])

    def _check_computed(self, ids: SymbolicTensor) -> None:
        """ValueError for the result of a layer that cannot be ids."""
        source = ids.node.layer
        learns = bool(source.trainable_weights) and not hasattr(source, "forward")
        if learns or isinstance(source, Embedding) or ids.shape[1] is None:
            raise ValueError(
                f"Layer {self.name!r} (Embedding) must be called on an Input of token ids, or on ids (batch, "
                f"tokens) of a known number that a layer computes. Received: the output of {ids.name!r}, "
                f"shape={ids.shape}" + (", whose numbers are learned" if learns else "")
            )

    def build(self, input_shape: Any = None) -> None:
        self.embeddings: Variable
        if self.storage_dtype != "float32":
            self.embeddings = self.track(stored_table(self, self._given_stored))
        elif self._given is None:
            self.embeddings = self.add_weight(
                "embeddings", (self.input_dim, self.output_dim), self.embeddings_initializer
            )
            if self.padding_idx is not None:
                self.embeddings.own()[self.padding_idx] = 0
        else:
            self.embeddings = self.track(Variable("embeddings", self._given, self, shared=True))
        self._given = self._given_stored = None
        self._let_rows_learn()

    def convert_table(self, dtype: str) -> int:
        """Keeps the table in another of the storage dtypes from now on; the layer learns as it may in that.

        Returns how many numbers were beyond the range of halves and became their largest. Raises ValueError
        for unknown dtypes, for int8 of a table that is not finite, and for a constraint on norms over all
        rows, which needs float32.
        """
        dtype = one_of("dtype", dtype, STORAGE_DTYPES)
        old = self.embeddings
        if dtype != "float32":
            refuse_column_norms(self, dtype)
        if dtype == old.dtype:
            return 0
        made, overflow = converted(self, old, dtype)
        made.row_learns = old.row_learns
        mark_changed()  # before too: a signal may come between
        self._variables[:] = [made if one is old else one for one in self._variables]
        vars(self)["storage_dtype"] = dtype
        self.embeddings, self._models_on_arrays = made, None
        old.successor = made
        mark_changed()
        return overflow

    # -- rows ------------------------------------------------------------------------------------------------
    @property
    def trainable_rows(self) -> np.ndarray | None:
        """Which rows learn, a mask of bool [input_dim]; None: all. Set it to a mask, or to row numbers."""
        return None if self._rows is None else self._rows.astype(bool)

    @trainable_rows.setter
    def trainable_rows(self, rows: Any) -> None:
        if rows is not None and self.storage_dtype == "int8":
            refuse_rule(self, "trainable_rows", rows)
        self._rows = row_mask("trainable_rows", rows, self.input_dim)
        if self.built:
            self._let_rows_learn()

    def _let_rows_learn(self) -> None:
        """Hands the rows that learn on to the table, those of a padding id left out."""
        rows = self._rows
        if self.padding_idx is not None and self._pads_rows:
            rows = np.ones(self.input_dim, np.uint8) if rows is None else rows.copy()
            rows[self.padding_idx] = 0
        mark_changed()  # before too: a signal may come between
        self.embeddings.row_learns = rows
        mark_changed()

    def lookup_settings(self) -> dict[str, Any]:
        """The attributes of the core's `lookup` for this table."""
        settings: dict[str, Any] = {"mask_zero": self.mask_zero}
        if self.max_norm is not None:
            settings |= {"max_norm": float(self.max_norm), "norm_type": self.norm_type}
            pads = self.padding_idx if self._pads_rows else None
            if pads is not None and (self._rows is None or self._rows[pads]):  # it rests for its id alone
                settings["norm_id"] = pads
        return settings | ({"scale_grad_by_freq": True} if self.scale_grad_by_freq else {})

    def __getattr__(self, name: str) -> Any:
        if name == "embeddings" and self.__dict__.get("built") is False:  # all sizes are known
            self.build()
            return self.embeddings
        return super().__getattr__(name)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Where ids are not 0, with `mask_zero`; None without."""
        return np.asarray(inputs) != 0 if self.mask_zero else None

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape, self.output_dim)

    def append_rows(self, rows: Any) -> int:
        """Adds rows behind the table of a frozen layer and returns the id of the first; ValueError unless it
        is frozen.
        """
        if self.trainable:
            raise ValueError(
                f"Layer {self.name!r} is trainable; only a frozen Embedding can be given more rows"
            )
        if not self.built:
            self.build()
        rows = given_matrix("vectors", np.ascontiguousarray(numbers("vectors", rows), np.float32))
        if rows.shape[1] != self.output_dim:
            raise ValueError(
                f"`vectors` must have {self.output_dim} columns, as the table. Received: shape={rows.shape}"
            )
        first = self.input_dim
        self.embeddings.with_rows(rows)
        self.input_dim += len(rows)
        if self._rows is not None:
            self._rows = np.concatenate([self._rows, np.ones(len(rows), np.uint8)])
        self._let_rows_learn()
        self._models_on_arrays = None  # they hold a table of the old size
        return first

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Embedding:
        """A new layer from what `get_config` gave. A table that was converted has the rules of its training,
        which hold again where it is converted back.
        """
        dtype = config.get("storage_dtype", "float32")
        names = () if dtype in HALVES else ("storage_rounding", *(LEARNING_RULES if dtype == "int8" else ()))
        kept = {name: config[name] for name in names if config.get(name) is not None}
        layer = super().from_config({name: value for name, value in config.items() if name not in kept})
        for name in ("max_norm", "storage_rounding"):
            if name in kept:
                vars(layer)[name] = kept.pop(name)
        if "trainable_rows" in kept:
            layer._rows = row_mask("trainable_rows", kept.pop("trainable_rows"), layer.input_dim)
        layer._rules |= {name: _RULES[name](value, name) for name, value in kept.items()}
        return layer

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor. A matrix stands with the weights, never here."""
        config, initializer = super().get_config(), self.embeddings_initializer
        config |= {} if self._rows is None else {"trainable_rows": runs_of(self._rows)}
        if isinstance(initializer, initializers.Constant) and np.ndim(initializer.value):
            initializer = initializers.RandomUniform(seed=0)
            stored = {**initializer.get_config(), "seed": None}
            return {**config, "embeddings_initializer": {**described(initializer), "config": stored}}
        return {**config, "embeddings_initializer": described(initializer)}


_RULES = {"embeddings_regularizer": regularizers.get, "embeddings_constraint": constraints.get}


def _single_length(value: Any) -> int | None:
    """The length of texts; None where it is open."""
    if isinstance(value, (list, tuple)) and len(value) == 1:  # Keras takes the shape too
        value = value[0]
    return optional(positive_integer, "input_length", value)


def _single_matrix(weights: Any) -> Any:
    """The matrix of `weights=[m]` or `weights=m`."""
    if isinstance(weights, (list, tuple)) and len(weights) == 1 and np.ndim(weights[0]) == 2:
        return weights[0]
    if (
        isinstance(weights, (list, tuple))
        and len(weights) != 1
        and any(np.ndim(part) == 2 for part in weights)
    ):
        raise ValueError(f"`weights` of an Embedding must be one matrix. Received: a list of {len(weights)}")
    return weights
