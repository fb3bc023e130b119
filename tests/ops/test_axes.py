"""Operations along other axes than the last against the reference: masks, texts of any length, rows of any
rank."""

import numpy as np
import pytest
from comparison import Pair, close, masks

from embedcnn import _core, ops

PLAIN = ["softmax", "log_softmax", "unit_normalization"]


def pair_of(name, axes, dims, steps=-1, weights=(), settings=None, moving=()):
    rng = np.random.default_rng(axes)
    values = [rng.uniform(0.5, 2, shape) for shape in weights]
    parameters = [(f"w{number}", shape) for number, shape in enumerate(weights)]
    operation = (name, (0,), (1,), tuple(range(len(weights))), {"axes": axes, **(settings or {})})
    spec = ("x", "float32", steps, dims)
    return Pair([spec], parameters, [operation], (1,), values, tracked=moving)


def check(pair, shape, tolerance=5e-5, width=None):
    rng = np.random.default_rng(len(shape))
    for mask in masks(*shape[:2], rng).values():
        x = (1 + rng.normal(size=shape)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)], tolerance=tolerance)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize(
    "axes, dims", [(2, (5,)), (6, (5,)), (2, (3, 2)), (4, (3, 2)), (12, (3, 2)), (10, (3, 2))]
)
def test_without_weights(rung, threads, name, axes, dims):
    check(pair_of(name, axes, dims), (3, 6, *dims))


@pytest.mark.parametrize("scale, center", [(1, 1), (1, 0), (0, 1), (0, 0)])
@pytest.mark.parametrize(
    "axes, dims, sizes", [(2, (5,), (6,)), (6, (5,), (6, 5)), (4, (3, 2), (3,)), (10, (3, 2), (6, 2))]
)
def test_layer_normalization(rung, threads, axes, dims, sizes, scale, center):
    settings = {"scale": scale, "center": center, "epsilon": 0.01}
    check(pair_of("layer_normalization", axes, dims, 6, [sizes] * (scale + center), settings), (3, 6, *dims))


@pytest.mark.parametrize("scale, center", [(1, 1), (1, 0), (0, 1), (0, 0)])
@pytest.mark.parametrize("axes, dims, size", [(2, (5,), 6), (4, (3, 2), 3), (2, (3, 2), 6)])
def test_batch_normalization(rung, threads, axes, dims, size, scale, center):
    settings = {"scale": scale, "center": center, "epsilon": 0.01, "momentum": 0.8}
    count = scale + center + 2
    pair = pair_of("batch_normalization", axes, dims, 6, [(size,)] * count, settings, (count - 2, count - 1))
    check(pair, (3, 6, *dims))
    for number in (-2, -1):
        close(pair.values[number], pair.reference.values[number], 1e-5, "moving")
    pair.check_forward([np.ones((2, 6, *dims), np.float32)], tolerance=1e-5)  # with the moving statistics


def test_texts_that_end_before_the_known_length():
    for name in ("layer_normalization", "batch_normalization"):
        weights, settings = [(6,)] * (4 if name[0] == "b" else 2), {"epsilon": 0.1}
        pair = pair_of(name, 2, (4,), 6, weights, settings, (2, 3) if name[0] == "b" else ())
        x, mask = np.random.default_rng(0).normal(size=(2, 6, 4)).astype(np.float32), np.zeros((2, 6), bool)
        mask[:, 1:3] = True
        pair.check_gradients([(x, mask)], tolerance=5e-5)


@pytest.mark.parametrize("name", [*PLAIN, "layer_normalization"])
def test_padding_never_changes_a_result_along_the_steps(name):
    rng = np.random.default_rng(3)
    x, mask = rng.normal(size=(3, 5, 4)).astype(np.float32), np.arange(5) < np.array([[5], [2], [3]])
    settings = {"scale": 0, "center": 0} if name == "layer_normalization" else {}
    results = set()
    for before, behind in [(0, 0), (2, 0), (0, 3), (4, 1)]:
        wide = np.pad(x, ((0, 0), (before, behind), (0, 0)), constant_values=9)
        pair = pair_of(name, 2, (4,), settings=settings)
        out = pair.core.forward([(wide, np.pad(mask, ((0, 0), (before, behind))))])[0]
        results.add(out[:, before : before + 5].tobytes())
    assert len(results) == 1


def test_the_same_bits_for_any_number_of_threads():
    x, found = np.random.default_rng(2).normal(size=(40, 30, 7)).astype(np.float32), set()
    try:
        for threads in (1, 2, 3, 5):
            _core.set_num_threads(threads)
            for name, weights in (("softmax", []), ("layer_normalization", [(30,)] * 2)):
                pair = pair_of(name, 2, (7,), 30, weights)
                out = pair.core.forward([x], training=True)[0]
                pair.core.backward([np.cos(out)])
                arrays = [out, pair.core.input_gradient(0), *map(pair.core.gradient, range(len(weights)))]
                found.add((name, b"".join(array.tobytes() for array in arrays)))
    finally:
        _core.set_num_threads(0)
    assert len(found) == 2


@pytest.mark.parametrize(
    "axis, shapes", [(1, [(3, 2), (4, 2)]), (0, [(3, 2), (3, 5)]), (2, [(1, 2, 2), (4, 2, 2)])]
)
def test_concatenate_other_axes_of_a_row(rung, threads, axis, shapes):
    specs = [(f"x{number}", "float32", -1, shape) for number, shape in enumerate(shapes)]
    core = _core.Program(
        specs, [], [("concatenate", (0, 1), (2,), (), {"axis": axis})], (2,), input_gradients=True
    )
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=(2, 5, *shape)).astype(np.float32) for shape in shapes]
    out = core.forward(arrays, training=True)[0]
    np.testing.assert_array_equal(out, np.concatenate(arrays, -1 - axis))
    d_out = rng.normal(size=out.shape).astype(np.float32)
    core.backward([d_out])
    parts = np.split(d_out, [arrays[0].shape[-1 - axis]], -1 - axis)
    for number, part in enumerate(parts):
        np.testing.assert_array_equal(core.input_gradient(number), part)


@pytest.mark.parametrize("dims", [(4,), (2, 3)])
def test_concatenate_steps(rung, threads, dims):
    rng = np.random.default_rng(1)
    specs = [(f"x{number}", "float32", -1, dims) for number in range(3)]
    pair = Pair(specs, [], [("concatenate_steps", (0, 1, 2, 0), (3,), (), {})], (3,), [])
    kinds = [masks(4, width, rng) for width in (5, 3, 1)]
    for first in kinds[0]:
        for second in ("none", "behind", "inside", "some empty"):
            chosen = [kinds[0][first], kinds[1][second], kinds[2]["full" if first == "behind" else "none"]]
            arrays = [rng.normal(size=(4, width, *dims)) for width in (5, 3, 1)]
            pair.check_gradients([x if m is None else (x, m) for x, m in zip(arrays, chosen, strict=True)])


def test_the_gap_between_two_texts_is_masked():
    specs = [("a", "float32", 4, (1,)), ("b", "float32", 3, (1,))]
    operations = [("concatenate_steps", (0, 1), (2,), (), {}), ("global_average_pool", (2,), (3,), (), {})]
    core = _core.Program(specs, [], operations, (2, 3))
    a, b = np.full((1, 4, 1), 2, np.float32), np.full((1, 3, 1), 5, np.float32)
    joined, mean = core.forward([(a, np.array([[1, 1, 0, 0]], bool)), (b, np.array([[0, 1, 0]], bool))])
    assert joined.ravel().tolist() == [2, 2, 0, 0, 0, 5, 0] and mean.item() == 3


def test_misuse():
    x = np.zeros((2, 3, 4), np.float32)
    with pytest.raises(ValueError, match=r"`axis` must be in \[-3, 3\)"):
        ops.softmax(x, axis=3)
    with pytest.raises(ValueError, match="known number of steps"):
        pair_of("layer_normalization", 2, (4,), -1, [(3,)] * 2)
    with pytest.raises(ValueError, match="it takes one axis"):
        pair_of("batch_normalization", 6, (4,), 3, [(3,)] * 4)
    pair = pair_of("layer_normalization", 2, (4,), 6, [(6,)] * 2)
    with pytest.raises(ValueError, match="3 steps long; the model was built for 6"):
        pair.core.forward([x])
    specs = [("a", "float32", -1, (4,)), ("b", "float32", -1, (3,))]
    with pytest.raises(ValueError, match="input 1 has other axes behind the steps"):
        _core.Program(specs, [], [("concatenate_steps", (0, 1), (2,), (), {})], (2,))
    with pytest.raises(ValueError, match="axis = 1; a row has the axes 0"):
        _core.Program(specs, [], [("concatenate", (0, 1), (2,), (), {"axis": 1})], (2,))
