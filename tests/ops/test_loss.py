"""cross_entropy and squared_error against the reference: values, gradients, weights, masks, labels
outside."""

import numpy as np
import pytest
import reference
from comparison import Pair, masks

from embedcnn import ops

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
    pair = loss_pair("cross_entropy", attributes, ("floats", "x", classes))
    for batch in (1, 3, 17):
        x = predictions_of(kind, from_logits, (batch, classes), rng)
        y = targets_of(kind, (batch, classes), rng)
        weight = rng.random(batch).astype(np.float32) + 0.1 if weighted else None
        pair.check_train_step([x.astype(np.float32)], [y], 0.1, 1, weight)
        pair.compare_gradients()


@pytest.mark.parametrize("kind", KINDS)
def test_sequences(rung, threads, kind):
    rng = np.random.default_rng(1)
    pair = loss_pair("cross_entropy", {"kind": kind}, ("sequence", "x", -1, 4))
    for mask in masks(5, 6, rng).values():
        x, y = rng.normal(size=(5, 6, 4)), targets_of(kind, (5, 6, 4), rng)
        for weight in (None, np.arange(1, 6, dtype=np.float32)):
            pair.check_train_step([x if mask is None else (x, mask)], [y], 0.1, 1, weight)
            pair.compare_gradients()


def test_squared_error(rung, threads):
    rng = np.random.default_rng(2)
    pair = loss_pair("squared_error", {"weight": 2.0}, ("floats", "x", 6))
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
    pair = Pair([("floats", "x", 4)], [], operations, (1, 2), [])
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
