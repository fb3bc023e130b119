"""Recurrent layers, inputs and weights whose results Keras has computed (make_keras_recurrent.py)."""

import numpy as np

BATCH, TIME, CHANNELS, UNITS = 3, 5, 2, 3
GATES = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3, "GRU before": 3}
STATES = {"SimpleRNN": 1, "LSTM": 2, "GRU": 1, "GRU before": 1}
STACK = [("LSTM", 4), ("GRU before", 2), ("SimpleRNN", 2), ("GRU", 3)]
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
    "both ways, states": {
        "bidirectional": "concat",
        "return_sequences": True,
        "return_state": True,
        "initial_state": True,
    },
    "both ways, multiplied": {"bidirectional": "mul", "return_sequences": True, "mask": "inner"},
    "both ways, apart": {"bidirectional": None, "return_state": True},
    "both ways, differing": {"bidirectional": "ave", "mask": "left", "backward": {"activation": "relu"}},
}
CASES = [(cell, name) for cell in GATES for name in SETTINGS]
NOT_OF_A_STACK = ("no bias", "relu", "both ways, differing")  # arguments of cells
CASES += [("Stack", name) for name in SETTINGS if name not in NOT_OF_A_STACK]


def weight_shapes(cell, channels=CHANNELS, units=UNITS, use_bias=True):
    """Shapes of the weights of one layer."""
    columns = GATES[cell] * units
    bias = [(2, columns) if cell == "GRU" else (columns,)] if use_bias else []
    return [(channels, columns), (units, columns), *bias]


def numbers(cell, name):
    """x, the mask or None, the first states and the weights of a case, always the same."""
    settings = SETTINGS[name]
    rng = np.random.default_rng([len(cell), sum(map(ord, name))])
    parts = STACK if cell == "Stack" else [(cell, UNITS)]
    shapes, channels = [], CHANNELS
    for part, units in parts:
        shapes += weight_shapes(part, channels, units, settings.get("use_bias", True))
        channels = units
    if "bidirectional" in settings:
        shapes *= 2
    x = rng.normal(size=(BATCH, TIME, CHANNELS)).astype(np.float32)
    mask = np.array(MASKS[settings["mask"]], bool) if "mask" in settings else None
    if mask is not None:
        x[~mask] = 0.0  # what Masking looks for
    sizes = [units for part, units in parts for _ in range(STATES[part])]
    sizes *= ("initial_state" in settings) * (2 if "bidirectional" in settings else 1)
    states = [rng.normal(size=(BATCH, size)).astype(np.float32) for size in sizes]
    return x, mask, states, [rng.normal(size=shape).astype(np.float32) / 2 for shape in shapes]


def nested_states(cell, states):
    """First states as Keras takes them: of stacked cells a list for each."""
    rest = list(states)
    if cell != "Stack":
        return rest
    nested = []
    while rest:
        for part, _ in STACK:
            nested.append([rest.pop(0) for _ in range(STATES[part])])
    return nested


def output_weights(shape, number):
    """The result is the sum of outputs times these; its gradients are compared."""
    return np.cos(np.arange(np.prod(shape), dtype=np.float32) + number).reshape(shape)


def one_layer(layers, cell, settings):
    """A recurrent layer of Keras's `layers` or of ours, or a stack of cells."""
    if cell == "Stack":
        return layers.RNN([one_cell(layers, part, units) for part, units in STACK], **settings)
    kind, _, form = cell.partition(" ")
    return getattr(layers, kind)(UNITS, **({"reset_after": False} if form else {}), **settings)


def one_cell(layers, cell, units, **settings):
    """A cell of Keras's `layers` or of ours."""
    kind, _, form = cell.partition(" ")
    return getattr(layers, f"{kind}Cell")(units, **({"reset_after": False} if form else {}), **settings)


def build(layers, cell, name):
    """The layer of a case, from Keras's `layers` or from ours."""
    settings = dict(SETTINGS[name])
    for key in ("mask", "initial_state"):
        settings.pop(key, None)
    is_both, both = "bidirectional" in settings, settings.pop("bidirectional", None)
    other = settings.pop("backward", None)
    layer = one_layer(layers, cell, settings)
    if not is_both:
        return layer
    backward = other and one_layer(layers, cell, {**settings, **other, "go_backwards": True})
    return layers.Bidirectional(layer, merge_mode=both, backward_layer=backward)


# -- training under regularizers, constraints and activity regularizers --------------------------------------
def governed(library):
    """Arguments of the weights of a layer or a cell, from Keras or from embedcnn."""
    regularizers, constraints = library.regularizers, library.constraints
    return {
        "kernel_regularizer": regularizers.L2(0.1),
        "recurrent_regularizer": regularizers.L1(0.02),
        "bias_regularizer": regularizers.L1L2(0.03, 0.05),
        "kernel_constraint": constraints.MaxNorm(0.6),
        "recurrent_constraint": constraints.UnitNorm(),
        "bias_constraint": constraints.NonNeg(),
    }


def trained(library):
    """Layers that are trained for some steps, by name."""
    layers, rules, activity = library.layers, governed(library), library.regularizers.L2(0.3)
    cell = layers.GRUCell(3, reset_after=False, **rules)
    made = {
        kind: getattr(layers, kind)(3, activity_regularizer=activity, **rules) for kind in ("LSTM", "GRU")
    }
    made["SimpleRNN"] = layers.SimpleRNN(3, **rules)  # Keras's forgets its activity_regularizer
    made["GRU before"] = layers.GRU(3, reset_after=False, activity_regularizer=activity, **rules)
    made["states"] = layers.LSTM(3, return_state=True, activity_regularizer=activity)
    made["both ways"] = layers.Bidirectional(layers.LSTM(3, activity_regularizer=activity, **rules))
    made["outer"] = layers.Bidirectional(layers.GRU(3), merge_mode="sum", activity_regularizer=activity)
    made["cells"] = layers.RNN([layers.LSTMCell(4, **rules), cell], activity_regularizer=activity)
    dense = layers.Dense(3, kernel_regularizer=library.regularizers.L2(0.1))
    made["each step"] = layers.TimeDistributed(dense, activity_regularizer=activity)
    return made


TRAINED = ["SimpleRNN", "LSTM", "GRU", "GRU before", "states", "both ways", "outer", "cells", "each step"]


def training_model(library, name):
    """The compiled model of a case of training, with its weights set."""
    x = library.Input((TIME, CHANNELS))
    out = trained(library)[name](x)
    out = out[0] if isinstance(out, (list, tuple)) else out
    model = library.Model(x, out)
    rng = np.random.default_rng(len(name))
    model.set_weights([rng.normal(size=weight.shape).astype(np.float32) / 2 for weight in model.weights])
    model.compile(library.optimizers.SGD(0.3), "mse")
    return model


def training_data(shape):
    """x and y for outputs of this shape."""
    rng = np.random.default_rng(9)
    x = rng.normal(size=(8, TIME, CHANNELS)).astype(np.float32)
    return x, rng.normal(size=(8, *shape[1:])).astype(np.float32)
