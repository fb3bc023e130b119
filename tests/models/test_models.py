import pickle
from copy import deepcopy

import numpy as np
import pytest
from keras_values import VALUES, data, weights

import embedcnn
from embedcnn import initializers, layers, losses, models, optimizers, utils


def pickle_copy(model):
    return pickle.loads(pickle.dumps(model))


def two_sided():
    a, b = embedcnn.Input((7,), dtype="int32"), embedcnn.Input((7,), dtype="int32")
    table, conv = layers.Embedding(12, 4), layers.Conv1D(3, 2, padding="same", activation="tanh")
    sides = [layers.GlobalMaxPooling1D()(conv(table(side))) for side in (a, b)]
    joined = layers.Concatenate()([*sides, layers.GlobalAveragePooling1D()(table(a))])
    first = layers.Dense(3, name="first")(joined)
    second = layers.Dense(1, activation="sigmoid", name="second")(joined)
    return embedcnn.Model([a, b], [first, second], seed=0)


def test_shared_layers_two_inputs_two_outputs_as_keras():
    model = two_sided()
    expected = VALUES["two_sided"]
    order = [w.name.replace("embeddings", "kernel") + str(list(w.shape)) for w in model.weights]
    assert order == expected["order"]
    model.set_weights(weights([w.shape for w in model.weights], 3))
    model.compile(
        optimizers.Adam(0.02, embedding_update="dense"),
        [losses.SparseCategoricalCrossentropy(from_logits=True), "binary_crossentropy"],
        loss_weights=[1.0, 0.5],
    )
    (x1, y), (x2, _) = data(4), data(5)
    for row in expected["logs"]:
        logs = model.train_on_batch([x1, x2], [y, (y > 0).astype("float32")], return_dict=True)
        assert list(logs) == list(row)
        for name, value in row.items():
            assert logs[name] == pytest.approx(value, rel=1e-4), name


def test_dicts_for_inputs_and_outputs():
    model = two_sided()
    first, second = "sparse_categorical_crossentropy", "binary_crossentropy"
    model.compile("sgd", {"second": second, "first": losses.get(first)}, metrics={"second": ["accuracy"]})
    (x1, y), (x2, _) = data(4), data(5)
    x = {model.inputs[0].name: x1, model.inputs[1].name: x2}
    targets = {"first": y, "second": y > 0}
    history = model.fit(x, targets, epochs=2, verbose=0, validation_split=0.25).history
    assert sorted(history) == list(history)
    assert {"first_loss", "second_loss", "second_accuracy", "loss", "val_second_accuracy"} <= set(history)
    assert model.metrics_names == ["loss", "first_loss", "second_loss", "second_accuracy"]
    values = model.evaluate([x1, x2], [y, y > 0], verbose=0)
    assert values[0] == pytest.approx(values[1] + values[2], rel=1e-6)
    assert [part.shape for part in model.predict(x)] == [(16, 3), (16, 1)]


def test_an_output_may_have_no_loss():
    model = two_sided()
    model.compile("sgd", [losses.SparseCategoricalCrossentropy(from_logits=True), None])
    (x1, y), (x2, _) = data(4), data(5)
    assert model.train_on_batch([x1, x2], [y, None])[0] == pytest.approx(np.log(3), rel=0.5)


def test_layers_are_ordered_as_in_keras():
    model = two_sided()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[0] == "InputLayer"
    assert kinds[-2:] == ["Dense", "Dense"]
    tokens = embedcnn.Input((5,))
    x = layers.Embedding(10, 4)(tokens)
    chain = embedcnn.Model(tokens, layers.Dense(1)(layers.GlobalMaxPooling1D()(x)))
    assert [type(layer).__name__ for layer in chain.layers] == [
        "InputLayer",
        "Embedding",
        "GlobalMaxPooling1D",
        "Dense",
    ]


def test_sequential_in_all_its_forms():
    chain = [
        layers.Embedding(30, 4),
        layers.Conv1D(3, 2),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ]
    model = embedcnn.Sequential(chain)
    assert not model.built
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    x = np.random.default_rng(0).integers(0, 30, (10, 6))
    model.fit(x, np.arange(10) % 2, verbose=0)
    assert [layer is own for layer, own in zip(chain, model.layers, strict=True)] == [True] * 4
    assert model.predict(x).shape == (10, 1)
    assert model.input_shape == (None, None)

    added = embedcnn.Sequential(name="added")
    added.add(embedcnn.Input((3,)))
    added.add(layers.Dense(4, activation="relu"))
    assert added.output_shape == (None, 4)
    added.add(layers.Dense(2))
    assert added.output_shape == (None, 2)
    assert added.pop().units == 2
    assert added.output_shape == (None, 4)
    assert added.name == "added"

    late = embedcnn.Sequential([layers.Dense(4)])
    late.build((None, 3))
    assert late.count_params() == 16
    assert embedcnn.Sequential([layers.Dense(2, input_shape=(5,))]).count_params() == 12


def test_a_model_is_callable():
    model = two_sided()
    (x1, _), (x2, _) = data(4), data(5)
    outputs = model([x1, x2])
    for called, predicted in zip(outputs, model.predict([x1, x2]), strict=True):
        np.testing.assert_allclose(called, predicted, rtol=1e-6)
    tokens = embedcnn.Input((7,), dtype="int32")
    side = embedcnn.Model(tokens, layers.GlobalAveragePooling1D()(layers.Embedding(12, 4)(tokens)))
    a, b = embedcnn.Input((7,)), embedcnn.Input((7,))
    pair = embedcnn.Model([a, b], layers.Concatenate()([side(a), side(b)]))
    assert pair.count_params() == 48
    together = pair.predict([x1, x2])
    np.testing.assert_allclose(together[:, :4], side.predict(x1), rtol=1e-6)
    np.testing.assert_allclose(together[:, 4:], side.predict(x2), rtol=1e-6)


def test_dropout_in_a_call_with_training():
    numbers = embedcnn.Input((50,))
    model = embedcnn.Model(numbers, layers.Dropout(0.5)(numbers), seed=1)
    ones = np.ones((4, 50), np.float32)
    assert (model(ones) == 1).all()
    dropped = model(ones, training=True)
    assert set(np.unique(dropped)) == {0.0, 2.0}


def test_weights_get_and_set():
    model = two_sided()
    values = [np.full(w.shape, number, np.float32) for number, w in enumerate(model.weights)]
    model.set_weights(values)
    assert all((a == b).all() for a, b in zip(values, model.get_weights(), strict=True))
    model.get_weights()[0][:] = 99
    assert (model.get_weights()[0] == 0).all()
    dense = model.get_layer("first")
    dense.set_weights([np.ones((10, 3)), np.zeros(3)])
    assert (dense.kernel.numpy() == 1).all()
    assert dense.count_params() == 33
    assert model.get_layer(index=0) is model.layers[0]
    assert model.count_params() == sum(value.size for value in values)


def test_summary(capsys):
    model = two_sided()
    model.layers[2].trainable = False
    frozen = next(layer for layer in model.layers if isinstance(layer, layers.Embedding))
    frozen.trainable = False
    model.summary()
    text = capsys.readouterr().out
    assert f'Model: "{model.name}"' in text
    row = next(line for line in text.splitlines() if line.startswith(frozen.name))
    assert row.split()[-2 - len(model.inputs) :][0] == "no" or "  no  " in row
    assert "Total params: 119 (476.00 B)" in text or f"Total params: {model.count_params()}" in text
    assert f"Non-trainable params: {frozen.count_params()}" in text
    lines = []
    model.summary(line_length=60, print_fn=lines.append)
    assert len(lines) == 1


def test_configurations_build_the_same_model():
    model = two_sided()
    again = models.Model.from_config(model.get_config())
    assert [w.path for w in again.weights] == [w.path for w in model.weights]
    again.set_weights(model.get_weights())
    (x1, _), (x2, _) = data(4), data(5)
    for a, b in zip(model.predict([x1, x2]), again.predict([x1, x2]), strict=True):
        assert (a == b).all()
    chain = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(4), layers.ReLU(), layers.Softmax()])
    copy = models.Sequential.from_config(chain.get_config())
    assert copy.get_config() == chain.get_config()


def test_pickle():
    model = two_sided()
    (x1, y), (x2, _) = data(4), data(5)
    model.compile("adam", [losses.SparseCategoricalCrossentropy(from_logits=True), "binary_crossentropy"])
    model.train_on_batch([x1, x2], [y, y > 0])
    copy = pickle.loads(pickle.dumps(model))
    for _ in range(2):
        assert copy.train_on_batch([x1, x2], [y, y > 0]) == model.train_on_batch([x1, x2], [y, y > 0])


def seeded_table():
    return layers.Embedding(12, 4, embeddings_initializer=initializers.RandomUniform(seed=1))


def seeded_dense(units):
    return layers.Dense(units, "softmax", kernel_initializer=initializers.GlorotUniform(seed=2))


class Pooled(embedcnn.Model):
    """A model of one's own, which is built by its first data."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.table, self.pool = seeded_table(), layers.GlobalMaxPooling1D()
        self.out = seeded_dense(units)

    def call(self, ids):
        return self.out(self.pool(self.table(ids)))

    def get_config(self):
        return {"units": self.units}


@pytest.mark.parametrize("make", [pickle_copy, deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize(
    "model",
    [
        lambda: embedcnn.Sequential([seeded_table(), layers.GlobalMaxPooling1D(), seeded_dense(3)]),
        lambda: Pooled(3),
    ],
    ids=["Sequential", "own"],
)
def test_a_copy_of_what_is_not_built_yet_learns_the_same(make, model):
    x, y = data(4)
    utils.set_random_seed(3)
    original = model()
    original.compile(optimizers.Adam(0.02), losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])
    original.labels = ["a", "b", "c"]
    copy = make(original)
    assert not copy.built and copy.name == original.name and copy.labels == original.labels
    found = []
    for one in (original, copy):
        history = one.fit(x, y, epochs=2, verbose=0).history
        found.append((history, one.predict(x, verbose=0).tolist()))
    assert found[0] == found[1] and "accuracy" in found[0][0]


def test_a_frozen_matrix_is_shared_and_copied_before_it_is_written():
    table = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    original = table.copy()
    tokens = embedcnn.Input((7,))
    layer = layers.Embedding(12, 4, weights=[table], trainable=False)
    model = embedcnn.Model(
        tokens, layers.Dense(3, activation="softmax")(layers.GlobalMaxPooling1D()(layer(tokens)))
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = data(2)
    model.fit(x, y, verbose=0)
    assert layer.embeddings.value is table
    layer.trainable = True
    assert layer.embeddings.value is table
    model.train_on_batch(x, y)
    assert layer.embeddings.value is not table
    assert (layer.embeddings.value != original).any()
    assert (table == original).all()
    layer.set_weights([np.zeros((12, 4))])
    assert (table == original).all()


def test_a_read_only_matrix_can_be_trained():
    table = np.ones((12, 4), np.float32)
    table.flags.writeable = False
    layer = layers.Embedding.from_pretrained(table, freeze=False)
    tokens = embedcnn.Input((7,))
    model = embedcnn.Model(
        tokens, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling1D()(layer(tokens)))
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data(2)
    model.train_on_batch(x, y)
    assert (table == 1).all()
    assert (layer.embeddings.value != 1).any()


def test_other_dtypes_are_converted_with_a_note():
    with pytest.warns(UserWarning, match="weights is float64; a float32 copy is used") as noted:
        layer = layers.Embedding(3, 2, weights=[np.ones((3, 2))])
    layer(embedcnn.Input((4,)))
    assert layer.embeddings.value.dtype == np.float32
    assert noted[0].filename == __file__


def test_trainable_of_a_whole_model():
    model = two_sided()
    model.trainable = False
    assert model.trainable_weights == []
    assert len(model.non_trainable_weights) == len(model.weights)
    model.compile("sgd", [losses.SparseCategoricalCrossentropy(from_logits=True), "binary_crossentropy"])
    before = model.get_weights()
    (x1, y), (x2, _) = data(4), data(5)
    model.train_on_batch([x1, x2], [y, y > 0])
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))


def test_to_categorical_and_names():
    assert utils.to_categorical([1, 0], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    utils.clear_session()
    assert [layers.Dense(1).name for _ in range(3)] == ["dense", "dense_1", "dense_2"]
    assert layers.GlobalMaxPooling1D().name == "global_max_pooling1d"
    assert layers.Conv1D(1, 1).name == "conv1d"


def test_signs_between_tensors_are_layers(tmp_path):
    first, second = embedcnn.Input((3,)), embedcnn.Input((3,))
    model = embedcnn.Model([first, second], [first + second, first - second, first * second])
    a, b = np.ones((2, 3), np.float32) * 3, np.arange(6, dtype=np.float32).reshape(2, 3)
    model.save(tmp_path / "signs.embedcnn")
    for one in (model, embedcnn.models.load_model(tmp_path / "signs.embedcnn")):
        for got, expected in zip(one.predict([a, b], verbose=0), (a + b, a - b, a * b), strict=True):
            assert np.array_equal(got, expected)
    with pytest.raises(TypeError, match="operands must be tensors, weights, arrays of numbers.*NoneType"):
        first - None
    with pytest.raises(ValueError, match="the batch is the first axis"):
        first * a
    with pytest.raises(ValueError, match="the batch, the first axis of tensors of examples, stays"):
        first[0]


def test_layers_of_keras_that_are_elsewhere():
    with pytest.raises(AttributeError, match=r"no layers\.CuDNNLSTM; layers\.LSTM is it"):
        layers.CuDNNLSTM(10)
    with pytest.raises(AttributeError, match=r"no layers\.Conv3D; networks of volumes"):
        layers.Conv3D(10, 3)


class Chain(embedcnn.Sequential):
    """A subclass without anything of its own."""


def test_a_subclass_is_stored_as_what_it_is_a_subclass_of(tmp_path):
    model = Chain([embedcnn.Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "model")
    loaded = embedcnn.models.load_model(tmp_path / "model")
    assert type(loaded) is embedcnn.Sequential
    x = np.ones((2, 3), np.float32)
    assert (loaded.predict(x, verbose=0) == model.predict(x, verbose=0)).all()


def test_a_refused_compile_leaves_the_settings_before():
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError):
        model.compile("adam", "no_such_loss")
    assert type(model.optimizer).__name__ == "SGD"
    model.train_on_batch(np.ones((2, 3)), np.ones(2))
