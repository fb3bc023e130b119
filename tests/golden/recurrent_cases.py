"""Recurrent layers, inputs and weights whose results Keras has computed (make_keras_recurrent.py)."""

import numpy as np

BATCH, TIME, CHANNELS, UNITS = 3, 5, 2, 3
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}
MASKS = {
    "right": [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]],
    "left": [[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 1]],
    "inner": [[1, 0, 1, 1, 0], [0, 1, 0, 0, 1], [1, 1, 0, 1, 1]],
}
SETTINGS = {
    "last": {},
    "sequences": {"return_sequences": True},
    "backwards": {"return_sequences": True, "go_backwards": True},
    "states": {"return_sequences": True, "return_state": True},
    "no bias": {"use_bias": False},
    "relu": {"activation": "relu"},
    "right": {"return_sequences": True, "mask": "right"},
    "left": {"return_sequences": True, "mask": "left"},
    "inner": {"return_sequences": True, "return_state": True, "mask": "inner"},
    "inner backwards": {"go_backwards": True, "mask": "inner"},
    "zeros": {"return_sequences": True, "zero_output_for_mask": True, "mask": "inner"},
    "initial state": {"return_state": True, "initial_state": True},
    "both ways": {"return_sequences": True, "bidirectional": "concat"},
    "both ways, masked": {"bidirectional": "concat", "mask": "right"},
    "both ways, sum": {"return_sequences": True, "bidirectional": "sum"},
}
CASES = [(cell, name) for cell in GATES for name in SETTINGS]


def numbers(cell, name):
    """x, the mask or None, the first states and the weights of a case, always the same."""
    settings = SETTINGS[name]
    rng = np.random.default_rng([len(cell), sum(map(ord, name))])
    columns = GATES[cell] * UNITS
    shapes = [(CHANNELS, columns), (UNITS, columns)]
    if settings.get("use_bias", True):
        shapes.append((2, columns) if cell == "GRU" else (columns,))
    if "bidirectional" in settings:
        shapes *= 2
    x = rng.normal(size=(BATCH, TIME, CHANNELS)).astype(np.float32)
    mask = np.array(MASKS[settings["mask"]], bool) if "mask" in settings else None
    if mask is not None:
        x[~mask] = 0.0  # what Masking looks for
    count = (2 if cell == "LSTM" else 1) if "initial_state" in settings else 0
    states = [rng.normal(size=(BATCH, UNITS)).astype(np.float32) for _ in range(count)]
    return x, mask, states, [rng.normal(size=shape).astype(np.float32) / 2 for shape in shapes]


def output_weights(shape, number):
    """The result is the sum of outputs times these; its gradients are compared."""
    return np.cos(np.arange(np.prod(shape), dtype=np.float32) + number).reshape(shape)


def build(layers, cell, name):
    """The layer of a case, from Keras's `layers` or from ours."""
    settings = dict(SETTINGS[name])
    for key in ("mask", "initial_state"):
        settings.pop(key, None)
    both = settings.pop("bidirectional", None)
    layer = getattr(layers, cell)(UNITS, **settings)
    return layers.Bidirectional(layer, merge_mode=both) if both else layer
