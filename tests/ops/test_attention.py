"""attention: masks, heads and dropout as the reference has them, and their gradients."""

import numpy as np
import pytest
from comparison import Pair, masks


@pytest.mark.parametrize("rate", [0.0, 0.4])
@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize("heads", [1, 3])
def test_gradients_and_masks(rung, threads, heads, causal, rate):
    rng = np.random.default_rng(1)
    settings = {"heads": heads, "causal": causal, "scale": 0.7, "rate": rate, "layer": 3}
    inputs = [("q", "float32", -1, (6,)), ("v", "float32", -1, (9,))]
    operations = [("dense", (0,), (2,), (0,), {}), ("attention", (0, 2, 1), (3,), (), settings)]
    pair = Pair(inputs, [("kernel", (6, 6))], operations, (3,), [rng.normal(size=(6, 6))], seed=12)
    for step, mask in enumerate(masks(4, 5, rng).values()):
        values = [rng.normal(size=(4, 5, size)) for size in (6, 9)]
        pair.check_gradients(values if mask is None else [(one, mask) for one in values], step=step)


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match=r"attention: rate = .* is outside \[0, 1\)"):
        Pair([("q", "float32", -1, (6,))], [], [("attention", (0, 0, 0), (1,), (), {"rate": rate})], (1,), [])
