"""TensorBoard: scalars, histograms of weights and texts of a training, as files that TensorBoard shows.

The package tensorboardX (extra `tensorboard`) writes them; nothing of TensorFlow is needed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..base.checked import checked
from .base import Callback, Logs


class TensorBoard(Callback):
    """Writes the logs below `log_dir`, in its folders train and validation, for TensorBoard. As
    keras.callbacks.TensorBoard.

    After each epoch the tags epoch_loss, epoch_learning_rate and so on; with `update_freq` "batch", or every
    so many batches, also batch_loss and the like. `histogram_freq`: epochs from one histogram of each weight
    to the next, 0: none. `write_graph` writes the summary of the model as a text. `samples`, a function of
    the epoch, gives a text, or a dict of texts by name, to be read beside the curves, as one that a language
    model has written. Raises ImportError without tensorboardX, ValueError for what it cannot write
    (`write_images`, `profile_batch`, `embeddings_freq`) and other values.

    >>> callback = TensorBoard("logs", histogram_freq=1)  # doctest: +SKIP
    """

    writes = True

    @checked
    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: None = None,
        samples: Callable[[int], str | Mapping[str, str]] | None = None,
    ) -> None:
        left_out: dict[str, Any] = {"write_images": write_images, "profile_batch": profile_batch}
        left_out |= {"embeddings_freq": embeddings_freq, "embeddings_metadata": embeddings_metadata}
        for name, value in left_out.items():
            if not (value is None or value is False or type(value) is int and value == 0):
                raise ValueError(
                    f"`{name}` must be left out: weights are shown as histograms, model.profile tells where "
                    f"the time goes, and WordVectors.save writes vectors. Received: {name}={value!r}"
                )
        if samples is not None and not callable(samples):
            raise TypeError(f"`samples` must be a function of the epoch. Received: samples={samples!r}")
        if not isinstance(update_freq, str) or update_freq not in ("epoch", "batch"):
            update_freq = integer("update_freq", update_freq, 1)
        self.log_dir, self.update_freq, self.samples = os.fspath(log_dir), update_freq, samples
        self.histogram_freq = integer("histogram_freq", histogram_freq, 0)
        self.write_graph = write_graph
        self.write_steps_per_second = write_steps_per_second
        self.ignored = ("on_train_batch_end", "on_test_end") if update_freq == "epoch" else ()
        self._every = 1 if update_freq == "batch" else update_freq
        self._new_writer = _writer_class()
        self._writers: dict[str, Any] = {}
        self._step = 0

    def _writer(self, part: str) -> Any:
        """What writes below the folder of this name; a folder appears with its first value."""
        if part not in self._writers:
            self._writers[part] = self._new_writer(os.path.join(self.log_dir, part))
        return self._writers[part]

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.write_graph and self.model.built:
            lines: list[str] = []
            self.model.summary(print_fn=lines.append)
            text = "\n".join(f"    {line}" for line in "\n".join(lines).split("\n"))  # as code
            self._writer("train").add_text("keras", text, 0)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._step += 1
        if self._step % int(self._every) == 0:
            self._scalars("batch_", logs or {}, self._step)

    def on_test_end(self, logs: Logs | None = None) -> None:
        for name, value in (logs or {}).items():
            if not np.ndim(value):
                tag = f"evaluation_{name}_vs_iterations"
                self._writer("validation").add_scalar(tag, float(value), self.model.optimizer.iterations)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._began = time.perf_counter(), self.model.optimizer.steps

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {"learning_rate": self.model.optimizer.rate(), **(logs or {})}
        if self.write_steps_per_second:
            began, steps = self._began
            logs["steps_per_second"] = (self.model.optimizer.steps - steps) / (time.perf_counter() - began)
        self._scalars("epoch_", logs, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.weights:
                self._writer("train").add_histogram(f"{variable.path}/histogram", variable.read(), epoch)
        if self.samples is not None:
            given = self.samples(epoch)
            for name, text in ({"sample": given} if isinstance(given, str) else given).items():
                self._writer("train").add_text(name, text, epoch)
        for writer in self._writers.values():
            writer.flush()

    def _scalars(self, prefix: str, logs: Logs, step: int) -> None:
        for name, value in logs.items():
            if not np.ndim(value):
                part = "validation" if name.startswith("val_") else "train"
                self._writer(part).add_scalar(prefix + name.removeprefix("val_"), float(value), step)

    def on_train_end(self, logs: Logs | None = None) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def get_state(self) -> dict[str, Any]:
        return {"step": self._step}

    def set_state(self, state: dict[str, Any]) -> None:
        self._step = state["step"]


def _writer_class() -> Any:
    try:
        from tensorboardX import SummaryWriter  # lazy: an extra
    except ImportError:
        raise ImportError(
            "callbacks.TensorBoard needs the package tensorboardX: pip install 'embedcnn[tensorboard]'"
        ) from None
    return SummaryWriter
