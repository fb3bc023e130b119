"""Subclassed: what Model has for subclasses of one's own, with layers made in `__init__` and a `call`.

Their graph is made when the form of the inputs is known: from the first data, or by `build(input_shape)`.
`call` is traced then (layers/tracing.py), and the model is a graph like any other. Inside another model it is
traced anew, so that it may take several arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import layers
from ..base.columns import is_column
from ..base.configuration import Configurable
from ..graph import tracing
from ..graph.model_kinds import changes
from ..graph.nodes import SymbolicTensor, flatten
from ..graph.variables import Variable
from ..layers.base import Layer
from ..layers.call_arguments import named_arguments, no_attribute
from ..layers.tracing import add_loss, results_of, shapes_of, traced
from ..ragged import Ragged
from ..text.rows import raw_texts
from ..training import input_data
from . import own_classes


class Subclassed:
    """The part of Model that a subclass with a `call` uses; the graph is that of a LayerGraph."""

    name: str
    built: bool
    traces: bool
    inputs: list[SymbolicTensor]
    outputs: list[SymbolicTensor]
    own_losses: list[SymbolicTensor]
    given_graph: bool

    not_stored = ("inputs", "outputs", "trainable", "seed")  # Model's own arguments

    def __new__(cls, *arguments: Any, **options: Any) -> Any:
        """Notes whether the constructor is told of the graph, or chooses it: see own_classes.py."""
        made = super().__new__(cls)
        made.given_graph = own_classes.is_given_its_graph(cls, arguments, options)
        return made

    def _begin_subclass(self, before: set[str]) -> None:
        """Notes which attributes are the library's: the layers among the others are those of the model."""
        self._form: Any = None  # of the inputs: a tensor, or a list or dict of them
        self._own = Layer(name=self.name)  # holds the weights that are the model's own
        self._building = self._parts_built = False
        self.library_attributes = frozenset(vars(self)) - before | {"library_attributes"}

    @property
    def _variables(self) -> list[Variable]:
        return self._own.weights

    def add_weight(self, *arguments: Any, **options: Any) -> Variable:
        """A new weight of a model of one's own, as Layer.add_weight. As keras.Model.add_weight."""
        return self._own.add_weight(*arguments, **options)

    def add_loss(self, loss: Any) -> None:
        """Adds the sum of a tensor, or of each of a list, to the loss: within the `call` of a subclass, or
        tensors of the graph of any other model. As keras.Model.add_loss.
        """
        if tracing.collected() is not None or not self.built:
            add_loss(self, loss)
            return
        with tracing.collecting(self.own_losses):
            add_loss(self, loss)
        self._connect(self.inputs, self.outputs)  # type: ignore[attr-defined]  # Model's

    @property
    def losses(self) -> list[Any]:
        """Within `compute_loss` what regularizers and `add_loss` add, as one tensor; elsewhere nothing: a
        step adds it to the loss. As keras.Model.losses, which lists them.
        """
        return tracing.penalties()

    if not TYPE_CHECKING:  # that sees what is not there

        def __getattr__(self, name: str) -> Any:
            known = getattr(type(self), name, None)
            if isinstance(known, property):  # one that has no value yet says why
                return known.__get__(self)
            raise AttributeError(no_attribute(self, name))

    # -- graph -----------------------------------------------------------------------------------------------
    def build(self, input_shape: Any = None) -> None:
        """Makes graph and weights of a model of one's own for inputs of this shape, batch first; a list or
        dict of shapes for several. As keras.Model.build.

        Raises ValueError where the shape is not given, or the model is a graph already for another one.
        """
        if self.built or self._building:
            return
        if not self.traces or input_shape is None:
            raise ValueError(
                "`input_shape` must be given, batch first, as (None, 100), to a model that has a `call`. "
                f"Received: input_shape={input_shape!r}"
            )
        if isinstance(input_shape, dict):
            inputs: Any = {name: _input(shape, name=name) for name, shape in input_shape.items()}
        elif isinstance(input_shape, list) and all(isinstance(one, (list, tuple)) for one in input_shape):
            inputs = [_input(shape) for shape in input_shape]
        else:
            inputs = _input(input_shape)
        self.trace(inputs)

    def build_parts(self, input_shape: Any) -> None:
        """Runs the `build` of a subclass, once, which makes layers and weights that `call` uses."""
        if self._parts_built or type(self).build is Subclassed.build:
            return
        self._building = True
        try:
            self.build(input_shape)
        finally:
            self._building = False
        self._parts_built = True

    def trace(self, inputs: Any) -> None:
        """Makes the graph of a model of one's own from these Inputs: a tensor, or a list or dict of them."""
        self.build_parts(shapes_of(inputs))
        self.own_losses.clear()
        with tracing.inside(), tracing.collecting(self.own_losses):
            outputs = results_of(self, inputs, {})
        self._join(flatten(inputs), outputs)
        self._form = inputs

    def _join(self, inputs: list[SymbolicTensor], outputs: Any) -> None:
        """Makes the graph between these the model's."""
        raise NotImplementedError

    def _build_for(self, x: Any) -> None:
        """Makes the graph for data like x where it is not known yet: texts of any length or, where that does
        not do, of the length that these have.
        """
        if self.built or input_data.is_iterable_of_batches(x):
            return
        forms = _forms_of(x)
        try:
            self.trace(_inputs(forms, True))
        except (TypeError, ValueError):
            self.trace(_inputs(forms, False))

    def _called(self, inputs: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        """What `call` gives for symbolic tensors, or the model for a batch of data."""
        options |= named_arguments(self, arguments, options)
        if tracing.leaves([inputs, options], SymbolicTensor):
            return traced(self, inputs, options)
        training = options.pop("training", None)
        if options.pop("mask", None) is not None or options:
            raise TypeError(
                f"Model {self.name!r} is called on data with its inputs alone, and `training`; its `call` "
                f"takes more where other models call it. Received: {sorted(options) or ['mask']}"
            )
        return self._on_data(inputs, bool(training))

    def _on_data(self, inputs: Any, training: bool) -> Any:
        """The outputs for a batch of data."""
        raise NotImplementedError

    # -- files -----------------------------------------------------------------------------------------------
    def tells_arguments(self) -> bool:
        """Whether a configuration holds the arguments of the constructor, not a graph."""
        return self.traces or not self.given_graph and changes(type(self))

    def architecture(self) -> dict[str, Any]:
        """The graph, without what a class of one's own adds."""
        raise NotImplementedError

    def first_input(self) -> dict[str, Any]:
        """What a file keeps of the shape that data gave to a model which chooses its layers itself."""
        return {}

    def own_config(self) -> dict[str, Any]:
        """The arguments of the constructor of a subclass."""
        return Configurable.get_config(self)  # type: ignore[arg-type]

    def described(self) -> dict[str, Any]:
        """What a file holds of a model of one's own: its configuration, and the inputs of its graph."""
        form: Any = self._form
        if isinstance(form, dict):
            inputs: Any = {name: tensor.node.layer.get_config() for name, tensor in form.items()}
        else:
            inputs = [tensor.node.layer.get_config() for tensor in flatten(form)]
        kind = "dict" if isinstance(form, dict) else "list" if isinstance(form, list) else "one"
        config = self.get_config()  # type: ignore[attr-defined]  # Model's
        return {"name": self.name, "config": config, "inputs": inputs, "form": kind}

    @classmethod
    def from_description(cls, stored: dict[str, Any]) -> Any:
        """A model of one's own from what `described` gave, with new weights."""
        made: Any = cls.from_config(stored["config"])  # type: ignore[attr-defined]  # Model's
        made.name = made._own.name = str(stored["name"])
        made.trace(inputs_of(stored))
        return made


def inputs_of(stored: dict[str, Any]) -> Any:
    """New Inputs as `described` tells of them."""
    made = stored["inputs"]
    if stored["form"] == "dict":
        return {name: layers.InputLayer(**config).output for name, config in made.items()}
    tensors = [layers.InputLayer(**config).output for config in made]
    return tensors[0] if stored["form"] == "one" else tensors


def _input(shape: Any, **options: Any) -> SymbolicTensor:
    return layers.Input(tuple(shape)[1:], batch_size=shape[0], **options)


# -- data ----------------------------------------------------------------------------------------------------
class Form(NamedTuple):
    """An Input for some data: its shape without the batch, that for texts of any length, its dtype."""

    shape: tuple[int | None, ...]
    open: tuple[int | None, ...]
    dtype: str | None

    def input(self, is_open: bool, name: str | None = None) -> SymbolicTensor:
        return layers.Input(self.open if is_open else self.shape, dtype=self.dtype, name=name)


def _forms_of(x: Any) -> Any:
    """The form of data as models take them: an array, Ragged, list of rows or of texts, or a list or dict of
    these.
    """
    if isinstance(x, dict):
        return {name: _form_of(name, part) for name, part in x.items()}
    if isinstance(x, (list, tuple)) and x and all(_is_whole(part) for part in x):
        return [_form_of(f"x[{number}]", part) for number, part in enumerate(x)]
    return _form_of("x", x)


def _is_whole(part: Any) -> bool:
    """Whether this member of a list is an input of its own, not a row of one."""
    return isinstance(part, Ragged) or is_column(part) or isinstance(part, np.ndarray) and part.ndim > 1


def _form_of(name: str, x: Any) -> Form:
    if raw_texts(x) is not None:
        return Form((1,), (1,), "string")
    lengths = {np.size(row) for row in x} if isinstance(x, (list, tuple)) and np.ndim(x[:1]) == 2 else {0}
    if isinstance(x, Ragged) or len(lengths) > 1:
        return Form((None,), (None,), "int32")
    array = input_data._as_array(name, x)
    if array.ndim < 2:
        raise ValueError(f"{name}: expected at least 2 axes (batch, ...). Received: shape {array.shape}")
    shape, is_ids = array.shape[1:], array.dtype.kind in "iub"
    if len(shape) > 1 or is_ids:
        return Form(shape, (None, *shape[1:]), "int32" if is_ids else None)
    return Form(shape, shape, None)


def _inputs(forms: Any, is_open: bool) -> Any:
    if isinstance(forms, dict):
        return {name: form.input(is_open, name) for name, form in forms.items()}
    if isinstance(forms, Form):
        return forms.input(is_open)
    return [form.input(is_open) for form in forms]
