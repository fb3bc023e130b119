"""external: operations computed by functions of the caller, between segments of the step."""

import numpy as np
import pytest

from embedcnn import _core

X = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
MASK = np.arange(6) < np.array([[6], [2], [0], [5]])


class Doubling:
    """y = 2 x w, with w [C]."""

    def __init__(self, weight=None):
        self.weight, self.calls = weight, []

    def forward(self, inputs, masks, training):
        self.calls.append((masks[0], training))
        self.x = inputs[0]
        return 2 * self.x * (1 if self.weight is None else self.weight)

    def backward(self, d_out):
        if self.weight is None:
            return [2 * d_out], []
        axes = tuple(range(d_out.ndim - 1))
        return [2 * d_out * self.weight], [(2 * d_out * self.x).sum(axes)]


def program(layer, between=False):
    """relu(double(tanh(x))), the doubling outside."""
    parameters = [] if layer.weight is None else [("w", (3,))]
    settings = {"has_steps": True, "cols": 3}
    operations = [
        ("activation", (0,), (1,), (), {"activation": "tanh"}),
        ("external", (1,), (2,), tuple(range(len(parameters))), settings),
        ("activation", (2,), (3,), (), {"activation": "sigmoid"}),
    ]
    made = _core.Program([("x", "float32", -1, (3,))], parameters, operations, (3,), input_gradients=True)
    if parameters:
        made.bind(0, layer.weight, True, [], np.zeros(1, np.int64))
    made.set_function(1, layer.forward, layer.backward)
    return made


@pytest.mark.parametrize("mask", [None, MASK])
def test_values_masks_and_gradients(rung, threads, mask):
    weight = np.array([0.5, -1, 2], np.float32)
    layer = Doubling(weight)
    made = program(layer)
    out = made.forward([X if mask is None else (X, mask)], training=True)[0]
    kept = np.ones((4, 6, 1)) if mask is None else mask[:, :, None]
    inner = np.tanh(X) * kept
    expected = kept / (1 + np.exp(-2 * inner * weight))
    np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-6)
    assert (layer.calls[0][0] is None) == (mask is None) and layer.calls[0][1] is True
    if mask is not None:
        np.testing.assert_array_equal(layer.calls[0][0], mask)
    made.backward([np.ones_like(out)])
    d = expected * (1 - expected) * kept
    np.testing.assert_allclose(made.gradient(0), (2 * d * inner).sum((0, 1)), rtol=1e-4)
    expected = 2 * d * weight * (1 - np.tanh(X) ** 2)
    np.testing.assert_allclose(made.input_gradient(0), expected, rtol=1e-4, atol=1e-6)


def test_errors_of_the_functions_end_the_step():
    layer = Doubling()
    made = program(layer)

    def fail(*_):
        raise ZeroDivisionError("mine")

    made.set_function(1, fail, layer.backward)
    with pytest.raises(ZeroDivisionError, match="mine"):
        made.forward([X])
    made.set_function(1, layer.forward, fail)
    made.forward([X], training=True)
    with pytest.raises(ZeroDivisionError, match="mine"):
        made.backward([X])
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        made.backward([X]) if not made.forward([X]) else made.backward([X])


@pytest.mark.parametrize(("forward", "backward", "message"), [
    (lambda *_: X[:2], None, r"the output has the shape \(2, 6, 3\); expected \(4, 6, 3\)"),
    (lambda *_: "text", None, "the output"),
    (None, lambda d: [d], "backward"),
    (None, lambda d: ([], []), "backward gave 0 and 0 gradients; expected 1 and 0"),
    (None, lambda d: ([d[:1]], []), r"the gradient of an input has the shape \(1, 6, 3\)"),
])  # fmt: skip
def test_what_the_functions_return_is_checked(forward, backward, message):
    layer = Doubling()
    made = program(layer)
    made.set_function(1, forward or layer.forward, backward or layer.backward)
    with pytest.raises((ValueError, TypeError), match=message):
        made.forward([X], training=True)
        made.backward([X])


def test_misuse():
    made = program(Doubling())
    with pytest.raises(ValueError, match="operation 0 is not external"):
        made.set_function(0, len, len)
    with pytest.raises(TypeError, match="must be callable"):
        made.set_function(1, 3, len)
    operations = [("external", (0,), (1,), (), {"cols": 3})]
    with pytest.raises(RuntimeError, match="has no function"):
        _core.Program([("x", "float32", None, (3,))], [], operations, (1,)).forward(
            [np.zeros((1, 3), np.float32)]
        )
    with pytest.raises(ValueError, match="cols = 0"):
        _core.Program([("x", "float32", None, (3,))], [], [("external", (0,), (1,), (), {})], (1,))


def test_a_program_inside_its_own_call_refuses():
    made = program(Doubling())
    made.set_function(1, lambda inputs, *_: made.forward([X])[0], lambda d: ([d], []))
    with pytest.raises(RuntimeError, match="in use"):
        made.forward([X])


def test_a_loss_that_goes_back_at_once():
    """dense_cross_entropy writes gradients in the forward pass, also where a step is cut into regions."""
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=shape).astype(np.float32) for shape in ((3, 4), (3, 4))]
    targets, gradients = [rng.integers(0, 4, (4, 6))] * 2, []
    for name in ("external", "merge"):
        first = ("external", (0,), (1,), (), {"has_steps": True, "cols": 3})
        operations = [
            first if name == "external" else ("merge", (0, 0), (1,), (), {"kind": "add"}),
            ("dense_cross_entropy", (1,), (2,), (0,), {}),
            ("masking", (1,), (3,), (), {}),
            ("dense_cross_entropy", (3,), (4,), (1,), {}),
        ]
        inputs, parameters = [("x", "float32", -1, (3,))], [("v", (3, 4)), ("w", (3, 4))]
        made = _core.Program(inputs, parameters, operations, (3,), input_gradients=True)
        for number, weight in enumerate(weights):
            made.bind(number, weight.copy(), True, [], np.zeros(1, np.int64))
        if name == "external":
            layer = Doubling()
            made.set_function(0, layer.forward, layer.backward)
        made.set_optimizer("sgd")
        for step in range(2):
            made.train_step([X], targets, None, 0.0, step)
        gradients.append([made.gradient(0), made.gradient(1), made.input_gradient(0)])
    for one, other in zip(*gradients, strict=True):
        assert np.abs(other).max() > 1e-3
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
