"""Writes golden/onnx/*.onnx and outputs.npz: text models of PyTorch by both of its exporters, and what they
give for some ids.

Needs torch 2.13, onnx and onnxscript: python tests/golden/make_onnx.py
"""

import logging
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from golden.torch_text_models import MODELS, built, exported

FOLDER = Path(__file__).parent / "onnx"
DYNAMO = ("text_cnn", "bilstm_mean", "transformer")
FIXED = ("text_cnn_2d", "gru")
"""Exported for one size of the batch, as torch.onnx.export does by default."""


def write(name, exporter, outputs):
    model, ids = built(name)
    path = FOLDER / f"{name}.{exporter}.onnx"
    exported(model, ids, path, exporter, fixed=name in FIXED)
    proto = onnx.load(path)
    for part in [
        *proto.graph.node,
        *proto.graph.value_info,
        proto.graph,
        *proto.graph.input,
        *proto.graph.output,
    ]:
        part.doc_string = ""
        part.ClearField("metadata_props")  # where in PyTorch's source it comes from
    del proto.graph.value_info[:]
    onnx.save(proto, path)
    outputs |= {f"{name}/{place}": one.numpy().astype(np.int32) for place, one in enumerate(ids)}
    outputs[f"{name}/out"] = model(*ids).detach().numpy()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    FOLDER.mkdir(exist_ok=True)
    outputs = {}
    for name in MODELS:
        write(name, "dynamo" if name in DYNAMO else "torchscript", outputs)
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)
