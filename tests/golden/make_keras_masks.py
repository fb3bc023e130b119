"""Writes keras_masks.json: what Keras makes of sequences whose masks differ, and of Masking behind layers.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_masks.py``.

Here a masked step is a vector of zeros, in Keras whatever the layers made of padding: row 0 of a table, say.
So that row is zeros in the cases where Keras reads it (``ZEROS``), and only one step is trained.
"""

import json
from pathlib import Path

import numpy as np

FIRST = [[3, 0, 5, 2, 0, 0], [0, 0, 1, 4, 6, 2], [2, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]]
SECOND = [[1, 4, 6, 0, 0, 0], [2, 3, 0, 5, 0, 0], [0, 0, 0, 0, 5, 1], [0, 2, 3, 0, 0, 0]]
TARGETS = [[0.5], [-1.0], [2.0], [0.1]]
KINDS = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"]
ZEROS = ("Add", "Subtract", "Average", "Concatenate")
#: name -> (kind, for each embedding whether it masks 0, which input it reads)
MERGES = {
    **{kind: (kind, (True, True), (0, 1)) for kind in KINDS},
    **{f"{kind} unmasked first": (kind, (False, True), (0, 1)) for kind in KINDS},
    **{f"{kind} unmasked last": (kind, (True, False), (0, 1)) for kind in KINDS},
    **{f"{kind} three": (kind, (True, True, True), (0, 1, 0)) for kind in KINDS if kind != "Subtract"},
}
#: name -> mask_value, units of the layer before (relu, or none)
MASKINGS = {"input": (0.0, 0), "relu": (0.0, 2), "input one": (1.0, 0)}


#: name -> weights of examples, of steps or none; the metrics of `METRICS` are taken with each
WEIGHTS = {
    "none": None,
    "examples": [[0.5], [2.0], [1.0], [3.0]],
    "steps": [[0.5, 2, 1, 3, 1, 2], [1, 1, 0, 2, 0.5, 0], [2, 1, 7, 1, 1, 1], [1, 2, 3, 4, 5, 6]],
}
#: units of the output -> loss, metrics
METRICS = {
    3: ("sparse_categorical_crossentropy", ["accuracy", "sparse_categorical_crossentropy"]),
    1: ("binary_crossentropy", ["accuracy", "mse", "mae", "binary_crossentropy"]),
}


def drawn(shapes, seed=1):
    random = np.random.RandomState(seed)
    return [random.uniform(-0.8, 0.8, shape).astype("float32") for shape in shapes]


def finish(package, inputs, x):
    """A model on top of a sequence, and the layers that have weights above it; those below are drawn too."""
    layers = package.layers
    parts = [layers.LSTM(2), layers.Dense(1)]
    both = layers.Concatenate()([parts[0](x), layers.GlobalAveragePooling1D()(x)])
    model = package.Model(inputs, parts[1](both))
    for layer in model.layers:
        layer.set_weights(drawn([w.shape for w in layer.get_weights()]))
    model.compile(package.optimizers.SGD(0.1), "mse")
    return model, parts


def merge_model(package, name):
    """The model, and its layers with weights: an embedding for each input, merged."""
    layers = package.layers
    kind, masks, reads = MERGES[name]
    inputs = [package.Input((6,), dtype="int32") for _ in range(2)]
    tables = [layers.Embedding(7, 3, mask_zero=mask) for mask in masks]
    made = [table(inputs[read]) for table, read in zip(tables, reads, strict=True)]
    merged = getattr(layers, kind)()(made)
    model, parts = finish(package, inputs, merged)
    for table, mask in zip(tables, masks, strict=True):
        if kind in ZEROS and mask:
            value = table.get_weights()[0]
            value[0] = 0
            table.set_weights([value])
    return model, [*tables, *parts]


def masking_model(package, name):
    """The same for Masking on an input, or behind a Dense layer."""
    layers = package.layers
    value, units = MASKINGS[name]
    x = given = package.Input((6, 3))
    below = [layers.Dense(units, activation="relu", use_bias=False)] if units else []
    for layer in below:
        x = layer(x)
    model, parts = finish(package, given, layers.Masking(value)(x))
    return model, [*below, *parts]


def step_model(package, units):
    """A prediction for every step of a text, with and without the weights of the steps in metrics."""
    layers = package.layers
    tokens = package.Input((6,), dtype="int32")
    x = layers.LSTM(2, return_sequences=True)(layers.Embedding(7, 3, mask_zero=True)(tokens))
    model = package.Model(tokens, layers.Dense(units, activation="softmax" if units > 1 else "sigmoid")(x))
    for number, layer in enumerate(model.layers):
        layer.set_weights([2 * w for w in drawn([w.shape for w in layer.get_weights()], number)])
    loss, metrics = METRICS[units]
    metrics = [*metrics, package.metrics.MeanSquaredError(name="own")] if units == 1 else metrics
    model.compile("sgd", loss, metrics=metrics, weighted_metrics=metrics[:1])
    return model


def step_data(units, weights):
    """Texts, targets and weights, the first batch without a fully masked text."""
    y = np.random.RandomState(3).randint(0, max(units, 2), (4, 6, 1)[: 3 if units == 1 else 2])
    return np.array(FIRST, "int32"), y, None if weights is None else np.array(weights, "float32")


def masking_data(name):
    x = drawn([(4, 6, 3)], 2)[0]
    if MASKINGS[name][1] == 0:  # some steps are the mask's value, the others are not
        x = np.where(np.array(FIRST)[:, :, None] == 0, np.float32(MASKINGS[name][0]), x)
        x[3, 2] = 0.3
    return x


def merge_data():
    first, second = np.array(FIRST, "int32"), np.array(SECOND, "int32")
    return [first, second]


def run(model, parts, x, steps):
    y = np.array(TARGETS, "float32")
    found = {"output": numbers(model.predict(x, verbose=0))}
    found["losses"] = [float(model.train_on_batch(x, y)) for _ in range(steps)]
    found["weights"] = [numbers(w) for part in parts for w in part.get_weights()]
    return found


def numbers(values) -> list:
    return [float(f"{value:.7g}") for value in np.asarray(values, np.float64).ravel()]


def main() -> None:
    import keras

    found = {}
    for name, (kind, _, _) in MERGES.items():
        steps = 1 if kind in ZEROS else 3
        found[f"merge {name}"] = run(*merge_model(keras, name), merge_data(), steps)
    for name in MASKINGS:
        found[f"masking {name}"] = run(*masking_model(keras, name), masking_data(name), 3)
    for units in METRICS:
        for name, weights in WEIGHTS.items():
            x, y, weights = step_data(units, weights)
            logs = step_model(keras, units).evaluate(x, y, 2, 0, weights, return_dict=True)
            found[f"metrics {units} {name}"] = {key: float(f"{value:.7g}") for key, value in logs.items()}
    text = json.dumps(found).replace("}, ", "},\n").replace("], ", "],\n")
    Path(__file__).with_name("keras_masks.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
