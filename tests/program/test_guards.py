"""What the core refuses or must not notice: operations without their tensors, sizes that do not fit,
gradients that nobody wrote, arrays and lists that change under it."""

import threading

import numpy as np
import pytest

from embedcnn import _core

INPUTS = [("ids", "x", -1), ("floats", "facts", 2), ("sequence", "vectors", -1, 2)]
OPERATIONS = ["ngrams", "lookup", "embed", "token_mean", "token_conv_pool", "conv1d", "activation", "softmax"]
OPERATIONS += ["global_max_pool", "global_average_pool", "max_pool", "average_pool", "dense", "dropout"]
OPERATIONS += ["concatenate", "merge", "flatten", "layer_normalization", "cross_entropy", "squared_error"]


def dense(outputs=(1,), **settings):
    """x [B, 2] times a matrix of ones [2, 3], bound."""
    operations = [("dense", (0,), (1,), (0,), {})]
    program = _core.Program([("floats", "x", 2)], [("k", (2, 3))], operations, outputs, **settings)
    kernel = np.ones((2, 3), np.float32)
    program.bind(0, kernel, True, [], np.zeros(1, np.int64))
    return program, kernel


def ones(*shape):
    return np.ones(shape, np.float32)


@pytest.mark.parametrize("name", OPERATIONS)
def test_any_count_of_tensors_and_parameters_is_built_or_refused(name):
    parameters = [("vector", (2,)), ("matrix", (2, 2)), ("cube", (2, 2, 2))]
    refused = 0
    for inputs in [(), (0,), (1,), (2,), (0, 1), (1, 1), (0, 1, 2)]:
        for outputs in [(), (3,), (3, 4)]:
            for numbers in [(), (0,), (1,), (2,), (1, 0), (2, 0), (0, 1, 2)]:
                try:
                    _core.Program(INPUTS, parameters, [(name, inputs, outputs, numbers, {})], ())
                except ValueError:
                    refused += 1
    assert refused > 90  # of 147


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([5], [], [], ()), TypeError, "input: expected a tuple, got 5"),
        (([], ["k"], [], ()), TypeError, "parameter: expected a tuple, got 'k'"),
        (([], [], [5], ()), TypeError, "operation: expected a tuple, got 5"),
        (([("ids", "x", 2**32 + 5)], [], [], ()), ValueError, "at most 2"),
        (([("floats", "x", 2**62)], [], [], ()), ValueError, "at most 2"),
        (([], [("k", (2**40,))], [], ()), ValueError, "below 2"),
    ],
)
def test_descriptions_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        _core.Program(*arguments)


def test_channels_are_counted_without_overflow():
    inputs = [("sequence", "x", -1, 2**31 - 1)]
    with pytest.raises(ValueError, match="flatten: .* channels; at most"):
        _core.Program(inputs, [], [("flatten", (0,), (1,), (), {"length": 2**20})], (1,))
    with pytest.raises(ValueError, match="concatenate: .* channels; at most"):
        _core.Program(inputs, [], [("concatenate", (0, 0), (1,), (), {})], (1,))


@pytest.mark.parametrize("prefix", ["", "a"])
def test_a_message_cut_inside_a_character(prefix):
    with pytest.raises(ValueError, match="dense: parameter a?é") as caught:
        parameters = [(prefix + "é" * 300, (2, 3, 4))]
        _core.Program([("floats", "x", 2)], parameters, [("dense", (0,), (1,), (0,), {})], (1,))
    assert type(caught.value) is ValueError


def test_an_output_named_twice_has_both_gradients():
    program, _ = dense((1, 1), input_gradients=True)
    program.forward([ones(1, 2)], training=True)
    program.backward([ones(1, 3), 2 * ones(1, 3)])
    np.testing.assert_array_equal(program.gradient(0), 3 * ones(2, 3))
    np.testing.assert_array_equal(program.input_gradient(0), 9 * ones(1, 2))


def test_no_gradient_before_the_backward_pass():
    program, _ = dense(input_gradients=True)
    for _ in range(2):
        program.forward([ones(1, 2)], training=True)
        for read in (program.gradient, program.input_gradient):
            with pytest.raises(RuntimeError, match="no backward pass ran"):
                read(0)
        program.backward([ones(1, 3)])
        assert program.gradient(0).tolist() == ones(2, 3).tolist()


def test_an_array_resized_under_the_program():
    program, kernel = dense()
    kernel.resize((200, 300), refcheck=False)
    with pytest.raises(RuntimeError, match="bound to parameter k was resized"):
        program.forward([ones(1, 2)])
    kernel.resize((2, 3), refcheck=False)
    program.bind(0, kernel, True, [], np.zeros(1, np.int64))
    assert program.forward([ones(1, 2)])[0].shape == (1, 3)


class Emptying:
    """An array-like that empties a list when it is converted."""

    def __init__(self, target, shape):
        self.target, self.shape = target, shape

    def __len__(self):
        self.target.clear()
        return self.shape[0]

    def __array__(self, dtype=None, copy=None):
        self.target.clear()
        return ones(*self.shape)


def test_lists_that_change_while_they_are_read():
    inputs = [("floats", "x", 2), ("floats", "y", 2)]
    program = _core.Program(inputs, [], [("concatenate", (0, 1), (2,), (), {})], (2, 2), input_gradients=True)
    given = []
    given += [Emptying(given, (1, 2)), ones(1, 2) * 3]
    assert program.forward(given, training=True)[0].tolist() == [[1, 1, 3, 3]]
    given += [Emptying(given, (1, 4)), ones(1, 4)]
    program.backward(given)
    assert program.input_gradient(0).tolist() == [[2, 2]]


def test_a_second_thread_leaves_the_learning_rate_of_a_running_step():
    """train_step of a busy program is refused, and must not have changed the step that runs."""
    size = 1500
    operations = [("dense", (0,), (1,), (0,), {}), ("squared_error", (1,), (2,), (), {})]
    program = _core.Program([("floats", "x", size)], [("k", (size, size))], operations, (2,))
    program.set_optimizer("sgd")
    kernel = np.zeros((size, size), np.float32)
    program.bind(0, kernel, True, [], np.zeros(1, np.int64))
    x, y = ones(200, size), ones(200, size)
    stop, refused = threading.Event(), 0

    def train():
        for step in range(20):
            program.train_step([x], [y], None, 0.0, step)
        stop.set()

    thread = threading.Thread(target=train)
    thread.start()
    while not stop.is_set():
        try:
            program.train_step(None, [y], None, 1.0, 0)
        except RuntimeError:
            refused += 1
        except ValueError:
            pass  # nobody was inside: the inputs are refused
    thread.join()
    assert refused > 0
    assert not kernel.any()
