"""Subclasses of Model and Sequential without a `call`: how a configuration tells of one, and makes it again.

One whose constructor was given the graph, as M(inputs, outputs, alpha=2), is made again from that; one that
chose its layers itself from the arguments of its constructor.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from ..base.configuration import Configurable, argument_names
from ..graph.model_kinds import is_own, kind_of, model_kind
from ..graph.nodes import SymbolicTensor
from ..graph.tracing import leaves
from ..layers.base import Layer

OF_GRAPH = ("inputs", "outputs", "layers", "name", "trainable", "seed")
"""What the constructors of Model and Sequential take."""
GIVEN = {"Model": ("inputs", "outputs"), "Sequential": ("layers",)}


def is_given_its_graph(cls: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> bool:
    """Whether a constructor that is called so is told what the model is made of."""
    if not is_own(cls):
        return True
    if not _accepts(cls, GIVEN[kind_of(cls)]):
        return False
    given = [list(arguments), dict(options)]
    if leaves(given, SymbolicTensor) or leaves(given, Layer):
        return True
    named = inspect.signature(cls).parameters.values()
    free = all(one.name in OF_GRAPH for one in named if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    return kind_of(cls) == "Sequential" and free  # its layers are added later


def own_arguments(model: Any) -> dict[str, Any]:
    """What the constructor of a class of one's own takes besides the graph, for its configuration."""
    if not is_own(type(model)):
        return {}
    found = Configurable.get_config(model)
    found = {name: value for name, value in found.items() if name not in OF_GRAPH}
    return {"own_arguments": found} if found else {}


def made_of(cls: Any, config: dict[str, Any], **graph: Any) -> Any:
    """A model of this class from a graph and the rest of its configuration; one of the kind that it is a
    subclass of where its constructor takes no graph.
    """
    kind = model_kind(kind_of(cls))
    if not is_own(cls) or not _accepts(cls, tuple(graph)):
        return kind(**graph, name=config["name"])
    arguments = {name: config[name] for name in argument_names(cls) if name in config}
    arguments = {name: value for name, value in arguments.items() if name not in OF_GRAPH}
    arguments |= config.get("own_arguments", {})
    name = {"name": config["name"]} if _accepts(cls, (*graph, "name", *arguments)) else {}
    made = cls(**graph, **name, **arguments)
    made.name = config["name"]
    return made


def _accepts(cls: Any, names: tuple[str, ...]) -> bool:
    parameters = inspect.signature(cls).parameters
    anything = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    return anything or all(name in parameters for name in names)
