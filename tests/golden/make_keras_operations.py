"""Writes keras_operations.npz: values of keras.ops, gradients of their sum weighted by d_out, on the arrays
that tests/operation_cases.py draws, and results of Keras's attention layers. Run by hand, with TensorFlow, as
JAX compiles each operation for each shape; with the names of cases to add, or none for all.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from operation_cases import ATTENTIONS, CASES, arrays_for, attention_data, weights_for  # noqa: E402


def add_attention(name):
    """What Keras's attention layer gives, without masks and with them."""
    layer, options, call, query, value = ATTENTIONS[name]
    for masked in (False, True):
        q, v, q_mask, v_mask = attention_data(query, value)
        own = getattr(keras.layers, layer)(**options)
        if layer == "MultiHeadAttention":
            masks = {"query_mask": q_mask, "value_mask": v_mask} if masked else {}
            own(q, v)
            own.set_weights(weights_for([weight.shape for weight in own.weights]))
            out = own(q, v, **masks, **call)
        else:
            own([q, v])
            own.set_weights(weights_for([weight.shape for weight in own.weights]))
            out = own([q, v], mask=[q_mask, v_mask] if masked else None, **call)
        kept = q_mask[:, :, None] if masked else 1.0
        made[f"{name}/{int(masked)}"] = np.asarray(out) * kept


def add_case(name):
    """Values of an operation, and gradients of their sum weighted by d_out."""
    function, shapes = CASES[name]
    for number, shape in enumerate(shapes):
        arrays = [tf.constant(array) for array in arrays_for(name, shape)]
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            out = tf.convert_to_tensor(function(keras.ops, *arrays))
            d_out = np.random.default_rng(7).normal(size=out.shape).astype(np.float32)
            total = tf.reduce_sum(out * d_out) if out.dtype == tf.float32 else tf.constant(0.0)
        made[f"{name}/{number}/value"] = out.numpy().astype(np.float32)
        for place, gradient in enumerate(tape.gradient(total, arrays)):
            if gradient is not None:
                made[f"{name}/{number}/gradient{place}"] = tf.convert_to_tensor(gradient).numpy()


path = HERE / "keras_operations.npz"
names = sys.argv[1:] or [*CASES, *ATTENTIONS]
made = dict(np.load(path)) if sys.argv[1:] else {}
for name in names:
    (add_case if name in CASES else add_attention)(name)
np.savez_compressed(path, **made)
print(len(made), "arrays by Keras", keras.__version__)
