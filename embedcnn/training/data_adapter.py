"""The part of a model that turns x, y and weights, as users give them, into batches for its programs."""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import finite_number, positive_integer, warn_user
from ..base.columns import described, is_column
from ..base.processes import share
from ..base.unkept import Unkept
from ..preprocessing.texts import FILL_GAPS
from ..ragged import Ragged
from ..text.rows import TextRows, checked_texts, column_of, is_empty, no_settings, raw_texts
from . import input_data, sample_weights
from .batches import ArrayBatches, Batch, IterableBatches, raw
from .computed_loss import computes_loss
from .input_data import InputSpec
from .label_names import learnt, numbered
from .parts import NOTHING, SINGLE, Parts, parts_of

if TYPE_CHECKING:
    from ..runtime import _core
    from .settings import Compilation, Compiled

BATCH_SIZE = 32  # where none is given, as in Keras


class DataAdapter:
    """Makes batches for one model, whose encoder and settings it looks up at each use.

    `specs`: what each input takes; the model sets them when its graph is known.
    """

    _model = Unkept()

    def __init__(self, model: Any, compilation: Compilation, access: _core.Access) -> None:
        self._model, self._access = model, access
        self._settle = compilation.settle
        self._building = False
        self.specs: list[InputSpec] = []

    def build_for(self, x: Any) -> None:
        """Makes the graph for data like x where the model has none yet: one thread does."""
        # In this order: while a thread builds it, a model is `built` before all that reads data is there.
        if self._model.built and not self._building:
            return
        with self._access.changing():
            self._building = True
            try:
                self._model._build_for(x)
            finally:
                self._building = False

    def _input_list(self, x: Any, whole: bool = False) -> Parts:
        """x as one value per input of the model; raw texts are encoded, or, as a `whole`, made TextRows."""
        names = [tensor.name for tensor in self._model.inputs]
        if isinstance(x, dict):
            if set(x) != set(names):
                raise ValueError(f"x must have the keys {names}. Received: {sorted(map(str, x))}")
            parts = [x[name] for name in names]
        elif len(names) == 1:
            single = isinstance(x, (list, tuple)) and len(x) == 1
            rank = len(self._model.inputs[0].shape)
            single = single and (
                isinstance(x[0], Ragged)
                or is_column(x[0])
                or isinstance(x[0], np.ndarray)
                and x[0].ndim == rank
            )
            parts = [x[0] if single else x]
        else:
            if not isinstance(x, (list, tuple)) or len(x) != len(names):
                got = f"{len(x)} values" if isinstance(x, (list, tuple)) else type(x).__name__
                raise ValueError(
                    f"Model {self._model.name!r} has {len(names)} inputs {names}: x must be a list of "
                    f"{len(names)} arrays, or a dict. Received: {got}"
                )
            parts = list(x)
        encoded = [self._encoded(spec, parts[spec.source], whole) for spec in self.specs]
        direct = [spec.source for spec in self.specs] == list(range(len(names)))
        return parts_of(x, encoded, names) if direct else Parts(encoded)

    def _encoded(self, spec: InputSpec, part: Any, whole: bool) -> Any:
        if spec.encode is not None and not spec.of_texts:
            return spec.encode(part)
        raw = raw_texts(part if spec.encode is None else column_of(part))
        if raw is None and is_empty(part) and (spec.encode or self._model.text_encoder) is not None:
            raw = []
        if raw is None:
            if spec.encode is not None and not isinstance(part, TextRows):
                raise TypeError(
                    f"{spec.name}: texts were expected, as a list or an array of str. "
                    f"Received: {described(part)}"
                )
            return part
        if spec.encode is not None:
            texts, encode = checked_texts(spec.name, raw, remedy=FILL_GAPS), spec.encode
            if not whole:
                return encode(texts.tolist())
            return TextRows(texts, lambda some: input_data.prepare_input(spec, encode(some)), spec.settings)
        if self._model.text_encoder is None:
            raise TypeError(
                f"{spec.name} holds texts, but model {self._model.name!r} has no text encoder. Set "
                "model.text_encoder, or turn the texts into token ids first"
            )
        encoder = self._model.text_encoder
        texts = checked_texts(spec.name, raw, getattr(encoder, "missing", "error"))
        if not whole or not getattr(encoder, "rows_independent", False):
            return encoder(texts.tolist())
        rows = TextRows(
            texts,
            lambda some: input_data.prepare_input(spec, encoder(some)),
            getattr(encoder, "settings_of_ids", no_settings),
        )
        rows.encoded(slice(0, 1))  # what does not fit the model is found before training begins
        return rows

    def prepare_inputs(self, x: Any, whole: bool) -> Parts:
        parts = self._input_list(x, whole)
        pairs = zip(self.specs, parts, strict=True)
        return parts.like(input_data.prepare_input(spec, part, whole) for spec, part in pairs)

    def _prepare(self, x: Any, y: Any, weights: Any, whole: bool) -> tuple[Parts, Parts, Any]:
        """Inputs, targets (one per loss) and sample weights, checked."""
        compiled = self._settle()
        inputs = self.prepare_inputs(x, whole)
        targets = self.prepare_targets(y, inputs, whole)
        for meter in compiled.meters:
            if targets[compiled.active.index(meter.output)] is None:
                name = compiled.output_names[meter.output]
                raise ValueError(f"metrics: output {name!r} has no y to compare with")
        named = {spec.name: part for spec, part in zip(self.specs, inputs, strict=True)}
        named |= {compiled.targets[n].name: part for n, part in zip(compiled.active, targets, strict=True)}
        count = input_data.same_length(named)
        return inputs, targets, self.prepare_weights(weights, count)

    def prepare_targets(self, y: Any, inputs: list[Any] | None = None, whole: bool = False) -> Parts:
        """The target of each loss; None where compute_loss does without."""
        compiled = self._settle()
        parts = self._target_list(y, compiled)
        targets = parts.like([])
        for number, part in zip(compiled.active, parts, strict=True):
            spec = compiled.targets[number]
            if part is None and compiled.computed is not None:
                targets.append(None)
                continue
            part = numbered(spec, part, self._labels(compiled))
            part = input_data.padded_labels(spec, part, inputs or [])
            targets.append(input_data.prepare_target(spec, part, whole))
            compiled.as_columns[number] = np.ndim(part) > targets[-1].ndim
        return targets

    def _labels(self, compiled: Compiled) -> Any:
        """The names of the classes of the only output."""
        return self._model.labels if len(compiled.output_names) == 1 else None

    def learn_labels(self, x: Any, y: Any) -> None:
        """Sets the model's labels to the names in y, sorted, where it has none yet."""
        if y is None or self._model.labels is not None or input_data.is_iterable_of_batches(x):
            return
        self.build_for(x)
        compiled = self._settle()
        if len(compiled.output_names) == 1 and compiled.active:
            part = self._target_list(y, compiled)[0]
            self._model.labels = learnt(compiled.targets[0], part)

    def _require_added_losses(self) -> None:
        """ValueError unless the model adds losses itself, where `compile` was given none."""
        if not self._model.added:
            raise ValueError(
                f"Model {self._model.name!r} has nothing to learn from: give `loss` to compile(), or call "
                "add_loss in its `call` or a layer's. Received: loss=None"
            )

    def prepare_weights(self, weights: Any, count: int) -> sample_weights.Weights:
        """One array, or for weights that are given output by output a tuple with those of each loss."""
        compiled = self._settle()
        if not compiled.active:
            if weights is not None:
                raise ValueError("sample_weight weighs the losses of compile(), which was given none")
            return None
        shapes = [compiled.targets[number].shape for number in compiled.active]
        parts = sample_weights.weights_per_output(weights, compiled.output_names)
        if parts is not None:
            chosen = [parts[number] for number in compiled.active]
            return tuple(
                sample_weights.prepare_weights(part, count, shape)
                for part, shape in zip(chosen, shapes, strict=True)
            )
        same = shapes[0] if len({len(shape) for shape in shapes}) == 1 else (None,)
        return sample_weights.prepare_weights(weights, count, same)

    def _target_list(self, y: Any, compiled: Compiled) -> Parts:
        if not compiled.active:
            self._require_added_losses()
            return Parts([])
        names = [compiled.output_names[number] for number in compiled.active]
        if y is None and compiled.computed is not None:
            return Parts([None] * len(names), NOTHING)
        if y is None:
            raise ValueError("y is missing. Received: y=None")
        if isinstance(y, dict):
            if set(y) - set(compiled.output_names):
                raise ValueError(
                    f"y must have keys out of {compiled.output_names}. Received: {sorted(map(str, y))}"
                )
            return Parts([y.get(name) for name in names], names)
        count = len(compiled.output_names)
        if count == 1 or (len(names) == 1 and hasattr(y, "__array__")):
            return Parts([y], SINGLE if count == 1 else names)
        if compiled.computed is not None and hasattr(y, "__array__"):
            return Parts([y] + [None] * (count - 1), SINGLE)
        if not isinstance(y, (list, tuple)) or len(y) not in (count, len(names)):
            got = f"{len(y)} values" if isinstance(y, (list, tuple)) else type(y).__name__
            raise ValueError(
                f"Model {self._model.name!r} has {count} outputs {compiled.output_names}: y must be a list "
                f"of {count} arrays, or a dict. Received: {got}"
            )
        if len(names) < count:  # in a form that can be given again
            return Parts([y[number] for number in compiled.active] if len(y) == count else y, names)
        return parts_of(y, y, names)

    def batch(self, item: Any, class_weight: Any = None) -> Batch:
        """A batch from an iterable: (x, y) or (x, y, sample_weight)."""
        if isinstance(item, tuple) and len(item) == 1 and computes_loss(self._model):
            item = (*item, None)
        if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
            raise ValueError(
                "A batch of an iterable must be (x, y) or (x, y, sample_weight). "
                f"Received: {type(item).__name__}"
                + (f" of {len(item)}" if isinstance(item, (tuple, list)) else "")
            )
        self.build_for(item[0])
        inputs, targets, weights = self._prepare(item[0], item[1], item[2] if len(item) == 3 else None, False)
        weights = self._class_weighted(targets, weights, class_weight)
        return inputs.like(map(raw, inputs)), targets, weights, len(inputs[0])

    def _class_weighted(self, targets: list[np.ndarray], weights: Any, class_weight: Any) -> Any:
        if class_weight is None:
            return weights
        compiled = self._settle()
        specs = [compiled.targets[number] for number in compiled.active]
        names = [compiled.output_names[number] for number in compiled.active]
        by_output = isinstance(class_weight, dict) and any(
            isinstance(part, dict) or isinstance(part, str) and part == "balanced"
            for part in class_weight.values()
        )
        labels = self._labels(compiled)
        if not by_output and len(specs) != 1:
            raise ValueError(
                "class_weight of a model with several outputs must be a dict of output name to a dict of "
                f"class number to weight, or 'balanced'; outputs: {names}"
            )
        if not by_output:
            part = weights[0] if isinstance(weights, tuple) else weights
            return sample_weights.class_weights(specs[0], targets[0], class_weight, part, labels)
        for name in class_weight:
            if name not in names:
                raise ValueError(f"class_weight: no output with a loss is called {name!r}; outputs: {names}")
        given = weights if isinstance(weights, tuple) else [weights] * len(specs)
        return tuple(
            part
            if name not in class_weight
            else sample_weights.class_weights(spec, target, class_weight[name], part, labels)
            for name, spec, target, part in zip(names, specs, targets, given, strict=True)
        )

    def as_given(self, inputs: Any, targets: Any = None, weights: Any = None) -> Any:
        """A batch, of Parts, in the form in which users give one: (x,), (x, y) or (x, y, sample_weight)."""
        x = inputs.like(Ragged(*part) if isinstance(part, tuple) else part for part in inputs).given()
        if targets is None:
            return (x,)
        if weights is None:
            return x, targets.given()
        return x, targets.given(), self._weights_as_given(weights, slice(None))

    def feed(
        self,
        x: Any,
        y: Any,
        batch_size: Any,
        weights: Any,
        class_weight: Any,
        steps: int | None,
        seed: int | None,
    ) -> ArrayBatches | IterableBatches:
        if input_data.is_iterable_of_batches(x):
            for argument, value in (("y", y), ("sample_weight", weights)):
                if value is not None:
                    raise ValueError(
                        f"`{argument}` must not be given when x is an iterable of batches: they hold it"
                    )
            if batch_size is not None:
                raise ValueError("`batch_size` must not be given when x is an iterable of batches")
            sample_weights.refuse_counting(class_weight)
            return IterableBatches(x, lambda item: self.batch(item, class_weight), steps, seed, share())
        self.build_for(x)
        inputs, targets, weights = self._prepare(x, y, weights, True)
        weights = self._class_weighted(targets, weights, class_weight)
        return ArrayBatches(inputs, targets, weights, checked_batch_size(batch_size), seed, steps, share())

    def unlabelled_feed(self, x: Any, batch_size: Any, steps: int | None) -> ArrayBatches | IterableBatches:
        """Inputs alone, for predict; of tuples that an iterable gives, the first part."""
        if input_data.is_iterable_of_batches(x):
            if batch_size is not None:
                raise ValueError("`batch_size` must not be given when x is an iterable of batches")
            return IterableBatches(x, self._unlabelled, steps)
        self.build_for(x)
        inputs = self.prepare_inputs(x, True)
        input_data.same_length({spec.name: part for spec, part in zip(self.specs, inputs, strict=True)})
        return ArrayBatches(inputs, [], None, checked_batch_size(batch_size), None, steps)

    def _unlabelled(self, item: Any) -> Batch:
        x = item[0] if isinstance(item, tuple) else item
        if isinstance(x, (str, bytes)):
            raise TypeError(
                "x is no list, so it must give batches, each a list of texts. It gave one text, "
                f"{reprlib.repr(x)}; did you mean list(x)?"
            )
        self.build_for(x)
        inputs = self.prepare_inputs(x, False)
        return inputs.like(map(raw, inputs)), [], None, len(inputs[0])

    def split(self, x: Any, y: Any, weights: Any, share: float) -> tuple[Any, Any, Any, Any]:
        """The last `share` of the examples as validation data."""
        share = finite_number("validation_split", share, least=0, below=1)
        if input_data.is_iterable_of_batches(x):
            raise ValueError(
                "`validation_split` needs arrays; give validation_data when x is an iterable of batches"
            )
        self.build_for(x)
        inputs, targets, weights = self._prepare(x, y, weights, True)
        count = len(inputs[0])
        at = int(count * (1.0 - share))
        if at == 0 or at == count:
            raise ValueError(f"`validation_split`={share} of {count} examples leaves no examples on one side")

        def part(index: np.ndarray) -> tuple[Any, Any, Any]:
            x, y = (
                parts.like(None if one is None else one[index] for one in parts).given()
                for parts in (inputs, targets)
            )
            return x, y, self._weights_as_given(weights, index)

        head, tail = part(np.arange(at)), part(np.arange(at, count))
        return head[0], head[1], head[2], tail if tail[2] is not None else tail[:2]

    def _weights_as_given(self, weights: sample_weights.Weights, index: Any) -> Any:
        """Weights per loss in the form that `prepare_weights` takes back."""
        taken = sample_weights.take_weights(weights, index)
        if not isinstance(taken, tuple):
            return taken
        compiled = self._settle()
        return {compiled.output_names[n]: value for n, value in zip(compiled.active, taken, strict=True)}

    def validation_feed(self, data: Any, batch_size: Any, steps: int | None) -> Any:
        if data is None:
            return None
        if input_data.is_iterable_of_batches(data):
            return IterableBatches(data, self.batch, steps, None, share())
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError(
                "`validation_data` must be (x, y), (x, y, sample_weight) or an iterable of batches. "
                f"Received: {type(data).__name__}"
            )
        return self.feed(data[0], data[1], batch_size, data[2] if len(data) == 3 else None, None, steps, None)

    def warn_single_class(self, feed: ArrayBatches) -> None:
        """Warns of class numbers that are all the same, unless the model has learnt of other data before."""
        compiled = self._settle()
        if self._model.optimizer.steps:
            return
        for number, target in zip(compiled.active, feed.targets, strict=True):
            spec = compiled.targets[number]
            classes = spec.target == "classes" or (spec.target == "binary" and spec.units == 1)
            if classes and len(target) > 1 and target.size and target.min() == target.max():
                warn_user(f"{spec.name} holds only the class {target.flat[0]:g}: nothing can be learned")


def checked_batch_size(value: Any) -> int:
    return BATCH_SIZE if value is None else positive_integer("batch_size", value)
