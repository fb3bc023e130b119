"""Writes golden/onnx_bags/*.onnx and outputs.npz: models of an EmbeddingBag by both exporters of PyTorch, and
what they give for some ids.

Needs torch 2.13, onnx and onnxscript: python tests/golden/make_onnx_bags.py
"""

import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

FOLDER = Path(__file__).parent / "onnx_bags"
ROWS = 12


class Bags(nn.Module):
    """Bags of tokens, and a decision for each."""

    def __init__(self, **settings):
        super().__init__()
        self.bag = nn.EmbeddingBag(ROWS, 4, **settings)
        self.fc = nn.Linear(4, 3)

    def forward(self, ids, more=None):
        if more is not None and more.dtype == torch.float32:
            return self.fc(self.bag(ids, per_sample_weights=more))
        return self.fc(self.bag(ids, more))


IDS = torch.randint(0, ROWS, (5, 7), generator=torch.Generator().manual_seed(0))
VECTOR, BEGINS = IDS.reshape(-1)[:11], torch.tensor([0, 3, 4, 9])
MODELS = {
    "mean": ({}, (IDS,)),
    "sum": ({"mode": "sum"}, (IDS,)),
    "max": ({"mode": "max"}, (IDS,)),
    "fixed": ({}, (IDS,)),
    "padding": ({"padding_idx": 0}, (IDS,)),
    "padding_max": ({"mode": "max", "padding_idx": 2}, (IDS,)),
    "weighted": ({"mode": "sum"}, (IDS, torch.linspace(-1, 1, 35).reshape(5, 7))),
    "offsets": ({}, (VECTOR, BEGINS)),
    "offsets_fixed": ({"mode": "sum"}, (VECTOR, BEGINS)),
    "offsets_last": ({"include_last_offset": True}, (VECTOR, torch.cat([BEGINS, torch.tensor([11])]))),
}
FIXED = ("fixed", "offsets_fixed", "weighted")


def write(name, exporter, outputs):
    torch.manual_seed(sorted(MODELS).index(name))
    settings, given = MODELS[name]
    model = Bags(**settings).eval()
    path = FOLDER / f"{name}.{exporter}.onnx"
    names = ["ids", "offsets" if name.startswith("offsets") else "weights"][: len(given)]
    options = {"input_names": names, "output_names": ["out"]}
    places = {
        one: {place: f"{one}_{place}" for place in range(array.ndim)}
        for one, array in zip(names, given, strict=True)
    }
    if exporter == "torchscript":
        options |= {"dynamo": False, "dynamic_axes": None if name in FIXED else places}
    else:
        shapes = tuple(
            {place: torch.export.Dim(size) for place, size in sizes.items()} for sizes in places.values()
        )
        options |= {"dynamo": True, "external_data": False, "verbose": False}
        options |= {"dynamic_shapes": None if name in FIXED else shapes}
    torch.onnx.export(model, given, str(path), **options)
    proto = onnx.load(path)
    parts = [*proto.graph.node, *proto.graph.value_info, proto.graph, *proto.graph.input, *proto.graph.output]
    while parts:
        part = parts.pop()
        part.doc_string = ""
        if part is not proto.graph and hasattr(part, "metadata_props"):
            part.ClearField("metadata_props")  # where in PyTorch's source it comes from
        for attribute in getattr(part, "attribute", ()):
            if attribute.HasField("g"):
                parts += [*attribute.g.node, *attribute.g.value_info]
    del proto.graph.value_info[:]
    proto.graph.ClearField("metadata_props")
    onnx.save(proto, path)
    outputs |= {f"{name}/{one}": array.numpy() for one, array in zip(names, given, strict=True)}
    outputs[f"{name}/out"] = model(*given).detach().numpy()


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    FOLDER.mkdir(exist_ok=True)
    outputs = {}
    for name in MODELS:
        for exporter in ("torchscript", "dynamo"):
            if exporter == "dynamo" or not name.startswith("padding"):  # which the other one refuses
                write(name, exporter, outputs)
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)
