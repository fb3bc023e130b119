"""Writes keras_rules.json: what Keras's regularizers, constraints, moving averages, gradient accumulation,
exclusion from weight decay, schedules and scaled initializers give.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_rules.py``.
"""

import json
from pathlib import Path

import numpy as np

STEPS = 10
# name: (options of the hidden layer, optimizer, its options); objects as (module, class, arguments)
CASES = {
    "l1": ({"kernel_regularizer": ("regularizers", "L1", {"l1": 0.02})}, "SGD", {}),
    "l2": ({"kernel_regularizer": ("regularizers", "L2", {"l2": 0.05})}, "SGD", {}),
    "l1_l2": ({"bias_regularizer": ("regularizers", "L1L2", {"l1": 0.01, "l2": 0.1})}, "SGD", {}),
    "l2 both, adam": ({"kernel_regularizer": "l2", "bias_regularizer": "l2"}, "Adam", {}),
    "l2 clipnorm": ({"kernel_regularizer": ("regularizers", "L2", {"l2": 0.5})}, "SGD", {"clipnorm": 0.2}),
    "l2 global_clipnorm": ({"kernel_regularizer": "l2"}, "SGD", {"global_clipnorm": 0.2, "momentum": 0.9}),
    "activity l2": ({"activity_regularizer": ("regularizers", "L2", {"l2": 0.05})}, "SGD", {}),
    "activity l1": ({"activity_regularizer": ("regularizers", "L1", {"l1": 0.05})}, "Adam", {}),
    "max_norm": ({"kernel_constraint": ("constraints", "MaxNorm", {"max_value": 0.6})}, "SGD", {}),
    "max_norm axis 1": (
        {"kernel_constraint": ("constraints", "MaxNorm", {"max_value": 0.6, "axis": 1})},
        "Adam",
        {},
    ),
    "max_norm both axes": (
        {"kernel_constraint": ("constraints", "MaxNorm", {"max_value": 1.0, "axis": [0, 1]})},
        "SGD",
        {},
    ),
    "unit_norm": ({"kernel_constraint": "unit_norm"}, "SGD", {}),
    "non_neg": ({"kernel_constraint": "non_neg", "bias_constraint": "non_neg"}, "Adam", {}),
    "min_max_norm": (
        {
            "kernel_constraint": (
                "constraints",
                "MinMaxNorm",
                {"min_value": 0.5, "max_value": 0.8, "rate": 0.5},
            )
        },
        "SGD",
        {},
    ),
    "ema": ({}, "SGD", {"use_ema": True, "ema_momentum": 0.8}),
    "ema adam": ({}, "Adam", {"use_ema": True}),
    "ema overwrite": ({}, "SGD", {"use_ema": True, "ema_momentum": 0.7, "ema_overwrite_frequency": 3}),
    "ema constraint": ({"kernel_constraint": "unit_norm"}, "SGD", {"use_ema": True, "ema_momentum": 0.7}),
    "accumulation 2": ({}, "SGD", {"gradient_accumulation_steps": 2}),
    "accumulation 3 adam": ({}, "Adam", {"gradient_accumulation_steps": 3}),
    "accumulation clip decay": (
        {},
        "SGD",
        {"gradient_accumulation_steps": 2, "clipnorm": 0.1, "weight_decay": 0.05},
    ),
    "accumulation l2": ({"kernel_regularizer": "l2"}, "RMSprop", {"gradient_accumulation_steps": 2}),
    "accumulation ema": ({}, "SGD", {"gradient_accumulation_steps": 2, "use_ema": True, "ema_momentum": 0.5}),
    "accumulation ema overwrite": (
        {},
        "SGD",
        {
            "gradient_accumulation_steps": 2,
            "use_ema": True,
            "ema_momentum": 0.5,
            "ema_overwrite_frequency": 2,
        },
    ),
    "decay": ({}, "AdamW", {"weight_decay": 0.1}),
    "decay without biases": ({}, "AdamW", {"weight_decay": 0.1, "exclude": ["bias"]}),
    "schedule": ({}, "SGD", {"learning_rate": ("ExponentialDecay", {"decay_steps": 2, "decay_rate": 0.7})}),
    "schedule accumulation": (
        {},
        "SGD",
        {
            "learning_rate": ("CosineDecay", {"decay_steps": 8, "alpha": 0.1}),
            "gradient_accumulation_steps": 2,
        },
    ),
}
SCHEDULES = {
    "exponential": ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.6}),
    "exponential stairs": ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.6, "staircase": True}),
    "inverse": ("InverseTimeDecay", {"decay_steps": 5, "decay_rate": 0.5}),
    "inverse stairs": ("InverseTimeDecay", {"decay_steps": 5, "decay_rate": 0.5, "staircase": True}),
    "polynomial": ("PolynomialDecay", {"decay_steps": 12, "end_learning_rate": 0.01, "power": 2.0}),
    "polynomial cycle": ("PolynomialDecay", {"decay_steps": 12, "end_learning_rate": 0.01, "cycle": True}),
    "cosine": ("CosineDecay", {"decay_steps": 15, "alpha": 0.1}),
    "cosine warm-up": ("CosineDecay", {"decay_steps": 15, "warmup_target": 0.5, "warmup_steps": 6}),
    "restarts": ("CosineDecayRestarts", {"first_decay_steps": 5, "alpha": 0.05}),
    "restarts equal": ("CosineDecayRestarts", {"first_decay_steps": 5, "t_mul": 1.0, "m_mul": 0.8}),
    "restarts lower": ("CosineDecayRestarts", {"first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.9}),
    "pieces": ("PiecewiseConstantDecay", {"boundaries": [3, 9, 20], "values": [1.0, 0.5, 0.2, 0.1]}),
}
SCHEDULE_STEPS = list(range(33))
SCALINGS = {
    f"{mode} {distribution}": {"scale": 1.5, "mode": mode, "distribution": distribution}
    for mode in ("fan_in", "fan_out", "fan_avg")
    for distribution in ("uniform", "truncated_normal", "untruncated_normal")
}


def data():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(STEPS, 8, 4)).astype(np.float32)
    y = rng.integers(0, 3, (STEPS, 8))
    weights = [rng.normal(size=shape).astype(np.float32) * 0.6 for shape in ((4, 5), (5,), (5, 3), (3,))]
    return x, y, weights


def build(package, options):
    """The model of a case from `package`: Keras or what copies its names."""
    layers = package.layers

    def made(value):
        return (
            getattr(getattr(package, value[0]), value[1])(**value[2]) if isinstance(value, tuple) else value
        )

    numbers = package.Input((4,))
    hidden = layers.Dense(5, activation="tanh", **{name: made(value) for name, value in options.items()})
    model = package.Model(numbers, layers.Dense(3, activation="softmax")(hidden(numbers)))
    model.set_weights(data()[2])
    return model


def optimizer_of(package, kind, options, **more):
    options = {"learning_rate": 0.1, **options}
    excluded = options.pop("exclude", None)
    if isinstance(options["learning_rate"], tuple):
        name, arguments = options["learning_rate"]
        options["learning_rate"] = schedule_of(package, name, arguments)
    optimizer = getattr(package.optimizers, kind)(**options, **more)
    if excluded:
        optimizer.exclude_from_weight_decay(var_names=excluded)
    return optimizer


def schedule_of(package, name, arguments):
    first = {} if name == "PiecewiseConstantDecay" else {"initial_learning_rate": 0.3}
    return getattr(package.optimizers.schedules, name)(**first, **arguments)


def numbers(values) -> list:
    return [float(f"{value:.7g}") for value in np.asarray(values, np.float64).ravel()]


def main() -> None:
    import keras

    found = {"cases": {}, "schedules": {}, "scalings": {}}
    for name, (options, kind, settings) in CASES.items():
        model = build(keras, options)
        optimizer = optimizer_of(keras, kind, settings)
        model.compile(optimizer, "sparse_categorical_crossentropy")
        x, y, _ = data()
        losses = [model.train_on_batch(x[i], y[i]) for i in range(STEPS)]
        row = {"losses": numbers(losses), "weights": [numbers(w) for w in model.get_weights()]}
        row["test"] = float(model.evaluate(x[0], y[0], verbose=0))
        if optimizer.use_ema:
            optimizer.finalize_variable_values(model.trainable_variables)
            row["averages"] = [numbers(w) for w in model.get_weights()]
        found["cases"][name] = row
    for name, (kind, arguments) in SCHEDULES.items():
        schedule = schedule_of(keras, kind, arguments)
        found["schedules"][name] = numbers([float(schedule(step)) for step in SCHEDULE_STEPS])
    for name, arguments in SCALINGS.items():
        values = np.array(keras.initializers.VarianceScaling(**arguments, seed=1)((60, 50, 20)))
        found["scalings"][name] = {"std": float(values.std()), "largest": float(np.abs(values).max())}
    text = json.dumps(found).replace("}, ", "},\n").replace("], ", "],\n")
    Path(__file__).with_name("keras_rules.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
