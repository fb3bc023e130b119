"""Writes keras_recurrent.safetensors: outputs and gradients of Keras's recurrent layers, and weights after
steps of training under regularizers and constraints. Run once, where Keras and safetensors are installed:

python tests/golden/make_keras_recurrent.py
"""

import pathlib

import keras
import numpy as np
import recurrent_cases as cases
import tensorflow as tf
from safetensors.numpy import save_file


def computed(cell, name):
    x, mask, states, weights = cases.numbers(cell, name)
    layer = cases.build(keras.layers, cell, name)
    layer.build(x.shape)
    layer.set_weights(weights)
    x, states = tf.constant(x), [tf.constant(state) for state in states]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        options = {"initial_state": cases.nested_states(cell, states)} if states else {}
        out = layer(x, mask=None if mask is None else tf.constant(mask), **options)
        outs = keras.tree.flatten(out)
        total = 0.0
        for number, one in enumerate(outs):
            factor = cases.output_weights(tuple(one.shape), number)
            if mask is not None and one.shape.rank == 3:  # masked steps weigh nothing, as in a loss
                turned = mask[:, ::-1] if cases.SETTINGS[name].get("go_backwards") else mask
                factor = factor * turned[:, :, None]
            total += tf.reduce_sum(one * factor)
    gradients = tape.gradient(total, [x, *states, *layer.trainable_variables])
    arrays = {f"output {n}": one.numpy() for n, one in enumerate(outs)}
    return arrays | {f"gradient {n}": one.numpy() for n, one in enumerate(gradients)}


def trained(name):
    model = cases.training_model(keras, name)
    x, y = cases.training_data(model.output_shape)
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    arrays = {f"weight {n}": one for n, one in enumerate(model.get_weights())}
    return arrays | {"loss": np.array(history.history["loss"])}


if __name__ == "__main__":
    stored = {}
    for cell, name in cases.CASES:
        for label, array in computed(cell, name).items():
            stored[f"{cell}/{name}/{label}"] = np.ascontiguousarray(array, np.float32)
    for name in cases.TRAINED:
        for label, array in trained(name).items():
            stored[f"trained/{name}/{label}"] = np.ascontiguousarray(array, np.float32)
    path = pathlib.Path(__file__).with_name("keras_recurrent.safetensors")
    save_file(stored, path, {"keras": keras.__version__})
    print(len(stored), "arrays,", path.stat().st_size, "bytes")
