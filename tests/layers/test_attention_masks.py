"""Attention under masks that are arguments of the call, and with a key of its own: Keras's results."""

from pathlib import Path

import numpy as np
import pytest
from attention_mask_cases import MASKED, drawn
from operation_cases import weights_for

import embedcnn
from embedcnn import layers

GOLDEN = np.load(Path(__file__).resolve().parents[1] / "golden" / "keras_attention_masks.npz")


@pytest.mark.parametrize("name", MASKED)
def test_results_are_keras_s(name, tmp_path):
    layer, options, call, keyed = MASKED[name]
    query, value, key, masks = drawn(name)
    arrays = [query, value, key] if keyed else [query, value]
    read = [embedcnn.Input(array.shape[1:]) for array in arrays]
    given = {argument: embedcnn.Input(masks[argument].shape[1:]) for argument in call}
    own = getattr(layers, layer)(**options)
    if layer == "MultiHeadAttention":
        made = own(*read, **given)
    else:
        names = ("query_mask", "value_mask", "key_mask")[: len(read)]
        made = own(read, mask=[given.get(argument) for argument in names])
    model = embedcnn.Model([*read, *given.values()], made)
    own.set_weights(weights_for([weight.shape for weight in own.weights]))
    data = [*arrays, *(masks[argument].astype(np.float32) for argument in call)]
    got = model.predict(data, verbose=0)
    kept = masks["query_mask"][:, :, None] if "query_mask" in call else 1.0  # masked steps are zeros
    np.testing.assert_allclose(got, GOLDEN[name] * kept, rtol=2e-5, atol=2e-6)
    model.save(tmp_path / "attention.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "attention.embedcnn")
    np.testing.assert_array_equal(again.predict(data, verbose=0), got)
