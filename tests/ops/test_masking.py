"""masking against the reference, alone and before operations that heed a mask."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import _core, ops


def values(rng, batch, width, channels, mask_value, mask):
    x = rng.normal(size=(batch, width, channels)).astype(np.float32)
    x[0, 0, 0] = mask_value  # one value alone masks nothing
    return x if mask is None else np.where(mask[:, :, None], x, np.float32(mask_value))


@pytest.mark.parametrize("mask_value", [0.0, -1.5, 0.1])
def test_masks(rung, threads, mask_value):
    rng = np.random.default_rng(0)
    operations = [
        ("masking", (0,), (1,), (), {"mask_value": mask_value}),
        ("global_max_pool", (1,), (2,), (), {}),
        ("conv1d", (1,), (3,), (0, 1), {"padding": "same"}),
        ("average_pool", (1,), (4,), (), {}),
    ]
    parameters = [("kernel", (3, 4, 5)), ("bias", (5,))]
    arrays = [rng.normal(size=shape) for _, shape in parameters]
    pair = Pair([("x", "float32", -1, (4,))], parameters, operations, (1, 2, 3, 4), arrays)
    for mask in masks(4, 6, rng).values():
        x = values(rng, 4, 6, 4, mask_value, mask)
        pair.check_gradients([x])
        for given in masks(4, 6, rng).values():
            if given is not None:
                pair.check_gradients([(x, given)])


@pytest.mark.parametrize("computed", [False, True])
def test_a_mask_given_beside_the_sequence(rung, threads, computed):
    """An input, or computed values: the plan then waits for them; a mask has no gradient."""
    rng = np.random.default_rng(2)
    mask_operation = [("activation", (1,), (2,), (), {"activation": "relu"})] if computed else []
    operations = [
        *mask_operation,
        ("masking", (2 if computed else 1, 0), (3,) if computed else (2,), (), {}),
    ]
    last = len(operations) + 1
    operations += [
        ("lstm", (last,), (last + 1,), (0, 1), {"use_bias": False}),
        ("merge", (last, 0), (last + 2,), (), {"kind": "add"}),
    ]
    shapes = [("w", (2, 12)), ("u", (3, 12))]
    arrays = [rng.normal(size=shape) for _, shape in shapes]
    inputs = [("x", "float32", -1, (2,)), ("mask", "float32", None, (6,))]
    pair = Pair(inputs, shapes, operations, (last, last + 1, last + 2), arrays)
    x = rng.normal(size=(5, 6, 2)).astype(np.float32)
    for own in masks(5, 6, rng).values():
        for mask in masks(5, 6, rng).values():
            given = np.ones((5, 6), np.float32) if mask is None else np.where(mask, 2.5, 0).astype(np.float32)
            pair.check_gradients([x if own is None else (x, own), given])


def test_a_mask_of_other_sizes():
    program = _core.Program(
        [("x", "float32", -1, (2,)), ("mask", "float32", None, (6,))],
        [],
        [("masking", (1, 0), (2,), (), {})],
        (2,),
    )
    with pytest.raises(ValueError, match="the mask has 6 steps, the sequence 5"):
        program.forward([np.zeros((1, 5, 2), np.float32), np.ones((1, 6), np.float32)])
    with pytest.raises(ValueError, match=r"the mask is not \[B, T\]"):
        _core.Program([("x", "float32", -1, (2,))], [], [("masking", (0, 0), (1,), (), {})], (1,))


def test_behind_computed_values(rung, threads):
    """Twice in one program, with a recurrent layer between: every plan waits for the values before it."""
    rng = np.random.default_rng(1)
    operations = [
        ("dense", (0,), (1,), (0,), {}),
        ("activation", (1,), (2,), (), {"activation": "relu"}),
        ("masking", (2,), (3,), (), {}),
        ("lstm", (3,), (4,), (1, 2), {"use_bias": False, "return_sequences": True}),
        ("activation", (4,), (5,), (), {"activation": "relu"}),
        ("masking", (5,), (6,), (), {}),
        ("conv1d", (6,), (7,), (3,), {"padding": "same"}),
        ("global_average_pool", (7,), (8,), (), {}),
        ("merge", (3, 6, 2), (9,), (), {"kind": "add"}),
    ]
    shapes = [("a", (3, 2)), ("w", (2, 8)), ("u", (2, 8)), ("k", (3, 2, 4))]
    pair = Pair(
        [("x", "float32", -1, (3,))],
        shapes,
        operations,
        (3, 4, 6, 7, 8, 9),
        [rng.normal(size=shape) for _, shape in shapes],
    )
    for mask in masks(5, 9, rng).values():
        x = rng.normal(size=(5, 9, 3)).astype(np.float32)
        out, _ = pair.check_gradients([x if mask is None else (x, mask)])
        if mask is None:
            assert (out[0] == 0).all(-1).any() and (out[2] == 0).all(-1).any()  # both have masked steps


def test_behind_an_operation_written_in_python(rung):
    """Regions that end at a call and regions that end at a plan, next to each other."""

    class Rectified:
        def forward(self, inputs, masks, training):
            self.kept = inputs[0] > 0
            return np.where(self.kept, inputs[0], 0)

        def backward(self, d_out):
            return [np.where(self.kept, d_out, 0)], []

    operations = [
        ("external", (0,), (1,), (), {"has_steps": True, "cols": 1}),
        ("masking", (1,), (2,), (), {}),
        ("external", (2,), (3,), (), {"has_steps": True, "cols": 1}),
        ("masking", (3,), (4,), (), {}),
        ("global_average_pool", (4,), (5,), (), {}),
    ]
    program = _core.Program([("x", "float32", -1, (1,))], [], operations, (5,), input_gradients=True)
    for number in (0, 2):
        layer = Rectified()
        program.set_function(number, layer.forward, layer.backward)
    x = np.array([[-1, 2, -3, 4], [-1, -2, -3, -4], [1, 2, 3, -4]], np.float32)[:, :, None]
    np.testing.assert_allclose(program.forward([x], training=True)[0], [[3], [0], [2]])
    program.backward([np.ones((3, 1), np.float32)])
    expected = np.array([[0, 1 / 2, 0, 1 / 2], [0, 0, 0, 0], [1 / 3, 1 / 3, 1 / 3, 0]], np.float32)
    np.testing.assert_allclose(program.input_gradient(0)[:, :, 0], expected)


def test_misuse():
    with pytest.raises(ValueError, match="masking"):
        ops.masking(np.zeros((2, 3)))
