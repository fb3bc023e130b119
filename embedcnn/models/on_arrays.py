"""What a layer gives for arrays: a small model of the layer alone computes it, with the weights of the layer.

The layer keeps its models, one for each shape of the arguments without the batch; layers/on_arrays.py names
the functions here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import count
from threading import RLock
from typing import Any

import numpy as np

from .. import layers
from ..base.random_seeds import next_seed, step_of_element
from ..graph import tracing
from ..graph.nesting import leaf_layers
from ..graph.nodes import SymbolicTensor, flatten
from ..layers.base import Layer
from ..layers.call_arguments import called_with
from ..layers.recurrent_layer import RecurrentLayer
from ..layers.recurrent_step import Step
from ..ragged import Ragged
from ..training import input_data
from .model import Model

KEPT = 8
"""How many models a layer keeps, those used last."""
VALUE_BY_VALUE = (
    *(layers.Activation, layers.Dropout, layers.ELU, layers.GaussianDropout, layers.GaussianNoise),
    *(layers.Identity, layers.LeakyReLU, layers.ReLU, layers.Softmax),
)
"""The layers that take an array of one axis too."""
_making = RLock()  # a function of the user inside a layer may call other layers


class LayerModels:
    """The models of one layer, each with the form of its results; a copy of the layer begins without any."""

    def __init__(self, layer: Layer | None = None) -> None:
        self.layer = layer
        self.calls = count()  # with training=True: each drops other values
        self.seed: int | None = None
        self.made: OrderedDict[Any, tuple[Model, Any]] = OrderedDict()

    def __reduce__(self) -> Any:
        return LayerModels, ()

    def seed_of(self, layer: Layer) -> int:
        """Of random numbers. Images of a data set have many shapes, whose models are made by whichever thread
        comes first: one seed serves them all, the layer's own where it has one.
        """
        if not layer.reads_images:
            return next_seed()
        if self.seed is None:
            own = getattr(layer, "seed", None)
            self.seed = next_seed() if own is None else own % 2**31
        return self.seed


def call(layer: Layer, inputs: Any, **options: Any) -> Any:
    """The result of a layer for arrays (B, ...), as `layer` gives it within a model: an array float32, or a
    list of them. Makes the weights where there are none yet.

    `options`: `training`, and what else the layer is called with, as `initial_state`, as arrays. Raises
    TypeError for what is no array of numbers, ValueError for shapes that the layer does not take.
    """
    if tracing.active() and layer.trainable_weights:
        raise TypeError(
            f"Layer {layer.name!r} is called on an array within a `call` that is traced: its weights would "
            "not be learned. Call it on what `call` is given, or on what layers and ops make of that"
        )
    training = called_with(layer, options)
    x = _inputs(layer, inputs)
    if isinstance(x, np.ndarray) and _as_one_row(layer, x):
        made = call(layer, x.reshape(1, -1), training=training)
        return made.reshape(*x.shape, *made.shape[2:])
    if any(np.ndim(array) < 2 for array in flatten(x) if isinstance(array, np.ndarray)):
        shapes = [array.shape for array in flatten(x)]
        raise ValueError(
            f"Layer {layer.name!r} takes arrays of 2 axes (batch, ...) or more. Received: an array of shape "
            f"{min(shapes, key=len)}"
        )
    given = {name: _nested(layer, value) for name, value in options.items() if value is not None}
    model, form = _model_of(layer, [x, given], training)
    arrays = flatten([x, given])
    step = _next_step(layer) if training else None
    made = model._prediction.on_batch(arrays if len(arrays) > 1 else arrays[0], bool(training), step)
    return _as_form(form, flatten(made))


def _next_step(layer: Layer) -> int:
    """Another one at each call; on an element of a data set that of the element."""
    of_element = step_of_element()
    return next(layer._models_on_arrays.calls) if of_element is None else of_element


def compute_mask(layer: Layer, inputs: Any, mask: Any) -> np.ndarray | None:
    """The mask (B, T) of bool that the layer's result has for arrays under `mask`, of several a list of
    masks; None where all steps count. Symbolic masks go on.
    """
    if tracing.leaves(mask, SymbolicTensor):
        return mask
    arrays = flatten(_inputs(layer, inputs))
    masks = list(mask) if layer.inputs_many else [mask, *[None] * (len(arrays) - 1)]
    if len(masks) != len(arrays):
        raise ValueError(
            f"`mask` of {layer.name!r} must hold a mask, or None, for each of its {len(arrays)} inputs. "
            f"Received: {len(masks)}"
        )
    tensors: list[SymbolicTensor] = []
    values, read = [], []
    for array, one in zip(arrays, masks, strict=True):
        pair = [array] if one is None else [array, _array(layer, one)]
        own = [_input(layer, len(tensors) + number, part) for number, part in enumerate(pair)]
        tensors += own
        values += pair
        read.append(own[0] if one is None else layers.ApplyMask(name=f"{own[0].name}_masked")(own))
    reader = _MaskReader(name=f"{layer.name}_mask")
    with _making:
        result = flatten(_symbolic(layer, read if len(read) > 1 else read[0]))[0]
    Model(tensors, reader(result), name=layer.name, seed=0)(values if len(values) > 1 else values[0])
    return reader.mask


class _MaskReader(Layer):
    """Keeps the mask of what it is called on."""

    mask: np.ndarray | None = None

    def forward(self, x: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        self.mask = None if mask is None else mask.astype(bool)
        return x


# -- models --------------------------------------------------------------------------------------------------
def _model_of(layer: Layer, arguments: Any, training: bool | None) -> tuple[Model, Any]:
    """The model for arguments of these shapes, and the symbolic result, whose form the results have."""
    arrays = flatten(arguments)
    batch = len(arrays[0]) if any(getattr(one, "stateful", False) for one in leaf_layers([layer])) else None
    key = (training, batch, *arguments[1], *map(_shape, arrays))
    with _making:
        kept = getattr(layer, "_models_on_arrays", None)
        if kept is None or kept.layer is not layer:
            kept = layer._models_on_arrays = LayerModels(layer)
        if key not in kept.made:
            tensors = [_input(layer, number, array, batch) for number, array in enumerate(arrays)]
            x, given = _as_form(arguments, tensors)
            result = _symbolic(layer, x, training=None if training else training, **given)
            seed = kept.seed_of(layer) if training else 0  # of dropout, else nothing is random
            kept.made[key] = Model(tensors, flatten(result), name=layer.name, seed=seed), result
        kept.made.move_to_end(key)
        while len(kept.made) > KEPT:
            kept.made.popitem(last=False)
        return kept.made[key]


def _symbolic(layer: Layer, inputs: Any, **options: Any) -> Any:
    """The layer called on symbolic tensors; `layer.input` and `layer.output` stay those of other calls."""
    before = list(layer.nodes)
    try:
        return layer(inputs, **options)
    finally:
        layer.nodes[:] = before


def _input(layer: Layer, number: int, array: Any, batch: int | None = None) -> SymbolicTensor:
    return layers.Input(_shape(array), batch_size=batch, name=f"{layer.name}_input{number or ''}")


# -- arguments -----------------------------------------------------------------------------------------------
def _inputs(layer: Layer, inputs: Any) -> Any:
    """The array that a layer is called on, or a list of them where it takes several."""
    if isinstance(inputs, (list, tuple)):
        several = isinstance(layer, (RecurrentLayer, layers.Bidirectional, Step)) or hasattr(layer, "forward")
        several = (several or hasattr(layer, "call")) and all(_is_array(part) for part in inputs)
        if layer.inputs_many or several:
            return [_nested(layer, part) for part in inputs]
        if layer.reads_ids:
            return _ids(layer, inputs)
    return _array(layer, inputs)


def _ids(layer: Layer, rows: Sequence[Any]) -> Any:
    """Ids of texts; a Ragged where these are of several lengths."""
    lengths = {len(row) if isinstance(row, (list, tuple, np.ndarray)) else None for row in rows}
    return Ragged.from_sequences(rows) if len(lengths) > 1 and None not in lengths else _array(layer, rows)


def _nested(layer: Layer, value: Any) -> Any:
    """Arrays, in the lists in which they were given."""
    if isinstance(value, (list, tuple)) and any(_is_array(part) or _holds_arrays(part) for part in value):
        return [_nested(layer, part) for part in value]
    return _array(layer, value)


def _is_array(value: Any) -> bool:
    return hasattr(value, "__array__") and np.ndim(value) > 1


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(_is_array(part) for part in value)


def _array(layer: Layer, value: Any) -> Any:
    if isinstance(value, Ragged):
        return value
    known = hasattr(value, "__array__") or isinstance(value, (list, tuple, float, int))
    array = input_data._as_array("x", value) if known else None
    if array is None or array.dtype.kind not in "fiub":
        raise TypeError(
            f"Layer {layer.name!r} must be called on the result of Input(...) or of another layer, or on "
            f"arrays of numbers. Received: {type(value).__name__}"
        )
    return array


def _shape(array: Any) -> tuple[int | None, ...]:
    """The shape without the batch."""
    return (None,) if isinstance(array, Ragged) else array.shape[1:]


def _as_one_row(layer: Layer, x: np.ndarray) -> bool:
    """Whether the layer takes an array of these axes as though it were one row: ids of any shape, and one
    axis of values that it changes each by itself.
    """
    if isinstance(layer, layers.Embedding):
        return x.ndim != 2
    return x.ndim == 1 and isinstance(layer, VALUE_BY_VALUE)


def _as_form(form: Any, leaves: Sequence[Any]) -> Any:
    """The leaves in lists, tuples and dicts as those of `form`."""
    return _filled(form, iter(leaves))


def _filled(form: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(form, dict):
        return {name: _filled(part, leaves) for name, part in form.items()}
    if isinstance(form, (list, tuple)):
        return type(form)(_filled(part, leaves) for part in form)
    return next(leaves)
