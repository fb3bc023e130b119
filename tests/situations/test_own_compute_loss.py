"""A model whose `compute_loss` is overridden trains on it: as Keras's documentation writes one."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, metrics, ops

RNG = np.random.default_rng(4)
X, Y = RNG.normal(size=(12, 3)).astype(np.float32), RNG.normal(size=(12, 2)).astype(np.float32)


class Tracked(keras.Model):
    """The example of Keras's Model.compute_loss."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.loss_tracker = metrics.Mean(name="loss")

    def compute_loss(self, x, y, y_pred, sample_weight, training=True):
        loss = ops.mean((y_pred - y) ** 2)
        loss += ops.sum(self.losses)
        self.loss_tracker.update_state(loss)
        return loss

    def reset_metrics(self):
        self.loss_tracker.reset_state()

    @property
    def metrics(self):
        return [self.loss_tracker]


class Scaled(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 2.0 * super().compute_loss(x, y, y_pred, sample_weight, training)


class OfInputs(keras.Model):
    def compute_loss(self, x=None, y=None, **kwargs):
        error = kwargs["y_pred"] - y
        return ops.mean(ops.square(error), -1) + ops.mean(ops.abs(x), -1)


def built(cls, loss="mse", added=False, **options):
    inputs = keras.Input((3,))
    outputs = layers.Dense(2, **options)(inputs)
    model = cls(inputs, outputs)
    if added:
        model.add_loss(ops.sum(outputs**2))
    model.set_weights([np.full((3, 2), 0.3), np.zeros(2)])
    model.compile(keras.optimizers.SGD(0.1), loss)
    return model


def trained(model, **options):
    history = model.fit(X, Y, batch_size=4, epochs=3, shuffle=False, verbose=0, **options).history
    return history, model.get_weights()


@pytest.mark.parametrize("added", [False, True])
def test_a_formula_of_its_own_is_the_loss(added):
    own = built(Tracked, loss=None, added=added)
    history, weights = trained(own)
    expected, plain = trained(built(keras.Model, added=added))
    for one, other in zip(weights, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    if not added:  # the tracker counts what compute_loss gave
        np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)
    predicted = own.predict(X, verbose=0)
    found = np.mean((predicted - Y) ** 2) + (np.sum(predicted**2) / 3 if added else 0.0)  # of three batches
    assert own.evaluate(X, Y, batch_size=4, verbose=0) == pytest.approx(found, rel=1e-5)


@pytest.mark.parametrize("loss", ["mse", "mae", keras.losses.Huber(0.5)])
@pytest.mark.parametrize("weights", [None, RNG.random(12).astype(np.float32)])
def test_the_loss_of_compile_within_it(loss, weights):
    options = {} if weights is None else {"sample_weight": weights}
    history, found = trained(built(Scaled, loss), **options)
    expected, plain = trained(built(keras.Model, loss), **options)
    first = built(keras.Model, loss).train_on_batch(X[:4], Y[:4], None if weights is None else weights[:4])
    again = built(Scaled, loss).train_on_batch(X[:4], Y[:4], None if weights is None else weights[:4])
    assert again == pytest.approx(2 * first, rel=1e-5)
    doubled = built(keras.Model, loss)
    doubled.compile(keras.optimizers.SGD(0.2), loss)
    _, twice = trained(doubled, **options)
    for one, other in zip(found, twice, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_it_may_look_at_the_inputs():
    model = built(OfInputs, loss=None)
    loss = model.train_on_batch(X, Y)
    error = np.mean((X @ np.full((3, 2), 0.3) - Y) ** 2)
    assert loss == pytest.approx(error + np.abs(X).mean(), rel=1e-5)


PENALTIES = {
    "of a weight": {"kernel_regularizer": keras.regularizers.L1L2(0.1, 0.2)},
    "of activities": {"activity_regularizer": keras.regularizers.L1L2(0.1, 0.2)},
    "added": {"added": True},
}


@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalties_are_part_of_the_loss_of_compile(penalty):
    """Doubled with it, as in Keras; the same as a doubled rate."""
    one, other = (built(cls, **PENALTIES[penalty]) for cls in (Scaled, keras.Model))
    assert one.evaluate(X, Y, verbose=0) == pytest.approx(2 * other.evaluate(X, Y, verbose=0), rel=1e-5)
    other.compile(keras.optimizers.SGD(0.2), "mse")
    found, expected = (trained(model)[1] for model in (one, other))
    for ours, plain in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_loss_that_leaves_penalties_out_has_none(penalty):
    class Plain(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y_pred - y) ** 2)

    found, expected = (trained(model) for model in (built(Plain, **PENALTIES[penalty]), built(keras.Model)))
    np.testing.assert_allclose(found[0]["loss"], expected[0]["loss"], rtol=1e-5)
    for ours, plain in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, plain, rtol=1e-5, atol=1e-6)


def test_losses_may_enter_by_any_formula():
    class Root(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y_pred - y) ** 2) + ops.sqrt(sum(self.losses))

    model = built(Root, kernel_regularizer=keras.regularizers.L2(0.1))
    before = model.get_weights()[0]
    loss, gradients = model.compute_gradients(X, Y)
    error = X @ before - Y
    assert loss == pytest.approx(np.mean(error**2) + np.sqrt(0.1 * np.sum(before**2)), rel=1e-5)
    expected = X.T @ error * 2 / error.size + 0.1 * before / np.sqrt(0.1 * np.sum(before**2))
    np.testing.assert_allclose(
        next(one for name, one in gradients.items() if "kernel" in name), expected, rtol=1e-4, atol=1e-6
    )


class OfPhase(keras.Model):
    """Ten times the loss outside of training, with dropout inside."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        assert isinstance(training, bool)
        return (1 if training else 10) * ops.mean(layers.Dropout(0.5, seed=1)((y_pred - y) ** 2))


def test_it_is_told_whether_the_model_trains():
    model = built(OfPhase, loss=None)
    model.compile(keras.optimizers.SGD(0.0))
    error = np.mean((X @ np.full((3, 2), 0.3) - Y) ** 2)
    for _ in range(2):  # the programs of both stay apart
        assert model.test_on_batch(X, Y) == pytest.approx(10 * error, rel=1e-5)
        assert model.train_on_batch(X, Y) != pytest.approx(error, rel=1e-5)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(10 * error, rel=1e-5)
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert history["val_loss"] == pytest.approx([10 * error], rel=1e-5)
    assert history["loss"][0] < 5 * error


RETURNED = {
    "None": lambda error: None,
    "1.5": lambda error: 1.5,
    "ndarray": lambda error: np.ones(3),
    "tuple": lambda error: (error, error),
    "dict": lambda error: {"loss": error},
}


@pytest.mark.parametrize("received", RETURNED)
def test_other_results_are_refused(received):
    class Other(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return RETURNED[received](ops.mean((y_pred - y) ** 2))

    said = rf"^Other.compute_loss must return one tensor made of embedcnn.ops. Received: {received}$"
    for run in ("fit", "evaluate"):
        with pytest.raises(TypeError, match=said):
            getattr(built(Other), run)(X, Y, verbose=0)


def test_what_cannot_be_is_refused():
    class OfArrays(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return np.mean(np.asarray(y_pred))

    with pytest.raises(TypeError):
        built(OfArrays).fit(X, Y, verbose=0)


def test_a_file_keeps_the_loss_of_compile(tmp_path):
    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

        def compute_loss(self, **given):
            return 2.0 * super().compute_loss(**given)

    model = Own()
    model.compile("sgd", "mae")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "own.embedcnn")
    again = keras.models.load_model(tmp_path / "own.embedcnn", custom_objects={"Own": Own})
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
