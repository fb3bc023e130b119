"""Operations of tensors against Keras's values and gradients: tests/golden/keras_operations.npz."""

from pathlib import Path

import numpy as np
import pytest
from operation_cases import CASES, arrays_for

import embedcnn
from embedcnn import ops

GOLDEN = np.load(Path(__file__).resolve().parents[1] / "golden" / "keras_operations.npz")


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_keras_s(name):
    function, shapes = CASES[name]
    assert len(shapes) >= 5
    for number, shape in enumerate(shapes):
        arrays = arrays_for(name, shape)
        expected = GOLDEN[f"{name}/{number}/value"]
        got, gradients = ops.vjp(
            lambda *tensors: function(ops, *tensors),
            *arrays,
            d_out=np.random.default_rng(7).normal(size=expected.shape).astype(np.float32),
        )
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6, err_msg=f"{name} of {shape}")
        np.testing.assert_allclose(function(ops, *arrays), expected, rtol=2e-5, atol=2e-6)  # of arrays
        for place, gradient in enumerate(gradients):
            slope = GOLDEN.get(f"{name}/{number}/gradient{place}", np.zeros_like(gradient))
            np.testing.assert_allclose(gradient, slope, rtol=2e-4, atol=2e-5, err_msg=f"{name} of {shape}")


def test_a_model_of_each_operation_comes_back_from_a_file(tmp_path):
    for name in ("reshape deep", "take", "einsum", "normalize", "operators", "argmax -1 True"):
        function, shapes = CASES[name]
        arrays = arrays_for(name, shapes[0])
        inputs = [embedcnn.Input(array.shape[1:]) for array in arrays]
        model = embedcnn.Model(inputs, function(ops, *inputs))
        model.save(tmp_path / "operation.embedcnn", overwrite=True)
        again = embedcnn.models.load_model(tmp_path / "operation.embedcnn")
        given = arrays if len(arrays) > 1 else arrays[0]
        np.testing.assert_array_equal(again.predict(given, verbose=0), model.predict(given, verbose=0))
        np.testing.assert_allclose(again.predict(given, verbose=0), GOLDEN[f"{name}/0/value"], 2e-5, 2e-6)
