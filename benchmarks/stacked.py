"""Two convolutions above each other: milliseconds a training step against the general frameworks.

    python benchmarks/stacked.py [--python TF/bin/python] [--compile] [--json stacked.json]

D 100, Conv1D 128 x 5, MaxPooling1D(2), Conv1D 128 x 5, GlobalMaxPooling1D, B 64, T 400 of which all are real
tokens, V 20,000, relu, Adam; table frozen or trainable. All compute the same function.
"""

from __future__ import annotations

import numpy as np
import peers
import text_cnn

SHAPE = text_cnn.TextCNN(
    vocabulary=20000, width=100, filters=128, kernels=(5, 5), batch=64, length=400, batches=10, full=True
)
GOALS = {"frozen": 1.5, "trainable": 1.5}


def layered_model(keras_like, layers, shape, case, **settings):
    x = keras_like.Input((shape.length,), dtype="int32")
    hidden = layers.Embedding(shape.vocabulary, shape.width, trainable="trainable" in case)(x)
    first, second = (layers.Conv1D(shape.filters, taps, activation="relu") for taps in shape.kernels)
    hidden = layers.GlobalMaxPooling1D()(second(layers.MaxPooling1D(2)(first(hidden))))
    model = keras_like.Model(x, layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", **settings)
    return model


def serve_embedcnn(shape, case: str) -> None:
    import embedcnn
    from embedcnn import layers

    batches, labels = shape.workload(case)
    model = layered_model(embedcnn, layers, shape, case)
    peers.serve(
        f"embedcnn {embedcnn.__version__}",
        lambda i: model.train_on_batch(batches[i % len(batches)], labels[i % len(batches)]),
    )


def serve_keras(shape, case: str, compiled: bool = False) -> None:
    import keras
    import tensorflow

    batches, labels = shape.workload(case)
    tensors = [(tensorflow.constant(x), tensorflow.constant(y)) for x, y in zip(batches, labels, strict=True)]
    model = layered_model(keras, keras.layers, shape, case, jit_compile=compiled)
    peers.serve(
        f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}",
        lambda i: model.train_on_batch(*tensors[i % len(tensors)]),
    )


def serve_keras_compiled(shape, case: str) -> None:
    serve_keras(shape, case, compiled=True)


def serve_torch(shape, case: str, compiled: bool = False) -> None:
    import torch
    from torch import nn

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            trainable = "trainable" in case
            self.embedding = nn.Embedding(shape.vocabulary, shape.width, sparse=trainable)
            self.embedding.weight.requires_grad_(trainable)
            self.first = nn.Conv1d(shape.width, shape.filters, shape.kernels[0])
            self.second = nn.Conv1d(shape.filters, shape.filters, shape.kernels[1])
            self.dense = nn.Linear(shape.filters, 2)

        def forward(self, ids):
            x = self.first(self.embedding(ids).transpose(1, 2)).relu()
            x = self.second(nn.functional.max_pool1d(x, 2)).relu()
            return self.dense(x.amax(2))

    batches, labels = shape.workload(case)
    inputs = [
        (torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y))
        for x, y in zip(batches, labels, strict=True)
    ]
    model = Model()
    run = torch.compile(model) if compiled else model
    peers.serve(f"PyTorch {torch.__version__}", text_cnn.torch_training(torch, model, run, inputs))


def serve_torch_compiled(shape, case: str) -> None:
    serve_torch(shape, case, compiled=True)


def serve_jax(shape, case: str) -> None:
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)
    values = {"table": jax.random.normal(key, (shape.vocabulary, shape.width))}
    channels = shape.width
    for number, taps in enumerate(shape.kernels):
        values[f"kernel{number}"] = jax.random.normal(key, (taps, channels, shape.filters)) * 0.05
        values[f"bias{number}"] = jnp.zeros(shape.filters)
        channels = shape.filters
    values |= {"dense": jax.random.normal(key, (channels, 2)) * 0.05, "dense_bias": jnp.zeros(2)}
    fixed = {} if "trainable" in case else {"table": values.pop("table")}

    def convolve(every, number, x):
        convolved = jax.lax.conv_general_dilated(
            x, every[f"kernel{number}"], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
        )
        return jax.nn.relu(convolved + every[f"bias{number}"])

    def logits(values, fixed, key, ids):
        every = values | fixed
        x = convolve(every, 0, every["table"][ids])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 1), (1, 2, 1), "VALID")
        return convolve(every, 1, x).max(1) @ every["dense"] + every["dense_bias"]

    batches, labels = shape.workload(case)
    peers.serve(f"JAX {jax.__version__}", text_cnn.jax_training(logits, values, fixed, batches, labels))


SERVED = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "PyTorch compiled": serve_torch_compiled,
    "Keras": serve_keras,
    "Keras XLA": serve_keras_compiled,
    "JAX": serve_jax,
}

if __name__ == "__main__":
    peers.compete("stacked", __doc__, __file__, SERVED, SHAPE, list(GOALS), GOALS)
