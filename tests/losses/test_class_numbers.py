"""Class numbers that a sparse loss meets in a formula of one's own are refused as by a compiled loss."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, ops

X = np.random.default_rng(0).integers(0, 9, (8, 3)).astype(np.int32)
Y = np.arange(8) % 2
SPARSE = losses.SparseCategoricalCrossentropy()
SMOOTHED = losses.SparseCategoricalCrossentropy(label_smoothing=0.2)


def model(loss, computed=None):
    class Own(embedcnn.Model):
        if computed is not None:

            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                return computed(y, y_pred)

    inputs = embedcnn.Input((3,), dtype="int32")
    made = Own(inputs, layers.Dense(2, "softmax")(layers.Flatten()(layers.Embedding(9, 2)(inputs))))
    weights = np.random.default_rng(1)
    made.set_weights([weights.normal(size=one.shape) for one in made.weights])
    made.compile("sgd", loss)
    return made


SPARSELY = {
    "a class within compute_loss": (None, SPARSE),
    "ops within compute_loss": (None, lambda y, p: ops.mean(ops.sparse_categorical_crossentropy(y, p))),
    "a function": (lambda y, p: ops.sparse_categorical_crossentropy(y, p), None),
    "a function of a loss": (lambda y, p: losses.sparse_categorical_crossentropy(y, p), None),
    "smoothed": (None, SMOOTHED),
}
WRONG = {
    "outside": (Y + 5, "y[0] = 5 is outside [0, 2)"),
    "below": (Y - 1, "y[0] = -1 is outside [0, 2)"),
    "between": (Y + 0.5, "y[0] = 0.5: class numbers must be integers"),
    "nan": (np.where(Y == 1, np.nan, 0.0), "y[1] = nan: class numbers must be integers"),
    "infinite": (np.where(Y == 1, np.inf, 0.0), "y[1] = inf: class numbers must be integers"),
    "of 64 bits": (Y + 2**32, "y[0] = 4294967296 is outside [0, 2)"),
    "as columns": (Y[:, None] + 5, "y[0, 0] = 5 is outside [0, 2)"),
}


@pytest.mark.parametrize("loss", SPARSELY)
@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_numbers_are_refused_at_the_step(loss, wrong):
    made, (y, said) = model(*SPARSELY[loss]), WRONG[wrong]
    before = made.get_weights()
    for run in (made.test_on_batch, made.train_on_batch):
        with pytest.raises(ValueError) as caught:
            run(X, y)
        assert str(caught.value) == f"{said} (counted in the batch)"
    for one, other in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.isfinite(made.train_on_batch(X, Y)), "the right ones train"


@pytest.mark.parametrize("loss", SPARSELY)
@pytest.mark.parametrize("y", [Y, Y.astype(np.float32), Y[:, None], Y.astype(bool)])
def test_right_numbers_give_the_compiled_loss(loss, y):
    plain = model(SMOOTHED if loss == "smoothed" else SPARSE)
    own = model(*SPARSELY[loss])
    assert own.evaluate(X, y, verbose=0) == pytest.approx(plain.evaluate(X, Y, verbose=0), rel=1e-5)
    for one in (plain, own):
        one.fit(X, Y if one is plain else y, epochs=2, shuffle=False, verbose=0)
    for one, other in zip(plain.get_weights(), own.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_what_is_computed_from_targets_is_looked_at():
    made = model(None, lambda y, p: SPARSE(y - 1, p))
    assert made.test_on_batch(X, Y + 1) == pytest.approx(model(SPARSE).test_on_batch(X, Y), rel=1e-5)
    with pytest.raises(ValueError, match=r"the target of a sparse categorical loss\[0\] = -1 is outside"):
        made.train_on_batch(X, Y)
    left_out = model(None, lambda y, p: ops.mean(ops.sparse_categorical_crossentropy(ops.maximum(y, 0), p)))
    assert np.isfinite(left_out.train_on_batch(X, np.where(Y == 1, 1, -1)))


def test_steps_of_texts():
    def tagger(loss, computed=None):
        class Own(embedcnn.Model):
            if computed is not None:

                def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                    return computed(y, y_pred)

        inputs = embedcnn.Input((3,), dtype="int32")
        made = Own(inputs, layers.Dense(4, "softmax")(layers.Embedding(9, 2)(inputs)))
        made.compile("sgd", loss)
        return made

    y = np.arange(24).reshape(8, 3) % 4
    assert np.isfinite(tagger(None, SPARSE).train_on_batch(X, y))
    y[2, 1] = 4
    with pytest.raises(ValueError, match=r"^y\[2, 1\] = 4 is outside \[0, 4\)"):
        tagger(None, SPARSE).train_on_batch(X, y)


def test_arrays_are_looked_at():
    with pytest.raises(ValueError, match=r"^target\[1\] = 2 is outside \[0, 2\)$"):
        ops.sparse_categorical_crossentropy([1, 2], [[0.5, 0.5], [0.5, 0.5]])
    p = np.array([[0.3, 0.7]])
    np.testing.assert_allclose(ops.sparse_categorical_crossentropy([1], p), -np.log(p[:, 1]), rtol=1e-6)


def test_the_output_is_named_where_there_are_several():
    class Own(embedcnn.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return SPARSE(y[0], y_pred[0]) + SPARSE(y[1], y_pred[1])

    inputs = embedcnn.Input((3,))
    made = Own(inputs, [layers.Dense(2, "softmax")(inputs), layers.Dense(3, "softmax")(inputs)])
    made.compile("sgd")
    assert np.isfinite(made.train_on_batch(X, [Y, Y + 1]))
    with pytest.raises(ValueError, match=r"^y\[1\]\[1\] = 3 is outside \[0, 3\)"):
        made.train_on_batch(X, [Y, Y + 2])
