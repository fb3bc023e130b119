"""Large inputs, which a run reads where they stand, and large outputs, whose memory goes to the caller."""

import sys
import weakref

import numpy as np
import pytest

import embedcnn
from embedcnn import _core, layers, ops

RELU = ("activation", (0,), (1,), (), {"activation": "relu"})


def make(inputs, operations, outputs, **settings):
    return _core.Program(inputs, [], operations, outputs, **settings)


def draw(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("rows", [3, 4000])  # below 64 KB, and above
def test_each_result_has_memory_of_its_own(rows):
    program = make([("x", "float32", None, (16,))], [RELU], (1,))
    x = draw(rows, 16)
    first, second = program.forward([x])[0], program.forward([-x])[0]
    assert not np.shares_memory(first, second) and not np.shares_memory(first, x)
    np.testing.assert_array_equal(first, np.maximum(x, 0))
    np.testing.assert_array_equal(second, np.maximum(-x, 0))
    first[:] = 7.0  # it is the caller's
    del program
    np.testing.assert_array_equal(second, np.maximum(-x, 0))


def test_memory_of_a_result_that_is_gone_serves_the_next():
    program = make([("x", "float32", None, (256,))], [RELU], (1,))
    x = draw(2000, 256)
    place = program.forward([x])[0].ctypes.data
    assert program.forward([x])[0].ctypes.data == place
    kept = program.forward([x])[0]
    assert program.forward([x])[0].ctypes.data != kept.ctypes.data
    assert _core.free_kept_memory() >= x.nbytes
    assert _core.free_kept_memory() == 0
    np.testing.assert_array_equal(kept, np.maximum(x, 0))


def test_clear_session_frees_it_unless_told_not_to():
    program = make([("x", "float32", None, (256,))], [RELU], (1,))
    program.forward([draw(2000, 256)])
    embedcnn.backend.clear_session(free_memory=False)
    assert _core.free_kept_memory() > 0
    program.forward([draw(2000, 256)])
    embedcnn.backend.clear_session()
    assert _core.free_kept_memory() == 0
    with pytest.raises(TypeError, match="free_memory"):
        embedcnn.backend.clear_session(free_memory="no")


@pytest.mark.parametrize("outputs", [(1, 2), (2, 1), (2, 2), (0, 1), (1, 1, 2)])
def test_outputs_of_the_same_values_share_no_memory(outputs):
    reshape = ("reshape", (1,), (2,), (), {"rank": 2, "size0": 4, "size1": 4})
    program = make([("x", "float32", None, (16,))], [RELU, reshape], outputs)
    x = draw(4000, 16)
    wanted = [x, np.maximum(x, 0), np.maximum(x, 0).reshape(-1, 4, 4)]
    made = program.forward([x])
    for number, one in zip(outputs, made, strict=True):
        np.testing.assert_array_equal(one, wanted[number])
        one[:] = 0.0
    assert x.any()  # nor with the input
    assert not any(np.shares_memory(a, b) for i, a in enumerate(made) for b in [x, *made[:i]])


def test_a_backward_pass_finds_what_its_forward_pass_saw():
    tanh = ("activation", (0,), (1,), (), {"activation": "tanh"})
    square = ("merge", (1, 0), (2,), (), {"kind": "multiply"})
    program = make([("x", "float32", None, (16,))], [tanh, square], (2,), input_gradients=True)
    x = draw(4000, 16)
    given = x.copy()
    program.forward([given], training=True)[0][:] = 1e9
    given[:] = -1e9
    program.backward([np.ones_like(x)])
    wide = x.astype(np.float64)
    wanted = np.tanh(wide) + wide * (1 - np.tanh(wide) ** 2)
    np.testing.assert_allclose(program.input_gradient(0), wanted, atol=1e-5)


def test_masked_sequences_come_padded():
    program = make([("x", "float32", -1, (32,))], [RELU], (1,))
    x, mask = draw(50, 40, 32), np.ones((50, 40), bool)
    np.testing.assert_array_equal(program.forward([x])[0], np.maximum(x, 0))
    mask[::2, 30:] = False
    wanted = np.where(mask[:, :, None], np.maximum(x, 0), 0)
    np.testing.assert_array_equal(program.forward([(x, mask)])[0], wanted)


def test_the_outputs_of_a_step_stay_after_the_next():
    loss = ("squared_error", (1,), (2,), (), {})
    program = make([("x", "float32", None, (16,))], [RELU, loss], (1,))
    x = draw(4000, 16)
    first = program.test_step([x], [x], None, want_outputs=True).outputs[0]
    program.test_step([-x], [x], None, want_outputs=True)
    np.testing.assert_array_equal(first, np.maximum(x, 0))
    assert program.test_step([x], [x], None).outputs is None


def test_an_input_is_not_held_behind_the_run():
    inputs = [("x", "float32", None, (16,)), ("y", "float32", None, (16,))]
    program = make(inputs, [("merge", (0, 1), (2,), (), {"kind": "add"})], (2,))
    x, short = draw(4000, 16), draw(3999, 16)
    before = sys.getrefcount(x)
    np.testing.assert_array_equal(program.forward([x, x])[0], x + x)
    with pytest.raises(ValueError, match="y has the shape"):
        program.forward([x, short])
    assert sys.getrefcount(x) == before and weakref.getweakrefcount(x) == 0


@pytest.mark.parametrize("function", [lambda x: ops.add(x, 1.0), ops.negative, ops.stop_gradient, ops.round])
def test_operations_of_arrays_make_one_array(function):
    x = draw(100)
    made = function(x)
    assert made.dtype == np.float32 and made.base is None and not np.shares_memory(made, x)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: ops.reshape(x, (10, 10)),
        lambda x: ops.convert_to_tensor(ops.cast(x, "float32")),
        lambda x: ops.expand_dims(x, 0),
        lambda x: ops.transpose(ops.reshape(x, (10, 10))),
        lambda x: ops.array_split(x, 2)[0],
        lambda x: ops.rot90(x.reshape(10, 10), 0),
        lambda x: ops.quantile(x.astype(np.float64), [0.5]),
    ],
)
def test_and_none_of_an_operand(function):
    x = draw(100)
    made = function(x)
    assert made.dtype == np.float32 and not np.shares_memory(made, x)


def test_a_model_of_images_gives_arrays_of_its_own():
    model = embedcnn.Sequential([embedcnn.Input((32, 32, 16)), layers.UpSampling2D(2)])
    x = draw(8, 32, 32, 16)
    wanted = x.repeat(2, 1).repeat(2, 2)
    for made in (model(x), model.predict(x, verbose=0), model.predict(x, batch_size=3, verbose=0)):
        np.testing.assert_array_equal(made, wanted)
        assert made.flags.writeable and made.flags.c_contiguous
