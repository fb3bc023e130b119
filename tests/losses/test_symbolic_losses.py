"""Keras's losses called on symbolic tensors, as losses and steps of one's own do: values and gradients of the
same loss of arrays and of the core.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, ops

RNG = np.random.default_rng(2)
CASES = {
    **{name: {} for name in losses.NAMES},
    "huber_half": {"delta": 0.5},
    "binary_crossentropy_logits": {"from_logits": True, "label_smoothing": 0.2},
    "categorical_crossentropy_logits": {"from_logits": True, "label_smoothing": 0.2},
    "sparse_categorical_crossentropy_logits": {"from_logits": True},
    "binary_focal_crossentropy_balanced": {"apply_class_balancing": True, "from_logits": True},
    "categorical_focal_crossentropy_logits": {"from_logits": True, "gamma": 1.5},
}


def made(name):
    known = max((one for one in losses.NAMES if name.startswith(one)), key=len)
    return losses.NAMES[known], CASES[name], known


def batch(loss):
    p = RNG.uniform(0.1, 0.9, (6, 4)).astype(np.float32)
    y = RNG.integers(0, 4, 6)
    targets = {"classes": y, "one_hot": np.eye(4)[y], "binary": np.round(RNG.random((6, 4)))}
    if "hinge" in loss.name and loss.target == "values":
        return np.round(RNG.random((6, 4))), p
    return targets.get(loss.target, RNG.uniform(0.1, 0.9, (6, 4))), p


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_the_core(name):
    cls, arguments, known = made(name)
    loss = cls(**arguments)
    y, p = batch(loss)
    y = y.astype(np.float32) if loss.target != "classes" else y
    value, (_, gradient) = ops.vjp(lambda y, p: loss(y, p), y, p)
    assert float(value) == pytest.approx(loss(y, p), rel=2e-5)
    rows, _ = ops.vjp(lambda y, p: losses.FUNCTIONS[loss_name(known)](y, p, **arguments), y, p)
    np.testing.assert_allclose(rows, loss.per_example(y, p.astype(np.float64)), rtol=1e-4, atol=2e-6)

    def by_differences(direction, step=1e-6):
        both = [loss(y, p.astype(np.float64) + sign * step * direction) for sign in (1, -1)]
        return (both[0] - both[1]) / (2 * step)

    direction = RNG.normal(size=p.shape)
    assert (gradient * direction).sum() == pytest.approx(by_differences(direction), rel=2e-3, abs=1e-5)


def loss_name(known):
    return losses.SHORT_NAMES.get(known, known)


def test_weights_and_reductions():
    y, p = RNG.random((5, 3)).astype(np.float32), RNG.random((5, 3)).astype(np.float32)
    weight = RNG.random(5).astype(np.float32)
    for reduction in losses.REDUCTIONS[:-1]:
        loss = losses.MeanSquaredError(reduction=reduction)
        got = ops.vjp(lambda y, p, w, loss=loss: loss(y, p, w), y, p, weight)[0]
        assert float(got) == pytest.approx(loss(y, p, weight), rel=1e-5)


def test_a_loss_of_ones_own_adds_to_keras_s():
    def own(y_true, y_pred):
        return losses.binary_crossentropy(y_true, y_pred) + 0.1 * ops.mean(ops.square(y_pred), axis=-1)

    x, y = RNG.random((8, 3)).astype(np.float32), np.arange(8) % 2
    results = []
    for loss in (own, "binary_crossentropy"):
        model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1, activation="sigmoid")])
        model.set_weights([np.full((3, 1), 0.3), np.zeros(1)])
        model.compile(embedcnn.optimizers.SGD(0.5), loss)
        results.append(model.fit(x, y, epochs=2, batch_size=8, verbose=0).history["loss"])
    p = 1 / (1 + np.exp(-(x.sum(1) * 0.3)))
    assert results[0][0] - results[1][0] == pytest.approx(0.1 * (p**2).mean(), rel=1e-4)
    assert results[0][1] < results[0][0]
