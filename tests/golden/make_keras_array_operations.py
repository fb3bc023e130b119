"""Writes keras_array_operations.npz: values of keras.ops that embedcnn has of arrays alone, for the calls of
tests/array_operation_cases.py; and keras_columns.json: boundaries and bins of Discretization. Run by hand,
with JAX.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from array_operation_cases import CASES  # noqa: E402

made = {name: np.asarray(call(keras.ops)) for name, call in CASES.items()}
np.savez_compressed(HERE / "keras_array_operations.npz", **made)

rng = np.random.default_rng(4)
ages = rng.normal(40, 12, size=(300, 1)).astype(np.float32)
asked = np.array([[5.0], [33.0], [40.0], [90.0]], np.float32)
columns = {"ages": ages[:, 0].tolist(), "asked": asked[:, 0].tolist(), "adapted": {}, "modes": {}}
for bins in (2, 5, 16):
    layer = keras.layers.Discretization(num_bins=bins)
    layer.adapt(ages)
    columns["adapted"][bins] = [list(layer.bin_boundaries), np.asarray(layer(asked)).tolist()]
    layer.adapt([ages[:100], ages[100:130], ages[130:]])
    columns["adapted"][f"{bins} in batches"] = [list(layer.bin_boundaries), np.asarray(layer(asked)).tolist()]
for mode in ("int", "one_hot", "multi_hot", "count"):
    layer = keras.layers.Discretization(bin_boundaries=[20.0, 40.0, 60.0], output_mode=mode)
    columns["modes"][mode] = np.asarray(layer(asked)).tolist()
(HERE / "keras_columns.json").write_text(json.dumps(columns))
print(len(made), "arrays by Keras", keras.__version__)
