"""pad_sequences, skipgrams and make_sampling_table against Keras's results."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from embedcnn import _core
from embedcnn.preprocessing.sequence import make_sampling_table, pad_sequences, skipgrams
from embedcnn.ragged import Ragged

GOLDEN = json.loads((Path(__file__).parents[1] / "text" / "golden" / "sequence.json").read_text())
WORDS = st.sampled_from(["pre", "post"])


def padded(rows, maxlen, padding, truncating, value):
    """Padding said in the plainest way."""
    width = max(map(len, rows)) if maxlen is None else maxlen
    result = []
    for row in rows:
        row = list(row)[: width or None] if truncating == "post" else list(row)[max(0, len(row) - width) :]
        fill = [value] * (width - len(row))
        result.append(fill + row if padding == "pre" else row + fill)
    return result


@pytest.mark.parametrize("case", GOLDEN["padding"], ids=lambda case: json.dumps(case["arguments"]))
def test_same_as_keras(case):
    result = pad_sequences(case["rows"], **case["arguments"])
    assert result.dtype == np.dtype(case["arguments"].get("dtype", "int32"))
    assert result.tolist() == case["result"]


@settings(max_examples=examples(200), deadline=None)
@given(
    st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=9), min_size=1, max_size=9),
    st.none() | st.integers(1, 12),
    WORDS,
    WORDS,
    st.integers(-5, 5),
)
def test_any_rows(rows, maxlen, padding, truncating, value):
    expected = padded(rows, maxlen, padding, truncating, value)
    forms = [
        rows,
        [tuple(row) for row in rows],
        [np.array(row, np.int64) for row in rows],
        Ragged.from_sequences(rows),
    ]
    for form in forms:
        result = pad_sequences(form, maxlen, "int32", padding, truncating, value)
        assert result.dtype == np.int32
        assert result.tolist() == expected
    for dtype in ("int64", "float64"):
        result = pad_sequences(forms[-1], maxlen, dtype, padding, truncating, value)
        assert result.dtype == np.dtype(dtype)
        assert (
            result.tolist()
            == expected
            == pad_sequences(rows, maxlen, dtype, padding, truncating, value).tolist()
        )


def test_other_sequences():
    assert pad_sequences([range(3), (1,)]).tolist() == [[0, 1, 2], [0, 0, 1]]
    assert pad_sequences(np.array([[1, 2], [3, 4]]), maxlen=3).tolist() == [[0, 1, 2], [0, 3, 4]]
    assert pad_sequences([["a"], ["b", "c"]], dtype=object, value="-").tolist() == [["-", "a"], ["b", "c"]]
    assert pad_sequences([[1.5], [2, 3.25]], dtype="float32").tolist() == [[0, 1.5], [2, 3.25]]
    assert pad_sequences([[2**70]], dtype="float64").tolist() == [[float(2**70)]]
    assert pad_sequences([[1, 2]], dtype=">i4").tolist() == [[1, 2]]
    assert pad_sequences([[]], padding="never looked at").shape == (1, 0)
    assert pad_sequences([[2**31, 1]], maxlen=1).tolist() == [[1]]  # what is cut off need not fit


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([],), ValueError, "`sequences` must not be empty"),
        (([[1]], 0), ValueError, "`maxlen` must be at least 1"),
        (([[1]], -1), ValueError, "`maxlen` must be an integer >= 0 or None. Received: maxlen=-1"),
        (([[1], [2, 2**31]],), OverflowError, r"sequences\[1\]\[1\] = 2147483648 does not fit in int32"),
        (
            ([[2**63]], None, "int64"),
            OverflowError,
            r"\[0\]\[0\] = 9223372036854775808 does not fit in int64",
        ),
        (([[1]], 2, "int32", "x"), ValueError, 'Padding type "x" not understood'),
        (([[1]], 2, "int32", "pre", "x"), ValueError, 'Truncating type "x" not understood'),
        (([[1], [[2]]],), ValueError, "position 1 is different from expected shape"),
        (([[[1, 2]], [3]],), ValueError, "position 1 is different from expected shape"),
        ((5,), ValueError, "must be iterable"),
        (([1, 2],), ValueError, r"Found non-iterable: sequences\[0\] = 1"),
        ((["text"],), ValueError, r"sequences\[0\] is text"),
        (([[1]], None, "int32", "pre", "pre", "pad"), ValueError, "pass dtype=object"),
        (([[1]], None, "int32", "pre", "pre", 2**31), OverflowError, "2147483648"),
        (([[None]],), TypeError, "NoneType"),
    ],
)
def test_misuse(arguments, error, message):
    with pytest.raises(error, match=message):
        pad_sequences(*arguments)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_ragged_rows_on_all_threads(threads):
    numbers = random.Random(threads)
    rows = [[numbers.randrange(9) for _ in range(numbers.randrange(7))] for _ in range(1000)]
    _core.set_num_threads(threads)
    try:
        assert Ragged.from_sequences(rows).to_padded(4, "post", "post", -1).tolist() == padded(
            rows, 4, "post", "post", -1
        )
    finally:
        _core.set_num_threads(0)


@pytest.mark.parametrize("case", GOLDEN["pairs"], ids=lambda case: str(list(case["arguments"])))
def test_skipgrams_are_those_of_keras(case):
    random.seed(7)
    couples, labels = skipgrams([0, 1, 2, 3, 0, 2, 5, 4], 6, **case["arguments"])
    assert couples == case["couples"]
    assert labels == case["labels"]


def test_skipgrams_edges():
    assert skipgrams([], 5) == ([], [])
    assert skipgrams([3], 5) == ([], [])
    with pytest.raises(
        ValueError, match="`vocabulary_size` must be an integer >= 2. Received: vocabulary_size=1"
    ):
        skipgrams([1, 1], 1)


def test_sampling_table_is_that_of_keras():
    np.testing.assert_allclose(make_sampling_table(50), GOLDEN["table"], rtol=1e-15)
    with pytest.raises(ValueError, match="`size` must be a positive integer. Received: size=0"):
        make_sampling_table(0)
