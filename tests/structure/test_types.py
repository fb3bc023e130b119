"""What type checkers know of the public names: .ci/stages/types.sh checks this file with mypy and pyright,
and the tests run it, so that what is annotated is what is there.
"""

from pathlib import Path

import numpy as np

import embedcnn
from embedcnn import Model, Sequential, callbacks, layers, losses, metrics, optimizers


def classifier(vocabulary: int) -> Model:
    words = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(vocabulary, 8)(words)
    branches = [layers.GlobalMaxPooling1D()(layers.Conv1D(4, width, padding="same")(x)) for width in (1, 2)]
    model = Model(words, layers.Dense(2, activation="softmax")(layers.Concatenate()(branches)))
    chosen: list[metrics.Metric] = [metrics.SparseCategoricalAccuracy()]
    model.compile(optimizers.Adam(0.01), losses.SparseCategoricalCrossentropy(), metrics=chosen)
    return model


def test_results_have_the_types_that_are_annotated(tmp_path: Path) -> None:
    embedcnn.utils.set_random_seed(1)
    texts, labels = ["it purrs", "it barks"] * 4, [0, 1] * 4
    encoder = embedcnn.text.TextEncoder()
    encoder.adapt(texts)
    ids = encoder(texts)
    assert isinstance(ids, embedcnn.Ragged)  # not padded
    model = classifier(encoder.vocabulary_size())

    history: callbacks.History = model.fit(ids, labels, epochs=1, verbose=0)
    losses_of_epochs: list[float] = history.history["loss"]
    predicted: np.ndarray = model.predict(ids, verbose=0)
    shape: tuple[int, ...] = model.predict(ids, verbose=0).shape
    weights: list[np.ndarray] = model.get_weights()
    summed: int = model.count_params()
    model.text_encoder, model.labels = encoder, ["cat", "dog"]
    named: list[str] = model.predict_labels(texts)
    assert isinstance(history, callbacks.History)
    assert isinstance(losses_of_epochs[0], float) and isinstance(predicted, np.ndarray)
    assert shape == (8, 2) and summed == sum(weight.size for weight in weights)
    assert set(named) <= {"cat", "dog"}

    model.save(tmp_path / "pets.embedcnn")
    again: Model = embedcnn.models.load_model(tmp_path / "pets.embedcnn")
    np.testing.assert_array_equal(again.predict(ids, verbose=0), predicted)


def test_several_outputs_are_a_list() -> None:
    words = embedcnn.Input((3,), dtype="int32")
    x = layers.Flatten()(layers.Embedding(5, 2)(words))
    model = Model(words, [layers.Dense(1)(x), layers.Dense(2)(x)])
    several = model.predict(np.zeros((4, 3), np.int32), verbose=0)
    shapes: list[tuple[int, ...]] = [one.shape for one in several]
    assert shapes == [(4, 1), (4, 2)]


def test_language_models() -> None:
    writer = embedcnn.CharLanguageModel("to be or not to be", embedding_dim=4, units=8, seed=1)
    history: callbacks.History = writer.fit("to be " * 20, length=10, batch_size=4, verbose=0)
    inner: Sequential = writer.model
    measured: dict[str, float] = writer.evaluate("to be " * 20, length=10)
    pieces: list[str] = list(writer.stream("to ", 5, seed=1))
    assert sorted(history.history) and inner.count_params() and measured["loss"] > 0 and len(pieces) <= 5
