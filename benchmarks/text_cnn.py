"""The text CNN in every framework: what `kim.py`, `cnn1.py` and `predict.py` measure, in one place.

`TextCNN` is a shape; `serve_...` are the contestants of `peers.py`. A case is a string of words: "trainable"
(else the table is frozen), "trimmed" (each batch cut to its longest text), "predict" (outputs of a batch
instead of a training step), "high" (embedcnn's precision of matrix products).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import peers


@dataclass(frozen=True)
class TextCNN:
    """`full`: every text as long as T; else sentences like MR's, of about 20 words."""

    vocabulary: int
    width: int
    filters: int
    kernels: tuple[int, ...]
    batch: int
    length: int
    batches: int
    full: bool = False

    def workload(self, case: str) -> tuple[list[np.ndarray], np.ndarray]:
        """(ids of each batch, labels [batches, batch])."""
        if self.full:
            rng = np.random.default_rng(1)
            shape = (self.batches, self.batch, self.length)
            ids = peers.zipf_ids(rng, int(np.prod(shape)), self.vocabulary).reshape(shape)
            labels = rng.integers(0, 2, shape[:2]).astype(np.int64)
        else:
            ids, labels = peers.movie_reviews(self.batches, self.batch, self.length, self.vocabulary)
        return (peers.trimmed(ids) if "trimmed" in case else list(ids)), labels


def layered_model(keras_like, layers, shape: TextCNN, case: str, **settings):
    """The same lines build the model in embedcnn and in Keras."""
    x = keras_like.Input((None if "trimmed" in case else shape.length,), dtype="int32")
    embedded = layers.Embedding(shape.vocabulary, shape.width, trainable="trainable" in case)(x)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(shape.filters, taps, activation="relu")(embedded))
        for taps in shape.kernels
    ]
    hidden = layers.Concatenate()(pooled) if len(pooled) > 1 else pooled[0]
    model = keras_like.Model(x, layers.Dense(2, activation="softmax")(layers.Dropout(0.5)(hidden)))
    model.compile("adam", "sparse_categorical_crossentropy", **settings)
    return model


def serve_embedcnn(shape: TextCNN, case: str) -> None:
    import embedcnn
    from embedcnn import layers

    embedcnn.set_float32_matmul_precision("high" if "high" in case else "highest")
    batches, labels = shape.workload(case)
    model = layered_model(embedcnn, layers, shape, case)
    version = f"embedcnn {embedcnn.__version__}"
    if "predict" in case:
        peers.serve(version, lambda i: model.predict_on_batch(batches[i % shape.batches]))
    else:
        peers.serve(
            version, lambda i: model.train_on_batch(batches[i % shape.batches], labels[i % shape.batches])
        )


def serve_keras(shape: TextCNN, case: str, compiled: bool = False, narrow: bool = False) -> None:
    import keras
    import tensorflow

    if narrow:
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
    batches, labels = shape.workload(case)
    tensors = [(tensorflow.constant(x), tensorflow.constant(y)) for x, y in zip(batches, labels, strict=True)]
    model = layered_model(keras, keras.layers, shape, case, jit_compile=compiled)
    version = f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}"
    if "predict" in case:
        peers.serve(version, lambda i: model.predict_on_batch(tensors[i % shape.batches][0]))
    else:
        peers.serve(version, lambda i: model.train_on_batch(*tensors[i % shape.batches]))


def serve_keras_compiled(shape: TextCNN, case: str) -> None:
    serve_keras(shape, case, compiled=True)


def serve_keras_narrow(shape: TextCNN, case: str) -> None:
    serve_keras(shape, case, narrow=True)


def torch_model(shape: TextCNN, trainable: bool):
    import torch
    from torch import nn
    from torch.nn import functional

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(shape.vocabulary, shape.width, sparse=trainable)
            self.embedding.weight.requires_grad_(trainable)
            self.convolutions = nn.ModuleList(
                [nn.Conv1d(shape.width, shape.filters, taps) for taps in shape.kernels]
            )
            self.dropout = nn.Dropout(0.5)
            self.dense = nn.Linear(shape.filters * len(shape.kernels), 2)

        def forward(self, ids):
            x = self.embedding(ids).transpose(1, 2)
            pooled = [functional.relu(convolution(x)).amax(2) for convolution in self.convolutions]
            return self.dense(self.dropout(torch.cat(pooled, 1)))

    return Model()


def serve_torch(shape: TextCNN, case: str, compiled: bool = False, narrow: bool = False) -> None:
    import torch

    batches, labels = shape.workload(case)
    inputs = [
        (torch.from_numpy(x.astype(np.int64)), torch.from_numpy(y))
        for x, y in zip(batches, labels, strict=True)
    ]
    model = torch_model(shape, "trainable" in case)
    run = torch.compile(model) if compiled else model
    version = f"PyTorch {torch.__version__}"
    if "predict" in case:
        model.eval()
        peers.serve(version, torch_prediction(torch, run, inputs))
    else:
        peers.serve(version, torch_training(torch, model, run, inputs, narrow))


def torch_prediction(torch, run, inputs) -> Callable[[int], object]:
    def step(i: int) -> object:
        with torch.inference_mode():
            return run(inputs[i % len(inputs)][0]).softmax(1).numpy()

    return step


def torch_training(torch, model, run, inputs, narrow: bool = False) -> Callable[[int], object]:
    """Adam; the table, where it is trained and gives sparse gradients, by SparseAdam. `narrow`: products in
    bfloat16.
    """
    table = [value for name, value in model.named_parameters() if name.startswith("embedding.")]
    rest = [value for name, value in model.named_parameters() if not name.startswith("embedding.")]
    optimizers = [torch.optim.Adam(rest, fused=True)]
    if table[0].requires_grad:
        optimizers.append(torch.optim.SparseAdam(table))

    def step(i: int) -> None:
        for optimizer in optimizers:
            optimizer.zero_grad(set_to_none=True)
        ids, y = inputs[i % len(inputs)]
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
            loss = torch.nn.functional.cross_entropy(run(ids), y)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    return step


def serve_torch_compiled(shape: TextCNN, case: str) -> None:
    serve_torch(shape, case, compiled=True)


def serve_torch_narrow(shape: TextCNN, case: str) -> None:
    serve_torch(shape, case, narrow=True)


def serve_jax(shape: TextCNN, case: str) -> None:
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)
    features = shape.filters * len(shape.kernels)
    values = {"table": jax.random.normal(key, (shape.vocabulary, shape.width))}
    for taps in shape.kernels:
        values[f"kernel{taps}"] = jax.random.normal(key, (taps, shape.width, shape.filters)) * 0.05
        values[f"bias{taps}"] = jnp.zeros(shape.filters)
    values |= {"dense": jax.random.normal(key, (features, 2)) * 0.05, "dense_bias": jnp.zeros(2)}
    fixed = {} if "trainable" in case else {"table": values.pop("table")}

    def logits(values, fixed, key, ids):
        every = values | fixed
        x, pooled = every["table"][ids], []
        for taps in shape.kernels:
            convolved = jax.lax.conv_general_dilated(
                x, every[f"kernel{taps}"], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC")
            )
            pooled.append(jax.nn.relu(convolved + every[f"bias{taps}"]).max(1))
        hidden = jnp.concatenate(pooled, 1)
        if key is not None:
            hidden = jnp.where(jax.random.bernoulli(key, 0.5, hidden.shape), hidden * 2, 0)
        return hidden @ every["dense"] + every["dense_bias"]

    batches, labels = shape.workload(case)
    version = f"JAX {jax.__version__}"
    if "predict" in case:
        predict = jax.jit(lambda values, fixed, ids: jax.nn.softmax(logits(values, fixed, None, ids)))
        peers.serve(version, lambda i: np.asarray(predict(values, fixed, batches[i % shape.batches])))
    else:
        peers.serve(version, jax_training(logits, values, fixed, batches, labels))


def jax_training(logits, values, fixed, batches, labels) -> Callable[[int], object]:
    """A jitted step of Adam on `logits(values, fixed, key, ids)`."""
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(1)

    def loss(values, fixed, key, ids, y):
        scores = jax.nn.log_softmax(logits(values, fixed, key, ids))
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()

    @jax.jit
    def update(state, fixed, ids, y):
        t, values, m, v = state
        gradients = jax.grad(loss)(values, fixed, jax.random.fold_in(key, t), ids, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradients)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradients)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        values = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), values, m, v)
        return t, values, m, v

    zeros = jax.tree.map(jnp.zeros_like, values)
    state = [(0, values, zeros, zeros)]

    def step(i: int) -> None:
        state[0] = update(state[0], fixed, batches[i % len(batches)], labels[i % len(batches)])
        jax.block_until_ready(state[0])

    return step


SERVED = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "PyTorch compiled": serve_torch_compiled,
    "Keras": serve_keras,
    "Keras XLA": serve_keras_compiled,
    "JAX": serve_jax,
}
SERVED_NARROW = {"PyTorch bfloat16": serve_torch_narrow, "Keras bfloat16": serve_keras_narrow}
