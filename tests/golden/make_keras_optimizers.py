"""Writes keras_optimizers.json: two variables after 10 Keras updates with given gradients, for each setting.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_optimizers.py``.
"""

import json
from pathlib import Path

import numpy as np

SETTINGS = {
    "sgd": ("SGD", {}),
    "momentum": ("SGD", {"momentum": 0.9}),
    "nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "sgd_decay": ("SGD", {"weight_decay": 0.1}),
    "adam": ("Adam", {}),
    "adam_settings": ("Adam", {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-3}),
    "adam_decay": ("Adam", {"weight_decay": 0.1}),
    "amsgrad": ("Adam", {"amsgrad": True, "beta_2": 0.5}),
    "amsgrad_decay": ("Adam", {"amsgrad": True, "beta_2": 0.7, "weight_decay": 0.1, "global_clipnorm": 0.7}),
    "rmsprop": ("RMSprop", {"epsilon": 1e-5}),
    "rmsprop_settings": ("RMSprop", {"rho": 0.8, "momentum": 0.9, "centered": True, "epsilon": 1e-2}),
    "adagrad": ("Adagrad", {"initial_accumulator_value": 0.0, "epsilon": 1e-5}),
    "adadelta": ("Adadelta", {"rho": 0.95, "epsilon": 1e-4, "weight_decay": 0.1}),
    "adamax": ("Adamax", {"beta_1": 0.8, "epsilon": 1e-3}),
    "nadam": ("Nadam", {"beta_2": 0.95, "epsilon": 1e-3}),
    "clipnorm": ("SGD", {"clipnorm": 0.7}),
    "global_clipnorm": ("Adam", {"global_clipnorm": 0.7}),
    "clipvalue": ("SGD", {"clipvalue": 0.3, "momentum": 0.5}),
}
RATE = 0.05


def values_and_gradients() -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    rng = np.random.default_rng(3)
    shapes = [(2, 3), (4,)]
    values = [rng.normal(size=shape) for shape in shapes]
    return values, [[rng.normal(size=shape) for shape in shapes] for _ in range(10)]


def main() -> None:
    import keras

    found = {}
    for name, (kind, settings) in SETTINGS.items():
        values, steps = values_and_gradients()
        variables = [keras.Variable(value.astype(np.float32)) for value in values]
        optimizer = getattr(keras.optimizers, kind)(learning_rate=RATE, **settings)
        for gradients in steps:
            tensors = [keras.ops.convert_to_tensor(one.astype(np.float32)) for one in gradients]
            optimizer.apply_gradients(zip(tensors, variables, strict=True))
        found[name] = [[round(float(x), 7) for x in np.asarray(variable).ravel()] for variable in variables]
    text = json.dumps(found).replace("]], ", "]],\n")
    Path(__file__).with_name("keras_optimizers.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
