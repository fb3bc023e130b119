"""How Keras 3.15 counts: targets of binary accuracy as they are, and one number of a batch once."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, ops


def constant(value, loss, measured, activation=None):
    model = embedcnn.Sequential([embedcnn.Input((1,)), layers.Dense(1, activation=activation)])
    model.set_weights([np.zeros((1, 1)), np.full(1, value)])
    model.compile("sgd", loss, metrics=measured)
    return model


@pytest.mark.parametrize("loss", ["mse", "binary_crossentropy"])
def test_binary_accuracy_compares_targets_as_they_are(loss):
    y = np.array([[4.0], [3.0], [1.0]]) if loss == "mse" else np.array([[0.7], [0.4], [1.0]])
    model = constant(4.0, loss, ["accuracy", "binary_accuracy"], "sigmoid" if loss != "mse" else None)
    found = model.evaluate(np.zeros((3, 1)), y, verbose=0, return_dict=True)
    trained = model.fit(np.zeros((3, 1)), y, verbose=0).history
    for name in ("accuracy", "binary_accuracy"):
        assert found[name] == pytest.approx(1 / 3)
        assert trained[name] == [pytest.approx(1 / 3)]
    assert embedcnn.metrics.BinaryAccuracy()([4.0, 3.0, 1.0], [[4.0], [4.0], [4.0]]) == pytest.approx(1 / 3)


def test_a_metric_of_one_number_counts_each_batch_once():
    def furthest(a, b):
        return ops.max(ops.abs(a - b))

    model = constant(0.0, "mse", [furthest])
    y = np.array([1.0, 2.0, 0.5, 1.75])
    found = model.evaluate(np.zeros((4, 1)), y, batch_size=3, verbose=0, return_dict=True)
    assert found["furthest"] == 1.875


def test_outputs_of_one_number_train_as_in_keras():
    def squares(a, b):
        return ops.mean(ops.square(a - b), axis=-1)

    def gap(a, b):
        return ops.abs(a - b)

    one = constant(0.0, squares, [gap])
    assert one.evaluate(np.zeros((4, 1)), np.arange(4.0), verbose=0) == [3.5, 1.5]
    left, right = np.ones((4, 2), np.float32), np.arange(8, dtype=np.float32).reshape(4, 2)
    ends = []
    for loss in ("mse", squares):
        for y in (np.arange(4.0), np.arange(4.0)[:, None]):
            u, v = embedcnn.Input((2,)), embedcnn.Input((2,))
            dense = layers.Dense(2, kernel_initializer="ones")
            model = embedcnn.Model([u, v], ops.sum(dense(u) * v, axis=-1))
            model.compile(embedcnn.optimizers.SGD(0.01), loss, metrics=["mae", gap])
            # predictions 2, 10, 18, 26 against 0, 1, 2, 3: Keras 3.15 gives 217.5
            found = model.evaluate([left, right], y, verbose=0, return_dict=True)
            assert (found["loss"], found["mae"], found["gap"]) == (217.5, 12.5, 12.5)
            assert model.predict([left, right], verbose=0).shape == (4,)
            model.fit([left, right], y, verbose=0)
            model.train_on_batch([left, right], y)
            ends.append(dense.kernel.numpy())
    assert not np.allclose(ends[0], 1)
    for end in ends[1:]:
        np.testing.assert_allclose(end, ends[0], rtol=1e-6)
