"""float32_matmul_precision: gradients of whole programs in each precision against the float64 reference."""

import numpy as np
import pytest
from comparison import Pair, core_inputs

import embedcnn
from embedcnn import _core

# What a value may be off by, relative to the size of all values: about ten times what rounding gives.
ALLOWED = {"fp32": 2e-5, "bf16x3": 2e-4, "bf16": 4e-2}


@pytest.fixture
def precision():
    yield embedcnn.set_float32_matmul_precision
    embedcnn.set_float32_matmul_precision("highest")


def parameters(**shapes):
    rng = np.random.default_rng(0)
    return list(shapes.items()), [rng.normal(size=s) / np.sqrt(max(s[-1], s[0])) for s in shapes.values()]


def convolution(rng):
    """A sequence: convolution, tanh, mean over time, two dense layers."""
    shapes, values = parameters(
        kernel=(3, 24, 40), bias=(40,), first=(40, 33), first_bias=(33,), last=(33, 19), last_bias=(19,)
    )
    operations = [
        ("conv1d", (0,), (1,), (0, 1), {"padding": "same"}),
        ("activation", (1,), (2,), (), {"activation": "tanh"}),
        ("global_average_pool", (2,), (3,), (), {}),
        ("dense", (3,), (4,), (2, 3), {}),
        ("activation", (4,), (5,), (), {"activation": "sigmoid"}),
        ("dense", (5,), (6,), (4, 5), {}),
    ]
    x = rng.normal(size=(23, 17, 24)).astype(np.float32)
    return Pair([("x", "float32", -1, (24,))], shapes, operations, (6,), values), [x]


def token_convolution(rng):
    """Texts of one window each, as no other can win by rounding: the fused convolution, a dense layer."""
    shapes, values = parameters(
        table=(90, 50), kernel=(4, 50, 60), bias=(60,), dense=(60, 18), dense_bias=(18,)
    )
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_conv_pool", (1,), (2,), (1, 2), {"activation": "tanh"}),
        ("dense", (2,), (3,), (3, 4), {}),
    ]
    ids = rng.integers(0, 90, (40, 4))
    return Pair([("x", "int32", -1, ())], shapes, operations, (3,), values, input_gradients=False), [ids]


def recurrence(rng):
    """An LSTM over a sequence."""
    shapes, values = parameters(kernel=(20, 4 * 48), recurrent=(48, 4 * 48), bias=(4 * 48,))
    operations = [("lstm", (0,), (1,), (0, 1, 2), {"return_sequences": 1})]
    x = rng.normal(size=(18, 9, 20)).astype(np.float32)
    return Pair([("x", "float32", -1, (20,))], shapes, operations, (1,), values), [x]


def distance(got, want):
    return np.linalg.norm(np.asarray(got, np.float64) - want) / np.linalg.norm(want)


def errors(pair, inputs):
    """Relative errors of the outputs and of the gradient of each parameter."""
    got = pair.core.forward(core_inputs(inputs), training=True)
    want = pair.reference.forward(core_inputs(inputs), True, 0)
    rng = np.random.default_rng(1)
    d_outputs = [rng.normal(size=one.shape).astype(np.float32) for one in got]
    pair.core.backward(d_outputs)
    pair.reference.backward(d_outputs)
    found = [distance(one, getattr(other, "values", other)) for one, other in zip(got, want, strict=True)]
    for number, shape in enumerate(pair.reference.shapes):
        gradient = pair.core.gradient(number)
        if isinstance(gradient, tuple):
            rows, values = gradient
            gradient = np.zeros(shape)
            gradient[rows] = values
        found.append(distance(gradient, pair.reference.gradients[number]))
    return found


@pytest.mark.parametrize("name", ["highest", "high", "medium"])
@pytest.mark.parametrize("make", [convolution, token_convolution, recurrence])
def test_gradients(make, name, rung, precision):
    pair, inputs = make(np.random.default_rng(2))
    precision(name)
    number_format = _core.number_formats()[name]
    found = errors(pair, inputs)
    assert max(found) < ALLOWED[number_format], found
    if number_format == "bf16":  # and it is used
        assert min(found[:2]) > 1e-4, found


@pytest.mark.parametrize("make", [convolution, token_convolution, recurrence])
def test_the_same_bits_for_any_number_of_threads(make, rung, precision):
    precision("medium")
    results = []
    for threads in (1, 2, 3, 4, 7):
        embedcnn.set_num_threads(threads)
        pair, inputs = make(np.random.default_rng(3))
        outputs = pair.core.forward(core_inputs(inputs), training=True)
        pair.core.backward([np.ones_like(one) for one in outputs])
        gradients = [pair.core.gradient(number) for number in range(len(pair.values))]
        results.append([np.concatenate([np.ravel(part) for part in one]) for one in (outputs, *gradients)])
    embedcnn.set_num_threads(0)
    for other in results[1:]:
        for one, same in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(one, same)


def test_a_precision_counts_from_the_next_step(precision):
    pair, inputs = convolution(np.random.default_rng(4))
    exact = pair.core.forward(core_inputs(inputs))[0]
    precision("medium")
    rounded = pair.core.forward(core_inputs(inputs))[0]
    assert np.array_equal(exact, rounded) == (_core.number_formats()["medium"] == "fp32")
    precision("highest")
    np.testing.assert_array_equal(pair.core.forward(core_inputs(inputs))[0], exact)


def test_names(precision):
    assert embedcnn.get_float32_matmul_precision() == "highest"
    for name in ("high", "medium", "highest"):
        precision(name)
        assert embedcnn.get_float32_matmul_precision() == name
        assert embedcnn.show_config()["float32_matmul_precision"] == name
    with pytest.raises(ValueError, match="precision = 'bf16'; expected 'highest', 'high' or 'medium'"):
        precision("bf16")
    with pytest.raises(TypeError, match="precision = 16"):
        precision(16)
    assert embedcnn.get_float32_matmul_precision() == "highest"


def test_rungs_without_bf16_run_float32():
    before = _core.kernels()["name"]
    for rung in _core.kernels()["available"]:
        _core.select_kernels(rung)
        formats = _core.number_formats()
        assert formats["highest"] == "fp32"
        assert formats["medium"] == ("bf16" if rung in ("avx512_bf16", "amx") else "fp32")
        assert formats["high"] == ("bf16x3" if rung == "amx" else "fp32")
    _core.select_kernels(before)
