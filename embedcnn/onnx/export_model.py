"""`model.export("m.onnx")`: the plain program of a model, in inference, as a file of ONNX.

The core's operations are gone through in their order, each written by its function in export_registry.py.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..base.arguments import boolean
from ..lowering.operations import Lowered
from ..models.inputs import program_inputs
from .export_files import write_files
from .export_graph import Graph, Mask, Value
from .export_opsets import checked_opset
from .export_registry import write
from .export_texts import text_inputs, vocabulary_of


@dataclass(frozen=True)
class Input:
    """An input of a graph: its name, what the program reads there, and whether lengths of texts come beside
    it.
    """

    name: str
    dtype: str
    steps: int | None
    dims: tuple[int, ...]
    has_lengths: bool = False


def export(
    model: Any,
    filepath: str | os.PathLike[str],
    *,
    text: bool = False,
    ragged: bool = False,
    opset: int | None = None,
) -> None:
    """Writes a model as an ONNX graph whose results are those of `model.predict`, for any batch, in float32.

    Parameters
    ----------
    model
        A Model. Inputs and outputs of the graph have the names of its own; ids are int64 (batch, steps),
        numbers float32. What TextVectorization and other layers make
        outside of the core is an input by the name of the layer. The names of classes are in the graph's
        metadata as "labels", a list in JSON.
    filepath
        The file. Beside "m.onnx" the words of the text encoder, or of a TextVectorization of ids, become
        "m.vocabulary.txt", one a line, that of id 0 first, and weights of more than 2 GB "m.onnx.data".
    text
        The graph takes strings (batch,), where the text encoder only lower-cases and splits at white space.
        Needs a runtime with opset 20 and, where `standardize` is "lower_unicode", the locale C.UTF-8, which
        Linux has.
    ragged
        Each input of ids has lengths beside it, "NAME_lengths", int64 (batch,): what stands behind a text's
        length is no part of it, as in a Ragged batch. Else 0 is padding where the Embedding has `mask_zero`,
        as in fit.
    opset
        The version of ONNX's operations, from 18 on (None: 18, with `text` 20).

    Raises
    ------
    ValueError
        For a file of another ending than .onnx, and for what ONNX cannot hold, by the name of its layer:
        layers written in Python, states carried from batch to batch, random numbers in inference, an encoder
        with other settings.
    ImportError
        Without the extra `onnx`.

    Examples
    --------
    >>> import embedcnn, os, tempfile
    >>> model = embedcnn.Sequential([embedcnn.Input((4,)), embedcnn.layers.Dense(2, name="scores")])
    >>> path = os.path.join(tempfile.mkdtemp(), "m.onnx")
    >>> export(model, path)  # doctest: +SKIP
    >>> os.path.exists(path)  # doctest: +SKIP
    True
    """
    text, ragged = boolean("text", text), boolean("ragged", ragged)
    if not os.fsdecode(filepath).lower().endswith(".onnx"):
        raise ValueError(
            "`filepath` must end in .onnx, the one format there is. Received: "
            f"filepath={os.fspath(filepath)!r}"
        )
    version = checked_opset(opset, 20 if text else 18)
    model._require_built("its graph")
    for spec in model._adapter.specs:
        if spec.open_image:
            raise ValueError(
                f"Input {spec.name!r} leaves the size of its images open, shape={spec.shape[1:]}; a graph "
                "has one. Export a model of images of that size: x = Input((height, width, channels)), "
                "Model(x, model(x))"
            )
    plain = model.lowered_as("predict", rewrite=False)
    names = input_names(model, len(plain.inputs))
    g = Graph(version)
    if text:
        given, values = text_inputs(g, model, names)
    else:
        inputs = [
            Input(name, dtype, steps, dims, ragged and dtype == "int32")
            for name, (_, dtype, steps, dims) in zip(names, plain.inputs, strict=True)
        ]
        given, values = array_inputs(g, inputs)
    proto = graph_of(g, plain, given, values, output_names(model), model.name)
    metadata = {} if model.labels is None else {"labels": json.dumps(model.labels)}
    write_files(filepath, proto, g.arrays, metadata, vocabulary_of(model))


def input_names(model: Any, count: int) -> list[str]:
    """The names of the model's inputs; what a layer makes of texts or categories has the layer's name."""
    names = [tensor.name for _, tensor in program_inputs(model)]
    assert len(names) == count
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def output_names(model: Any) -> list[str]:
    """The keys of outputs that are a dict, else the names of the layers that make them."""
    names = model.output_keys or [tensor.name for tensor in model.outputs]
    return [name if names.count(name) == 1 else f"{name}_{place}" for place, name in enumerate(names)]


def array_inputs(g: Graph, inputs: Sequence[Input]) -> tuple[list[Any], list[Value]]:
    """The inputs of a graph as it declares them, and as operations read them."""
    declared, values = [], []
    for one in inputs:
        sizes: list[int | str] = ["batch"]
        name = g.unique(one.name)
        if one.steps is not None:
            sizes.append(f"{one.name}_steps" if one.steps < 0 else one.steps)
        sizes += [f"{one.name}_{axis}" if size < 0 else size for axis, size in enumerate(one.dims, 2)]
        ids = one.dtype == "int32"
        dtype = g.onnx.TensorProto.INT64 if ids else g.onnx.TensorProto.FLOAT
        declared.append(g.onnx.helper.make_tensor_value_info(name, dtype, sizes))
        mask = None
        if one.has_lengths:
            lengths = g.unique(f"{one.name}_lengths")
            declared.append(
                g.onnx.helper.make_tensor_value_info(lengths, g.onnx.TensorProto.INT64, ["batch"])
            )
            mask = length_mask(g, name, lengths)
        kind = "ids" if ids else "floats"
        values.append(Value(name, len(sizes), one.steps is not None, mask, dtype=kind))
    return declared, values


def length_mask(g: Graph, name: str, lengths: str) -> Mask:
    """Which steps of a text are before its length."""
    places = g.node("Range", g.whole(0), g.scalar_size(name, 1), g.whole(1))
    return Mask(g.node("Less", places, g.unsqueezed(lengths, 1)), True)


def graph_of(
    g: Graph, program: Lowered, declared: list[Any], values: list[Value], outputs: Sequence[str], name: str
) -> Any:
    """A ModelProto of a program: its operations behind what `g` holds already; `g.arrays` are its weights."""
    made = list(values)
    for op in program.operations:
        op = replace(op, variables=[variable.latest() for variable in op.variables])
        g.shapes = [program.tensors[number].shape for number in op.inputs]
        made += write(g, op, [made[number] for number in op.inputs])
    results = []
    for label, number in zip(outputs, program.outputs, strict=True):
        value, shape = made[number], program.tensors[number].shape
        shown = g.shown(value)
        result = g.unique(label)
        g.nodes.append(g.onnx.helper.make_node("Identity", [shown], [result], result))
        sizes = [size if size is not None else f"{result}_{axis}" for axis, size in enumerate(shape)]
        sizes = ["batch", *sizes[1:]] if sizes and not value.single else sizes
        results.append(g.onnx.helper.make_tensor_value_info(result, g.onnx.TensorProto.FLOAT, sizes))
    graph = g.onnx.helper.make_graph(g.nodes, name, declared, results, g.weights)
    versions = {"": g.opset, "ai.onnx.ml": 3}
    domains = [g.onnx.helper.make_opsetid(domain, versions[domain]) for domain in sorted({"", *g.domains})]
    return g.onnx.helper.make_model(
        graph,
        producer_name="embedcnn",
        opset_imports=domains,
        ir_version=g.onnx.helper.find_min_ir_version_for(domains),
    )
