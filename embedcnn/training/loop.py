"""The training loop of a model: fit, evaluate and the one-batch forms. A step itself stands in steps.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..base.arguments import finite_number, optional, positive_integer, warn_user
from ..base.processes import present, share
from ..base.unkept import Unkept
from ..callbacks import CallbackList, History
from .batches import NO_BATCHES, ArrayBatches, cut, warn_if_short
from .fit_arguments import check_epochs, listed, validated
from .own_steps import OwnTally, own_step, unpack_x_y_sample_weight
from .progress import Progress, shown_here
from .resuming import Run
from .running_means import Tally, plain_value

if TYPE_CHECKING:
    from ..runtime import _core
    from .data_adapter import DataAdapter
    from .settings import Compilation, Compiled
    from .steps import Steps


class NoBatchesError(ValueError):
    """An iterable gave nothing."""


class TrainingLoop:
    """Runs epochs of steps for one model. What lasts (`history`, `run`, `epochs_trained`, `stop_training`)
    are attributes of the model, where callbacks find them.
    """

    _model = Unkept()

    def __init__(
        self, model: Any, compilation: Compilation, adapter: DataAdapter, steps: Steps, access: _core.Access
    ) -> None:
        self._model, self._compilation, self._adapter = model, compilation, adapter
        self._steps, self._access = steps, access
        self._counting: Tally | None = None  # what Model's own step adds to, while an overridden one runs

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None,
        epochs: int,
        verbose: Any,
        callbacks: Any,
        validation_split: float,
        validation_data: Any,
        shuffle: bool,
        class_weight: Any,
        sample_weight: Any,
        initial_epoch: int,
        steps_per_epoch: int | None,
        validation_steps: int | None,
        validation_batch_size: int | None,
        validation_freq: int | Sequence[int],
    ) -> History:
        """As Model.fit."""
        self._compilation.require("fit")
        show = shown_here(verbose)
        check_epochs(epochs, initial_epoch)
        steps_per_epoch = optional(positive_integer, "steps_per_epoch", steps_per_epoch)
        validation_steps = optional(positive_integer, "validation_steps", validation_steps)
        validation_batch_size = optional(positive_integer, "validation_batch_size", validation_batch_size)
        validation_split = finite_number(
            "validation_split", 0.0 if validation_split is None else validation_split, least=0, below=1
        )
        due = validated(validation_freq)
        model = self._model
        with self._training():
            self._adapter.learn_labels(x, y)
            if validation_split and validation_data is None:
                x, y, sample_weight, validation_data = self._adapter.split(
                    x, y, sample_weight, validation_split
                )
            seed = model.seed if shuffle else None
            feed = self._adapter.feed(x, y, batch_size, sample_weight, class_weight, steps_per_epoch, seed)
            if isinstance(feed, ArrayBatches):
                self._adapter.warn_single_class(feed)
            check = self._adapter.validation_feed(
                validation_data, validation_batch_size or batch_size, validation_steps
            )
            for batches in (feed, check):
                if isinstance(batches, ArrayBatches) and epochs - initial_epoch > 1:
                    batches.keep_ids()
            steps = feed.steps if steps_per_epoch is None else steps_per_epoch
            model.history = History()
            watching = CallbackList(
                [*listed(callbacks), model.history],
                model,
                {"verbose": show, "epochs": epochs, "steps": steps},
            )
            model.stop_training = False
            self._begin_together(
                "begins to train",
                feed,
                {"validation_data": check},
                epochs=[initial_epoch, epochs],
                steps_per_epoch=steps_per_epoch,
                callbacks=[type(one).__name__ for one in watching.callbacks],
                validation=[check is not None, validation_freq],
                class_weight=class_weight,
            )
            self._run_epochs(feed, check, watching, range(initial_epoch, epochs), steps, show, due)
            return model.history

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
        model = self._model
        run = model.run = Run(model, feed, watching.callbacks, epochs.start)
        watching.call("on_train_begin", {})
        logs: dict[str, float] = {}
        try:
            for callback in watching.callbacks:
                callback.resume(run)
            for epoch in range(run.epoch, epochs.stop):
                if not run.batch:
                    watching.call("on_epoch_begin", epoch, {})
                progress = Progress(show, steps, f"Epoch {epoch + 1}/{epochs.stop}", run.batch)
                try:
                    tally = self._run_epoch(run, watching, progress, steps)
                    if tally is None:  # a generator that has ended
                        warn_user(f"x ran out of data: epoch {epoch + 1} found none, and the training ends")
                        break
                    model.epochs_trained += 1
                    logs = self._logs(tally, settles=True)
                    if check is not None and due(epoch):
                        logs |= self._validated(check, watching, first=epoch == epochs.start)
                    progress.close(logs)
                finally:
                    progress.close()
                run.epoch, run.batch, run.taken = epoch + 1, 0, run.taken + run.batch
                watching.call("on_epoch_end", epoch, logs)
                if self._is_to_stop():
                    break
            if epochs:
                model.optimizer.finalize_variable_values(model.trainable_weights)
            run.complete = True
        finally:
            self._counting = None
            feed.close()
            try:
                watching.call("on_train_end", logs)
            finally:
                model.run = None  # it holds data and callbacks, which know the model

    def _run_epoch(
        self, run: Run, watching: CallbackList, progress: Progress, steps: int | None
    ) -> Tally | OwnTally | None:
        """One epoch, or the rest of one that a backup goes on with; None where x gave nothing more."""
        compiled, model = None, self._model
        own = own_step(model, "train_step")
        before, after = watching.listens("on_train_batch_begin"), watching.listens("on_train_batch_end")
        means = run.take_means()
        if means is not None:
            compiled = self._compilation.settle()
            tally = run.tally = self._new_tally(compiled, own, "train_step")
            tally.set_state(means)
        with closing(run.feed.epoch(model.epochs_trained)) as batches:
            for inputs, targets, weights, count in self._together(islice(batches, run.batch, None), True):
                if compiled is None:
                    compiled = self._compilation.settle()
                    tally = run.tally = self._new_tally(compiled, own, "train_step")
                if before:
                    watching.call("on_train_batch_begin", run.batch, {})
                if own is None:
                    result = self._steps.train(inputs, targets, weights, compiled)
                    amount = tally.add(result, targets, weights, count) if count else 0
                else:
                    amount = tally.take(own(self._adapter.as_given(inputs, targets, weights)), count)
                progress.step(amount * self._processes(), tally.glance, self._unit(compiled))
                run.batch += 1
                if after:
                    watching.call("on_train_batch_end", run.batch - 1, self._logs(tally))
                if model.stop_training and present() is None:
                    break
        if compiled is None:
            if not run.taken:
                raise ValueError(NO_BATCHES)
            return None
        if not model.stop_training:
            warn_if_short("x", run.batch, steps)
        return tally

    def _new_tally(self, compiled: Compiled, own: Any, name: str) -> Any:
        """What keeps the means of an epoch."""
        if own is None:
            return compiled.tally()
        tally = OwnTally(self._model, compiled, name)
        self._counting = tally.inner
        return tally

    def _validated(self, feed: Any, watching: CallbackList, first: bool) -> dict[str, Any]:
        """The logs of a validation; none, with a warning, where data that gave some before give no more."""
        counting, self._counting = self._counting, None
        try:
            tally = self._evaluate_feed(feed, watching, name="validation_data")
            return {f"val_{name}": value for name, value in tally.logs().items()}
        except NoBatchesError:
            if first:
                raise
            warn_user("validation_data ran out of data: the epoch is not validated")
            return {}
        finally:
            self._counting = counting

    def default_step(self, train: bool, data: Any) -> dict[str, Any]:
        """As Model.train_step and Model.test_step: one step, and the means so far."""
        self._compilation.require("train_step" if train else "test_step")
        with self._access.training():
            inputs, targets, weights, count = self._adapter.batch(unpack_x_y_sample_weight(data))
            compiled = self._compilation.settle()
            tally = self._counting or compiled.tally()
            step = self._steps.train if train else self._steps.test
            tally.add(step(inputs, targets, weights, compiled), targets, weights, count)
            return tally.logs()

    # -- with other processes ----------------------------------------------------------------------------
    def _processes(self) -> int:
        """How many processes compute a step, each about as much of it."""
        others = present()
        return 1 if others is None else others.size

    @contextmanager
    def _training(self) -> Iterator[None]:
        """Nobody else trains meanwhile; what ends this process ends the others that train with it."""
        others = present()
        with self._access.training():
            if others is None:
                yield
                return
            with others.together():
                yield

    def _begin_together(self, does: str, feed: Any, more: Mapping[str, Any], **what: Any) -> None:
        others = present()
        if others is not None:
            said = {name: _known(data) for name, data in {"data": feed, **more}.items() if others.shards}
            others.begin(self._model, {"does": does, **what, **said})
            feed.go_on(self._model.seed, 0, 0)  # that of the first

    def _together(self, batches: Iterable[Any], trains: bool) -> Iterable[Any]:
        """The batches; with other processes as many as these have."""
        others = present()
        return batches if others is None else others.steps(self._model, batches, trains)

    def _logs(self, tally: Any, settles: bool = False) -> dict[str, Any]:
        """The means of all processes; where it `settles`, no more will come, and the tally is that of all."""
        others = present()
        if others is None:
            return tally.logs()
        before, whole = tally.get_state(), others.summed(tally)
        tally.set_state(whole)
        if settles:
            others.settle_statistics(self._model)
            return tally.logs()
        logs = tally.logs()
        tally.set_state(before)
        return logs

    def _on_batch_together(self, train: bool, batch: Any, compiled: Compiled, return_dict: bool) -> Any:
        """As on_batch, on a batch of which each process has a part."""
        others, part = present(), share()
        assert others is not None
        others.begin_once(self._model)
        tally = compiled.tally()
        step = self._steps.train if train else self._steps.test
        given = [batch if part is None else cut(batch, part)]
        inputs, targets, weights, count = next(others.steps(self._model, given, False))
        result = step(inputs, targets, weights, compiled)
        if count:
            tally.add(result, targets, weights, count)
        tally.set_state(others.summed(tally))
        if train:
            others.settle_statistics(self._model)
        values = tally.values()
        return tally.logs() if return_dict else values[0] if len(values) == 1 else values

    def _is_to_stop(self) -> bool:
        others = present()
        return self._model.stop_training if others is None else others.any(self._model.stop_training)

    def _unit(self, compiled: Compiled) -> str:
        """What the speed of a step is told in."""
        return getattr(self._model.text_encoder, "unit", "tokens") if compiled.counts_tokens else "examples"

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None,
        verbose: Any,
        sample_weight: Any,
        steps: int | None,
        callbacks: Any,
        return_dict: bool,
    ) -> Any:
        """As Model.evaluate."""
        self._compilation.require("evaluate")
        show = shown_here(verbose)
        steps = None if steps is None else positive_integer("steps", steps)
        with self._training():
            feed = self._adapter.feed(x, y, batch_size, sample_weight, None, steps, None)
            self._begin_together("begins to evaluate", feed, {}, steps=steps)
            watching = CallbackList(callbacks, self._model, {"verbose": show, "steps": feed.steps})
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

    def _evaluate_feed(
        self, feed: Any, watching: CallbackList, progress: Progress | None = None, name: str = "x"
    ) -> Tally | OwnTally:
        watching.call("on_test_begin", {})
        tally: Any = None
        number = -1
        own = own_step(self._model, "test_step")
        before, after = watching.listens("on_test_batch_begin"), watching.listens("on_test_batch_end")
        with closing(feed.once()) as batches:
            for number, (inputs, targets, weights, count) in enumerate(self._together(batches, False)):
                compiled = self._compilation.settle()
                tally = tally or self._new_tally(compiled, own, "test_step")
                if before:
                    watching.call("on_test_batch_begin", number, {})
                if own is None:
                    result = self._steps.test(inputs, targets, weights, compiled)
                    amount = tally.add(result, targets, weights, count) if count else 0
                else:
                    amount = tally.take(own(self._adapter.as_given(inputs, targets, weights)), count)
                if progress:
                    progress.step(amount * self._processes(), tally.glance, self._unit(compiled))
                if after:
                    watching.call("on_test_batch_end", number, self._logs(tally))
        if tally is None:
            raise NoBatchesError(NO_BATCHES.replace("x gave", f"{name} gave", 1))
        warn_if_short(name, number + 1, feed.limit)
        watching.call("on_test_end", self._logs(tally, settles=True))
        return tally

    def on_batch(
        self, train: bool, x: Any, y: Any, weights: Any, class_weight: Any, return_dict: bool
    ) -> Any:
        """As Model.train_on_batch, and as Model.test_on_batch."""
        compilation = self._compilation
        if compilation.compiled is None or not compilation.compiled.active:
            compilation.require("train_on_batch" if train else "test_on_batch")
        with self._training():
            batch = self._adapter.batch((x, y, weights), class_weight)
            compiled = compilation.compiled or compilation.settle()
            if present() is not None:
                return self._on_batch_together(train, batch, compiled, return_dict)
            inputs, targets, weights, count = batch
            own = own_step(self._model, name := "train_step" if train else "test_step")
            if own is not None:
                tally = self._new_tally(compiled, own, name)
                tally.take(own(self._adapter.as_given(inputs, targets, weights)), count)
                self._counting = None
                values = tally.values()
                return tally.logs() if return_dict else values[0] if len(values) == 1 else values
            step = self._steps.train if train else self._steps.test
            result = step(inputs, targets, weights, compiled)
            values = compiled.batch_values(result, targets, weights, count)
        if return_dict:
            return compiled.named(values)
        return values[0] if len(values) == 1 else values


def _known(data: Any) -> dict[str, int] | None:
    """What tells the data of one process from those of another, before any batch is made of them."""
    if not isinstance(data, ArrayBatches):
        return None
    return {"examples": data.count, "batch_size": data.batch_size, "checksum": data.mark}
