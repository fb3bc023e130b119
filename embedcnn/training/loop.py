"""compile, fit, evaluate, predict and one-batch forms: the part of a model that runs programs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from .. import optimizers
from ..base.arguments import warn_user
from ..callbacks import CallbackList, History
from .batches import NO_BATCHES, ArrayBatches
from .data_adapter import positive
from .fit_arguments import check_epochs, listed, validated
from .gradients import Gradients, apply, compute
from .interruption import WholeSteps
from .prediction import Predictor
from .progress import Progress, checked_verbose
from .resuming import Run
from .running_means import BatchResult, Tally, plain_value
from .settings import Compiled, check_losses


class Trainer(Predictor):
    """What Model and Sequential inherit for training and prediction. Programs are made when first needed and
    kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stop_training = False
        self.history: History | None = None
        self.run: Any = None  # resuming.Run of the present or last fit
        self.epochs_trained = 0
        self._compile_arguments: dict[str, Any] | None = None

    # -- settings --------------------------------------------------------------------------------------------
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
    ) -> None:
        """Sets optimizer, loss and metrics: names, instances, or lists and dicts of them per output. As
        keras.Model.compile.

        `run_eagerly`, `steps_per_execution` and `jit_compile` are accepted for Keras's sake: every step is
        compiled C. Raises ValueError for unknown names, with a suggestion.
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
                check_losses(loss)

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
                f"You must call compile() before {method}(), as model.compile(optimizer='adam', "
                "loss='binary_crossentropy')"
            )

    @property
    def metrics(self) -> list[Any]:
        """The metrics given to `compile`."""
        return [meter.metric for meter in self._compiled.meters] if self._compiled else []

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns."""
        return list(self._compiled.names) if self._compiled else []

    # -- fit -------------------------------------------------------------------------------------------------
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

        `x`: an array, Ragged, list of texts, of lists of ids or of encodings of `tokenizers`; a list or dict
        of them for several inputs; or an iterable of batches (x, y[, sample_weight]), as a data.Dataset or a
        generator. Iterables are read, and texts encoded, by a thread that is up to five batches ahead of the
        step. `validation_split` takes the last
        examples, before shuffling. The order of an epoch depends on the model's seed (that of a Dataset on
        its own) and on how many epochs the model has been trained, so that training goes on after save and
        load as though it had not stopped. Ctrl-C keeps the weights of the last whole step. Raises ValueError
        and TypeError that name the argument.
        """
        self._require_compiled("fit")
        show = checked_verbose(verbose)
        check_epochs(epochs, initial_epoch)
        if not isinstance(shuffle, (bool, np.bool_)):
            raise ValueError(f"`shuffle` must be True or False. Received: shuffle={shuffle!r}")
        if steps_per_epoch is not None:
            steps_per_epoch = positive("steps_per_epoch", steps_per_epoch)
        if validation_steps is not None:
            validation_steps = positive("validation_steps", validation_steps)
        with self._exclusive():
            if validation_split and validation_data is None:
                x, y, sample_weight, validation_data = self._split(x, y, sample_weight, validation_split)
            seed = self.seed if shuffle else None
            feed = self._feed(x, y, batch_size, sample_weight, class_weight, steps_per_epoch, seed)
            if isinstance(feed, ArrayBatches):
                self._warn_single_class(feed)
            check = self._validation_feed(
                validation_data, validation_batch_size or batch_size, validation_steps
            )
            steps = feed.steps if steps_per_epoch is None else steps_per_epoch
            self.history = History()
            watching = CallbackList(
                [*listed(callbacks), self.history], self, {"verbose": show, "epochs": epochs, "steps": steps}
            )
            self.stop_training = False
            due = validated(validation_freq)
            self._run_epochs(feed, check, watching, range(initial_epoch, epochs), steps, show, due)
            return self.history

    def _run_epochs(
        self,
        feed: Any,
        check: Any,
        watching: CallbackList,
        epochs: range,
        steps: int | None,
        show: int,
        due: Any,
    ) -> None:
        run = self.run = Run(self, feed, watching.callbacks, epochs.start)
        watching.call("on_train_begin", {})
        logs: dict[str, float] = {}
        try:
            for callback in watching.callbacks:
                callback.resume(run)
            with WholeSteps() as guard:
                for epoch in range(run.epoch, epochs.stop):
                    if not run.batch:
                        watching.call("on_epoch_begin", epoch, {})
                    progress = Progress(show, steps, f"Epoch {epoch + 1}/{epochs.stop}")
                    try:
                        tally = self._run_epoch(run, watching, guard, progress, steps)
                        self.epochs_trained += 1
                        logs = tally.logs()
                        if check is not None and due(epoch):
                            logs |= self._evaluate_feed(check, watching).logs("val_")
                        progress.close(logs)
                    finally:
                        progress.close()
                    run.epoch, run.batch, run.taken = epoch + 1, 0, run.taken + run.batch
                    watching.call("on_epoch_end", epoch, logs)
                    if self.stop_training:
                        break
            if epochs:
                self.optimizer.finalize_variable_values(self.trainable_weights)
            run.complete = True
        finally:
            feed.close()
            watching.call("on_train_end", logs)

    def _run_epoch(
        self, run: Run, watching: CallbackList, guard: WholeSteps, progress: Progress, steps: int | None
    ) -> Tally:
        """One epoch, or the rest of one that a backup goes on with."""
        compiled = None
        before, after = watching.listens("on_train_batch_begin"), watching.listens("on_train_batch_end")
        means = run.take_means()
        if means is not None:
            compiled = self._settle()
            tally = run.tally = compiled.tally()
            tally.set_state(means)
        with closing(run.feed.epoch(self.epochs_trained)) as batches:
            for inputs, targets, weights, count in islice(batches, run.batch, None):
                if compiled is None:
                    compiled = self._settle()
                    tally = run.tally = compiled.tally()
                if before:
                    watching.call("on_train_batch_begin", run.batch, {})
                guard.inside = True
                try:
                    result = self._train_step(inputs, targets, weights, compiled)
                finally:
                    guard.leave()
                progress.step(tally.add(result, targets, weights, count), tally.glance, self._unit(compiled))
                run.batch += 1
                if after:
                    watching.call("on_train_batch_end", run.batch - 1, tally.logs())
                if self.stop_training:
                    break
        if compiled is None:
            raise ValueError(NO_BATCHES)
        if steps is not None and run.batch < steps and not self.stop_training:
            warn_user(f"x ran out of data: {run.batch} batches, but {steps} were expected")
        return tally

    def _train_step(
        self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled
    ) -> BatchResult:
        """One step; the update count of the optimizer is kept here."""
        optimizer = self.optimizer
        more = () if compiled.loss_function is None else (compiled.loss_function(targets),)
        result = self._program("train").train_step(
            inputs, targets, weights, optimizer.rate(), optimizer.steps, compiled.want_outputs, *more
        )
        optimizer.steps += 1
        return self._batch_result("train", result, compiled)

    def _test_step(
        self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled
    ) -> BatchResult:
        more = () if compiled.loss_function is None else (compiled.loss_function(targets),)
        result = self._program("test").test_step(inputs, targets, weights, compiled.want_outputs, *more)
        return self._batch_result("test", result, compiled)

    def _batch_result(self, kind: str, result: Any, compiled: Compiled) -> BatchResult:
        bound = self._programs[kind]
        sums = bound.core.loss_sums if compiled.want_sums else ()
        masks = bound.core.output_masks if compiled.want_masks else None
        penalty = bound.core.penalty if bound.penalised else 0.0
        return BatchResult(result.losses, sums, result.correct, result.outputs, penalty, masks)

    def _unit(self, compiled: Compiled) -> str:
        """What the speed of a step is told in."""
        return getattr(self.text_encoder, "unit", "tokens") if compiled.counts_tokens else "examples"

    # -- evaluate --------------------------------------------------------------------------------------------
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
        """The loss and metrics on data: a number, a list in the order of `metrics_names`, or a dict. As
        keras.Model.evaluate.
        """
        self._require_compiled("evaluate")
        show = checked_verbose(verbose)
        steps = None if steps is None else positive("steps", steps)
        with self._exclusive():
            feed = self._feed(x, y, batch_size, sample_weight, None, steps, None)
            watching = CallbackList(callbacks, self, {"verbose": show, "steps": feed.steps})
            progress = Progress(show, steps or feed.steps)
            try:
                tally = self._evaluate_feed(feed, watching, progress)
                progress.close(tally.logs())
            finally:
                progress.close()
            if return_dict:
                return tally.logs()
            values = [plain_value(value) for value in tally.values()]
            return values[0] if len(values) == 1 else values

    def _evaluate_feed(self, feed: Any, watching: CallbackList, progress: Progress | None = None) -> Tally:
        watching.call("on_test_begin", {})
        tally = None
        before, after = watching.listens("on_test_batch_begin"), watching.listens("on_test_batch_end")
        with closing(feed.once()) as batches:
            for number, (inputs, targets, weights, count) in enumerate(batches):
                compiled = self._settle()
                tally = tally or compiled.tally()
                if before:
                    watching.call("on_test_batch_begin", number, {})
                result = self._test_step(inputs, targets, weights, compiled)
                amount = tally.add(result, targets, weights, count)
                if progress:
                    progress.step(amount, tally.glance, self._unit(compiled))
                if after:
                    watching.call("on_test_batch_end", number, tally.logs())
        if tally is None:
            raise ValueError(NO_BATCHES)
        watching.call("on_test_end", tally.logs())
        return tally

    # -- one batch -------------------------------------------------------------------------------------------
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """One training step on this batch; returns its loss, a list with its metrics, or a dict. As
        keras.Model.train_on_batch.
        """
        return self._on_batch(True, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """The loss and metrics of this batch, without training. As keras.Model.test_on_batch."""
        return self._on_batch(False, x, y, sample_weight, None, return_dict)

    def compute_gradients(self, x: Any, y: Any = None, sample_weight: Any = None) -> tuple[float, Gradients]:
        """A training step on this batch up to its update: the loss, and the gradients for `apply_gradients`.

        The gradients are new arrays by the path of their weight, float32 and of its shape, those of
        regularizers included, not clipped; of an embedding table a tuple (rows, values): distinct rows,
        int32 (U,), as the batch names them first, and their gradients, float32 (U, D). Frozen weights are
        not in it. Moving statistics and states move, as in any training step; dropout is that of the next
        update, so calls before one `apply_gradients` draw the same. Raises as `train_on_batch`.

        >>> import embedcnn
        >>> model = embedcnn.Sequential([embedcnn.Input((2,)), embedcnn.layers.Dense(1, name="out")])
        >>> model.compile("adam", "mse")
        >>> loss, gradients = model.compute_gradients([[1.0, 2.0]], [[1.0]])
        >>> sorted(gradients), gradients["out/kernel"].shape
        (['out/bias', 'out/kernel'], (2, 1))
        >>> gradients["out/kernel"] *= 0.5
        >>> model.apply_gradients(gradients)
        """
        self._require_compiled("compute_gradients")
        with self._exclusive():
            return compute(self, x, y, sample_weight)

    def apply_gradients(self, gradients: Gradients) -> None:
        """The update of a training step, from a dict as `compute_gradients` returns it: of this model, of a
        copy with the same layer names, or a mean over several.

        Clipping, weight decay, accumulation, constraints and averages happen here. Rows of a table may be
        added, left out or repeated; the gradients of one row are summed. With `compute_gradients`
        before it, unchanged, the bits are those of `train_on_batch`. Raises ValueError for paths that are
        missing or do not learn, wrong shapes and rows outside the table, TypeError for what is no number.
        """
        self._require_compiled("apply_gradients")
        with self._exclusive():
            apply(self, gradients)

    def _on_batch(
        self, train: bool, x: Any, y: Any, weights: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        if self._compile_arguments is None:
            self._require_compiled("train_on_batch" if train else "test_on_batch")
        me = threading.get_ident()
        nested = self._owner == me
        if not nested:
            self._acquire(me)
        try:
            inputs, targets, weights, count = self._batch((x, y, weights), class_weight)
            compiled = self._compiled or self._settle()
            run = self._train_step if train else self._test_step
            result = run(inputs, targets, weights, compiled)
            values = compiled.batch_values(result, targets, weights, count)
            if return_dict:
                return compiled.named(values)
            return values[0] if len(values) == 1 else values
        finally:
            if not nested:
                self._release()

    def _is_built(self) -> bool:
        raise NotImplementedError
