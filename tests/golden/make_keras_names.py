"""Writes keras_names.json: the public names of Keras's modules. Run by hand."""

import json
import os
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras  # noqa: E402

MODULES = (
    "layers ops random losses metrics optimizers optimizers.schedules callbacks initializers regularizers "
    "constraints activations utils preprocessing preprocessing.image preprocessing.sequence datasets models "
    "saving"
)
names = {"": sorted(name for name in dir(keras) if not name.startswith("_") and name != "src")}
for module in MODULES.split():
    found = keras
    for part in module.split("."):
        found = getattr(found, part)
    names[module] = sorted(name for name in dir(found) if not name.startswith("_"))
path = Path(__file__).resolve().parent / "keras_names.json"
path.write_text(json.dumps({"version": keras.__version__, "names": names}, indent=0))
print({module: len(own) for module, own in names.items()})
