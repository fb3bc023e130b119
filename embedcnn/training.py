"""compile, fit, evaluate, predict and their one-batch forms: the part of a model that runs programs on data."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from . import feeding, optimizers
from .binding import BoundProgram
from .callbacks import CallbackList, History
from .compiled import Compiled, Tally
from .feeding import ArrayBatches, Batch, InputSpec, IterableBatches
from .interruption import WholeSteps
from .progress import Progress, checked_verbose


class Trainer:
    """What Model and Sequential inherit for training and prediction. Programs are made when first needed and kept."""

    name: str
    inputs: list[Any]
    outputs: list[Any]
    text_encoder: Any
    labels: list[Any] | None
    seed: int

    def __init__(self) -> None:
        self.optimizer: Any = None
        self.stop_training = False
        self.history: History | None = None
        self.epochs_trained = 0
        self._compiled: Compiled | None = None
        self._compile_arguments: dict[str, Any] | None = None
        self._programs: dict[str, BoundProgram] = {}
        self._specs: list[InputSpec] = []
        self._lock = threading.Lock()
        self._owner: int | None = None

    # -- settings ----------------------------------------------------------------------------------------------------------
    def compile(
        self,
        optimizer: Any = "adam",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
    ) -> None:
        """Sets optimizer, loss and metrics: names, instances, or lists and dicts of them per output. As keras.Model.compile.

        `run_eagerly`, `steps_per_execution` and `jit_compile` are accepted for Keras's sake: every step is compiled C.
        Raises ValueError for unknown names, with a suggestion.
        """
        arguments = {
            "optimizer": optimizers.get(optimizer),
            "loss": loss,
            "loss_weights": loss_weights,
            "metric_names": metrics,
            "weighted_metrics": weighted_metrics,
        }
        with self._exclusive():
            self._compile_arguments = arguments
            self.optimizer = arguments["optimizer"]
            self._compiled = None
            self._programs.clear()
            if self._is_built():
                self._settle()
            else:  # outputs are not known yet: check what can be checked without them
                from . import losses

                for part in loss.values() if isinstance(loss, dict) else [loss]:
                    if part is not None and not isinstance(part, (list, tuple)):
                        losses.get(part)

    def _settle(self) -> Compiled:
        """The settings resolved against the outputs."""
        if self._compiled is None:
            if self._compile_arguments is None:
                raise RuntimeError("unreachable: compile() was checked before")
            self._compiled = Compiled(outputs=self.outputs, **self._compile_arguments)
        return self._compiled

    def _require_compiled(self, method: str) -> None:
        if self._compile_arguments is None:
            raise ValueError(
                f"You must call compile() before {method}(), as model.compile(optimizer='adam', loss='binary_crossentropy')"
            )

    @property
    def metrics(self) -> list[Any]:
        """The metrics given to `compile`."""
        return [meter.metric for meter in self._compiled.meters] if self._compiled else []

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns."""
        return list(self._compiled.names) if self._compiled else []

    # -- one thread at a time ----------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def _exclusive(self) -> Iterator[None]:
        me = threading.get_ident()
        if self._owner == me:
            yield
            return
        self._acquire(me)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, me: int) -> None:
        if not self._lock.acquire(blocking=False):
            raise RuntimeError(f"Model {self.name!r} is in use by another thread; one model serves one thread at a time")
        self._owner = me

    def _release(self) -> None:
        self._owner = None
        self._lock.release()

    # -- programs ----------------------------------------------------------------------------------------------------------
    def _program(self, kind: str) -> Any:
        """The core's program for "train", "test" (with losses) or "predict", bound to the present arrays."""
        bound = self._programs.get(kind)
        if bound is None:
            optimizer = self.optimizer if kind == "train" else None
            bound = self._programs[kind] = BoundProgram(self._lower(kind), self.seed, optimizer)
        return bound.ready()

    # -- data --------------------------------------------------------------------------------------------------------------
    def _input_list(self, x: Any) -> list[Any]:
        """x as one value per input of the model; raw texts are encoded."""
        specs = self._specs
        if isinstance(x, dict):
            names = [tensor.name for tensor in self.inputs]
            if set(x) != set(names):
                raise ValueError(f"x must have the keys {names}. Received: {sorted(map(str, x))}")
            parts = [x[name] for name in names]
        elif len(specs) == 1:
            single = isinstance(x, (list, tuple)) and len(x) == 1 and np.ndim(getattr(x[0], "ids", x[0])) >= 1
            single = single and (hasattr(x[0], "ids") or isinstance(x[0], np.ndarray) and x[0].ndim == len(specs[0].shape))
            parts = [x[0] if single else x]
        else:
            if not isinstance(x, (list, tuple)) or len(x) != len(specs):
                got = f"{len(x)} values" if isinstance(x, (list, tuple)) else type(x).__name__
                raise ValueError(
                    f"Model {self.name!r} has {len(specs)} inputs {[tensor.name for tensor in self.inputs]}: x must be a "
                    f"list of {len(specs)} arrays, or a dict. Received: {got}"
                )
            parts = list(x)
        return [self._encoded(spec, part) for spec, part in zip(specs, parts, strict=True)]

    def _encoded(self, spec: InputSpec, part: Any) -> Any:
        if not feeding.is_text(part):
            return part
        if self.text_encoder is None:
            raise TypeError(
                f"{spec.name} holds texts, but model {self.name!r} has no text encoder. Set model.text_encoder, or turn the "
                "texts into token ids first"
            )
        return self.text_encoder([str(text) for text in part])

    def _prepare(self, x: Any, y: Any, weights: Any, whole: bool) -> tuple[list[Any], list[np.ndarray], Any]:
        """Inputs, targets (one per loss) and sample weights, checked."""
        compiled = self._settle()
        inputs = [
            feeding.prepare_input(spec, part, whole) for spec, part in zip(self._specs, self._input_list(x), strict=True)
        ]
        targets = [
            feeding.prepare_target(compiled.targets[number], part, whole)
            for number, part in zip(compiled.active, self._target_list(y, compiled), strict=True)
        ]
        named = {spec.name: part for spec, part in zip(self._specs, inputs, strict=True)}
        named |= {compiled.targets[n].name: part for n, part in zip(compiled.active, targets, strict=True)}
        count = feeding.same_length(named)
        return inputs, targets, feeding.prepare_weights(weights, count)

    def _target_list(self, y: Any, compiled: Compiled) -> list[Any]:
        if y is None:
            raise ValueError("y is missing. Received: y=None")
        if isinstance(y, dict):
            if set(y) - set(compiled.output_names):
                raise ValueError(f"y must have keys out of {compiled.output_names}. Received: {sorted(map(str, y))}")
            return [y.get(compiled.output_names[number]) for number in compiled.active]
        count = len(compiled.output_names)
        if count == 1:
            return [y]
        if not isinstance(y, (list, tuple)) or len(y) not in (count, len(compiled.active)):
            got = f"{len(y)} values" if isinstance(y, (list, tuple)) else type(y).__name__
            raise ValueError(
                f"Model {self.name!r} has {count} outputs {compiled.output_names}: y must be a list of {count} arrays, "
                f"or a dict. Received: {got}"
            )
        return [y[number] for number in compiled.active] if len(y) == count else list(y)

    def _batch(self, item: Any, class_weight: Any = None) -> Batch:
        """A batch from an iterable: (x, y) or (x, y, sample_weight)."""
        if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
            raise ValueError(
                "A batch of an iterable must be (x, y) or (x, y, sample_weight). "
                f"Received: {type(item).__name__}" + (f" of {len(item)}" if isinstance(item, (tuple, list)) else "")
            )
        self._build_for(item[0])
        inputs, targets, weights = self._prepare(item[0], item[1], item[2] if len(item) == 3 else None, False)
        weights = self._class_weighted(targets, weights, class_weight)
        return [feeding.raw(part) for part in inputs], targets, weights, len(inputs[0])

    def _class_weighted(self, targets: list[np.ndarray], weights: Any, class_weight: Any) -> Any:
        if class_weight is None:
            return weights
        compiled = self._settle()
        if len(compiled.active) != 1:
            raise ValueError("class_weight works for models with one output only; use sample_weight")
        return feeding.class_weights(compiled.targets[compiled.active[0]], targets[0], class_weight, weights)

    def _feed(
        self, x: Any, y: Any, batch_size: Any, weights: Any, class_weight: Any, steps: int | None, seed: int | None
    ) -> ArrayBatches | IterableBatches:
        if feeding.is_iterable_of_batches(x):
            for argument, value in (("y", y), ("sample_weight", weights)):
                if value is not None:
                    raise ValueError(f"`{argument}` must not be given when x is an iterable of batches: they hold it")
            if batch_size is not None:
                raise ValueError("`batch_size` must not be given when x is an iterable of batches")
            return IterableBatches(x, lambda item: self._batch(item, class_weight), steps)
        self._build_for(x)
        inputs, targets, weights = self._prepare(x, y, weights, True)
        weights = self._class_weighted(targets, weights, class_weight)
        return ArrayBatches(inputs, targets, weights, _batch_size(batch_size), seed)

    # -- fit ---------------------------------------------------------------------------------------------------------------
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> History:
        """Trains for epochs `initial_epoch` ... `epochs` - 1 and returns a History. As keras.Model.fit.

        `x`: an array, Ragged or list of texts; a list or dict of them for several inputs; or an iterable of batches (x, y[,
        sample_weight]). `validation_split` takes the last examples, before shuffling. The order of an epoch depends on the
        model's seed and on how many epochs it has been trained, so that training goes on after save and load as though it had
        not stopped. Ctrl-C keeps the weights of the last whole step. Raises ValueError and TypeError that name the argument.
        """
        self._require_compiled("fit")
        show = checked_verbose(verbose)
        _check_epochs(epochs, initial_epoch)
        if not isinstance(shuffle, (bool, np.bool_)):
            raise ValueError(f"`shuffle` must be True or False. Received: shuffle={shuffle!r}")
        with self._exclusive():
            if validation_split and validation_data is None:
                x, y, sample_weight, validation_data = self._split(x, y, sample_weight, validation_split)
            seed = self.seed if shuffle else None
            feed = self._feed(x, y, batch_size, sample_weight, class_weight, steps_per_epoch, seed)
            if isinstance(feed, ArrayBatches):
                self._warn_single_class(feed)
            check = self._validation_feed(validation_data, validation_batch_size or batch_size, validation_steps)
            steps = feed.steps if steps_per_epoch is None else _positive("steps_per_epoch", steps_per_epoch)
            self.history = History()
            watching = CallbackList(
                [*_listed(callbacks), self.history], self, {"verbose": show, "epochs": epochs, "steps": steps}
            )
            self.stop_training = False
            due = _due(validation_freq)
            self._run_epochs(feed, check, watching, range(initial_epoch, epochs), steps, show, due)
            return self.history

    def _run_epochs(
        self, feed: Any, check: Any, watching: CallbackList, epochs: range, steps: int | None, show: int, due: Any
    ) -> None:
        watching.call("on_train_begin", {})
        logs: dict[str, float] = {}
        try:
            with WholeSteps() as guard:
                for epoch in epochs:
                    watching.call("on_epoch_begin", epoch, {})
                    progress = Progress(show, steps, f"Epoch {epoch + 1}/{epochs.stop}")
                    try:
                        tally = self._run_epoch(feed, watching, guard, progress, steps)
                        self.epochs_trained += 1
                        logs = tally.logs()
                        if check is not None and due(epoch):
                            logs |= self._evaluate_feed(check, watching, None).logs("val_")
                        progress.close(logs)
                    finally:
                        progress.close()
                    watching.call("on_epoch_end", epoch, logs)
                    if self.stop_training:
                        break
        finally:
            watching.call("on_train_end", logs)

    def _run_epoch(
        self, feed: Any, watching: CallbackList, guard: WholeSteps, progress: Progress, steps: int | None
    ) -> Tally:
        compiled = None
        before, after = watching.listens("on_train_batch_begin"), watching.listens("on_train_batch_end")
        done = 0
        for inputs, targets, weights, count in feed.epoch(self.epochs_trained):
            if compiled is None:
                compiled = self._settle()
                tally = compiled.tally()
            if before:
                watching.call("on_train_batch_begin", done, {})
            guard.inside = True
            try:
                result = self._train_step(inputs, targets, weights, compiled.want_outputs)
            finally:
                guard.leave()
            tally.add(result, targets, weights, count)
            progress.step(count, tally.logs)
            done += 1
            if after:
                watching.call("on_train_batch_end", done - 1, tally.logs())
            if self.stop_training or done == steps:
                break
        if compiled is None:
            raise ValueError("x gave no batches: it is empty, or a generator that has already ended")
        if steps is not None and done < steps and not self.stop_training:
            warnings.warn(f"x ran out of data: {done} batches, but {steps} were expected", stacklevel=5)
        return tally

    def _train_step(self, inputs: list[Any], targets: list[Any], weights: Any, want_outputs: bool) -> Any:
        """One step; the update count of the optimizer is kept here."""
        optimizer = self.optimizer
        result = self._program("train").train_step(
            inputs, targets, weights, optimizer.rate(), optimizer.iterations, want_outputs
        )
        optimizer.iterations += 1
        return result

    def _split(self, x: Any, y: Any, weights: Any, share: float) -> tuple[Any, Any, Any, Any]:
        """The last `share` of the examples as validation data."""
        if not isinstance(share, (int, float)) or not 0 < share < 1:
            raise ValueError(f"`validation_split` must be in [0, 1). Received: validation_split={share!r}")
        if feeding.is_iterable_of_batches(x):
            raise ValueError("`validation_split` needs arrays; give validation_data when x is an iterable of batches")
        self._build_for(x)
        inputs, targets, weights = self._prepare(x, y, weights, True)
        count = len(inputs[0])
        at = int(count * (1.0 - share))
        if at == 0 or at == count:
            raise ValueError(f"`validation_split`={share} of {count} examples leaves no examples on one side")

        def part(index: np.ndarray) -> tuple[Any, Any, Any]:
            whole = [value[index] for value in inputs], [value[index] for value in targets]
            single = [values[0] if len(values) == 1 else values for values in whole]
            return single[0], self._targets_as_given(single[1]), None if weights is None else weights[index]

        head, tail = part(np.arange(at)), part(np.arange(at, count))
        return head[0], head[1], head[2], tail if tail[2] is not None else tail[:2]

    def _targets_as_given(self, targets: Any) -> Any:
        """Targets per loss in the form that `_target_list` takes back."""
        compiled = self._settle()
        if len(compiled.output_names) == 1:
            return targets
        values = targets if isinstance(targets, list) else [targets]
        return {compiled.output_names[n]: value for n, value in zip(compiled.active, values, strict=True)}

    def _validation_feed(self, data: Any, batch_size: Any, steps: int | None) -> Any:
        if data is None:
            return None
        if feeding.is_iterable_of_batches(data):
            return IterableBatches(data, self._batch, steps)
        if not isinstance(data, (tuple, list)) or len(data) not in (2, 3):
            raise ValueError(
                "`validation_data` must be (x, y), (x, y, sample_weight) or an iterable of batches. "
                f"Received: {type(data).__name__}"
            )
        return self._feed(data[0], data[1], batch_size, data[2] if len(data) == 3 else None, None, steps, None)

    def _warn_single_class(self, feed: ArrayBatches) -> None:
        compiled = self._settle()
        for number, target in zip(compiled.active, feed.targets, strict=True):
            spec = compiled.targets[number]
            classes = spec.target == "classes" or (spec.target == "binary" and spec.units == 1)
            if classes and len(target) > 1 and target.min() == target.max():
                warnings.warn(f"{spec.name} holds only the class {target.flat[0]:g}: nothing can be learned", stacklevel=4)

    # -- evaluate ----------------------------------------------------------------------------------------------------------
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """The loss and metrics on data: a number, a list in the order of `metrics_names`, or a dict. As keras.Model.evaluate."""
        self._require_compiled("evaluate")
        with self._exclusive():
            feed = self._feed(x, y, batch_size, sample_weight, None, steps, None)
            show = checked_verbose(verbose)
            watching = CallbackList(callbacks, self, {"verbose": show, "steps": feed.steps})
            progress = Progress(show, steps or feed.steps)
            try:
                tally = self._evaluate_feed(feed, watching, progress, steps)
                progress.close(tally.logs())
            finally:
                progress.close()
            if return_dict:
                return tally.logs()
            values = [float(value) for value in tally.values()]
            return values[0] if len(values) == 1 else values

    def _evaluate_feed(
        self, feed: Any, watching: CallbackList, progress: Progress | None, steps: int | None = None
    ) -> Tally:
        watching.call("on_test_begin", {})
        tally = None
        before, after = watching.listens("on_test_batch_begin"), watching.listens("on_test_batch_end")
        for number, (inputs, targets, weights, count) in enumerate(feed.epoch(0)):
            compiled = self._settle()
            tally = tally or compiled.tally()
            if before:
                watching.call("on_test_batch_begin", number, {})
            result = self._program("test").test_step(inputs, targets, weights, compiled.want_outputs)
            tally.add(result, targets, weights, count)
            if progress:
                progress.step(count, tally.logs)
            if after:
                watching.call("on_test_batch_end", number, tally.logs())
            if steps is not None and number + 1 >= steps:
                break
        if tally is None:
            raise ValueError("x gave no batches: it is empty, or a generator that has already ended")
        watching.call("on_test_end", tally.logs())
        return tally

    # -- predict -----------------------------------------------------------------------------------------------------------
    def predict(
        self, x: Any, batch_size: int | None = None, verbose: Any = 0, steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The outputs for x: an array (examples, units), or a list of them for several outputs. As keras.Model.predict.

        `x` as in `fit`; a list of texts when the model has a text encoder.
        """
        show = checked_verbose(verbose)
        with self._exclusive():
            self._build_for(x)
            if feeding.is_iterable_of_batches(x):
                pieces = [self._forward(item[0] if isinstance(item, tuple) else item) for item in _first(x, steps)]
                if not pieces:
                    raise ValueError("x gave no batches: it is empty, or a generator that has already ended")
                outputs = [_join([piece[number] for piece in pieces]) for number in range(len(self.outputs))]
                return outputs[0] if len(outputs) == 1 else outputs
            inputs = [
                feeding.prepare_input(spec, part, True)
                for spec, part in zip(self._specs, self._input_list(x), strict=True)
            ]
            feeding.same_length({spec.name: part for spec, part in zip(self._specs, inputs, strict=True)})
            feed = ArrayBatches(inputs, [], None, _batch_size(batch_size), None)
            watching = CallbackList(callbacks, self, {"verbose": show, "steps": feed.steps})
            watching.call("on_predict_begin", {})
            progress = Progress(show, feed.steps)
            program = self._program("predict")
            pieces = []
            try:
                for parts, _, _, count in feed.epoch(0):
                    pieces.append(program.forward(parts))
                    progress.step(count)
                    if steps is not None and len(pieces) >= steps:
                        break
                progress.close({})
            finally:
                progress.close()
            watching.call("on_predict_end", {})
        outputs = [_join([piece[number] for piece in pieces]) for number in range(len(self.outputs))]
        return outputs[0] if len(outputs) == 1 else outputs

    def _forward(self, x: Any, training: bool = False) -> list[np.ndarray]:
        inputs = [
            feeding.raw(feeding.prepare_input(spec, part))
            for spec, part in zip(self._specs, self._input_list(x), strict=True)
        ]
        if not training:
            return self._program("predict").forward(inputs)
        return self._program("forward").forward(inputs, True, self.optimizer.iterations if self.optimizer else 0)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch. As keras.Model.predict_on_batch."""
        with self._exclusive():
            self._build_for(x)
            outputs = self._forward(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def predict_labels(self, x: Any, batch_size: int | None = None) -> list[Any]:
        """The most likely label of each example: from `model.labels`, or the class number where they are not set.

        Raises ValueError unless the model has one flat output.
        """
        if len(self.outputs) != 1 or len(self.outputs[0].shape) != 2:
            raise ValueError("predict_labels needs a model with one output of shape (batch, classes)")
        outputs = self.predict(x, batch_size)
        if outputs.shape[1] == 1:
            threshold = 0.5
            loss = self._compiled.losses[0] if self._compiled else None
            if getattr(loss, "from_logits", False):
                threshold = 0.0
            classes = (outputs[:, 0] > threshold).astype(int)
        else:
            classes = outputs.argmax(axis=1)
        return [self.labels[number] for number in classes] if self.labels else classes.tolist()

    # -- one batch ---------------------------------------------------------------------------------------------------------
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One training step on this batch; returns its loss, a list with its metrics, or a dict. As keras.Model.train_on_batch."""
        return self._on_batch(True, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """The loss and metrics of this batch, without training. As keras.Model.test_on_batch."""
        return self._on_batch(False, x, y, sample_weight, None, return_dict)

    def _on_batch(self, train: bool, x: Any, y: Any, weights: Any, class_weight: Any, return_dict: bool) -> Any:
        if self._compile_arguments is None:
            self._require_compiled("train_on_batch" if train else "test_on_batch")
        me = threading.get_ident()
        nested = self._owner == me
        if not nested:
            self._acquire(me)
        try:
            inputs, targets, weights, count = self._batch((x, y, weights), class_weight)
            compiled = self._compiled or self._settle()
            if train:
                result = self._train_step(inputs, targets, weights, compiled.want_outputs)
            else:
                result = self._program("test").test_step(inputs, targets, weights, compiled.want_outputs)
            if compiled.simple:
                values = [result[0][0], *(result[2][0] / count for _ in compiled.meters)]
            else:
                tally = compiled.tally()
                tally.add(result, targets, weights, count)
                values = tally.values()
            if return_dict:
                return dict(sorted(zip(compiled.names, map(float, values), strict=True)))
            return values[0] if len(values) == 1 else values
        finally:
            if not nested:
                self._release()

    # -- what Model defines ------------------------------------------------------------------------------------------------
    def _is_built(self) -> bool:
        raise NotImplementedError

    def _build_for(self, x: Any) -> None:
        raise NotImplementedError

    def _lower(self, kind: str) -> Any:
        raise NotImplementedError


def _listed(callbacks: Any) -> list[Any]:
    return [] if callbacks is None else list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _positive(argument: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"`{argument}` must be a positive integer. Received: {argument}={value!r}")
    return int(value)


def _batch_size(value: Any) -> int:
    return 32 if value is None else _positive("batch_size", value)


def _check_epochs(epochs: Any, initial_epoch: Any) -> None:
    for argument, value in (("epochs", epochs), ("initial_epoch", initial_epoch)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise ValueError(f"`{argument}` must be an integer >= 0. Received: {argument}={value!r}")


def _due(frequency: Any) -> Any:
    """Whether an epoch is validated: every n-th, or those listed (both count from 1)."""
    if isinstance(frequency, (list, tuple, set)):
        return lambda epoch: epoch + 1 in frequency
    every = _positive("validation_freq", frequency)
    return lambda epoch: (epoch + 1) % every == 0


def _first(source: Any, steps: int | None) -> Iterator[Any]:
    for number, item in enumerate(source):
        if steps is not None and number >= steps:
            return
        yield item


def _join(pieces: list[np.ndarray]) -> np.ndarray:
    """Batches below each other; shorter sequences get zeros behind."""
    if len(pieces) == 1:
        return pieces[0]
    if pieces[0].ndim == 3 and len({piece.shape[1] for piece in pieces}) > 1:
        longest = max(piece.shape[1] for piece in pieces)
        pieces = [np.pad(piece, ((0, 0), (0, longest - piece.shape[1]), (0, 0))) for piece in pieces]
    return np.concatenate(pieces)
