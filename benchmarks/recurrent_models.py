"""Language models over recurrent layers in every framework: what `lstm.py` measures, in one place.

A case is a string of words: the layer ("LSTM", "GRU", "stacked": two LSTMs, "bidirectional": an LSTM in each
direction), its units, "lengths" (texts of different lengths), and before them a precision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import peers


@dataclass(frozen=True)
class Shape:
    """Sizes that all cases share."""

    vocabulary: int = 92
    width: int = 256
    length: int = 100
    batches: int = 8

    def batch(self, case: str) -> int:
        return 128 if units_of(case) > 256 else 64

    def workload(self, case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(ids, the ids that follow, how many are real): [batches, batch, length] twice, 0 behind the texts,
        and [batches, batch]."""
        rng = np.random.default_rng(0)
        shape = (self.batches, self.batch(case))
        ids = rng.integers(1, self.vocabulary, (*shape, self.length + 1)).astype(np.int32)
        lengths = np.full(shape, self.length, np.int64)
        if "lengths" in case:
            lengths = (10 + (self.length - 10) * rng.beta(1, 2, shape)).astype(np.int64)
        real = np.arange(self.length) < lengths[..., None]
        return ids[..., :-1] * real, ids[..., 1:] * real, lengths


def units_of(case: str) -> int:
    return next(int(word) for word in case.split() if word.isdigit())


def precision_of(case: str) -> str:
    return {"high": "high", "medium": "medium"}.get(case.split()[0], "highest")


def layered_model(keras_like, layers, optimizers, losses, shape: Shape, case: str, masked: bool, **settings):
    """The same lines build the model in embedcnn and in Keras."""
    units = units_of(case)
    kind = layers.GRU if "GRU" in case else layers.LSTM
    model = keras_like.Sequential(
        [
            keras_like.Input((shape.length,), dtype="int32"),
            layers.Embedding(shape.vocabulary, shape.width, mask_zero=masked),
        ]
    )
    for _ in range(2 if "stacked" in case else 1):
        layer = kind(units, return_sequences=True)
        model.add(layers.Bidirectional(layer) if "bidirectional" in case else layer)
    model.add(layers.Dense(shape.vocabulary))
    ignored = 0 if "lengths" in case and not masked else None
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=ignored)
    model.compile(optimizers.Adam(0.002, global_clipnorm=1.0), loss, **settings)
    return model


def serve_embedcnn(shape: Shape, case: str, precision: str | None = None) -> None:
    import embedcnn
    from embedcnn import layers, losses, optimizers

    embedcnn.set_float32_matmul_precision(precision or precision_of(case))
    ids, following, _ = shape.workload(case)
    model = layered_model(embedcnn, layers, optimizers, losses, shape, case, "lengths" in case)
    peers.serve(
        f"embedcnn {embedcnn.__version__}",
        lambda i: model.train_on_batch(ids[i % shape.batches], following[i % shape.batches]),
    )


def serve_embedcnn_float32(shape: Shape, case: str) -> None:
    serve_embedcnn(shape, case, "highest")


def serve_keras(shape: Shape, case: str, compiled: bool = False) -> None:
    import keras
    import tensorflow

    if precision_of(case) == "medium":
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    ids, following, _ = shape.workload(case)
    tensors = [(tensorflow.constant(x), tensorflow.constant(y)) for x, y in zip(ids, following, strict=True)]
    # padding stands behind: without a mask the real steps are the same, and Keras is faster
    model = layered_model(
        keras, keras.layers, keras.optimizers, keras.losses, shape, case, False, jit_compile=compiled
    )
    peers.serve(
        f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}",
        lambda i: model.train_on_batch(*tensors[i % len(tensors)]),
    )


def serve_keras_compiled(shape: Shape, case: str) -> None:
    serve_keras(shape, case, compiled=True)


def torch_model(shape: Shape, case: str, packed: bool = False):
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_padded_sequence

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            units = units_of(case)
            both = "bidirectional" in case
            kind = nn.GRU if "GRU" in case else nn.LSTM
            self.embedding = nn.Embedding(shape.vocabulary, shape.width)
            self.recurrent = kind(
                shape.width,
                units,
                num_layers=2 if "stacked" in case else 1,
                batch_first=True,
                bidirectional=both,
            )
            self.dense = nn.Linear(units * (1 + both), shape.vocabulary)

        def forward(self, ids, following, lengths):
            x = self.embedding(ids)
            if packed:
                x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
                following = pack_padded_sequence(following, lengths, batch_first=True, enforce_sorted=False)
                scores, targets = self.dense(self.recurrent(x)[0].data), following.data
            else:
                scores, targets = self.dense(self.recurrent(x)[0]).flatten(0, 1), following.flatten()
            return torch.nn.functional.cross_entropy(scores.float(), targets, ignore_index=0)

    return Model()


def serve_torch(shape: Shape, case: str, packed: bool = False) -> None:
    import torch

    ids, following, lengths = (torch.from_numpy(array) for array in shape.workload(case))
    ids, following = ids.long(), following.long()
    model = torch_model(shape, case, packed)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002, fused=True)
    narrow = precision_of(case) == "medium"

    def step(i: int) -> None:
        i %= shape.batches
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
            loss = model(ids[i], following[i], lengths[i])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    peers.serve(f"PyTorch {torch.__version__}", step)


def serve_torch_packed(shape: Shape, case: str) -> None:
    serve_torch(shape, case, packed=True)


def jax_layer(case: str) -> tuple[int, Callable]:
    """(gates, a recurrent layer over (B, T, gates units) inputs)."""
    import jax
    import jax.numpy as jnp

    units = units_of(case)

    def lstm(state, x, weights):
        h, c = state
        i, f, g, o = jnp.split(x + h @ weights, 4, 1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h

    def gru(state, x, weights):
        (h,) = state
        from_state = h @ weights
        z, r = jnp.split(jax.nn.sigmoid((x + from_state)[:, : 2 * units]), 2, 1)
        g = jnp.tanh(x[:, 2 * units :] + r * from_state[:, 2 * units :])
        h = z * h + (1 - z) * g
        return (h,), h

    cell, states, gates = (gru, 1, 3) if "GRU" in case else (lstm, 2, 4)

    def layer(x, weights):
        first = tuple(jnp.zeros((len(x), units)) for _ in range(states))
        _, out = jax.lax.scan(lambda state, x: cell(state, x, weights), first, x.swapaxes(0, 1))
        return out.swapaxes(0, 1)

    return gates, layer


def serve_jax(shape: Shape, case: str) -> None:
    import jax
    import jax.numpy as jnp

    gates, layer = jax_layer(case)
    units, both = units_of(case), "bidirectional" in case
    key = jax.random.PRNGKey(0)
    values = {"table": jax.random.normal(key, (shape.vocabulary, shape.width))}
    count = 2 if both or "stacked" in case else 1
    for number in range(count):
        inputs = units if number and "stacked" in case else shape.width
        values[f"kernel{number}"] = jax.random.normal(key, (inputs, gates * units)) * 0.05
        values[f"recurrent{number}"] = jax.random.normal(key, (units, gates * units)) * 0.05
        values[f"bias{number}"] = jnp.zeros(gates * units)
    values |= {
        "dense": jax.random.normal(key, (units * (1 + both), shape.vocabulary)) * 0.05,
        "dense_bias": jnp.zeros(shape.vocabulary),
    }

    def run(values, number, x):
        return layer(x @ values[f"kernel{number}"] + values[f"bias{number}"], values[f"recurrent{number}"])

    def loss(values, ids, following):
        x = values["table"][ids]
        if both:
            x = jnp.concatenate([run(values, 0, x), run(values, 1, x[:, ::-1])[:, ::-1]], 2)
        else:
            for number in range(count):
                x = run(values, number, x)
        scores = jax.nn.log_softmax(x @ values["dense"] + values["dense_bias"])
        each = -jnp.take_along_axis(scores, following[..., None], 2)[..., 0]
        return (each * (following > 0)).sum() / (following > 0).sum()

    ids, following, _ = shape.workload(case)
    peers.serve(f"JAX {jax.__version__}", jax_training(loss, values, ids, following))


def jax_training(loss, values, ids, following) -> Callable[[int], object]:
    """A jitted step of Adam, the gradients clipped to a global norm of 1."""
    import jax
    import jax.numpy as jnp

    @jax.jit
    def update(state, ids, following):
        t, values, m, v = state
        gradients = jax.grad(loss)(values, ids, following)
        norm = jnp.sqrt(sum((g * g).sum() for g in jax.tree.leaves(gradients)))
        gradients = jax.tree.map(lambda g: g * jnp.minimum(1.0, 1.0 / norm), gradients)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
        rate = 2e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        values = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), values, m, v)
        return t, values, m, v

    zeros = jax.tree.map(jnp.zeros_like, values)
    state = [(0, values, zeros, zeros)]

    def step(i: int) -> None:
        i %= len(ids)
        state[0] = update(state[0], ids[i], following[i])
        jax.block_until_ready(state[0])

    return step


SERVED = {
    "embedcnn": serve_embedcnn,
    "embedcnn float32": serve_embedcnn_float32,
    "PyTorch": serve_torch,
    "PyTorch packed": serve_torch_packed,
    "Keras": serve_keras,
    "Keras XLA": serve_keras_compiled,
    "JAX": serve_jax,
}
