"""Models whose outputs have names of the user's: everything that goes by output goes by these."""

import numpy as np
import pytest

import embedcnn as keras

L = keras.layers
X = np.random.default_rng(0).random((12, 3)).astype("float32")
Y = {"kind": np.arange(12) % 3, "mark": np.linspace(0, 1, 12)}
LOSS = {"kind": "sparse_categorical_crossentropy", "mark": "mse"}
WEIGHTS = {"kind": np.linspace(0.5, 2, 12), "mark": np.linspace(2, 0.5, 12)}


def model(named=True, **settings):
    keras.utils.set_random_seed(1)
    x = keras.Input((3,), name="x")
    outputs = {
        "kind": L.Dense(3, activation="softmax", name="first")(x),
        "mark": L.Dense(1, name="second")(x),
    }
    made = keras.Model(x, outputs if named else list(outputs.values()), seed=3)
    loss = LOSS if named else list(LOSS.values())
    made.compile("adam", settings.pop("loss", loss), **settings)
    return made


def bits(net):
    return [weight.tobytes() for weight in net.get_weights()]


def test_results_are_dicts():
    ours, listed = model(), model(named=False)
    right = listed.predict(X, verbose=0)
    for found in (
        ours.predict(X, verbose=0),
        ours.predict(X, 5, verbose=0),
        ours(X),
        ours.predict_on_batch(X),
    ):
        assert list(found) == ["kind", "mark"]
        assert all(
            np.allclose(part, other, atol=1e-6) for part, other in zip(found.values(), right, strict=True)
        )
    assert ours.output_shape == {"kind": (None, 3), "mark": (None, 1)}
    assert list(ours.output) == ["kind", "mark"]
    x = keras.Input((3,))
    assert keras.Model(x, L.Add()([ours(x)["mark"], ours(x)["mark"]])).predict(X, verbose=0).shape == (12, 1)


def test_y_losses_metrics_and_weights_go_by_key():
    ours = model(metrics={"kind": ["accuracy"], "mark": ["mae"]}, loss_weights={"kind": 2.0, "mark": 0.5})
    other = model(False, metrics=[["accuracy"], ["mae"]], loss_weights=[2.0, 0.5])
    history = ours.fit(X, Y, sample_weight=WEIGHTS, epochs=2, batch_size=5, verbose=0, validation_split=0.25)
    other.fit(
        X,
        list(Y.values()),
        sample_weight=list(WEIGHTS.values()),
        epochs=2,
        batch_size=5,
        verbose=0,
        validation_split=0.25,
    )
    assert bits(ours) == bits(other)
    assert {"kind_accuracy", "kind_loss", "loss", "mark_loss", "mark_mae"} <= set(history.history)
    assert {"val_kind_accuracy", "val_mark_mae"} <= set(history.history)
    assert ours.evaluate(X, Y, verbose=0) == other.evaluate(X, list(Y.values()), verbose=0)
    assert ours.train_on_batch(X, Y, sample_weight=WEIGHTS) == other.train_on_batch(
        X, list(Y.values()), sample_weight=list(WEIGHTS.values())
    )
    ours.fit(iter([(X, Y, WEIGHTS)]), verbose=0)
    other.fit(iter([(X, list(Y.values()), list(WEIGHTS.values()))]), verbose=0)
    ours.fit(X, Y, class_weight={"kind": {0: 2.0}}, verbose=0, validation_data=(X, Y))
    other.fit(X, list(Y.values()), class_weight={"first": {0: 2.0}}, verbose=0)
    assert bits(ours) == bits(other)


def test_a_key_that_is_none():
    with pytest.raises(ValueError, match=r"loss: no output is called 'first'; outputs: \['kind', 'mark'\]"):
        model(loss={"first": "mse"})
    with pytest.raises(ValueError, match=r"y must have keys out of \['kind', 'mark'\]"):
        model().fit(X, {"kind": Y["kind"], "marks": Y["mark"]}, verbose=0)
    with pytest.raises(ValueError, match=r"sample_weight: no output is called 'first'"):
        model().fit(X, Y, sample_weight={"first": X[:, 0]}, verbose=0)
    x = keras.Input((3,))
    with pytest.raises(TypeError, match="names as keys. Received: the key 1"):
        keras.Model(x, {1: L.Dense(1)(x)})
    with pytest.raises(ValueError, match="a tensor for each key. Received: a list for 'a'"):
        keras.Model(x, {"a": [L.Dense(1)(x)]})


def test_one_output_with_a_key():
    x = keras.Input((3,))
    net = keras.Model(x, {"only": L.Dense(1)(x)})
    net.compile("sgd", {"only": "mse"}, metrics={"only": ["mae"]})
    net.fit(X, {"only": Y["mark"]}, verbose=0)
    assert list(net.predict(X, verbose=0)) == ["only"]


def test_keys_outlive_a_file_a_clone_and_json(tmp_path):
    ours = model()
    ours.fit(X, Y, verbose=0)
    ours.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model")
    for one in (again, keras.models.clone_model(ours), keras.models.model_from_json(ours.to_json())):
        assert list(one.predict(X, verbose=0)) == ["kind", "mark"]
    assert np.array_equal(again.predict(X, verbose=0)["kind"], ours.predict(X, verbose=0)["kind"])
    again.fit(X, Y, verbose=0)
    ours.fit(X, Y, verbose=0)
    assert bits(again) == bits(ours)


@pytest.mark.parametrize(
    "name", ["AUC", "auc", "Precision", "MSE", "mse", "BinaryAccuracy", "accuracy", "acc"]
)
def test_a_metric_is_logged_as_it_was_given(name):
    net = keras.Sequential([keras.Input((3,)), L.Dense(1, activation="sigmoid")])
    net.compile("sgd", "binary_crossentropy", metrics=[name])
    history = net.fit(X, np.arange(12) % 2, verbose=0, validation_split=0.5)
    assert list(history.history) == sorted([name, "loss"]) + sorted([f"val_{name}", "val_loss"])
