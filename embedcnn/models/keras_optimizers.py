"""The state of an optimizer in files of Keras 3: numbers of updates, learning rate and slots, in the order in
which its variables are made there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import optimizers
from ..base.arguments import warn_user
from ..graph.variables import Variable
from ..optimizers.state import VariableState
from . import keras_weights
from .model import Model

ONE_BY_ONE = (optimizers.RMSprop,)
"""Keras makes their slots one kind after the other; of the others those of each weight stand side by side,
but `velocity_hat`, which comes behind all.
"""


def arrays_of(file: Any) -> list[Any] | None:
    """The arrays of the optimizer of an open file, in their order; None where it holds none."""
    group = keras_weights.child(file, "optimizer/vars")
    if group is not None:
        names = sorted((name for name in group if name.isdigit()), key=int)
        return [keras_weights.child(group, name)[()] for name in names]
    older = keras_weights.child(file, "optimizer_weights")
    version = keras_weights.text(file.attrs.get("keras_version", ""))
    if older is None or not version.startswith("3"):  # before, the order was another
        return None
    names = [keras_weights.text(name) for name in older.attrs.get("weight_names", ())]
    found = [keras_weights.child(older, name) for name in names]
    return None if any(one is None for one in found) else [one[()] for one in found]


def restore(model: Model, arrays: Sequence[Any] | None, label: str) -> None:
    """Gives the optimizer of a compiled model the state that a file holds; warns where it begins anew."""
    optimizer = model.optimizer
    if not arrays or len(np.shape(arrays[0])):
        return
    steps = int(arrays[0])
    if not steps:
        return
    variables = list(model.trainable_variables)
    rest = list(arrays[1:] if callable(optimizer.learning_rate) else arrays[2:])
    if isinstance(optimizer, optimizers.Nadam) and rest and not np.shape(rest[-1]):
        rest.pop()  # the product of what the momentum has been, which follows from the number of updates
    found = _slots(optimizer, variables, rest)
    if found is None:
        warn_user(
            f"{label}: the state of the optimizer has another form than that of {type(optimizer).__name__} "
            f"here, so it begins anew. Received: {len(arrays)} arrays for {len(variables)} weights that learn"
        )
        return
    if not callable(optimizer.learning_rate):
        optimizer.learning_rate = float(arrays[1])
    optimizer.steps = steps
    for variable, slots in zip(variables, found, strict=True):
        optimizer.states[variable] = VariableState(slots, steps)


def _slots(
    optimizer: Any, variables: Sequence[Variable], arrays: Sequence[Any]
) -> list[list[np.ndarray]] | None:
    """The slots of each variable in our order; None where the arrays are others, or there is more to them."""
    names = optimizer.used_slots()
    beside = optimizer.use_ema or (optimizer.gradient_accumulation_steps or 1) > 1
    if (
        beside
        or isinstance(optimizer, optimizers.MultiOptimizer)
        or len(arrays) != len(names) * len(variables)
    ):
        return None
    count = len(variables)
    single = len(names) if isinstance(optimizer, ONE_BY_ONE) else names.count("velocity_hat")
    joined = len(names) - single
    found = []
    for number, variable in enumerate(variables):
        places = [number * joined + one for one in range(joined)]
        places += [count * (joined + one) + number for one in range(single)]
        slots = [np.array(arrays[place], np.float32) for place in places]
        if any(slot.shape != variable.shape for slot in slots):
            return None
        found.append(slots)
    return found
