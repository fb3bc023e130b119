"""Averaged embeddings (Embedding 10,000 x 128, the mean of 100 tokens, Dense 128, Dense 1, Adam):
milliseconds a training step against the general frameworks.

    python benchmarks/averaged.py                          # embedcnn and every peer that this Python has
    python benchmarks/averaged.py --python JAX/bin/python  # JAX, TensorFlow + Keras of another environment

Batches of 32 and of 512 texts of 100 tokens, as frequent as words, nothing masked. PyTorch updates the
table by SparseAdam, the others all of its rows. Over 2,000,000 rows: big_table.py --cases averaged.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
import peers

GOALS = {"B 32": 7.0, "B 512": 5.0}


@dataclass(frozen=True)
class Averaged:
    vocabulary: int = 10_000
    width: int = 128
    length: int = 100
    hidden: int = 128
    batches: int = 40

    def workload(self, case: str, batches: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(ids [batches, B, T] int32, labels [batches, B, 1] float32)."""
        rng = np.random.default_rng(0)
        shape = (batches or self.batches, int(case.split()[1]), self.length)
        ids = peers.zipf_ids(rng, int(np.prod(shape)), self.vocabulary).reshape(shape)
        return ids, rng.integers(0, 2, (*shape[:2], 1)).astype(np.float32)


SHAPE = Averaged()


def layered_model(keras_like, layers, shape: Averaged, rows: int, **settings):
    """The same lines build the model in embedcnn and in Keras."""
    model = keras_like.Sequential(
        [
            keras_like.Input((shape.length,), dtype="int32"),
            layers.Embedding(rows, shape.width),
            layers.GlobalAveragePooling1D(),
            layers.Dense(shape.hidden, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", **settings)
    return model


def serve_embedcnn(shape: Averaged, case: str) -> None:
    import embedcnn
    from embedcnn import layers

    ids, labels = shape.workload(case)
    model = layered_model(embedcnn, layers, shape, shape.vocabulary)
    peers.serve(
        f"embedcnn {embedcnn.__version__}",
        lambda i: model.train_on_batch(ids[i % shape.batches], labels[i % shape.batches]),
    )


def serve_keras(shape: Averaged, case: str, compiled: bool = False) -> None:
    import keras
    import tensorflow

    ids, labels = shape.workload(case)
    tensors = [(tensorflow.constant(x), tensorflow.constant(y)) for x, y in zip(ids, labels, strict=True)]
    model = layered_model(keras, keras.layers, shape, shape.vocabulary, jit_compile=compiled)
    peers.serve(
        f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}",
        lambda i: model.train_on_batch(*tensors[i % shape.batches]),
    )


def serve_keras_compiled(shape: Averaged, case: str) -> None:
    serve_keras(shape, case, compiled=True)


def serve_keras_on_jax(shape: Averaged, case: str) -> None:
    os.environ["KERAS_BACKEND"] = "jax"
    import jax
    import keras

    ids, labels = shape.workload(case)
    model = layered_model(keras, keras.layers, shape, shape.vocabulary)
    peers.serve(
        f"JAX {jax.__version__}, Keras {keras.__version__}",
        lambda i: model.train_on_batch(ids[i % shape.batches], labels[i % shape.batches]),
    )


def serve_torch(shape: Averaged, case: str, bag: bool = False) -> None:
    """Adam, the table by SparseAdam; `bag`: EmbeddingBag instead of Embedding and a mean."""
    import torch
    from torch import nn

    ids, labels = shape.workload(case)
    inputs = [
        (torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y)) for x, y in zip(ids, labels, strict=True)
    ]
    table: nn.Module
    if bag:
        table = nn.EmbeddingBag(shape.vocabulary, shape.width, mode="mean", sparse=True)
    else:
        table = nn.Embedding(shape.vocabulary, shape.width, sparse=True)
    rest = nn.Sequential(nn.Linear(shape.width, shape.hidden), nn.ReLU(), nn.Linear(shape.hidden, 1))
    optimizers = [torch.optim.Adam(rest.parameters(), fused=True), torch.optim.SparseAdam(table.parameters())]

    def step(i: int) -> None:
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        x, y = inputs[i % len(inputs)]
        pooled = table(x) if bag else table(x).mean(1)
        nn.functional.binary_cross_entropy_with_logits(rest(pooled), y).backward()
        for optimizer in optimizers:
            optimizer.step()

    peers.serve(f"PyTorch {torch.__version__}", step)


def serve_torch_bag(shape: Averaged, case: str) -> None:
    serve_torch(shape, case, bag=True)


def serve_jax(shape: Averaged, case: str) -> None:
    """A jitted step of Adam whose state is donated, so that it is updated in place."""
    import jax
    import jax.numpy as jnp

    ids, labels = shape.workload(case)
    key = jax.random.PRNGKey(0)
    values = {
        "table": jax.random.uniform(key, (shape.vocabulary, shape.width), minval=-0.05, maxval=0.05),
        "hidden": jax.random.normal(key, (shape.width, shape.hidden)) * 0.1,
        "hidden_bias": jnp.zeros(shape.hidden),
        "out": jax.random.normal(key, (shape.hidden, 1)) * 0.1,
        "out_bias": jnp.zeros(1),
    }

    def loss(values, x, y):
        pooled = values["table"][x].mean(1)
        hidden = jax.nn.relu(pooled @ values["hidden"] + values["hidden_bias"])
        logits = hidden @ values["out"] + values["out_bias"]
        return (jax.nn.softplus(logits) - y * logits).mean()

    def update(state, x, y):
        t, values, m, v = state
        gradients = jax.grad(loss)(values, x, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        values = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), values, m, v)
        return t, values, m, v

    compiled = jax.jit(update, donate_argnums=0)
    zeros = jax.tree.map(jnp.zeros_like, values)
    state = [(jnp.int32(0), values, zeros, jax.tree.map(jnp.copy, zeros))]

    def step(i: int) -> None:
        state[0] = compiled(state[0], ids[i % len(ids)], labels[i % len(ids)])
        jax.block_until_ready(state[0])

    peers.serve(f"JAX {jax.__version__}", step)


SERVED = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "PyTorch bag": serve_torch_bag,
    "Keras": serve_keras,
    "Keras XLA": serve_keras_compiled,
    "JAX": serve_jax,
    "JAX Keras": serve_keras_on_jax,
}


if __name__ == "__main__":
    peers.compete("averaged", __doc__, __file__, SERVED, SHAPE, list(GOALS), GOALS, steps=20)
