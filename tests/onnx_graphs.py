"""Small graphs of ONNX made by hand, for the tests of its import."""

import numpy as np
import onnx
import onnx.shape_inference
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 20


def saved(path, nodes, inputs, outputs=("y",), constants=None, opset=OPSET):
    """Writes a graph. `inputs`: {name: shape}, ids where the name begins with "ids"; returns the path."""
    made = [
        helper.make_tensor_value_info(
            name, TensorProto.INT64 if name.startswith("ids") else TensorProto.FLOAT, shape
        )
        for name, shape in inputs.items()
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        made,
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    model = onnx.shape_inference.infer_shapes(model)
    for one in model.graph.output:
        if not one.type.tensor_type.HasField("shape"):  # every output must have one, whatever it is
            one.CopyFrom(helper.make_tensor_value_info(one.name, TensorProto.FLOAT, ("n",)))
    onnx.save(model, path)
    return path


def node(operation, inputs, outputs="y", **attributes):
    """A node; names apart by blanks, "-" for one that is left out."""
    names = ["" if one == "-" else one for one in inputs.split()]
    return helper.make_node(
        operation, names, outputs.split(), name=f"the_{operation.lower()}_of_{names[0]}", **attributes
    )


def expected(path, feeds):
    """What onnxruntime makes of a graph."""
    return onnxruntime.InferenceSession(str(path)).run(None, feeds)
