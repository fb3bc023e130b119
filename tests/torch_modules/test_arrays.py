"""What embedcnn.torch asks of the core, on plain arrays: gathers, sums of rows by id, convolutions."""

import numpy as np
import pytest

from embedcnn import _core


def draw(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


def windows(x, taps):
    """[B, T', K, C] of x [B, T, C]."""
    return np.lib.stride_tricks.sliding_window_view(x, taps, axis=1).transpose(0, 1, 3, 2)


@pytest.mark.parametrize("width", [1, 3, 16, 17])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_gather(width, dtype, rung, threads):
    table, ids = draw(11, width), np.array([[3, 0, 10], [3, 3, 7]], dtype)
    np.testing.assert_array_equal(_core.gather_rows(table, ids), table[ids.ravel()])


@pytest.mark.parametrize(("limit", "tokens"), [(5, 40), (10**6, 40), (3000, 1500)])
@pytest.mark.parametrize("by_frequency", [False, True])
def test_sums_of_rows(limit, tokens, by_frequency, rung, threads):
    drawn = np.random.default_rng(tokens).integers(0, limit, tokens)
    ids = np.concatenate([drawn, drawn[::-1][: tokens // 2]])
    rows = draw(len(ids), 7)
    skipped = int(ids[1])
    found, sums = _core.sum_rows(ids, rows, limit, skipped, by_frequency)
    expected = np.unique(ids[ids != skipped])
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.int64
    for one, total in zip(found, sums, strict=True):
        of_one = rows[ids == one].astype(np.float64)
        np.testing.assert_allclose(total, (np.mean if by_frequency else np.sum)(of_one, 0), atol=1e-5)


def test_sums_of_no_rows():
    found, sums = _core.sum_rows(np.zeros(0, np.int64), np.zeros((0, 4), np.float32), 9, -1, False)
    assert found.shape == (0,) and sums.shape == (0, 4)


SIZES = [(1, 1, 1, 1, 1), (2, 5, 3, 4, 5), (3, 9, 17, 16, 3), (5, 20, 8, 33, 2), (7, 40, 19, 10, 1)]


@pytest.mark.parametrize(("batch", "steps", "channels", "filters", "taps"), SIZES)
@pytest.mark.parametrize("has_bias", [True, False])
def test_convolution(batch, steps, channels, filters, taps, has_bias, rung, threads):
    x, weight = draw(batch, steps, channels), draw(filters, taps, channels)
    bias = draw(filters) if has_bias else None
    expected = np.einsum("btkc,fkc->bft", windows(x, taps).astype(np.float64), weight)
    expected += bias[:, None] if has_bias else 0
    np.testing.assert_allclose(_core.convolve(x, weight, bias), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("distinct", [1, 7, 30, 31])
@pytest.mark.parametrize(("channels", "taps"), [(16, 3), (33, 1), (50, 18)])
def test_rows_that_repeat(channels, taps, distinct, rung, threads):
    """Of 60 rows up to 30 differ: each is multiplied once. The result is that of any rows."""
    table = draw(distinct, channels)
    if distinct == 7:
        table = np.eye(7, channels, dtype=np.float32)  # one-hot codes
    ids = np.resize(np.arange(distinct), (3, 20))
    x, weight, bias = table[ids], draw(6, taps, channels), draw(6)
    expected = np.einsum("btkc,fkc->bft", windows(x, taps).astype(np.float64), weight) + bias[:, None]
    np.testing.assert_allclose(_core.convolve(x, weight, bias), expected, rtol=1e-5, atol=5e-5)


def test_rows_of_any_bits():
    """Zeros of both signs and NaN are rows like any other."""
    x = np.zeros((1, 8, 16), np.float32)
    x[0, 3] = -0.0
    x[0, 6, 2] = np.nan
    made = _core.convolve(x, np.ones((2, 1, 16), np.float32), None)
    assert np.isnan(made[0, :, 6]).all() and (np.delete(made, 6, 2) == 0).all()


@pytest.mark.parametrize("kept", [1.0, 0.03, 0.0], ids=["dense", "sparse", "none"])
@pytest.mark.parametrize(("batch", "steps", "channels", "filters", "taps"), SIZES)
def test_gradients_of_a_convolution(batch, steps, channels, filters, taps, kept, rung, threads):
    x, weight = draw(batch, steps, channels), draw(filters, taps, channels)
    d_out = draw(batch, filters, steps - taps + 1)
    d_out[np.random.default_rng(0).random(d_out.shape) >= kept] = 0
    d_x, d_weight, d_bias = _core.convolve_backward(d_out, x, weight, True, True, True)
    exact = d_out.astype(np.float64)
    expected = np.zeros(x.shape)
    for tap in range(taps):
        expected[:, tap : tap + d_out.shape[2]] += np.einsum("bft,fc->btc", exact, weight[:, tap])
    np.testing.assert_allclose(d_x, expected, rtol=1e-5, atol=2e-5)
    of_weight = np.einsum("bft,btkc->fkc", exact, windows(x, taps))
    np.testing.assert_allclose(d_weight, of_weight, rtol=1e-5, atol=5e-5)
    np.testing.assert_allclose(d_bias, exact.sum((0, 2)), rtol=1e-5, atol=2e-5)
    only_weight = _core.convolve_backward(d_out, x, weight, False, True, False)
    assert only_weight[0] is None and only_weight[2] is None
    np.testing.assert_array_equal(only_weight[1], d_weight)


def test_what_is_wrong_is_named():
    table, ids, x, weight = draw(4, 2), np.array([[0, 4]]), draw(2, 5, 3), draw(6, 2, 3)
    with pytest.raises(ValueError, match=r"ids\[0, 1\] = 4 is outside \[0, 4\)"):
        _core.gather_rows(table, ids)
    with pytest.raises(ValueError, match=r"ids\[0, 1\] = 4 is outside \[0, 4\)"):
        _core.sum_rows(ids, draw(2, 2), 4, -1, False)
    with pytest.raises(ValueError, match="rows has the shape"):
        _core.sum_rows(ids, draw(3, 2), 9, -1, False)
    with pytest.raises(TypeError, match="table must be a C-contiguous float32 array of 2 axes"):
        _core.gather_rows(table.astype(np.float64), ids)
    with pytest.raises(TypeError, match="x must be a C-contiguous float32 array of 3 axes"):
        _core.convolve(x.transpose(0, 2, 1), weight, None)
    with pytest.raises(TypeError, match="bias must be"):
        _core.convolve(x, weight, [1.0])
    with pytest.raises(ValueError, match="bias has the shape"):
        _core.convolve(x, weight, draw(5))
    for wrong in (draw(6, 6, 3), draw(6, 2, 4)):
        with pytest.raises(ValueError, match="weight has the shape"):
            _core.convolve(x, wrong, None)
    with pytest.raises(ValueError, match="d_out has the shape"):
        _core.convolve_backward(draw(2, 6, 5), x, weight, True, True, True)


def test_memory_that_is_not_there():
    x, weight, ids = draw(8, 64, 40), draw(40, 2, 40), np.arange(30000) % 7
    calls = [
        lambda: _core.convolve(x, weight, None),
        lambda: _core.convolve_backward(draw(8, 40, 63), x, weight, True, True, True),
        lambda: _core.convolve_backward(np.zeros((8, 40, 63), np.float32), x, weight, True, True, True),
        lambda: _core.gather_rows(draw(7, 2), ids),
        lambda: _core.sum_rows(ids, draw(30000, 2), 7, -1, False),
    ]
    most = []
    for call in calls:
        _core._memory_fail_at(0, False)
        call()
        most.append(_core._memory_fail_at(0, False))
        for number in range(1, most[-1] + 1):
            _core._memory_fail_at(number, True)  # a chunk that is refused is asked for again, smaller
            try:
                with pytest.raises(MemoryError):
                    call()
            finally:
                _core._memory_fail_at(0, False)
    assert min(most) >= 1 and max(most) > 2
