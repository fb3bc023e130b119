"""Weights in files of Keras (HDF5) onto our layers: `model.weights.h5` of Keras 3, and the older layout with
the names of weights, `model_weights`.

A group holds the arrays of a layer by number, and those of layers inside it in groups of their own. Links out
of the file are not followed, and nothing is read before its shape is known to be right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..base.names import snake_case
from ..graph.nesting import is_model
from ..graph.variables import Variable, assign_all
from ..layers.operation import Operation

Parts = Sequence[tuple[str, Any]]
"""The layers of a model in Keras's order, each with the name of its class there."""
OF_MODELS = ("layers", "_layer_checkpoint_dependencies")
"""Groups with the layers of a model: of Keras 3, and of its files that Keras 2 wrote."""
ORDER = {
    name: place for place, name in enumerate(("forward_layer", "backward_layer", "layer", "cell", "cells"))
}
ORDER |= {f"{name}_dense": 9 + place for place, name in enumerate(("query", "key", "value", "output"))}
"""Layers inside others in the order of our weights; the others follow by name."""
NO_WEIGHTS = ("seed_generator", "vars", "_dropout_layer", "dropout_layer")


def h5py_module() -> Any:
    """The package h5py; ImportError that names the extra."""
    try:
        # an extra
        import h5py
    except ImportError as error:
        raise ImportError(
            "files of Keras need the package h5py, the extra `keras`: pip install embedcnn[keras]"
        ) from error
    return h5py


def parts_of(model: Any) -> Parts:
    """The layers of one of our models as Keras would number them."""
    return [(class_in_keras(layer), layer) for layer in model.layers if not isinstance(layer, Operation)]


def class_in_keras(layer: Any) -> str:
    """The name of a layer's class there."""
    name = type(layer).__name__
    return "Functional" if is_model(layer) and name == "Model" else name


def assign(model: Any, file: Any, parts: Callable[[Any], Parts], label: str) -> None:
    """Copies the arrays of an open HDF5 file into a model; ValueError, before anything is copied, where one
    is missing or has another shape.
    """
    root = child(file, "model_weights") or file
    if "layer_names" in root.attrs:
        pairs = list(_by_names(root, parts(model), label))
    else:
        pairs = list(_by_numbers(root, parts, model, label))
    given = {id(variable) for variable, _ in pairs}
    missing = [variable.path for variable in model.weights if id(variable) not in given]
    if missing:
        raise ValueError(f"{label} has no arrays for {missing}")
    arrays = [_array(dataset, variable, label) for variable, dataset in pairs]
    assign_all([variable for variable, _ in pairs], arrays)


def _by_numbers(
    group: Any, parts: Callable[[Any], Parts], model: Any, label: str
) -> Iterator[tuple[Variable, Any]]:
    """Each weight of a model with the dataset that stands for it."""
    layers = next((one for name in OF_MODELS if (one := child(group, name)) is not None), None)
    if layers is None:
        raise ValueError(f"{label} holds no weights of Keras: there is no group 'layers' in {group.name!r}")
    named = in_container([class_name for class_name, _ in parts(model)])
    for name, (_, layer) in zip(named, parts(model), strict=True):
        inside = getattr(layer, "layer", None)
        own = child(layers, name)
        if own is None:
            if layer.weights:
                raise ValueError(
                    f"{label} has no group {name!r} in {layers.name!r}, for layer {layer.name!r}"
                )
            continue
        if is_model(layer):
            yield from _by_numbers(own, parts, layer, label)
        elif is_model(inside):
            yield from _by_numbers(child(own, "layer") or own, parts, inside, label)
        else:
            yield from _matched(layer, list(_datasets(own, getattr(layer, "cells", ()))), label)


def in_container(class_names: Sequence[str]) -> list[str]:
    """The names of objects of these classes in a file: dense, dense_1."""
    used: dict[str, int] = {}
    names = []
    for stem in map(snake_case, class_names):
        number = used[stem] = used.get(stem, -1) + 1
        names.append(stem if number == 0 else f"{stem}_{number}")
    return names


def _matched(layer: Any, datasets: Sequence[Any], label: str) -> Iterator[tuple[Variable, Any]]:
    weights = layer.weights
    if len(datasets) != len(weights):
        raise ValueError(
            f"{label}: layer {layer.name!r} has {len(weights)} weights, {[one.name for one in weights]}. "
            f"Received: {len(datasets)} arrays, of shapes {[one.shape for one in datasets]}"
        )
    return zip(weights, datasets, strict=True)


def _datasets(group: Any, cells: Sequence[Any] = ()) -> Iterator[Any]:
    """The arrays of a layer, its own first, then those of the layers inside it; `cells` above each other in
    their order.
    """
    if len(cells) > 1:
        for name in in_container([type(cell).__name__ for cell in cells]):
            found = child(group, f"cell/cells/{name}")
            yield from _datasets(found) if found is not None else ()
        return
    own = child(group, "vars")
    if own is not None:
        for name in sorted(own, key=lambda one: (not one.isdigit(), int(one) if one.isdigit() else 0, one)):
            found = child(own, name)
            if found is not None:
                yield found
    inner = [name for name in group if name not in NO_WEIGHTS]
    for name in sorted(inner, key=lambda one: (ORDER.get(one.strip("_"), len(ORDER) + 9), _numbered(one))):
        found = child(group, name)
        if hasattr(found, "keys"):
            yield from _datasets(found)


def _numbered(name: str) -> tuple[str, int]:
    """lstm_cell before lstm_cell_1 before lstm_cell_10."""
    stem, _, number = name.rpartition("_")
    return (stem, int(number)) if number.isdigit() else (name, -1)


def _by_names(root: Any, parts: Parts, label: str) -> Iterator[tuple[Variable, Any]]:
    """The older layout: a group for each layer, and in it the names of its weights, in their order."""
    for _, layer in parts:
        if not layer.weights:
            continue
        group = child(root, layer.name)
        if group is None:
            known = [text(name) for name in root.attrs["layer_names"]]
            raise ValueError(f"{label} has no layer {layer.name!r}; it has {known}")
        names = [text(name) for name in group.attrs.get("weight_names", ())]
        found = [child(group, name) for name in names]
        if any(one is None or not hasattr(one, "shape") for one in found):
            raise ValueError(f"{label} is damaged: weights that {group.name!r} names are missing")
        yield from _matched(layer, found, label)


def text(name: Any) -> str:
    """A name or an attribute as str."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)


def child(group: Any, path: str) -> Any:
    """What stands in a group under a path, None: nothing; links out of the file are none."""
    h5py = h5py_module()
    for name in path.split("/"):
        link = group.get(name, getlink=True) if hasattr(group, "keys") else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{group.name}/{name} is a link, which is not followed")
        group = group[name]
    return group


def _array(dataset: Any, variable: Variable, label: str) -> np.ndarray:
    """A dataset as float32, once it is known to be one of the right shape, in the file itself."""
    if getattr(dataset, "shape", None) != variable.shape:
        raise ValueError(
            f"{label}: {variable.path} must have the shape {variable.shape}. Received: shape "
            f"{getattr(dataset, 'shape', None)} in {dataset.name!r}"
        )
    if dataset.external is not None or dataset.is_virtual:
        raise ValueError(f"{label}: {dataset.name!r} keeps its data in another file, which is not read")
    if dataset.dtype.kind == "V" and text(dataset.attrs.get("dtype", "")) == "bfloat16":
        bits = dataset[()].view(np.uint16).astype(np.uint32) << 16
        return np.asarray(bits.view(np.float32)).reshape(variable.shape)
    if dataset.dtype.kind not in "fiu":
        raise ValueError(f"{label}: {dataset.name!r} must hold numbers. Received: dtype={dataset.dtype}")
    return np.asarray(dataset[()], np.float32)
