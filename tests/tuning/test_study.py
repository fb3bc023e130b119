"""tune, the study of the default classifier's networks: it ends in time, goes on from its file, keeps the
best.
"""

import numpy as np
import pytest
from bags import reviews

from embedcnn.classifier import Settings, train_portfolio
from embedcnn.cli import main
from embedcnn.data.labelled import LabelledTexts
from embedcnn.models import load_model
from embedcnn.tuning import study as module
from embedcnn.tuning import tune

optuna = pytest.importorskip("optuna")
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


def noisy(count=240, seed=0):
    """Reviews of which a sixth has another label than its words say, so that there is something to gain."""
    texts, y = reviews.draw(count, seed=seed, longest=20)
    wrong = np.random.default_rng(seed).uniform(size=count) < 1 / 6
    y = [("bad" if one == "good" else "good") if flip else one for one, flip in zip(y, wrong, strict=True)]
    return LabelledTexts([text or "film" for text in texts], y)


TEXTS = noisy()
FEW = Settings(epochs=4)


def test_the_first_trial_is_the_default():
    found = tune(TEXTS, settings=FEW, seconds=None, trials=1)
    (only,) = found.trials
    assert only["state"] == "complete" and only["model"] == "avg" and only["avg_learning_rate"] == 0.005
    default = train_portfolio(TEXTS, settings=FEW)
    np.testing.assert_array_equal(
        found.model.predict(TEXTS.texts, verbose=0), default.model.predict(TEXTS.texts, verbose=0)
    )
    assert found.choice[:-1] == default.choice


def test_trials_alone_are_repeatable_and_kept(tmp_path):
    stored = tune(TEXTS, settings=FEW, seconds=None, trials=4, storage=tmp_path / "study.db")
    free = tune(TEXTS, settings=FEW, seconds=None, trials=4)
    before = stored.trials
    assert before == free.trials and len(free.trials) == 4
    assert {trial["model"] for trial in free.trials} == {"avg", "cnn"}
    assert f"log loss {min(one['value'] for one in free.trials):.4f}" in free.choice[-1]
    np.testing.assert_array_equal(*(one.model.predict(TEXTS.texts, verbose=0) for one in (stored, free)))

    again = tune(TEXTS, settings=FEW, seconds=None, trials=1, storage=tmp_path / "study.db")
    assert again.trials[:4] == before and len(again.trials) == 5
    with pytest.raises(ValueError, match="is of other texts"):
        tune(noisy(seed=1), settings=FEW, seconds=None, trials=1, storage=tmp_path / "study.db")
    tune(noisy(seed=1), settings=FEW, seconds=None, trials=1, storage=tmp_path / "study.db", study_name="2")


def test_the_best_networks_are_recalled(tmp_path, monkeypatch):
    stored = tune(TEXTS, settings=FEW, seconds=None, trials=4, storage=tmp_path / "study.db")
    monkeypatch.setattr(module._Study, "_one", lambda self, states: None)  # nothing new is found
    again = tune(TEXTS, settings=FEW, seconds=None, trials=1, storage=tmp_path / "study.db")
    np.testing.assert_array_equal(*(one.model.predict(TEXTS.texts, verbose=0) for one in (stored, again)))


def test_it_ends_when_there_is_no_time_left(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now.__setitem__(0, now[0] + 1) or now[0])
    found = tune(TEXTS, settings=FEW, seconds=14, trials=50)
    assert 2 <= len(found.trials) < 8 and found.model is not None


def test_ctrl_c_keeps_the_best(monkeypatch):
    one = module._Study._one

    def third_is_interrupted(self, states):
        if len(self.study.trials) == 2:
            raise KeyboardInterrupt
        one(self, states)

    monkeypatch.setattr(module._Study, "_one", third_is_interrupted)
    found = tune(TEXTS, settings=FEW, seconds=None, trials=9)
    assert found.interrupted and len(found.trials) == 2
    assert found.model.predict_labels(["so good"]) == ["good"]


def test_trials_that_fall_behind_end_early(monkeypatch):
    monkeypatch.setattr(module, "STARTUP", 1)
    monkeypatch.setattr(module, "WARMUP", 0)
    found = tune(TEXTS, settings=FEW, seconds=None, trials=6)
    pruned = [trial for trial in found.trials if trial["state"] == "pruned"]
    assert pruned and all(trial["epochs"] < 4 for trial in pruned)
    assert f"{len(pruned)} of them ended early" in found.choice[-1]


def test_development_texts_and_vectors(tmp_path):
    path = tmp_path / "vectors.txt"
    words = [*reviews.GOOD, *reviews.BAD, *reviews.MIXED]
    path.write_text("".join(f"{word} {i} 1 {i % 3}\n" for i, word in enumerate(words)))
    found = tune(TEXTS, noisy(60, seed=2), FEW, seconds=None, trials=3, vectors=path)
    assert found.trials[0]["model"] == "cnn" and "cnn_dimensions" not in found.trials[0]
    assert "the file given (60 texts)" in found.choice[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": None}, "`seconds` or `trials`"),
        ({"seconds": -1.0}, "`seconds`"),
        ({"trials": 0}, "`trials`"),
        ({"development": LabelledTexts(["a"], ["other"])}, "'other'"),
    ],
    ids=repr,
)
def test_misuse(options, message):
    with pytest.raises(ValueError, match=message):
        tune(TEXTS, **options)


def test_without_optuna(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(ImportError, match=r"embedcnn\[tune\]"):
        tune(TEXTS, trials=1)


def test_the_options_of_a_study(tmp_path, monkeypatch):
    asked = []

    def record(learnt, valid, settings, **given):
        asked.append({"valid": valid and len(valid), "seed": settings.seed, **given})
        raise ValueError("enough")

    monkeypatch.setattr(module, "tune", record)
    data = tmp_path / "reviews.csv"
    data.write_text("text,label\n" + "so good,good\nso bad,bad\n" * 20)
    base = ["tune", str(data), "--out", str(tmp_path / "out")]
    for options, name, value in (
        ([], "seconds", 60.0),
        (["--time", "3"], "seconds", 3.0),
        (["--trials", "4"], "trials", 4),
        (["--trials", "4"], "seconds", None),
        (["--valid", str(data)], "valid", 40),
        (["--storage", "s.db"], "storage", "s.db"),
        (["--storage", "s.db"], "study_name", "embedcnn"),
        (["--storage", "s.db", "--study", "2"], "study_name", "2"),
    ):
        assert main([*base, *options]) == 1
        assert asked[-1][name] == value


def test_the_command(tmp_path, capsys):
    data, out = tmp_path / "reviews.csv", tmp_path / "out.embedcnn"
    rows = (f'"{text}",{label}\n' for text, label in TEXTS if '"' not in text)
    data.write_text("text,label\n" + "".join(rows))
    study = [str(data), "--trials", "1", "--storage", str(tmp_path / "s.db"), "--out", str(out)]
    assert main(["tune", *study]) == 0
    said = capsys.readouterr().out
    assert "trial 0: log loss" in said and "study: 1 trials" in said and "accuracy" in said
    assert load_model(out).predict_labels(["so good"]) == ["good"]
