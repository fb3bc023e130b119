"""Programs written for Keras, in the manner of keras.io's examples of texts, run with their imports alone
changed: tests/keras_programs/*.txt. Each has assertions of its own, which hold for any seed, and sets one,
as it is a process of its own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = sorted((ROOT / "tests" / "keras_programs").glob("*.txt"))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_of_keras_runs_with_its_imports_changed(path, tmp_path):
    text = re.sub(r"^import keras$", "import embedcnn as keras", path.read_text(), flags=re.M)
    text = re.sub(r"^from keras\b", "from embedcnn", text, flags=re.M)
    assert "import embedcnn as keras" in text
    assert re.search(r"^keras\.utils\.set_random_seed\(\d+\)$", text, flags=re.M), "it draws anew each time"
    (tmp_path / "program.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
