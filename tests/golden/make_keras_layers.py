"""Writes keras_layers.npz: outputs, gradients and moving statistics of Keras's layers for layer_cases.py.
Run once, where Keras is installed, with the names of cases to add, or none for all:

python tests/golden/make_keras_layers.py
"""

import pathlib
import sys

import numpy as np
from layer_cases import CASES, MASK, d_out_of, inputs_of, weights_of


def run(name):
    kind, arguments, shapes, masked = CASES[name]
    layer = getattr(keras.layers, kind)(**arguments)
    arrays = [tf.constant(array) for array in inputs_of(name)]
    given = arrays if len(arrays) > 1 else arrays[0]
    layer(given)  # builds it
    layer.set_weights(weights_of(name, [weight.shape for weight in layer.weights]))
    options = {"mask": tf.constant(np.array(MASK, bool))} if masked else {}
    if kind == "BatchNormalization":
        options["training"] = True
    with tf.GradientTape() as tape:
        tape.watch(arrays)
        out = layer(given, **options)
        total = tf.reduce_sum(out * d_out_of(name, tuple(out.shape)))
    learned = [weight.value for weight in layer.trainable_weights]
    gradients = tape.gradient(total, arrays + learned)
    found = {"out": out.numpy()}
    found |= {f"d_x{number}": gradient.numpy() for number, gradient in enumerate(gradients[: len(arrays)])}
    found |= {f"d_w{number}": gradient.numpy() for number, gradient in enumerate(gradients[len(arrays) :])}
    if kind == "BatchNormalization":
        found |= {weight.name: weight.numpy() for weight in layer.weights[-2:]}
    return {f"{name}/{key}": value.astype("float32") for key, value in found.items()}


if __name__ == "__main__":
    import keras
    import tensorflow as tf

    path = pathlib.Path(__file__).with_name("keras_layers.npz")
    values = dict(np.load(path)) if sys.argv[1:] else {}
    for name in sys.argv[1:] or CASES:
        values |= run(name)
    np.savez_compressed(path, **values)
    print(keras.__version__, len(values), "arrays")
