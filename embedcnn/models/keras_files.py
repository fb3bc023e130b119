"""load_keras: models that Keras wrote, as `.keras` files (a zip of config.json and model.weights.h5) or older
.h5 files, made of our layers; and their weights for a model that is there already.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any

from .. import layers
from ..base.arguments import boolean
from ..base.custom_objects import known_objects
from ..base.names import snake_case
from ..graph.operators import OPERATIONS
from . import keras_config, keras_masks, keras_optimizers, keras_weights
from .keras_compile import compile_as
from .model import Model
from .sequential import Sequential

MOST_BYTES = 2**34
AT_MOST_COMPRESSED = 200
"""How many times as large as in the file a part of it may be: it guards the memory."""


def load_keras(path: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True) -> Model:
    """The model of a file that Keras 3 wrote (`.keras`, or the older .h5), with its weights, made of our
    layers. Needs the extra `keras`.

    Sequential and functional models with shared layers, several inputs and outputs, models inside models,
    operations of keras.ops, and the vocabularies of TextVectorization and lookups. Policies of mixed or half
    precision are computed in float32. What compile was given comes too, unless `compile=False`, with the
    state of the optimizer, so that training goes on; with moving averages or gradients that wait it begins
    anew, with a warning. `custom_objects`: layers of your own by the names in the file. No Python in a file
    is run.
    Raises ImportError without h5py, and ValueError for damaged files, and for what does not exist here: all
    layers, operations and arguments by name.

    >>> import embedcnn
    >>> embedcnn.models.load_keras("missing.keras")
    Traceback (most recent call last):
        ...
    FileNotFoundError: `path` must be a file of Keras. Received: path='missing.keras', which is no file
    """
    label = os.fspath(path)
    boolean("compile", compile)
    if not os.path.isfile(label):
        raise FileNotFoundError(f"`path` must be a file of Keras. Received: path={label!r}, which is no file")
    with known_objects(custom_objects), open(label, "rb") as opened:
        if opened.read(4) == b"PK\x03\x04":
            return _of_archive(opened, label, compile)
        opened.seek(0)
        return _of_hdf5(opened, label, compile)


def load_weights(model: Model, path: Any) -> None:
    """Copies the weights of a file of Keras (.weights.h5, .keras or .h5) into a model of the same layers in
    the same order; ValueError that names layer and shapes where they differ.
    """
    label = os.fspath(path)
    with open(label, "rb") as opened:
        source: Any = opened
        if opened.read(4) == b"PK\x03\x04":
            with _archive(opened, label) as archive:
                source = io.BytesIO(_member(archive, "model.weights.h5", label))
        with _hdf5(source, label) as file:
            keras_weights.assign(model, file, keras_weights.parts_of, label)


# -- files ---------------------------------------------------------------------------------------------------
@contextmanager
def _archive(opened: Any, label: str) -> Any:
    try:
        opened.seek(0)
        with zipfile.ZipFile(opened) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise ValueError(f"{label!r} is not a file of Keras, or is damaged: {error}") from error


def _member(archive: zipfile.ZipFile, name: str, label: str) -> bytes:
    """A part of a `.keras` file; ValueError where it is missing, or unreasonably large."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise ValueError(f"{label!r} is not a file of Keras: {name} is missing in it") from None
    if entry.file_size > min(MOST_BYTES, AT_MOST_COMPRESSED * (entry.compress_size + 4096)):
        raise ValueError(f"{label!r} is refused: {name} would need {entry.file_size} bytes of memory")
    return archive.read(entry)


@contextmanager
def _hdf5(source: Any, label: str) -> Any:
    h5py = keras_weights.h5py_module()
    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise ValueError(f"{label!r} is not a file of Keras, or is damaged: {error}") from error
    try:
        yield file
    except (KeyError, OSError, RuntimeError, TypeError, AttributeError) as error:  # what h5py finds later
        raise ValueError(f"{label!r} is damaged: {error}") from error
    finally:
        file.close()


def _json(text: Any, label: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise ValueError(f"{label!r}: {what} is not valid JSON ({error})") from error
    if not isinstance(value, dict) or not isinstance(value.get("config"), dict):
        raise ValueError(f"{label!r}: {what} does not describe a model")
    return value


def _of_archive(opened: Any, label: str, compile: bool) -> Model:
    with _archive(opened, label) as archive:
        if "weights.safetensors" in archive.namelist():
            raise ValueError(f"{label!r} is a file of embedcnn, not of Keras: models.load_model reads it")
        described = _json(_member(archive, "config.json", label), label, "config.json")
        maker = _Maker(label)
        model = maker.model(described)
        maker.take_vocabularies(model, archive)
        with _hdf5(io.BytesIO(_member(archive, "model.weights.h5", label)), label) as file:
            keras_weights.assign(model, file, maker.parts_of, repr(label))
            state = keras_optimizers.arrays_of(file)
    if compile and described.get("compile_config"):
        compile_as(model, described["compile_config"], label)
        keras_optimizers.restore(model, state, repr(label))
    return model


def _of_hdf5(opened: Any, label: str, compile: bool) -> Model:
    with _hdf5(opened, label) as file:
        if "model_config" not in file.attrs:
            raise ValueError(
                f"{label!r} holds weights alone: build the model and give it the file, "
                "model.load_weights(path)"
            )
        described = _json(file.attrs["model_config"], label, "model_config")
        maker = _Maker(label)
        model = maker.model(described)
        keras_weights.assign(model, file, maker.parts_of, repr(label))
        training: Any = file.attrs.get("training_config")
        state = keras_optimizers.arrays_of(file)
    if compile and training is not None:
        settings = json.loads(training)
        settings.setdefault("optimizer", settings.get("optimizer_config"))
        compile_as(model, settings, label)
        keras_optimizers.restore(model, state, repr(label))
    return model


# -- models --------------------------------------------------------------------------------------------------
class _Maker:
    """Makes a model and those inside it, and knows their layers in Keras's order."""

    def __init__(self, label: str) -> None:
        self.label = label
        self._parts: dict[int, list[tuple[str, Any]]] = {}

    def parts_of(self, model: Any) -> list[tuple[str, Any]]:
        """The layers of a model that was made, with the names of their classes in Keras."""
        return self._parts[id(model)]

    def model(self, entry: Mapping[str, Any]) -> Model:
        """The model of an entry; ValueError that names what does not exist here."""
        name, config = entry.get("class_name"), entry["config"]
        if name not in keras_config.MODELS or "layers" not in config:
            raise ValueError(
                f"{self.label!r} holds a {name}, a class in Python that is in no file; allowed: "
                f"{', '.join(keras_config.MODELS)}. Rebuild it with embedcnn.layers and give the file to "
                "model.load_weights"
            )
        unknown = keras_config.unknown_classes(config)
        if unknown:
            raise ValueError(f"{self.label!r} is made of layers that do not exist here: {', '.join(unknown)}")
        try:
            return self._sequential(config) if name == "Sequential" else self._functional(config)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.label!r}: the model {config.get('name')!r} is damaged: {error!r}"
            ) from error

    def _layers(self, entries: Any) -> dict[str, Any]:
        """The layers and models of entries by name; all that cannot be made in one message."""
        made: dict[str, Any] = {}
        problems = []
        for entry in entries:
            if keras_config.is_operation(entry):
                continue
            name = entry["config"]["name"]
            try:
                if entry["class_name"] in keras_config.MODELS:
                    made[name] = self.model(entry)
                elif entry["class_name"] == "InputLayer":
                    made[name] = _input(entry["config"])
                else:
                    made[name] = keras_config.layer_of(entry, self.model)
            except ValueError as error:
                problems.append(str(error))
        if problems:
            raise ValueError("; ".join(problems))
        return made

    def _sequential(self, config: Mapping[str, Any]) -> Model:
        entries = keras_masks.with_needed_masks(config["layers"], (), True)
        made = self._layers(entries)
        chain = list(made.values())
        shape = config.get("build_input_shape") or entries[0]["config"].get("batch_input_shape")
        if chain and not isinstance(chain[0], layers.InputLayer) and shape:
            chain.insert(0, _input({"batch_shape": shape, "dtype": _dtype_for(chain[0])}))
        model: Model
        if keras_masks.end_in_a_row(entries) and isinstance(chain[0], layers.InputLayer):
            behind = [entry for entry in entries if entry["class_name"] != "InputLayer"]
            x = chain[0].output
            for entry, layer in zip(behind, chain[1:], strict=True):
                x = layer(*keras_masks.before(entry, [x]))
            model = Model(chain[0].output, x, name=config["name"])
        else:
            model = Sequential(chain, name=config["name"])
        self._parts[id(model)] = [
            (entry["class_name"], made[entry["config"]["name"]])
            for entry in entries
            if entry["class_name"] != "InputLayer"
        ]
        return model

    def _functional(self, config: Mapping[str, Any]) -> Model:
        entries = keras_masks.with_needed_masks(config["layers"], config["output_layers"], False)
        made = self._layers(entries)
        tensors = _called(entries, made, self.label)
        inputs = _structure(config["input_layers"], tensors)
        outputs = _structure(config["output_layers"], tensors)
        model = Model(inputs, outputs, name=config["name"])
        self._parts[id(model)] = [
            (entry["class_name"], made[entry["config"]["name"]])
            for entry in entries
            if not keras_config.is_operation(entry)
        ]
        return model

    def take_vocabularies(
        self, model: Model, archive: zipfile.ZipFile, folder: str = "assets/layers"
    ) -> None:
        """Gives layers of words the files of words that belong to them."""
        parts = self.parts_of(model)
        names = keras_weights.in_container([class_name for class_name, _ in parts])
        for name, (_, layer) in zip(names, parts, strict=True):
            place = f"{folder}/{name}"
            if id(layer) in self._parts:
                self.take_vocabularies(layer, archive, f"{place}/layers")
            file = f"{place}/vocabulary.txt"
            if hasattr(layer, "set_vocabulary") and file in archive.namelist():
                words = _member(archive, file, self.label).decode("utf-8").split("\n")
                layer.set_vocabulary(
                    [int(one) for one in words] if isinstance(layer, layers.IntegerLookup) else words
                )


def _input(config: Mapping[str, Any]) -> Any:
    shape = config.get("batch_shape") or config.get("batch_input_shape")
    if not isinstance(shape, list):
        raise ValueError(f"the Input {config.get('name')!r} has no shape")
    if any(config.get(key) for key in ("sparse", "ragged", "optional")):
        raise ValueError(f"the Input {config.get('name')!r} must be dense and not optional")
    dtype = keras_config.policy_name(config.get("dtype")) or "float32"
    dtype = "float32" if dtype in ("float16", "bfloat16") else dtype
    options = {"batch_size": shape[0], "dtype": dtype}
    if config.get("name"):
        options["name"] = config["name"]
    return layers.InputLayer(tuple(shape[1:]) or (1,), **options)


def _dtype_for(layer: Any) -> str:
    reads = getattr(layer, "reads_texts", False)
    return "string" if reads else "int32" if getattr(layer, "reads_ids", False) else "float32"


def _called(entries: Any, made: Mapping[str, Any], label: str) -> dict[Any, Any]:
    """The tensors of a graph, by layer, call and result."""
    tensors: dict[Any, Any] = {}
    waiting = []
    for entry in entries:
        name = entry["config"]["name"]
        if entry["class_name"] == "InputLayer":
            tensors[name, 0, 0] = made[name].output
            continue
        for number, node in enumerate(entry["inbound_nodes"]):
            waiting.append((entry, name, number, *keras_config.call_of(node)))
    masked = keras_masks.masked_by_themselves(entries)
    while waiting:
        left = []
        for call in waiting:
            entry, name, number, arguments, options = call
            before = {(name, number - 1, 0)} if number else set()
            if not before | set(keras_config.tensors_in([arguments, options])) <= set(tensors):
                left.append(call)
                continue
            options = {
                key: value
                for key, value in options.items()
                if value is not None and not (key == "training" and value is False) and not masked(value)
            }
            out = _call(
                entry, made, keras_config.filled(arguments, tensors), keras_config.filled(options, tensors)
            )
            for place, tensor in enumerate(_flat(out)):
                tensors[name, number, place] = tensor
        if len(left) == len(waiting):
            raise ValueError(f"{label!r}: the calls of {sorted({call[1] for call in left})} cannot be joined")
        waiting = left
    return tensors


def _call(entry: Mapping[str, Any], made: Mapping[str, Any], arguments: Any, options: dict[str, Any]) -> Any:
    """What a layer or an operation makes of tensors."""
    name = entry["config"]["name"]
    arguments = keras_masks.before(entry, arguments)
    try:
        if keras_config.is_operation(entry):
            settings = {key: value for key, value in entry["config"].items() if key not in ("name", "dtype")}
            return OPERATIONS[snake_case(entry["class_name"])](*arguments, **settings, **options)
        return made[name](*arguments, **options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{entry['class_name']} ({name}): {error}") from error


def _structure(places: Any, tensors: Mapping[Any, Any]) -> Any:
    """Tensors in the nesting of their places: [name, call, result], lists or dicts of them."""
    if isinstance(places, dict):
        return {name: _structure(part, tensors) for name, part in places.items()}
    if len(places) == 3 and isinstance(places[0], str):
        return tensors[places[0], places[1], places[2]]
    found = [_structure(part, tensors) for part in places]
    return found[0] if len(found) == 1 else found


def _flat(value: Any) -> list[Any]:
    return [part for one in value for part in _flat(one)] if isinstance(value, (list, tuple)) else [value]
