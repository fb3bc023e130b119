"""Texts inside a graph: lower-cased, split at white space, looked up; where the text encoder does no more
than that.

ONNX's StringSplit cuts at blanks, here and in onnxruntime; the other white space is cut at one after the
other.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layers.text_vectorization import TextVectorization
from ..models.inputs import program_inputs
from ..text.text_encoder import TextEncoder
from ..text.vocabulary import Vocabulary
from . import export_steps as steps
from .export_graph import Graph, Mask, Value

LOCALES = {None: None, "lower": "C", "lower_unicode": "C.UTF-8"}
"""By the encoder's `standardize`: in which locale ONNX's StringNormalizer does the same ("İ" alone
is one character there and two here); None: none is
needed.
"""
OTHER_BLANKS = "\t\n\v\f\r"


def text_inputs(g: Graph, model: Any, names: list[str]) -> tuple[list[Any], list[Value]]:
    """The inputs of a graph that takes strings, and the ids that are made of them."""
    declared: dict[int, Any] = {}
    values = []
    for (number, tensor), _ in zip(program_inputs(model), names, strict=True):
        name = model.inputs[number].name
        encoder = encoder_of(model, tensor)
        if number not in declared:
            declared[number] = g.onnx.helper.make_tensor_value_info(
                g.unique(name), g.onnx.TensorProto.STRING, ["batch"]
            )
        values.append(encoded(g, name, encoder, tensor.shape[1]))
    return list(declared.values()), values


def encoder_of(model: Any, tensor: Any) -> TextEncoder:
    """What makes the ids of an input; ValueError that names the setting where ONNX has nothing like it."""
    layer = tensor.node.layer
    if isinstance(layer, TextVectorization) and layer.output_mode == "int":
        encoder, owner = layer._encoder, f"layer {layer.name!r}"
    elif not layer.prepares:
        encoder, owner = model.text_encoder, "the text encoder"
    else:
        raise ValueError(
            f"text=True: layer {layer.name!r} ({type(layer).__name__}) has no form in ONNX; allowed are "
            "TextVectorization(output_mode='int') and a model.text_encoder"
        )
    if encoder is None:
        raise ValueError("text=True: the model has no text encoder. Set model.text_encoder, or export ids")
    if type(encoder) is not TextEncoder:
        raise ValueError(
            f"text=True: {owner} must be a text.TextEncoder that lower-cases and splits at white space. "
            f"Received: {type(encoder).__name__}"
        )
    allowed = {"standardize": tuple(LOCALES), "split": ("whitespace",), "ngrams": (None,), "filters": ("",)}
    for name, values in allowed.items():
        given = getattr(encoder, name)
        if given not in values:
            raise ValueError(
                f"text=True: `{name}` of {owner} must be {' or '.join(map(repr, values))}, as ONNX has no "
                f"more. Received: {name}={given!r}"
            )
    if encoder.vocabulary is None:
        raise ValueError(f"text=True: {owner} has no vocabulary yet: call adapt or set_vocabulary first")
    return encoder


def vocabulary_of(model: Any) -> Any:
    """The Vocabulary that makes the ids of a model: of its text encoder, or of the layer that reads texts."""
    layers = [tensor.node.layer for _, tensor in program_inputs(model)]
    readers = [
        one._encoder for one in layers if isinstance(one, TextVectorization) and one.output_mode == "int"
    ]
    encoders = [model.text_encoder, *readers]
    found = [getattr(encoder, "vocabulary", None) for encoder in encoders]
    return next((one for one in found if isinstance(one, Vocabulary)), None)


def encoded(g: Graph, texts: str, encoder: TextEncoder, length: int | None) -> Value:
    """The ids of texts [B]: as long as `output_sequence_length`, or under a mask as the longest of them."""
    locale = LOCALES[encoder.standardize] if not callable(encoder.standardize) else None
    if locale is not None:
        texts = g.node("StringNormalizer", texts, case_change_action="LOWER", locale=locale)
    tokens = g.nodes_of("StringSplit", [texts], 2)[0]
    for blank in OTHER_BLANKS:
        tokens = g.nodes_of("StringSplit", [tokens], 2, delimiter=blank)[0]
    vocabulary = encoder.get_vocabulary()
    ids = g.node(
        "LabelEncoder",
        tokens,
        domain="ai.onnx.ml",
        keys_strings=vocabulary,
        values_int64s=list(range(len(vocabulary))),
        default_int64=1,
    )
    shape = g.node("Shape", tokens)
    count = g.reduced("ReduceProd", g.sliced(shape, 0, 1, 2**31 - 1), [0], True)
    wanted = g.joined(g.sliced(shape, 0, 0, 1), count)
    empty = g.node("Equal", tokens, g.array(np.array("", object)))
    real = Mask(g.node("Reshape", g.node("Not", empty), wanted))
    ids = steps.to_front(g, g.node("Reshape", ids, wanted), real)
    lengths = g.counts(real)
    fixed = encoder.output_sequence_length
    longest = g.node("Max", g.node("ReduceMax", lengths, keepdims=1), g.ints(length or 1))
    width = g.ints(fixed) if fixed is not None else longest
    ids = g.sliced(g.padded(ids, 2, 1, 0, width), 1, 0, width)
    counted = g.node("Less", steps.positions(g, width), g.unsqueezed(lengths, 1))
    ids = g.node("Where", counted, ids, g.whole(0))
    return Value(ids, 2, True, None if fixed is not None else Mask(counted, True), dtype="ids")
