"""Writes keras_programs.json: the first ten losses of the programs of tests/programs on Keras. Run where
Keras is installed, with the names of programs to add, or none for all:

    KERAS_BACKEND=jax python tests/golden/make_keras_programs.py [name ...]

Not on TensorFlow (but own_train_step, whose train_step has another signature on JAX): there Adam squares the
gradients of a word that occurs twice one by one.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER.parent), str(FOLDER.parent / "programs")]

from programs.running import NAMES, losses_of  # noqa: E402 - found where this script lies

if __name__ == "__main__":
    path = FOLDER / "keras_programs.json"
    names = sys.argv[1:] or NAMES
    found = json.loads(path.read_text()) if sys.argv[1:] and path.exists() else {}
    for name in names:
        found[name] = [float(f"{loss:.8g}") for loss in losses_of(name, "keras")]
        print(name, found[name][0], found[name][-1], flush=True)
    lines = [f'"{name}": {json.dumps(found[name])}' for name in sorted(found)]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")
