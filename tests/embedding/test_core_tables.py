"""Tables as the core borrows them: `stored` and `row_learns` of bind, checked before anything is read."""

import numpy as np
import pytest

from embedcnn import _core

ROWS, WIDTH = 6, 4
HALVES = np.zeros((ROWS, WIDTH), np.float16)
BYTES, SCALES = np.zeros((ROWS, WIDTH), np.int8), np.ones(ROWS, np.float32)
READ_ONLY = np.zeros((ROWS, WIDTH), np.float16)
READ_ONLY.flags.writeable = False
VALUE = np.zeros((ROWS, WIDTH), np.float32)


def program(**settings):
    operations = [("lookup", (0,), (1,), (0,), settings), ("token_bag", (1,), (2,), (), {})]
    operations += [("dense", (2,), (3,), (1,), {}), ("squared_error", (3,), (4,), (), {})]
    shapes = [("table", (ROWS, WIDTH)), ("kernel", (WIDTH, 1))]
    made = _core.Program([("x", "int32", -1, ())], shapes, operations, (4,))
    made.set_optimizer("sgd")
    made.bind(1, np.ones((WIDTH, 1), np.float32), True, [], np.zeros(1, np.int64))
    return made


def bind(made, trainable=True, value=None, number=0, **more):
    made.bind(number, value, trainable, [], np.zeros(1, np.int64), **more)
    return made


def step(made):
    return made.train_step([np.array([[1, 2]])], [np.ones((1, 1), np.float32)], None, 0.1, 0)


CASES = {
    "no tuple": (lambda: bind(program(), stored=[HALVES]), "expected a tuple"),
    "short tuple": (lambda: bind(program(), stored=("float16", HALVES)), "argument"),
    "dtype": (lambda: bind(program(), stored=("float8", HALVES, None, None)), "dtype 'float8'"),
    "no array": (lambda: bind(program(), stored=("float16", "rows", None, None)), "rows of table"),
    "array dtype": (lambda: bind(program(), stored=("float16", VALUE, None, None)), "rows of table"),
    "bfloat16 as float16": (
        lambda: bind(program(), stored=("bfloat16", HALVES, None, None)),
        "rows of table",
    ),
    "shape": (lambda: bind(program(), stored=("float16", HALVES[:3], None, None)), "rows of table"),
    "order": (
        lambda: bind(program(), stored=("float16", np.asfortranarray(HALVES), None, None)),
        "contiguous",
    ),
    "swapped": (
        lambda: bind(program(), stored=("float16", HALVES.astype(">f2"), None, None)),
        "rows of table",
    ),
    "read-only": (lambda: bind(program(), stored=("float16", READ_ONLY, None, None)), "writeable"),
    "int8 learns": (lambda: bind(program(), stored=("int8", BYTES, SCALES, None)), "frozen, int8"),
    "no scales": (lambda: bind(program(), False, stored=("int8", BYTES, None, None)), "scales of table"),
    "scales": (lambda: bind(program(), False, stored=("int8", BYTES, SCALES[:2], None)), "scales of table"),
    "mastered": (
        lambda: bind(program(), stored=("float16", HALVES, None, np.zeros(2, np.uint8))),
        "mastered of table",
    ),
    "no masters": (
        lambda: bind(program(), stored=("float16", HALVES, None, np.zeros(ROWS, np.uint8))),
        "value of table",
    ),
    "no value": (lambda: bind(program()), "value of table"),
    "norm of columns": (
        lambda: step(
            bind(
                program(),
                stored=("float16", HALVES, None, None),
                rules={"constraint": "norm", "norm_axes": 1, "most_norm": 1.0},
            )
        ),
        "a norm is that of a row; norm_axes = 1",
    ),
    "kernel": (
        lambda: step(
            bind(
                bind(program(), value=VALUE),
                number=1,
                stored=("float16", np.zeros((WIDTH, 1), np.float16), None, None),
            )
        ),
        "kernel is stored in fewer bits",
    ),
    "rows dtype": (
        lambda: bind(program(), value=VALUE, row_learns=np.ones(ROWS, bool)),
        "row_learns of table",
    ),
    "rows size": (lambda: bind(program(), value=VALUE, row_learns=np.ones(2, np.uint8)), "of 6 values"),
    "rows and columns": (
        lambda: bind(
            program(),
            value=VALUE,
            row_learns=np.ones(ROWS, np.uint8),
            rules={"constraint": "norm", "norm_axes": 1, "most_norm": 1.0},
        ),
        "rows rest, so a norm is that of a row",
    ),
    "negative norm": (lambda: program(max_norm=-1.0), "max_norm = -1"),
    "norm type": (lambda: program(max_norm=1.0, norm_type=0.0), "norm_type = 0"),
    "mask": (lambda: program(mask_id=ROWS), "mask_id = 6"),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)


def test_a_table_that_was_refused_leaves_the_one_before():
    made = bind(program(), value=VALUE.copy())
    with pytest.raises(TypeError):
        bind(made, stored=("float16", VALUE, None, None))
    step(made)


def test_arrays_stay_alive_and_in_place():
    made = program()
    bind(
        made,
        stored=("float16", np.ones((ROWS, WIDTH), np.float16), None, np.zeros(ROWS, np.uint8)),
        value=VALUE + 0,
    )
    step(made)
    halves = np.ones((ROWS, WIDTH), np.float16)
    bind(made, stored=("float16", halves, None, None))
    with pytest.raises(ValueError, match="cannot resize"):
        halves.resize((100, 100))
    step(made)
    assert (halves[[1, 2]] != 1).all() and (halves[[0, 3, 4, 5]] == 1).all()


def test_rows_that_rest_given_a_gradient_keep_their_bits():
    made, table = program(), VALUE + 1
    learns = np.array([1, 0, 1, 0, 1, 0], np.uint8)
    bind(made, value=table, row_learns=learns)
    rows = np.arange(ROWS, dtype=np.int32)
    made.update([(rows, np.ones((ROWS, WIDTH), np.float32)), np.ones((WIDTH, 1), np.float32)], 0.5, 0)
    np.testing.assert_array_equal(table[:, 0], np.where(learns, 0.5, 1))
