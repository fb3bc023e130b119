"""ops.lstm, gru and simple_rnn: outputs, states and gradients as Keras's layers (tests/golden)."""

from pathlib import Path

import numpy as np
import pytest
from golden import recurrent_cases as cases
from safetensors.numpy import load_file

from embedcnn import ops

GOLDEN = Path(__file__).parents[1] / "golden"

KERAS = load_file(GOLDEN / "keras_recurrent.safetensors")
FUNCTIONS = {"SimpleRNN": ops.simple_rnn, "LSTM": ops.lstm, "GRU": ops.gru, "GRU before": ops.gru}
SETTINGS = [
    name
    for name, settings in cases.SETTINGS.items()
    if "bidirectional" not in settings and "zero_output_for_mask" not in settings
]


@pytest.mark.parametrize("cell", FUNCTIONS)
@pytest.mark.parametrize("name", SETTINGS)
def test_as_keras(rung, cell, name):
    settings = {key: value for key, value in cases.SETTINGS[name].items() if key not in ("use_bias", "mask")}
    x, mask, states, weights = cases.numbers(cell, name)
    settings |= {"reset_after": False} if cell == "GRU before" else {}
    settings["initial_state"] = (states if cell == "LSTM" else states[0]) if states else None
    arrays = dict(zip(("kernel", "recurrent_kernel", "bias"), weights, strict=False))
    function = FUNCTIONS[cell]
    outs = function(x, mask=mask, **arrays, **settings)
    many = isinstance(outs, tuple)
    outs = list(outs) if many else [outs]
    for number, out in enumerate(outs):
        np.testing.assert_allclose(out, KERAS[f"{cell}/{name}/output {number}"], atol=2e-6)
    d_outs = [cases.output_weights(out.shape, number) for number, out in enumerate(outs)]
    again, found = ops.vjp(function, x, mask=mask, **arrays, **settings, d_out=d_outs if many else d_outs[0])
    np.testing.assert_array_equal(again[0] if many else again, outs[0])
    first = found.get("initial_state", [])
    got = [found["x"], *(first if isinstance(first, list) else [first]), *map(found.get, arrays)]
    for number, gradient in enumerate(got):
        expected = KERAS[f"{cell}/{name}/gradient {number}"]
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * max(1, np.abs(expected).max()))
    assert f"{cell}/{name}/gradient {len(got)}" not in KERAS


def test_a_text_read_in_two_parts():
    rng = np.random.default_rng(0)
    x, kernel, back = rng.normal(size=(2, 6, 3)), rng.normal(size=(3, 8)), rng.normal(size=(2, 8))
    whole = ops.lstm(x, kernel, back, return_state=True)
    _, *states = ops.lstm(x[:, :4], kernel, back, return_state=True)
    parts = ops.lstm(x[:, 4:], kernel, back, initial_state=states, return_state=True)
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_misuse():
    x, kernel, back = np.zeros((2, 3, 4)), np.zeros((4, 8)), np.zeros((2, 8))
    with pytest.raises(ValueError, match=r"`initial_state` must be a pair \(h, c\). Received: 1"):
        ops.lstm(x, kernel, back, initial_state=[np.zeros((2, 2))])
    with pytest.raises(ValueError, match="initial state 1 has 3 columns"):
        ops.lstm(x, kernel, back, initial_state=[np.zeros((2, 3))] * 2)
    with pytest.raises(ValueError, match="the kernel has 8 columns"):
        ops.gru(x, kernel, back)
    with pytest.raises(ValueError, match="d_out has 4 arrays; allowed are 3"):
        ops.vjp(ops.lstm, x, kernel, back, return_state=True, d_out=[np.zeros((2, 2))] * 4)
    with pytest.raises(ValueError, match=r"d_out has shape None; allowed is the output's, \(2, 2\)"):
        ops.vjp(ops.lstm, x, kernel, back, return_state=True, d_out=[np.zeros((2, 2))] * 2)
