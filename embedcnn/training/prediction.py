"""predict and its relatives: the part of a model that computes outputs."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np

from ..callbacks import CallbackList
from ..text.rows import is_text
from .batches import NO_BATCHES, ArrayBatches, raw
from .data_adapter import BATCH_SIZE, checked_batch_size
from .fit_arguments import positive
from .progress import Progress, checked_verbose

if TYPE_CHECKING:
    from ..lowering.programs import Programs
    from .data_adapter import DataAdapter
    from .exclusive_use import ExclusiveUse
    from .settings import Compilation

MOST_AT_ONCE = 4096
ROOM = 64 << 20
"""Examples of a batch, and bytes of its workspace, up to which predict makes batches larger by itself."""


class Prediction:
    """Runs the programs of one model forward."""

    def __init__(
        self,
        model: Any,
        compilation: Compilation,
        adapter: DataAdapter,
        programs: Programs,
        use: ExclusiveUse,
    ) -> None:
        self._model, self._compilation, self._adapter = model, compilation, adapter
        self._programs, self._use = programs, use

    def predict(self, x: Any, batch_size: int | None, verbose: Any, steps: int | None, callbacks: Any) -> Any:
        """As Model.predict."""
        show = checked_verbose(verbose)
        steps = None if steps is None else positive("steps", steps)
        with self._use:
            if not show and callbacks is None and steps is None and self._is_one_batch(x, batch_size):
                return self._predicted_texts(x)
            feed = self._adapter.unlabelled_feed(x, batch_size, steps)
            watching = CallbackList(callbacks, self._model, {"verbose": show, "steps": feed.steps})
            watching.call("on_predict_begin", {})
            progress = Progress(show, feed.steps)
            grows = batch_size is None and steps is None
            growing = feed if grows and isinstance(feed, ArrayBatches) else None
            pieces = []
            try:
                with closing(feed.once()) as batches:
                    for parts, _, _, count in batches:
                        program = self._programs.ready("predict")
                        pieces.append(program.forward(parts))
                        progress.step(count, batches=-(-count // BATCH_SIZE) if growing else 1)
                        if growing is not None:
                            growing.batch_size = max(growing.batch_size, self._next_size(count, program))
                if not pieces:
                    raise ValueError(NO_BATCHES)
                progress.close({})
            finally:
                progress.close()
            watching.call("on_predict_end", {})
        outputs = [_join([piece[number] for piece in pieces]) for number in range(len(self._model.outputs))]
        return outputs[0] if len(outputs) == 1 else outputs

    def _next_size(self, count: int, program: Any) -> int:
        """How many examples a batch may have after one of `count`: many share their words, and go faster."""
        flat = all(len(output.shape) == 2 for output in self._model.outputs)  # others: as long as their batch
        if not flat or not self._programs.bound("predict").rows_are_alone:
            return count
        return min(MOST_AT_ONCE, count * min(8, ROOM // max(1, program.step_bytes)))

    @staticmethod
    def _is_one_batch(texts: Any, batch_size: int | None) -> bool:
        """Whether these are raw texts that fit one batch: then nothing around the step is needed."""
        return hasattr(texts, "__len__") and len(texts) <= checked_batch_size(batch_size) and is_text(texts)

    def _predicted_texts(self, texts: Any) -> Any:
        self._model._build_for(texts)
        outputs = self._forward(texts)
        return outputs[0] if len(outputs) == 1 else outputs

    def _forward(self, x: Any, training: bool = False) -> list[np.ndarray]:
        inputs = [raw(part) for part in self._adapter.prepare_inputs(x, False)]
        if not training:
            return self._programs.ready("predict").forward(inputs)
        optimizer = self._compilation.optimizer
        return self._programs.ready("forward").forward(inputs, True, optimizer.steps if optimizer else 0)

    def on_batch(self, x: Any, training: bool = False) -> Any:
        """As Model.predict_on_batch, and as calling a model; with `training` dropout drops."""
        with self._use:
            self._model._build_for(x)
            outputs = self._forward(x, training)
        return outputs[0] if len(outputs) == 1 else outputs

    def labels(self, x: Any, batch_size: int | None) -> list[Any]:
        """As Model.predict_labels."""
        if len(self._model.outputs) != 1 or len(self._model.outputs[0].shape) != 2:
            raise ValueError("predict_labels needs a model with one output of shape (batch, classes)")
        outputs = self._model.predict(x, batch_size, verbose=0)
        if outputs.shape[1] == 1:
            threshold = 0.5
            compiled = self._compilation.compiled
            loss = compiled.losses[0] if compiled else None
            if getattr(loss, "from_logits", False):
                threshold = 0.0
            classes = (outputs[:, 0] > threshold).astype(int)
        else:
            classes = outputs.argmax(axis=1)
        return [self._model.labels[number] for number in classes] if self._model.labels else classes.tolist()


def _join(pieces: list[np.ndarray]) -> np.ndarray:
    """Batches below each other; shorter sequences get zeros behind."""
    if len(pieces) == 1:
        return pieces[0]
    if pieces[0].ndim == 3 and len({piece.shape[1] for piece in pieces}) > 1:
        longest = max(piece.shape[1] for piece in pieces)
        pieces = [np.pad(piece, ((0, 0), (0, longest - piece.shape[1]), (0, 0))) for piece in pieces]
    return np.concatenate(pieces)
