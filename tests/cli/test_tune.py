"""`embedcnn tune` with --grid, which needs no Optuna, and its misuse; tests/tuning has the study."""

import pytest

from embedcnn.cli import main
from embedcnn.models import load_model


def test_a_grid(pets, tmp_path, capsys):
    out = tmp_path / "out.embedcnn"
    grid = ["--grid", "learning_rate=0.0001,0.01", "--grid", "epochs=3", "--grid", "kernel_sizes=(1,2),"]
    assert main(["tune", str(pets), "--out", str(out), "--folds", "2", *grid]) == 0
    said = capsys.readouterr().out
    assert "score" in said and "1/2 {'learning_rate': 0.0001" in said and "accuracy" in said
    assert set(load_model(out).predict_labels(["purrs", "barks"])) <= {"cat", "dog"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--grid", "filters"], "NAME=VALUE"),
        (["--grid", "filters=1", "--grid", "filters=2"], "twice"),
        (["--grid", "filterz=1"], "did you mean 'filters'"),
        (["--grid", "filters=1", "--trials", "3"], "--trials: has no meaning with --grid"),
        (["--grid", "filters=1", "--time", "3"], "--time: has no meaning with --grid"),
        (["--grid", "filters=1", "--storage", "s.db"], "--storage: has no meaning with --grid"),
        (["--grid", "filters=1", "--study", "s"], "--study: has no meaning with --grid"),
        (["--folds", "3"], "--folds: is for --grid"),
        (["--study", "s"], "--study: is the name of a study in --storage"),
        (["--freeze"], "--vectors"),
    ],
    ids=repr,
)
def test_misuse(pets, tmp_path, capsys, arguments, message):
    assert main(["tune", str(pets), "--out", str(tmp_path / "out"), *arguments]) == 1
    assert message in capsys.readouterr().err
