"""Labels of every form to classes and targets."""

import numpy as np
import pytest

from embedcnn.bags.labels import labelled


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b"],
        ("b", "a", "b"),
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], object),
    ],
)
def test_names(y):
    found = labelled(y)
    assert found.classes.tolist() == ["a", "b"]
    assert found.codes.tolist() == found.targets.tolist() == [1, 0, 1]
    assert found.judged.tolist() == [[1], [0], [1]]
    assert found.columns == 1
    assert not found.multi_label


def test_columns_of_pandas_and_numbers():
    pandas = pytest.importorskip("pandas")
    assert labelled(pandas.Series(["x", "y", "z"])).codes.tolist() == [0, 1, 2]
    found = labelled(np.array([5, 3, 5, 9]))
    assert found.classes.tolist() == [3, 5, 9]
    assert found.judged.tolist() == [1, 0, 1, 2]
    assert found.columns == 3
    assert labelled([True, False]).classes.tolist() == [False, True]


@pytest.mark.parametrize("y", [[["a"], [], ["b", "a"]], [{"a"}, set(), {"a", "b"}], [("a",), (), ("a", "b")]])
def test_lists_of_labels(y):
    found = labelled(y)
    assert found.multi_label
    assert found.classes.tolist() == ["a", "b"]
    assert found.judged.tolist() == [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize("kind", [int, bool, np.uint8])
def test_a_matrix_of_zeros_and_ones_has_several_labels(kind):
    found = labelled(np.array([[1, 0, 1], [0, 0, 0]], kind))
    assert found.multi_label
    assert found.classes.tolist() == [0, 1, 2]
    assert labelled([[1, 0, 1], [0, 0, 0]]).matrix.tolist() == found.matrix.tolist()


def test_a_matrix_of_floats_is_soft_labels():
    found = labelled(np.array([[0.25, 0.75], [1, 0]]))
    assert not found.multi_label
    assert found.targets.tolist() == [0.75, 0]
    assert found.judged.tolist() == [[0.75], [0]]
    assert labelled(np.array([[0.25, 0.7], [1, 0]]), multi_label=True).targets.shape == (2, 2)
    assert labelled([[0.5, 0.5, 0.0], [1, 0, 0]]).judged.shape == (2, 3)


def test_classes_that_the_labels_lack():
    found = labelled(["b", "b"], classes=["c", "a", "b"])
    assert found.classes.tolist() == ["a", "b", "c"]
    assert found.codes.tolist() == [1, 1]
    assert labelled([["b"], []], classes=["a", "b"]).matrix.tolist() == [[0, 1], [0, 0]]
