"""Writes keras_rs.npz: what keras_rs.layers.EmbedReduce (0.4.0, on JAX 0.10.2) gives for the cases below:
outputs, and the gradients of the table and the weights. Run once, where keras-rs and JAX are installed:

    KERAS_BACKEND=jax python tests/golden/make_keras_rs.py
"""

import pathlib

import numpy as np

ROWS, WIDTH = 11, 5


def cases():
    """{name: (combiner, table, ids, weights or None, gradient of the output)}."""
    rng = np.random.default_rng(0)
    table = rng.normal(size=(ROWS, WIDTH)).astype(np.float32)
    for combiner in ("mean", "sum", "sqrtn"):
        for name, shape in (("texts", (4, 6)), ("single ids", (4,)), ("one token", (3, 1))):
            ids = rng.integers(0, ROWS, shape).astype(np.int32)
            weights = rng.uniform(0.25, 2, shape).astype(np.float32)
            grad = rng.normal(size=(shape[0], WIDTH)).astype(np.float32)
            yield f"{combiner}, {name}", (combiner, table, ids, None, grad)
            yield f"{combiner}, {name}, weighted", (combiner, table, ids, weights, grad)


def values_of(combiner, table, ids, weights, grad):
    import jax
    import keras_rs

    layer = keras_rs.layers.EmbedReduce(ROWS, WIDTH, combiner=combiner)
    layer.build(ids.shape)

    def outputs(table, weights):
        return layer.stateless_call([table], [], ids, weights=weights)[0]

    found = {"out": outputs(table, weights)}
    by = (0,) if weights is None else (0, 1)
    gradients = jax.grad(lambda *given: (outputs(*given) * grad).sum(), by)(table, weights)
    found |= dict(zip(("d_table", "d_weights"), gradients, strict=False))
    return {name: np.asarray(value) for name, value in found.items()}


if __name__ == "__main__":
    made = {f"{name}/{key}": value for name, case in cases() for key, value in values_of(*case).items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("keras_rs.npz"), **made)
    print(len(made), "arrays")
