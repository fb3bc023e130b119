"""predict and its relatives: the part of a model that computes outputs."""

from __future__ import annotations

import itertools
import math
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..base.arguments import positive_integer
from ..base.random_seeds import step_of_element
from ..base.unkept import Unkept
from ..callbacks import CallbackList
from ..runtime import processors
from ..text.rows import has_no_rows, is_empty, is_text
from .batches import NO_BATCHES, ArrayBatches, raw, warn_if_short
from .data_adapter import BATCH_SIZE, checked_batch_size
from .input_data import is_iterable_of_batches, sizes_of
from .own_steps import own_step
from .progress import Progress, shown_here

if TYPE_CHECKING:
    from ..lowering.binding import BoundProgram
    from ..lowering.programs import Programs
    from ..runtime import _core
    from .data_adapter import DataAdapter
    from .settings import Compilation

AT_ONCE = max(2, processors())
"""How many threads predict on one model at once, each with activations of its own; others wait."""
MOST_AT_ONCE = 4096
ROOM = 64 << 20
"""Examples of a batch, and bytes of its workspace, up to which predict makes batches larger by itself."""


class Prediction:
    """Runs the programs of one model forward, for any number of threads: each is lent a program of its own,
    and none reads weights while a training step writes them.
    """

    _model = Unkept()

    def __init__(
        self,
        model: Any,
        compilation: Compilation,
        adapter: DataAdapter,
        programs: Programs,
        access: _core.Access,
    ) -> None:
        self._model, self._compilation, self._adapter = model, compilation, adapter
        self._programs, self._access = programs, access
        self._drawn = itertools.count(1)  # predictions, where layers are random in them too
        self._called = itertools.count()  # calls with training=True

    def predict(self, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
        """As Model.predict."""
        show = shown_here(verbose)
        steps = None if steps is None else positive_integer("steps", steps)
        if (nothing := self._of_nothing(x)) is not None:
            return nothing
        if not show and callbacks is None and steps is None:
            if self._is_array_of_one_batch(x, batch_size):
                return self.on_batch(x, whole=True)
            if self._is_one_batch(x, batch_size):
                return self.predict_on_batch(x)
        feed = self._adapter.unlabelled_feed(x, batch_size, steps)
        watching = CallbackList(callbacks, self._model, {"verbose": show, "steps": feed.steps})
        watching.call("on_predict_begin", {})
        before, after = watching.listens("on_predict_batch_begin"), watching.listens("on_predict_batch_end")
        progress = Progress(show, feed.steps)
        grows = batch_size is None and steps is None and not before and not after
        growing = feed if grows and isinstance(feed, ArrayBatches) else None
        own = own_step(self._model, "predict_step")
        pieces: list[list[np.ndarray]] = []
        try:
            with closing(feed.once()) as batches:
                for number, (parts, _, _, count) in enumerate(batches):
                    if before:
                        watching.call("on_predict_batch_begin", number, {})
                    if own is None:
                        outputs, room = self._run("predict", parts, grows=growing is not None)
                    else:
                        outputs, room = _listed(own(self._adapter.as_given(parts))), 1
                    pieces.append(outputs)
                    progress.step(count, batches=-(-count // BATCH_SIZE) if growing else 1)
                    if after:
                        shown = self._model._as_outputs(outputs)
                        watching.call("on_predict_batch_end", number, {"outputs": shown})
                    if growing is not None:
                        growing.batch_size = max(growing.batch_size, min(MOST_AT_ONCE, count * room))
            if not pieces:
                raise ValueError(NO_BATCHES)
            progress.close({})
            warn_if_short("x", len(pieces), steps)
        finally:
            progress.close()
        watching.call("on_predict_end", {})
        open_images = any(spec.open_image for spec in self._adapter.specs)
        joined = [_join([piece[number] for piece in pieces], open_images) for number in range(len(pieces[0]))]
        return self._model._as_outputs(joined)

    def _run(
        self, kind: str, inputs: list[Any], *more: Any, grows: bool = False
    ) -> tuple[list[np.ndarray], int]:
        """The outputs for a batch and, if that `grows`, how many times as large the next one may be."""
        sizes = sizes_of(self._adapter.specs, inputs)
        while True:
            pool = self._programs.pool(kind, sizes)
            with self._access.changing() if pool.writes else self._access.reading():
                if pool.forgotten:
                    continue  # while this thread waited, the model has become another one
                bound = pool.take()
                try:
                    program = bound.ready()
                    if bound.draws and not more:  # other numbers each time
                        more = False, next(self._drawn)
                    outputs = program.forward(inputs, *more)
                    return outputs, self._growth(bound, program) if grows else 1
                finally:
                    pool.give_back(bound)

    def _growth(self, bound: BoundProgram, program: Any) -> int:
        """By how much a batch may grow: many examples share their words, and go faster."""
        flat = all(len(output.shape) == 2 for output in self._model.outputs)  # others: as long as their batch
        if not flat or not bound.rows_are_alone:
            return 1
        return min(8, ROOM // max(1, program.step_bytes))

    @staticmethod
    def _is_one_batch(texts: Any, batch_size: int | None) -> bool:
        """Whether these are raw texts that fit one batch: then nothing around the step is needed."""
        return hasattr(texts, "__len__") and len(texts) <= checked_batch_size(batch_size) and is_text(texts)

    def _is_array_of_one_batch(self, x: Any, batch_size: int | None) -> bool:
        """The same of an array of numbers; a step of the user's own gets what batches are made of."""
        is_array = (
            type(x) is np.ndarray and x.ndim > 1 and x.dtype.kind in "fib"
        )  # images of bytes become numbers batch by batch
        fits = is_array and len(x) <= checked_batch_size(batch_size)
        return fits and own_step(self._model, "predict_step") is None

    def _of_nothing(self, x: Any) -> Any:
        """The outputs, arrays of no rows, for a list, column or array of no examples; else None, as for what
        gives batches and for an array whose shape does not fit.
        """
        model = self._model
        if not has_no_rows(x) or is_iterable_of_batches(x) or not model.built or len(model.inputs) != 1:
            return None
        sizes, expected = getattr(x, "shape", (0,))[1:], model.inputs[0].shape[1:]
        if len(sizes) > 0 and not is_empty(x):
            fits = len(sizes) == len(expected)
            if not fits or any(size not in (None, got) for size, got in zip(expected, sizes, strict=True)):
                return None
        shapes = [[size or 0 for size in tensor.shape[1:]] for tensor in model.outputs]
        return model._as_outputs([np.empty((0, *shape), np.float32) for shape in shapes])

    def predict_on_batch(self, x: Any) -> Any:
        """As Model.predict_on_batch."""
        if (nothing := self._of_nothing(x)) is not None:
            return nothing
        own = own_step(self._model, "predict_step")
        return self.on_batch(x) if own is None else self._model._as_outputs(_listed(own((x,))))

    def on_batch(self, x: Any, training: bool = False, step: int | None = None, whole: bool = False) -> Any:
        """As calling a model; with `training` dropout drops, as in this step. None: in the first call as in
        the optimizer's next step, then other values each time; in `Dataset.map` as in that of the element.
        `whole`: values are checked as predict does it.
        """
        self._adapter.build_for(x)
        inputs = [raw(part) for part in self._adapter.prepare_inputs(x, whole)]
        if not training:
            return self._model._as_outputs(self._run("predict", inputs)[0])
        optimizer = self._compilation.optimizer
        step = step_of_element() if step is None else step
        if step is None:
            step = (optimizer.steps if optimizer else 0) + (next(self._called) << 40)  # steps stay below
        outputs, _ = self._run("forward", inputs, True, step)
        return self._model._as_outputs(outputs)

    def _several_labels(self) -> bool:
        """Whether each unit answers by itself: a binary loss or, not compiled, a sigmoid at the end."""
        compiled = self._compilation.compiled
        if compiled is not None and compiled.losses[0] is not None:
            return compiled.losses[0].target == "binary"
        return self._programs.pool("predict").last_activation == "sigmoid"

    def labels(self, x: Any, batch_size: int | None, threshold: float) -> list[Any]:
        """As Model.predict_labels."""
        if isinstance(threshold, bool) or not isinstance(threshold, (int, float, np.number)):
            raise TypeError(f"`threshold` must be a number in (0, 1). Received: threshold={threshold!r}")
        if not 0 < threshold < 1:
            raise ValueError(f"`threshold` must be in (0, 1). Received: threshold={threshold!r}")
        self._adapter.build_for(x)
        if len(self._model.outputs) != 1 or len(self._model.outputs[0].shape) != 2:
            raise ValueError("predict_labels needs a model with one output of shape (batch, classes)")
        outputs = self._model.predict(x, batch_size, verbose=0)
        check_predictions(self._model.name, outputs)
        compiled = self._compilation.compiled
        loss = compiled.losses[0] if compiled else None
        logits = getattr(loss, "from_logits", False)
        chosen = outputs > (math.log(threshold / (1 - threshold)) if logits else threshold)
        names = self._model.labels
        if outputs.shape[1] == 1:
            classes = chosen[:, 0].astype(int)
        elif self._several_labels():
            found = [np.flatnonzero(row).tolist() for row in chosen]
            return [[names[number] for number in row] for row in found] if names else found
        else:
            classes = outputs.argmax(axis=1)
        return [names[number] for number in classes] if names else classes.tolist()


def check_predictions(name: str, outputs: np.ndarray) -> None:
    """ValueError where a prediction is NaN: no label is the largest."""
    wrong = np.isnan(outputs).any(axis=tuple(range(1, outputs.ndim)))
    if wrong.any():
        raise ValueError(
            f"model {name!r} predicts NaN for {int(wrong.sum())} of {len(outputs)} examples (the first is "
            f"x[{int(wrong.argmax())}]), so they have no label: its weights hold NaN or infinite numbers, as "
            "after a training whose loss became NaN"
        )


def _listed(outputs: Any) -> list[np.ndarray]:
    """What a step of the user's returns, as a list of arrays."""
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    return [np.asarray(one) for one in (outputs if isinstance(outputs, (list, tuple)) else [outputs])]


def _join(pieces: list[np.ndarray], open_images: bool) -> np.ndarray:
    """Batches below each other; shorter sequences get zeros behind. ValueError for images of other sizes."""
    if len(pieces) == 1:
        return pieces[0]
    shapes = sorted({piece.shape[1:] for piece in pieces})
    if open_images and len(shapes) > 1:
        raise ValueError(
            "What is predicted for images of several sizes forms no array: predict the batches one by one. "
            f"Received: outputs of shapes {shapes[0]} and {shapes[-1]}"
        )
    if pieces[0].ndim >= 3 and len({piece.shape[1] for piece in pieces}) > 1:
        longest = max(piece.shape[1] for piece in pieces)
        others = ((0, 0),) * (pieces[0].ndim - 2)
        pieces = [np.pad(piece, ((0, 0), (0, longest - piece.shape[1]), *others)) for piece in pieces]
    return np.concatenate(pieces)
