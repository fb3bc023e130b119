"""EmbeddingBag and Embedding against PyTorch: every mode, form and option, outputs and gradients
(tests/golden/make_torch_bags.py).
"""

from pathlib import Path

import numpy as np
import pytest
from golden.bag_cases import CASES, ROWS, WIDTH, data, ids_of, settings_of

import embedcnn
from embedcnn import _core, layers
from embedcnn.ragged import Ragged

GOLDEN = Path(__file__).parents[1] / "golden"

TORCH = np.load(GOLDEN / "torch_bags.npz")


def layer_of(case, **options):
    """The layer of a case, over the table that PyTorch had."""
    table, settings = data((ROWS, WIDTH), 1), settings_of(case)
    if case["mode"] == "rows":
        return layers.Embedding(ROWS, WIDTH, weights=[table], **settings, **options)
    return layers.EmbeddingBag(ROWS, WIDTH, _weight=table, **settings, **options)


def program_of(layer, weight_steps=None):
    """The layer as a program of its own, its table bound, and the table."""
    x = embedcnn.Input((None,), name="x")
    weights = [] if weight_steps is None else [embedcnn.Input((weight_steps,), name="weights")]
    model = embedcnn.Model([x, *weights], layer([x, *weights] if weights else x))
    lowered = model.lowered(training=True)
    core = _core.Program(*lowered.program_arguments(), input_gradients=True)
    table, rows = layer.embeddings.own(), layer.embeddings.row_learns
    more = {} if rows is None else {"row_learns": rows}
    core.bind(0, table, True, [], np.zeros(1, np.int64), **more)
    return core, table


def as_ragged(ids, offsets, weights):
    """What a model takes in the place of a vector and offsets, and the weights padded."""
    ends = offsets if offsets[-1] == len(ids) else np.append(offsets, len(ids))
    texts = Ragged(ids, ends)
    if weights is None:
        return texts, None
    padded = np.zeros((len(texts), texts.lengths.max()), np.float32)
    padded[np.arange(padded.shape[1]) < texts.lengths[:, None]] = weights
    return texts, padded


def dense(gradient):
    rows, values = gradient
    found = np.zeros((ROWS, WIDTH), np.float32)
    found[rows] = values
    return found


def close(got, expected, what):
    np.testing.assert_allclose(
        got, expected, rtol=0, atol=2e-6 * max(1, np.abs(expected).max()), err_msg=what
    )


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    case = CASES[name]
    ids, offsets = ids_of(case)
    weights = data(ids.shape, 2) if case.get("weighted") else None
    texts, padded = (ids, weights) if offsets is None else as_ragged(ids, offsets, weights)
    core, table = program_of(layer_of(case), None if padded is None else padded.shape[1])
    x = (texts.ids, texts.offsets) if isinstance(texts, Ragged) else texts
    (out,) = core.forward([x] if padded is None else [x, padded], training=True)
    expected = TORCH[f"{name}/out"]
    close(out, expected, "output")
    core.backward([data(expected.shape, 3)])
    close(dense(core.gradient(0)), TORCH[f"{name}/d_table"], "gradient of the table")
    if "max_norm" in case:
        close(table, TORCH[f"{name}/table"], "the table after the call")
    if weights is not None:
        d_weights = core.input_gradient(1)
        if offsets is not None:
            d_weights = d_weights[np.arange(padded.shape[1]) < texts.lengths[:, None]]
        close(d_weights, TORCH[f"{name}/d_weights"], "gradient of the weights")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "max_norm" not in case])
def test_the_layer_alone(name):
    """On arrays: texts, or one vector with offsets, with and without the last."""
    case = CASES[name]
    ids, offsets = ids_of(case)
    if case["mode"] == "rows":
        got = layer_of(case)(ids)
    else:
        weights = data(ids.shape, 2) if case.get("weighted") else None
        got = layer_of(case)(ids, offsets, weights)
    close(got, TORCH[f"{name}/out"], "output")


def test_a_norm_is_bounded_in_training_steps_only():
    layer = layers.Embedding(ROWS, WIDTH, weights=[data((ROWS, WIDTH), 1)], max_norm=0.5)
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile(embedcnn.optimizers.SGD(0.0), "mse")
    x, before = np.array([[1, 2, 3]]), data((ROWS, WIDTH), 1)
    model.predict(x)
    model.evaluate(x, np.ones(1), verbose=0)
    np.testing.assert_array_equal(layer.embeddings.numpy(), before)
    model.train_on_batch(x, np.ones(1))
    after = layer.embeddings.numpy()
    np.testing.assert_allclose(np.linalg.norm(after[1:4], axis=1), 0.5, rtol=1e-5)
    np.testing.assert_array_equal(after[4:], before[4:])
    layer.trainable = False
    after = layer.embeddings.numpy()
    model.train_on_batch(np.array([[5, 6, 7]]), np.ones(1))
    np.testing.assert_array_equal(layer.embeddings.numpy(), after)
