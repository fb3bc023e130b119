"""Writes the files of saved_0_1_0 with the version that is installed: one of each kind that embedcnn writes,
and in expected.npz what they must give (saved_models.py). Run once for a version, never again:

    PYTHONPATH=. python tests/golden/make_saved_models.py tests/golden/saved_0_1_0
"""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np
from saved_models import BOOK, TEXTS, backed_up, continued, loaded, predicted, taken, written

import embedcnn
from embedcnn import layers, losses, optimizers, preprocessing, text, vectors

RANDOM = np.random.default_rng(0)
IDS = RANDOM.integers(1, 30, (24, 8)).astype(np.int32)
PADDED = np.where(np.arange(8) < RANDOM.integers(1, 9, (24, 1)), IDS, 0).astype(np.int32)
LABELS = RANDOM.integers(0, 3, 24)
TEXT_LABELS = np.array([0, 0, 1, 1] * 6)
SPARSE = "sparse_categorical_crossentropy"


def tokens(steps=None, name=None):
    return embedcnn.Input((steps,), dtype="int32", name=name)


def sequential(optimizer="adam"):
    model = embedcnn.Sequential(
        [
            *(tokens(8), layers.Embedding(30, 4), layers.Conv1D(5, 3, activation="relu")),
            *(layers.GlobalMaxPooling1D(), layers.Dropout(0.3), layers.Dense(3, activation="softmax")),
        ],
        seed=5,
    )
    model.compile(optimizer, SPARSE, metrics=["accuracy"])
    return model, [IDS], LABELS


def functional():
    """A text encoder and labels of its own; RMSprop with a schedule."""
    encoder = text.TextEncoder(max_tokens=20)
    encoder.adapt(TEXTS)
    words = tokens()
    x = layers.Embedding(encoder.vocabulary_size(), 6, mask_zero=True)(words)
    branches = [layers.GlobalMaxPooling1D()(layers.Conv1D(4, k, padding="same")(x)) for k in (1, 2)]
    model = embedcnn.Model(
        words, layers.Dense(2, activation="softmax")(layers.Concatenate()(branches)), seed=5
    )
    model.compile(optimizers.RMSprop(optimizers.schedules.ExponentialDecay(0.01, 5, 0.9)), SPARSE)
    model.text_encoder, model.labels = encoder, ["cat", "dog"]
    return model, [np.array(TEXTS * 6)], TEXT_LABELS


def tokenizer():
    """Keras's Tokenizer before the model."""
    words = preprocessing.text.Tokenizer(num_words=15, oov_token="?")
    words.fit_on_texts(TEXTS)
    model = embedcnn.Sequential(
        [tokens(5), layers.Embedding(15, 4), layers.Flatten(), layers.Dense(2, activation="softmax")], seed=5
    )
    model.compile("sgd", SPARSE)
    model.text_encoder, model.labels = embedcnn.encoding.TokenizerEncoder(words, maxlen=5), ["cat", "dog"]
    return model, [np.array(TEXTS * 6)], TEXT_LABELS


def bag():
    """Words and hashed n-grams, for texts of unequal lengths."""
    ngrams = layers.HashedNgrams(30, 40, 2)
    words = tokens()
    x = layers.GlobalAveragePooling1D()(layers.Embedding(ngrams.size, 4, mask_zero=True)(ngrams(words)))
    model = embedcnn.Model(words, layers.Dense(3, activation="softmax")(x), seed=5)
    model.compile(optimizers.Adagrad(0.05), SPARSE)
    return model, [PADDED], LABELS


def nested():
    """A model inside a model, called twice; a shared layer; two outputs."""
    inner = embedcnn.Sequential(
        [tokens(name="inside"), layers.Embedding(30, 4), layers.GRU(3)], name="reader"
    )
    left, right = tokens(name="left"), tokens(name="right")
    shared = layers.Dense(4, activation="tanh", name="shared")
    a, b = shared(inner(left)), shared(inner(right))
    same = layers.Dense(1, activation="sigmoid", name="same")(layers.Multiply()([a, b]))
    size = layers.Dense(2, name="size")(layers.Subtract()([a, b]))
    model = embedcnn.Model([left, right], [same, size], seed=5)
    model.compile("nadam", ["binary_crossentropy", losses.Huber(0.5)], loss_weights=[1.0, 0.3])
    return model, [IDS, PADDED], [LABELS % 2, RANDOM.normal(size=(24, 2)).astype(np.float32)]


def every_layer():
    """What the others do not hold."""
    words, facts = tokens(8), embedcnn.Input((4,))
    x = layers.SpatialDropout1D(0.1)(layers.Embedding(30, 6, embeddings_regularizer="l2")(words))
    x = layers.SeparableConv1D(6, 3, padding="same", pointwise_constraint="max_norm")(
        layers.GaussianNoise(0.1)(x)
    )
    x = layers.LayerNormalization()(layers.PReLU(shared_axes=[1])(layers.BatchNormalization()(x)))
    x = layers.DepthwiseConv1D(2, padding="same", activation="gelu")(layers.LeakyReLU()(x))
    x = layers.WeightNormalization(layers.Conv1D(6, 2, padding="same"))(layers.ELU()(x))
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(layers.GaussianDropout(0.1)(x))
    scores = layers.Softmax()(layers.Dot(axes=2)([layers.TimeDistributed(layers.Dense(6))(x), x]))
    x = layers.Add()([x, layers.Dot(axes=(2, 1))([scores, x])])
    pooled = [layers.GlobalAveragePooling1D()(layers.MaxPooling1D(2)(x))]
    pooled.append(layers.RNN([layers.LSTMCell(3), layers.GRUCell(4), layers.SimpleRNNCell(2)])(x))
    pooled.append(layers.Bidirectional(layers.SimpleRNN(2), merge_mode="sum")(layers.AveragePooling1D(2)(x)))
    pooled.append(layers.GlobalMaxPooling1D()(layers.RepeatVector(3)(layers.ReLU()(facts))))
    pooled.append(layers.Flatten()(layers.Permute((2, 1))(layers.Reshape((2, 2))(facts))))
    x = layers.UnitNormalization()(layers.Concatenate()(pooled))
    model = embedcnn.Model([words, facts], layers.Activation("softmax")(layers.Dense(3)(x)), seed=5)
    model.compile("adam", SPARSE, metrics=["accuracy", embedcnn.metrics.F1Score("macro")])
    return model, [IDS, RANDOM.normal(size=(24, 4)).astype(np.float32)], LABELS


MODELS = {
    "sequential": sequential,
    "functional": functional,
    "tokenizer": tokenizer,
    "bag": bag,
    "nested": nested,
    "every_layer": every_layer,
    "sgd": lambda: sequential(optimizers.SGD(0.05, momentum=0.9)),
    "adamw": lambda: sequential(optimizers.AdamW(0.01)),
    "adamax": lambda: sequential(optimizers.Adamax(0.02)),
    "rmsprop": lambda: sequential(optimizers.RMSprop(0.01, momentum=0.5, centered=True)),
    "adagrad": lambda: sequential(optimizers.Adagrad(0.05)),
    "adadelta": lambda: sequential(optimizers.Adadelta(1.0)),
    "averaged": lambda: sequential(
        optimizers.Adam(0.01, use_ema=True, ema_momentum=0.8, gradient_accumulation_steps=2)
    ),
}


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, build in MODELS.items():
        embedcnn.utils.set_random_seed(1)
        model, x, y = build()
        model.fit(taken(x), y, batch_size=8, epochs=1, verbose=0)
        model.save(folder / f"{name}.embedcnn")
        expected |= {f"{name}/x{number}": array for number, array in enumerate(x)}
        expected |= {f"{name}/y{number}": y for number, y in enumerate(y if isinstance(y, list) else [y])}
        if name == "sequential":
            model.save_weights(folder / "weights.safetensors")
        store(expected, name, predicted(model, x), continued(model, x, y))

    train = [sys.executable, "-m", "embedcnn", "train", str(folder / "texts.tsv"), "--quiet", "--epochs", "3"]
    small = ["--filters", "4", "--dimensions", "6", "--batch-size", "8", "--max-words", "10"]
    lines = [f"{line}\t{('cat', 'dog')[label]}" for line, label in zip(TEXTS * 6, TEXT_LABELS, strict=True)]
    (folder / "texts.tsv").write_text("\n".join(["text\tlabel", *lines]) + "\n")
    subprocess.run([*train, *small, "--out", folder / "classifier.embedcnn"], check=True)
    (folder / "texts.tsv").unlink()
    model, x = loaded(folder / "classifier.embedcnn"), [np.array(TEXTS * 6)]
    one_hot = np.eye(2, dtype=np.float32)[TEXT_LABELS]
    expected |= {"classifier/x0": x[0], "classifier/y0": one_hot}
    store(expected, "classifier", predicted(model, x), continued(model, x, one_hot))

    for name, kind in (("characters", embedcnn.CharLanguageModel), ("words", embedcnn.WordLanguageModel)):
        embedcnn.utils.set_random_seed(1)
        writer = kind(BOOK, embedding_dim=6, units=8, layer_count=2, dropout=0.1, learning_rate=0.05, seed=2)
        writer.fit(BOOK, length=10, batch_size=8, epochs=3, verbose=0)
        writer.save(folder / f"{name}.embedcnn")
        expected |= {f"{name}/{key}": value for key, value in written(writer).items()}

    _, fit, _ = backed_up(folder / "backup", stop_at=5)
    with contextlib.suppress(KeyboardInterrupt):
        fit()
    (folder / "backup" / "latest.backup").rename(folder / "interrupted.backup")
    (folder / "backup").rmdir()
    model, fit, _ = backed_up(folder / "backup")
    fit()
    expected |= {f"interrupted/weight{number}": value for number, value in enumerate(model.get_weights())}

    matrix = RANDOM.normal(size=(6, 5)).astype(np.float32)
    found = vectors.WordVectors(["the", "cat", "Katze", "naïve", "猫", "purrs"], matrix)
    found.save(folder / "words.vectors")
    expected |= {"vectors/words": np.array(found.index_to_key), "vectors/matrix": matrix}
    np.savez_compressed(folder / "expected.npz", **expected)


def store(expected, name, before, after):
    expected |= {f"{name}/prediction{number}": array for number, array in enumerate(before)}
    expected |= {f"{name}/continued{number}": array for number, array in enumerate(after)}


if __name__ == "__main__":
    main()
