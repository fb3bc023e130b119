"""Each operation that models.load_onnx knows, in small graphs, against onnxruntime."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_graphs import expected, node, saved  # noqa: E402

from embedcnn import models  # noqa: E402

RANDOM = np.random.default_rng(0)


def draw(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


X = {"x": ("n", 5, 4)}  # (batch, 5, 4)
FLAT = {"x": ("n", 4)}
TWO = {"x": ("n", 5, 4), "z": ("n", 5, 4)}
IDS = {"ids": ("n", 6)}
TABLE = {"table": draw(9, 4)}
EMBED = [node("Gather", "table ids", "e")]
TURNED = [*EMBED, node("Transpose", "e", "t", perm=[0, 2, 1])]  # (batch, 4, 6)

CASES = {
    # value by value
    **{
        f"{name} of one": ([node(name, "x")], X, {})
        for name in (
            *(
                "Abs",
                "Ceil",
                "Cos",
                "Cosh",
                "Erf",
                "Exp",
                "Floor",
                "HardSwish",
                "Mish",
                "Neg",
                "Relu",
                "Round",
            ),
            *("Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Tanh", "Tan", "Selu", "Celu", "Elu"),
            *("LeakyRelu", "HardSigmoid", "ThresholdedRelu", "Gelu", "Softmax", "LogSoftmax", "Identity"),
        )
    },
    **{
        f"{name} of two": ([node(name, "x z")], TWO, {})
        for name in ("Add", "Sub", "Mul", "Max", "Min", "Mean", "Sum")
    },
    "Sqrt, Log, Reciprocal": (
        [
            *(node("Abs", "x", "a"), node("Add", "a half", "b"), node("Sqrt", "b", "c")),
            *(node("Log", "c", "d"), node("Add", "d half", "f"), node("Reciprocal", "b", "g")),
            node("Mul", "f g"),
        ],
        X,
        {"half": np.float32(0.5)},
    ),
    "Div and Pow": ([node("Div", "x two", "d"), node("Pow", "d two")], X, {"two": np.float32(2)}),
    "vector behind": ([node("Add", "x v")], X, {"v": draw(4)}),
    "column": ([node("Mul", "x v")], X, {"v": draw(5, 1)}),
    "matrix": ([node("Sub", "v x")], X, {"v": draw(1, 5, 4)}),
    "vector in a turned layout": ([*TURNED, node("Add", "t v")], IDS, {**TABLE, "v": draw(4, 1)}),
    "row in a turned layout": ([*TURNED, node("Add", "t v")], IDS, {**TABLE, "v": draw(6)}),
    "turned and straight": (
        [*TURNED, node("Transpose", "x", "u", perm=[0, 2, 1]), node("Add", "u t")],
        {**IDS, "x": ("n", 6, 4)},
        TABLE,
    ),
    "two layouts": ([*TURNED, node("Add", "x t")], {**IDS, "x": ("n", 4, 6)}, TABLE),
    "view beside its mean": (
        [node("ReduceMean", "x axes", "m", keepdims=1), node("Sub", "x m")],
        X,
        {"axes": ints(1)},
    ),
    "broadcast up": (
        [node("Unsqueeze", "x axes", "u"), node("Add", "u v")],
        FLAT,
        {"axes": ints(2), "v": draw(3)},
    ),
    "Where": (
        [node("Greater", "x zero", "c"), node("Where", "c x z")],
        TWO,
        {"zero": np.float32(0)},
    ),
    "Clip": ([node("Clip", "x low high")], X, {"low": np.float32(-0.5), "high": np.float32(0.5)}),
    "PRelu": ([node("PRelu", "x slope")], X, {"slope": draw(4)}),
    "Cast of a comparison": (
        [node("Less", "x z", "c"), node("Not", "c", "d"), node("Cast", "d", to=1)],
        TWO,
        {},
    ),
    "Softmax along steps": ([node("Softmax", "x", axis=1)], X, {}),
    "CumSum": ([node("CumSum", "x axis")], X, {"axis": np.int64(1)}),
    # reductions
    **{
        f"{name} of {axes}, keepdims={keepdims}": (
            [node(name, "x axes", keepdims=keepdims)],
            X,
            {"axes": ints(*axes)},
        )
        for name in ("ReduceMax", "ReduceMean", "ReduceSum", "ReduceMin", "ReduceL2", "ReduceLogSumExp")
        for axes, keepdims in (((1,), 0), ((-1,), 1), ((1, 2), 0))
    },
    "ReduceMax of a turned layout": (
        [*TURNED, node("ReduceMax", "t axes", keepdims=0)],
        IDS,
        {**TABLE, "axes": ints(2)},
    ),
    "ReduceMean of merged axes": (
        [node("Reshape", "x shape", "r"), node("ReduceMean", "r axes", keepdims=1)],
        X,
        {"shape": ints(0, 5, 2, 2), "axes": ints(2)},
    ),
    "ArgMax": ([node("ArgMax", "x", "a", axis=2, keepdims=0), node("Cast", "a", to=1)], X, {}),
    # moved values
    "Reshape finer": ([node("Reshape", "x shape")], X, {"shape": ints(0, 5, 2, 2)}),
    "Reshape across": ([node("Reshape", "x shape")], X, {"shape": ints(0, 10, 2)}),
    "Reshape misaligned": ([node("Reshape", "x shape")], X, {"shape": ints(-1, 2, 10)}),
    "Reshape, Transpose, Reshape": (
        [
            node("Reshape", "x shape", "a"),
            node("Transpose", "a", "b", perm=[0, 2, 1, 3]),
            node("Reshape", "b back"),
        ],
        X,
        {"shape": ints(0, 0, 2, 2), "back": ints(0, 2, 10)},
    ),
    "heads in the batch": (
        [
            node("Reshape", "x shape", "a"),
            node("Transpose", "a", "b", perm=[2, 0, 1, 3]),
            node("Reshape", "b merged", "c"),
            node("Softmax", "c", "d"),
            node("Reshape", "d apart", "f"),
            node("Transpose", "f", perm=[1, 0, 2, 3]),
        ],
        X,
        {"shape": ints(0, 0, 2, 2), "merged": ints(-1, 5, 2), "apart": ints(2, -1, 5, 2)},
    ),
    "Flatten": ([node("Flatten", "x")], X, {}),
    "Squeeze, Unsqueeze": (
        [node("Unsqueeze", "x a", "u"), node("Squeeze", "u b", "s"), node("Unsqueeze", "s b")],
        X,
        {"a": ints(1, 4), "b": ints(1)},
    ),
    "Slice": ([node("Slice", "x s e a t")], X, {"s": ints(1), "e": ints(5), "a": ints(1), "t": ints(2)}),
    "Slice backwards": (
        [node("Slice", "x s e a t")],
        X,
        {"s": ints(-1), "e": ints(-(2**62)), "a": ints(2), "t": ints(-1)},
    ),
    "Gather one place": ([node("Gather", "x i", axis=1)], X, {"i": np.int64(-1)}),
    "Gather places": ([node("Gather", "x i", axis=2)], X, {"i": ints(3, 0, 0)}),
    "Gather of a turned layout": ([*TURNED, node("Gather", "t i", axis=2)], IDS, {**TABLE, "i": np.int64(2)}),
    "Split": ([node("Split", "x parts", "a b", axis=2), node("Sub", "a b")], X, {"parts": ints(2, 2)}),
    "Split in equal parts": (
        [node("Split", "x", "a b", axis=2, num_outputs=2), node("Mul", "a b")],
        X,
        {},
    ),
    "Concat": ([node("Concat", "x z", axis=1)], TWO, {}),
    "Concat of channels": ([node("Concat", "x z", axis=-1)], TWO, {}),
    "Concat with a constant": (
        [node("Concat", "c x", axis=1)],
        {"x": (3, 5, 4)},
        {"c": np.repeat(draw(1, 1, 4), 3, 0)},
    ),
    "Concat of two layouts": (
        [*TURNED, node("Concat", "x t", axis=1)],
        {**IDS, "x": ("n", 3, 6)},
        TABLE,
    ),
    "Expand": (
        [node("Unsqueeze", "x a", "u"), node("Expand", "u shape")],
        FLAT,
        {"a": ints(1), "shape": ints(1, 3, 1)},
    ),
    "Tile": ([node("Tile", "x r")], X, {"r": ints(1, 2, 1)}),
    "Pad": ([node("Pad", "x pads value")], X, {"pads": ints(0, 1, 0, 0, 2, 1), "value": np.float32(7)}),
    "Pad of less than nothing": (
        [node("Pad", "x pads value")],
        X,
        {"pads": ints(0, -1, 1, 0, -2, -1), "value": np.float32(7)},
    ),
    "Pad that leaves nothing": (
        [node("Pad", "x pads value")],
        X,
        {"pads": ints(0, -6, 0, 0, 3, 0), "value": np.float32(7)},
    ),
    "BitShift": (
        [
            node("Cast", "ids", "u", to=13),
            node("BitShift", "u k", "s", direction="RIGHT"),
            node("Cast", "s", to=1),
        ],
        IDS,
        {"k": np.uint64(1)},
    ),
    "shapes": (
        [
            node("Shape", "x", "s"),
            node("Gather", "s zero", "b"),
            node("Unsqueeze", "b axis", "b1"),
            node("Mul", "b1 two", "b2"),
            node("Div", "b2 two", "b3"),
            node("Concat", "b3 twenty", "shape", axis=0),
            node("Reshape", "x shape"),
        ],
        X,
        {"zero": np.int64(0), "axis": ints(0), "two": ints(2), "twenty": ints(20)},
    ),
    # weights
    "Gemm": ([node("Gemm", "x w b", transB=1, alpha=0.5, beta=2.0)], FLAT, {"w": draw(3, 4), "b": draw(3)}),
    "Gemm without a bias": ([node("Gemm", "x w")], FLAT, {"w": draw(4, 3)}),
    "MatMul": ([node("MatMul", "x w")], X, {"w": draw(4, 3)}),
    "MatMul and Add": ([node("MatMul", "x w", "m"), node("Add", "b m")], X, {"w": draw(4, 3), "b": draw(3)}),
    "MatMul of both": ([node("Transpose", "z", "t", perm=[0, 2, 1]), node("MatMul", "x t")], TWO, {}),
    "MatMul behind a matrix": ([node("MatMul", "w x")], X, {"w": draw(3, 5)}),
    "Einsum": ([node("Einsum", "x z", equation="btc,bsc->bts")], TWO, {}),
    "Einsum with a matrix": ([node("Einsum", "x w", equation="btc,cd->btd")], X, {"w": draw(4, 3)}),
    "TopK": ([node("TopK", "x k", "y places", axis=2)], X, {"k": ints(2)}),
    "TopK of the least": (
        [node("TopK", "x k", "values i", axis=1, largest=0), node("Cast", "i", to=1)],
        X,
        {"k": ints(3)},
    ),
    "GatherND": (
        [
            *(node("ReduceMax", "x last", "m", keepdims=0), node("TopK", "m k", "v i", axis=1)),
            *(node("Unsqueeze", "i behind", "u"), node("GatherND", "x u", batch_dims=1)),
        ],
        X,
        {"last": ints(2), "k": ints(5), "behind": ints(2)},
    ),
    "GatherElements": (
        [node("TopK", "x k", "v i", axis=2), node("GatherElements", "z i", axis=2)],
        TWO,
        {"k": ints(2)},
    ),
    "zeros of the shape of the batch": (
        [
            *(node("Shape", "x", "s"), node("ConstantOfShape", "s", "c"), node("Add", "c one", "d")),
            node("Mul", "x d"),
        ],
        X,
        {"one": np.float32(1.5)},
    ),
    "a first step written out": (
        [
            *(node("Shape", "x", "s"), node("ConstantOfShape", "s", "h"), node("MatMul", "h r", "m")),
            *(
                node("Add", "m b", "n"),
                node("Tanh", "n", "t"),
                node("MatMul", "x w", "k"),
                node("Add", "k t"),
            ),
        ],
        FLAT,
        {"r": draw(4, 3), "b": draw(3), "w": draw(4, 3)},
    ),
    "OneHot": (
        [node("OneHot", "ids n v")],
        IDS,
        {"n": np.int64(9), "v": np.array([0, 2], np.float32)},
    ),
    "MatMul of a turned layout": ([*TURNED, node("MatMul", "t w")], IDS, {**TABLE, "w": draw(6, 2)}),
    "Gather of ids": (EMBED + [node("Tanh", "e")], IDS, TABLE),
    "Gather of a vector": ([node("Gather", "v ids")], IDS, {"v": draw(9)}),
    "Conv": ([*TURNED, node("Conv", "t w b")], IDS, {**TABLE, "w": draw(3, 4, 2), "b": draw(3)}),
    "Conv, same": ([*TURNED, node("Conv", "t w", pads=[1, 1])], IDS, {**TABLE, "w": draw(3, 4, 3)}),
    "Conv, causal": ([*TURNED, node("Conv", "t w", pads=[2, 0])], IDS, {**TABLE, "w": draw(3, 4, 3)}),
    "Conv, auto_pad": (
        [*TURNED, node("Conv", "t w", auto_pad="SAME_UPPER")],
        IDS,
        {**TABLE, "w": draw(3, 4, 2)},
    ),
    "Conv, strides and padding": (
        [*TURNED, node("Conv", "t w", strides=[2], pads=[1, 2])],
        IDS,
        {**TABLE, "w": draw(3, 4, 3)},
    ),
    "Conv, dilation": ([*TURNED, node("Conv", "t w", dilations=[2])], IDS, {**TABLE, "w": draw(3, 4, 2)}),
    "Conv, groups": ([*TURNED, node("Conv", "t w", group=2)], IDS, {**TABLE, "w": draw(6, 2, 2)}),
    "Conv as wide as the vectors": (
        [*EMBED, node("Unsqueeze", "e a", "u"), node("Conv", "u w b")],
        IDS,
        {**TABLE, "a": ints(1), "w": draw(3, 1, 2, 4), "b": draw(3)},
    ),
    "Conv of height 1": (
        [*TURNED, node("Unsqueeze", "t a", "u"), node("Conv", "u w")],
        IDS,
        {**TABLE, "a": ints(2), "w": draw(3, 4, 1, 2)},
    ),
    "MaxPool": ([*TURNED, node("MaxPool", "t", kernel_shape=[2], strides=[2])], IDS, TABLE),
    "MaxPool of all": ([*TURNED, node("MaxPool", "t", kernel_shape=[6])], IDS, TABLE),
    "MaxPool with padding": (
        [*TURNED, node("MaxPool", "t", kernel_shape=[3], strides=[1], pads=[1, 1])],
        IDS,
        TABLE,
    ),
    "AveragePool": ([*TURNED, node("AveragePool", "t", kernel_shape=[3], strides=[1])], IDS, TABLE),
    **{
        f"{kind} of features, {name}": (
            [node(kind, "x", kernel_shape=[width], strides=[stride], pads=[pad, pad], **counted)],
            {"x": ("n", "steps", 9)},
            {},
        )
        for kind, counted in (("MaxPool", {}), ("AveragePool", {"count_include_pad": 1}))
        for name, width, stride, pad in (("apart", 3, 3, 0), ("over each other", 3, 2, 1), ("one", 9, 1, 0))
    },
    **{
        f"{kind} of three axes": (
            [node(kind, "x", kernel_shape=[2, 1, 3], strides=[1, 1, 2])],
            {"x": ("n", 2, 3, 4, 7)},
            {},
        )
        for kind in ("MaxPool", "AveragePool")
    },
    "MaxPool of images of open channels": (
        [node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 1])],
        {"x": ("n", "steps", 4, 5)},
        {},
    ),
    "GlobalMaxPool": ([*TURNED, node("GlobalMaxPool", "t")], IDS, TABLE),
    "GlobalAveragePool": ([*TURNED, node("GlobalAveragePool", "t")], IDS, TABLE),
    "BatchNormalization": (
        [*TURNED, node("BatchNormalization", "t s b m v")],
        IDS,
        {**TABLE, "s": draw(4), "b": draw(4), "m": draw(4), "v": np.abs(draw(4)) + 0.5},
    ),
    "BatchNormalization of vectors": (
        [node("BatchNormalization", "x s b m v")],
        FLAT,
        {"s": draw(4), "b": draw(4), "m": draw(4), "v": np.abs(draw(4)) + 0.5},
    ),
    "LayerNormalization": (
        [node("LayerNormalization", "x s b", epsilon=1e-4)],
        X,
        {"s": draw(4), "b": draw(4)},
    ),
    "LayerNormalization without a bias": ([node("LayerNormalization", "x s")], X, {"s": draw(4)}),
}


def feeds_for(inputs, batch=3):
    random = np.random.default_rng(1)
    feeds = {}
    for name, shape in inputs.items():
        sizes = [batch if size == "n" else 7 if isinstance(size, str) else size for size in shape]
        ids = name.startswith("ids")
        feeds[name] = random.integers(0, 9, sizes) if ids else random.normal(size=sizes).astype(np.float32)
    return feeds


def check(path, inputs, batch=3, **options):
    feeds = feeds_for(inputs, batch)
    wanted = expected(path, feeds)
    model = models.load_onnx(path, **options)
    given = [feeds[name] for name in inputs if name in {layer.name for layer in model.layers}]
    found = model.predict(given if len(given) > 1 else given[0], verbose=0)
    for one, other in zip(found if isinstance(found, list) else [found], wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    return model


@pytest.mark.parametrize("name", CASES)
def test_operation(name, tmp_path):
    nodes, inputs, constants = CASES[name]
    check(saved(tmp_path / "graph.onnx", nodes, inputs, constants=constants), inputs)


def recurrent(operation, directions, outputs, states=False, lengths=False, **attributes):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[operation]
    constants = {
        **TABLE,
        "w": draw(directions, gates * 3, 4) * 0.5,
        "r": draw(directions, gates * 3, 3) * 0.5,
        "b": draw(directions, gates * 6),
    }
    given = "t w r b"
    inputs = dict(IDS)
    if lengths:
        given += " lengths"
    if states:
        given += (" -" if not lengths else "") + (" h c" if operation == "LSTM" else " h")
        inputs |= {"hs": ("n", directions, 3), "cs": ("n", directions, 3)}
    nodes = [*EMBED, node("Transpose", "e", "t", perm=[1, 0, 2])]
    if states:
        nodes += [node("Transpose", f"{one}s", one, perm=[1, 0, 2]) for one in ("h", "c")]
    if directions == 2:
        attributes["direction"] = "bidirectional"
    nodes.append(node(operation, given, outputs, hidden_size=3, **attributes))
    return nodes, inputs, constants


SEQUENCE = [node("Transpose", "y", "a", perm=[2, 0, 1, 3]), node("Reshape", "a shape", "out")]
FINAL = [node("Transpose", "yh", "a", perm=[1, 0, 2]), node("Reshape", "a shape", "out")]


@pytest.mark.parametrize("operation", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("kind", ["sequence", "final", "first states"])
def test_recurrent(operation, directions, kind, tmp_path):
    attributes = {"linear_before_reset": 1} if operation == "GRU" else {}
    states = kind == "first states"
    outputs = "- yh" if kind != "sequence" else "y"
    nodes, inputs, constants = recurrent(
        operation, directions, outputs.replace("-", "unused"), states, **attributes
    )
    if kind == "sequence":
        nodes += SEQUENCE
        constants["shape"] = ints(0, 0, 3 * directions)
    else:
        nodes += FINAL
        constants["shape"] = ints(0, 3 * directions)
    if operation != "LSTM":
        inputs.pop("cs", None)
        nodes = [one for one in nodes if list(one.input) != ["cs"]]
    path = saved(tmp_path / "graph.onnx", nodes, inputs, ["out"], constants)
    check(path, inputs)


def test_gru_whose_gate_acts_before_the_product(tmp_path):
    nodes, inputs, constants = recurrent("GRU", 1, "y yh")
    path = saved(
        tmp_path / "graph.onnx", [*nodes, *FINAL], inputs, ["out"], {**constants, "shape": ints(0, 3)}
    )
    check(path, inputs)


def test_reading_from_the_end(tmp_path):
    nodes, inputs, constants = recurrent("LSTM", 1, "y", direction="reverse")
    constants["shape"] = ints(0, 0, 3)
    path = saved(tmp_path / "graph.onnx", [*nodes, *SEQUENCE], inputs, ["out"], constants)
    check(path, inputs)
