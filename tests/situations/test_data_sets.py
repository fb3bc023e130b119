"""Data sets as tutorials use them: looks at a few elements, folders without classes, ragged texts with
numbers, and models that are cloned or built twice.
"""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import data, models, optimizers
from embedcnn.ragged import Ragged

L = keras.layers


# -- looking at some elements --------------------------------------------------------------------------------
def test_take_shows_another_window_each_time():
    def windows():
        return data.timeseries_dataset_from_array(
            np.arange(100), None, 5, batch_size=1, shuffle=True, seed=123
        )

    dataset = windows()
    seen = [x.tolist() for _ in range(6) for x in dataset.take(1)]
    assert len({str(x) for x in seen}) > 4
    again = windows()  # the same seed, the same windows
    assert [x.tolist() for _ in range(6) for x in again.take(1)] == seen
    kept = dataset.take(2)
    assert sorted(map(str, kept.iterate(0))) != sorted(map(str, kept.iterate(1)))
    assert list(map(str, kept.iterate(3))) == list(map(str, windows().take(2).iterate(3)))


def test_take_of_shuffled_data():
    dataset = data.Dataset.range(100).shuffle(seed=1)
    assert len({tuple(dataset.take(2)) for _ in range(6)}) > 4
    plain = data.Dataset.range(10)
    assert [list(plain.take(2)) for _ in range(2)] == [[0, 1], [0, 1]]


# -- folders -------------------------------------------------------------------------------------------------
def test_a_folder_without_classes(tmp_path):
    (tmp_path / "inner" / "deep").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "inner/c.txt", "inner/deep/d.txt"):
        (tmp_path / name).write_text(f"text {name}")
    for options in ({"label_mode": None}, {"labels": None}, {"labels": None, "label_mode": None}):
        found = data.text_dataset_from_directory(
            tmp_path, shuffle=False, verbose=False, batch_size=None, **options
        )
        assert list(found) == ["text a.txt", "text b.txt", "text inner/c.txt", "text inner/deep/d.txt"]
        assert found.class_names == []


# -- numbers and ragged texts --------------------------------------------------------------------------------
IDS = [[1, 2, 3], [4], [5, 6]]


def test_padded_batches_with_numbers():
    pairs = data.Dataset.from_tensor_slices((IDS, [0, 1, 1]))
    (x, y), (z, w) = pairs.padded_batch(2)
    assert x.tolist() == [[1, 2, 3], [4, 0, 0]] and y.tolist() == [0, 1]
    assert z.tolist() == [[5, 6]] and w.tolist() == [1]
    given = pairs.padded_batch(3, padded_shapes=([4], []), padding_values=(9, 0))
    assert next(iter(given))[0].tolist() == [[1, 2, 3, 9], [4, 9, 9, 9], [5, 6, 9, 9]]
    plain = data.Dataset.range(5).map(lambda x: float(x)).padded_batch(5)
    assert next(iter(plain)).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    named = data.Dataset.from_tensor_slices({"ids": IDS, "weight": np.array([0.5, 1, 2], np.float32)})
    batch = next(iter(named.padded_batch(3)))
    assert batch["weight"].tolist() == [0.5, 1, 2] and batch["weight"].dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"ragged": True}, {"pad_to_bucket_boundary": True}])
def test_buckets_with_numbers(options):
    pairs = data.Dataset.from_tensor_slices((IDS, [0, 1, 1]))
    batches = list(pairs.bucket_by_sequence_length(lambda x, y: len(x), [3, 5], [2, 2, 2], **options))
    assert sorted(int(label) for _, labels in batches for label in labels) == [0, 1, 1]


def test_a_ragged_as_a_component():
    ragged = Ragged.from_sequences([[1, 2, 3], [4], [], [5, 6]])
    pairs = data.Dataset.from_tensor_slices((ragged, [0, 1, 0, 1]))
    assert [(ids.tolist(), int(label)) for ids, label in pairs] == [
        ([1, 2, 3], 0),
        ([4], 1),
        ([], 0),
        ([5, 6], 1),
    ]
    ids, labels = next(iter(pairs.ragged_batch(4)))
    assert (
        isinstance(ids, Ragged) and ids.lengths.tolist() == [3, 1, 0, 2] and labels.tolist() == [0, 1, 0, 1]
    )
    padded = next(iter(pairs.padded_batch(4)))[0]
    assert padded.tolist() == [[1, 2, 3], [4, 0, 0], [0, 0, 0], [5, 6, 0]]
    alone = data.Dataset.from_tensor_slices(ragged)
    assert next(iter(alone.ragged_batch(4))).lengths.tolist() == [3, 1, 0, 2]
    with pytest.raises(ValueError, match="use padded_batch or ragged_batch"):
        next(iter(pairs.batch(4)))
    even = data.Dataset.from_tensor_slices((Ragged.from_sequences([[1, 2], [3, 4]]), [0, 1]))
    assert next(iter(even.batch(2)))[0].tolist() == [[1, 2], [3, 4]]


def test_a_model_learns_from_such_batches():
    ragged = Ragged.from_sequences([[1, 2, 3], [4], [2], [5, 6]])
    model = keras.Sequential(
        [L.Embedding(7, 3), L.GlobalAveragePooling1D(), L.Dense(2, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    pairs = data.Dataset.from_tensor_slices((ragged, [0, 1, 0, 1]))
    for batches in (pairs.shuffle(seed=1).ragged_batch(2), pairs.padded_batch(2)):
        assert len(model.fit(batches, epochs=2, verbose=0).history["loss"]) == 2


# -- models made again ---------------------------------------------------------------------------------------
def test_a_clone_is_compiled_as_the_model_is():
    model = keras.Sequential(
        [keras.Input((3,)), L.Dense(4, activation="relu"), L.Dense(2, activation="softmax")]
    )
    rate = lambda step: 0.1 / (1 + step)  # noqa: E731
    optimizer = optimizers.AdamW(rate, weight_decay=0.1, clipnorm=1.0)
    optimizer.exclude_from_weight_decay([model.layers[1].kernel], ["bias"])
    metric = keras.metrics.Precision(class_id=1)
    model.compile(
        optimizer, "categorical_crossentropy", metrics=["accuracy", metric], weighted_metrics=["mae"]
    )
    x, y = np.random.default_rng(0).normal(size=(8, 3)), np.eye(2)[np.arange(8) % 2]
    model.fit(x, y, epochs=2, verbose=0)
    clone = models.clone_model(model)
    assert clone.optimizer is not model.optimizer and clone.optimizer.iterations == 0
    assert clone.optimizer.learning_rate is rate and clone.optimizer.clipnorm == 1.0
    assert [clone.optimizer.decays(v) for v in clone.weights] == [
        model.optimizer.decays(v) for v in model.weights
    ]
    assert clone.metrics_names == model.metrics_names
    before = metric.get_state()
    clone.fit(x, y, epochs=1, verbose=0)
    assert all(np.array_equal(before[name], value) for name, value in metric.get_state().items())
    clone.set_weights(model.get_weights())
    assert clone.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)


def test_clones_of_other_models():
    plain = models.clone_model(keras.Sequential([keras.Input((3,)), L.Dense(1)]))
    with pytest.raises(ValueError, match=r"must call compile\(\)"):
        plain.fit(np.ones((2, 3)), np.ones((2, 1)))
    a, b = keras.Input((2,), name="a"), keras.Input((2,), name="b")
    two = keras.Model([a, b], [L.Dense(1, name="x")(a), L.Dense(2, name="y")(b)])
    two.compile("sgd", {"x": "mse", "y": "mae"}, loss_weights={"x": 0.5, "y": 2.0}, metrics={"y": ["mse"]})
    assert models.clone_model(two).metrics_names == two.metrics_names
    unbuilt = keras.Sequential([L.Dense(2)])
    unbuilt.compile("sgd", "mse")
    clone = models.clone_model(unbuilt)
    assert len(clone.fit(np.ones((2, 3)), np.ones((2, 2)), verbose=0).history["loss"]) == 1

    def own(y_true, y_pred):
        return ((y_pred - y_true) ** 2).mean(-1), 2 * (y_pred - y_true) / y_pred.shape[-1]

    plain.compile("sgd", own)
    assert (
        len(models.clone_model(plain).fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0).history["loss"]) == 1
    )


def test_a_sequential_is_built_once():
    model = keras.Sequential([L.Dense(2)])
    model.build((None, 3))
    model.build((None, 3))
    model.build((8, 3))
    for shape in ((None, 4), (None, 5, 3)):
        with pytest.raises(
            ValueError, match=r"built for inputs of shape \(None, 3\). Received: input_shape=\(None,"
        ):
            model.build(shape)
    assert model.count_params() == 8
