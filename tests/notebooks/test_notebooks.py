"""Every notebook runs from top to bottom, in a fresh kernel."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
NEEDED = ("nbclient", "nbformat", "ipykernel", "matplotlib")
LANGUAGE_MODELS = ("04_character_language_model",)


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, monkeypatch):
    for name in NEEDED:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[test]'")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=800, kernel_name="python3", resources={"metadata": {"path": ROOT}}
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and all(cell.execution_count for cell in code)
    printed = "".join(output.get("text", "") for cell in code for output in cell.outputs)
    if path.stem in LANGUAGE_MODELS:
        bits = float(printed.split("held out: ")[1].split(" bits")[0])
        assert bits < 3 and "the same bits: True" in printed
    else:
        accuracy = float(printed.split("held out: ")[1].split("%")[0])
        assert accuracy > 75


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_small(path):
    assert path.stat().st_size < 200_000
