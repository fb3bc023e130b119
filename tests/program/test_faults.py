"""What goes wrong on purpose: failing allocations, misuse of the interface, forks, two threads in one
program."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from program.models import (
    documents,
    documents_input,
    every_input,
    every_layer,
    every_layer_input,
    every_operation,
    text_batch,
    text_cnn,
)

from embedcnn import _core


def fail_each_allocation(action, forever):
    """Runs `action` with its 1st, 2nd ... allocation failing, until it makes fewer; how many times it
    failed."""
    failures = 0
    for number in range(1, 2000):
        _core._memory_fail_at(number, forever)
        try:
            action()
        except MemoryError:
            failures += 1
        finally:
            made = _core._memory_fail_at(0, False)
        if made < number:
            return failures
    raise AssertionError("still failing after 2000 allocations")


PROGRAMS = {
    "operations": (every_operation, every_input),
    "layers": (every_layer, every_layer_input),
    "documents": (documents, documents_input),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("forever", [False, True])
def test_the_constructor_survives_each_failing_allocation(forever, program):
    make = PROGRAMS[program][0]
    assert fail_each_allocation(make, forever) > 0
    make()


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("program", PROGRAMS)
def test_steps_survive_each_failing_allocation(forever, threads, program):
    _core.set_num_threads(threads)
    rng = np.random.default_rng(0)
    failures = 0
    try:
        for batch in (3, 40):  # the second is larger: memory grows in the middle of the program's life
            make, make_input = PROGRAMS[program]
            pair = make()
            pair.set_optimizer("sgd", momentum=0.5, nesterov=True, global_clipnorm=1.0)
            inputs, targets = make_input(rng, batch)
            inputs = [x if x.dtype.kind in "iu" else x.astype(np.float32) for x in inputs]
            before = [value.copy() for value in pair.values]

            def train(pair=pair, inputs=inputs, targets=targets):
                return pair.core.train_step(inputs, targets, None, 0.01, 0, want_outputs=True)

            def test(pair=pair, inputs=inputs, targets=targets):
                return pair.core.test_step(inputs, targets, None)

            failures += fail_each_allocation(test, forever)
            _core._memory_fail_at(1, True)
            try:
                failed = False
                train()
            except MemoryError:
                failed = True
            finally:
                _core._memory_fail_at(0, False)
            if failed:  # nothing may have moved
                assert all((old == new).all() for old, new in zip(before, pair.values, strict=True))
            failures += fail_each_allocation(train, forever)
            for number, value in enumerate(pair.values):  # start anew: still a working program
                value[...] = before[number]
                pair.reference.bind(number, value, pair.trainable[number], pair.tracked[number])
                pair.steps[number][0] = 0
            pair.bind(1)
            pair.check_train_step(inputs, targets, 0.01, 0, tolerance=2e-4)
    finally:
        _core.set_num_threads(0)
    assert failures > 0 or not forever  # one failure alone: the arena asks again for less


@pytest.mark.parametrize("forever", [False, True])
@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_and_updates_survive_each_failing_allocation(forever, program):
    make, make_input = PROGRAMS[program]
    pair = make()
    pair.set_optimizer("sgd", momentum=0.5, global_clipnorm=1.0)
    core, (inputs, targets) = pair.core, make_input(np.random.default_rng(0), 3)
    before = [value.copy() for value in pair.values]
    fail_each_allocation(lambda: core.gradient_step(inputs, targets, None, 0), forever)
    core.gradient_step(inputs, targets, None, 0)
    learning = core.learning
    gradients = [core.gradient(n) if n in learning else None for n in range(len(before))]
    moved = [n for n, (old, new) in enumerate(zip(before, pair.values, strict=True)) if (old != new).any()]
    assert not set(moved) & set(learning)
    fail_each_allocation(lambda: core.update(gradients, 0.01, 0), forever)
    assert any((before[n] != pair.values[n]).any() for n in learning)


def test_forward_and_backward_survive_each_failing_allocation():
    from comparison import Pair

    rng = np.random.default_rng(1)
    operations = [("conv1d", (0,), (1,), (0,), {}), ("global_max_pool", (1,), (2,), (), {})]
    pair = Pair(
        [("x", "float32", -1, (4,))], [("k", (2, 4, 3))], operations, (2,), [rng.normal(size=(2, 4, 3))]
    )
    x = rng.normal(size=(5, 6, 4)).astype(np.float32)
    fail_each_allocation(lambda: pair.core.forward([x]), False)

    def both():
        pair.core.forward([x], training=True)
        pair.core.backward([np.ones((5, 3), np.float32)])

    fail_each_allocation(both, False)
    pair.check_gradients([x])


BAD_PROGRAMS = {
    "unknown operation": ([("x", "float32", None, (3,))], [], [("cube", (0,), (1,), (), {})], (1,)),
    "unknown attribute": (
        [("x", "float32", None, (3,))],
        [],
        [("softmax", (0,), (1,), (), {"axis": 1})],
        (1,),
    ),
    "unknown input kind": ([("image", "x", 3)], [], [], (0,)),
    "input that does not exist": (
        [("x", "float32", None, (3,))],
        [],
        [("softmax", (5,), (1,), (), {})],
        (1,),
    ),
    "input from later": ([("x", "float32", None, (3,))], [], [("softmax", (1,), (1,), (), {})], (1,)),
    "output written twice": ([("x", "float32", None, (3,))], [], [("softmax", (0,), (0,), (), {})], (0,)),
    "unknown output": ([("x", "float32", None, (3,))], [], [("softmax", (0,), (1,), (), {})], (2,)),
    "negative output": ([("x", "float32", None, (3,))], [], [("softmax", (0,), (1,), (), {})], (-1,)),
    "wrong parameter": (
        [("x", "float32", None, (3,))],
        [("k", (3, 2))],
        [("dense", (0,), (1,), (1,), {})],
        (1,),
    ),
    "wrong width": ([("x", "float32", None, (3,))], [("k", (4, 2))], [("dense", (0,), (1,), (0,), {})], (1,)),
    "missing parameter": ([("x", "float32", None, (3,))], [], [("dense", (0,), (1,), (), {})], (1,)),
    "wrong kind": ([("x", "float32", None, (3,))], [], [("global_max_pool", (0,), (1,), (), {})], (1,)),
    "ids where floats belong": ([("x", "int32", 3, ())], [], [("softmax", (0,), (1,), (), {})], (1,)),
    "zero channels": ([("x", "float32", None, (0,))], [], [("softmax", (0,), (1,), (), {})], (1,)),
    "negative shape": (
        [("x", "float32", None, (3,))],
        [("k", (3, -2))],
        [("dense", (0,), (1,), (0,), {})],
        (1,),
    ),
    "huge shape": (
        [("x", "float32", None, (3,))],
        [("k", (2**62, 2**62))],
        [("dense", (0,), (1,), (0,), {})],
        (1,),
    ),
    "no operation for a bad length": ([("x", "int32", -7, ())], [], [], (0,)),
}


@pytest.mark.parametrize("name", BAD_PROGRAMS)
def test_bad_programs_are_refused(name):
    with pytest.raises((ValueError, TypeError, OverflowError)) as caught:
        _core.Program(*BAD_PROGRAMS[name])
    assert len(str(caught.value)) > 10


@pytest.mark.parametrize("arguments", [
    (None, [], [], ()), ([()], [], [], ()), ([("ids",)], [], [], ()), ([(3, "int32", -1, ())], [], [], ()),
    ([("x", "float32", None, (3,))], [("k",)], [], ()),
    ([("x", "float32", None, (3,))], [], [("softmax",)], (0,)),
    ([("x", "float32", None, (3,))], [], [("softmax", 0, 1, (), {})], (1,)),
    ([("x", "float32", None, (3,))], [], [("softmax", (0,), (1,), (), None)], (1,)),
    ([("x", "float32", None, ("3",))], [], [], (0,)), ([("x", "float32", None, (3,))], [], [], None),
])  # fmt: skip
def test_malformed_programs_are_refused(arguments):
    with pytest.raises((ValueError, TypeError)):
        _core.Program(*arguments)


def test_bad_bindings_are_refused():
    program = _core.Program(
        [("x", "float32", None, (3,))], [("k", (3, 2))], [("dense", (0,), (1,), (0,), {})], (1,)
    )
    good, steps = np.zeros((3, 2), np.float32), np.zeros(1, np.int64)
    with pytest.raises(RuntimeError, match="k is not bound"):
        program.forward([np.zeros((1, 3), np.float32)])
    for value, error in [
        (good.astype(np.float64), TypeError),
        (good.T, TypeError),
        (np.zeros((2, 3), np.float32), ValueError),
        (np.zeros(6, np.float32), ValueError),
        (good.tolist(), TypeError),
    ]:
        with pytest.raises(error, match="k"):
            program.bind(0, value, False, [], steps)
    with pytest.raises(ValueError):
        program.bind(1, good, False, [], steps)
    with pytest.raises(ValueError):
        program.bind(-1, good, False, [], steps)
    with pytest.raises(TypeError):
        program.bind(0, good, True, [], np.zeros(1, np.int32))
    with pytest.raises(ValueError):
        program.bind(0, good, True, [good], steps)
    program.bind(0, good, True, [], steps)
    program.set_optimizer("adam")
    assert program.forward([np.zeros((1, 3), np.float32)])[0].shape == (1, 2)


def test_the_optimizer_needs_its_slots():
    pair = text_cnn()
    ids, labels = text_batch(np.random.default_rng(2))
    with pytest.raises(RuntimeError, match="set_optimizer"):
        pair.core.train_step([ids], [labels], None, 0.1, 0)
    pair.core.set_optimizer("adam")
    with pytest.raises(RuntimeError, match="slots"):
        pair.core.train_step([ids], [labels], None, 0.1, 0)
    for bad in [
        ("lion", {}),
        ("sgd", {"clipnorm": 1.0, "clipvalue": 1.0}),
        ("adam", {"embedding_update": "never"}),
    ]:
        with pytest.raises(ValueError):
            pair.core.set_optimizer(bad[0], **bad[1])
    with pytest.raises((TypeError, ValueError)):
        pair.core.set_optimizer("sgd", speed=3)


BAD_INPUTS = [
    ([np.zeros((2, 9), np.float32)], TypeError, "x"),
    ([np.zeros(9, np.int64)], ValueError, "x"),
    ([np.zeros((2, 9, 1), np.int64)], ValueError, "x"),
    ([np.zeros((0, 9), np.int64)], ValueError, None),
    ([], ValueError, None),
    ([np.zeros((2, 9), np.int64)] * 2, ValueError, None),
    ([np.full((2, 9), 60)], ValueError, r"x\[0, 0\] = 60 is outside \[0, 60\)"),
    ([(np.array([1, 2, 99], np.int32), np.array([0, 1, 3]))], ValueError, "99"),
    ([(np.array([1, 2], np.int32), np.array([0, 1, 3]))], ValueError, "x"),
    ([(np.array([1, 2], np.int32), np.array([0, 2, 1]))], ValueError, "x"),
    ([(np.array([1, 2], np.int32), np.array([1, 2]))], ValueError, "x"),
    ([(np.array([1, 2], np.int32), np.array([-1, 2]))], ValueError, "x"),
    ([(np.array([1, 2], np.int32), np.array([0]))], ValueError, None),
    ([None], TypeError, "x"),
    (["text"], TypeError, "x"),
]


@pytest.mark.parametrize("case", range(len(BAD_INPUTS)))
def test_bad_inputs_are_refused_and_leave_the_program_usable(case):
    inputs, error, message = BAD_INPUTS[case]
    pair = text_cnn()
    pair.set_optimizer("sgd")
    before = [value.tobytes() for value in pair.values]
    with pytest.raises(error, match=message):
        pair.core.train_step(inputs, [np.zeros(2, np.int64)], None, 0.1, 0)
    assert [value.tobytes() for value in pair.values] == before
    ids, labels = text_batch(np.random.default_rng(3))
    pair.check_train_step([ids], [labels], 0.1, 0)


def test_bad_weights_and_targets_are_refused():
    pair = text_cnn()
    pair.set_optimizer("sgd")
    ids, labels = text_batch(np.random.default_rng(4))
    for targets, weight, error in [
        ([labels[:-1]], None, ValueError),
        ([], None, ValueError),
        ([labels, labels], None, ValueError),
        ([labels.astype(np.float32)], None, TypeError),
        ([labels], np.ones(3, np.float32), ValueError),
        ([np.full(7, 3)], None, ValueError),
    ]:
        with pytest.raises(error):
            pair.core.train_step([ids], targets, weight, 0.1, 0)
    pair.check_train_step([ids], [labels], 0.1, 0)


@pytest.mark.parametrize("kind", ["hinge", "squared"])
@pytest.mark.parametrize("masked", [False, True])
def test_targets_of_no_steps_are_refused(kind, masked):
    operations = [("element_loss", (0,), (1,), (), {"kind": kind})]
    program = _core.Program([("x", "float32", -1, (3,))], [], operations, (1,))
    x = np.ones((2, 4, 3), np.float32)
    inputs = [(x, np.zeros((2, 4), bool))] if masked else [x]
    with pytest.raises(ValueError, match=r"y has the shape \(2, 0, 3\)"):
        program.test_step(inputs, [np.zeros((2, 0, 3), np.float32)], None)


def test_backward_needs_a_forward():
    operations = [("softmax", (0,), (1,), (), {})]
    program = _core.Program([("x", "float32", None, (3,))], [], operations, (1,), input_gradients=True)
    d_out = np.ones((2, 3), np.float32)
    with pytest.raises(RuntimeError, match="forward"):
        program.backward([d_out])
    program.forward([d_out], training=True)
    with pytest.raises((ValueError, TypeError)):
        program.backward([np.ones((3, 3), np.float32)])
    with pytest.raises((ValueError, TypeError)):
        program.backward([])
    program.forward([d_out], training=True)
    program.backward([d_out])
    assert program.input_gradient(0).shape == (2, 3)
    with pytest.raises((ValueError, RuntimeError)):
        program.gradient(0)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_trains_on():
    """After a parallel step in the parent, children step too: the same bits, no hang."""
    _core.set_num_threads(2)
    try:
        pair = text_cnn(rate=0.2)
        pair.set_optimizer("adam")
        ids, labels = text_batch(np.random.default_rng(5), batch=40)
        pair.core.train_step([ids], [labels], None, 0.01, 0)
        for _ in range(5):
            reader, writer = os.pipe()
            child = os.fork()
            if child == 0:
                try:
                    signal.alarm(20)
                    loss = pair.core.train_step([ids], [labels], None, 0.01, 1).losses[0]
                    os.write(writer, np.float64(loss).tobytes())
                finally:
                    os._exit(0)
            os.close(writer)
            with os.fdopen(reader, "rb") as pipe:
                answer = pipe.read()
            assert os.waitpid(child, 0)[1] == 0, "the child hung or died"
        loss = pair.core.train_step([ids], [labels], None, 0.01, 1).losses[0]
        assert np.frombuffer(answer, np.float64)[0] == loss
    finally:
        _core.set_num_threads(0)


def test_two_threads_in_one_program():
    """The second is refused with a clear error; both may go on one after the other."""
    pair = text_cnn(vocabulary=2000, width=64, filters=64)
    rng = np.random.default_rng(6)
    ids, labels = rng.integers(0, 2000, (200, 60)), rng.integers(0, 3, 200)
    refused, done, wrong = [], [], []
    end = time.monotonic() + 20

    def work():
        while time.monotonic() < end and not refused:
            try:
                pair.core.test_step([ids], [labels], None)
                done.append(1)
            except RuntimeError as error:
                refused.append(str(error))
            except Exception as error:  # noqa: BLE001
                wrong.append(error)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    assert refused and "in use by another thread" in refused[0]
    assert pair.core.test_step([ids], [labels], None).losses[0] > 0


def test_programs_in_two_threads_at_once():
    """Each thread its own program: all results are those of one thread alone."""
    ids, labels = text_batch(np.random.default_rng(7), batch=20)

    def train(results):
        pair = text_cnn(rate=0.3)
        pair.set_optimizer("adam")
        results.append(
            [pair.core.train_step([ids], [labels], None, 0.01, step).losses[0] for step in range(30)]
        )

    alone, together = [], []
    train(alone)
    workers = [threading.Thread(target=train, args=(together,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert together == alone * 4


def test_a_list_of_slots_that_changes_while_it_is_bound():
    """A number of the rules may be an object that runs code: the slots are looked at behind it."""
    program = _core.Program(
        [("x", "float32", None, (3,))], [("k", (3, 2))], [("dense", (0,), (1,), (0,), {})], (1,)
    )
    slots = []

    class Number:
        def __float__(self):
            slots.extend(np.zeros((3, 2), np.float32) for _ in range(100))
            return 0.0

    value, steps = np.zeros((3, 2), np.float32), np.zeros(1, np.int64)
    with pytest.raises(ValueError, match="k: 100 slots; at most 3"):
        program.bind(0, value, True, slots, steps, rules={"l1": Number()})
