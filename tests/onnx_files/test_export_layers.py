"""Every layer that the golden values of Keras have, alone, as ONNX."""

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from golden.layer_cases import CASES, inputs_of, weights_of
from onnx_sessions import check_model  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import layers  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_layer(name, tmp_path):
    kind, arguments, *_ = CASES[name]
    arrays = inputs_of(name)
    inputs = [embedcnn.Input(np.shape(array)[1:]) for array in arrays]
    layer = getattr(layers, kind)(**arguments)
    model = embedcnn.Model(inputs, layer(inputs if len(inputs) > 1 else inputs[0]))
    layer.set_weights(weights_of(name, [variable.shape for variable in layer.weights]))
    check_model(model, [[np.asarray(array, np.float32) for array in arrays]], tmp_path / "m.onnx")


COMPOSED = {
    "EinsumDense": lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 4)),
    "GroupNormalization": lambda: layers.GroupNormalization(2),
    "RMSNormalization": layers.RMSNormalization,
    "UpSampling1D": lambda: layers.UpSampling1D(2),
    "ZeroPadding1D": lambda: layers.ZeroPadding1D(2),
    "Cropping1D": lambda: layers.Cropping1D(1),
    "Conv1DTranspose": lambda: layers.Conv1DTranspose(4, 3, strides=2, padding="same"),
    "Normalization": lambda: layers.Normalization(mean=1.0, variance=2.0),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(3)),
    "AdditiveAttention": lambda: lambda x: layers.AdditiveAttention()([x, x]),
    "Lambda": lambda: layers.Lambda(lambda x: x * 2 + embedcnn.ops.sum(x, -1, keepdims=True)),
}
"""Layers that are made of operations, or of other layers."""


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_layer(name, tmp_path):
    steps = embedcnn.Input((8, 6))
    model = embedcnn.Model(steps, COMPOSED[name]()(steps))
    x = np.random.default_rng(0).normal(size=(3, 8, 6)).astype(np.float32)
    check_model(model, [x, x[:1]], tmp_path / "m.onnx")
