"""EmbedReduce against keras_rs.layers.EmbedReduce: outputs, gradients of the table and of the weights
(tests/golden/make_keras_rs.py).
"""

from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_rs import ROWS, WIDTH, cases

import embedcnn
from embedcnn import _core, layers

GOLDEN = Path(__file__).parents[1] / "golden"


KERAS_RS = np.load(GOLDEN / "keras_rs.npz")
CASES = dict(cases())


def close(got, name, key):
    np.testing.assert_allclose(got, KERAS_RS[f"{name}/{key}"], rtol=0, atol=2e-6, err_msg=key)


@pytest.mark.parametrize("name", CASES)
def test_arrays(name):
    combiner, table, ids, weights, _ = CASES[name]
    layer = layers.EmbedReduce(ROWS, WIDTH, combiner=combiner, weights=[table])
    close(layer(ids) if weights is None else layer(ids, weights=weights), name, "out")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2].ndim == 2])
def test_gradients(name):
    combiner, table, ids, weights, grad = CASES[name]
    layer = layers.EmbedReduce(ROWS, WIDTH, combiner=combiner, weights=[table])
    inputs = [embedcnn.Input((None,), name="x")]
    if weights is not None:
        inputs.append(embedcnn.Input((ids.shape[1],), name="weights"))
    model = embedcnn.Model(inputs, layer(inputs if weights is not None else inputs[0]))
    core = _core.Program(*model.lowered(training=True).program_arguments(), input_gradients=True)
    core.bind(0, layer.embeddings.own(), True, [], np.zeros(1, np.int64))
    (out,) = core.forward([ids] if weights is None else [ids, weights], training=True)
    close(out, name, "out")
    core.backward([grad])
    rows, values = core.gradient(0)
    dense = np.zeros((ROWS, WIDTH), np.float32)
    dense[rows] = values
    close(dense, name, "d_table")
    if weights is not None:
        close(core.input_gradient(1), name, "d_weights")
