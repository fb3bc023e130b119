"""Where Keras ends a mask that goes on here: its convolutions, pooling and operations do not know masks, and
see every step. A model that was trained so must go on to see them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..layers.operand_masks import on_all_steps
from .keras_config import call_of, is_operation, is_tensor, place_of, tensors_in

HAND_ON = frozenset(
    {
        *("Activation", "Add", "Average", "Concatenate", "Dense", "Dropout", "ELU", "GaussianDropout"),
        *("GaussianNoise", "Identity", "LayerNormalization", "LeakyReLU", "Maximum", "Minimum", "Multiply"),
        *("PReLU", "ReLU", "SpatialDropout1D", "Subtract"),
    }
)
"""Layers that do the same to every step and hand the mask on."""
END = frozenset(
    {
        *("AveragePooling1D", "Conv1D", "Conv1DTranspose", "Cropping1D", "DepthwiseConv1D", "Flatten"),
        *("GlobalMaxPooling1D", "MaxPooling1D", "Permute", "Reshape", "SeparableConv1D", "UpSampling1D"),
        "ZeroPadding1D",
    }
)
"""Layers that see every step in Keras, masked or not."""


def with_needed_masks(entries: Sequence[Any], outputs: Any, in_a_row: bool) -> list[Any]:
    """The layers of a model, its Embeddings without the masks that end in Keras before anything looks at
    them.
    """
    readers = _chain(entries) if in_a_row else _readers(entries, outputs)
    return [
        {**entry, "config": {**entry["config"], "mask_zero": False}}
        if entry["class_name"] == "Embedding"
        and entry["config"].get("mask_zero")
        and not _is_looked_at(entry["config"]["name"], readers)
        else entry
        for entry in entries
    ]


def before(entry: Mapping[str, Any], arguments: Any) -> Any:
    """What a layer is called with: tensors whose mask ends there in Keras without it."""
    ends = is_operation(entry) or entry["class_name"] in END
    if not ends or not isinstance(arguments, list):
        return arguments
    return [one if isinstance(one, (list, dict)) else on_all_steps([one])[0] for one in arguments]


def end_in_a_row(entries: Sequence[Any]) -> bool:
    """Whether a mask of a chain of layers ends at one that knows none, and counts on here."""
    masked = False
    for entry in entries:
        config = entry["config"]
        if masked and entry["class_name"] in END:
            return True
        masked |= entry["class_name"] == "Masking" or bool(config.get("mask_zero"))
        inner = config.get("layer")
        inside = inner.get("config", {}) if isinstance(inner, dict) else config
        gives_one = "return_sequences" in inside and not inside["return_sequences"]
        masked &= not gives_one and entry["class_name"] != "GlobalAveragePooling1D"
    return False


def _chain(entries: Sequence[Any]) -> dict[str, list[Any]]:
    """The entry behind each layer of a chain; None: the output of the model."""
    names = [entry["config"]["name"] for entry in entries]
    return {name: [one] for name, one in zip(names, [*entries[1:], None], strict=True)}


def _readers(entries: Sequence[Any], outputs: Any) -> dict[str, list[Any]]:
    """The entries that read each layer's results; None: an output of the model."""
    found: dict[str, list[Any]] = {name: [None] for name in _names(outputs)}
    for entry in entries:
        for node in entry.get("inbound_nodes", ()):
            arguments, options = call_of(node)
            given = [value for key, value in options.items() if "mask" not in key]
            for name, _, _ in tensors_in([arguments, given]):
                found.setdefault(name, []).append(entry)
    return found


def _names(places: Any) -> list[str]:
    if isinstance(places, str):
        return [places]
    parts = places.values() if isinstance(places, dict) else places if isinstance(places, list) else ()
    return [name for part in parts for name in _names(part)]


def _is_looked_at(name: str, readers: Mapping[str, list[Any]]) -> bool:
    """Whether a layer that looks at masks, or the loss, gets that of this one."""
    waiting, seen = [name], set()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for entry in readers.get(one, ()):
            if entry is None:
                return True
            if is_operation(entry) or entry["class_name"] in END:
                continue
            if entry["class_name"] not in HAND_ON:
                return True
            waiting.append(entry["config"]["name"])
    return False


def masked_by_themselves(entries: Any) -> Any:
    """A function that tells masks which Keras writes beside a call, though the sequence itself has them:
    those of Embedding(mask_zero=True) and Masking, by operations.
    """
    operations = {entry["config"]["name"]: entry for entry in entries if is_operation(entry)}
    sources = {
        place
        for entry in entries
        if entry["class_name"] == "Masking" or entry["config"].get("mask_zero")
        for node in entry["inbound_nodes"]
        for place in tensors_in(list(call_of(node)))
    }

    def told(value: Any) -> bool:
        if not is_tensor(value):
            return False
        waiting, seen = [place_of(value)], set()
        if waiting[0][0] not in operations:
            return False
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if place[0] in operations:
                node = operations[place[0]]["inbound_nodes"][place[1]]
                waiting += tensors_in(list(call_of(node)))
            elif place not in sources:
                return False
        return True

    return told
