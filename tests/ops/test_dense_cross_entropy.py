"""dense_cross_entropy against the float64 reference, and against dense followed by cross_entropy."""

import numpy as np
import pytest
from comparison import Pair, masks

import embedcnn
from embedcnn import _core, ops


def pair_of(spec, channels, classes, use_bias=True, **attributes):
    rng = np.random.default_rng(classes)
    values = [rng.normal(size=(channels, classes))] + [rng.normal(size=classes)] * use_bias
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    operations = [("dense_cross_entropy", (0,), (1,), tuple(range(len(values))), attributes)]
    pair = Pair([spec], parameters, operations, (1,), values)
    pair.set_optimizer("sgd")
    return pair


@pytest.mark.parametrize("classes", [1, 2, 65, 1000])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("most_rows", [0, 7])
def test_flat(rung, classes, smoothing, most_rows):
    rng = np.random.default_rng(1)
    settings = {"label_smoothing": smoothing, "most_rows": most_rows, "weight": 0.7}
    pair = pair_of(("x", "float32", None, (24,)), 24, classes, use_bias=most_rows == 0, **settings)
    for batch, weighted in ((1, False), (7, True), (30, True)):
        x, y = rng.normal(size=(batch, 24)), rng.integers(0, classes, batch)
        weight = rng.random(batch).astype(np.float32) if weighted else None
        pair.check_train_step([x.astype(np.float32)], [y], 0.1, 1, weight, tolerance=2e-5)
        pair.compare_gradients(2e-5)


@pytest.mark.parametrize("most_rows", [0, 4])
def test_sequences_and_masks(rung, threads, most_rows):
    rng = np.random.default_rng(2)
    pair = pair_of(("x", "float32", -1, (5,)), 5, 65, most_rows=most_rows)
    for mask in masks(5, 6, rng).values():
        x, y = rng.normal(size=(5, 6, 5)), rng.integers(0, 2, (5, 6))
        for weight in (None, np.arange(1, 6, dtype=np.float32)):
            pair.check_train_step([x if mask is None else (x, mask)], [y], 0.1, 1, weight)
            pair.compare_gradients()


def test_many_classes_in_several_parts_of_columns(threads):
    """More columns than a product takes at a time."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(150, 700)), rng.integers(0, 5000, 150)
    pair = pair_of(("x", "float32", None, (700,)), 700, 5000, most_rows=64)
    pair.check_train_step([x.astype(np.float32) / 20], [y], 0.1, 1, tolerance=2e-5)
    pair.compare_gradients(2e-5)


def program_of(operations, shapes, values, learns=True):
    inputs = [("x", "float32", -1, (shapes[0][0],))]
    parameters = [(f"p{number}", shape) for number, shape in enumerate(shapes)]
    program = _core.Program(inputs, parameters, operations, (), input_gradients=True)
    program.set_optimizer("sgd")
    for number, value in enumerate(values):
        program.bind(number, value.copy(), learns, [], np.zeros(1, np.int64))
    return program


def step_of(program, x, y, weight=None):
    result = program.train_step([x], [y], weight, 0.0, 1)
    return (
        result.losses[0],
        result.correct[0],
        program.input_gradient(0),
        program.gradient(0),
        program.gradient(1),
    )


def arguments_of(classes, width=32):
    rng = np.random.default_rng(classes)
    values = [rng.normal(size=(width, classes)) / 4, rng.normal(size=classes)]
    shapes = [value.shape for value in values]
    x, mask = rng.normal(size=(6, 11, width)).astype(np.float32), rng.random((6, 11)) < 0.8
    mask[:, 0] = mask[0] = True
    y, weight = rng.integers(0, classes, (6, 11)), rng.random((6, 11)).astype(np.float32)
    y[1] = 3
    return shapes, [value.astype(np.float32) for value in values], (x, mask), y, weight


@pytest.mark.parametrize("classes", [65, 1000, 5000])
@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
def test_as_dense_and_cross_entropy(classes, precision, reduction):
    """Every setting of the loss; tiles change nothing but the order of the sums over rows."""
    shapes, values, x, y, weight = arguments_of(classes)
    settings = {"reduction": reduction, "ignores": 1, "ignore_class": 3, "label_smoothing": 0.05}
    plain = [
        ("dense", (0,), (1,), (0, 1), {}),
        ("cross_entropy", (1,), (2,), (), settings | {"kind": "sparse_categorical"}),
    ]
    embedcnn.set_float32_matmul_precision(precision)
    try:
        expected = step_of(program_of(plain, shapes, values), x, y, weight)
        for most_rows in (0, 16):
            fused = [("dense_cross_entropy", (0,), (1,), (0, 1), settings | {"most_rows": most_rows})]
            found = step_of(program_of(fused, shapes, values), x, y, weight)
            assert found[0] == pytest.approx(expected[0], rel=1e-6)
            assert found[1] == expected[1]
            for one, other in zip(found[2:], expected[2:], strict=True):
                limit = (2e-6 if precision == "highest" else 2e-3) * np.abs(other).max()
                np.testing.assert_allclose(one, other, rtol=0, atol=limit)
    finally:
        embedcnn.set_float32_matmul_precision("highest")


@pytest.mark.parametrize("precision", ["highest", "medium"])
def test_the_bits_do_not_depend_on_the_threads(precision):
    shapes, values, x, y, weight = arguments_of(5000, 300)
    results = []
    embedcnn.set_float32_matmul_precision(precision)
    try:
        for threads in (1, 2, 3):
            _core.set_num_threads(threads)
            fused = [("dense_cross_entropy", (0,), (1,), (0, 1), {"most_rows": 20})]
            results.append(step_of(program_of(fused, shapes, values), x, y, weight))
    finally:
        _core.set_num_threads(0)
        embedcnn.set_float32_matmul_precision("highest")
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize("first", ["other loss", "same kernel"])
def test_gradients_that_others_write_first(threads, first):
    """Then the logits are made again in the backward pass."""
    rng = np.random.default_rng(4)
    parameters = [("kernel", (6, 9)), ("bias", (9,)), ("other", (6, 9))]
    values = [rng.normal(size=shape) for _, shape in parameters]
    fused = ("dense_cross_entropy", (0,), (1,), (0, 1), {"most_rows": 4})
    if first == "other loss":
        second = [("squared_error", (0,), (2,), (), {})]
        targets = rng.normal(size=(10, 6)).astype(np.float32)
    else:
        second = [("dense_cross_entropy", (0,), (2,), (0,), {"most_rows": 3})]
        targets = rng.integers(0, 9, 10)
    pair = Pair([("x", "float32", None, (6,))], parameters[:2], [fused, *second], (1, 2), values[:2])
    pair.set_optimizer("sgd")
    x = rng.normal(size=(10, 6)).astype(np.float32)
    for step in range(2):
        pair.check_train_step([x], [rng.integers(0, 9, 10), targets], 0.1, step + 1)
        pair.compare_gradients()


def test_frozen_weights_and_a_test_step():
    """Nothing to learn but x; a test step after a training step computes no gradient."""
    shapes, values, x, y, _ = arguments_of(65)
    fused = [("dense_cross_entropy", (0,), (1,), (0, 1), {})]
    frozen, free = (program_of(fused, shapes, values, learns) for learns in (False, True))
    losses = [program.train_step([x], [y], None, 0.0, 1).losses for program in (frozen, free)]
    assert losses[0] == losses[1] == free.test_step([x], [y], None).losses
    np.testing.assert_array_equal(frozen.train_step([x], [y], None, 0.0, 1).losses, losses[0])
    free.train_step([x], [y], None, 0.0, 1)
    np.testing.assert_array_equal(frozen.input_gradient(0), free.input_gradient(0))
    with pytest.raises(RuntimeError, match="has no gradient"):
        frozen.gradient(0)


def test_alone():
    rng = np.random.default_rng(5)
    x, kernel, bias = (rng.normal(size=shape).astype(np.float32) for shape in ((4, 3), (3, 7), (7,)))
    y = [0, 6, 2, 2]
    loss, gradients = ops.vjp(ops.dense_cross_entropy, y, x, kernel, bias, most_rows=2)
    assert loss == pytest.approx(ops.cross_entropy(y, ops.dense(x, kernel, bias)), rel=1e-6)
    d_logits = ops.vjp(ops.cross_entropy, y, ops.dense(x, kernel, bias))[1]["x"]
    _, of_dense = ops.vjp(ops.dense, x, kernel, bias, d_out=d_logits)
    for name in ("x", "kernel", "bias"):
        np.testing.assert_allclose(gradients[name], of_dense[name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 1023, 1024, 1025, 3000])
def test_the_first_of_the_largest_is_right(classes):
    """As argmax, wherever labels, ties and the ends of blocks lie."""
    rng = np.random.default_rng(6)
    z = rng.integers(0, 3, (40, classes)).astype(np.float32)
    largest, places = z.argmax(-1), [0, classes // 2, classes - 1]
    z[:3, places] = 5
    labels = np.concatenate([largest[:20], rng.integers(0, classes, 20)])
    labels[:3] = places
    operations = [("dense_cross_entropy", (0,), (1,), (0,), {})]
    program = _core.Program([("x", "float32", None, (40,))], [("kernel", z.shape)], operations, (1,))
    program.bind(0, z, False, [], np.zeros(1, np.int64))
    rows = np.eye(40, dtype=np.float32)
    correct = [
        program.test_step([row[None]], [labels[i : i + 1]], None).correct[0] for i, row in enumerate(rows)
    ]
    np.testing.assert_array_equal(correct, z.argmax(-1) == labels)


def test_texts_without_a_step():
    """Nothing counts: the loss is 0, nothing is right, gradients are zeros."""
    shapes, values, (x, _), y, _ = arguments_of(65)
    program = program_of([("dense_cross_entropy", (0,), (1,), (0, 1), {})], shapes, values)
    found = step_of(program, (x, np.zeros((6, 11), bool)), y)
    assert found[:2] == (0, 0)
    assert not any(gradient.any() for gradient in found[2:])


def test_extreme_and_missing_logits(rung):
    kernel = np.array([[1000.0, -1000.0]], np.float32)
    assert ops.dense_cross_entropy([0], [[1.0]], kernel) == pytest.approx(0)
    assert ops.dense_cross_entropy([1], [[1.0]], kernel) == pytest.approx(2000)
    assert np.isnan(ops.dense_cross_entropy([1], [[np.nan]], kernel))


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (([0, 4], np.zeros((2, 3)), np.zeros((3, 4))), {}, r"y\[1\] = 4 is outside \[0, 4\)"),
        (([0, 1], np.zeros((2, 3)), np.zeros((2, 4))), {}, "dense_cross_entropy: parameter 0 has the shape"),
        (([0, 1], np.zeros((2, 3)), np.zeros((3, 4)), np.zeros(3)), {}, "parameter 1 has the shape"),
        (([0, 1], np.zeros((2, 3)), np.zeros((3, 4))), {"most_rows": -1}, "most_rows = -1 is below 0"),
        (([0, 1], np.zeros((2, 3)), np.zeros((3, 4))), {"label_smoothing": 2.0}, "label_smoothing = 2 is"),
        (([0, 1, 2], np.zeros((2, 3)), np.zeros((3, 4))), {}, "y"),
    ],
)
def test_misuse(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        ops.dense_cross_entropy(*arguments, **settings)
