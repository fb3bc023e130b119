"""How a model is written and read: whole files, weights, a state_dict as PyTorch has it, the architecture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..base.arrays import numbers
from ..graph.nesting import weight_paths


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict(strict=False)` did not find, as in PyTorch."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class ModelFiles:
    """`save`, `save_weights`, `load_weights`, `state_dict`, `load_state_dict`, `to_json`, and pickle."""

    _exclusive: Any
    _require_built: Any
    get_config: Any

    def save(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the whole model (architecture, weights, compile settings, optimizer, text encoder, labels)
        to one file.

        The file appears whole or not at all. Any file name is right. Raises FileExistsError if it is there
        and `overwrite` is False. As keras.Model.save.
        """
        from ..saving import model_file

        with self._exclusive():
            model_file.save_model(self, filepath, overwrite)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Writes the weights alone, as safetensors. The file appears whole or not at all."""
        from ..saving import model_file

        with self._exclusive():
            model_file.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any) -> None:
        """Reads weights from a file of `save_weights` or `save`; ValueError where names or shapes differ."""
        from ..saving import model_file

        with self._exclusive():
            model_file.load_weights(self, filepath)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of the weights by name (layer/weight), as `save_weights` stores them; in Keras's layout. As
        torch.nn.Module.state_dict.

        >>> import embedcnn
        >>> model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2, name="out")])
        >>> {name: value.shape for name, value in model.state_dict().items()}
        {'out/kernel': (3, 2), 'out/bias': (2,)}
        """
        self._require_built("its weights")
        with self._exclusive():
            return {name: variable.value.copy() for name, variable in weight_paths(self).items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copies weights (arrays or tensors) by the names of `state_dict()`; what was missing and unexpected.

        Raises ValueError for a shape that differs, before anything is copied, and with `strict` for names
        that are missing or unknown. As torch.nn.Module.load_state_dict.
        """
        self._require_built("which weights to load")
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"`state_dict` must be a dict of arrays. Received: {type(state_dict).__name__}")
        variables = weight_paths(self)
        missing = [name for name in variables if name not in state_dict]
        unexpected = [name for name in state_dict if name not in variables]
        if strict and (missing or unexpected):
            raise ValueError(
                f"`state_dict` does not fit the model: missing {missing or 'nothing'}, unexpected "
                f"{unexpected or 'nothing'}; the model has {list(variables)}"
            )
        arrays = {name: numbers(name, state_dict[name]) for name in variables if name in state_dict}
        for name, array in arrays.items():
            if array.shape != variables[name].shape:
                raise ValueError(
                    f"`state_dict`: {name} must have the shape {variables[name].shape}. Received: shape "
                    f"{array.shape}"
                )
        with self._exclusive():
            for name, array in arrays.items():
                variables[name].assign(array)
        return IncompatibleKeys(missing, unexpected)

    def to(self, device: Any) -> Any:
        """The model itself, for `device` "cpu"; ValueError for others. As torch.nn.Module.to."""
        if str(getattr(device, "type", device)).partition(":")[0] != "cpu":
            raise ValueError(
                f"embedcnn computes on the CPU only: leave `to` out, or give 'cpu'. Received: {device!r}"
            )
        return self

    def to_json(self, **options: Any) -> str:
        """The architecture without weights, for models.model_from_json; `options` as json.dumps takes them.
        As keras.Model.to_json.
        """
        return json.dumps({"class_name": self._kind(), "config": self.get_config()}, **options)

    def _kind(self) -> str:
        return "Sequential" if type(self).__name__ == "Sequential" else "Model"

    def __reduce__(self) -> Any:
        from ..saving import model_file

        return model_file.model_from_bytes, (model_file.model_to_bytes(self), model_file.own_objects(self))
