"""Writes keras_values.json: what Keras computes, for tests that must not need Keras. Run once, where Keras is
installed:

python tests/golden/make_keras_values.py
"""

import json
import pathlib
import types

import numpy as np

OPTIMIZERS = {
    "sgd": ("SGD", {"learning_rate": 0.1}),
    "sgd momentum": ("SGD", {"learning_rate": 0.1, "momentum": 0.9}),
    "sgd nesterov": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    "sgd weight_decay": ("SGD", {"learning_rate": 0.1, "weight_decay": 0.05}),
    "sgd clipnorm": ("SGD", {"learning_rate": 0.5, "clipnorm": 0.05}),
    "sgd global_clipnorm": ("SGD", {"learning_rate": 0.5, "global_clipnorm": 0.05}),
    "sgd clipvalue": ("SGD", {"learning_rate": 0.5, "clipvalue": 0.01}),
    "adam": ("Adam", {"learning_rate": 0.01}),
    "adam epsilon": ("Adam", {"learning_rate": 0.01, "epsilon": 0.1, "beta_1": 0.5, "beta_2": 0.9}),
    "adam clipnorm": ("Adam", {"learning_rate": 0.01, "clipnorm": 0.05}),
    "adam weight_decay": ("Adam", {"learning_rate": 0.01, "weight_decay": 0.1}),
    "adamw": ("AdamW", {"learning_rate": 0.01}),
    "adamax": ("Adamax", {"learning_rate": 0.01}),
    "nadam": ("Nadam", {"learning_rate": 0.01}),
    "rmsprop": ("RMSprop", {"learning_rate": 0.01}),
    "rmsprop centered": ("RMSprop", {"learning_rate": 0.01, "centered": True, "momentum": 0.5}),
    "adagrad": ("Adagrad", {"learning_rate": 0.1}),
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
}
TRACES = {
    "patience": ({"monitor": "loss", "patience": 2}, [5, 4, 4.5, 4.2, 4.1, 3, 2]),
    "patience 0": ({"monitor": "loss"}, [5, 5, 4, 3]),
    "patience 0 first epoch": ({"monitor": "loss"}, [5, 6, 7]),
    "min_delta": ({"monitor": "loss", "patience": 2, "min_delta": 0.5}, [5, 4.8, 4.6, 4.4, 4.3, 4.2]),
    "max": ({"monitor": "accuracy", "patience": 2, "mode": "max"}, [0.1, 0.3, 0.2, 0.25, 0.9, 0.1]),
    "baseline": ({"monitor": "loss", "patience": 2, "baseline": 3.0}, [5, 4.5, 4, 3.5, 3.2]),
    "baseline beaten": ({"monitor": "loss", "patience": 2, "baseline": 4.0}, [5, 3, 3.5, 3.4, 3.3, 1]),
    "start": ({"monitor": "loss", "patience": 1, "start_from_epoch": 3}, [1, 2, 3, 4, 5, 6, 7]),
    "nan first": ({"monitor": "loss", "patience": 1}, [float("nan"), 5, 4, 3]),
    "nan later": ({"monitor": "loss", "patience": 1}, [5, float("nan"), 4, 6, 7]),
    "restore": ({"monitor": "loss", "patience": 1, "restore_best_weights": True}, [5, 3, 4, 6]),
    "restore without stop": ({"monitor": "loss", "patience": 9, "restore_best_weights": True}, [5, 3, 4, 6]),
    "never available": ({"monitor": "val_loss", "patience": 0}, [5, 6]),
}
PLATEAUS = {
    "plain": ({"patience": 2}, [5, 4, 4, 4, 4, 4, 4, 3, 3, 3]),
    "cooldown": ({"patience": 1, "cooldown": 2, "factor": 0.5}, [5, 5, 5, 5, 5, 5, 5, 5]),
    "min_lr": ({"patience": 1, "min_lr": 0.003}, [5, 5, 5, 5, 5]),
    "min_delta": ({"patience": 2, "min_delta": 0.5, "factor": 0.5}, [5, 4.8, 4.6, 4.4, 4.3, 4.2]),
    "max": ({"patience": 1, "mode": "max"}, [0.1, 0.3, 0.2, 0.4, 0.4]),
}
INITIALIZERS = [
    "glorot_uniform",
    "glorot_normal",
    "uniform",
    "normal",
    "he_uniform",
    "he_normal",
    "lecun_uniform",
    "lecun_normal",
    "truncated_normal",
]


def data(seed):
    random = np.random.RandomState(seed)
    return random.randint(0, 12, (16, 7)), random.randint(0, 3, 16)


def weights(shapes, seed):
    random = np.random.RandomState(seed)
    return [
        (random.uniform(-0.5, 0.5, shape) if len(shape) > 1 else np.zeros(shape)).astype("float32")
        for shape in shapes
    ]


def text_model():
    """A table of 12 rows as a Dense layer over one-hot rows: TensorFlow's gradient of an Embedding is a list
    of rows with
    repetitions, which Keras's Adam squares and its clipping measures one by one instead of summed."""
    layers = keras.layers
    tokens = keras.Input((7, 12))
    x = layers.Dense(4, use_bias=False)(tokens)
    branches = [layers.GlobalMaxPooling1D()(layers.Conv1D(3, k, activation="relu")(x)) for k in (2, 3)]
    return keras.Model(tokens, layers.Dense(3, activation="softmax")(layers.Concatenate()(branches)))


def train(name):
    kind, arguments = OPTIMIZERS[name]
    model = text_model()
    model.set_weights(weights([w.shape for w in model.weights], 1))
    model.compile(
        getattr(keras.optimizers, kind)(**arguments), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    x, y = data(2)
    x = np.eye(12)[x]
    losses = [float(model.train_on_batch(x, y)[0]) for _ in range(10)]
    return {"losses": losses, "sums": [float(np.abs(w).sum()) for w in model.get_weights()]}


def two_sided():
    """Two inputs that share an Embedding, two outputs, loss weights."""
    layers = keras.layers
    a, b = keras.Input((7, 12)), keras.Input((7, 12))
    table, conv = layers.Dense(4, use_bias=False), layers.Conv1D(3, 2, padding="same", activation="tanh")
    sides = [layers.GlobalMaxPooling1D()(conv(table(side))) for side in (a, b)]
    mean = layers.GlobalAveragePooling1D()(table(a))
    joined = layers.Concatenate()([*sides, mean])
    first = layers.Dense(3, name="first")(joined)
    second = layers.Dense(1, activation="sigmoid", name="second")(joined)
    model = keras.Model([a, b], [first, second])
    model.set_weights(weights([w.shape for w in model.weights], 3))
    model.compile(
        keras.optimizers.Adam(0.02),
        [keras.losses.SparseCategoricalCrossentropy(from_logits=True), "binary_crossentropy"],
        loss_weights=[1.0, 0.5],
    )
    (x1, y), (x2, _) = data(4), data(5)
    x1, x2 = np.eye(12)[x1], np.eye(12)[x2]
    rows = [
        model.train_on_batch([x1, x2], [y, (y > 0).astype("float32")], return_dict=True) for _ in range(6)
    ]
    return {
        "order": [w.path.split("/")[-1] + str(list(w.shape)) for w in model.weights],
        "logs": [{name: float(value) for name, value in row.items()} for row in rows],
    }


def losses():
    random = np.random.RandomState(6)
    p = random.dirichlet(np.ones(4), 5)
    z = random.randn(5, 4)
    q = random.uniform(0.01, 0.99, (5, 3))
    t = (random.uniform(size=(5, 3)) > 0.5).astype(float)
    c = random.randint(0, 4, 5)
    h = np.eye(4)[c]
    w = random.uniform(0.5, 2, 5)
    cases = [
        ("BinaryCrossentropy", {}, t, q),
        ("BinaryCrossentropy", {"label_smoothing": 0.2}, t, q),
        ("BinaryCrossentropy", {"from_logits": True}, t, z[:, :3]),
        ("CategoricalCrossentropy", {}, h, p),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}, h, p),
        ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, h, z),
        ("SparseCategoricalCrossentropy", {}, c, p),
        ("SparseCategoricalCrossentropy", {"from_logits": True}, c, z),
        ("MeanSquaredError", {}, q, z[:, :3]),
    ]
    rows = []
    for name, arguments, y, x in cases:
        loss = getattr(keras.losses, name)(**arguments)
        y, x = y.astype("int32" if y.ndim == 1 else "float32"), x.astype("float32")
        row = {"name": name, "arguments": arguments, "y": y.tolist(), "x": x.tolist(), "w": w.tolist()}
        rows.append(
            {
                **row,
                "plain": float(loss(y, x)),
                "weighted": float(loss(y, x, sample_weight=w.astype("float32"))),
            }
        )
    return rows


def trace(arguments, values):
    callback = keras.callbacks.EarlyStopping(**arguments)
    current = {"epoch": None}
    model = types.SimpleNamespace(
        stop_training=False,
        metrics=[],
        get_weights=lambda: current["epoch"],
        set_weights=lambda value: current.update(restored=value),
    )
    callback._model = model
    callback.monitor_op = np.greater if arguments.get("mode") == "max" else np.less
    callback.min_delta = abs(callback.min_delta) * (1 if arguments.get("mode") == "max" else -1)
    callback._set_monitor_op = lambda: None
    callback.on_train_begin()
    for epoch, value in enumerate(values):
        current["epoch"] = epoch
        callback.on_epoch_end(epoch, {"loss": value, "accuracy": value})
        if model.stop_training:
            break
    callback.on_train_end()
    return {
        "arguments": arguments,
        "values": [None if value != value else value for value in values],
        "epochs": epoch + 1,
        "stopped_epoch": callback.stopped_epoch,
        "wait": callback.wait,
        "restored": current.get("restored"),
    }


def plateau(arguments, values):
    callback = keras.callbacks.ReduceLROnPlateau(monitor="loss", **arguments)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    callback.set_model(model)
    callback.on_train_begin()
    rates = []
    for epoch, value in enumerate(values):
        callback.on_epoch_end(epoch, {"loss": value})
        rates.append(float(model.optimizer.learning_rate))
    return {"arguments": arguments, "values": values, "rates": rates}


def initializers():
    rows = {}
    for name in INITIALIZERS:
        values = np.array(keras.initializers.get(name)((50, 40, 30)))
        rows[name] = {"std": float(values.std()), "largest": float(np.abs(values).max())}
    return rows


if __name__ == "__main__":
    import keras

    values = {
        "keras": keras.__version__,
        "optimizers": {name: train(name) for name in OPTIMIZERS},
        "settings": OPTIMIZERS,
        "two_sided": two_sided(),
        "losses": losses(),
        "traces": {name: trace(*case) for name, case in TRACES.items()},
        "plateaus": {name: plateau(*case) for name, case in PLATEAUS.items()},
        "initializers": initializers(),
    }
    path = pathlib.Path(__file__).with_name("keras_values.json")
    path.write_text(json.dumps(values, indent=1) + "\n")
