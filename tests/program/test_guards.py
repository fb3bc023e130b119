"""What the core refuses or must not notice: operations without their tensors, sizes that do not fit,
gradients that nobody wrote, arrays and lists that change under it."""

import gc
import re
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

from embedcnn import _core

INPUTS = [("x", "int32", -1, ()), ("facts", "float32", None, (2,)), ("vectors", "float32", -1, (2,))]
OPERATIONS = ["ngrams", "lookup", "embed", "token_bag", "token_conv_pool", "conv1d", "activation", "softmax"]
OPERATIONS += ["global_max_pool", "global_average_pool", "max_pool", "average_pool", "dense", "dropout"]
OPERATIONS += [
    "token_conv",
    "conv_pool",
    "concatenate",
    "merge",
    "flatten",
    "layer_normalization",
    "lstm",
    "gru",
    "simple_rnn",
    "cross_entropy",
    "dense_cross_entropy",
    "squared_error",
]


def dense(outputs=(1,), **settings):
    """x [B, 2] times a matrix of ones [2, 3], bound."""
    operations = [("dense", (0,), (1,), (0,), {})]
    program = _core.Program([("x", "float32", None, (2,))], [("k", (2, 3))], operations, outputs, **settings)
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
        (([("x", "int32", 2**32 + 5, ())], [], [], ()), ValueError, "at most 2"),
        (([("x", "float32", None, (2**62,))], [], [], ()), ValueError, "at most 2"),
        (([], [("k", (2**40,))], [], ()), ValueError, "below 2"),
    ],
)
def test_descriptions_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        _core.Program(*arguments)


def test_channels_are_counted_without_overflow():
    inputs = [("x", "float32", -1, (2**31 - 1,))]
    with pytest.raises(ValueError, match="flatten: .* channels; at most"):
        _core.Program(inputs, [], [("flatten", (0,), (1,), (), {"length": 2**20})], (1,))
    with pytest.raises(ValueError, match="concatenate: .* channels; at most"):
        _core.Program(inputs, [], [("concatenate", (0, 0), (1,), (), {})], (1,))


@pytest.mark.parametrize("sizes", [(-1,), (-1, -1), (3, -1, -1)])
def test_numbers_have_no_open_sizes(sizes):
    with pytest.raises(ValueError, match=f"cast: axis {sizes.index(-1)} of a row is open"):
        _core.Program([("x", "int32", -1, sizes)], [], [("cast", (0,), (1,), (), {})], (1,))


@pytest.mark.parametrize("prefix", ["", "a"])
def test_a_message_cut_inside_a_character(prefix):
    with pytest.raises(ValueError, match="dense: parameter a?é") as caught:
        parameters = [(prefix + "é" * 300, (2, 3, 4))]
        _core.Program([("x", "float32", None, (2,))], parameters, [("dense", (0,), (1,), (0,), {})], (1,))
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


def test_a_bound_array_cannot_be_moved():
    program, kernel = dense()
    steps, average, accumulator = np.zeros(1, np.int64), ones(2, 3), ones(2, 3)
    slots = [ones(2, 3), ones(2, 3)]
    program.bind(0, kernel, True, slots, steps, average=average, accumulator=accumulator)
    for array in (kernel, steps, average, accumulator, *slots):
        with pytest.raises(ValueError, match="cannot resize"):
            array.resize((200, 300), refcheck=False)
    del program
    kernel.resize((200, 300), refcheck=False)
    assert kernel.shape == (200, 300)


def test_rules_that_do_not_fit_the_optimizer():
    """A penalty on all rows of a table whose gradient has only those of the step would write past its end."""
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_bag", (1,), (2,), (), {}),
        ("squared_error", (2,), (3,), (), {}),
    ]
    program = _core.Program([("x", "int32", -1, ())], [("t", (50, 4))], operations, (3,))
    for update, all_rows in [("lazy", 1), ("dense", 0)]:
        program.set_optimizer("sgd", embedding_update=update)
        table = ones(50, 4)
        program.bind(0, table, True, [], np.zeros(1, np.int64), rules={"l2": 0.1, "all_rows": all_rows})
        with pytest.raises(RuntimeError, match=f"all_rows = {all_rows}; embedding_update is '{update}'"):
            program.train_step([np.zeros((2, 3), np.int32)], [ones(2, 4)], None, 0.1, 0)


def operation_names():
    types = (
        (Path(__file__).parents[2] / "csrc/ops/op.c").read_text().split("ec_op_types[] = {")[1].split("}")[0]
    )
    return re.findall(r"ec_op_(\w+)", types)


@pytest.mark.parametrize("name", operation_names())
@pytest.mark.parametrize("kind", ["ids", "floats", "sequence"])
def test_any_number_of_inputs_outputs_and_parameters(name, kind):
    """Every operation looks at the numbers before it looks at what they name."""
    given = {
        "ids": ("x", "int32", -1, ()),
        "floats": ("x", "float32", None, (4,)),
        "sequence": ("x", "float32", -1, (4,)),
    }[kind]
    parameters = [("a", (4, 4)), ("b", (4,)), ("c", (2, 4, 4))]
    for sources in [(), (0,), (0, 0), (0, 0, 0)]:
        for results in [(), (1,), (1, 2), (1, 2, 3)]:
            for numbers in [(), (0,), (1,), (2,), (0, 1), (2, 1), (0, 1, 2)]:
                try:
                    _core.Program([given], parameters, [(name, sources, results, numbers, {})], results[:1])
                except ValueError as error:
                    assert str(error)


class Acting:
    """A number that does something when it is read."""

    def __init__(self, action):
        self.action = action

    def __index__(self):
        self.action()
        return 1

    def __float__(self):
        return self.__index__() / 2


def test_a_description_that_changes_while_it_is_read():
    operations, attributes = [], {}
    operations.append(("dropout", (0,), (1,), (), attributes))
    attributes["rate"] = Acting(lambda: operations.extend([operations[0]] * 100))
    attributes["layer"] = Acting(attributes.clear)
    program = _core.Program([("x", "float32", None, (4,))], [], operations, (1,))
    assert len(operations) == 101 and not attributes
    assert program.shapes == [("float32", None, (4,))] * 2


def test_gradients_in_a_list_that_shrinks():
    operations = [("external", (0, 1), (2,), (), {"has_steps": False, "cols": 3})]
    program = _core.Program(
        [("x", "float32", None, (3,)), ("y", "float32", None, (3,))],
        [],
        operations,
        (2,),
        input_gradients=True,
    )
    gradients = []

    def backward(d_output):
        gradients[:] = [Emptying(gradients, (2, 3)), ones(2, 3)]
        return gradients, []

    program.set_function(0, lambda inputs, masks, training: inputs[0], backward)
    program.forward([ones(2, 3), ones(2, 3)], training=True)
    program.backward([ones(2, 3)])
    np.testing.assert_array_equal(program.input_gradient(1), ones(2, 3))


class Doubling:
    """A layer written in Python that knows the program it is in."""

    program = None

    def forward(self, inputs, masks, training):
        return 2 * inputs[0]

    def backward(self, d_output):
        return [2 * d_output], []


def test_a_program_in_a_reference_cycle_is_collected():
    layer = Doubling()
    operations = [("external", (0,), (1,), (), {"has_steps": False, "cols": 2})]
    layer.program = program = _core.Program([("x", "float32", None, (2,))], [], operations, (1,))
    with pytest.raises(RuntimeError, match="has no function"):
        program.forward([ones(1, 2)])
    for _ in range(2):
        program.set_function(0, layer.forward, layer.backward)
        np.testing.assert_array_equal(program.forward([ones(1, 2)])[0], 2 * ones(1, 2))
    gone = weakref.ref(layer)
    del layer, program
    gc.collect()
    assert gone() is None


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
    inputs = [("x", "float32", None, (2,)), ("y", "float32", None, (2,))]
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
    program = _core.Program([("x", "float32", None, (size,))], [("k", (size, size))], operations, (2,))
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
