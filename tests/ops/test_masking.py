"""masking against the reference, alone and before operations that heed a mask."""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import ops


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
    pair = Pair([("sequence", "x", -1, 4)], parameters, operations, (1, 2, 3, 4), arrays)
    for mask in masks(4, 6, rng).values():
        x = values(rng, 4, 6, 4, mask_value, mask)
        pair.check_gradients([x])
        for given in masks(4, 6, rng).values():
            if given is not None:
                pair.check_gradients([(x, given)])


def test_only_for_inputs():
    operations = [("activation", (0,), (1,), (), {}), ("masking", (1,), (2,), (), {})]
    with pytest.raises(ValueError, match="no sequence .* given to the model"):
        Pair([("sequence", "x", -1, 4)], [], operations, (2,), [])
    with pytest.raises(ValueError, match="masking"):
        ops.masking(np.zeros((2, 3)))
