"""One step of a model: a checked batch goes into its bound program, losses and outputs come out.

The way of a training step: Model.fit (models/model.py) → loop.py → here → lowering/binding.py (a program of
the core with the arrays of the variables) → csrc/python/program.c → csrc/program → csrc/ops.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..base.processes import present
from ..base.unkept import Unkept
from ..graph.nesting import weight_paths
from ..graph.variables import assign_all
from ..optimizers import MultiOptimizer
from . import array_updates
from .input_data import sizes_of
from .running_means import BatchResult

if TYPE_CHECKING:
    from ..lowering.programs import Programs
    from ..runtime import _core
    from .settings import Compiled


class Steps:
    """Runs single steps on the programs of a model. While a step writes weights, nobody reads them."""

    _model = Unkept()

    def __init__(self, model: Any, programs: Programs, access: _core.Access) -> None:
        self._model, self._programs, self._access = model, programs, access

    def train(self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled) -> BatchResult:
        """Forward, backward and update, which counts the optimizer's steps; of other processes too."""
        others = present()
        if others is not None:
            return others.train(self._model, inputs, targets, weights, compiled)
        optimizer = self._model.optimizer
        if isinstance(optimizer, MultiOptimizer):
            return self._train_by_several(optimizer, inputs, targets, weights, compiled)
        more = (
            ()
            if compiled.loss_function is None
            else (compiled.loss_function(targets, True, inputs, weights),)
        )
        bound = self._programs.bound("train", sizes_of(self._model._adapter.specs, inputs))
        with self._access.changing():
            rate, counter = optimizer.rate(), optimizer.counter
            if bound.written and (more or bound.calls_python):
                before = [variable.value.copy() for variable in bound.written]
            else:
                before = None
            try:
                result = bound.ready().train_step(
                    inputs, targets, compiled.weights_of(weights), rate, counter, compiled.want_outputs, *more
                )
            except BaseException:  # of functions in Python, Ctrl-C too: then there was no step
                if before is not None:
                    assign_all(bound.written, before)
                raise
            bound.constrain()
        return batch_result(bound, result, compiled)

    def _train_by_several(
        self,
        optimizer: MultiOptimizer,
        inputs: list[Any],
        targets: list[Any],
        weights: Any,
        compiled: Compiled,
    ) -> BatchResult:
        """A step whose update is that of several optimizers."""
        result = self.gradients(inputs, targets, weights, compiled)
        bound = self._programs.bound("train")
        learning = set(bound.core.learning)
        numbers = {id(one): number for number, one in enumerate(bound.variables) if number in learning}
        paths = {path: numbers.get(id(one)) for path, one in weight_paths(self._model).items()}
        found = {path: bound.core.gradient(number) for path, number in paths.items() if number is not None}
        self.update_by_several(optimizer, found)
        return result

    def update_by_several(self, optimizer: MultiOptimizer, gradients: Mapping[str, Any]) -> None:
        """The update of each optimizer from the gradients of its weights, by their paths."""
        with self._access.changing():
            for one, own in optimizer.divided(weight_paths(self._model)):
                paths = [path for path in own if path in gradients]
                if paths:
                    array_updates.apply(
                        one, [gradients[path] for path in paths], [own[path] for path in paths]
                    )
            optimizer.steps += 1

    def gradients(
        self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled
    ) -> BatchResult:
        """Forward and backward, without the update."""
        more = (
            ()
            if compiled.loss_function is None
            else (compiled.loss_function(targets, True, inputs, weights),)
        )
        bound = self._programs.bound("train", sizes_of(self._model._adapter.specs, inputs))
        with self._access.changing():  # moving statistics
            result = bound.ready().gradient_step(
                inputs,
                targets,
                compiled.weights_of(weights),
                self._model.optimizer.steps,
                compiled.want_outputs,
                *more,
            )
        return batch_result(bound, result, compiled)

    def test(self, inputs: list[Any], targets: list[Any], weights: Any, compiled: Compiled) -> BatchResult:
        """Losses and outputs; nothing changes."""
        others = present()
        if others is not None:
            return others.test(self._model, inputs, targets, weights, compiled)
        more = (
            ()
            if compiled.loss_function is None
            else (compiled.loss_function(targets, False, inputs, weights),)
        )
        bound = self._programs.bound("test", sizes_of(self._model._adapter.specs, inputs))
        with self._access.changing() if bound.writes else self._access.reading():
            result = bound.ready().test_step(
                inputs, targets, compiled.weights_of(weights), compiled.want_outputs, *more
            )
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
            core.penalty if bound.penalised and compiled.computed is None else 0.0,
            core.output_masks if compiled.want_masks else None,
        ),
    )
