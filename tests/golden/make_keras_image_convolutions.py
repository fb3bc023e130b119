"""Writes keras_image_convolutions.npz: outputs and gradients of Keras's layers, image_convolution_cases.py.
Run once, where Keras with TensorFlow is installed:

python tests/golden/make_keras_image_convolutions.py
"""

import pathlib

import numpy as np
from image_convolution_cases import CASES, d_out_of, input_of, weights_of


def run(name):
    kind, arguments, _ = CASES[name]
    layer = getattr(keras.layers, kind)(**arguments)
    x = tf.constant(input_of(name))
    layer(x)  # builds it
    layer.set_weights(weights_of(name, [weight.shape for weight in layer.weights]))
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = layer(x)
        total = tf.reduce_sum(out * d_out_of(name, tuple(out.shape)))
    gradients = tape.gradient(total, [x, *(weight.value for weight in layer.trainable_weights)])
    found = {"out": out.numpy()}
    found |= {key: one.numpy() for key, one in zip(("d_x", "d_kernel", "d_bias"), gradients, strict=False)}
    return {f"{name}/{key}": value.astype("float32") for key, value in found.items()}


if __name__ == "__main__":
    import keras
    import tensorflow as tf

    values = {}
    for name in CASES:
        values |= run(name)
    np.savez_compressed(pathlib.Path(__file__).with_name("keras_image_convolutions.npz"), **values)
    print(keras.__version__, len(values), "arrays")
