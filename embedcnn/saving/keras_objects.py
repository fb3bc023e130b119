"""Any object that has a configuration, as a dict and back: layers, losses, metrics, optimizers and their
schedules, initializers, regularizers, constraints, and classes of one's own. Keras's names.
"""

from __future__ import annotations

from typing import Any

from .. import activations, constraints, initializers, layers, losses, metrics, optimizers, regularizers
from ..base.checked import checked
from ..base.configuration import Configurable, plain
from ..base.custom_objects import known_class, known_objects
from ..graph.model_kinds import KINDS, described, model_from
from ..graph.nesting import is_model

_CLASSES: dict[str, dict[str, Any]] = {
    "layers": layers.CLASSES,
    "losses": losses.CLASSES,
    "metrics": metrics.CLASSES,
    "optimizers": optimizers.CLASSES,
    "optimizers.schedules": optimizers.schedules.CLASSES,
    "initializers": initializers.CLASSES,
    "regularizers": regularizers.CLASSES,
    "constraints": constraints.CLASSES,
}
"""By module: the classes that a configuration may name, in the order in which they are looked through."""


def serialize_keras_object(obj: Any) -> Any:
    """The configuration of an object, a dict of its module, class and arguments; of a function its name, and
    what JSON holds as it is. As keras.saving.serialize_keras_object.

    Raises ValueError for functions without a name.

    >>> serialize_keras_object(initializers.Constant(2.0))
    {'module': 'embedcnn.initializers', 'class_name': 'Constant', 'config': {'value': 2.0}}
    """
    if is_model(obj):
        class_name, config = described(obj)
        return {"module": "embedcnn.models", "class_name": class_name, "config": config}
    if isinstance(obj, Configurable):
        name = type(obj).__name__
        ours = (module for module, known in _CLASSES.items() if known.get(name) is type(obj))
        module = next((f"embedcnn.{one}" for one in ours), None)
        return {"module": module, "class_name": name, "config": plain(obj.get_config())}
    return activations.serialize(obj) if callable(obj) else plain(obj)


@checked
def deserialize_keras_object(
    config: Any, custom_objects: dict[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object of a configuration, also of a class in `custom_objects` or a registered one; a name is an
    activation, and what is no configuration stays. As keras.saving.deserialize_keras_object; whatever
    `safe_mode` is, nothing in a configuration is executed.

    Raises ValueError for classes that are not known.

    >>> deserialize_keras_object(serialize_keras_object(initializers.Constant(2.0)))
    Constant(value=2.0)
    """
    if isinstance(config, str):
        return activations.deserialize(config, custom_objects)
    if not isinstance(config, dict) or "class_name" not in config:
        return config
    name, module = config["class_name"], str(config.get("module") or "").partition(".")[2]
    with known_objects(custom_objects):
        if name in KINDS and module in ("", "models"):
            return model_from(name, config["config"])
        own = known_class(name)
        found = [known[name] for place, known in _CLASSES.items() if name in known and place == module]
        found += [known[name] for known in _CLASSES.values() if name in known]
        if own is None and not found:
            raise ValueError(
                f"class {name!r} is not known: give it, as deserialize_keras_object(config, "
                f"custom_objects={{{name!r}: ...}})"
            )
        return (own or found[0]).from_config(config["config"])
