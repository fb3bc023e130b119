"""Steps of a program without their update, and updates from gradients of the caller, in the core."""

import numpy as np
import pytest
from comparison import Pair

from embedcnn import _core

OPERATIONS = [
    ("lookup", (0,), (1,), (0,), {}),
    ("token_bag", (1,), (2,), (), {}),
    ("dense", (2,), (3,), (1, 2), {}),
    ("cross_entropy", (3,), (4,), (), {}),
    ("dense", (2,), (5,), (3,), {}),  # no loss depends on it
]
PARAMETERS = [("table", (30, 4)), ("kernel", (4, 3)), ("bias", (3,)), ("unused", (4, 2))]
rng = np.random.default_rng(2)
IDS, LABELS = rng.integers(0, 30, (6, 5)), rng.integers(0, 3, 6)


def pair(trainable=True):
    values = [np.random.default_rng(1).normal(size=shape) for _, shape in PARAMETERS]
    made = Pair(
        [("x", "int32", -1, ())], PARAMETERS, OPERATIONS, (4, 5), values, trainable, input_gradients=False
    )
    made.set_optimizer("adam", global_clipnorm=0.1)
    return made


def gradients_of(core):
    learning = core.learning
    return [core.gradient(number) if number in learning else None for number in range(len(PARAMETERS))]


def test_learning_names_what_is_trainable_and_in_a_loss():
    assert pair().core.learning == [0, 1, 2]
    assert pair([False, True, False, True]).core.learning == [1]


def test_a_gradient_step_and_an_update_are_a_train_step():
    whole, parts = pair(), pair()
    for step in range(3):
        expected = whole.core.train_step([IDS], [LABELS], None, 0.01, step)
        before = [value.copy() for value in parts.values]
        assert parts.core.gradient_step([IDS], [LABELS], None, step) == expected
        assert all((old == new).all() for old, new in zip(before, parts.values, strict=True))
        parts.core.update(gradients_of(parts.core), 0.01, step)
        for one, other in zip(whole.values, parts.values, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_step_without_optimizer_has_gradients():
    operations = OPERATIONS[:4]
    made = Pair(
        [("x", "int32", -1, ())], PARAMETERS[:3], operations, (4,), [np.ones(s) for _, s in PARAMETERS[:3]]
    )
    made.core.gradient_step([IDS], [LABELS], None, 0)
    assert np.abs(made.core.gradient(2)).sum() > 0
    with pytest.raises(RuntimeError, match="set_optimizer"):
        made.core.update([made.core.gradient(n) for n in range(3)], 0.1, 0)


def test_update_refuses_what_a_team_could_not_write():
    core = pair().core
    core.gradient_step([IDS], [LABELS], None, 0)
    good = gradients_of(core)
    ones = np.ones((3, 4), np.float32)
    for change, error, message in (
        ({0: (np.array([4, 1, 4]), ones)}, ValueError, r"table must be distinct: rows\[2\] = 4"),
        ({0: None}, ValueError, "that of table is missing"),
        ({3: np.zeros((4, 2))}, ValueError, "unused takes none"),
        (
            {0: (np.array([4, 1, 30]), ones)},
            ValueError,
            r"rows of table: rows\[2\] = 30 is outside",
        ),
        ({0: (np.array([4, 1, 2**40]), ones)}, ValueError, "is outside"),
        ({1: np.zeros((3, 4), np.float32)}, ValueError, r"kernel has the shape \(3, 4\)"),
    ):
        wrong = [change.get(number, part) for number, part in enumerate(good)]
        with pytest.raises(error, match=message):
            core.update(wrong, 0.01, 0)
    with pytest.raises(ValueError, match="a list of 4 arrays"):
        core.update(good[:3], 0.01, 0)
    core.update(good, 0.01, 0)


def test_a_result_has_names():
    result = pair().core.gradient_step([IDS], [LABELS], None, 0, want_outputs=True)
    assert isinstance(result, _core.StepResult)
    losses, total, correct, outputs = result
    assert (result.losses, result.weights_total, result.correct) == (losses, total, correct)
    assert total == 6 and len(outputs) == 2 and result.outputs is outputs


def test_the_parts_of_a_batch_sum_up_to_it():
    """Gradients of two parts, of unequal sizes, and their losses; penalties come to the sum."""
    rules = {0: {"l2": 0.5}, 1: {"l1": 0.01}}
    whole, one, other = pair(), pair(), pair()
    for made in (whole, one, other):
        for number, rule in rules.items():
            more = (made.slots[number], made.steps[number], False, rule)
            made.core.bind(number, made.values[number], True, *more)
    expected = whole.core.train_step([IDS], [LABELS], None, 0.01, 0)
    parts = [
        made.core.gradient_step([IDS[rows]], [LABELS[rows]], None, 0, whole=lambda own: [6.0])
        for made, rows in ((one, slice(0, 2)), (other, slice(2, 6)))
    ]
    assert sum(part.losses[0] for part in parts) == pytest.approx(expected.losses[0])
    summed = [None] * len(PARAMETERS)
    for number in (1, 2):
        summed[number] = one.core.gradient(number) + other.core.gradient(number)
        out = np.full(summed[number].shape, np.nan, np.float32)
        one.core.gradient_into(number, out)
        np.testing.assert_array_equal(out, one.core.gradient(number))
    rows, values = (
        np.concatenate(both) for both in zip(one.core.gradient(0), other.core.gradient(0), strict=True)
    )
    summed[0] = _core.sum_rows(rows, values, 30, -1, False)
    one.core.update(summed, 0.01, 0, True)
    assert one.core.weight_penalty == pytest.approx(whole.core.penalty) and whole.core.penalty > 0
    for got, value in zip(one.values, whole.values, strict=True):
        np.testing.assert_allclose(got, value, rtol=1e-5, atol=1e-6)


def test_shares_that_change_their_list_while_they_are_read():
    class Clears:
        def __float__(self):
            shares.clear()
            return 6.0

    shares: list = [Clears()]
    step = pair().core.gradient_step([IDS], [LABELS], None, 0, whole=lambda own: shares)
    assert shares == [] and step.losses == pair().core.gradient_step([IDS], [LABELS], None, 0).losses


def test_shares_are_checked():
    core = pair().core
    told = []

    def step(answer):
        core.gradient_step([IDS], [LABELS], None, 0, whole=lambda own: told.append(own) or answer)

    step([12.0])
    assert told == [[6.0]]
    for answer, error, message in (
        ([], TypeError, "a list of 1 numbers"),
        (None, TypeError, "a list of 1 numbers"),
        (["a"], TypeError, "must be real number"),
        ([np.inf], ValueError, "cross_entropy must be divided by a finite number"),
    ):
        with pytest.raises(error, match=message):
            step(answer)
    with pytest.raises(RuntimeError, match="has no dense gradient"):
        core.gradient_into(0, np.zeros((30, 4), np.float32))
    core.gradient_step([IDS], [LABELS], None, 0)
    for number, out, error in (
        (0, np.zeros((30, 4), np.float32), RuntimeError),
        (9, np.zeros(3, np.float32), RuntimeError),
        (1, np.zeros(3, np.float32), TypeError),
        (1, np.zeros((4, 3)), TypeError),
        (1, np.zeros((4, 6), np.float32)[:, ::2], TypeError),
    ):
        with pytest.raises(error):
            core.gradient_into(number, out)
