"""The small image CNN of an article (background/003): milliseconds a training step against the frameworks.

    python benchmarks/image_net.py [--python TF/bin/python] [--compile] [--cases train predict] [--json FILE]

Twice Conv2D 32 3 x 3, DepthwiseConv2D 3 x 3, Conv2D 64 1 x 1 (each with ReLU) and MaxPooling2D 2 x 2, then
GlobalAveragePooling2D and Dense to 10 classes; images of 100 x 100 x 3, B 32, Adam. PyTorch holds images and
weights channels_last. All compute the same function.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import peers


@dataclass(frozen=True)
class ImageNet:
    side: int = 100
    batch: int = 32
    classes: int = 10
    batches: int = 4

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        images = rng.random((self.batches, self.batch, self.side, self.side, 3), np.float32)
        return images, rng.integers(0, self.classes, (self.batches, self.batch)).astype(np.int64)


SHAPE = ImageNet()
GOALS = {"train": 1.3, "predict": 1.3}


def keras_layers(layers, classes):
    """The layers by Keras's names, of embedcnn or of Keras."""
    block = [
        layers.Conv2D(32, 3, activation="relu"),
        layers.DepthwiseConv2D(3, activation="relu"),
        layers.Conv2D(64, 1, activation="relu"),
        layers.MaxPooling2D(2),
    ]
    again = [type(layer).from_config({**layer.get_config(), "name": f"{layer.name}_2"}) for layer in block]
    return [*block, *again, layers.GlobalAveragePooling2D(), layers.Dense(classes, activation="softmax")]


def serve_embedcnn(shape, case):
    import embedcnn

    images, labels = shape.data()
    inputs = embedcnn.Input((shape.side, shape.side, 3))
    model = embedcnn.Sequential([inputs, *keras_layers(embedcnn.layers, shape.classes)])
    model.compile("adam", "sparse_categorical_crossentropy")
    if case == "train":
        peers.serve("embedcnn", lambda number: model.train_on_batch(*one_of(images, labels, number)))
    else:
        peers.serve("embedcnn", lambda number: model.predict_on_batch(images[number % len(images)]))


def one_of(images, labels, number):
    return images[number % len(images)], labels[number % len(labels)]


def serve_torch(shape, case, compiled=False):
    import torch
    from torch import nn

    torch.manual_seed(0)
    images, labels = shape.data()
    images = [torch.from_numpy(one.transpose(0, 3, 1, 2)) for one in images]  # strides are channels_last
    labels = [torch.from_numpy(one) for one in labels]

    def block(channels):
        return [
            *(nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3, groups=32), nn.ReLU()),
            *(nn.Conv2d(32, 64, 1), nn.ReLU(), nn.MaxPool2d(2)),
        ]

    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, shape.classes)]
    net = nn.Sequential(*block(3), *block(64), *head).to(memory_format=torch.channels_last)
    forward = torch.compile(net) if compiled else net
    optimizer, loss = torch.optim.Adam(net.parameters()), nn.CrossEntropyLoss()

    def train(number):
        x, y = one_of(images, labels, number)
        optimizer.zero_grad()
        loss(forward(x), y).backward()
        optimizer.step()

    @torch.inference_mode()
    def predict(number):
        return forward(images[number % len(images)]).softmax(1)

    peers.serve(f"torch {torch.__version__}", train if case == "train" else predict)


def serve_keras(shape, case, xla=False):
    import os

    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow as tf

    images, labels = shape.data()
    layers = [keras.Input((shape.side, shape.side, 3)), *keras_layers(keras.layers, shape.classes)]
    model = keras.Sequential(layers)
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=xla)
    images, labels = [tf.constant(one) for one in images], [tf.constant(one) for one in labels]
    if case == "train":
        step = model.train_on_batch
        peers.serve(f"keras {keras.__version__}", lambda number: step(*one_of(images, labels, number)))
    else:
        call = tf.function(lambda x: model(x, training=False), jit_compile=xla)
        peers.serve(f"keras {keras.__version__}", lambda number: call(images[number % len(images)]).numpy())


def serve_jax(shape, case):
    import jax
    from jax import lax
    from jax import numpy as jnp

    images, labels = shape.data()
    rng = np.random.default_rng(0)

    def weights(*sizes):
        return jnp.asarray(rng.normal(0, 0.1, sizes), jnp.float32), jnp.zeros(sizes[-1])

    def block(channels):
        return [weights(3, 3, channels, 32), weights(3, 3, 1, 32), weights(1, 1, 32, 64)]

    parameters = [*block(3), *block(64), weights(64, shape.classes)]

    def forward(parameters, x):
        for number, (kernel, bias) in enumerate(parameters[:-1]):
            groups = 32 if number % 3 == 1 else 1
            layout = ("NHWC", "HWIO", "NHWC")
            x = lax.conv_general_dilated(
                x, kernel, (1, 1), "VALID", dimension_numbers=layout, feature_group_count=groups
            )
            x = jnp.maximum(x + bias, 0)
            if number % 3 == 2:
                x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
        return x.mean((1, 2)) @ parameters[-1][0] + parameters[-1][1]

    def loss(parameters, x, y):
        return -jax.nn.log_softmax(forward(parameters, x))[jnp.arange(len(y)), y].mean()

    @jax.jit
    def update(state, number, x, y):
        values, first, second = state
        gradient = jax.grad(loss)(values, x, y)
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate = 0.001 * jnp.sqrt(1 - 0.999**number) / (1 - 0.9**number)
        values = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), values, first, second)
        return values, first, second

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = [(parameters, zeros, zeros)]

    def train(number):
        state[0] = jax.block_until_ready(update(state[0], number + 1.0, *one_of(images, labels, number)))

    predict = jax.jit(forward)
    if case == "train":
        peers.serve(f"jax {jax.__version__}", train)
    else:
        peers.serve(
            f"jax {jax.__version__}", lambda n: np.asarray(predict(parameters, images[n % len(images)]))
        )


SERVED = {
    "embedcnn": serve_embedcnn,
    "PyTorch": serve_torch,
    "PyTorch compiled": lambda shape, case: serve_torch(shape, case, True),
    "Keras": serve_keras,
    "Keras XLA": lambda shape, case: serve_keras(shape, case, True),
    "JAX": serve_jax,
}

if __name__ == "__main__":
    peers.compete("image net", __doc__, __file__, SERVED, SHAPE, list(GOALS), GOALS, rounds=5, steps=3)
