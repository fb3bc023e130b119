"""Keras's names and arguments as programs use them, beyond the layers."""

import io
import zipfile

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, metrics, models, optimizers

RNG = np.random.default_rng(3)
X, Y = RNG.random((16, 3), np.float32), RNG.random((16, 1), np.float32)


def model_of(units=1, loss="mse", **settings):
    model = embedcnn.Sequential(
        [embedcnn.Input((3,)), layers.Dense(4, name="below"), layers.Dense(units, name="above")]
    )
    if loss is not None:
        model.compile("sgd", loss, **settings)
    return model


class MeanDistance(metrics.Metric):
    """As Keras's documentation writes a metric."""

    def __init__(self, name="mean_distance", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", shape=(), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(np.sum(np.abs(y_true - y_pred)))
        self.count.assign_add(np.size(y_true))

    def result(self):
        return self.total / self.count


def test_a_metric_with_weights_of_its_own():
    model = model_of(metrics=[MeanDistance(), "mae"])
    logs = model.fit(X, Y, epochs=3, batch_size=5, verbose=0).history
    np.testing.assert_allclose(
        logs["mean_distance"],
        logs["mean_absolute_error" if "mean_absolute_error" in logs else "mae"],
        rtol=1e-6,
    )
    found = model.evaluate(X, Y, verbose=0, return_dict=True)
    expected = np.abs(model.predict(X, verbose=0) - Y).mean()
    assert found["mean_distance"] == pytest.approx(expected, rel=1e-6)
    metric = MeanDistance()
    metric.update_state(Y, Y + 2)
    state = metric.get_state()
    metric.reset_state()
    assert float(metric.total) == 0
    metric.set_state(state)
    assert float(metric.result()) == pytest.approx(2, rel=1e-6)


class LastShape(metrics.Metric):
    """One whose weight is an array with values of its own, and that resets itself."""

    def __init__(self):
        super().__init__()
        self.seen = self.add_weight("seen", (2,), "ones")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.seen.assign_add([1, 10])

    def result(self):
        return (
            self.seen[1] - self.seen.numpy()[0]
            if hasattr(self.seen, "__getitem__")
            else float(self.seen.value[1])
        )

    def reset_state(self):
        self.seen.assign([0, 0])


def test_a_metric_that_resets_itself():
    metric = LastShape()
    assert metric.name == "last_shape" and metric.seen.numpy().tolist() == [1, 1]
    metric.update_state(Y, Y)
    assert metric.seen.numpy().tolist() == [2, 11]
    metric.reset_state()
    assert metric.seen.numpy().tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"has the shape \(2,\). Received: a value of shape \(3,\)"):
        metric.seen.assign([1, 2, 3])
    with pytest.raises(ValueError, match="no other weight has"):
        metric.add_weight("seen")


def test_mean_and_sum_of_values():
    """Values of keras.metrics.Mean and Sum's documentation."""
    mean, total = metrics.Mean(), metrics.Sum("all")
    mean.update_state([1, 3, 5, 7])
    assert mean.result() == 4
    mean.reset_state()
    mean.update_state([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    assert mean.result() == 2 and mean.name == "mean"
    assert total([1, 3, 5, 7]) == 16 and total([1, 3], sample_weight=[0, 2]) == 22 and total.name == "all"
    assert metrics.Mean()([[1.0, 2.0], [3.0, 4.0]], sample_weight=[0, 1]) == 3.5


@pytest.mark.parametrize(
    ("metric", "plain", "weighted"),
    [
        (metrics.PrecisionAtRecall(0.5), 0.5, 0.5),
        (metrics.RecallAtPrecision(0.8), 0.0, 0.0),
        (metrics.SensitivityAtSpecificity(0.5), 0.5, 0.33333333),
        (metrics.SpecificityAtSensitivity(0.5), 0.66666667, 0.25),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_one_share_where_another_is_large(metric, plain, weighted):
    """Values that Keras 3.15 gave."""
    truth, predicted, weights = [0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8], [1, 1, 2, 2, 1]
    assert metric(truth, predicted) == pytest.approx(plain, rel=1e-6)
    metric.reset_state()
    assert metric(truth, predicted, weights) == pytest.approx(weighted, rel=1e-6)
    metric.reset_state()
    assert metric([0, 0, 1, 1], [0, 0.5, 0.3, 0.9], [1, 0, 0, 1]) == 1
    copy = metrics.get({"class_name": type(metric).__name__, "config": metric.get_config()})
    assert copy(truth, predicted) == pytest.approx(plain, rel=1e-6)


def test_thresholds_that_never_reach_the_bound():
    assert metrics.PrecisionAtRecall(1.0, num_thresholds=3)([1, 1], [0.0, 0.0]) == 0
    with pytest.raises(ValueError, match=r"must be in \[0, 1\]. Received: recall=1.5"):
        metrics.PrecisionAtRecall(1.5)
    model = model_of(1, "binary_crossentropy", metrics=[metrics.PrecisionAtRecall(0.5)])
    assert "precision_at_recall" in model.fit(X, (Y > 0.5) * 1, verbose=0).history


def test_compile_without_a_loss():
    model = model_of(loss=None)
    model.compile("adam")
    assert model.predict(X, verbose=0).shape == (16, 1)
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match="needs a loss: give `loss` to compile"):
            call(X, Y)


def test_the_summary_of_a_chain_that_is_not_built(capsys):
    embedcnn.Sequential([layers.Embedding(9, 4), layers.Dense(2)]).summary()
    printed = capsys.readouterr().out
    assert "not built yet" in printed and "(Embedding)" in printed and " ? " in printed


def test_weights_that_do_not_fit_are_skipped(tmp_path):
    model_of(1).save_weights(tmp_path / "w")
    other = model_of(2)
    before = other.get_weights()
    with pytest.raises(ValueError, match="above/"):
        other.load_weights(tmp_path / "w")
    with pytest.warns(UserWarning, match=r"above/kernel \(4, 2\) \(float32 of shape \(4, 1\)\), above/bias"):
        other.load_weights(tmp_path / "w", skip_mismatch=True)
    after = other.get_weights()
    assert not np.array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[2], before[2])
    other.fit(X, np.repeat(Y, 2, 1), verbose=0)  # the weights are its own


def test_a_learning_rate_is_assigned():
    model = model_of()
    model.optimizer.learning_rate.assign(0)
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.optimizer.learning_rate = 0.25
    rate = model.optimizer.learning_rate
    assert rate == 0.25 and rate.numpy() == np.float32(0.25) and float(rate) == 0.25
    assert isinstance(rate, float) and optimizers.get(model.optimizer).get_config()["learning_rate"] == 0.25


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.HDF5"])
def test_files_with_names_of_keras_say_what_they_are(name, tmp_path):
    with pytest.warns(UserWarning, match="a file of embedcnn, which Keras does not read"):
        model_of().save(tmp_path / name)
    assert models.load_model(tmp_path / name).count_params() == 21


def test_files_of_others_are_recognised(tmp_path):
    for member, owner in (("model.weights.h5", "Keras"), ("archive/data.pkl", "PyTorch")):
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr(member, b"x")
        (tmp_path / owner).write_bytes(data.getvalue())
    (tmp_path / "Keras's").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for owner in ("Keras", "PyTorch", "Keras's"):
        with pytest.raises(ValueError, match=f"is a file of {owner[:5]}"):
            models.load_model(tmp_path / owner)
    with pytest.raises(ValueError, match="is a file of PyTorch"):
        model_of().load_weights(tmp_path / "PyTorch")
    for damaged in ("Keras", "Keras's"):  # read where h5py is there
        with pytest.raises((ValueError, ImportError), match="file of Keras|files of Keras"):
            model_of().load_weights(tmp_path / damaged)
