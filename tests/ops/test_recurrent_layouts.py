"""lstm, gru and simple_rnn with kernels that stand transposed, as PyTorch has them, and with the product of
the input before the time loop or in it: the same numbers."""

import numpy as np
import pytest
from comparison import masks
from recurrent_cases import CELLS, kind_of, parameters_of, sequence_pair

from embedcnn import _core


def transposed(values):
    """Kernels as columns, the bias as it is."""
    return [value.T if number < 2 else value for number, value in enumerate(values)]


def two_programs(name, channels, units, rng, count=1, tokens=None, **attributes):
    """(program, values) of `count` layers over the same weights: kernels as they are, and transposed."""
    shapes, values = parameters_of(name, channels, units, rng)
    kind, chosen = kind_of(name)
    made = []
    for turns in (False, True):
        held = [np.ascontiguousarray(v, np.float32) for v in (transposed(values) if turns else values)]
        settings = {**chosen, **attributes, "transposed": turns, "return_sequences": True}
        first = 1 + bool(tokens)
        table = [] if tokens is None else [np.linspace(-1, 1, tokens * channels).reshape(tokens, channels)]
        held += [one.astype(np.float32) for one in table]
        inputs = [("x", "int32", -1, ()) if tokens else ("x", "float32", -1, (channels,))]
        operations = [("lookup", (0,), (1,), (len(shapes),), {})] if tokens else []
        outputs = tuple(range(first, first + count))
        operations += [(kind, (first - 1,), (one,), tuple(range(len(shapes))), settings) for one in outputs]
        parameters = [(str(number), value.shape) for number, value in enumerate(held)]
        program = _core.Program(inputs, parameters, operations, outputs, input_gradients=not tokens)
        for number, value in enumerate(held):
            program.bind(number, value, True, [], np.zeros(1, np.int64))
        made.append((program, held))
    return made


def gradients(program, x, d_outputs, weights):
    outputs = program.forward([x], training=True)
    program.backward(d_outputs)
    found = [program.gradient(number) for number in range(weights)]
    return outputs, found


@pytest.mark.parametrize("count", [1, 2], ids=["one layer", "weights of two"])
@pytest.mark.parametrize("units, channels", [(1, 3), (5, 1), (33, 40)])
@pytest.mark.parametrize("name", CELLS)
def test_transposed_kernels_give_the_same(rung, threads, name, units, channels, count):
    rng = np.random.default_rng(units)
    (plain, _), (turned, _) = two_programs(name, channels, units, rng, count)
    for batch, length in [(1, 2), (2, 30), (35, 4)]:
        x = rng.normal(size=(batch, length, channels)).astype(np.float32)
        mask = masks(batch, length, rng)["inside"] if length > 10 else None
        given = x if mask is None else (x, mask)
        d = [rng.normal(size=(batch, length, units)).astype(np.float32) for _ in range(count)]
        wanted, found = gradients(plain, given, d, 3), gradients(turned, given, d, 3)
        for one, other in zip(wanted[0], found[0], strict=True):
            np.testing.assert_allclose(other, one, atol=2e-6)
        for one, other in zip(transposed(wanted[1]), found[1], strict=True):
            np.testing.assert_allclose(other, one, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(turned.input_gradient(0), plain.input_gradient(0), atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_transposed_kernels_over_tokens(name):
    rng = np.random.default_rng(3)
    (plain, _), (turned, _) = two_programs(name, 6, 9, rng, tokens=20)
    ids = rng.integers(0, 20, (7, 8))
    d = [rng.normal(size=(7, 8, 9)).astype(np.float32)]
    wanted, found = gradients(plain, ids, d, 3), gradients(turned, ids, d, 3)
    np.testing.assert_allclose(found[0][0], wanted[0][0], atol=2e-6)
    for one, other in zip(transposed(wanted[1]), found[1], strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_transposed_kernels_of_other_shapes_are_refused():
    operation = [("lstm", (0,), (1,), (0, 1), {"use_bias": False, "transposed": True})]
    inputs = [("x", "float32", -1, (3,))]
    for kernel, recurrent in [((3, 8), (2, 8)), ((8, 3), (2, 8)), ((6, 3), (6, 2))]:
        with pytest.raises(ValueError, match="lstm"):
            _core.Program(inputs, [("k", kernel), ("r", recurrent)], operation, (1,))


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("channels", [1, 33, 512, 520])  # 512: what a panel of the product is deep
@pytest.mark.parametrize("name", CELLS)
def test_many_texts_give_the_bits_of_each_alone(rung, threads, name, channels, use_bias):
    """Of many texts the input's product runs in the time loop, of one before it."""
    rng = np.random.default_rng(channels)
    pair = sequence_pair(
        name, channels, 21, rng, return_sequences=True, return_state=True, use_bias=use_bias, transposed=False
    )
    x = rng.normal(size=(34, 20, channels)).astype(np.float32) / max(1.0, channels**0.5)
    many = pair.core.forward([x])
    for text in (0, 13, 33):
        for one, other in zip(pair.core.forward([x[text : text + 1]]), many, strict=True):
            np.testing.assert_array_equal(one[0], other[text])
    mask = np.arange(20) < rng.integers(1, 21, 34)[:, None]
    ends = pair.core.forward([(x, mask)])
    for text in (0, 13, 33):
        steps = int(mask[text].sum())
        np.testing.assert_array_equal(ends[0][text, :steps], many[0][text, :steps])
