"""Metrics, losses, optimizers and schedules of the user, saved and loaded: kept by name, or a word why."""

import copy
import pathlib
import pickle

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import losses, metrics, models, optimizers, saving

L = keras.layers
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(20, 3)).astype(np.float32), RNG.integers(0, 2, (20, 1)).astype(np.float32)


class F1(metrics.Metric):
    """As tutorials write one: **kwargs to the base, and no get_config."""

    def __init__(self, threshold=0.5, name="f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        self.hits, self.said, self.there = (self.add_weight(name) for name in ("hits", "said", "there"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        said, there = np.asarray(y_pred) > self.threshold, np.asarray(y_true) > 0.5
        self.hits.assign_add((said & there).sum())
        self.said.assign_add(said.sum())
        self.there.assign_add(there.sum())

    def result(self):
        return 2 * float(self.hits) / max(1.0, float(self.said) + float(self.there))


class Accuracy(metrics.Metric):
    """One that is called as one of the package: never taken for it."""

    def per_example(self, y_true, y_pred):
        return np.full(len(y_true), 7.0)


class Opaque(metrics.Metric):
    """One that no file can hold."""

    def __init__(self, function, name="opaque"):
        super().__init__(name)
        self.rule = function

    def per_example(self, y_true, y_pred):
        return self.rule(y_true, y_pred)


def spread(y_true, y_pred):
    return np.abs(y_true - y_pred).max(axis=-1)


def squared(y_true, y_pred):
    error = y_pred - y_true
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


class Bent(losses.Loss):
    def __init__(self, slope=2.0, **kwargs):
        super().__init__(**kwargs)
        self.slope = slope

    def call(self, y_true, y_pred):
        error = self.slope * (y_pred - y_true)
        return (error**2).mean(axis=-1), 2 * self.slope * error / error.shape[-1]


class Wide(losses.Huber):
    def __init__(self, width=4.0):
        super().__init__(delta=width / 2, name="wide")
        self.width = width


class Halving(optimizers.schedules.LearningRateSchedule):
    def __init__(self, start):
        self.start = start

    def __call__(self, step):
        return self.start / 2 ** int(step)


class Slow(optimizers.Adam):
    def __init__(self, learning_rate=1e-4, **options):
        super().__init__(learning_rate, **options)


def built(loss="binary_crossentropy", optimizer="adam", **settings):
    model = keras.Sequential([keras.Input((3,)), L.Dense(1, activation="sigmoid")], seed=1)
    model.compile(optimizer, loss, **settings)
    model.fit(X, Y, epochs=2, verbose=0)
    return model


def evaluated(model):
    return model.evaluate(X, Y, verbose=0, return_dict=True)


CASES = {
    "instance": ({"metrics": [F1(0.4), "accuracy"]}, {"F1": F1}),
    "number of NumPy": ({"metrics": [F1(np.float32(0.25))]}, {"F1": F1}),
    "class": ({"metrics": ["mae", F1]}, {"F1": F1}),
    "function": ({"metrics": [spread]}, {"spread": spread}),
    "by output": ({"metrics": {"dense": [spread, F1(0.3)]}}, {"F1": F1, "spread": spread}),
    "weighted": ({"weighted_metrics": [spread]}, {"spread": spread}),
    "name of the package": ({"metrics": [Accuracy()]}, {"Accuracy": Accuracy}),
    "loss class": ({"loss": Wide(3.0)}, {"Wide": Wide}),
    "loss with call": ({"loss": Bent(1.5)}, {"Bent": Bent}),
    "loss function": ({"loss": squared}, {"squared": squared}),
    "loss object": ({"loss": losses.FunctionLoss(squared, "sum", name="sq")}, {"squared": squared}),
    "optimizer": ({"optimizer": Slow(1e-3)}, {"Slow": Slow}),
    "schedule": ({"optimizer": optimizers.SGD(Halving(0.5))}, {"Halving": Halving}),
}


def made(case):
    settings = copy.deepcopy(CASES[case][0])
    if case == "by output":
        settings["metrics"] = dict.fromkeys(["output"], settings["metrics"]["dense"])
        x = keras.Input((3,))
        model = keras.Model(x, L.Dense(1, activation="sigmoid", name="output")(x), seed=1)
        model.compile("adam", "binary_crossentropy", **settings)
        return model
    return built(**settings)


@pytest.mark.parametrize("case", CASES)
def test_kept_by_name(tmp_path: pathlib.Path, case):
    model, known = made(case), CASES[case][1]
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects=known)
    assert evaluated(again) == evaluated(model)
    assert again.metrics_names == model.metrics_names
    again.save(tmp_path / "n")  # nothing is lost on the second way either
    third = models.load_model(tmp_path / "n", custom_objects=known)
    for one in (model, again, third):
        one.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    assert evaluated(again) == evaluated(model) == evaluated(third)


@pytest.mark.parametrize("case", CASES)
def test_what_is_not_given_is_named(tmp_path: pathlib.Path, case):
    made(case).save(tmp_path / "m")
    names = "|".join(CASES[case][1])
    with pytest.raises(ValueError, match=rf"is '({names})'.*custom_objects=\{{'({names})'.*compile=False"):
        models.load_model(tmp_path / "m")
    assert models.load_model(tmp_path / "m", compile=False).optimizer is None


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["pickle", "copy", "clone"])
def test_copies_keep_them(case, way):
    model = made(case)
    if way == "clone":
        again = models.clone_model(model)
        again.set_weights(model.get_weights())
    else:
        again = copy.deepcopy(model) if way == "copy" else pickle.loads(pickle.dumps(model))
    assert evaluated(again) == evaluated(model)


def test_registered_names_are_found(tmp_path: pathlib.Path, monkeypatch):
    monkeypatch.setattr("embedcnn.base.custom_objects._registered", {})
    model = built(squared, Slow(), metrics=[F1(0.4), spread])
    model.save(tmp_path / "m")
    for thing in (F1, spread, squared, Slow):
        saving.register_keras_serializable()(thing)
    assert evaluated(models.load_model(tmp_path / "m")) == evaluated(model)


def test_one_of_several_outputs_without_metrics(tmp_path: pathlib.Path):
    x = keras.Input((3,))
    model = keras.Model(x, [L.Dense(1, name="a")(x), L.Dense(1, name="b")(x)])
    model.compile("sgd", "mse", metrics=[None, [spread, keras.metrics.AUC(num_thresholds=7)]])
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"spread": spread})
    again.save(tmp_path / "n")
    again = models.load_model(tmp_path / "n", custom_objects={"spread": spread})
    assert again.metrics_names == model.metrics_names == ["loss", "a_loss", "b_loss", "b_spread", "b_auc"]


def twin():
    def spread(y_true, y_pred):
        return y_pred[:, 0]

    return spread


@pytest.mark.parametrize(
    ("given", "names", "reason"),
    [
        ([lambda y, p: p[:, 0], F1()], ["loss", "f1"], "metric <lambda> .* without a name.*without metric"),
        ([Opaque(spread), F1()], ["loss", "f1"], "Opaque keeps no attribute 'function'.*metric 'opaque'"),
        ([spread, twin()], ["loss", "spread"], "two different things are called 'spread'"),
    ],
)
def test_metrics_that_no_file_holds_are_left_out_with_a_word(tmp_path: pathlib.Path, given, names, reason):
    model = built(metrics=given)
    with pytest.warns(UserWarning, match=reason):
        model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", custom_objects={"F1": F1, "spread": spread})
    assert again.metrics_names == names


def test_a_learning_rate_that_is_a_function_leaves_its_present_value(tmp_path: pathlib.Path):
    model = built(optimizer=optimizers.SGD(lambda step: 0.5 / (1 + step)))
    with pytest.warns(
        UserWarning, match=r"the learning rate is a function; kept is its present value, 0\.1666"
    ):
        model.save(tmp_path / "m")
    assert models.load_model(tmp_path / "m").optimizer.learning_rate == pytest.approx(0.5 / 3)


@pytest.mark.parametrize("wrong", [dict, len, 3, losses.Huber])
def test_what_is_given_must_be_of_the_kind(tmp_path: pathlib.Path, wrong):
    built(metrics=[F1()]).save(tmp_path / "m")
    with pytest.raises(ValueError, match=r"custom_objects\['F1'\] must be a subclass of Metric"):
        models.load_model(tmp_path / "m", custom_objects={"F1": wrong})
