"""Writes keras_operations.npz: values of keras.ops, gradients of their sum weighted by d_out (JAX), on the
arrays that tests/operation_cases.py draws, and results of Keras's attention layers. Run by hand, with JAX.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "jax")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import jax  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from operation_cases import ATTENTIONS, CASES, arrays_for, attention_data, weights_for  # noqa: E402

made = {}
for name, (layer, options, call, query, value) in ATTENTIONS.items():
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
for name, (function, shapes) in CASES.items():
    for number, shape in enumerate(shapes):
        arrays = arrays_for(name, shape)
        out = np.asarray(function(keras.ops, *arrays))
        made[f"{name}/{number}/value"] = out.astype(np.float32)
        if out.dtype == np.float32:
            d_out = np.random.default_rng(7).normal(size=out.shape).astype(np.float32)

            def total(*given, function=function, d_out=d_out):
                return (function(keras.ops, *given) * d_out).sum()

            gradients = jax.grad(total, argnums=tuple(range(len(arrays))))(*arrays)
            for place, gradient in enumerate(gradients):
                made[f"{name}/{number}/gradient{place}"] = np.asarray(gradient, np.float32)
np.savez_compressed(HERE / "keras_operations.npz", **made)
print(len(made), "arrays by Keras", keras.__version__)
