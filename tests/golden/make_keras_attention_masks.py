"""Writes keras_attention_masks.npz: Keras's attention layers under masks that are arguments of the call, and
with a key of its own (tests/attention_mask_cases.py). Run by hand, with Keras.
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
from attention_mask_cases import MASKED, drawn  # noqa: E402
from operation_cases import weights_for  # noqa: E402

made = {}
for name, (layer, options, call, keyed) in MASKED.items():
    query, value, key, masks = drawn(name)
    own = getattr(keras.layers, layer)(**options)
    read = [query, value, key] if keyed else [query, value]
    if layer == "MultiHeadAttention":
        own.build(*(array.shape for array in read))
        own.set_weights(weights_for([weight.shape for weight in own.weights]))
        out = own(*read, **{argument: masks[argument] for argument in call})
    else:
        own(read)
        own.set_weights(weights_for([weight.shape for weight in own.weights]))
        names = ("query_mask", "value_mask", "key_mask")[: len(read)]
        out = own(read, mask=[masks[argument] if argument in call else None for argument in names])
    made[name] = np.asarray(out)
np.savez_compressed(HERE / "keras_attention_masks.npz", **made)
print(len(made), "arrays by Keras", keras.__version__)
