"""Initializers, regularizers and constraints of one's own: in a step, in two calls, and in files. That ten
steps are Keras's: tests/programs/own_rules.py.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(12, 3)).astype(np.float32), RNG.normal(size=(12, 2)).astype(np.float32)
KERNEL = RNG.normal(size=(3, 2)).astype(np.float32)


class Cubed(keras.regularizers.Regularizer):
    def __init__(self, strength=0.1):
        self.strength = strength

    def __call__(self, x):
        return self.strength * ops.sum(ops.abs(x) ** 3)


class Clipped(keras.constraints.Constraint):
    def __init__(self, most=0.1):
        self.most = most

    def __call__(self, w):
        return ops.clip(w, -self.most, self.most)


class Ramp(keras.initializers.Initializer):
    def __init__(self, begin=0.0):
        self.begin = begin

    def __call__(self, shape, dtype=None):
        assert dtype == "float32"
        return self.begin + np.arange(np.prod(shape)).reshape(shape)


def cubed(x):
    return 0.1 * ops.sum(ops.abs(x) ** 3)


def clipped(w):
    return np.clip(w, -0.1, 0.1)


def ramp(shape):
    return np.arange(np.prod(shape), dtype=np.float64).reshape(shape)


def built(optimizer=None, loss="mse", **options):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, **options)])
    model.set_weights([KERNEL, np.zeros(2)])
    model.compile(optimizer or keras.optimizers.SGD(0.1), loss)
    return model


def gradient_of_the_loss():
    return X.T.astype(np.float64) @ (X @ KERNEL - Y) / 12


@pytest.mark.parametrize("regularizer", [Cubed(0.1), Cubed, cubed], ids=range(3))
@pytest.mark.parametrize("settings", [{}, {"clipnorm": 0.2}])
def test_a_penalty_is_in_the_loss_and_in_the_gradients(regularizer, settings):
    model = built(keras.optimizers.SGD(0.1, **settings), kernel_regularizer=regularizer)
    penalty = 0.1 * np.sum(np.abs(KERNEL) ** 3.0)
    expected = gradient_of_the_loss() + 0.3 * KERNEL * np.abs(KERNEL)
    loss, gradients = model.compute_gradients(X, Y)
    error = np.mean((X @ KERNEL - Y) ** 2)
    assert loss == pytest.approx(error + penalty, rel=1e-5)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(error + penalty, rel=1e-5)
    assert model.compute_loss(y=Y, y_pred=model.predict(X, verbose=0)) == pytest.approx(
        error + penalty, rel=1e-5
    )
    kernel = next(one for one in gradients.values() if one.ndim == 2)
    np.testing.assert_allclose(kernel, expected, rtol=1e-4, atol=1e-6)
    if settings:
        expected *= min(1.0, 0.2 / np.linalg.norm(expected))
    model.train_on_batch(X, Y)
    np.testing.assert_allclose(model.get_weights()[0], KERNEL - 0.1 * expected, rtol=1e-4, atol=1e-6)


def test_a_frozen_weight_has_no_penalty():
    """From the next step, and again when it is thawed; as in Keras."""
    model = built(kernel_regularizer=Cubed(0.1))
    penalty = 0.1 * np.sum(np.abs(KERNEL) ** 3.0)
    whole = model.evaluate(X, Y, verbose=0)
    model.layers[0].trainable = False
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(whole - penalty, rel=1e-5)
    model.layers[0].trainable = True
    assert model.evaluate(X, Y, verbose=0) == whole


def test_it_is_a_part_of_self_losses():
    class Twice(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y_pred - y) ** 2) + 2.0 * sum(self.losses)

    x = keras.Input((3,))
    model = Twice(x, layers.Dense(2, kernel_regularizer=cubed)(x))
    model.set_weights([KERNEL, np.zeros(2)])
    model.compile(keras.optimizers.SGD(0.1))
    model.train_on_batch(X, Y)
    expected = gradient_of_the_loss() + 0.6 * KERNEL * np.abs(KERNEL)
    np.testing.assert_allclose(model.get_weights()[0], KERNEL - 0.1 * expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("constraint", [Clipped(0.1), Clipped, clipped], ids=range(3))
def test_a_constraint_acts_after_each_update(constraint):
    model, plain = built(kernel_constraint=constraint), built()
    for one in (model, plain):
        one.train_on_batch(X, Y)
    np.testing.assert_array_equal(model.get_weights()[0], np.clip(plain.get_weights()[0], -0.1, 0.1))
    again = built(kernel_constraint=constraint)
    again.apply_gradients(again.compute_gradients(X, Y)[1])
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    frozen = built(kernel_constraint=constraint)
    frozen.layers[0].trainable = False
    frozen.compile("sgd", "mse")
    frozen.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(frozen.get_weights()[0], KERNEL)


def test_a_constraint_of_several_optimizers():
    layer = layers.Dense(2, kernel_constraint=Clipped(0.1))
    model = keras.Sequential([keras.Input((3,)), layer])
    optimizer = keras.optimizers.MultiOptimizer([(keras.optimizers.SGD(0.1), [layer])])
    model.compile(optimizer, "mse")
    model.train_on_batch(X, Y)
    assert np.abs(model.get_weights()[0]).max() <= np.float32(0.1)


def test_a_constraint_of_a_table_is_of_all_its_rows():
    table = layers.Embedding(9, 4, embeddings_constraint=Clipped(0.01))
    model = keras.Sequential([keras.Input((2,), dtype="int32"), table, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.train_on_batch(np.array([[1, 2]]), np.zeros((1, 1)))
    assert np.abs(table.get_weights()[0]).max() <= np.float32(0.01)


@pytest.mark.parametrize("initializer", [Ramp(), Ramp, ramp, lambda shape, dtype: ramp(shape)], ids=range(4))
def test_initial_values(initializer):
    for layer, shape in (
        (layers.Dense(2, kernel_initializer=initializer), (3, 2)),
        (layers.LSTM(2, bias_initializer=initializer, unit_forget_bias=False), (8,)),
        (layers.Embedding(5, 2, embeddings_initializer=initializer, storage_dtype="float16"), (5, 2)),
    ):
        ids = isinstance(layer, layers.Embedding)
        layer(keras.Input((3,), dtype="int32") if ids else keras.Input((3,) if shape == (3, 2) else (4, 3)))
        found = [one for one in layer.get_weights() if one.shape == shape][0]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, ramp(shape))


@pytest.mark.parametrize("own", [True, False])
def test_files_keep_the_names(tmp_path, own):
    classes = {"Cubed": Cubed, "Clipped": Clipped, "Ramp": Ramp}
    functions = {"cubed": cubed, "clipped": clipped, "ramp": ramp}
    parts = [Cubed(0.3), Clipped(0.2), Ramp(0.5)] if own else [cubed, clipped, ramp]
    names = ("kernel_regularizer", "kernel_constraint", "kernel_initializer")
    model = built(**dict(zip(names, parts, strict=True)))
    model.save(tmp_path / "m.embedcnn")
    known = classes if own else functions
    with pytest.raises(ValueError, match="which is Python of your own: no file holds it"):
        keras.models.load_model(tmp_path / "m.embedcnn")
    again = keras.models.load_model(tmp_path / "m.embedcnn", custom_objects=known)
    for one in (model, again):
        one.train_on_batch(X, Y)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    if own:
        layer = again.layers[0]
        assert (layer.kernel_regularizer.strength, layer.kernel_constraint.most) == (0.3, 0.2)
        assert layer.kernel_initializer.begin == 0.5
    cloned = keras.models.clone_model(model)
    assert type(cloned.layers[0].kernel_regularizer) is type(model.layers[0].kernel_regularizer)


def test_names_are_found_where_they_are_registered():
    with keras.utils.custom_object_scope({"Cubed": Cubed, "ramp": ramp}):
        layer = layers.Dense(2, kernel_regularizer="Cubed", kernel_initializer="ramp")
    assert isinstance(layer.kernel_regularizer, Cubed)
    with pytest.raises(ValueError, match="kernel_regularizer"):
        layers.Dense(2, kernel_regularizer="Cubed")


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(TypeError, match="activity_regularizer=Cubed.* must be L1, L2 or L1L2"):
        layers.Dense(2, activity_regularizer=Cubed())
    table = layers.Embedding(9, 4, embeddings_regularizer=Cubed(), name="words")
    model = keras.Sequential([keras.Input((2,), dtype="int32"), table])
    model.compile("sgd", "mse")
    with pytest.raises(
        ValueError, match="of words/embeddings: the table of an Embedding takes L1, L2 and L1L2"
    ):
        model.train_on_batch(np.ones((1, 2), int), np.zeros((1, 2, 4)))
    with pytest.raises(TypeError, match="must be made of operators and embedcnn.ops. Received: float"):
        built(kernel_regularizer=lambda w: 1.0).train_on_batch(X, Y)
    with pytest.raises(ValueError, match=r"must give an array of the shape \(3, 2\). Received: shape \(2,\)"):
        built(kernel_constraint=lambda w: w[0]).train_on_batch(X, Y)
    with pytest.raises(ValueError, match=r"must make numbers of the shape \(3, 2\). Received: shape \(3,\)"):
        built(kernel_initializer=lambda shape: np.zeros(3))
    with pytest.raises(ValueError, match="has no name by which a file could keep it"):
        built(kernel_constraint=lambda w: w).save(tmp_path / "m.embedcnn")
    for argument in ("kernel_regularizer", "kernel_constraint", "kernel_initializer"):
        with pytest.raises(ValueError, match=argument):
            layers.Dense(2, **{argument: 3.0})
