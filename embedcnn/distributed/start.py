"""The beginning of a training on several ranks: they are about to do the same, in what they can do together,
and have the weights and the optimizer's state of rank 0.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import __version__, regularizers
from ..graph.nesting import carried_states, leaf_layers, weight_paths
from ..graph.stored import StoredVariable
from ..graph.variables import Variable, mark_changed
from ..optimizers import MultiOptimizer
from ..runtime import get_float32_matmul_precision, show_config
from ..saving.optimizer_state import optimizer_state, restore_arrays, restore_settings, settings_of
from ..saving.text_settings import encoder_config
from ..training.computed_loss import computes_loss
from ..training.own_steps import own_step
from .rounds import Rounds

STATE = "gives or takes a state"
BLOCK = 1 << 12  # bytes
SHOWN = 200  # characters of a value in a message


# -- what cannot be done together ----------------------------------------------------------------------------
def refuse(model: Any, size: int) -> None:
    """NotImplementedError for what several ranks cannot train as one process does."""
    found = _alone(model)
    if found is not None:
        raise NotImplementedError(f"model {model.name!r} cannot be trained on {size} ranks together: {found}")


def _alone(model: Any) -> str | None:
    if not model.built:
        return "it has no weights yet; give it an Input, or call build(input_shape) before"
    for name in ("train_step", "test_step"):
        if own_step(model, name) is not None:
            return f"{name} is overridden, whose gradients nobody would sum; use compile's loss and metrics"
    if computes_loss(model):
        return "compute_loss is overridden, which is not known to be a mean or a sum; use compile's loss"
    own = [one.path for one in model.weights if regularizers.is_own(one.regularizer)]
    if own:
        return f"the regularizer of {own[0]} is your own, which each rank would count; use L1, L2 or L1L2"
    if model.added:
        return "it adds losses itself (add_loss), which are not known to be means or sums"
    if isinstance(model.optimizer, MultiOptimizer):
        return "MultiOptimizer divides gradients before they are summed; use learning_rate_scale of layers"
    if carried_states(model):
        return "stateful=True goes on from batch to batch, which lie on different ranks"
    for layer in leaf_layers(model.layers):
        for option in ("scale_grad_by_freq", "max_norm"):
            if getattr(layer, option, None):
                return f"{option} of layer {layer.name!r} depends on all ids of a batch; leave it out"
    return None


# -- what must be the same -----------------------------------------------------------------------------------
def refuse_what_differs(rounds: Rounds, model: Any, what: Mapping[str, Any]) -> None:
    """ValueError, on all ranks, where one is about to do something else than rank 0."""
    refuse(model, rounds.size)
    own = {**what, **_facts(model)}
    packed = json.dumps(own, default=str, sort_keys=True)
    every = [json.loads(text) for text in rounds.gather(_kind(what), packed.encode())]
    for rank, other in enumerate(every):
        for name in every[0]:
            if other.get(name) != every[0][name]:
                raise ValueError(
                    f"rank {rank} differs from rank 0 in `{name}`: {str(other.get(name))[:SHOWN]}, where "
                    f"rank 0 has {str(every[0][name])[:SHOWN]}. Every rank runs the same script with the "
                    "same arguments"
                )


def _kind(what: Mapping[str, Any]) -> str:
    return str(what["does"])


def _facts(model: Any) -> dict[str, Any]:
    optimizer, compiled = model.optimizer, model._compilation.settle()
    return {
        "version": __version__,
        "instruction_set": show_config()["instruction_set"],
        "float32_matmul_precision": get_float32_matmul_precision(),
        "weights": [[list(one.shape), one.dtype, one.trainable] for one in weight_paths(model).values()],
        "optimizer": [type(optimizer).__name__, optimizer.core_settings()],
        "loss": [None if loss is None else loss.name for loss in compiled.losses],
        "metrics": [meter.metric.name for meter in compiled.meters],
        "labels": model.labels,
        "vocabulary": _vocabulary(model),
    }


def _vocabulary(model: Any) -> str:
    """A digest of the words that the model knows, and of how texts are cut into them."""
    parts: list[Any] = []
    if model.text_encoder is not None:
        with contextlib.suppress(ValueError, TypeError):  # an encoder of one's own, which no file can hold
            config, words = encoder_config(model.text_encoder)
            parts += [json.dumps(config, default=str).encode(), words or b""]
    for layer in leaf_layers(model.layers):
        if hasattr(layer, "text_state"):
            parts += [_bytes(np.asarray(array)) for array in layer.text_state().values()]
    return _digest(*parts)


def _digest(*parts: Any) -> str:
    made = hashlib.blake2b(digest_size=16)
    for part in parts:
        made.update(part)
    return made.hexdigest()


# -- the state of rank 0 -------------------------------------------------------------------------------------
def take_state_of_first(rounds: Rounds, model: Any) -> None:
    """Gives all ranks weights, optimizer, seed and what has been trained of rank 0."""
    variables = {str(place): one for place, one in enumerate(weight_paths(model).values())}
    optimizer = model.optimizer
    rate = optimizer.learning_rate
    own = {
        "seed": model.seed,
        "epochs_trained": model.epochs_trained,
        "rate": None if callable(rate) else float(rate),
        "optimizer": settings_of(optimizer, variables),
    }
    text = np.frombuffer(json.dumps(own).encode(), np.uint8)
    first = json.loads(bytes(rounds.of_first(STATE, text)))
    values, states = _values(variables), optimizer_state(optimizer, variables)
    digests = rounds.gather(STATE, _digest_of({**values, **states}).encode())
    if len(set(digests)) > 1:
        values, states = _received(rounds, values), _received(rounds, states)
        if rounds.rank:
            _take(model, variables, values, states)
    if rounds.rank:
        restore_settings(optimizer, variables, first["optimizer"])
        if first["rate"] is not None and not callable(rate) and first["rate"] != float(rate):
            optimizer.learning_rate = first["rate"]
        model.epochs_trained = first["epochs_trained"]
        if model.seed != first["seed"]:
            model.seed = first["seed"]
            model._programs.forget()  # dropout's numbers come from the seed


def _values(variables: Mapping[str, Variable]) -> dict[str, np.ndarray]:
    found = {name: variable.value for name, variable in variables.items()}
    scales = {
        f"{name}/scales": one.scales
        for name, one in variables.items()
        if isinstance(one, StoredVariable) and one.scales is not None
    }
    return {**found, **scales}


def _digest_of(arrays: Mapping[str, np.ndarray]) -> str:
    """Tables are large, and compared before each training: of blocks of them a sum, of all a checksum."""
    parts: list[Any] = []
    for name, array in arrays.items():
        data = _bytes(array)
        blocks = data[: len(data) // BLOCK * BLOCK].view(np.uint64).reshape(-1, BLOCK // 8)
        said = f"{name} {array.shape} {array.dtype} {zlib.crc32(data.data)}"
        parts += [said.encode(), np.add.reduce(blocks, axis=1)]
    return _digest(*parts)


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _received(rounds: Rounds, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of rank 0, by name."""
    index = [[name, str(array.dtype), array.shape] for name, array in arrays.items()]
    text = np.frombuffer(json.dumps(index).encode(), np.uint8)
    found: dict[str, np.ndarray] = {}
    for name, dtype, shape in json.loads(bytes(rounds.of_first(STATE, text))):
        own = _bytes(arrays[name]) if rounds.rank == 0 else np.zeros(0, np.uint8)
        found[name] = rounds.of_first(STATE, own).view(dtype).reshape(shape)
    return found


def _take(
    model: Any,
    variables: Mapping[str, Variable],
    values: Mapping[str, np.ndarray],
    states: dict[str, np.ndarray],
) -> None:
    mark_changed()
    for name, variable in variables.items():
        if not np.array_equal(variable.value, values[name], equal_nan=False):
            variable.own()[...] = values[name]
        if isinstance(variable, StoredVariable) and variable.scales is not None:
            variable.scales = values[f"{name}/scales"].copy()
        variable.forget_masters()
        model.optimizer.states.pop(variable, None)
    restore_arrays(model.optimizer, dict(variables), states, "rank 0")
    mark_changed()
