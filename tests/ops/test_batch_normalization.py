"""batch_normalization against the reference: statistics of the batch, moving statistics, masks, threads."""

import numpy as np
import pytest
from comparison import Pair, close, masks

from embedcnn import _core, ops


def pair_of(channels, scale, center, tracked=True, kind="sequence", seed=0):
    rng = np.random.default_rng(seed)
    names = ["gamma"] * scale + ["beta"] * center + ["mean", "variance"]
    arrays = [rng.normal(size=channels) for _ in names[:-1]] + [rng.uniform(0.5, 2, channels)]
    settings = {"scale": scale, "center": center, "epsilon": 1e-2, "momentum": 0.8}
    operations = [("batch_normalization", (0,), (1,), tuple(range(len(names))), settings)]
    spec = ("x", "float32", -1, (channels,)) if kind == "sequence" else ("x", "float32", None, (channels,))
    moving = (len(names) - 2, len(names) - 1) if tracked else ()
    trainable = [True] * (len(names) - 2) + [False] * 2
    parameters = [(name, (channels,)) for name in names]
    return Pair([spec], parameters, operations, (1,), arrays, trainable, tracked=moving)


def compare_moving(pair):
    for number in (-2, -1):
        close(pair.values[number], pair.reference.values[number], 1e-5, "moving")


@pytest.mark.parametrize("scale, center", [(True, True), (True, False), (False, True), (False, False)])
@pytest.mark.parametrize("channels", [1, 15, 16, 17, 40])
def test_training_and_inference(rung, threads, channels, scale, center):
    rng = np.random.default_rng(channels)
    pair = pair_of(channels, scale, center)
    for mask in masks(3, 4, rng).values():
        x = (3 + 2 * rng.normal(size=(3, 4, channels))).astype(np.float32)
        given = x if mask is None else (x, mask)
        pair.check_gradients([given], tolerance=5e-5)
        compare_moving(pair)
        pair.check_forward([given], tolerance=1e-5)
    pair = pair_of(channels, scale, center, kind="floats")
    pair.check_gradients([rng.normal(size=(20, channels)).astype(np.float32)], tolerance=5e-5)
    compare_moving(pair)


def test_statistics_that_are_not_tracked_stay(rung):
    pair = pair_of(5, True, True, tracked=False)
    before = [value.copy() for value in pair.values]
    pair.check_gradients([np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)])
    for value, old in zip(pair.values, before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_a_batch_without_any_step_leaves_them(rung):
    pair = pair_of(3, True, True)
    before = pair.values[2].copy()
    out = pair.core.forward([(np.ones((2, 3, 3), np.float32), np.zeros((2, 3), bool))], training=True)[0]
    assert not out.any()
    np.testing.assert_array_equal(pair.values[2], before)


def test_the_same_bits_for_any_number_of_threads(rung):
    x = np.random.default_rng(2).normal(size=(40, 30, 50)).astype(np.float32)
    found = set()
    try:
        for threads in (1, 2, 3, 5):
            _core.set_num_threads(threads)
            pair = pair_of(50, True, True)
            out = pair.core.forward([x], training=True)[0]
            pair.core.backward([np.cos(out)])
            arrays = [out, pair.core.input_gradient(0), *map(pair.core.gradient, (0, 1)), *pair.values[2:]]
            found.add(b"".join(array.tobytes() for array in arrays))
    finally:
        _core.set_num_threads(0)
    assert len(found) == 1


def test_padding_never_changes_a_masked_result():
    rng = np.random.default_rng(3)
    x, mask = rng.normal(size=(3, 5, 4)).astype(np.float32), np.arange(5) < np.array([[5], [2], [3]])
    results = []
    for before, behind in [(0, 0), (2, 0), (0, 3), (4, 1)]:
        pair = pair_of(4, True, True)
        wide = np.pad(x, ((0, 0), (before, behind), (0, 0)), constant_values=9)
        out = pair.core.forward([(wide, np.pad(mask, ((0, 0), (before, behind))))], training=True)[0]
        results.append((out[:, before : before + 5].tobytes(), pair.values[2].tobytes()))
    assert len(set(results)) == 1


def test_misuse():
    x, one = np.zeros((1, 2)), np.ones(2)
    with pytest.raises(ValueError, match="epsilon = 0"):
        ops.batch_normalization(x, one, one, epsilon=0.0)
    with pytest.raises(ValueError, match=r"shape \(3,\); expected \(2,\)"):
        ops.batch_normalization(x, one, np.ones(3))
    pair = pair_of(2, False, False, tracked=False, kind="floats")
    pair.core.bind(0, np.zeros(2, np.float32), True, [], np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="cannot be trainable"):
        pair.core.forward([np.zeros((1, 2), np.float32)])
