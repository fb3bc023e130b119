"""add_loss: models that learn from it alone, losses of training or of inference alone, refusals."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


class NearOne(keras.Model):
    """Learns from what it adds: no targets."""

    def __init__(self, adds=True):
        super().__init__()
        self.scores, self.adds = layers.Dense(3, use_bias=False), adds

    def call(self, x):
        y = self.scores(x)
        if self.adds:
            self.add_loss(ops.mean(ops.square(y - 1.0)))
        return y


def built(model):
    model.build((None, 4))
    model.set_weights([np.linspace(-1, 1, 12).reshape(4, 3)])
    return model


def test_a_model_learns_from_added_losses_alone():
    model = built(NearOne())
    model.compile(keras.optimizers.SGD(0.1))
    kernel = model.get_weights()[0]
    expected = ((X @ kernel - 1) ** 2).mean()
    assert model.test_on_batch(X) == pytest.approx(expected, rel=1e-5)
    assert model.evaluate(X, verbose=0) == pytest.approx(expected, rel=1e-5)
    loss, gradients = model.compute_gradients(X)
    gradient = 2 * X.T @ (X @ kernel - 1) / (20 * 3)
    np.testing.assert_allclose(gradients["scores/kernel"], gradient, rtol=1e-4, atol=1e-6)
    assert model.train_on_batch(X) == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], kernel - 0.1 * gradient, rtol=1e-4, atol=1e-6)
    history = model.fit(X, validation_split=0.2, epochs=3, verbose=0).history
    assert list(history) == ["loss", "val_loss"] and history["loss"][-1] < expected
    assert list(model.fit(X, X, verbose=0).history) == ["loss"]  # no loss looks at targets


@pytest.mark.parametrize("train", [lambda m: m.fit(X, verbose=0), lambda m: m.train_on_batch(X)])
def test_a_model_without_any_loss_is_refused(train):
    model = NearOne(adds=False)
    model.compile("sgd")
    with pytest.raises(ValueError, match="give `loss` to compile"):
        train(model)
    own = NearOne()
    own.compile("sgd")
    with pytest.raises(ValueError, match="sample_weight weighs the losses of compile"):
        own.fit(X, sample_weight=np.ones(20), verbose=0)
    with pytest.raises(ValueError, match="needs a loss"):
        own.compute_loss(X, X, X)


class Phases(layers.Layer):
    """Adds 10 in training, 3 in inference and 100 always."""

    def call(self, x, training=None):
        none = ops.mean(x) * 0.0
        if training:
            self.add_loss(none + 10.0)
        else:
            self.add_loss(none + 3.0)
        self.add_loss(none + 100.0)
        return x


class Around(layers.Layer):
    """Asks too whether it trains, and is made of the other."""

    def __init__(self):
        super().__init__()
        self.inner = Phases()

    def call(self, x, training=None):
        return self.inner(x * 1.0 if training else x)


@pytest.mark.parametrize("kind", [Phases, Around])
def test_losses_of_training_or_of_inference_alone(kind):
    x = keras.Input((4,))
    model = keras.Model(x, kind()(x))
    model.compile("sgd", "mse")
    assert model.test_on_batch(X, X) == 103 and model.train_on_batch(X, X) == 110
    assert model.evaluate(X, X, verbose=0) == 103
    inside = keras.Sequential([keras.Input((4,)), model])
    inside.compile("sgd", "mse")
    assert inside.test_on_batch(X, X) == 103 and inside.train_on_batch(X, X) == 110


@pytest.mark.parametrize("made", [NearOne, Phases])
def test_add_metric_has_a_hint(made):
    with pytest.raises(AttributeError, match="'add_metric', which Keras 3 removed: give `metrics`"):
        made().add_metric("loss", 1.0)
    with pytest.raises(AttributeError, match="has no attribute 'no_such_thing'$"):
        made().no_such_thing  # noqa: B018 - asked for its error
