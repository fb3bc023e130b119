"""Models that `export` writes come back by models.load_onnx with the same predictions, masks and all. Where a
graph asks for the number of steps, as for masks, it is given.
"""

import numpy as np
import pytest

pytest.importorskip("onnx")

from embedcnn import Input, Model, Sequential, layers, models

IDS = np.random.default_rng(0).integers(1, 12, (5, 7)).astype(np.int32)
IDS[0, 4:] = IDS[1, :2] = IDS[2, 1:6] = 0


def on_words(*parts, **embedding):
    return Sequential(
        [Input((None,), dtype="int32", name="words"), layers.Embedding(12, 4, **embedding), *parts]
    )


def text_cnn(**embedding):
    words = Input((None,), dtype="int32", name="words")
    x = layers.Embedding(12, 4, **embedding)(words)
    found = [layers.GlobalMaxPooling1D()(layers.Conv1D(3, width, activation="relu")(x)) for width in (2, 3)]
    return Model(words, layers.Dense(2, activation="softmax")(layers.Concatenate()(found)))


MODELS = {
    "text CNN": text_cnn,
    "bidirectional LSTM": lambda **mask: on_words(
        layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.GlobalAveragePooling1D(), **mask
    ),
    "GRU": lambda **mask: on_words(layers.GRU(3, return_sequences=True), layers.LSTM(2), **mask),
    "mean": lambda **mask: on_words(layers.GlobalAveragePooling1D(), layers.Dense(2), **mask),
    "pooling": lambda **mask: on_words(
        layers.Conv1D(3, 2, padding="same"), layers.MaxPooling1D(2), layers.GlobalMaxPooling1D(), **mask
    ),
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_comes_back(name, masked, tmp_path):
    model = MODELS[name](mask_zero=masked)
    model.export(tmp_path / "model.onnx")
    shapes = {"words": (None, IDS.shape[1])} if masked else None
    again = models.load_onnx(tmp_path / "model.onnx", input_shapes=shapes)
    wanted = model.predict(IDS, verbose=0)
    np.testing.assert_allclose(again.predict(IDS, verbose=0), wanted, atol=1e-5)
    assert again.count_params() == model.count_params()
