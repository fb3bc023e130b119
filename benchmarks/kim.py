"""The text CNN of Kim (2014) on sentences like MR: milliseconds a training step against the general
frameworks.

    python benchmarks/kim.py                        # embedcnn and every peer that this Python can import
    python benchmarks/kim.py --python TF/bin/python # TensorFlow + Keras of another environment too
    python benchmarks/kim.py --compile --json kim.json

Filters 3, 4, 5 x 100, D 300, B 50, V 18,765, T 64 with about 20 real tokens (padded), or each batch cut to
its longest text (trimmed); dropout 0.5, Adam; table frozen or trainable. Nothing is masked: all compute the
same function.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import peers

VOCABULARY, WIDTH, FILTERS, KERNELS, BATCH, LENGTH, BATCHES = 18765, 300, 100, (3, 4, 5), 50, 64, 40


def workload(trim: bool):
    ids, labels = peers.movie_reviews(BATCHES, BATCH, LENGTH, VOCABULARY)
    return (peers.trimmed(ids) if trim else list(ids)), labels


def layered_model(keras_like, layers, length, trainable):
    """The same lines build the model in embedcnn and in Keras."""
    x = keras_like.Input((length,), dtype="int32")
    embedded = layers.Embedding(VOCABULARY, WIDTH, trainable=trainable)(x)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(FILTERS, taps, activation="relu")(embedded))
        for taps in KERNELS
    ]
    hidden = layers.Dropout(0.5)(layers.Concatenate()(pooled))
    model = keras_like.Model(x, layers.Dense(2, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def serve_embedcnn(trainable: bool, trim: bool) -> None:
    import embedcnn
    from embedcnn import layers

    batches, labels = workload(trim)
    model = layered_model(embedcnn, layers, None if trim else LENGTH, trainable)
    peers.serve(
        f"embedcnn {embedcnn.__version__}",
        lambda i: model.train_on_batch(batches[i % BATCHES], labels[i % BATCHES]),
    )


def serve_keras(trainable: bool, trim: bool) -> None:
    import keras
    import tensorflow

    batches, labels = workload(trim)
    tensors = [(tensorflow.constant(x), tensorflow.constant(y)) for x, y in zip(batches, labels, strict=True)]
    model = layered_model(keras, keras.layers, None if trim else LENGTH, trainable)
    peers.serve(
        f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}",
        lambda i: model.train_on_batch(*tensors[i % BATCHES]),
    )


def serve_torch(trainable: bool, trim: bool, compiled: bool = False) -> None:
    import torch
    from torch import nn
    from torch.nn import functional

    class TextCNN(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, WIDTH, sparse=trainable)
            self.embedding.weight.requires_grad_(trainable)
            self.convolutions = nn.ModuleList([nn.Conv1d(WIDTH, FILTERS, taps) for taps in KERNELS])
            self.dropout = nn.Dropout(0.5)
            self.dense = nn.Linear(FILTERS * len(KERNELS), 2)

        def forward(self, ids):
            x = self.embedding(ids).transpose(1, 2)
            pooled = [functional.relu(convolution(x)).amax(2) for convolution in self.convolutions]
            return self.dense(self.dropout(torch.cat(pooled, 1)))

    batches, labels = workload(trim)
    inputs = [
        (torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y))
        for x, y in zip(batches, labels, strict=True)
    ]
    model = TextCNN()
    dense = [value for name, value in model.named_parameters() if not name.startswith("embedding.")]
    optimizers = [torch.optim.Adam(dense, fused=True)]
    if trainable:
        optimizers.append(torch.optim.SparseAdam([model.embedding.weight]))
    run = torch.compile(model) if compiled else model

    def step(i):
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        ids, y = inputs[i % BATCHES]
        functional.cross_entropy(run(ids), y).backward()
        for optimizer in optimizers:
            optimizer.step()

    peers.serve(f"PyTorch {torch.__version__}", step)


def serve_torch_compiled(trainable: bool, trim: bool) -> None:
    serve_torch(trainable, trim, compiled=True)


def serve_jax(trainable: bool, trim: bool) -> None:
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)
    parameters = {f"kernel{taps}": jax.random.normal(key, (taps, WIDTH, FILTERS)) * 0.05 for taps in KERNELS}
    parameters |= {f"bias{taps}": jnp.zeros(FILTERS) for taps in KERNELS}
    parameters |= {
        "dense": jax.random.normal(key, (FILTERS * len(KERNELS), 2)) * 0.05,
        "dense_bias": jnp.zeros(2),
    }
    table = {"table": jax.random.normal(key, (VOCABULARY, WIDTH))}
    fixed = {} if trainable else table
    parameters |= table if trainable else {}

    def loss(parameters, fixed, key, ids, labels):
        every = parameters | fixed
        x, pooled = every["table"][ids], []
        for taps in KERNELS:
            convolved = jax.lax.conv_general_dilated(
                x, every[f"kernel{taps}"], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
            )
            pooled.append(jax.nn.relu(convolved + every[f"bias{taps}"]).max(1))
        hidden = jnp.concatenate(pooled, 1)
        hidden = jnp.where(jax.random.bernoulli(key, 0.5, hidden.shape), hidden * 2, 0)
        logits = jax.nn.log_softmax(hidden @ every["dense"] + every["dense_bias"])
        return -jnp.take_along_axis(logits, labels[:, None], 1).mean()

    @jax.jit
    def update(state, fixed, ids, labels):
        t, values, m, v = state
        gradients = jax.grad(loss)(values, fixed, jax.random.fold_in(key, t), ids, labels)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        values = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), values, m, v)
        return t, values, m, v

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = [(0, parameters, zeros, zeros)]
    batches, labels = workload(trim)

    def step(i):
        state[0] = update(state[0], fixed, batches[i % BATCHES], labels[i % BATCHES])
        jax.block_until_ready(state[0])

    peers.serve(f"JAX {jax.__version__}", step)


SERVED = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "PyTorch compiled": serve_torch_compiled,
    "Keras": serve_keras,
    "JAX": serve_jax,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", help="Python of another environment, for TensorFlow + Keras")
    parser.add_argument("--compile", action="store_true", help="torch.compile too (minutes)")
    parser.add_argument("--only", nargs="*", help="names of contestants", choices=list(SERVED))
    parser.add_argument(
        "--cases", nargs="*", default=["frozen", "trainable", "frozen trimmed", "trainable trimmed"]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--case", default="frozen", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        sys.path.insert(0, str(peers.ROOT))
        SERVED[arguments.serve]("trainable" in arguments.case, "trimmed" in arguments.case)
        return
    peers.warn_if_busy()
    pythons = {"embedcnn": sys.executable}
    if peers.installed("torch"):
        pythons["PyTorch"] = sys.executable
        if arguments.compile:
            pythons["PyTorch compiled"] = sys.executable
    if arguments.python or (peers.installed("tensorflow") and peers.installed("keras")):
        pythons["Keras"] = arguments.python or sys.executable
    if peers.installed("jax"):
        pythons["JAX"] = sys.executable
    results = []
    for case in arguments.cases:
        contestants = []
        for name, python in pythons.items():
            if arguments.only and name not in arguments.only:
                continue
            if "trimmed" in case and name in ("JAX", "PyTorch compiled"):
                continue  # they compile anew for every width
            command = [python, str(Path(__file__).resolve()), "--serve", name, "--case", case]
            contestants.append(peers.Contestant(name, command))
        found = peers.race(contestants, arguments.steps, arguments.rounds)
        results.append(peers.report(f"kim, {case}", found))
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
