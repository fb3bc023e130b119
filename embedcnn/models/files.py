"""How a model is written and read: whole files, weights, a state_dict as PyTorch has it, the architecture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..base.arrays import numbers
from ..base.named_objects import named_object
from ..graph.nesting import leaf_layers, weight_paths
from ..graph.variables import assign_all
from ..saving import model_file

if TYPE_CHECKING:
    from .model import Model


OF_KERAS = "embedcnn.models.keras_files:load_weights"
"""What reads the weights of Keras's files: it makes models, and so stands above."""


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` did not find, as in PyTorch."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def save(model: Model, filepath: Any, overwrite: bool = True) -> None:
    """As Model.save."""
    with model._access.reading():
        model_file.save_model(model, filepath, overwrite)


def save_weights(model: Model, filepath: Any, overwrite: bool = True) -> None:
    """As Model.save_weights."""
    with model._access.reading():
        model_file.save_weights(model, filepath, overwrite)


def load_weights(model: Model, filepath: Any, skip_mismatch: bool = False) -> None:
    """As Model.load_weights."""
    model._require_built("which weights to load")
    with model._access.training(), model._access.changing():
        if model_file.is_of_keras(filepath):
            if skip_mismatch:
                raise ValueError(
                    "`skip_mismatch` is for files of embedcnn; a file of Keras must fit the model"
                )
            named_object(OF_KERAS)(model, filepath)
        else:
            model_file.load_weights(model, filepath, skip_mismatch)


def state_dict(model: Model) -> dict[str, np.ndarray]:
    """As Model.state_dict."""
    model._require_built("its weights")
    with model._access.reading():
        return {name: variable.numpy() for name, variable in weight_paths(model).items()}


def load_state_dict(model: Model, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
    """As Model.load_state_dict."""
    model._require_built("which weights to load")
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"`state_dict` must be a dict of arrays. Received: {type(state_dict).__name__}")
    variables = weight_paths(model)
    missing = [name for name in variables if name not in state_dict]
    unexpected = [name for name in state_dict if name not in variables]
    if strict and (missing or unexpected):
        raise ValueError(
            f"`state_dict` does not fit the model: missing {missing or 'nothing'}, unexpected "
            f"{unexpected or 'nothing'}; the model has {list(variables)}"
        )
    arrays = {name: numbers(name, state_dict[name]) for name in variables if name in state_dict}
    arrays = {name: array.astype(np.float32, copy=False) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.shape != variables[name].shape:
            raise ValueError(
                f"`state_dict`: {name} must have the shape {variables[name].shape}. Received: shape "
                f"{array.shape}"
            )
    with model._access.training(), model._access.changing():
        assign_all([variables[name] for name in arrays], arrays.values())
    return IncompatibleKeys(missing, unexpected)


def unbuilt(
    kind: Any,
    name: str,
    config: dict[str, Any],
    own: dict[str, Any],
    compiled: dict[str, Any] | None,
    state: dict[str, Any],
) -> Model:
    """The model that was not built when `reduced` told of it: layers without weights, settings, texts."""
    model: Model = kind.from_config(config, custom_objects=own)
    model.name = name
    for attribute, value in state.items():
        if value is not None:
            setattr(model, attribute, value)
    if compiled is not None:
        model._compilation.set(**compiled)
    return model


def reduced(model: Model) -> Any:
    """A model for pickle and copy: the bytes of its file, and its own Python; of one that is not built yet
    what it will be made of.
    """
    if not model.built:
        own: dict[str, Any] = {}
        for layer in leaf_layers(model.layers):
            own |= layer.own_objects()
        state = {name: getattr(model, name) for name in ("seed", "labels", "text_encoder")}
        return unbuilt, (type(model), model.name, model.get_config(), own, model._compilation.given, state)
    return model_file.model_from_bytes, (model_file.model_to_bytes(model), model_file.own_objects(model))
