"""Every notebook runs from top to bottom, in a fresh kernel."""

import base64
import json
import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted(ROOT.glob("notebooks/*.ipynb"))
NEEDED = ("nbclient", "nbformat", "ipykernel", "matplotlib")
ITS_DATA = {"06_language_identification": "django"}
"""Packages with the data of a notebook, which the tests do without."""
PHOTOGRAPHS = Path(os.environ.get("EMBEDCNN_SHARED", ROOT.parent / "shared"), "data", "images", "sign_digits")
LANGUAGE_MODELS = ("04_character_language_model",)
SHOWN = {
    "01_text_classification": (r"sentences with these n-grams (\d+)% have the label", 80, 100),
    "02_word_vectors": (r"25 words, (\d+) of them over another", 0, 0),
    "03_fine_tuning": (r"fine-tuning \(.*\) gains \+(\d+\.\d) points over frozen vectors", 1, 20),
}
"""What a notebook says of itself: a number, and between what it lies."""


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path, monkeypatch):
    for name in NEEDED:
        pytest.importorskip(name, reason=f"{name} is not installed: pip install -e '.[test]'")
    if path.stem in ITS_DATA:
        name = ITS_DATA[path.stem]
        pytest.importorskip(name, reason=f"{name}, whose data it reads, is not installed: pip install {name}")
    if path.stem == "07_photographs" and PHOTOGRAPHS.is_dir():
        monkeypatch.setenv("EMBEDCNN_PHOTOGRAPHS", str(PHOTOGRAPHS))
    elif path.stem == "07_photographs":
        pytest.importorskip("sklearn", reason="neither photographs nor scikit-learn's digits are at hand")
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
        found = re.search(r"held out: ([\d.]+)%", printed)
        assert found and float(found[1]) > (87 if path.stem == "01_text_classification" else 75)
    if path.stem in SHOWN:
        pattern, least, most = SHOWN[path.stem]
        assert least <= float(re.search(pattern, printed)[1]) <= most


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_outputs_are_small(path):
    assert path.stat().st_size < 200_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_what_a_notebook_asks_for_is_at_hand(path):
    text = path.read_text(encoding="utf-8")
    assert "`pip install '.[plot]'`" in text and "embedcnn[" not in text
    assert not re.search(r"\.\./|/home/|/root/|/tmp/|EMBEDCNN_SHARED", text)


def test_the_map_of_words_is_large_enough_to_read():
    notebook = json.loads((ROOT / "notebooks/02_word_vectors.ipynb").read_text(encoding="utf-8"))
    data = [part.get("data", {}) for cell in notebook["cells"] for part in cell.get("outputs", [])]
    images = [base64.b64decode("".join(one["image/png"])) for one in data if "image/png" in one]
    assert len(images) == 1 and int.from_bytes(images[0][16:20], "big") >= 640  # the width in its header
