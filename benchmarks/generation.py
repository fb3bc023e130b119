"""Text generation, one stream, one character after the other: characters a second.

    python benchmarks/generation.py [--python TF/bin/python] [--only embedcnn PyTorch] [--json results.json]

V 92, Embedding 256, LSTM 512, Dense 92, temperature 0.8, the state carried from character to character. Each
framework by its usual loop: embedcnn `generation.stream`; PyTorch `nn.LSTM` with its states under
inference_mode and torch.multinomial; Keras a stateful model called for each character, and a one-step model
under tf.function ("Keras function"); JAX a jitted step. Goals: 10 times Keras's loop, 3 times PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import peers

TEMPERATURE = 0.8


@dataclass(frozen=True)
class Shape:
    """Sizes, and characters of a run."""

    vocabulary: int = 92
    width: int = 256
    units: int = 512
    characters: int = 500


def serve_embedcnn(shape: Shape, case: str) -> None:
    import embedcnn

    characters = "".join(chr(33 + number) for number in range(shape.vocabulary - 1))
    writer = embedcnn.CharLanguageModel(characters, shape.width, shape.units, seed=0)

    def run(number: int) -> None:
        written = writer.generate("A", shape.characters, temperature=TEMPERATURE, seed=number)
        assert len(written) == shape.characters, len(written)

    peers.serve(f"embedcnn {embedcnn.__version__}", run)


def serve_torch(shape: Shape, case: str) -> None:
    import torch
    from torch import nn

    embedding = nn.Embedding(shape.vocabulary, shape.width)
    recurrent = nn.LSTM(shape.width, shape.units, batch_first=True)
    dense = nn.Linear(shape.units, shape.vocabulary)

    def run(number: int) -> None:
        torch.manual_seed(number)
        token, state = torch.zeros((1, 1), dtype=torch.int64), None
        with torch.inference_mode():
            for _ in range(shape.characters):
                out, state = recurrent(embedding(token), state)
                scores = dense(out[:, -1]) / TEMPERATURE
                token = torch.multinomial(scores.softmax(1), 1)
                token.item()

    peers.serve(f"PyTorch {torch.__version__}", run)


def keras_model(shape: Shape, stateful: bool):
    import keras

    x = keras.Input(batch_shape=(1, 1), dtype="int32")
    embedded = keras.layers.Embedding(shape.vocabulary, shape.width)(x)
    if stateful:
        recurrent = keras.layers.LSTM(shape.units, stateful=True)
        return keras.Model(x, keras.layers.Dense(shape.vocabulary)(recurrent(embedded)))
    states = [keras.Input(batch_shape=(1, shape.units)) for _ in range(2)]
    out, *after = keras.layers.LSTM(shape.units, return_state=True)(embedded, initial_state=states)
    return keras.Model([x, *states], [keras.layers.Dense(shape.vocabulary)(out), *after])


def keras_version() -> str:
    import keras
    import tensorflow

    return f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}"


def serve_keras(shape: Shape, case: str) -> None:
    import tensorflow

    model = keras_model(shape, stateful=True)

    def run(number: int) -> None:
        tensorflow.random.set_seed(number)
        token = np.zeros((1, 1), np.int32)
        for _ in range(shape.characters):
            scores = model(token, training=False) / TEMPERATURE
            token = tensorflow.random.categorical(scores, 1, dtype=tensorflow.int32).numpy()

    peers.serve(keras_version(), run)


def serve_keras_function(shape: Shape, case: str) -> None:
    import tensorflow

    model = keras_model(shape, stateful=False)

    @tensorflow.function
    def one_step(token, h, c):
        scores, h, c = model([token, h, c], training=False)
        return tensorflow.random.categorical(scores / TEMPERATURE, 1, dtype=tensorflow.int32), h, c

    def run(number: int) -> None:
        tensorflow.random.set_seed(number)
        token, h = tensorflow.zeros((1, 1), tensorflow.int32), tensorflow.zeros((1, shape.units))
        c = h
        for _ in range(shape.characters):
            token, h, c = one_step(token, h, c)
            token.numpy()

    peers.serve(keras_version(), run)


def serve_jax(shape: Shape, case: str) -> None:
    import jax
    import jax.numpy as jnp

    key = jax.random.PRNGKey(0)
    table = jax.random.normal(key, (shape.vocabulary, shape.width)) * 0.05
    kernel = jax.random.normal(key, (shape.width, 4 * shape.units)) * 0.05
    recurrent = jax.random.normal(key, (shape.units, 4 * shape.units)) * 0.05
    dense = jax.random.normal(key, (shape.units, shape.vocabulary)) * 0.05

    @jax.jit
    def one_step(token, h, c, key):
        key, now = jax.random.split(key)
        i, f, g, o = jnp.split(table[token] @ kernel + h @ recurrent, 4)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return jax.random.categorical(now, h @ dense / TEMPERATURE), h, c, key

    def run(number: int) -> None:
        token, h, key = jnp.int32(0), jnp.zeros(shape.units), jax.random.PRNGKey(number)
        c = h
        for _ in range(shape.characters):
            token, h, c, key = one_step(token, h, c, key)
            token.item()

    peers.serve(f"JAX {jax.__version__}", run)


SERVED: dict[str, Callable[[Shape, str], None]] = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "Keras": serve_keras,
    "Keras function": serve_keras_function,
    "JAX": serve_jax,
}
SHAPE = Shape()
CASE = f"{SHAPE.characters} characters"

if __name__ == "__main__":
    peers.compete("generation", __doc__, __file__, SERVED, SHAPE, [CASE], {}, rounds=5, steps=1)
