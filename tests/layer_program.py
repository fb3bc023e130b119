"""A layer as a program of its own, beside what another library computed for it."""

import numpy as np

import embedcnn
from embedcnn import _core
from embedcnn.lowering import lower


class Alone:
    """A layer as a program of its own: forward in training, then backward."""

    def __init__(self, layer, arrays, weights=None, mask=None, tracked=False):
        tensors = [embedcnn.Input(array.shape[1:]) for array in arrays]
        out = layer(tensors if len(tensors) > 1 else tensors[0])
        if weights is not None:
            layer.set_weights(weights)
        model = embedcnn.Model(tensors, out)
        lowered = lower(tensors, [out], model.nodes, [f"x{n}" for n in range(len(tensors))], training=True)
        self.core = _core.Program(*lowered.program_arguments(), input_gradients=True)
        self.variables = lowered.variables
        for number, variable in enumerate(lowered.variables):
            moves = variable.tracked and layer.trainable
            value = variable.own()
            self.core.bind(number, value, variable.trainable, [], np.zeros(1, np.int64), moves)
        given = [array if mask is None else (array, mask) for array in arrays]
        self.out = self.core.forward(given, training=True)[0]

    def backward(self, d_out):
        self.core.backward([np.ascontiguousarray(d_out, np.float32)])
        return self

    def gradient(self, variable):
        number = next(n for n, known in enumerate(self.variables) if known is variable)
        return self.core.gradient(number)


def close(got, expected, what, tolerance=2e-5):
    scale = max(np.abs(expected).max(initial=0), 1)
    np.testing.assert_allclose(got, expected, rtol=0, atol=tolerance * scale, err_msg=what)
