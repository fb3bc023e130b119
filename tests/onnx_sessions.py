"""Runs exported graphs in onnxruntime beside the model or the program that they come from, and reads them
back by models.load_onnx.

Imported by tests/onnx_files, after it has found onnx and onnxruntime.
"""

import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime

import embedcnn
from embedcnn.graph.variables import Variable
from embedcnn.lowering.operations import Lowered, Operation, Tensor
from embedcnn.onnx.export_files import inlined
from embedcnn.onnx.export_graph import Graph, Mask
from embedcnn.onnx.export_model import Input, array_inputs, graph_of, input_names

TOLERANCE = 1e-5


def session(graph):
    """A session of one thread for a file, or the bytes of a graph, which is checked first."""
    onnx.checker.check_model(graph, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def close(got, expected, what=""):
    """Off by at most 1e-5 times the largest number, at least 1."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    np.testing.assert_array_equal(np.isnan(got), np.isnan(expected), err_msg=what)
    scale = max(np.abs(np.nan_to_num(expected)).max(initial=0), 1)
    worst = np.abs(np.nan_to_num(got) - np.nan_to_num(expected)).max(initial=0)
    assert worst <= TOLERANCE * scale, f"{what}: off by {worst:.3g} where the largest is {scale:.3g}"


# -- models --------------------------------------------------------------------------------------------------
def feeds(model, x):
    """What a graph of a model is given: padded behind, with lengths where a batch is Ragged."""
    given = {}
    batches = x if isinstance(x, list) else [x]
    for name, one in zip(input_names(model, len(batches)), batches, strict=True):
        if isinstance(one, embedcnn.Ragged):
            given[name] = one.to_padded(padding="post").astype(np.int64)
            given[f"{name}_lengths"] = one.lengths.astype(np.int64)
        else:
            one = np.asarray(one)
            given[name] = one.astype(np.float32 if one.dtype.kind == "f" else np.int64)
    return given


def predicted(model, x):
    found = model.predict(x, verbose=0)
    found = list(found.values()) if isinstance(found, dict) else found
    found = found if isinstance(found, list) else [found]
    return [one.to_padded(padding="post") if isinstance(one, embedcnn.Ragged) else one for one in found]


def check_model(model, batches, path, **settings):
    """The graph of a model gives what `predict` gives, for each batch; so does the model that load_onnx makes
    of it, for the last of them.
    """
    model.export(path, **settings)
    runtime = session(str(path))
    for x in batches:
        got = runtime.run(None, feeds(model, x))
        for one, other in zip(got, predicted(model, x), strict=True):
            close(one, other, model.name)
    check_return(path, feeds(model, batches[-1]), got)
    return runtime


def check_return(path, given, expected):
    """What load_onnx makes of a file gives these results; numbers of steps are given."""
    shapes = {name: (None, *np.shape(array)[1:]) for name, array in given.items()}
    again = embedcnn.models.load_onnx(path, input_shapes=shapes)
    x = [given[tensor.name] for tensor in again.inputs]
    found = again.predict(x if len(x) > 1 else x[0], verbose=0)
    for one, other in zip(found if isinstance(found, list) else [found], expected, strict=True):
        close(one, other, f"{path}, read again")


# -- programs of the core ------------------------------------------------------------------------------------
def lowered(pair, arrays, targets=None, shapes=()):
    """A program of the tests as the lowering has it, and its outputs; with losses it needs their targets.

    `shapes`: of further tensors by their number, where a form in ONNX asks for them.
    """
    layer = SimpleNamespace(name="p")
    variables = [Variable(f"{number}", value, layer) for number, value in enumerate(pair.values)]
    parts = pair.reference
    if targets is None:
        outs = pair.core.forward(arrays, training=False, step=0)
    else:
        outs = pair.core.test_step(arrays, targets, None, want_outputs=True)[3]
    count = max(number for operation in parts.operations for number in (*operation[1], *operation[2])) + 1
    tensors = [Tensor(())] * count
    for number, out in zip(parts.outputs, outs, strict=True):
        tensors[number] = Tensor((None,) * out.ndim)
    for number, shape in dict(shapes).items():
        tensors[number] = Tensor(shape)
    operations = [
        Operation(name, list(read), list(made), [variables[one] for one in used], dict(settings))
        for name, read, made, used, settings in parts.operations
    ]
    return Lowered(pair.inputs, operations, list(parts.outputs), variables, tensors), outs


def program_runtime(pair, arrays, targets=None, opset=18, shapes=(), returns=True):
    """(what the core gives, what onnxruntime does) for a program and the arrays of a batch; `returns`: what
    load_onnx makes of the graph gives that too.
    """
    program, expected = lowered(pair, arrays, targets, shapes)
    g = Graph(opset)
    ragged = [isinstance(one, tuple) and one[1].dtype != bool for one in arrays]
    declared, values = array_inputs(
        g, [Input(*form, has_lengths) for form, has_lengths in zip(pair.inputs, ragged, strict=True)]
    )
    given = {}
    for place, (form, array) in enumerate(zip(pair.inputs, arrays, strict=True)):
        name = form[0]
        if not isinstance(array, tuple):
            given[name] = array.astype(np.int64 if form[1] == "int32" else np.float32)
        elif ragged[place]:
            one = embedcnn.Ragged(*array)
            width = max(1, *one.lengths)
            given[name] = one.to_padded(width, padding="post").astype(np.int64)
            given[f"{name}_lengths"] = one.lengths.astype(np.int64)
        else:
            given[name], given[f"{name}_mask"] = array
            mask = onnx.helper.make_tensor_value_info(
                f"{name}_mask", onnx.TensorProto.BOOL, ["batch", f"{name}_steps"]
            )
            declared.append(mask)
            values[place] = values[place].made(name, mask=Mask(f"{name}_mask"))
    names = [f"out{number}" for number in range(len(program.outputs))]
    proto = graph_of(g, program, declared, values, names, "program")
    content = inlined(proto, g.arrays).SerializeToString()
    got = session(content).run(None, given)
    if returns:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "program.onnx"
            path.write_bytes(content)
            check_return(path, given, got)
    return expected, got
