"""The slope of probabilities: the one that margins were made with, and the least of the log loss."""

import numpy as np
import pytest

from embedcnn.bags.calibration import slope


def log_loss(k, margins, targets):
    if margins.shape[1] == 1:
        p = 1 / (1 + np.exp(-k * margins))
        return -np.mean(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    logits = k * margins - np.log(np.exp(k * margins).sum(axis=1, keepdims=True))
    return -(targets * logits).sum(axis=1).mean()


@pytest.mark.parametrize("units", [1, 4])
def test_it_is_the_slope_that_targets_were_drawn_with(units):
    rng = np.random.default_rng(0)
    margins = rng.normal(size=(30_000, units))
    if units == 1:
        targets = (rng.uniform(size=margins.shape) < 1 / (1 + np.exp(-2.5 * margins))).astype(float)
    else:
        drawn = (2.5 * margins + rng.gumbel(size=margins.shape)).argmax(axis=1)
        targets = np.eye(units)[drawn]
    found = slope(margins, targets)
    assert abs(found - 2.5) < 0.1
    least = log_loss(found, margins, targets)
    assert least < log_loss(0.99 * found, margins, targets)
    assert least < log_loss(1.01 * found, margins, targets)


def test_margins_that_are_always_right_have_a_bounded_slope():
    few, many = (slope([[5.0], [-5.0]] * count, [[1], [0]] * count) for count in (1, 1000))
    assert 0.1 < few < many < 2
    assert slope([[5.0], [-5.0]], [[0], [1]]) == pytest.approx(0.001)


def test_a_weight_of_two_is_a_text_that_stands_twice():
    margins = np.array([[1.0], [0.5], [-1.0], [0.2]])
    targets = np.array([[1.0], [0], [0], [1]])
    twice = slope(np.concatenate([margins, margins[:1]]), np.concatenate([targets, targets[:1]]))
    assert slope(margins, targets, [2, 1, 1, 1]) == pytest.approx(twice, rel=1e-6)


def test_with_several_labels_each_column_is_a_sigmoid():
    rng = np.random.default_rng(1)
    margins = rng.normal(size=(500, 3))
    targets = (margins + rng.normal(size=margins.shape) > 0).astype(float)
    found = slope(margins, targets, multi_label=True)
    assert found == pytest.approx(slope(margins.reshape(-1, 1), targets.reshape(-1, 1)), rel=0.01)
