"""One step of a model: a checked batch goes into its bound program, losses and outputs come out.

The way of a training step: Model.fit (models/model.py) → loop.py → here → lowering/binding.py (a program of
the core with the arrays of the variables) → csrc/python/program.c → csrc/program → csrc/ops.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .running_means import BatchResult

if TYPE_CHECKING:
    from ..lowering.programs import Programs
    from .settings import Compiled


class Steps:
    """Runs single steps on the programs of a model."""

    def __init__(self, model: Any, programs: Programs) -> None:
        self._model, self._programs = model, programs

    def train(self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled) -> BatchResult:
        """Forward, backward and update; the update count of the optimizer is kept here."""
        optimizer = self._model.optimizer
        more = () if compiled.loss_function is None else (compiled.loss_function(targets),)
        bound = self._programs.bound("train")
        result = bound.ready().train_step(
            inputs, targets, weights, optimizer.rate(), optimizer.steps, compiled.want_outputs, *more
        )
        optimizer.steps += 1
        return batch_result(bound, result, compiled)

    def gradients(
        self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled
    ) -> BatchResult:
        """Forward and backward, without the update."""
        more = () if compiled.loss_function is None else (compiled.loss_function(targets),)
        bound = self._programs.bound("train")
        result = bound.ready().gradient_step(
            inputs, targets, weights, self._model.optimizer.steps, compiled.want_outputs, *more
        )
        return batch_result(bound, result, compiled)

    def test(self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled) -> BatchResult:
        """Losses and outputs; nothing changes."""
        more = () if compiled.loss_function is None else (compiled.loss_function(targets),)
        bound = self._programs.bound("test")
        result = bound.ready().test_step(inputs, targets, weights, compiled.want_outputs, *more)
        return batch_result(bound, result, compiled)


def batch_result(bound: Any, result: Any, compiled: Compiled) -> BatchResult:
    """What the core returned, with what else it has been asked for."""
    core = bound.core
    return tuple.__new__(  # as BatchResult(...), in a third of its time
        BatchResult,
        (
            result.losses,
            core.loss_sums if compiled.want_sums else (),
            result.correct,
            result.outputs,
            core.penalty if bound.penalised else 0.0,
            core.output_masks if compiled.want_masks else None,
        ),
    )
