"""What models.load_onnx refuses: damaged and hostile files, and graphs that cannot be built; with a message
that names the node or the argument.
"""

import os

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper  # noqa: E402
from onnx_graphs import node, saved  # noqa: E402

from embedcnn import models  # noqa: E402

X = {"x": ("n", 5, 4)}
OPEN = {"x": ("n", "t", 4)}
IDS = {"ids": ("n", 6)}
TABLE = np.ones((9, 4), np.float32)
EMBED = [node("Gather", "table ids", "e"), node("Transpose", "e", "t", perm=[1, 0, 2])]


def ones(*shape):
    return np.ones(shape, np.float32)


def ints(*values):
    return np.array(values, np.int64)


def lstm(**attributes):
    nodes = [*EMBED, node("LSTM", "t w r b", "y", hidden_size=3, **attributes)]
    return nodes, IDS, {"table": TABLE, "w": ones(1, 12, 4), "r": ones(1, 12, 3), "b": ones(1, 24)}


GRAPHS = {
    "unknown operation": ([node("Det", "x")], X, {}, r"the_det_of_x.*Det is not known here; known are"),
    "NonZero": ([node("NonZero", "x")], X, {}, "NonZero is not known"),
    "a sequence": (
        [node("SequenceConstruct", "x", "s"), node("SequenceAt", "s k")],
        X,
        {"k": np.int64(0)},
        "SequenceCon",
    ),
    "rows by several numbers": (
        [node("Cast", "x", "i", to=7), node("GatherND", "x i")],
        X,
        {},
        "known are batch_dims=1",
    ),
    "letters without a batch": (
        [node("Einsum", "x w", equation="btc,cd->tbd")],
        X,
        {"w": ones(4, 2)},
        "`equation` must have the batch",
    ),
    "the batch reduced": ([node("ReduceSum", "x a")], X, {"a": ints(0)}, "whole batch"),
    "all reduced": ([node("ReduceSum", "x")], X, {}, "the axes must be given"),
    "the batch moved": (
        [node("Transpose", "x", perm=[1, 0, 2])],
        X,
        {},
        "output 'y'.*batch must be its axis 0",
    ),
    "the batch joined": ([node("Concat", "x x", axis=0)], X, {}, "batch stays as it is"),
    "the batch merged": ([node("Reshape", "x s")], X, {"s": ints(-1, 4)}, "output 'y'.*batch"),
    "the batch cut": (
        [node("Slice", "x s e a")],
        X,
        {"s": ints(0), "e": ints(2), "a": ints(0)},
        "batch stays",
    ),
    "an open size decides": (
        [
            *(node("Shape", "x", "s"), node("Gather", "s one", "g"), node("Equal", "g one", "c")),
            helper.make_node(
                "If",
                ["c"],
                ["y"],
                name="branches",
                then_branch=helper.make_graph(
                    [node("Neg", "x", "p")], "a", [], [helper.make_tensor_value_info("p", 1, ("n", "t", 4))]
                ),
                else_branch=helper.make_graph(
                    [node("Abs", "x", "q")], "b", [], [helper.make_tensor_value_info("q", 1, ("n", "t", 4))]
                ),
            ),
        ],
        OPEN,
        {"one": np.int64(1)},
        "Equal.*give `input_shapes`",
    ),
    "a range that goes with the batch": (
        [
            node("Shape", "x", "s", end=1),
            node("Squeeze", "s", "n"),
            node("Range", "zero n one"),
        ],
        X,
        {"zero": np.int64(0), "one": np.int64(1)},
        "Range.*up to batch goes with the batch",
    ),
    "an open size squeezed": ([node("Squeeze", "x a")], OPEN, {"a": ints(1)}, "give `input_shapes`"),
    "a constant along an open size": ([node("Add", "x c")], OPEN, {"c": ones(7, 4)}, "cannot be broadcast"),
    "a kernel of the inputs": (
        [node("Transpose", "x", "t", perm=[0, 2, 1]), node("Conv", "t w")],
        {**X, "w": (3, 4, 2)},
        {},
        "kernel must be a constant",
    ),
    "windows over two axes, padded average": (
        [node("AveragePool", "x", kernel_shape=[2], pads=[1, 0])],
        X,
        {},
        "count_include_pad",
    ),
    "groups of a transposed convolution": (
        [node("ConvTranspose", "x w", group=2)],
        {"x": ("n", 4, 5)},
        {"w": ones(4, 1, 2)},
        "in 2 groups; known is 1",
    ),
    "shifted to the left": (
        [
            node("Cast", "x", "u", to=13),
            node("BitShift", "u k", "s", direction="LEFT"),
            node("Cast", "s", to=1),
        ],
        X,
        {"k": np.uint64(1)},
        "shifts to the right by constants.*direction='LEFT'",
    ),
    "less than all cut off": (
        [node("Pad", "x pads")],
        X,
        {"pads": ints(0, -3, 0, 0, -3, 0)},
        "leave nothing of an axis of 5",
    ),
    "another loop": (
        [
            helper.make_node(
                "Loop",
                ["five", "", "x"],
                ["y"],
                name="again",
                body=helper.make_graph(
                    [node("Identity", "go", "on"), node("Tanh", "x_in", "x_out")],
                    "body",
                    [
                        helper.make_tensor_value_info("i", TensorProto.INT64, ()),
                        helper.make_tensor_value_info("go", TensorProto.BOOL, ()),
                        helper.make_tensor_value_info("x_in", TensorProto.FLOAT, ("n", 5, 4)),
                    ],
                    [
                        helper.make_tensor_value_info("on", TensorProto.BOOL, ()),
                        helper.make_tensor_value_info("x_out", TensorProto.FLOAT, ("n", 5, 4)),
                    ],
                ),
            )
        ],
        X,
        {"five": np.int64(5)},
        "node 'again' .Loop.*a loop is known here as PyTorch exports EmbeddingBag",
    ),
    "groups that do not fit": ([node("Conv", "x w", group=2)], X, {"w": ones(2, 4, 2)}, "in 2 groups"),
    "an average of features that leaves padding out": (
        [node("AveragePool", "x", kernel_shape=[2], pads=[1, 0])],
        {"x": ("n", "steps", 4)},
        {},
        "count_include_pad=0. is not known along this axis",
    ),
    "windows longer than the features": (
        [node("MaxPool", "x", kernel_shape=[6], strides=[2])],
        {"x": ("n", "steps", 4)},
        {},
        "windows of 6 places are longer than axis 2",
    ),
    "dilated pooling": (
        [node("MaxPool", "x", kernel_shape=[2], dilations=[2])],
        X,
        {},
        "dilations of pooling",
    ),
    "weights of a normalisation": (
        [node("BatchNormalization", "x s s s s")],
        X,
        {"s": ones(4)},
        "do not fit shape",
    ),
    "normalised over the batch": (
        [node("LayerNormalization", "x s", axis=0)],
        X,
        {"s": ones(4)},
        "a scale of 4",
    ),
    "peepholes": (
        [*EMBED, node("LSTM", "t w r b - - - p", "y", hidden_size=3)],
        IDS,
        {**lstm()[2], "p": ones(1, 9)},
        "peepholes",
    ),
    "clipped": (*lstm(clip=1.0), "`clip`"),
    "other activations": (*lstm(activations=["Sigmoid", "Tanh", "Relu"]), "activations"),
    "examples before steps": (
        [EMBED[0], node("LSTM", "e w r b", "y", hidden_size=3)],
        IDS,
        lstm()[2],
        "examples must be axis 1",
    ),
    "first states of ones": (
        [*EMBED, node("LSTM", "t w r b - h h", "y", hidden_size=3)],
        {"ids": (2, 6)},
        {**lstm()[2], "h": ones(1, 2, 3)},
        "first states must be zeros",
    ),
    "rows of the inputs": ([node("Gather", "x ids", axis=1)], {**X, **IDS}, {}, "constant table"),
    "training mode": (
        [node("BatchNormalization", "x s s s s", training_mode=1)],
        X,
        {"s": ones(5)},
        "training_mode",
    ),
    "nothing of the inputs": ([node("Identity", "c")], X, {"c": ones(3)}, "depends on no input"),
    "a huge constant": (
        [node("ConstantOfShape", "s", "c"), node("Add", "x c")],
        X,
        {"s": ints(2**20, 2**20, 4)},
        "at most",
    ),
    "a huge repetition": (
        [node("Expand", "c s", "d"), node("Add", "x d")],
        X,
        {"c": ones(1), "s": ints(2**40, 1, 1)},
        "at most",
    ),
    "a huge range": (
        [node("Range", "a b a1", "r"), node("Cast", "r", "f", to=1), node("Add", "x f")],
        X,
        {"a": np.int64(0), "b": np.int64(2**40), "a1": np.int64(1)},
        "at most",
    ),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_that_cannot_be_built(name, tmp_path):
    nodes, inputs, constants, message = GRAPHS[name]
    path = saved(tmp_path / "graph.onnx", nodes, inputs, constants=constants)
    with pytest.raises(ValueError, match=message):
        models.load_onnx(path)


def good(tmp_path):
    return saved(tmp_path / "graph.onnx", [node("MatMul", "x w")], X, constants={"w": ones(4, 300)})


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"x": (None, 5)}, ValueError, r"`input_shapes`: the input 'x' has the shape"),
        ({"x": (None, 6, 4)}, ValueError, "Received: .None, 6, 4."),
        ({"other": (None, 5, 4)}, ValueError, r"names \['other'\]; the inputs of the graph are \['x'\]"),
        ({"x": 5}, TypeError, "the shape of 'x' must be a tuple of sizes, batch first. Received: 5"),
        ([(None, 5, 4)], TypeError, "`input_shapes` must be a dict"),
    ],
)
def test_input_shapes(given, error, message, tmp_path):
    with pytest.raises(error, match=message):
        models.load_onnx(good(tmp_path), input_shapes=given)


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="`path` must be a file of ONNX"):
        models.load_onnx(tmp_path / "missing.onnx")
    for content, message in (
        (b"", "of 0 bytes"),
        (b"\x00\xff" * 50, "is not a file of ONNX|not hold a right model"),
    ):
        (tmp_path / "bad.onnx").write_bytes(content)
        with pytest.raises(ValueError, match=message):
            models.load_onnx(tmp_path / "bad.onnx")


def test_damaged_files(tmp_path):
    """Whatever byte changes or is missing: an error of ours, or a model."""
    content = good(tmp_path).read_bytes()
    random = np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(
            content[: random.integers(20, len(content))] if random.random() < 0.3 else content
        )
        damaged[random.integers(min(200, len(damaged)))] = random.integers(256)
        (tmp_path / "damaged.onnx").write_bytes(damaged)
        try:
            models.load_onnx(tmp_path / "damaged.onnx")
        except (ValueError, FileNotFoundError) as error:
            assert "damaged.onnx" in str(error) or "`" in str(error) or "initializer" in str(error)


def outside(tmp_path, location, **entries):
    """A model whose weight is in another file."""
    model = onnx.load(good(tmp_path))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(value))
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    return folder


def test_data_beside_the_model(tmp_path):
    folder = outside(tmp_path, "weights.bin", offset=8, length=4 * 300 * 4)
    weight = np.random.default_rng(0).normal(size=(4, 300)).astype(np.float32)
    (folder / "weights.bin").write_bytes(b"8 before" + weight.tobytes())
    assert np.array_equal(models.load_onnx(folder / "model.onnx").get_weights()[0], weight)
    (folder / "weights.bin").write_bytes(b"short")
    with pytest.raises(ValueError, match="needs 4800 bytes at 8 of 'weights.bin'"):
        models.load_onnx(folder / "model.onnx")


def test_data_elsewhere_are_not_read(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * 4800)
    for location in ("../secret", str(secret), ""):
        with pytest.raises(ValueError, match="must be in a file in the folder"):
            models.load_onnx(outside(tmp_path, location) / "model.onnx")
    folder = outside(tmp_path, "link")
    os.symlink(secret, folder / "link")
    with pytest.raises(ValueError, match="must be in a file in the folder"):
        models.load_onnx(folder / "model.onnx")
    with pytest.raises(FileNotFoundError, match="no such file"):
        models.load_onnx(outside(tmp_path, "absent") / "model.onnx")
    with pytest.raises(ValueError, match="needs 4800 bytes"):
        models.load_onnx(outside(tmp_path, "../folder/model.onnx", length=2**60) / "model.onnx")


def test_sparse_weights(tmp_path):
    model = onnx.load(good(tmp_path))
    values = onnx.numpy_helper.from_array(ones(1), "s")
    sparse = helper.make_sparse_tensor(values, onnx.numpy_helper.from_array(ints(0), "i"), [4])
    model.graph.sparse_initializer.append(sparse)
    onnx.save(model, tmp_path / "sparse.onnx")
    with pytest.raises(ValueError, match="sparse initializers"):
        models.load_onnx(tmp_path / "sparse.onnx")


def test_without_onnx(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "model.onnx").write_bytes(b"any")
    with pytest.raises(ImportError, match=r"pip install embedcnn\[onnx\]"):
        models.load_onnx(tmp_path / "model.onnx")
