"""Optimizer, the base of all: learning rate, clipping, weight decay, and the state of each variable."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer, nonempty_text, one_of, optional
from ..base.arrays import aligned_copy, aligned_zeros
from ..base.checked import checked
from ..base.configuration import Configurable
from ..base.named_objects import named_object
from ..graph.variables import Variable, mark_changed, set_items
from . import schedules
from .state import VariableState


class LearningRate(float):
    """A learning rate as a number that can be told another, as Keras's variable: `assign(value)`."""

    optimizer: Optimizer

    @classmethod
    def of(cls, optimizer: Optimizer, value: float) -> LearningRate:
        rate = cls(value)
        rate.optimizer = optimizer
        return rate

    def assign(self, value: Any) -> None:
        """Sets the learning rate of the optimizer that this one was asked from."""
        self.optimizer.learning_rate = value

    def numpy(self) -> np.float32:
        """The number as NumPy has it."""
        return np.float32(self)

    def __reduce__(self) -> Any:
        return float, (float(self),)


class Optimizer(Configurable):
    """The base of the optimizers: learning rate, clipping, weight decay, accumulation, averages, state.

    `gradient_accumulation_steps` n: the gradients of n steps are averaged for one update. `use_ema`: keeps
    moving averages of the weights, `ema_momentum` of the old and the rest of the new at each step; they
    replace the weights every `ema_overwrite_frequency` updates, and at the end of `fit`. As
    keras.optimizers.Optimizer.
    """

    core_name = ""
    slot_names: tuple[str, ...] = ()
    slot_start = 0.0

    @checked
    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        gradient_accumulation_steps: int | None = None,
        embedding_update: str = "lazy",
        name: str | None = None,
        **options: Any,
    ) -> None:
        if "lr" in options:
            if learning_rate is not None:
                raise TypeError(
                    f"`lr` is an alias of `learning_rate`: give one of them. "
                    f"Received: lr={options['lr']!r}, learning_rate={learning_rate!r}"
                )
            learning_rate = options.pop("lr")
        if options:
            own = [*inspect.signature(type(self)).parameters, *inspect.signature(Optimizer).parameters, "lr"]
            allowed = [name for name in dict.fromkeys(own) if name != "options"]
            raise TypeError(
                f"Unknown arguments of {type(self).__name__}: {options}. Allowed: {', '.join(allowed)}"
            )
        self.learning_rate = self._default_rate() if learning_rate is None else learning_rate
        self.weight_decay = float(optional(finite_number, "weight_decay", weight_decay, least=0) or 0)
        clips = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(
                f"Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: {clips}"
            )
        self.clipnorm = optional(finite_number, "clipnorm", clipnorm, above=0)
        self.clipvalue = optional(finite_number, "clipvalue", clipvalue, above=0)
        self.global_clipnorm = optional(finite_number, "global_clipnorm", global_clipnorm, above=0)
        self.use_ema = use_ema
        self.ema_momentum = float(finite_number("ema_momentum", ema_momentum, least=0, most=1))
        self.ema_overwrite_frequency = optional(
            integer, "ema_overwrite_frequency", ema_overwrite_frequency, 1, 2**20
        )
        self.gradient_accumulation_steps = optional(
            integer, "gradient_accumulation_steps", gradient_accumulation_steps, 2, 2**20
        )
        self.embedding_update = one_of("embedding_update", embedding_update, ("lazy", "dense"))
        self.name = type(self).__name__.lower() if name is None else nonempty_text("name", name)
        self.counter = np.zeros(1, np.int64)
        """`steps` as an array: the core counts in the call that updates, so that no signal comes between."""
        self.states: dict[Variable, VariableState] = {}
        self.averages_in_model = False
        """Whether values and averages have changed places (callbacks.SwapEMAWeights)."""
        self._keeps: set[Variable] = set()
        self._keeps_names: list[str] = []
        self.arrays: dict[int, Variable] = {}
        """What stands for the arrays that `apply` was given, by their identity."""
        self.applied: Any = None
        """What `apply` last updated, and the program that did it."""

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "arrays": {}, "applied": None}  # neither is that of a copy

    @property
    def steps(self) -> int:
        """Training steps so far, those that only accumulated gradients too."""
        return self.counter.item()

    @steps.setter
    def steps(self, value: int) -> None:
        self.counter[0] = value

    @property
    def iterations(self) -> int:
        """Updates so far."""
        return self.steps // (self.gradient_accumulation_steps or 1)

    def _default_rate(self) -> float:
        return 0.001

    @property
    def learning_rate(self) -> Any:
        """A number, a schedule or a function of the step; what is set holds from the next step."""
        rate = self._learning_rate
        return LearningRate.of(self, rate) if isinstance(rate, float) else rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if isinstance(value, dict):
            value = schedules.deserialize(value)
        if callable(value):
            self._schedule: Callable[[int], float] | None = _of_step(value)
        else:
            value = float(finite_number("learning_rate", value, least=0))
            if getattr(self, "_schedule", None) is not None:
                raise TypeError(
                    f"the learning rate of this {type(self).__name__} is a schedule, so a number cannot take "
                    "its place (LearningRateScheduler, ReduceLROnPlateau). Make the optimizer with one, or "
                    f"give it another schedule. Received: learning_rate={value}"
                )
            self._schedule = None
        self._learning_rate: Any = value

    lr = learning_rate

    def rate(self) -> float:
        """The learning rate of the next step."""
        if self._schedule is None:
            return self._learning_rate
        return float(finite_number("learning_rate", self._schedule(self.steps), least=0))

    def state(self, variable: Variable, table: bool = False) -> VariableState:
        """The state of a variable, made when first asked for; `table`: an embedding's."""
        state = self.states.get(variable)
        if state is None:
            slots = [self._new_slot(variable.shape) for _ in self.used_slots()]
            state = self.states[variable] = VariableState(slots)
        lazy = self.use_ema and table and self.embedding_update == "lazy"
        if self.use_ema and state.average is None:
            begun = lazy and variable.dtype != "float32"  # then rows have one when they are touched
            state.average = aligned_zeros(variable.shape) if begun else aligned_copy(variable.numpy())
        if lazy and state.moves is None:
            state.moves = np.zeros(1 + variable.shape[0], np.int64)
        if self.gradient_accumulation_steps and state.accumulator is None:
            state.accumulator = aligned_zeros(variable.shape)
        if self.gradient_accumulation_steps and table and state.touched is None:
            assert state.accumulator is not None
            state.touched = np.asarray(state.accumulator.any(axis=1), np.uint8)
        return state

    def _new_slot(self, shape: tuple[int, ...]) -> np.ndarray:
        """A slot at its start; zeros take memory only where they are written, so rows that rest have none."""
        slot = aligned_zeros(shape)
        if self.slot_start:
            slot[...] = self.slot_start
        return slot

    # -- loops of one's own ----------------------------------------------------------------------------------
    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any]) -> None:
        """One update of variables from their gradients, with all settings of the optimizer. As
        keras.optimizers.Optimizer.apply.

        The variables are those of layers (`model.trainable_variables`), or float32 NumPy arrays, which change
        in place; each has its slots and its count from its first update on. A gradient has the shape of its
        variable; that of a table may be (rows, values), as `ops.vjp` and `compute_gradients` give it. None
        leaves a variable as it is, with a warning. Nothing else may use the variables meanwhile. Raises
        ValueError for shapes that do not fit, frozen variables and arrays that cannot be changed in place.

        >>> from embedcnn import ops
        >>> from embedcnn.optimizers import SGD
        >>> w, optimizer = np.zeros((2, 1), np.float32), SGD(0.25)
        >>> for _ in range(20):
        ...     y, gradients = ops.vjp(ops.dense, [[1.0, 1.0]], w)
        ...     optimizer.apply([gradients["kernel"] * (y - 4)], [w])
        >>> w.round(3).tolist(), optimizer.iterations
        ([[2.0], [2.0]], 20)
        """
        named_object("embedcnn.training.array_updates:apply")(self, list(grads), list(trainable_variables))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> int:
        """`apply` of pairs (gradient, variable), as `zip(gradients, variables)`; returns `iterations`. As
        keras.optimizers.Optimizer.apply_gradients.

        >>> import embedcnn
        >>> w = np.ones(2, np.float32)
        >>> embedcnn.optimizers.SGD(0.5).apply_gradients(zip([[1.0, 2.0]], [w])), w.tolist()
        (1, [0.5, 0.0])
        """
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])
        return self.iterations

    # -- weight decay and averages -------------------------------------------------------------------------
    def exclude_from_weight_decay(
        self, var_list: Sequence[Variable] | None = None, var_names: Sequence[str] | None = None
    ) -> None:
        """Leaves variables out of the weight decay: those of a list, and those whose path holds one of the
        names (each a regular expression), as ["bias"]. As
        keras.optimizers.Optimizer.exclude_from_weight_decay.

        Takes effect at the next step. Raises TypeError for anything but variables and names.
        """
        for variable in var_list or []:
            if not isinstance(variable, Variable):
                raise TypeError(f"`var_list` must hold variables. Received: {type(variable).__name__}")
        if isinstance(var_names, str) or not all(isinstance(name, str) for name in var_names or []):
            raise TypeError(f"`var_names` must be a list of strings. Received: var_names={var_names!r}")
        self._keeps, self._keeps_names = set(var_list or []), list(var_names or [])
        mark_changed()

    @property
    def excluded_from_weight_decay(self) -> tuple[set[Variable], list[str]]:
        """The variables and the names that `exclude_from_weight_decay` was given."""
        return self._keeps, self._keeps_names

    def decays(self, variable: Variable) -> bool:
        """Whether weight decay applies to a variable."""
        named = any(re.search(name, variable.path) for name in self._keeps_names)
        return not named and variable not in self._keeps

    def finalize_variable_values(self, variables: Sequence[Variable]) -> None:
        """Puts the moving averages in the place of the values (with `use_ema`); `fit` ends with this."""
        states = [
            (variable, state)
            for variable in variables
            if self.use_ema
            and variable.dtype != "int8"  # one that was converted, whose average waits
            and (state := self.states.get(variable))
            and state.average is not None
        ]
        if self.averages_in_model:  # SwapEMAWeights was there first
            for variable, state in states:
                assert state.average is not None  # as chosen above
                if variable.dtype == "float32":
                    state.average[...] = variable.value
                state.held.clear()
        else:
            settled = [state.settle_average(variable, self.ema_momentum) for variable, state in states]
            keys, averages = zip(*settled, strict=True) if settled else ((), ())
            owned = [variable.own() for variable, _ in states]
            both = zip(states, averages, strict=True)
            set_items(owned, keys, [variable.as_rows(average) for (variable, _), average in both])
        for variable, _ in states:
            variable.forget_masters()
        self.averages_in_model = False

    def divided(self, variables: Mapping[str, Variable]) -> list[tuple[Optimizer, Mapping[str, Variable]]]:
        """Who updates which of these variables: the optimizer all of them (MultiOptimizer divides them)."""
        return [(self, variables)]

    def used_slots(self) -> tuple[str, ...]:
        """The names of the slots that the settings need."""
        return self.slot_names

    def core_settings(self) -> dict[str, Any]:
        """The settings in the form of `Program.set_optimizer`."""
        return {
            "weight_decay": float(self.weight_decay),
            "clipnorm": float(self.clipnorm or 0.0),
            "global_clipnorm": float(self.global_clipnorm or 0.0),
            "clipvalue": float(self.clipvalue or 0.0),
            "embedding_update": self.embedding_update,
            "accumulation_steps": self.gradient_accumulation_steps or 0,
            "use_ema": int(self.use_ema),
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency or 0,
        }

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; a learning-rate function is given by its present value."""
        rate: Any = None
        if isinstance(self.learning_rate, schedules.LearningRateSchedule):
            with contextlib.suppress(ValueError):  # one of the user's without a whole get_config
                rate = schedules.serialize(self.learning_rate)
        rate = self.rate() if rate is None else rate
        return {**super().get_config(), "learning_rate": rate, "weight_decay": self.weight_decay or None}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} learning_rate={self.learning_rate}, iterations={self.iterations}>"


def _of_step(function: Callable[..., float]) -> Callable[[int], float]:
    """A learning-rate function as a function of the step; one without arguments is called without."""
    try:
        takes_step = bool(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        takes_step = True
    return function if takes_step else lambda step: function()
