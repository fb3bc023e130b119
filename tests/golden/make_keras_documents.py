"""Writes keras_documents.json: what Keras makes of documents, texts of sentences, with TimeDistributed over
sentence encoders, and of losses and weights of four axes.

Run by hand, where Keras is installed: `python tests/golden/make_keras_documents.py`.

Masked texts have at least one word: Keras divides by zero where a mean has none.
"""

import json
from pathlib import Path

import numpy as np

SENTENCES, LENGTH, WORDS = 3, 5, 9
#: name -> encoder, whether word 0 is padding
CASES = {
    "cnn": ("cnn", False),
    "mean": ("mean", False),
    "mean masked": ("mean", True),
    "bilstm": ("bilstm", False),
    "bilstm masked": ("bilstm", True),
    "words masked": ("words", True),
}
#: weights of examples, of steps, of each loss
WEIGHTS = {
    "none": None,
    "examples": (4, 1, 1),
    "steps": (4, SENTENCES, 1),
    "each": (4, SENTENCES, LENGTH),
}


def drawn(shapes, seed=1):
    random = np.random.RandomState(seed)
    return [random.uniform(-0.8, 0.8, shape).astype("float32") for shape in shapes]


def documents():
    ids = np.random.RandomState(2).randint(1, WORDS, (4, SENTENCES, LENGTH))
    ends = np.random.RandomState(3).randint(1, LENGTH + 1, (4, SENTENCES, 1))
    return np.where(np.arange(LENGTH) < ends, ids, 0).astype("int32")


def labels():
    return np.random.RandomState(4).randint(0, 3, (4, SENTENCES, LENGTH)).astype("int32")


def weights_of(name):
    shape = WEIGHTS[name]
    return None if shape is None else np.random.RandomState(5).uniform(0, 2, shape).astype("float32")


def document_model(package, name):
    layers = package.layers
    kind, masks = CASES[name]
    inside = {
        "cnn": [layers.Conv1D(4, 3, activation="relu"), layers.GlobalMaxPooling1D()],
        "mean": [layers.GlobalAveragePooling1D()],
        "bilstm": [layers.Bidirectional(layers.LSTM(2))],
        "words": [layers.GRU(2, return_sequences=True)],
    }[kind]
    table = layers.Embedding(WORDS, 4, mask_zero=masks)
    encoder = package.Sequential([package.Input((LENGTH,), dtype="int32"), table, *inside])
    ids = package.Input((SENTENCES, LENGTH), dtype="int32")
    x = layers.TimeDistributed(encoder)(ids)
    if kind == "words":  # masked words repeat the state before them
        x = layers.TimeDistributed(layers.Dense(2))(x)
        x = layers.Reshape((SENTENCES, 2 * LENGTH))(x)
    model = package.Model(ids, layers.Dense(2)(layers.LSTM(3)(x)))
    model.set_weights(drawn([w.shape for w in model.get_weights()]))
    model.compile(package.optimizers.SGD(0.2), "mse")
    return model


def labels_model(package):
    layers = package.layers
    ids = package.Input((SENTENCES, LENGTH), dtype="int32")
    x = layers.Embedding(WORDS, 4)(ids)
    x = layers.TimeDistributed(layers.Conv1D(3, 3, padding="same", activation="tanh"))(x)
    model = package.Model(ids, layers.Dense(3, activation="softmax")(x))
    model.set_weights(drawn([w.shape for w in model.get_weights()]))
    model.compile(package.optimizers.SGD(0.2), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model, y, weights=None):
    """Predictions before, losses of three steps, predictions after."""
    x = documents()
    before = model.predict(x, verbose=0)
    fit = {"batch_size": len(x), "epochs": 3, "verbose": 0, "shuffle": False, "sample_weight": weights}
    history = model.fit(x, y, **fit).history
    found = {"before": before, "loss": history["loss"], "after": model.predict(x, verbose=0)}
    if "accuracy" in history:
        found["accuracy"] = history["accuracy"]
    return {key: np.round(np.asarray(value, np.float64), 7).tolist() for key, value in found.items()}


def results(package):
    found = {name: trained(document_model(package, name), drawn([(4, 2)], 6)[0]) for name in CASES}
    for name in WEIGHTS:
        found[f"labels {name}"] = trained(labels_model(package), labels(), weights_of(name))
    return found


if __name__ == "__main__":
    import keras

    text = json.dumps({"keras": keras.__version__, **results(keras)}, indent=None)
    Path(__file__).with_name("keras_documents.json").write_text(text + "\n")
