"""Writes golden/keras_files/*: models that Keras 3 saved, and what they give for some inputs.

Needs Keras 3 with TensorFlow (TextVectorization): python tests/golden/make_keras_files.py
"""

import gzip
import os
import zipfile
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402
from keras import layers, ops  # noqa: E402

FOLDER = Path(__file__).parent / "keras_files"
RANDOM = np.random.default_rng(0)


def functional():
    """Two inputs, masks, a recurrent layer in both directions, operations, compiled."""
    words, extra = keras.Input((7,), dtype="int32", name="words"), keras.Input((3,), name="extra")
    x = layers.Embedding(12, 4, mask_zero=True)(words)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.SpatialDropout1D(0.2)(x)
    x = layers.Conv1D(5, 2, activation="relu", kernel_regularizer="l2")(x)
    x = layers.GlobalMaxPooling1D()(x)
    x = layers.BatchNormalization()(layers.Concatenate()([x, extra]))
    x = ops.maximum(x * 2.0 - 0.5, ops.mean(x, axis=-1, keepdims=True))
    x = layers.Dense(4, activation="gelu", kernel_constraint=keras.constraints.MaxNorm(2.0))(x)
    model = keras.Model([words, extra], layers.Dense(2, activation="softmax")(x), name="two_inputs")
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9), clipnorm=1.0),
        keras.losses.CategoricalCrossentropy(label_smoothing=0.1),
        metrics=["accuracy", keras.metrics.AUC()],
    )
    ids = RANDOM.integers(1, 12, (4, 7)).astype(np.int32)
    ids[0, 4:] = ids[1, :2] = 0
    return model, [ids, RANDOM.normal(size=(4, 3)).astype(np.float32)]


def shared():
    """Two texts read by the same layers, a model inside, attention, several outputs by name."""
    first, second = (
        keras.Input((6,), dtype="int32", name="first"),
        keras.Input((6,), dtype="int32", name="second"),
    )
    table = layers.Embedding(12, 4)
    inner = keras.Input((6, 4))
    x = layers.MultiHeadAttention(2, 3)(inner, inner)
    x = layers.LayerNormalization()(x + inner)
    encoder = keras.Model(inner, layers.GRU(3, reset_after=True)(x), name="encoder")
    one, other = encoder(table(first)), encoder(table(second))
    score = layers.Dense(1, activation="sigmoid", name="score")(layers.multiply([one, other]))
    kind = layers.Dense(3, name="kind")(layers.Dropout(0.5)(layers.concatenate([one, other])))
    model = keras.Model([first, second], {"score": score, "kind": kind}, name="shared")
    model.compile("sgd", {"score": "binary_crossentropy", "kind": "mse"})
    return model, [RANDOM.integers(0, 12, (3, 6)).astype(np.int32) for _ in range(2)]


def texts():
    """Raw texts, a chain inside a chain, a layer for each step, cells above each other."""
    vectorize = layers.TextVectorization(max_tokens=12, output_sequence_length=6)
    vectorize.adapt(TEXTS)
    encoder = keras.Sequential(
        [layers.SeparableConv1D(5, 2), layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)])], name="encoder"
    )
    chain = [
        *(keras.Input((1,), dtype="string"), vectorize, layers.Embedding(12, 4)),
        *(layers.TimeDistributed(layers.Dense(4, activation="tanh")), encoder, layers.Dense(2)),
    ]
    return keras.Sequential(chain, name="texts"), [np.array([[text] for text in TEXTS[:3]])]


TEXTS = ["the cat sat", "the dog sat, and the cat!", "A bird", "no cat no dog"]


def half():
    """A policy of mixed precision."""
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(2)])
    keras.mixed_precision.set_dtype_policy("float32")
    model.compile("adam", "mse")
    return model, [RANDOM.normal(size=(3, 5)).astype(np.float32)]


def unknown():
    """Layers and arguments that embedcnn does not have."""
    x = keras.Input((4, 6, 3))
    y = layers.ConvLSTM1D(2, 2, name="moving")(x)
    y = layers.Lambda(lambda value: value * 2, name="doubled", output_shape=(5, 2))(y)
    return keras.Model(x, layers.Dense(2)(y)), None


def compressed(path):
    """Writes a zip again, compressed: Keras's own takes ten times the space."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, part in parts.items():
            archive.writestr(zipfile.ZipInfo(name), part, zipfile.ZIP_DEFLATED)


def main():
    FOLDER.mkdir(exist_ok=True)
    outputs = {}
    for make in (functional, shared, texts, half, unknown):
        keras.utils.set_random_seed(1)
        keras.backend.clear_session()
        model, given = make()
        for weight in model.weights:  # others than zeros and ones
            if weight.dtype == "float32":
                weight.assign(weight + 0.1 * RANDOM.normal(size=weight.shape))
            if "variance" in weight.path:
                weight.assign(np.abs(weight.numpy()) + 0.5)
        name = make.__name__
        model.save(FOLDER / f"{name}.keras")
        compressed(FOLDER / f"{name}.keras")
        if given is None:
            continue
        if name == "functional":
            model.save(FOLDER / "functional.h5")
            model.save_weights(FOLDER / "functional.weights.h5")
            for file in FOLDER.glob("*.h5"):
                file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), mtime=0))
                file.unlink()
        tensors = [tf.constant(one) for one in given]
        found = model(tensors if len(given) > 1 else tensors[0], training=False)
        found = found if isinstance(found, dict) else {"out": found}
        found = {key: np.asarray(one, np.float32) for key, one in found.items()}
        outputs |= {f"{name}/in/{place}": one for place, one in enumerate(given) if one.dtype.kind != "U"}
        outputs |= {f"{name}/{key}": one for key, one in found.items()}
    np.savez_compressed(FOLDER / "outputs.npz", **outputs)


if __name__ == "__main__":
    main()
