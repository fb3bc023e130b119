"""predict and its relatives: the part of a model that computes outputs."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np

from ..callbacks import CallbackList
from ..lowering.binding import BoundProgram
from ..lowering.carried_states import carrying
from ..text.rows import is_text
from .batches import NO_BATCHES, ArrayBatches, raw
from .data_adapter import BATCH_SIZE, Preparation, checked_batch_size, positive
from .exclusive_use import Exclusive
from .progress import Progress, checked_verbose

MOST_AT_ONCE = 4096
ROOM = 64 << 20
"""Examples of a batch, and bytes of its workspace, up to which predict makes batches larger by itself."""


class Predictor(Preparation, Exclusive):
    """What a model inherits to run programs forward; programs are made when first needed and kept."""

    outputs: list[Any]
    labels: list[Any] | None
    seed: int

    def __init__(self) -> None:
        super().__init__()
        self.optimizer: Any = None
        self._compiled: Any = None
        self._programs: dict[str, BoundProgram] = {}
        self._carrier: Any = None  # callbacks.CarryState while it has the recurrent layers go on

    def _program(self, kind: str) -> Any:
        """The core's program for "train", "test" (with losses) or "predict", bound to the present arrays."""
        bound = self._programs.get(kind)
        if bound is None:
            optimizer = self.optimizer if kind in ("train", "test") else None
            lowered = self._lower(kind)
            if self._carrier is not None and kind in ("train", "test"):
                lowered, states = carrying(lowered, self._carrier.batch_size)
                self._carrier.take(kind, states)
            bound = self._programs[kind] = BoundProgram(
                lowered, self.seed, optimizer, kind == "train", kind in ("train", "forward")
            )
        return bound.ready()

    def _lower(self, kind: str) -> Any:
        raise NotImplementedError

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """The outputs for x: an array (examples, units), or a list of them for several outputs. As
        keras.Model.predict.

        `x` as in `fit`; a list of texts when the model has a text encoder; or an iterable of x, (x,), (x, y)
        or (x, y, sample_weight), of which `steps` batches are taken (None: all). `batch_size=None`: batches
        of 32, and larger ones as long as memory allows where examples cannot change each other's results
        (flat outputs, no stateful layers, none written in Python).
        """
        show = checked_verbose(verbose)
        steps = None if steps is None else positive("steps", steps)
        with self._exclusive():
            if not show and callbacks is None and steps is None and self._is_one_batch(x, batch_size):
                return self._predicted_texts(x)
            feed = self._unlabelled_feed(x, batch_size, steps)
            watching = CallbackList(callbacks, self, {"verbose": show, "steps": feed.steps})
            watching.call("on_predict_begin", {})
            progress = Progress(show, feed.steps)
            grows = batch_size is None and steps is None and isinstance(feed, ArrayBatches)
            pieces = []
            try:
                with closing(feed.once()) as batches:
                    for parts, _, _, count in batches:
                        program = self._program("predict")
                        pieces.append(program.forward(parts))
                        progress.step(count, batches=-(-count // BATCH_SIZE) if grows else 1)
                        if grows:
                            feed.batch_size = max(feed.batch_size, self._next_size(count, program))
                if not pieces:
                    raise ValueError(NO_BATCHES)
                progress.close({})
            finally:
                progress.close()
            watching.call("on_predict_end", {})
        outputs = [_join([piece[number] for piece in pieces]) for number in range(len(self.outputs))]
        return outputs[0] if len(outputs) == 1 else outputs

    def _next_size(self, count: int, program: Any) -> int:
        """How many examples a batch may have after one of `count`: many share their words, and go faster."""
        flat = all(len(output.shape) == 2 for output in self.outputs)  # others are as long as their batch
        if not flat or not self._programs["predict"].rows_are_alone:
            return count
        return min(MOST_AT_ONCE, count * min(8, ROOM // max(1, program.step_bytes)))

    @staticmethod
    def _is_one_batch(texts: Any, batch_size: int | None) -> bool:
        """Whether these are raw texts that fit one batch: then nothing around the step is needed."""
        return is_text(texts) and len(texts) <= checked_batch_size(batch_size)

    def _predicted_texts(self, texts: Any) -> Any:
        self._build_for(texts)
        outputs = self._forward(texts)
        return outputs[0] if len(outputs) == 1 else outputs

    def _forward(self, x: Any, training: bool = False) -> list[np.ndarray]:
        inputs = [raw(part) for part in self._prepare_inputs(x, False)]
        if not training:
            return self._program("predict").forward(inputs)
        return self._program("forward").forward(inputs, True, self.optimizer.steps if self.optimizer else 0)

    def predict_on_batch(self, x: Any) -> Any:
        """The outputs for one batch. As keras.Model.predict_on_batch."""
        with self._exclusive():
            self._build_for(x)
            outputs = self._forward(x)
        return outputs[0] if len(outputs) == 1 else outputs

    def predict_labels(self, x: Any, batch_size: int | None = None) -> list[Any]:
        """The most likely label of each example: from `model.labels`, or the class number where they are not
        set.

        Raises ValueError unless the model has one flat output.
        """
        if len(self.outputs) != 1 or len(self.outputs[0].shape) != 2:
            raise ValueError("predict_labels needs a model with one output of shape (batch, classes)")
        outputs = self.predict(x, batch_size, verbose=0)
        if outputs.shape[1] == 1:
            threshold = 0.5
            loss = self._compiled.losses[0] if self._compiled else None
            if getattr(loss, "from_logits", False):
                threshold = 0.0
            classes = (outputs[:, 0] > threshold).astype(int)
        else:
            classes = outputs.argmax(axis=1)
        return [self.labels[number] for number in classes] if self.labels else classes.tolist()


def _join(pieces: list[np.ndarray]) -> np.ndarray:
    """Batches below each other; shorter sequences get zeros behind."""
    if len(pieces) == 1:
        return pieces[0]
    if pieces[0].ndim == 3 and len({piece.shape[1] for piece in pieces}) > 1:
        longest = max(piece.shape[1] for piece in pieces)
        pieces = [np.pad(piece, ((0, 0), (0, longest - piece.shape[1]), (0, 0))) for piece in pieces]
    return np.concatenate(pieces)
