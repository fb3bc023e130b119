"""Models to files and back: what the members of the file hold. archive.py reads and writes the file itself.

config.json holds the architecture, the compile settings, the state of training, labels and the text settings;
weights.safetensors the weights by path; optimizer.safetensors slots and update counts; vocabulary.txt the
words; features.safetensors what layers know of texts, as the n-grams of a bag.
Building a model from a file uses only the classes of this package, with checked arguments: nothing in
a file is ever executed.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .. import __version__
from ..base.arguments import warn_user
from ..base.arrays import deferred
from ..base.checked import checked
from ..base.custom_objects import known_objects
from ..base.pipes import is_pipe
from ..base.replacement import replacing
from ..graph.model_kinds import described, is_own, model_from
from ..graph.nesting import check_owners, leaf_layers, models_below, weight_paths
from ..graph.stored import ARRAY_DTYPES, StoredVariable, decoded
from ..graph.variables import Variable, replace_all
from . import archive
from .optimizer_state import optimizer_state, restore_settings, restore_states, settings_of
from .text_settings import encoder_config, encoder_from_config

if TYPE_CHECKING:
    from ..models.sequential import Model

FORMAT = 1
SHOWN = 20  # names in a message
SCALES = "/scales"  # behind the path of a table of int8
KERAS_SUFFIXES = (".keras", ".h5", ".hdf5")


# -- writing -------------------------------------------------------------------------------------------------
def members_of(model: Model) -> dict[str, Any]:
    """What the file of a model holds: bytes, or arrays by name."""
    model._require_built("what to save")
    check_owners(model)
    compiled = model._compilation.settle() if model._compilation.given is not None else None
    class_name, architecture = described(model)
    config: dict[str, Any] = {
        "format": FORMAT,
        "embedcnn_version": __version__,
        "class_name": class_name,
        "model": architecture,
        "seed": model.seed,
        "epochs_trained": model.epochs_trained,
        "labels": model.labels,
        "compile": None if compiled is None else compiled.to_store()[0],
    }
    members: dict[str, Any] = {"config.json": b"", "weights.safetensors": _named_values(model)}
    if compiled is not None:
        config |= settings_of(model.optimizer, weight_paths(model))
        members["optimizer.safetensors"] = optimizer_state(model.optimizer, weight_paths(model))
    if model.text_encoder is not None:
        config["text"], vocabulary = encoder_config(model.text_encoder)
        if vocabulary is not None:
            members["vocabulary.txt"] = vocabulary
    features = _text_states(model)
    if features:
        members["features.safetensors"] = features
    members["config.json"] = json.dumps(config, ensure_ascii=False, indent=1).encode()
    return members


def _named_values(model: Model) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    for path, variable in weight_paths(model).items():
        found[path] = variable.value
        if isinstance(variable, StoredVariable) and variable.scales is not None:
            found[path + SCALES] = variable.scales
    return found


def _text_states(model: Model) -> dict[str, np.ndarray]:
    """What layers know of texts beside their configuration, by number of the layer and name of the array."""
    return {
        f"{number}/{name}": array
        for number, layer in enumerate(_text_layers(model))
        for name, array in layer.text_state().items()
    }


def _text_layers(model: Model) -> list[Any]:
    return [layer for layer in leaf_layers(model.layers) if hasattr(layer, "text_state")]


@checked
def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Writes a model to a file."""
    members = members_of(model)
    _warn_of_what_is_lost(model)
    _warn_of_keras_suffix(filepath, "a file of embedcnn")
    with replacing(filepath, overwrite) as file:
        archive.write_archive(file, members)


def _warn_of_keras_suffix(filepath: Any, written: str) -> None:
    if os.path.splitext(os.fspath(filepath))[1].lower() in KERAS_SUFFIXES:
        warn_user(f"{os.fspath(filepath)!r} is written as {written}, which Keras does not read")


def _warn_of_what_is_lost(model: Model) -> None:
    compiled = model._compilation.compiled
    for reason in [] if compiled is None else compiled.to_store()[1]:
        warn_user(reason)


def model_to_bytes(model: Model) -> bytes:
    """A model as the bytes of its file (for pickle)."""
    _warn_of_what_is_lost(model)
    buffer = io.BytesIO()
    archive.write_archive(buffer, members_of(model))
    return buffer.getvalue()


@checked
def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool) -> None:
    """Writes the weights of a model to a safetensors file."""
    model._require_built("what to save")
    _warn_of_keras_suffix(filepath, "safetensors")
    with replacing(filepath, overwrite) as file:
        archive.write_tensors(file, _named_values(model))


# -- reading -------------------------------------------------------------------------------------------------
@checked
def load_model(
    filepath: str | os.PathLike[str], custom_objects: dict[str, Any] | None = None, compile: bool = True
) -> Model:
    """The model of a file."""
    with known_objects(custom_objects), open(os.fspath(filepath), "rb") as file:
        return _read_model(_seekable(file), f"{os.fspath(filepath)!r}", compile)


def _seekable(file: BinaryIO) -> BinaryIO:
    """The file, or what a pipe gives: archives are read from their end."""
    return file if file.seekable() else io.BytesIO(file.read())


def model_from_bytes(data: bytes, custom_objects: dict[str, Any] | None = None) -> Model:
    """The model of `model_to_bytes`, with its `own_objects`."""
    with known_objects(custom_objects):
        return _read_model(io.BytesIO(data), "the pickled model", True)


def own_objects(model: Model) -> dict[str, Any]:
    """The classes and functions of the user that the layers and the text encoder of a model are made of, and
    what it was compiled with, by the names in a file.
    """
    compiled = model._compilation.settle() if model._compilation.given is not None else None
    found = {} if compiled is None else compiled.own_objects()
    for layer in leaf_layers(model.layers):
        found |= layer.own_objects()
    if hasattr(model.text_encoder, "own_objects"):
        found |= model.text_encoder.own_objects()
    return found | {type(one).__name__: type(one) for one in models_below(model) if is_own(type(one))}


def _read_model(file: Any, label: str, compile: bool) -> Model:
    members = archive.read_archive(file, label)
    config = archive.parse_json(members["config.json"], f"{label}: config.json")
    if config.get("format") != FORMAT:
        raise ValueError(f"{label} has format {config.get('format')!r}; this version reads format {FORMAT}")
    what = f"{label}: weights.safetensors"
    tensors = archive.read_tensors(members["weights.safetensors"], what, archive.OF_WEIGHTS)
    budget = sum(array.nbytes for array in tensors.values())
    try:
        with deferred(budget):
            model = model_from(config["class_name"], config["model"])
        _assign(model, tensors, label)
        _restore_text_states(model, members.get("features.safetensors"), label)
        model.seed = int(config["seed"])
        model.epochs_trained = int(config["epochs_trained"])
        model.labels = config["labels"]
        if compile and config["compile"] is not None:
            _restore_compile(model, config, members.get("optimizer.safetensors"), label)
        if "text" in config:
            model.text_encoder = encoder_from_config(config["text"], members.get("vocabulary.txt"))
    except (
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OverflowError,
    ) as error:
        raise ValueError(
            f"{label}: config.json does not describe a model ({type(error).__name__}: {error})"
        ) from None
    return model


def _restore_text_states(model: Model, data: bytes | None, label: str) -> None:
    """Gives layers what they know of texts; ValueError where it is not what they need."""
    what = f"{label}: features.safetensors"
    tensors = {} if data is None else archive.read_tensors(data, what, archive.OF_FEATURES)
    for number, layer in enumerate(_text_layers(model)):
        start = f"{number}/"
        layer.set_text_state(
            {name[len(start) :]: array for name, array in tensors.items() if name.startswith(start)}
        )


def _stored_variables(model: Model, tensors: dict[str, np.ndarray], label: str) -> dict[str, Variable]:
    """The variables of a model by the paths that a file has for them; ValueError where they do not fit."""
    variables = weight_paths(model)
    if set(variables) != set(tensors) and _alike(model.weights, tensors):
        variables = dict(
            zip(tensors, model.weights, strict=True)
        )  # only the automatic names of layers differ
    missing, extra = sorted(set(variables) - set(tensors)), sorted(set(tensors) - set(variables))
    if missing or extra:
        raise ValueError(
            f"{label} does not fit the model: missing {_listed(missing)}, unknown {_listed(extra)}"
        )
    for path, variable in variables.items():
        array = tensors[path]
        if array.shape != variable.shape or array.dtype.name not in _dtypes_for(variable):
            raise ValueError(
                f"{label}: {path} must be {variable.dtype} of shape {variable.shape}. Received: "
                f"{array.dtype} of shape {array.shape}"
            )
    return variables


def _dtypes_for(variable: Variable) -> list[str]:
    """The dtypes of arrays that a variable takes: a table all those that tables are kept in."""
    is_table = getattr(variable.layer, "embeddings", None) is variable
    return ["float32", *([np.dtype(one).name for one in ARRAY_DTYPES.values()] if is_table else [])]


def _read_for(variable: Variable, array: np.ndarray, scales: np.ndarray | None, label: str) -> np.ndarray:
    """An array of a file as the variable keeps it, or in float32: a table of another dtype is read.

    Raises ValueError for a number that the variable cannot hold.
    """
    array = np.asarray(array, order="C")
    fits = scales is not None and scales.shape == variable.shape[:1] and scales.dtype == np.float32
    if array.dtype == np.int8 and not fits:
        raise ValueError(f"{label}: {variable.path} is int8 and needs {variable.path + SCALES}, float32")
    if array.dtype != np.float32 and array.dtype != ARRAY_DTYPES.get(variable.dtype):
        kept = next(name for name, dtype in ARRAY_DTYPES.items() if array.dtype == dtype)
        array = decoded(kept, array, scales)
    variable.refuse_unfit(array, f"{label}: {variable.path}")
    return array


def _value_of(variable: Variable, array: np.ndarray, scales: np.ndarray | None) -> np.ndarray:
    """What was read, as the variable keeps it: rounded where it is in float32."""
    if isinstance(variable, StoredVariable) and array.dtype == np.int8:
        variable.scales = scales
    return variable.as_stored(array)


def _listed(names: list[str]) -> str:
    """The first names of a list, and how many more there are."""
    if not names:
        return "nothing"
    return f"{names[:SHOWN]}" + (f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else "")


def _assign(model: Model, tensors: dict[str, np.ndarray], label: str) -> dict[str, Variable]:
    """Puts the arrays of a file in the place of the weights, without copying them before they are trained."""
    scales = {path + SCALES: tensors.get(path + SCALES) for path in tensors if tensors[path].dtype == np.int8}
    tensors = {path: array for path, array in tensors.items() if path not in scales}
    variables = _stored_variables(model, tensors, label)
    found = [(variable, scales.get(path + SCALES), tensors[path]) for path, variable in variables.items()]
    read = [_read_for(variable, array, part, label) for variable, part, array in found]  # before any changes
    values = [_value_of(one, array, part) for (one, part, _), array in zip(found, read, strict=True)]
    replace_all(list(variables.values()), values)
    return variables


def _alike(variables: list[Variable], tensors: dict[str, np.ndarray]) -> bool:
    """Whether names of weights and shapes agree, one after the other: without the names of their layers and
    the numbers in those of layers inside (dense_2_kernel of a TimeDistributed).
    """
    own = [(_unnumbered(variable.name), variable.shape) for variable in variables]
    return own == [(_unnumbered(path.rpartition("/")[2]), array.shape) for path, array in tensors.items()]


def _unnumbered(name: str) -> str:
    return re.sub(r"_[0-9]+(?=_)", "", name)


def _restore_compile(model: Model, config: dict[str, Any], data: bytes | None, label: str) -> None:
    model.compile(**model._compilation.from_file(config["compile"]))
    optimizer = model.optimizer
    restore_settings(optimizer, weight_paths(model), config)
    restore_states(optimizer, weight_paths(model), data, label)


def restore_training(model: Model, members: dict[str, bytes], stored: dict[str, Any], label: str) -> None:
    """Puts a compiled model into the state of a file: weights, optimizer (of the configuration `stored`),
    seed and what has been trained.
    """
    config = archive.parse_json(members["config.json"], f"{label}: config.json")
    what = f"{label}: weights.safetensors"
    tensors = archive.read_tensors(members["weights.safetensors"], what, archive.OF_WEIGHTS)
    variables = _assign(model, tensors, label)
    optimizer = model.optimizer
    if stored["class_name"] != type(optimizer).__name__:
        raise ValueError(
            f"{label} was trained with {stored['class_name']}. Received: {type(optimizer).__name__}"
        )
    for one, _ in optimizer.divided(variables):
        one.states.clear()
    if "learning_rate" in stored["config"] and not callable(optimizer.learning_rate):
        optimizer.learning_rate = stored["config"]["learning_rate"]
    restore_settings(optimizer, variables, config)
    restore_states(optimizer, variables, members.get("optimizer.safetensors"), label)
    model.seed, model.epochs_trained = int(config["seed"]), int(config["epochs_trained"])
    model._programs.forget()  # dropout's numbers come from the seed


def is_of_keras(filepath: Any) -> bool:
    """Whether a file is one of Keras: HDF5, or a zip with that inside; a pipe, which can be read once, is
    none.
    """
    if is_pipe(filepath):
        return False
    with open(os.fspath(filepath), "rb") as opened:
        begin = opened.read(8)
        if begin[:4] != b"PK\x03\x04":
            return begin == archive.HDF5
        opened.seek(0)
        try:
            with zipfile.ZipFile(opened) as found:
                return "model.weights.h5" in found.namelist()
        except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError, ValueError, OverflowError):
            return False  # what is wrong with it is told by who reads it


@checked
def load_weights(model: Model, filepath: str | os.PathLike[str], skip_mismatch: bool = False) -> None:
    """Reads the weights of a file of `save_weights`, or of a whole saved model, into a model.

    `skip_mismatch`: those that are missing in the file, or of another shape, stay as they are; a warning
    names them.
    """
    label = f"{os.fspath(filepath)!r}"
    model._require_built("which weights to load")
    with open(os.fspath(filepath), "rb") as opened:
        file = _seekable(opened)
        archive.refuse_hdf5(file, label)
        zipped = file.read(4) == b"PK\x03\x04"
        file.seek(0)
        data = archive.read_archive(file, label)["weights.safetensors"] if zipped else file.read()
    tensors = archive.read_tensors(data, label, archive.OF_WEIGHTS)
    _assign(model, _fitting(model, tensors, label) if skip_mismatch else tensors, label)


def _fitting(model: Model, tensors: dict[str, np.ndarray], label: str) -> dict[str, np.ndarray]:
    """The arrays of a file that fit the model, and in the place of the others the weights that it has."""
    found, skipped = {}, []
    for path, variable in weight_paths(model).items():
        array = tensors.get(path)
        if array is not None and array.shape == variable.shape and array.dtype.name in _dtypes_for(variable):
            found[path] = array
            found |= {path + SCALES: tensors[path + SCALES]} if path + SCALES in tensors else {}
            continue
        got = "nothing" if array is None else f"{array.dtype} of shape {array.shape}"
        skipped.append(f"{path} {variable.shape} ({got})")
        found[path] = variable.value
        if isinstance(variable, StoredVariable) and variable.scales is not None:
            found[path + SCALES] = variable.scales
    if skipped:
        warn_user(f"{label} does not fit these weights, which stay as they are: {', '.join(skipped)}")
    return found
