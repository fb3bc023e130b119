"""EmbeddingBag as PyTorch's exporters write it (tests/golden/make_onnx_bags.py), a loop over bags, comes back
as one layer, with ids (B, T) or, as in PyTorch's tutorial of text classification, end to end with offsets.
"""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")

from embedcnn import Ragged, layers, models  # noqa: E402

GOLDEN = Path(__file__).parents[1] / "golden" / "onnx_bags"
OUTPUTS = np.load(GOLDEN / "outputs.npz")
FILES = {path.name.removesuffix(".onnx"): path for path in sorted(GOLDEN.glob("*.onnx"))}
SETTINGS = {
    "padding": ("mean", 0),
    "padding_max": ("max", 2),
    "weighted": ("sum", None),
    "offsets": ("mean", None),
    "offsets_fixed": ("sum", None),
    "offsets_last": ("mean", None),
    "fixed": ("mean", None),
    "mean": ("mean", None),
    "sum": ("sum", None),
    "max": ("max", None),
}


def given(name):
    """What the model of a file is given here."""
    ids = OUTPUTS[f"{name}/ids"].astype(np.int32)
    if f"{name}/offsets" in OUTPUTS:
        begins = OUTPUTS[f"{name}/offsets"].tolist()
        return Ragged(ids, np.array([*begins[:4], len(ids)]))
    return [ids, OUTPUTS[f"{name}/weights"]] if f"{name}/weights" in OUTPUTS else ids


@pytest.mark.parametrize("file", FILES)
def test_is_one_layer(file):
    name = file.split(".")[0]
    model = models.load_onnx(FILES[file])
    (bag,) = (layer for layer in model.layers if isinstance(layer, layers.EmbeddingBag))
    assert (bag.mode, bag.padding_idx, bag.name) == (*SETTINGS[name], "bag")
    assert [type(layer).__name__ for layer in model.layers if layer.weights] == ["EmbeddingBag", "Dense"]
    np.testing.assert_allclose(model.predict(given(name), verbose=0), OUTPUTS[f"{name}/out"], atol=1e-5)


@pytest.mark.parametrize("file", [one for one in FILES if "torchscript" not in one])
def test_learns_and_is_saved(file, tmp_path):
    name = file.split(".")[0]
    model, x = models.load_onnx(FILES[file]), given(name)
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(x, np.zeros_like(OUTPUTS[f"{name}/out"]), epochs=1, verbose=0)
    assert all((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "m.embedcnn")
    again = models.load_model(tmp_path / "m.embedcnn")
    assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_batches_and_lengths_of_other_sizes():
    for file in ("mean.torchscript", "mean.dynamo", "fixed.dynamo", "fixed.torchscript"):
        model = models.load_onnx(FILES[file])
        table, kernel, bias = model.get_weights()
        ids = np.array([[1, 2, 3, 11, 0, 5, 5]] if "fixed" in file else [[1, 2, 11]], np.int32)
        wanted = table[ids].mean(1) @ kernel + bias
        np.testing.assert_allclose(model.predict(ids, verbose=0), wanted, atol=1e-5)


def changed(tmp_path, file, change):
    proto = onnx.load(FILES[file])
    change(proto.graph)
    onnx.save(proto, tmp_path / "changed.onnx")
    return tmp_path / "changed.onnx"


def loop_of(graph):
    (loop,) = (node for node in graph.node if node.op_type == "Loop")
    return loop.attribute[0].g


def test_other_loops_are_refused(tmp_path):
    def reduced_otherwise(graph):
        for node in loop_of(graph).node:
            if node.op_type == "ReduceMean":
                node.op_type = "ReduceL2"

    with pytest.raises(ValueError, match="Loop.*is not known here|computes something else"):
        models.load_onnx(changed(tmp_path, "mean.torchscript", reduced_otherwise))

    def shifted(graph):
        for node in loop_of(graph).node:
            if node.op_type == "ReduceMean":
                node.op_type = "ReduceSum"  # a sum where the name says nothing of it is a sum

    path = changed(tmp_path, "mean.torchscript", shifted)
    (bag,) = (layer for layer in models.load_onnx(path).layers if isinstance(layer, layers.EmbeddingBag))
    assert bag.mode == "sum"

    def every_other(graph):
        for node in graph.node:
            if node.op_type == "Range":
                node.input[2], node.input[1] = node.input[1], node.input[1]  # one bag of all

    with pytest.raises(ValueError, match="computes something else|cannot be tried"):
        models.load_onnx(changed(tmp_path, "mean.torchscript", every_other))


def test_ids_in_one_vector_are_read_by_bags_alone(tmp_path):
    def read_too(graph):
        graph.node.append(onnx.helper.make_node("Size", ["ids"], ["many"], name="counts"))
        graph.node.append(onnx.helper.make_node("Cast", ["many"], ["number"], to=1))
        graph.node.append(onnx.helper.make_node("Mul", ["number", "out"], ["twice"]))
        graph.output[0].name = "twice"

    with pytest.raises(ValueError, match=r"may be read by EmbeddingBag alone. Received: nodes \['counts'\]"):
        models.load_onnx(changed(tmp_path, "offsets.torchscript", read_too))
