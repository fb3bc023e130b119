"""What a program tells of its last step: where that failed, where one is running, where memory is short."""

import numpy as np
import pytest

from embedcnn import _core


def ones(*shape):
    return np.ones(shape, np.float32)


def token_program():
    """Ids to windows of three tokens [B, T - 2, 2]."""
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_conv", (1,), (2,), (1,), {"padding": "valid"}),
    ]
    program = _core.Program([("x", "int32", -1, ())], [("t", (9, 2)), ("k", (3, 2, 2))], operations, (2,))
    for number, shape in enumerate([(9, 2), (3, 2, 2)]):
        program.bind(number, ones(*shape), False, [], np.zeros(1, np.int64))
    return program


def test_a_step_that_failed_has_no_masks():
    """The layout of the step before, whose memory is another's by now, must not be read."""
    program, batch = token_program(), 3000
    program.forward([(np.ones(9 * batch, np.int32), 9 * np.arange(batch + 1))])
    assert program.output_masks[0].shape == (batch, 7) and program.output_masks[0].all()
    with pytest.raises(ValueError, match="the texts are 1 tokens long"):
        program.forward([np.ones((2, 1), np.int32)])
    assert program.output_masks == [None]


@pytest.mark.parametrize(
    "name", ["penalty", "loss_sums", "output_masks", "costs", "workspace_bytes", "step_bytes"]
)
def test_results_wait_for_the_end_of_a_step(name):
    operations = [("squared_error", (0,), (1,), (), {})]
    program = _core.Program([("x", "float32", None, (2,))], [], operations, (1,))

    class Input:
        """Reads a result while the step takes its inputs."""

        def __len__(self):
            return 3

        def __array__(self, dtype=None, copy=None):
            getattr(program, name)
            return ones(3, 2)

    with pytest.raises(RuntimeError, match="in use by another thread"):
        program.test_step([Input()], [ones(3, 2)], None)
    program.test_step([ones(3, 2)], [ones(3, 2)], None)
    getattr(program, name)


@pytest.mark.parametrize("name", ["shapes", "loss_sums", "output_masks", "costs"])
def test_results_survive_each_failing_allocation(name):
    """Also of Python's own objects; numbers above 256 are new ones."""
    fails = pytest.importorskip("_testcapi", reason="no CPython with its tests")
    operations = [("squared_error", (0,), (1,), (), {})]
    program = _core.Program([("x", "float32", -1, (300,))], [], operations, (1,))
    x = ones(2, 3, 300)
    program.set_timed(True)
    program.test_step([(x, np.ones((2, 3), bool))], [x], None)
    expected, failures = getattr(program, name), 0
    for number in range(1, 100):
        fails.set_nomemory(number, number + 1)
        try:
            found = getattr(program, name)
        except MemoryError:
            found = None
        fails.remove_mem_hooks()
        failures += found is None
        if found is not None:
            np.testing.assert_equal(found, expected)
    assert failures or name == "loss_sums"  # tuples and floats may be used again


@pytest.mark.parametrize("shape", [(4, 0), (4, 1), (3,), (4, 1, 1), ()])
def test_weights_that_fit_no_example(shape):
    """Of (4, 0), nothing was read as one weight an example."""
    operations = [("squared_error", (0,), (1,), (), {})]
    program = _core.Program([("x", "float32", None, (2,))], [], operations, (1,))
    with pytest.raises(ValueError, match="sample_weight has"):
        program.test_step([ones(4, 2)], [ones(4, 2)], ones(*shape))


def test_states_are_written_and_never_learn():
    shapes = [("k", (2, 3)), ("r", (3, 3)), ("b", (3,)), ("state", (4, 3))]
    operation = ("simple_rnn", (0,), (1,), (0, 1, 2, 3), {"stateful": True})
    program = _core.Program([("x", "float32", -1, (2,))], shapes, [operation], (1,))
    state = ones(4, 3)
    with pytest.raises(ValueError, match="parameter state is the state of a layer; it cannot be trainable"):
        program.bind(3, state, True, [], np.zeros(1, np.int64))
    state.flags.writeable = False
    with pytest.raises(ValueError, match="value of state is read-only"):
        program.bind(3, state, False, [], np.zeros(1, np.int64))
