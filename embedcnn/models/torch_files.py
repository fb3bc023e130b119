"""load_torch_weights: a state_dict of PyTorch (a dict, a .pt or a .safetensors file) onto a model of ours.

Weights belong together by module and by layer. Which module is which layer is said by the user, or by equal
names, or follows where kind and shapes leave one choice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..base.arrays import numbers
from ..graph.nesting import leaf_layers
from ..graph.variables import assign_all
from .files import IncompatibleKeys
from .model import Model
from .torch_layouts import IN_A_ROW, SEPARABLE, converted, variables_of

OF_RECURRENT = re.compile(r"^(weight_ih|weight_hh|bias_ih|bias_hh)(?:_l(\d+)(_reverse)?)?$")
OF_ATTENTION = ("in_proj_weight", "in_proj_bias", "q_proj_weight")
AROUND = ("state_dict", "model_state_dict", "model")
"""Entries under which a file often keeps the weights beside others."""
IN_FRONT = ("module.", "_orig_mod.", "model.")
"""What wrappers put in front of every name."""
NUMBERS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
}


def load_torch_weights(
    model: Any, source: Any, mapping: Mapping[str, str] | None = None, strict: bool = True
) -> IncompatibleKeys:
    """Copies the weights of a PyTorch model into one of the same layers: from its `state_dict()`, or a file
    of it, .pt (extra `torch`; read with weights_only, so that no code runs) or .safetensors.

    `mapping` says which module is which layer, {"conv.0": "conv1d"}, or which weight,
    {"conv.0.weight": "conv1d/kernel"}. Without it equal names count, and then kind and shapes where they
    leave one choice; several layers of one LSTM follow each other. Matrices are transposed, gates put into
    our order, two biases of a recurrent layer added where ours has one; two convolutions in a row are one
    SeparableConv. A Dense behind Flatten behind convolutions counts channels last, where PyTorch counts them
    first: its rows are put in our order (after a Permute of your own they stay). Returns what found no place:
    `missing_keys` (ours) and `unexpected_keys` (PyTorch's). Raises ValueError for those with `strict`, naming
    what could be meant, and for weights of other shapes that `mapping` or a name joins; TypeError for what is
    no state_dict. Nothing is copied then.

    >>> import embedcnn, numpy as np
    >>> model = embedcnn.Sequential([embedcnn.Input((3,)), embedcnn.layers.Dense(2, name="out")])
    >>> weights = {"fc.weight": np.ones((2, 3)), "fc.bias": np.zeros(2)}
    >>> load_torch_weights(model, weights)
    IncompatibleKeys(missing_keys=[], unexpected_keys=[])
    >>> model.predict([[1.0, 2.0, 3.0]], verbose=0).tolist()
    [[6.0, 6.0]]
    """
    if not isinstance(model, Model):
        raise TypeError(f"`model` must be a model of embedcnn. Received: {type(model).__name__}")
    model._require_built("which weights to load")
    modules = _modules(_state_dict(source))
    leaves = {id(layer): layer for layer in leaf_layers(model.layers) if variables_of(layer)}
    found = list(leaves.values())
    own = {layer.name: layer for layer in found}
    if len(own) < len(found):
        raise ValueError(f"layers need different names. Received: {[one.name for one in found]}")
    modules, mapping = _in_pairs(modules, found, mapping)
    chosen = _named(modules, own, mapping)
    _by_shape(modules, own, chosen)
    arrays = {name: converted(own[name], modules[module]) for name, module in chosen.items()}
    left = [name for name in own if name not in chosen]
    unused = [name for name in modules if name not in chosen.values()]
    missing = [variable.path for name in left for variable in variables_of(own[name])]
    unexpected = [_key(module, weight) for module in unused for weight in modules[module]]
    if strict and (left or unused):
        raise ValueError(_no_place(modules, own, left, unused))
    with model._access.training(), model._access.changing():
        assign_all(
            [variable for name in chosen for variable in variables_of(own[name])],
            [array for name in chosen for array in arrays[name] or ()],
        )
    return IncompatibleKeys(missing, unexpected)


# -- what is read --------------------------------------------------------------------------------------------
def _state_dict(source: Any) -> dict[str, np.ndarray]:
    """The arrays by name; TypeError for what is no state_dict."""
    if isinstance(source, (str, os.PathLike)):
        source = _file(os.fspath(source))
    for name in AROUND:
        inner = source.get(name) if isinstance(source, Mapping) else None
        if isinstance(inner, Mapping):
            source = inner
    if not isinstance(source, Mapping) or not all(isinstance(name, str) for name in source):
        raise TypeError(
            "`source` must be a state_dict, a dict of names to arrays or tensors, or the path of a file of "
            f"one. Received: {type(source).__name__}"
        )
    found = {name: value for name, value in source.items() if hasattr(value, "shape")}
    if not found:
        raise ValueError(f"`source` holds no weights. Received: a dict of {list(source)[:5]}")
    for front in IN_FRONT:
        if all(name.startswith(front) for name in found):
            found = {name.removeprefix(front): value for name, value in found.items()}
    return {name: _array(name, value) for name, value in found.items()}


def _array(name: str, value: Any) -> np.ndarray:
    if type(value).__module__.partition(".")[0] == "torch":
        value = value.detach().to("cpu").float().numpy()
    return np.asarray(numbers(name, value), np.float32)


def _file(path: str) -> Any:
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f"`source` must be a state_dict or a file of one. Received: {path!r}, no file"
        )
    if path.endswith(".safetensors"):
        return _safetensors(path)
    try:
        # an extra, and slow to import
        import torch
    except ImportError as error:
        raise ImportError(
            f"{path!r} needs PyTorch, the extra `torch` (.safetensors does not): pip install embedcnn[torch]"
        ) from error
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle's and PyTorch's own, which differ between versions
        raise ValueError(
            f"{path!r} cannot be read as weights alone, as torch.save(model.state_dict(), path) writes them: "
            f"{str(error)[:200]}"
        ) from error


def _safetensors(path: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize  # as slow as NumPy to import

    try:
        with open(path, "rb") as file:
            entries: Any = deserialize(file.read())  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise ValueError(f"{path!r} is not a file of safetensors, or is damaged: {error}") from error
    found = {}
    for name, entry in entries:
        kind, data = entry["dtype"], entry["data"]
        if kind == "BF16":
            bits = np.frombuffer(data, "<u2").astype(np.uint32) << 16
            array = bits.view(np.float32)
        elif kind in NUMBERS:
            array = np.frombuffer(data, NUMBERS[kind])
        else:
            raise ValueError(f"{path!r}: {name} is of {kind}; allowed: {', '.join([*NUMBERS, 'BF16'])}")
        found[name] = array.reshape(entry["shape"])
    return found


def _modules(state: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """The weights by module, in their order; each layer of a recurrent module is a module, "lstm.l0"."""
    found: dict[str, dict[str, np.ndarray]] = {}
    attention = {name.rpartition(".")[0] for name in state if name.rpartition(".")[2] in OF_ATTENTION}
    for key, array in state.items():
        module, _, weight = key.rpartition(".")
        outer, _, last = module.rpartition(".")
        recurrent = OF_RECURRENT.match(weight)
        if recurrent is not None:
            name, number, reverse = recurrent.groups()
            module = module if number is None else f"{module}.l{number}".lstrip(".")
            weight = name + (reverse or "")
        elif last == "out_proj" and outer in attention:
            module, weight = outer, f"{last}.{weight}"
        found.setdefault(module, {})[weight] = array
    return {name: arrays for name, arrays in found.items() if set(arrays) != {"num_batches_tracked"}}


def _key(module: str, weight: str) -> str:
    """A weight by its name in PyTorch."""
    outer, _, number = module.rpartition(".")
    if re.fullmatch(r"l\d+", number) and weight.removesuffix("_reverse") in (
        "weight_ih",
        "weight_hh",
        "bias_ih",
        "bias_hh",
    ):
        name, _, reverse = weight.partition("_reverse")
        return f"{outer}.{name}_{number}{'_reverse' if weight != name else ''}{reverse}".lstrip(".")
    return f"{module}.{weight}".lstrip(".")


def _in_pairs(
    modules: dict[str, dict[str, np.ndarray]], own: list[Any], mapping: Mapping[str, str] | None
) -> tuple[dict[str, dict[str, np.ndarray]], Mapping[str, str] | None]:
    """Two convolutions in a row, of each channel and of single places, as one module for a layer that is
    both, of the name that they have in common, or "first + second"; and `mapping`, which may name one.
    """
    separable = [layer for layer in own if isinstance(layer, SEPARABLE)]
    if not separable or mapping is not None and not isinstance(mapping, Mapping):
        return modules, mapping
    given = dict(mapping or {})
    found: dict[str, dict[str, np.ndarray]] = {}
    names, place = list(modules), 0
    while place < len(names):
        pair = names[place : place + 2]
        both = {
            f"{front}{weight}": array
            for front, name in zip(IN_A_ROW, pair, strict=False)
            for weight, array in modules[name].items()
        }
        named = {
            str(to).partition("/")[0]
            for key, to in given.items()
            for one in pair
            if key == one or key.startswith(f"{one}.")
        }
        fits = [layer.name for layer in separable if len(pair) == 2 and converted(layer, both) is not None]
        if not fits or not named <= {layer.name for layer in separable}:
            found[names[place]] = modules[names[place]]
            place += 1
            continue
        outer = {name.rpartition(".")[0] for name in pair}
        alone = len(outer) == 1 and [one for one in names if one.rpartition(".")[0] in outer] == pair
        name = outer.pop() if alone and outer != {""} else " + ".join(pair)
        given = {
            name if any(key == one or key.startswith(f"{one}.") for one in pair) else key: to
            for key, to in given.items()
        }
        found[name] = both
        place += 2
    return found, given if mapping is not None else None


# -- which is which ------------------------------------------------------------------------------------------
def _named(
    modules: Mapping[str, Any], own: Mapping[str, Any], mapping: Mapping[str, str] | None
) -> dict[str, str]:
    """Layers and the modules that the user or an equal name gives them."""
    if mapping is not None and not isinstance(mapping, Mapping):
        raise TypeError(
            "`mapping` must be a dict of PyTorch's names to ours, {'conv.weight': 'conv1d/kernel'}. "
            f"Received: {type(mapping).__name__}"
        )
    chosen: dict[str, str] = {}
    for given, to in (mapping or {}).items():
        module = _module_of(given, modules)
        layer = str(to).partition("/")[0] if str(to).partition("/")[0] in own else _layer_of(str(to), own)
        if chosen.get(layer, module) != module or (layer not in chosen and module in chosen.values()):
            raise ValueError(
                f"`mapping` gives {layer!r} more than one module, or {module!r} more than one layer"
            )
        chosen[layer] = module
    for name in own:
        if name in modules and name not in chosen and name not in chosen.values():
            chosen[name] = name
    for layer, module in chosen.items():
        if converted(own[layer], modules[module]) is None:
            ours = {variable.name: variable.shape for variable in variables_of(own[layer])}
            theirs = {weight: array.shape for weight, array in modules[module].items()}
            raise ValueError(
                f"{module!r} does not fit layer {layer!r}, a {type(own[layer]).__name__} of {ours}. "
                f"Received: {theirs}"
            )
    return chosen


def _module_of(name: str, modules: Mapping[str, Any]) -> str:
    """The module that a key of `mapping` means: its own name, or that of one of its weights."""
    if name in modules:
        return name
    for module, arrays in modules.items():
        if any(_key(module, weight) == name for weight in arrays):
            return module
    inside = [module for module in modules if module.startswith(f"{name}.l")]
    if len(inside) == 1:
        return inside[0]
    raise ValueError(f"`mapping` names {name!r}; the modules are {list(modules)}")


def _layer_of(name: str, own: Mapping[str, Any]) -> str:
    for layer in own.values():
        if any(variable.path == name for variable in variables_of(layer)):
            return str(layer.name)
    raise ValueError(f"`mapping` names {name!r}; the layers are {list(own)}")


def _by_shape(modules: Mapping[str, Any], own: Mapping[str, Any], chosen: dict[str, str]) -> None:
    """Adds what kind and shapes leave one choice for, until nothing follows any more."""
    while True:
        fits = _fitting(modules, own, chosen)
        back: dict[str, list[str]] = {}
        for layer, candidates in fits.items():
            for module in candidates:
                back.setdefault(module, []).append(layer)
        single = [(layer, one[0]) for layer, one in fits.items() if len(one) == 1 and len(back[one[0]]) == 1]
        chosen.update(single)
        if not single and not _in_a_row(fits, back, chosen):
            return


def _fitting(
    modules: Mapping[str, Any], own: Mapping[str, Any], chosen: Mapping[str, str]
) -> dict[str, list[str]]:
    """For each layer that is left, the modules that are left and fit."""
    free = [module for module in modules if module not in chosen.values()]
    return {
        name: [module for module in free if converted(layer, modules[module]) is not None]
        for name, layer in own.items()
        if name not in chosen
    }


def _in_a_row(fits: Mapping[str, list[str]], back: Mapping[str, list[str]], chosen: dict[str, str]) -> bool:
    """Joins the layers of one recurrent module of PyTorch, which are numbered, with as many of ours."""
    for candidates in fits.values():
        outer = {module.rpartition(".")[0] for module in candidates}
        numbered = all(re.fullmatch(r"(.*\.)?l\d+", module) for module in candidates)
        if len(candidates) < 2 or len(outer) > 1 or not numbered:
            continue
        alike = [layer for layer, others in fits.items() if others == candidates]
        if len(alike) == len(candidates) and all(back[module] == alike for module in candidates):
            chosen.update(
                zip(alike, sorted(candidates, key=lambda one: int(one.rpartition("l")[2])), strict=True)
            )
            return True
    return False


def _no_place(modules: Mapping[str, Any], own: Mapping[str, Any], left: list[str], unused: list[str]) -> str:
    """What found no place, and what it could be."""
    lines = []
    shapes: Any
    for name in left:
        fitting = [module for module in unused if converted(own[name], modules[module]) is not None]
        shapes = [variable.shape for variable in variables_of(own[name])]
        could = f"may be any of {fitting}: say which in `mapping`" if fitting else "fits none of what is left"
        lines.append(f"layer {name!r} ({type(own[name]).__name__}, {shapes}) {could}")
    for module in unused:
        shapes = {weight: array.shape for weight, array in modules[module].items()}
        lines.append(f"module {module!r} {shapes} has no layer")
    return "the weights do not fit the model: " + "; ".join(lines)
