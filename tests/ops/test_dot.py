"""dot against the reference: every pair of ranks and axes, masks."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops

SHAPES = {"flat": (5,), "sequence": (4, 5), "turned": (5, 3)}
CASES = [
    ("flat", 1, "flat", 1),
    ("flat", 1, "sequence", 2),
    ("sequence", 2, "flat", 1),
    ("turned", 1, "flat", 1),
    ("sequence", 2, "sequence", 2),
    ("sequence", 1, "sequence", 1),
    ("sequence", 2, "turned", 1),
    ("turned", 1, "sequence", 2),
]


@pytest.mark.parametrize(("a", "axis_a", "b", "axis_b"), CASES)
def test_axes(rung, threads, a, axis_a, b, axis_b):
    rng = np.random.default_rng(0)
    settings = {"axis_a": axis_a, "axis_b": axis_b}
    inputs = []
    for name, which in (("a", a), ("b", b)):
        shape = SHAPES[which]
        settings[f"length_{name}"] = shape[0] if len(shape) == 2 else 0
        inputs.append(
            (name, "float32", None, (*shape,)) if len(shape) == 1 else (name, "float32", -1, (shape[1],))
        )
    pair = Pair(inputs, [], [("dot", (0, 1), (2,), (), settings)], (2,), [])
    first, second = rng.normal(size=(3, *SHAPES[a])), rng.normal(size=(3, *SHAPES[b]))
    pair.check_gradients([first, second])
    for mask in masks(3, SHAPES[a][0], rng).values() if a != "flat" else []:
        if mask is not None:
            pair.check_gradients([(first, mask), second])
    for mask in masks(3, SHAPES[b][0], rng).values() if b != "flat" else []:
        if mask is not None:
            pair.check_gradients([first, (second, mask)])


def test_of_a_tensor_with_itself(rung):
    pair = Pair([("x", "float32", None, (7,))], [], [("dot", (0, 0), (1,), (), {})], (1,), [])
    pair.check_gradients([np.random.default_rng(1).normal(size=(4, 7))])


def test_misuse():
    with pytest.raises(ValueError, match="sizes 2 and 3"):
        ops.batch_dot(np.zeros((1, 2)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="sizes 4 and 2"):
        ops.batch_dot(np.zeros((1, 4, 2)), np.zeros((1, 4, 2)), (1, 2))
