"""InputLayer, Input and Dense."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import activations, initializers, regularizers
from ..base.arguments import finite_number, positive_integer
from ..base.checked import checked
from ..graph.nodes import Node, Shape, SymbolicTensor
from .base import Layer, known_channels

_DTYPES = ("float32", "int32", "int64", "string")


class InputLayer(Layer):
    """The beginning of a model. Use `Input`. As keras.layers.InputLayer."""

    not_stored = ("batch_shape",)

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: Any = None,
        batch_shape: Sequence[int | None] | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                f"Give either `shape` or `batch_shape`. Received: shape={shape}, batch_shape={batch_shape}"
            )
        if batch_shape is not None:
            batch_size, *shape = tuple(batch_shape)
            shape = tuple(shape)
        self.dtype = "float32" if dtype is None else _dtype_name(dtype)
        self.shape = _text_shape(shape) if self.dtype == "string" else _checked_shape(shape)
        self.batch_size = None if batch_size is None else positive_integer("batch_size", batch_size)
        self.built = True
        node = Node(self, [], [(None, *self.shape)], self.dtype)
        self.nodes.append(node)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; a size of the batch only where there is one."""
        config = super().get_config()
        return {name: value for name, value in config.items() if name != "batch_size" or value is not None}


def _dtype_name(dtype: Any) -> str:
    try:
        name = dtype if dtype == "string" else np.dtype(dtype).name
    except (TypeError, ValueError):
        name = ""
    name = {
        "float64": "float32",
        "bool": "float32",
        "uint8": "int32",
        "int16": "int32",
        "int8": "int32",
        "uint16": "int32",
    }.get(name, name)
    if name not in _DTYPES:
        raise ValueError(
            f"`dtype` of an Input must be float32, int32, int64 or string. Received: dtype={dtype!r}"
        )
    return name


def _text_shape(shape: Any) -> Shape:
    if tuple(shape) not in ((), (1,)):
        raise ValueError(f"`shape` of an Input of texts must be (1,) or (). Received: shape={shape!r}")
    return (1,)


def _checked_shape(shape: Any) -> Shape:
    if not isinstance(shape, (tuple, list)):
        raise ValueError(
            f"`shape` must be a tuple, as (100,) for 100 numbers or ids. Received: shape={shape!r}"
        )
    if not 1 <= len(shape) <= 4:
        raise ValueError(
            "`shape` (without the batch) must be (T,) for ids, (C,) for numbers, (T, C) for a sequence, or "
            f"have up to 4 sizes. Received: shape={tuple(shape)}"
        )
    return tuple(None if size is None else positive_integer("shape", size) for size in shape)


def Input(  # noqa: N802 - Keras's name
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: Any = None,
    name: str | None = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
) -> SymbolicTensor:
    """A symbolic input of a model: (T,) token ids, (C,) numbers or (T, C) a sequence of vectors; None: any
    length.

    `batch_size` matters to stateful layers only; else batches of every size run. Raises ValueError for other
    shapes and for dtypes other than float32, int32, int64. As keras.Input.

    >>> Input(shape=(100,), dtype="int32", name="tokens")
    <SymbolicTensor shape=(None, 100), dtype=int32, layer='tokens'>
    """
    return InputLayer(shape, batch_size, dtype, batch_shape, name).nodes[0].outputs[0]


class Identity(Layer):
    """Its input. As keras.layers.Identity.

    >>> import embedcnn
    >>> embedcnn.layers.Identity()(embedcnn.Input((4,))).shape
    (None, 4)
    """

    any_form = True


class ActivityRegularization(Identity):
    """Its input, of which l1 times the absolute values and l2 times the squares are added to the loss. As
    keras.layers.ActivityRegularization.

    >>> import embedcnn
    >>> embedcnn.layers.ActivityRegularization(l2=0.01)(embedcnn.Input((4,))).shape
    (None, 4)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **options: Any) -> None:
        self.l1, self.l2 = finite_number("l1", l1, least=0), finite_number("l2", l2, least=0)
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **options)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        config = super().get_config()
        del config["activity_regularizer"]
        return config


class Dense(Layer):
    """y = activation(x · kernel + bias) over the last axis; kernel (C, units), bias (units,). As
    keras.layers.Dense.

    Raises ValueError unless `units` is a positive integer and the last axis of the input is known.

    >>> import embedcnn
    >>> embedcnn.layers.Dense(3, activation="relu")(embedcnn.Input((5,))).shape
    (None, 3)
    """

    any_form = True

    @checked
    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Any,
    ) -> None:
        self.units = positive_integer("units", units)
        self.activation = activations.chosen(activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer, "kernel_initializer")
        self.bias_initializer = initializers.get(bias_initializer, "bias_initializer")
        super().__init__(**options)

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight(
            "kernel", (known_channels(self, input_shape), self.units), self.kernel_initializer
        )
        self.bias = self.add_weight("bias", (self.units,), self.bias_initializer) if self.use_bias else None
        self._channels = input_shape[-1]

    def check_inputs(self, tensors: Sequence[SymbolicTensor]) -> None:
        if self.built and tensors[0].shape[-1] != self._channels:
            raise ValueError(
                f"Layer {self.name!r} was built for {self._channels} channels. Received: "
                f"shape={tensors[0].shape}"
            )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (*input_shape[:-1], self.units)
