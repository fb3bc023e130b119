"""concatenate against the reference."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


@pytest.mark.parametrize("widths", [(1,), (3, 5), (16, 1, 7), (8, 8, 8, 2)])
def test_flat(rung, threads, widths):
    rng = np.random.default_rng(0)
    specs = [(f"x{number}", "float32", None, (width,)) for number, width in enumerate(widths)]
    operations = [("concatenate", tuple(range(len(widths))), (len(widths),), (), {})]
    pair = Pair(specs, [], operations, (len(widths),), [])
    for batch in (1, 2, 11):
        pair.check_gradients([rng.normal(size=(batch, width)) for width in widths])


def test_the_same_tensor_twice():
    operations = [("concatenate", (0, 0), (1,), (), {})]
    Pair([("x", "float32", None, (3,))], [], operations, (1,), []).check_gradients([np.ones((2, 3))])


def test_sequences_of_one_layout(rung):
    rng = np.random.default_rng(1)
    values = [rng.normal(size=(3, 4, 5)), rng.normal(size=(3, 4, 2))]
    operations = [
        ("conv1d", (0,), (1,), (0,), {"padding": "same"}),
        ("conv1d", (0,), (2,), (1,), {"padding": "same"}),
        ("concatenate", (1, 2), (3,), (), {}),
    ]
    parameters = [("a", (3, 4, 5)), ("b", (3, 4, 2))]
    pair = Pair([("x", "float32", -1, (4,))], parameters, operations, (3,), values)
    for mask in masks(3, 6, rng).values():
        x = rng.normal(size=(3, 6, 4))
        pair.check_gradients([x if mask is None else (x, mask)])


def test_refused():
    with pytest.raises(ValueError):
        ops.concatenate([np.zeros((2, 3)), np.zeros((2, 3, 4))])
    with pytest.raises(ValueError):
        ops.concatenate([np.zeros((2, 3)), np.zeros((3, 3))], axis=1)
