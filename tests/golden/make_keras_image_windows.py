"""Writes keras_image_windows.npz: outputs, gradients and moving statistics of Keras's layers for
image_window_cases.py. Run once, where Keras is installed:

python tests/golden/make_keras_image_windows.py
"""

import pathlib

import numpy as np
from image_window_cases import CASES, d_out_of, input_of, weights_of


def run(name):
    kind, arguments, _ = CASES[name]
    layer, x = getattr(keras.layers, kind)(**arguments), tf.constant(input_of(name))
    layer(x)  # builds it
    layer.set_weights(weights_of(name, [weight.shape for weight in layer.weights]))
    options = {"training": True} if kind == "BatchNormalization" else {}
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = layer(x, **options)
        total = tf.reduce_sum(out * d_out_of(name, tuple(out.shape)))
    learned = [weight.value for weight in layer.trainable_weights]
    d_x, *gradients = tape.gradient(total, [x, *learned])
    found = {"out": out, "d_x": d_x, **{f"d_w{number}": one for number, one in enumerate(gradients)}}
    found |= {weight.name: weight for weight in layer.non_trainable_weights}
    return {f"{name}/{key}": value.numpy().astype("float32") for key, value in found.items()}


if __name__ == "__main__":
    import keras
    import tensorflow as tf

    values = {}
    for name in CASES:
        values |= run(name)
    path = pathlib.Path(__file__).with_name("keras_image_windows.npz")
    np.savez_compressed(path, **values)
    print(keras.__version__, len(values), "arrays", path.stat().st_size, "bytes")
