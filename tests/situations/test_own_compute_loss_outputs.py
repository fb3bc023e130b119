"""`compute_loss` of a model of several outputs gets y, y_pred and sample_weight in their structure, as Keras
gives them; what its super().compute_loss finds of each output is among the logs.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

RNG = np.random.default_rng(4)
X = RNG.normal(size=(12, 3)).astype(np.float32)
A, B = RNG.normal(size=(12, 1)).astype(np.float32), RNG.normal(size=(12, 2)).astype(np.float32)
WEIGHT = RNG.random(12).astype(np.float32)
WEIGHTS = [RNG.normal(size=shape).astype(np.float32) for shape in ((3, 1), (1,), (3, 2), (2,))]
GIVEN = {
    "list": [A, B],
    "tuple": (A, B),
    "dict": {"a": A, "b": B},
}


def built(cls, form="list", loss="mse", **options):
    inputs = keras.Input((3,))
    a, b = layers.Dense(1, name="a")(inputs), layers.Dense(2, name="b", kernel_regularizer="l2")(inputs)
    model = cls(inputs, {"a": a, "b": b} if form == "dict" else [a, b])
    model.set_weights(WEIGHTS)
    model.compile(keras.optimizers.SGD(0.1), loss, **options)
    return model


def noting(seen, scale=1.0):
    class Noting(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            seen.append((y, y_pred, sample_weight))
            return scale * super().compute_loss(x, y, y_pred, sample_weight)

    return Noting


def shape_of(value):
    if isinstance(value, dict):
        return {name: shape_of(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(shape_of, value))
    return None if value is None else tuple(value.shape)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("form", ["list", "dict"])
@pytest.mark.parametrize("weight", [None, WEIGHT, [WEIGHT, 2 * WEIGHT], {"a": WEIGHT, "b": 2 * WEIGHT}])
def test_each_in_its_structure(form, given, weight):
    seen, y = [], GIVEN[given]
    options = {} if weight is None else {"sample_weight": weight}
    model, plain = built(noting(seen), form), built(keras.Model, form)
    data = {"batch_size": 4, "epochs": 3, "shuffle": False, "verbose": 0}
    found, expected = (one.fit(X, y, **data, **options).history for one in (model, plain))
    assert found.keys() == expected.keys() == {"loss", "a_loss", "b_loss"}
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    for one, other in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert model.evaluate(X, y, verbose=0, return_dict=True) == pytest.approx(
        plain.evaluate(X, y, verbose=0, return_dict=True), rel=1e-5
    )
    both = {"a": (None, 1), "b": (None, 2)}
    of_y = both if given == "dict" else type(y)(both.values())
    of_weight = {"a": (None,), "b": (None,)} if given == "dict" else type(y)(((None,), (None,)))
    shapes = of_y, both if form == "dict" else list(both.values()), None if weight is None else of_weight
    assert shape_of(list(seen[0][:2])) == list(shapes[:2])
    assert shape_of(seen[0][2]) == shapes[2]


def test_what_is_not_asked_for_is_not_among_the_logs():
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean((y["a"] - y_pred["a"]) ** 2) + 0.5 * ops.mean(ops.abs(y_pred["b"]))

    model = built(Own, "dict", loss=None)
    a, b = X @ WEIGHTS[0] + WEIGHTS[1], X @ WEIGHTS[2] + WEIGHTS[3]
    loss = np.mean((A - a) ** 2) + 0.5 * np.mean(np.abs(b))
    assert model.evaluate(X, {"a": A}, verbose=0, return_dict=True) == pytest.approx({"loss": loss}, rel=1e-5)
    value, gradients = model.compute_gradients(X, {"a": A})
    assert value == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(gradients["a/kernel"], X.T @ (a - A) * 2 / 12, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(gradients["b/kernel"], 0.5 * X.T @ np.sign(b) / 24, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["list", "dict"])
def test_without_y(form):
    """What learns from its inputs alone: arrays, and batches (x,) of an iterable."""

    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            assert y is None and sample_weight is None
            first, second = y_pred.values() if isinstance(y_pred, dict) else y_pred
            return ops.mean((first - x[:, :1]) ** 2) + ops.mean((second - x[:, :2]) ** 2)

    one, other = built(Own, form, loss=None), built(keras.Model, form)
    found = one.fit(X, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
    other.compile(keras.optimizers.SGD(0.1), "mse")
    other.get_layer("b").kernel.regularizer = None
    expected = other.fit(X, [X[:, :1], X[:, :2]], batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(found, expected.history["loss"], rtol=1e-5)
    again = built(Own, form, loss=None)
    batches = keras.data.Dataset.from_tensor_slices((X,)).batch(4)
    assert again.fit(batches, epochs=2, verbose=0).history["loss"] == found


def test_a_form_of_its_own_in_validation():
    seen = []
    model = built(noting(seen))
    model.fit(X, [A, B], validation_data=(X, {"a": A, "b": B}), epochs=2, verbose=0)
    assert {type(one[0]) for one in seen} == {list, dict}


def test_a_loss_of_one_output_only():
    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight) + 0.1 * ops.mean(y_pred[1] ** 2)

    model = built(Own, loss=["mse", None])
    history = model.fit(X, A, epochs=1, batch_size=12, verbose=0).history
    a, b = X @ WEIGHTS[0] + WEIGHTS[1], X @ WEIGHTS[2] + WEIGHTS[3]
    penalty = 0.01 * np.sum(WEIGHTS[2] ** 2)
    expected = np.mean((a - A) ** 2) + penalty + 0.1 * np.mean(b**2)
    assert history == {"loss": [pytest.approx(expected, rel=1e-5)]}


def test_own_metrics_and_steps_see_the_structure_too():
    class Counted(keras.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.mean = keras.metrics.Mean(name="of_a")

        @property
        def metrics(self):
            return [self.mean]

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            self.mean.update_state(ops.mean(y["a"]))
            return super().compute_loss(x, y, y_pred, sample_weight)

    logs = built(Counted).evaluate(X, {"a": A, "b": B}, verbose=0, return_dict=True)
    assert logs["of_a"] == pytest.approx(A.mean(), rel=1e-4)

    class Stepped(keras.Model):
        def train_step(self, data):
            x, y = data
            assert set(x) == {"words"} and isinstance(y, tuple)
            return super().train_step(data)

    inputs = keras.Input((3,), name="words")
    model = Stepped(inputs, [layers.Dense(1)(inputs), layers.Dense(2)(inputs)])
    model.compile("sgd", "mse")
    model.fit({"words": X}, (A, B), epochs=1, verbose=0)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"compute_loss\(\) needs the target of output 'b' in `y`"):
        built(noting([])).fit(X, {"a": A}, verbose=0)
    with pytest.raises(ValueError, match="metrics: output 'b' has no y to compare with"):
        built(noting([]), loss=["mse", None], metrics=[[], ["mae"]]).fit(X, {"a": A}, verbose=0)
    model = built(keras.Model, "dict")
    with pytest.raises(ValueError, match=r"`y_pred` must have the keys \['a', 'b'\]"):
        model.compute_loss(y={"a": A, "b": B}, y_pred={"a": A})


@pytest.mark.parametrize("masked", [False, True])
def test_a_mask_counts_in_it(masked):
    """Steps that the mask leaves out have no loss, and are no numbers that a formula could stumble over."""
    ids = RNG.integers(1, 9, (6, 5))
    ids[0, 3:], ids[3, 1:] = 0, 0
    y = RNG.integers(0, 3, (6, 5))

    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return keras.losses.SparseCategoricalCrossentropy()(y, y_pred, sample_weight)

    def trained(cls):
        inputs = keras.Input((5,), dtype="int32")
        x = layers.LSTM(3, return_sequences=True)(layers.Embedding(9, 4, mask_zero=masked)(inputs))
        model = cls(inputs, layers.Dense(3, activation="softmax")(x), seed=3)
        random = np.random.default_rng(2)
        model.set_weights([random.normal(size=one.shape) for one in model.get_weights()])
        model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model.fit(ids, y, epochs=3, verbose=0, shuffle=False).history, model.get_weights()

    (found, weights), (expected, plain) = trained(Own), trained(keras.Model)
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-5)
    for one, other in zip(weights, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("y", [np.array([0, 2, 1]), np.array([[0], [2], [1]]), np.eye(3)[[0, 2, 1]]])
def test_accuracy_follows_from_the_shape_of_y(y):
    """Where no loss says what y is: also with a loss that is a function."""

    class Own(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(y_pred)

    def function(y_true, y_pred):
        return ops.mean(y_pred, -1)

    for cls, loss in ((Own, None), (keras.Model, function)):
        inputs = keras.Input((3,))
        model = cls(inputs, layers.Activation("softmax")(inputs))
        model.compile("sgd", loss, metrics=["accuracy"])
        x = np.array([[2.0, 1, 0], [0, 1, 2], [2, 1, 0]])
        assert model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"] == pytest.approx(2 / 3)


class ByKeys(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean((y["a"] - y_pred["a"]) ** 2) + ops.mean((y["b"] - y_pred["b"]) ** 2)


class ByNumbers(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return ops.mean((y[0] - y_pred[0]) ** 2) + ops.mean((y[1] - y_pred[1]) ** 2)


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize(("cls", "form"), [(ByKeys, "dict"), (ByNumbers, "list")])
def test_targets_in_another_form_than_the_outputs(cls, form, given):
    data = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    model, plain = built(cls, form, loss=None), built(cls, form, loss=None)
    found = model.fit(X, GIVEN[given], **data).history["loss"]
    expected = plain.fit(X, GIVEN["dict" if form == "dict" else "list"], **data).history["loss"]
    assert found == expected
    a, b = X @ WEIGHTS[0] + WEIGHTS[1], X @ WEIGHTS[2] + WEIGHTS[3]
    first = built(cls, form, loss=None).test_on_batch(X, GIVEN[given])
    assert first == pytest.approx(np.mean((A - a) ** 2) + np.mean((B - b) ** 2), rel=1e-5)


def test_a_target_that_is_missing_is_named_as_elsewhere():
    for y in ({"a": A}, [A, None]):
        for cls, form in (
            (keras.Model, "list"),
            (keras.Model, "dict"),
            (ByKeys, "dict"),
            (ByNumbers, "list"),
        ):
            with pytest.raises(ValueError, match=r"^y\[1\] is missing. Received: y\[1\]=None$"):
                built(cls, form).fit(X, y, verbose=0)


def test_errors_of_its_own_stay():
    class Wrong(keras.Model):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return {"a": y_pred["a"]}["c"]

    for y in GIVEN.values():
        with pytest.raises(KeyError, match="^'c'$"):
            built(Wrong, "dict").fit(X, y, verbose=0)
