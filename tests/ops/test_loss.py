"""cross_entropy and squared_error against the reference: values, gradients, weights, masks, labels
outside."""

import numpy as np
import pytest
import reference
from comparison import Pair, masks

from embedcnn import _core, losses, ops

KINDS = ["sparse_categorical", "categorical", "binary"]


def targets_of(kind, shape, rng):
    if kind == "sparse_categorical":
        return rng.integers(0, shape[-1], shape[:-1])
    if kind == "categorical":
        return rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(np.float32)
    return rng.integers(0, 2, shape).astype(np.float32)


def predictions_of(kind, from_logits, shape, rng):
    x = rng.normal(size=shape) * 3
    if from_logits:
        return x
    return reference.sigmoid(x) if kind == "binary" else reference.softmax(x)[0]


def loss_pair(name, attributes, spec):
    pair = Pair([spec], [], [(name, (0,), (1,), (), attributes)], (1,), [])
    pair.set_optimizer("sgd")
    return pair


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("classes", [1, 2, 5, 8, 17, 40])
@pytest.mark.parametrize("weighted", [False, True])
def test_flat(rung, kind, from_logits, classes, weighted):
    rng = np.random.default_rng(classes)
    smoothing = 0.0 if kind == "sparse_categorical" else 0.1
    attributes = {"kind": kind, "from_logits": from_logits, "label_smoothing": smoothing, "weight": 0.7}
    pair = loss_pair("cross_entropy", attributes, ("x", "float32", None, (classes,)))
    for batch in (1, 3, 17):
        x = predictions_of(kind, from_logits, (batch, classes), rng)
        y = targets_of(kind, (batch, classes), rng)
        weight = rng.random(batch).astype(np.float32) + 0.1 if weighted else None
        pair.check_train_step([x.astype(np.float32)], [y], 0.1, 1, weight)
        pair.compare_gradients()


@pytest.mark.parametrize("kind", KINDS)
def test_sequences(rung, threads, kind):
    rng = np.random.default_rng(1)
    pair = loss_pair("cross_entropy", {"kind": kind}, ("x", "float32", -1, (4,)))
    for mask in masks(5, 6, rng).values():
        x, y = rng.normal(size=(5, 6, 4)), targets_of(kind, (5, 6, 4), rng)
        for weight in (None, np.arange(1, 6, dtype=np.float32)):
            pair.check_train_step([x if mask is None else (x, mask)], [y], 0.1, 1, weight)
            pair.compare_gradients()


def test_squared_error(rung, threads):
    rng = np.random.default_rng(2)
    pair = loss_pair("squared_error", {"weight": 2.0}, ("x", "float32", None, (6,)))
    for batch in (1, 9):
        x, y = rng.normal(size=(2, batch, 6)).astype(np.float32)
        pair.check_train_step([x], [y], 0.1, 1)
        pair.compare_gradients()


def test_two_losses_add_their_gradients():
    rng = np.random.default_rng(3)
    operations = [
        ("cross_entropy", (0,), (1,), (), {"kind": "sparse_categorical"}),
        ("squared_error", (0,), (2,), (), {"weight": 0.5}),
    ]
    pair = Pair([("x", "float32", None, (4,))], [], operations, (1, 2), [])
    pair.set_optimizer("sgd")
    x = rng.normal(size=(7, 4)).astype(np.float32)
    pair.check_train_step([x], [rng.integers(0, 4, 7), rng.normal(size=(7, 4)).astype(np.float32)], 0.1, 1)
    pair.compare_gradients()


def test_extreme_logits_stay_finite(rung):
    x = np.array([[1000.0, -1000], [-1000, 1000]], np.float32)
    assert ops.cross_entropy([0, 1], x) == pytest.approx(0)
    assert ops.cross_entropy([1, 0], x) == pytest.approx(2000)
    assert ops.cross_entropy([[1.0, 0], [0, 1]], x, kind="binary") == pytest.approx(0)
    probabilities = np.array([[1.0, 0], [0, 1]], np.float32)
    loss, gradients = ops.vjp(ops.cross_entropy, [1, 1], probabilities, from_logits=False)
    assert loss == pytest.approx(-np.log(1e-7) / 2, rel=1e-4)
    assert np.isfinite(gradients["x"]).all()


def test_labels_of_every_accepted_form():
    x = np.random.default_rng(4).normal(size=(3, 4)).astype(np.float32)
    expected = ops.cross_entropy([0, 3, 1], x)
    assert ops.cross_entropy(np.array([[0], [3], [1]]), x) == expected
    assert ops.cross_entropy(np.array([0, 3, 1], np.uint8), x) == expected
    logit = x[:, :1]
    expected = ops.cross_entropy([[1.0], [0], [1]], logit, kind="binary")
    assert ops.cross_entropy([1.0, 0, 1], logit, kind="binary") == expected


@pytest.mark.parametrize("label", [-1, 4, 2**35])
def test_labels_outside(label):
    with pytest.raises(ValueError, match=rf"y\[1\] = {label} is outside \[0, 4\)"):
        ops.cross_entropy(np.array([0, label]), np.zeros((2, 4)))


def test_refused_targets():
    with pytest.raises(ValueError):
        ops.cross_entropy([0, 1, 1], np.zeros((2, 4)))
    with pytest.raises(ValueError):
        ops.cross_entropy(np.zeros((2, 3)), np.zeros((2, 4)), kind="categorical")
    with pytest.raises(TypeError):
        ops.cross_entropy(np.array([0.5, 1]), np.zeros((2, 4)))
    with pytest.raises(ValueError):
        ops.cross_entropy([0, 1], np.zeros((2, 4)), sample_weight=[1.0])


FAMILIES = {
    "element_loss": [
        "squared",
        "absolute",
        "absolute_percentage",
        "squared_logarithmic",
        "huber",
        "log_cosh",
        "hinge",
        "squared_hinge",
        "poisson",
    ],
    "row_loss": ["kl_divergence", "cosine_similarity", "categorical_hinge"],
    "focal_cross_entropy": ["binary", "categorical"],
}
OTHERS = [(name, kind) for name, kinds in FAMILIES.items() for kind in kinds]


def twin_of(name, kind):
    """The loss of the package whose NumPy form, in float64, is the specification."""
    for cls in losses.CLASSES.values():
        if cls.operation == name and cls.kind == kind:
            return cls()
    assert kind == "squared"
    return losses.MeanSquaredError()


def slopes(loss, y, x):
    """Derivatives of each row's loss by central differences of the float64 form."""
    step, out = 1e-5, np.zeros(x.shape)
    for c in range(x.shape[-1]):
        move = np.zeros(x.shape[-1])
        move[c] = step
        out[..., c] = (loss.per_example(y, x + move) - loss.per_example(y, x - move)) / (2 * step)
    return out


@pytest.mark.parametrize(("name", "kind"), OTHERS)
def test_the_other_families(rung, threads, name, kind):
    """Values and gradients of sequences with every kind of mask, weights of steps, and widths around the
    lanes.
    """
    rng = np.random.default_rng(len(kind))
    loss = twin_of(name, kind)
    for cols in (1, 2, 7, 8, 9, 17):
        for mask in list(masks(4, 5, rng).values())[:4]:
            x = rng.uniform(0.05, 0.95, (4, 5, cols)).astype(np.float32)
            x /= x.sum(-1, keepdims=True) if kind in ("kl_divergence", "categorical") and cols > 1 else 1
            y = (rng.uniform(size=x.shape) > 0.5).astype(np.float32)
            y = (
                rng.uniform(0.1, 2, x.shape).astype(np.float32)
                if name == "element_loss" and "hinge" not in kind
                else y
            )
            y = np.where(np.abs(y - x) < 0.01, y + 0.05, y).astype(np.float32)  # away from corners
            weight = rng.uniform(0, 2, (4, 5)).astype(np.float32)
            program = _core.Program(
                [("x", "float32", -1, (cols,))], [], [(name, (0,), (1,), (), {"kind": kind})], (1,), 0, True
            )
            program.set_optimizer("sgd")
            given = x if mask is None else (x, mask)
            (value,), _, _, (out,) = program.train_step([given], [y], weight, 0.0, 0, True)
            counted = np.ones((4, 5), bool) if mask is None else mask
            share = np.where(counted, weight, 0) / max(1, counted.sum())
            wide = x.astype(np.float64)
            assert value == pytest.approx((loss.per_example(y, wide) * share).sum(), rel=1e-5, abs=1e-9)
            expected = slopes(loss, y, wide) * share[..., None]
            got = program.input_gradient(0)
            np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-5 * max(1, np.abs(expected).max()))
            np.testing.assert_array_equal(out, np.where(counted[..., None], x, 0))


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (("element_loss", {"kind": "huber", "delta": 0.0}), "delta = 0 is not above 0"),
        (("element_loss", {"kind": "cubic"}), "kind = 'cubic'; allowed are"),
        (("row_loss", {"reduction": "mean"}), "reduction = 'mean'"),
        (("focal_cross_entropy", {"label_smoothing": 2.0}), r"label_smoothing = 2 is outside \[0, 1\]"),
        (
            ("cross_entropy", {"kind": "binary", "ignores": 1}),
            "only the kind 'sparse_categorical' can ignore",
        ),
    ],
)
def test_refused_attributes(operation, message):
    name, attributes = operation
    with pytest.raises(ValueError, match=message):
        _core.Program([("x", "float32", None, (3,))], [], [(name, (0,), (1,), (), attributes)], (1,))


def test_refused_weights_of_the_core():
    program = _core.Program([("x", "float32", None, (3,))], [], [("squared_error", (0,), (1,), (), {})], (1,))
    program.set_optimizer("sgd")
    x = np.zeros((2, 3), np.float32)
    for weight, message in (
        (np.ones(3, np.float32), r"sample_weight has the shape \(3,\)"),
        (np.ones((2, 4), np.float32), "sample_weight has 4 steps, the targets have 0"),
        ((None, None), "expected a tuple of 1 arrays, got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            program.train_step([x], [x], weight, 0.1, 0)


def test_given_losses_of_the_core():
    program = _core.Program(
        [("x", "float32", None, (2,))], [], [("given_loss", (0,), (1,), (), {"weight": 0.5})], (1,), 0, True
    )
    program.set_optimizer("sgd")
    x, weight = np.array([[1, 2], [3, 4]], np.float32), np.array([1, 3], np.float32)

    def of_rows(factor):
        return lambda given, masks, penalty: ([(p.sum(1), factor * p) for p in given], 1.0)

    result = program.train_step([x], [None], weight, 0.1, 0, False, of_rows(2))
    assert result.losses == ((3 * 1 + 7 * 3) / 2 * 0.5,)
    assert program.loss_sums == ((24.0, 4.0, 10.0, 2.0),)
    np.testing.assert_allclose(program.input_gradient(0), 0.5 * 2 * x * weight[:, None] / 2)
    assert program.test_step([x], [None], None, False, of_rows(1)).losses == (2.5,)
    with pytest.raises(ValueError, match="it needs loss_function"):
        program.train_step([x], [None], None, 0.1, 0)
    for function, error in (
        (lambda given, masks, penalty: given, TypeError),
        (lambda given, masks, penalty: ([], 1.0), TypeError),
        (lambda given, masks, penalty: (given, 1.0), TypeError),
        (lambda given, masks, penalty: ([given[0]], 1.0), TypeError),
        (lambda given, masks, penalty: ([(given[0], given[0])], 1.0), ValueError),
        (lambda given, masks, penalty: ([(given[0].sum(1), given[0])], "x"), TypeError),
        (lambda *given: program.train_step([x], [None], None, 0.1, 0), RuntimeError),
    ):
        with pytest.raises(error):
            program.train_step([x], [None], None, 0.1, 0, False, function)
    assert program.test_step([x], [None], None, False, of_rows(1)).losses == (2.5,)


@pytest.mark.parametrize("ignores", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_of_a_step(threads, weighted, ignores):
    """What perplexities are made of: with and without weights, over the rows that count."""
    rng = np.random.default_rng(5)
    attributes = {"weight": 0.3, "reduction": "sum"} | ({"ignores": 1, "ignore_class": 2} if ignores else {})
    program = _core.Program(
        [("x", "float32", -1, (4,))], [], [("cross_entropy", (0,), (1,), (), attributes)], (1,), 0
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, reduction="none")
    for mask in masks(5, 6, rng).values():
        x = rng.normal(size=(5, 6, 4)).astype(np.float32)
        y = rng.integers(0, 4, (5, 6))
        weight = rng.uniform(0, 2, (5, 6)).astype(np.float32) if weighted else None
        (value,), _, _, _ = program.test_step([x if mask is None else (x, mask)], [y], weight)
        counted = np.ones((5, 6), bool) if mask is None else mask
        counted = counted & (y != 2) if ignores else counted
        each, w = loss(y, x) * counted, counted * (1.0 if weight is None else weight)
        expected = ((each * w).sum(), w.sum(), each.sum(), counted.sum())
        np.testing.assert_allclose(program.loss_sums, [expected], rtol=1e-5)
        assert value == pytest.approx(0.3 * program.loss_sums[0][0], rel=1e-12)
