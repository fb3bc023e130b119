"""Layers of each recurrent cell, drawn: what the tests of their operations share."""

from comparison import Pair

GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3, "gru before": 3}
CELLS = list(GATES)


def kind_of(name):
    """The operation of a cell, and what chooses it among the attributes."""
    return name.split()[0], {"reset_after": False} if name == "gru before" else {}


def parameters_of(name, channels, units, rng, use_bias=True, scale=0.5):
    columns = GATES[name] * units
    shapes = [("kernel", (channels, columns)), ("recurrent", (units, columns))]
    if use_bias:
        shapes.append(("bias", (2, columns) if name == "gru" else (columns,)))
    values = [scale * rng.normal(size=shape) for _, shape in shapes]
    values[1] *= 0.8 / (scale * units**0.5)  # far from chaos: rounding must not grow with the steps
    return shapes, values


def sequence_pair(name, channels, units, rng, length=-1, **attributes):
    shapes, values = parameters_of(name, channels, units, rng, attributes.get("use_bias", True))
    states = (2 if name == "lstm" else 1) * bool(attributes.get("initial_state"))
    inputs = [
        ("x", "float32", length, (channels,)),
        *[(f"s{i}", "float32", None, (units,)) for i in range(states)],
    ]
    first = len(inputs)
    results = 1 + (2 if name == "lstm" else 1) * bool(attributes.get("return_state"))
    outputs = tuple(range(first, first + results))
    numbers = tuple(range(len(shapes)))
    kind, chosen = kind_of(name)
    operation = (kind, tuple(range(first)), outputs, numbers, {**chosen, **attributes})
    return Pair(inputs, shapes, [operation], outputs, values, seed=5)
