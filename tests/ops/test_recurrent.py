"""lstm, gru and simple_rnn against the reference: tokens and sequences, masks, directions, states, sizes."""

import numpy as np
import pytest
from comparison import Pair, masks, ragged
from recurrent_cases import CELLS, GATES, kind_of, parameters_of, sequence_pair


@pytest.mark.parametrize("units", [1, 7, 16, 33, 70])
@pytest.mark.parametrize("name", CELLS)
def test_sizes(rung, threads, name, units):
    rng = np.random.default_rng(units)
    pair = sequence_pair(name, 5, units, rng, return_sequences=True)
    for batch, length in [(1, 1), (1, 40), (3, 2), (17, 3), (33, 6)]:
        pair.check_gradients([rng.normal(size=(batch, length, 5)).astype(np.float32)], tolerance=3e-5)


@pytest.mark.parametrize("reverse, keep_order", [(False, False), (True, False), (True, True)])
@pytest.mark.parametrize("return_sequences", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_masks_and_directions(rung, threads, name, return_sequences, reverse, keep_order):
    rng = np.random.default_rng(3)
    settings = {"return_sequences": return_sequences, "reverse": reverse, "keep_order": keep_order}
    pair = sequence_pair(name, 3, 9, rng, return_state=True, **settings)
    for mask in masks(6, 7, rng).values():
        x = rng.normal(size=(6, 7, 3)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)], tolerance=3e-5)


def test_masked_steps_repeat_the_output_before_them_or_give_zeros():
    from embedcnn import _core

    rng = np.random.default_rng(12)
    shapes, values = parameters_of("lstm", 3, 4, rng)
    x = rng.normal(size=(1, 6, 3)).astype(np.float32)
    mask = np.array([[False, True, False, True, False, False]])
    outputs = []
    for zeros in (False, True):
        settings = {"return_sequences": True, "zero_output_for_mask": zeros}
        program = _core.Program(
            [("x", "float32", -1, (3,))], shapes, [("lstm", (0,), (1,), (0, 1, 2), settings)], (1,)
        )
        for number, value in enumerate(values):
            program.bind(number, value.astype(np.float32), False, [], np.zeros(1, np.int64))
        outputs.append(program.forward([(x, mask)])[0][0])
    repeated, zeroed = outputs
    assert not repeated[0].any() and not zeroed[~mask[0]].any()
    assert (repeated[2] == repeated[1]).all() and (repeated[4:] == repeated[3]).all()
    assert (repeated[mask[0]] == zeroed[mask[0]]).all()


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_states(rung, name, use_bias):
    rng = np.random.default_rng(4)
    settings = {"use_bias": use_bias, "initial_state": True, "return_state": True}
    for return_sequences in (True, False):
        pair = sequence_pair(name, 4, 18, rng, return_sequences=return_sequences, **settings)
        states = [rng.normal(size=(5, 18)).astype(np.float32) for _ in range(2 if name == "lstm" else 1)]
        for mask in masks(5, 4, rng).values():
            x = rng.normal(size=(5, 4, 4)).astype(np.float32)
            pair.check_gradients([x if mask is None else (x, mask), *states], tolerance=3e-5)


@pytest.mark.parametrize("activation", ["relu", "sigmoid", "linear", "softsign", "elu", "hard_sigmoid"])
@pytest.mark.parametrize("name", CELLS)
def test_activations(rung, name, activation):
    rng = np.random.default_rng(5)
    settings = {"activation": activation, "recurrent_activation": "hard_sigmoid", "return_sequences": True}
    if activation == "hard_sigmoid":
        settings["recurrent_activation"] = "tanh"
    pair = sequence_pair(name, 3, 10, rng, **settings)
    pair.check_gradients([0.3 * rng.normal(size=(4, 5, 3)).astype(np.float32)], tolerance=1e-4)


@pytest.mark.parametrize("name", CELLS)
def test_recurrent_dropout(rung, threads, name):
    rng = np.random.default_rng(6)
    pair = sequence_pair(name, 3, 20, rng, recurrent_dropout=0.4, layer=7, return_sequences=True)
    for mask in masks(6, 5, rng).values():
        x = rng.normal(size=(6, 5, 3)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)], step=3, tolerance=3e-5)
        pair.check_forward([x if mask is None else (x, mask)])


@pytest.mark.parametrize("mask_zero", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_tokens(rung, threads, name, mask_zero):
    """The input product over distinct ids; the table learns too."""
    rng = np.random.default_rng(7)
    kind, chosen = kind_of(name)
    shapes, values = parameters_of(name, 6, 21, rng)
    parameters = [("table", (11, 6)), *shapes]
    operations = [
        ("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero}),
        (kind, (1,), (2,), tuple(range(1, len(parameters))), {**chosen, "return_sequences": True}),
    ]
    values = [rng.normal(size=(11, 6)), *values]
    pair = Pair([("x", "int32", -1, ())], parameters, operations, (2,), values)
    pair.check_gradients([rng.integers(0, 11, (19, 8))], tolerance=3e-5)
    pair.check_gradients([np.array([[0, 3, 0, 4], [0, 0, 0, 0], [5, 0, 0, 1]])], tolerance=3e-5)
    pair.check_gradients([ragged([[1, 2, 3], [], [4] * 9, [0, 5]])], tolerance=3e-5)


@pytest.mark.parametrize("name", CELLS)
def test_stack_and_shared_input(rung, name):
    """Two layers on one sequence and one upon another: gradients of inputs add up."""
    rng = np.random.default_rng(8)
    shapes, values = [], []
    for number in range(3):
        one, numbers = parameters_of(name, 5, 5, rng)
        shapes += [(f"{label}{number}", shape) for label, shape in one]
        values += numbers
    kind, chosen = kind_of(name)
    settings = {**chosen, "return_sequences": True}
    operations = [
        (kind, (0,), (1,), (0, 1, 2), settings),
        (kind, (1,), (2,), (3, 4, 5), {**settings, "reverse": True, "keep_order": True}),
        (kind, (1,), (3,), (6, 7, 8), settings),
        ("concatenate", (2, 3), (4,), (), {}),
    ]
    pair = Pair([("x", "float32", -1, (5,))], shapes, operations, (4,), values)
    for mask in masks(4, 6, rng).values():
        x = rng.normal(size=(4, 6, 5)).astype(np.float32)
        pair.check_gradients([x if mask is None else (x, mask)], tolerance=5e-5)


def test_gradients_stay_exact_over_a_hundred_steps(rung):
    rng = np.random.default_rng(9)
    shapes, values = parameters_of("lstm", 8, 32, rng, scale=0.15)
    operation = ("lstm", (0,), (1,), (0, 1, 2), {"return_sequences": True})
    pair = Pair([("x", "float32", -1, (8,))], shapes, [operation], (1,), values)
    pair.check_gradients([rng.normal(size=(3, 100, 8)).astype(np.float32)], tolerance=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_the_same_bits_for_any_number_of_threads(name):
    from embedcnn import _core

    rng = np.random.default_rng(10)
    shapes, values = parameters_of(name, 12, 70, rng)
    kind, chosen = kind_of(name)
    operation = (kind, (0,), (1,), (0, 1, 2), {**chosen, "return_sequences": True})
    x = rng.normal(size=(30, 11, 12)).astype(np.float32)
    mask = np.arange(11)[None] < rng.integers(1, 12, (30, 1))
    d_out = rng.normal(size=(30, 11, 70)).astype(np.float32)
    results = []
    for count in (1, 2, 3, 4, 7):
        _core.set_num_threads(count)
        program = _core.Program([("x", "float32", -1, (12,))], shapes, [operation], (1,))
        for number, value in enumerate(values):
            program.bind(number, value.astype(np.float32), True, [], np.zeros(1, np.int64))
        (out,) = program.forward([(x, mask)], training=True, step=0)
        program.backward([d_out])
        results.append([out.tobytes(), *[program.gradient(n).tobytes() for n in range(3)]])
    _core.set_num_threads(0)
    assert all(one == results[0] for one in results[1:])


def test_misuse():
    from embedcnn import _core

    def build(name, shapes, attributes=None, inputs=(("x", "float32", -1, (3,)),)):
        numbers = tuple(range(len(shapes)))
        parameters = [(f"p{n}", shape) for n, shape in enumerate(shapes)]
        sources = tuple(range(len(inputs)))
        operation = (name, sources, (len(inputs),), numbers, attributes or {})
        return _core.Program(list(inputs), parameters, [operation], (len(inputs),))

    with pytest.raises(ValueError, match="lstm: the kernel has 6 columns; expected 4 for each unit"):
        build("lstm", [(3, 6), (2, 6), (6,)])
    with pytest.raises(ValueError, match=r"p1 has the shape \(3, 8\); expected \(2, 8\)"):
        build("lstm", [(3, 8), (3, 8), (8,)])
    with pytest.raises(ValueError, match=r"p2 has the shape \(6,\); expected \(2, 6\)"):
        build("gru", [(3, 6), (2, 6), (6,)])
    with pytest.raises(ValueError, match=r"p2 has the shape \(2, 6\); expected \(6,\)"):
        build("gru", [(3, 6), (2, 6), (2, 6)], {"reset_after": False})
    with pytest.raises(ValueError, match=r"p4 has the shape \(1, 2\); expected \(4, 2\)"):
        build("lstm", [(3, 8), (2, 8), (8,), (4, 2), (1, 2)], {"stateful": True})
    with pytest.raises(ValueError, match="recurrent_dropout = 1 is outside"):
        build("simple_rnn", [(3, 2), (2, 2), (2,)], {"recurrent_dropout": 1.0})
    with pytest.raises(ValueError, match=r"lstm: input 0 is floats \[B, 3\]; expected .*, with a time"):
        build("lstm", [(3, 8), (2, 8), (8,)], inputs=[("x", "float32", None, (3,))])
    with pytest.raises(ValueError, match="initial state 1 has 5 columns; expected one row of 2"):
        inputs = [("x", "float32", -1, (3,)), ("h", "float32", None, (5,))]
        build("gru", [(3, 6), (2, 6), (2, 6)], {"initial_state": True}, inputs)


@pytest.mark.parametrize("name", CELLS)
def test_a_stateful_layer_goes_on_where_it_ended(rung, name):
    from embedcnn import _core

    rng = np.random.default_rng(11)
    shapes, values = parameters_of(name, 3, 12, rng)
    x = rng.normal(size=(5, 8, 3)).astype(np.float32)
    kind, chosen = kind_of(name)
    inputs, settings = [("x", "float32", -1, (3,))], {**chosen, "return_sequences": True}
    whole = _core.Program(inputs, shapes, [(kind, (0,), (1,), (0, 1, 2), settings)], (1,))
    states = [("state", (5, 12))] * (2 if name == "lstm" else 1)
    numbers = tuple(range(3 + len(states)))
    operation = (kind, (0,), (1,), numbers, {**settings, "stateful": True})
    program = _core.Program(inputs, shapes + states, [operation], (1,))
    kept = [np.zeros((5, 12), np.float32) for _ in states]
    for number, value in enumerate(values):
        whole.bind(number, value.astype(np.float32), False, [], np.zeros(1, np.int64))
        program.bind(number, value.astype(np.float32), False, [], np.zeros(1, np.int64))
    for number, value in enumerate(kept):
        program.bind(3 + number, value, False, [], np.zeros(1, np.int64))
    parts = [program.forward([x[:, begin : begin + 4]])[0] for begin in (0, 4)]
    expected = whole.forward([x])[0]
    np.testing.assert_allclose(np.concatenate(parts, 1), expected, atol=1e-6)
    np.testing.assert_allclose(kept[0], expected[:, -1], atol=1e-6)
    with pytest.raises(ValueError, match="keeps the states of 5 texts; this batch has 4"):
        program.forward([x[:4]])


@pytest.mark.parametrize("precision, tolerance", [("high", 2e-4), ("medium", 3e-2)])
@pytest.mark.parametrize("name", CELLS)
def test_precisions(rung, name, precision, tolerance):
    """Weights in panels of the format: more units than a block, a depth that is no multiple of its unit."""
    import embedcnn

    rng = np.random.default_rng(13)
    pair = sequence_pair(name, 37, 75, rng, return_sequences=True)
    mask = np.arange(9)[None] < rng.integers(1, 10, (21, 1))
    before = embedcnn.get_float32_matmul_precision()
    embedcnn.set_float32_matmul_precision(precision)
    try:
        results = []
        x = 0.3 * rng.normal(size=(21, 9, 37)).astype(np.float32)
        inputs = [(x, mask)]
        got = pair.core.forward(inputs, training=True, step=0)
        expected = pair.reference.forward(inputs, True, 0)
        d_out = [rng.normal(size=got[0].shape).astype(np.float32)]
        np.testing.assert_allclose(got[0], expected[0], atol=tolerance)
        for count in (1, 2, 3):
            embedcnn.set_num_threads(count)
            again = pair.core.forward(inputs, training=True, step=0)
            pair.core.backward(d_out)
            results.append([again[0].tobytes(), *[pair.core.gradient(n).tobytes() for n in range(3)]])
        assert results[0] == results[1] == results[2] and results[0][0] == got[0].tobytes()
        pair.reference.backward(d_out)
        for number in range(3):
            one, other = pair.core.gradient(number), pair.reference.gradient(number)
            assert np.linalg.norm(one - other) <= tolerance * np.linalg.norm(other)
    finally:
        embedcnn.set_num_threads(0)
        embedcnn.set_float32_matmul_precision(before)


@pytest.mark.parametrize(
    "name, channels, units, batch, length",
    [("simple_rnn", 1, 2200, 100, 22), ("gru", 16, 16, 512, 520)],
    ids=["wide", "long"],
)
def test_many_units_or_tokens_keep_to_their_memory(name, channels, units, batch, length):
    """The products of the way back are cut into parts, each in its own way: what was planned behind this
    operation, here the gradient of a dense layer, must stay as it was written.
    """
    from embedcnn import _core

    rng = np.random.default_rng(0)
    columns = GATES[name] * units
    shapes = [("kernel", (channels, columns)), ("recurrent", (units, columns)), ("dense", (units, 1))]
    operations = [(name, (0,), (1,), (0, 1), {"use_bias": False}), ("dense", (1,), (2,), (2,), {})]
    program = _core.Program([("x", "float32", -1, (channels,))], shapes, operations, (1, 2))
    for number, (_, shape) in enumerate(shapes):
        value = (0.3 * rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
        program.bind(number, value, True, [], np.zeros(1, np.int64))
    x = rng.normal(size=(batch, length, channels)).astype(np.float32)
    states, _ = program.forward([x], training=True)
    d_dense = rng.normal(size=(batch, 1)).astype(np.float32)
    program.backward([np.zeros_like(states), d_dense])
    np.testing.assert_allclose(program.gradient(2), states.T @ d_dense, rtol=1e-3, atol=1e-3)
