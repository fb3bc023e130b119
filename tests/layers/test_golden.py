"""Layers against what Keras and PyTorch computed once: outputs, gradients of inputs and weights, moving
statistics (tests/golden)."""

from pathlib import Path

import numpy as np
import pytest
from golden.layer_cases import CASES, MASK, d_out_of, inputs_of, weights_of
from golden.make_torch_layers import data
from layer_program import Alone, close

import embedcnn
from embedcnn import layers

GOLDEN = Path(__file__).parents[1] / "golden"

KERAS = np.load(GOLDEN / "keras_layers.npz")
TORCH = np.load(GOLDEN / "torch_layers.npz")


@pytest.mark.parametrize("name", CASES)
def test_keras(name):
    kind, arguments, _, masked = CASES[name]
    layer = getattr(layers, kind)(**arguments)
    arrays, mask = inputs_of(name), np.array(MASK, bool) if masked else None
    layer(
        tensors if len(tensors := [embedcnn.Input(array.shape[1:]) for array in arrays]) > 1 else tensors[0]
    )
    weights = weights_of(name, [variable.shape for variable in layer.weights])
    alone = Alone(layer, arrays, weights, mask)
    expected = KERAS[f"{name}/out"]
    if masked and expected.ndim == 3:  # masked steps are zeros here
        expected = expected * mask[:, :, None]
    close(alone.out, expected, "out")
    alone.backward(d_out_of(name, expected.shape))
    for number in range(len(arrays)):
        close(alone.core.input_gradient(number), KERAS[f"{name}/d_x{number}"], f"d_x{number}")
    for number, variable in enumerate(layer.trainable_weights):
        close(alone.gradient(variable), KERAS[f"{name}/d_w{number}"], variable.name)
    for variable in layer.weights:
        if variable.tracked:
            close(variable.value, KERAS[f"{name}/{variable.name}"], variable.name)


def test_how_many_values_there_are():
    assert len(KERAS.files) >= 150 and len(TORCH.files) >= 15


@pytest.mark.parametrize("name", ["linear", "conv"])
def test_weight_normalization_as_pytorch(name):
    convolution = name == "conv"
    inner = layers.Conv1D(5, 3) if convolution else layers.Dense(5)
    layer = layers.WeightNormalization(inner)
    x = data((2, 4, 7) if convolution else (6, 4), 4)
    v = data((5, 4, 3) if convolution else (5, 4), 2)
    turned = x.transpose(0, 2, 1) if convolution else x
    weights = [data((5, 1, 1) if convolution else (5, 1), 1).ravel(), v.T, data((5,), 3)]
    alone = Alone(layer, [np.ascontiguousarray(turned)], weights)
    back = (lambda array: array.transpose(0, 2, 1)) if convolution else (lambda array: array)
    close(back(alone.out), TORCH[f"{name}/out"], "out")
    alone.backward(back(data(TORCH[f"{name}/out"].shape, 5)))
    close(back(alone.core.input_gradient(0)), TORCH[f"{name}/d_x"], "d_x")
    close(alone.gradient(layer.g), TORCH[f"{name}/d_g"].ravel(), "d_g")
    close(alone.gradient(layer.v), TORCH[f"{name}/d_v"].T, "d_v")
    close(alone.gradient(layer.bias), TORCH[f"{name}/d_bias"], "d_bias")


def test_batch_normalization_as_pytorch():
    layer = layers.BatchNormalization(momentum=0.7)
    x = np.ascontiguousarray(data((3, 4, 6), 3).transpose(0, 2, 1))
    start = [data((4,), 1), data((4,), 2), np.zeros(4), np.ones(4)]
    alone = Alone(layer, [x], start)
    close(alone.out.transpose(0, 2, 1), TORCH["batch/out"], "out")
    alone.backward(data((3, 4, 6), 4).transpose(0, 2, 1))
    close(alone.core.input_gradient(0).transpose(0, 2, 1), TORCH["batch/d_x"], "d_x")
    close(alone.gradient(layer.gamma), TORCH["batch/d_gamma"], "d_gamma")
    close(alone.gradient(layer.beta), TORCH["batch/d_beta"], "d_beta")
    close(layer.moving_mean.value, TORCH["batch/running_mean"], "moving mean")


def test_grouped_convolution_as_pytorch():
    layer = layers.Conv1D(4, 3, groups=2, dilation_rate=2, use_bias=False)
    x = np.ascontiguousarray(data((2, 6, 8), 1).transpose(0, 2, 1))
    alone = Alone(layer, [x], [data((4, 3, 3), 2).T])
    close(alone.out.transpose(0, 2, 1), TORCH["groups/out"], "out")
    alone.backward(data(TORCH["groups/out"].shape, 3).transpose(0, 2, 1))
    close(alone.core.input_gradient(0).transpose(0, 2, 1), TORCH["groups/d_x"], "d_x")
    close(alone.gradient(layer.kernel), TORCH["groups/d_kernel"].T, "d_kernel")
