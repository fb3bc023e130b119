"""Losses called with wrong values: targets, predictions and weights of wrong kinds and shapes."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import losses

Y, P, CLASSES = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.6, 0.4], [0.3, 0.7]]), np.array([0, 1])
DATA = ("y_true", "y_pred", "sample_weight")


def cases():
    """Each loss: its constructor, its call and, where there is one, its function."""
    for name in losses.__all__:
        one = getattr(losses, name)
        y = CLASSES if "parse" in name else Y
        made = inspect.isclass(one) and issubclass(one, losses.Loss) and name not in ("Loss", "FunctionLoss")
        if made:
            yield name, Case(one, then=lambda loss, y=y: loss(y, P), allowed={"name": (None,)})
            yield f"{name}.call", Case(one().__call__, {"y_true": y, "y_pred": P}, arrays=DATA)
    for name, one in losses.FUNCTIONS.items():
        y = CLASSES if "parse" in name else Y
        yield f"functions.{name}", Case(one, {"y_true": y, "y_pred": P}, arrays=DATA)


@pytest.mark.parametrize(("case", "argument"), pairs(dict(cases())))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


MISUSE = {
    "one number": (losses.CategoricalCrossentropy(), [1.0], 0.5, "y_pred must have rows"),
    "no classes": (losses.SparseCategoricalCrossentropy(), [0, 0], np.zeros((2, 0)), "y_pred must have rows"),
    "shape": (
        losses.MeanSquaredError(),
        [[1.0, 2.0]],
        [[1.0]],
        r"y_true has the shape \(1, 2\); expected \(1, 1\)",
    ),
    "many classes": (
        losses.SparseCategoricalCrossentropy(),
        [0, 1, 1],
        P,
        r"y_true has the shape \(3,\); expected \(2,\), the number of a class for each row of y_pred",
    ),
    "half a class": (losses.SparseCategoricalCrossentropy(), [0, 0.5], P, "whole numbers.* Received: 0.5"),
    "no class": (losses.SparseCategoricalCrossentropy(), [0, np.nan], P, "whole numbers.* Received: nan"),
    "texts": (losses.MeanSquaredError(), ["a"], [[1.0]], "y_true: numbers were expected"),
    "complex": (losses.MeanSquaredError(), [[1.0]], [[1j]], "y_pred: numbers were expected"),
}


@pytest.mark.parametrize(("loss", "y", "p", "message"), MISUSE.values(), ids=MISUSE)
def test_what_does_not_fit_is_named(loss, y, p, message):
    with pytest.raises((TypeError, ValueError), match=message):
        loss(y, p)


def test_weights_are_finite_numbers():
    with pytest.raises(ValueError, match="`sample_weight` must hold finite numbers. Received: nan"):
        losses.MeanSquaredError()(Y, P, [1.0, np.nan])
    with pytest.raises(TypeError, match="sample_weight: numbers were expected"):
        losses.MeanSquaredError()(Y, P, ["a", "b"])
