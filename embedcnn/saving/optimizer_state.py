"""The state of an optimizer to arrays by name and back: optimizer.safetensors of a saved model.

Of each variable it holds the number of updates, the optimizer's slots, the moving average and the gradients
that wait for an update.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..base.arguments import warn_user
from ..base.arrays import aligned_zeros
from ..graph.stored import ARRAY_DTYPES, StoredVariable
from ..graph.variables import Variable
from ..optimizers.base import Optimizer
from ..optimizers.state import VariableState
from . import archive

STATE_NAMES = (
    *("steps", "average", "gradient_sum", "touched", "moves", "masters", "master_rows"),
    *("average_rows", "held_rows"),
)
STEPS, AVERAGE, GRADIENT_SUM, TOUCHED, MOVES, MASTERS, MASTER_ROWS, AVERAGE_ROWS, HELD = STATE_NAMES
"""What is held of a variable beside the optimizer's slots, none of which has such a name."""


def optimizer_state(optimizer: Optimizer, variables: dict[str, Variable]) -> dict[str, np.ndarray]:
    """What a file keeps of an optimizer, by the paths of the variables."""
    return {
        name: array for one, own in optimizer.divided(variables) for name, array in _state(one, own).items()
    }


def _state(optimizer: Optimizer, variables: Mapping[str, Variable]) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {}
    for path, variable in variables.items():
        state = optimizer.states.get(variable)
        if state is None:
            continue
        tensors[f"{path}/{STEPS}"] = state.steps
        for name, slot in zip(optimizer.used_slots(), state.slots, strict=True):
            tensors[f"{path}/{name}"] = slot
        if state.accumulator is not None:
            tensors[f"{path}/{GRADIENT_SUM}"] = state.accumulator
        tensors |= {f"{path}/{name}": array for name, array in _averages(variable, state)}
        if state.touched is not None:
            tensors[f"{path}/{TOUCHED}"] = state.touched.astype(np.int64)
        if state.moves is not None:
            tensors[f"{path}/{MOVES}"] = state.moves
        if isinstance(variable, StoredVariable) and variable.masters is not None:
            rows = np.flatnonzero(np.asarray(variable.mastered))
            tensors[f"{path}/{MASTER_ROWS}"] = rows.astype(np.int64)
            tensors[f"{path}/{MASTERS}"] = variable.masters[rows]
    return tensors


def _averages(variable: Variable, state: VariableState) -> Iterator[tuple[str, np.ndarray]]:
    """The moving average, of a table of fewer bits that of the rows that have one, and what it has taken the
    place of.
    """
    if state.average is None:
        return
    rows = state.averaged_rows(variable)
    yield AVERAGE, state.average if rows is None else state.average[rows]
    if rows is not None:
        yield AVERAGE_ROWS, rows.astype(np.int64)
    if state.held:
        yield HELD, state.held[0]


def restore_states(
    optimizer: Optimizer, variables: dict[str, Variable], data: bytes | None, label: str
) -> None:
    """The optimizer's state of variables that a file knows by these paths."""
    if data is None:
        return
    tensors = archive.read_tensors(data, f"{label}: optimizer.safetensors", archive.OF_WEIGHTS)
    restore_arrays(optimizer, variables, tensors, label)


def restore_arrays(
    optimizer: Optimizer, variables: dict[str, Variable], tensors: dict[str, np.ndarray], label: str
) -> None:
    """The same from arrays as `optimizer_state` gives them."""
    for one, own in optimizer.divided(variables):
        _restore(one, own, tensors, label)


def _restore(
    optimizer: Optimizer, variables: Mapping[str, Variable], tensors: dict[str, np.ndarray], label: str
) -> None:
    lost = [path for path in variables if _rename_gradient_sum(tensors, path, optimizer)]
    if lost:
        warn_user(
            f"{label}: Adagrad's accumulators of {', '.join(lost)} start anew: with "
            "gradient_accumulation_steps, the version that wrote the file lost them"
        )
    for path, variable in variables.items():
        steps = tensors.get(f"{path}/{STEPS}")
        if steps is None:
            continue
        missing = [name for name in optimizer.used_slots() if f"{path}/{name}" not in tensors]
        if missing:
            raise ValueError(
                f"{label} was trained with other settings of the optimizer: {path} has no {missing}"
            )
        slots = [np.array(tensors[f"{path}/{name}"]) for name in optimizer.used_slots()]
        waiting = tensors.get(f"{path}/{GRADIENT_SUM}")
        waiting = None if waiting is None else np.array(waiting)
        average = _average_of(variable, tensors, path, label)
        touched, moves = tensors.get(f"{path}/{TOUCHED}"), tensors.get(f"{path}/{MOVES}")
        arrays = [array for array in (*slots, average, waiting) if array is not None]
        if (
            steps.shape != (1,)
            or steps.dtype != np.int64
            or any(array.shape != variable.shape or array.dtype != np.float32 for array in arrays)
            or (touched is not None and touched.shape != variable.shape[:1])
            or (moves is not None and (moves.dtype != np.int64 or moves.shape != (1 + variable.shape[0],)))
        ):
            raise ValueError(f"{label}: the optimizer's state of {variable.path} has wrong shapes")
        marks = None if touched is None else (touched != 0).astype(np.uint8)
        moves = None if moves is None else np.array(moves)
        made = VariableState(slots, int(steps[0]), average, waiting, marks, moves)
        optimizer.states[variable] = made
        made.held = _held_of(variable, tensors.get(f"{path}/{HELD}"), label)
        masters, rows = tensors.get(f"{path}/{MASTERS}"), tensors.get(f"{path}/{MASTER_ROWS}")
        if isinstance(variable, StoredVariable) and masters is not None:
            _restore_masters(variable, masters, rows, label)


def _average_of(
    variable: Variable, tensors: Mapping[str, np.ndarray], path: str, label: str
) -> np.ndarray | None:
    """The moving average of a variable; where a file has that of some rows, those of the others."""
    average, rows = tensors.get(f"{path}/{AVERAGE}"), tensors.get(f"{path}/{AVERAGE_ROWS}")
    if average is None or rows is None:
        return None if average is None else np.array(average)
    _check_rows(variable, average, rows, "averages", label)
    whole = aligned_zeros(variable.shape) if variable.dtype != "float32" else variable.numpy()
    whole[rows] = average
    return whole


def _held_of(variable: Variable, held: np.ndarray | None, label: str) -> list[np.ndarray]:
    """The rows that wait while their averages stand in the model."""
    if held is None:
        return []
    if held.shape != variable.shape or held.dtype != ARRAY_DTYPES.get(variable.dtype):
        raise ValueError(f"{label}: the rows of {variable.path} that are held have another form")
    return [np.array(held)]


def _check_rows(
    variable: Variable, values: np.ndarray, rows: np.ndarray | None, what: str, label: str
) -> None:
    """ValueError unless these are float32 rows of a table, and which."""
    fits = rows is not None and rows.dtype == np.int64 and values.dtype == np.float32 and rows.ndim == 1
    if not fits or rows is None or values.shape != (*rows.shape, *variable.shape[1:]):
        raise ValueError(f"{label}: the {what} of {variable.path} have wrong shapes")
    if len(rows) and not (rows.min() >= 0 and rows.max() < variable.shape[0]):
        raise ValueError(f"{label}: the {what} of {variable.path} are those of other rows")


def _restore_masters(
    variable: StoredVariable, masters: np.ndarray, rows: np.ndarray | None, label: str
) -> None:
    """The float32 masters of rows that have been updated."""
    _check_rows(variable, masters, rows, "masters", label)
    variable.masters = np.zeros(variable.shape, np.float32)
    variable.mastered = np.zeros(variable.shape[0], np.uint8)
    variable.masters[rows], variable.mastered[rows] = masters, 1


def _rename_gradient_sum(tensors: dict[str, np.ndarray], path: str, optimizer: Optimizer) -> bool:
    """In files of version 0.1.0 the sum of gradients that wait is called "accumulator", which is Adagrad's
    slot too: there it took the slot's place. Whether that is so; then the slot starts anew.
    """
    old, new = f"{path}/accumulator", f"{path}/{GRADIENT_SUM}"
    if not optimizer.gradient_accumulation_steps or new in tensors or old not in tensors:
        return False
    tensors[new] = tensors.pop(old)
    if "accumulator" not in optimizer.used_slots():
        return False
    tensors[old] = np.full(tensors[new].shape, optimizer.slot_start, np.float32)
    return True


def settings_of(optimizer: Optimizer, variables: dict[str, Variable]) -> dict[str, Any]:
    """What config.json says of an optimizer beside its constructor's arguments."""
    paths, names = optimizer.excluded_from_weight_decay
    excluded = {
        "var_list": [path for path, variable in variables.items() if variable in paths],
        "var_names": names,
    }
    settings: dict[str, Any] = {"iterations": optimizer.steps}
    if any(excluded.values()):
        settings["excluded_from_weight_decay"] = excluded
    if optimizer.averages_in_model:
        settings["averages_in_model"] = True
    parts = [one for one, _ in optimizer.divided(variables) if one is not optimizer]
    if parts:
        settings["optimizers"] = [settings_of(one, variables) for one in parts]
    return settings


def restore_settings(optimizer: Optimizer, variables: dict[str, Variable], config: dict[str, Any]) -> None:
    """Puts an optimizer into the state that config.json says."""
    optimizer.steps = int(config["iterations"])
    optimizer.averages_in_model = bool(config.get("averages_in_model", False))
    excluded = config.get("excluded_from_weight_decay")
    if excluded is not None:
        optimizer.exclude_from_weight_decay(
            [variables[path] for path in excluded["var_list"]], excluded["var_names"]
        )
    parts = [one for one, _ in optimizer.divided(variables) if one is not optimizer]
    for one, own in zip(parts, config.get("optimizers", ()), strict=True):
        restore_settings(one, variables, own)
