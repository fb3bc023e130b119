"""Configurations of Keras 3 as our layers: what stands in config.json of a `.keras` file, or in the attribute
model_config of an older .h5.

Only classes of this package and those of `custom_objects` are made, and no Python in a file is run: a Lambda
is refused. What does not exist here is named, all of it in one message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .. import layers
from ..base.configuration import argument_names
from ..base.custom_objects import known_class
from ..base.names import snake_case
from ..graph.operators import OPERATIONS

MODELS = ("Functional", "Model", "Sequential")
POLICIES = ("float32", "mixed_float16", "mixed_bfloat16", "float16", "bfloat16")
"""Policies whose models are computed in float32 here, which is as exact or more."""
SAYS_NOTHING = frozenset(
    {
        *(
            "autocast",
            "batch_input_shape",
            "build_config",
            "implementation",
            "optional",
            "quantization_config",
        ),
        *("ragged", "registered_name", "renorm_clipping", "renorm_momentum", "shared_object_id", "sparse"),
        *("synchronized", "time_major", "unroll", "use_cudnn", "vocabulary_size"),
    }
)
"""Entries of a layer's configuration that do not change what it computes, or only where they are true."""
ONLY_VALUES = (("attention_axes", [1]),)
"""Settings with the one value that layers here always have."""
MUST_BE_FALSE = frozenset({"ragged", "renorm", "sparse", "optional", "quantization_config", "time_major"})


def is_described(value: Any) -> bool:
    """Whether a part of a configuration describes an object."""
    return isinstance(value, dict) and isinstance(value.get("class_name"), str)


def is_operation(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a graph is an operation of keras.ops, not a layer; older files tell it by the
    settings alone.
    """
    if entry.get("module"):
        return ".ops." in f"{entry['module']}."
    config = entry.get("config")
    settings = config if isinstance(config, dict) else {}
    of_layers = {"trainable", "dtype", "batch_shape", "batch_input_shape", "layers"} & set(settings)
    return not of_layers and snake_case(entry["class_name"]) in OPERATIONS


def unknown_classes(config: Any, found: list[str] | None = None) -> list[str]:
    """The layers and operations of a model's configuration that do not exist here, with their names."""
    found = [] if found is None else found
    for entry in config.get("layers", ()) if isinstance(config, dict) else ():
        if not is_described(entry):
            found.append(f"{entry!r:.60}")
            continue
        name, inner = entry["class_name"], entry.get("config")
        if name in MODELS:
            unknown_classes(inner, found)
        elif is_operation(entry):
            if snake_case(name) not in OPERATIONS:
                found.append(f"the operation {name} ({_name_of(entry)})")
        elif known_class(name) is None and name not in layers.CLASSES:
            found.append(f"{name} ({_name_of(entry)})")
        elif name == "Lambda":
            found.append(f"Lambda ({_name_of(entry)}), whose Python no file is asked for")
    return found


def _name_of(entry: Mapping[str, Any]) -> str:
    config = entry.get("config")
    return str(entry.get("name") or (config.get("name") if isinstance(config, dict) else None))


def layer_of(entry: Mapping[str, Any], model_of: Callable[[Mapping[str, Any]], Any]) -> Any:
    """The layer of an entry; ValueError that names the layer and what it does not take. `model_of` makes the
    models inside it.
    """
    name, config = entry["class_name"], entry.get("config")
    cls = known_class(name) or layers.CLASSES.get(name)
    if cls is None or not isinstance(config, dict):
        raise ValueError(f"unknown layer class {name!r}")
    if name == "Lambda":
        raise ValueError("a Lambda holds Python, which is not run; write the layer with embedcnn.ops")
    try:
        options = layer_options(cls, config, model_of)
        if name == "Bidirectional":
            _without_direction(options)
        made: Any = cls.from_config(options) if known_class(name) is not None else cls(**options)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{name} ({_name_of(entry)}): {error}") from error
    return made


def _without_direction(options: dict[str, Any]) -> None:
    """Our Bidirectional puts the direction before the name itself."""
    inner = options.get("layer")
    if inner is not None and inner.name.startswith("forward_"):
        inner.name = inner.name.removeprefix("forward_")


def layer_options(
    cls: Any, config: Mapping[str, Any], model_of: Callable[[Mapping[str, Any]], Any]
) -> dict[str, Any]:
    """The arguments of a layer's constructor; settings that it does not know may be None or False."""
    options: dict[str, Any] = {}
    known = {*argument_names(cls), *cls.not_stored, "name", "trainable"}
    for key, value in config.items():
        if key == "dtype":
            _check_policy(value)
        elif key in MUST_BE_FALSE and value:
            raise ValueError(f"`{key}` must be False or None here. Received: {key}={value!r}")
        elif key in SAYS_NOTHING or key in MUST_BE_FALSE or (key, value) in ONLY_VALUES:
            continue
        elif key in known or (value is not None and value is not False):
            options[key] = converted(value, model_of)
    return options


def policy_name(value: Any) -> Any:
    """The name of a dtype policy, as a file of any version has it."""
    if isinstance(value, dict):
        config = value.get("config")
        return config.get("name") if isinstance(config, dict) else None
    return value


def _check_policy(value: Any) -> None:
    name = policy_name(value)
    if name is not None and name not in POLICIES:
        raise ValueError(f"the dtype policy must be one of {', '.join(POLICIES)}. Received: dtype={name!r}")


def converted(value: Any, model_of: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A part of a configuration as our constructors take it: layers made, other objects described."""
    if isinstance(value, list):
        return [converted(part, model_of) for part in value]
    if not is_described(value):
        return (
            {name: converted(part, model_of) for name, part in value.items()}
            if isinstance(value, dict)
            else value
        )
    name, config = value["class_name"], value.get("config")
    module = str(value.get("module") or "")
    if name in ("__tensor__", "__numpy__"):
        return _array(config)
    if name == "__tuple__":
        return tuple(converted(part, model_of) for part in value["config"]["value"])
    if name == "__slice__":
        return slice(*(config.get(part) for part in ("start", "stop", "step")))
    if name == "__ellipsis__":
        return ...
    if name in MODELS:
        return model_of(value)
    if name in ("function", "__lambda__") or not isinstance(config, dict):
        raise ValueError(
            f"a function in Python, {str(config)[:40]!r}, is in no file; use one of this package"
        )
    if module in ("keras.layers", "") and (name in layers.CLASSES or known_class(name)):
        return layer_of(value, model_of)
    kept = {key: converted(part, model_of) for key, part in config.items() if _says_something(key, part)}
    return {"class_name": name, "config": kept}


def _says_something(key: str, value: Any) -> bool:
    """Whether a setting of an initializer, regularizer or schedule has a meaning here."""
    return not (key in ("input_axes", "output_axes", "seed") and (value is None or isinstance(value, dict)))


def _array(config: Any) -> np.ndarray:
    dtype = str(config.get("dtype"))
    if dtype not in ("float32", "float64", "float16", "int32", "int64", "bool"):
        raise ValueError(f"a constant of dtype {dtype!r} is not known here")
    return np.asarray(config["value"], dtype)


# -- calls ---------------------------------------------------------------------------------------------------
def is_tensor(value: Any) -> bool:
    """Whether a part of a call stands for a tensor of the graph."""
    return is_described(value) and value["class_name"] == "__keras_tensor__"


def place_of(value: Any) -> tuple[str, int, int]:
    """Which tensor: the name of its layer, the number of the call, and of the result."""
    name, call, result = value["config"]["keras_history"]
    return str(name), int(call), int(result)


def call_of(node: Any) -> tuple[Any, dict[str, Any]]:
    """Arguments of a call in the graph, positional and by name; those of Keras 2 as those of Keras 3."""
    if isinstance(node, dict):
        return node.get("args", []), dict(node.get("kwargs") or {})
    tensors = [{"class_name": "__keras_tensor__", "config": {"keras_history": one[:3]}} for one in node]
    options = dict(node[0][3]) if node and len(node[0]) > 3 else {}
    return [tensors[0] if len(tensors) == 1 else tensors], options


def tensors_in(value: Any) -> list[tuple[str, int, int]]:
    """The tensors that a part of a call names."""
    if is_tensor(value):
        return [place_of(value)]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [place for part in parts for place in tensors_in(part)]


def filled(value: Any, tensors: Mapping[Any, Any]) -> Any:
    """A part of a call with the tensors themselves in their places."""
    if is_tensor(value):
        return tensors[place_of(value)]
    if is_described(value):
        return converted(value, _no_model)
    if isinstance(value, dict):
        return {name: filled(part, tensors) for name, part in value.items()}
    return [filled(part, tensors) for part in value] if isinstance(value, list) else value


def _no_model(entry: Mapping[str, Any]) -> Any:
    raise ValueError(f"a model stands among the arguments of a call: {entry.get('class_name')}")
