"""Layers called on arrays, as tutorials do to look at shapes: the arrays are those of the layer in a model,
bit for bit. Weights that are made, and set, before the first call; masks; lengths that the first data give.
"""

import copy
import gc
import re
import threading
import weakref

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.graph.nodes import flatten
from embedcnn.models import on_arrays

L = keras.layers
RNG = np.random.default_rng(0)
FLAT, OTHER = (RNG.normal(size=(3, 6)).astype(np.float32) for _ in range(2))
TEXTS, MORE = (RNG.normal(size=(3, 5, 6)).astype(np.float32) for _ in range(2))
DOCUMENTS = RNG.normal(size=(3, 4, 5, 6)).astype(np.float32)
IDS = np.array([[3, 1, 0, 0], [2, 2, 9, 1], [7, 0, 4, 0]])
MASK = np.array([[True, True, False, False, False], [True] * 5, [False, True, True, False, False]])
H, C = (RNG.normal(size=(3, 2)).astype(np.float32) for _ in range(2))


class Halved(L.Layer):
    def forward(self, x, training=False):
        return x / 2 if not training else x


class Weighted(L.Layer):
    def build(self, input_shape):
        self.scale = self.add_weight("scale", (input_shape[0][-1],), "ones")

    def call(self, inputs):
        return inputs[0] * self.scale.numpy() + inputs[1]


CALLS = {
    "Dense": (lambda: L.Dense(3, activation="relu"), FLAT),
    "Dense on texts": (lambda: L.Dense(3), TEXTS),
    "Conv1D": (lambda: L.Conv1D(4, 3), TEXTS),
    "SeparableConv1D": (lambda: L.SeparableConv1D(4, 3), TEXTS),
    "DepthwiseConv1D": (lambda: L.DepthwiseConv1D(3), TEXTS),
    "Embedding": (lambda: L.Embedding(10, 4), IDS),
    "Embedding mask_zero": (lambda: L.Embedding(10, 4, mask_zero=True), IDS),
    "Embedding of documents": (lambda: L.Embedding(10, 4), IDS.reshape(3, 2, 2)),
    "LSTM": (lambda: L.LSTM(2), TEXTS),
    "GRU sequences": (lambda: L.GRU(2, return_sequences=True), TEXTS),
    "LSTM states": (lambda: L.LSTM(2, return_state=True), TEXTS),
    "LSTM sequences and states": (lambda: L.LSTM(2, return_state=True, return_sequences=True), TEXTS),
    "stacked cells": (lambda: L.RNN([L.LSTMCell(2), L.GRUCell(3)], return_state=True), TEXTS),
    "Bidirectional": (lambda: L.Bidirectional(L.LSTM(2)), TEXTS),
    "Bidirectional lists": (lambda: L.Bidirectional(L.GRU(2, return_state=True), merge_mode=None), TEXTS),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Dense(2)), TEXTS),
    "TimeDistributed Conv1D": (lambda: L.TimeDistributed(L.Conv1D(2, 2)), DOCUMENTS),
    "TimeDistributed model": (
        lambda: L.TimeDistributed(keras.Sequential([L.Embedding(10, 4), L.GlobalMaxPooling1D()])),
        IDS.reshape(3, 2, 2),
    ),
    "Flatten": (L.Flatten, TEXTS),
    "Reshape": (lambda: L.Reshape((2, -1)), FLAT),
    "Permute": (lambda: L.Permute((2, 1)), TEXTS),
    "RepeatVector": (lambda: L.RepeatVector(2), FLAT),
    "Masking": (L.Masking, TEXTS),
    "GlobalMaxPooling1D": (L.GlobalMaxPooling1D, TEXTS),
    "GlobalAveragePooling1D": (L.GlobalAveragePooling1D, TEXTS),
    "AveragePooling1D": (lambda: L.AveragePooling1D(2), TEXTS),
    "MaxPooling1D": (lambda: L.MaxPooling1D(2), TEXTS),
    "AttentionPooling1D": (lambda: L.AttentionPooling1D(3), TEXTS),
    "LayerNormalization": (L.LayerNormalization, TEXTS),
    "BatchNormalization": (L.BatchNormalization, FLAT),
    "UnitNormalization": (L.UnitNormalization, FLAT),
    "WeightNormalization": (lambda: L.WeightNormalization(L.Dense(3)), FLAT),
    "Dropout": (lambda: L.Dropout(0.5), FLAT),
    "SpatialDropout1D": (lambda: L.SpatialDropout1D(0.5), TEXTS),
    "Softmax": (L.Softmax, TEXTS),
    "PReLU": (L.PReLU, FLAT),
    "Activation": (lambda: L.Activation("tanh"), FLAT),
    "Identity": (L.Identity, TEXTS),
    "Lambda": (lambda: L.Lambda(lambda x: x**2), FLAT),
    "forward": (Halved, TEXTS),
    "Add": (L.Add, [FLAT, OTHER]),
    "Concatenate": (lambda: L.Concatenate(axis=1), [TEXTS, MORE]),
    "Dot": (lambda: L.Dot(axes=2), [TEXTS, MORE]),
    "ApplyMask": (L.ApplyMask, [TEXTS, MASK]),
    "call of two": (Weighted, [FLAT, OTHER]),
    "LSTMCell": (lambda: L.LSTMCell(2), [FLAT, H, C]),
    "LSTM with states": (lambda: L.LSTM(2), [TEXTS, H, C]),
}


def in_a_model(layer, x, **options):
    """What a layer gives inside a model, one array for each result."""
    arrays = x if isinstance(x, list) else [x]
    tensors = [keras.Input(array.shape[1:]) for array in arrays]
    result = layer(tensors if isinstance(x, list) else tensors[0], **options)
    return flatten(keras.Model(tensors, flatten(result))(arrays if len(arrays) > 1 else arrays[0]))


@pytest.mark.parametrize("name", CALLS)
def test_arrays_are_those_of_a_model(name):
    make, x = CALLS[name]
    layer = make()
    found = flatten(layer(x))
    assert layer.built and all(type(array) is np.ndarray and array.dtype == np.float32 for array in found)
    weights = [weight.value for weight in layer.weights]
    for array, expected in zip(found, in_a_model(layer, x), strict=True):
        np.testing.assert_array_equal(array, expected)
    for array, again in zip(found, flatten(layer(x)), strict=True):
        np.testing.assert_array_equal(array, again)
    assert all(now.value is then for now, then in zip(layer.weights, weights, strict=True))


def test_results_have_the_form_of_symbolic_ones():
    y, h, c = L.LSTM(2, return_state=True)(TEXTS)
    np.testing.assert_array_equal(y, h)
    assert c.shape == (3, 2)
    y, first, second = L.RNN([L.LSTMCell(2), L.GRUCell(4)], return_state=True)(TEXTS)
    assert [state.shape for state in first] == [(3, 2), (3, 2)] and y.shape == (3, 4)
    np.testing.assert_array_equal(flatten(second)[0], y)
    y, states = L.LSTMCell(2)(FLAT, [H, C])
    np.testing.assert_array_equal(y, states[0])
    cell = L.StackedRNNCells([L.GRUCell(2), L.LSTMCell(2)])
    y, states = cell(FLAT, [[H], [H, C]])
    assert [len(one) for one in states] == [1, 2] and y.shape == (3, 2)


@pytest.mark.parametrize("ids", [3, [1, 2, 3], np.arange(8).reshape(2, 2, 2), np.float64([[1, 2]])])
def test_ids_of_any_shape(ids):
    layer = L.Embedding(10, 4)
    np.testing.assert_array_equal(layer(ids), layer.embeddings.numpy()[np.asarray(ids, int)])


def test_ids_of_several_lengths():
    layer = L.Embedding(10, 4)
    rows = layer([[1, 2, 3], [4]])
    assert rows.shape == (2, 3, 4) and (rows[1, 1:] == 0).all()
    np.testing.assert_array_equal(rows, layer(keras.Ragged.from_sequences([[1, 2, 3], [4]])))


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (L.LeakyReLU(0.5), [-1.0, 2.0]),
        (L.ReLU(), [0.0, 2.0]),
        (L.Activation("relu"), [0.0, 2.0]),
        (L.Dropout(0.5), [-2.0, 2.0]),
        (L.Identity(), [-2.0, 2.0]),
        (L.Softmax(), np.exp([-2.0, 2.0]) / np.exp([-2.0, 2.0]).sum()),
    ],
)
def test_values_in_a_list(layer, expected):
    np.testing.assert_allclose(layer([-2.0, 2.0]), expected, rtol=1e-6)


def test_models_take_arrays_as_before():
    model = keras.Sequential([L.Embedding(10, 4), L.LSTM(2), L.Dense(1)])
    np.testing.assert_array_equal(model(IDS), model.predict_on_batch(IDS))
    rows = IDS
    for layer in model.layers:
        rows = layer(rows)
    np.testing.assert_allclose(rows, model(IDS), rtol=1e-5, atol=1e-7)


# -- arguments of the call -----------------------------------------------------------------------------------
def test_states_and_mask():
    layer = L.LSTM(2, return_sequences=True)
    x, h, c, mask = keras.Input((5, 6)), keras.Input((2,)), keras.Input((2,)), keras.Input((5,))
    model = keras.Model([x, h, c, mask], layer(x, initial_state=[h, c], mask=mask))
    expected = model([TEXTS, H, C, MASK])
    np.testing.assert_array_equal(layer(TEXTS, initial_state=[H, C], mask=MASK), expected)
    np.testing.assert_array_equal(layer(TEXTS, initial_state=[H, C], mask=MASK.tolist()), expected)
    assert (layer(TEXTS, initial_state=[H, C]) != expected).any()
    both = L.Bidirectional(L.GRU(2))
    assert (both(TEXTS, initial_state=[H, C]) != both(TEXTS)).any()


def test_a_state_goes_on_from_batch_to_batch():
    layer = L.GRU(2, stateful=True)
    first, second = layer(TEXTS), layer(TEXTS)
    assert (first != second).any()
    layer.reset_state()
    np.testing.assert_array_equal(layer(TEXTS), first)


def test_dropout_with_training():
    layer = L.Dropout(0.5)
    first, second = layer(np.ones((8, 50)), training=True), layer(np.ones((8, 50)), training=True)
    assert set(np.unique(first)) == {0.0, 2.0} and (first != second).any()
    np.testing.assert_array_equal(layer(FLAT, training=False), FLAT)
    keras.utils.set_random_seed(3)
    one = L.Dropout(0.5)(FLAT, training=True)
    keras.utils.set_random_seed(3)
    np.testing.assert_array_equal(L.Dropout(0.5)(FLAT, training=True), one)


def test_batch_normalization_with_training():
    layer = L.BatchNormalization(momentum=0.9)
    x = FLAT * 3 + 1
    np.testing.assert_array_equal(layer(x, training=True), keras.Sequential([layer])(x, training=True))
    layer = L.BatchNormalization(momentum=0.9)
    np.testing.assert_allclose(layer(x, training=True).mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean.numpy(), 0.1 * x.mean(0), rtol=1e-5)
    moved = layer.moving_mean.numpy()
    layer(x), layer(x, training=False)
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True), layer(x))
    np.testing.assert_array_equal(layer.moving_mean.numpy(), moved)
    np.testing.assert_allclose(Halved()(FLAT, training=True), FLAT)


WRONG = {
    "text": (lambda: L.Dense(2)("text"), TypeError, "or on arrays of numbers. Received: str"),
    "none": (lambda: L.LSTM(2)(None), TypeError, "Received: NoneType"),
    "layer": (lambda: L.Dense(2)(L.Dense(3)), TypeError, "must be called on the result of Input"),
    "words": (lambda: L.Embedding(9, 2)([["a", "b"]]), TypeError, "arrays of numbers"),
    "one axis": (lambda: L.Dense(2)(np.ones(3)), ValueError, r"2 axes \(batch, \.\.\.\).*shape \(3,\)"),
    "two axes": (lambda: L.LSTM(2)(FLAT), ValueError, "expects an input of 3 axes"),
    "beside a tensor": (lambda: L.Add()([keras.Input((6,)), FLAT]), TypeError, "ndarray beside symbolic"),
    "a tensor beside": (lambda: L.Add()([FLAT, keras.Input((6,))]), TypeError, "beside symbolic tensors"),
    "symbolic state": (
        lambda: L.GRU(2)(TEXTS, initial_state=keras.Input((2,))),
        TypeError,
        "not known yet",
    ),
    "id": (lambda: L.Embedding(10, 4)([[1, 10]]), ValueError, r"10 is outside \[0, 10\)"),
    "other channels": (
        lambda: [dense := L.Dense(2), dense(FLAT), dense(FLAT[:, :3])],
        ValueError,
        "was built for 6 channels",
    ),
    "unknown argument": (lambda: L.Dense(2)(FLAT, mask=MASK), TypeError, "unknown arguments .*mask"),
    "training": (lambda: L.Dense(2)(FLAT, training="yes"), TypeError, "`training`"),
    "rows": (lambda: L.Dense(2)([[1.0], [1.0, 2.0]]), ValueError, "unequal length"),
    "one input of two": (lambda: L.Add()(FLAT), (TypeError, ValueError), "at least 2 tensors"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_a_layer_cannot_take(name):
    make, kind, words = WRONG[name]
    with pytest.raises(kind, match=words):
        make()


# -- what is kept --------------------------------------------------------------------------------------------
def test_calls_leave_no_trace():
    layer, x = L.Dense(2), keras.Input((6,))
    layer(FLAT)
    assert not hasattr(layer, "input")
    y = layer(x)
    layer(FLAT)
    assert layer.input is x and layer.output is y and len(layer.nodes) == 1

    def names_and_seed():
        keras.utils.set_random_seed(1)
        if asked:
            layer(TEXTS)
        tensor = keras.Input((6,))
        model = keras.Model(tensor, layer(tensor))
        return [int(re.search(r"\d*$", name)[0] or 0) for name in (tensor.name, model.name)], model.seed

    asked = False
    before, seed = names_and_seed()
    asked = True
    after, same = names_and_seed()
    assert after == [number + 1 for number in before] and same == seed


def test_weights_are_seen_as_they_are():
    layer = L.Dense(2)
    layer(FLAT)
    layer.set_weights([np.ones((6, 2)), np.ones(2)])
    np.testing.assert_allclose(layer(FLAT), FLAT.sum(1, keepdims=True).repeat(2, 1) + 1, rtol=1e-4, atol=1e-5)
    model = keras.Sequential([keras.Input((6,)), layer])
    model.compile("sgd", "mse")
    model.fit(FLAT, H, epochs=2, verbose=0)
    np.testing.assert_array_equal(layer(FLAT), model(FLAT))


def test_rows_added_to_a_table():
    layer = L.Embedding(4, 2, trainable=False)
    layer([[1, 2]])
    layer.append_rows([[5.0, 6.0]])
    assert layer([[4]]).tolist() == [[[5.0, 6.0]]]


def test_a_layer_keeps_few_models_and_goes_with_them():
    layer = L.Conv1D(2, 2)
    for length in range(2, 2 + 2 * on_arrays.KEPT):
        assert layer(np.ones((1, length, 3))).shape == (1, length - 1, 2)
    assert len(layer._models_on_arrays.made) == on_arrays.KEPT
    gone = weakref.ref(layer)
    del layer
    gc.collect()
    assert gone() is None


def test_copies_are_of_their_own():
    layer = L.Dense(2)
    before = layer(FLAT)
    other = copy.deepcopy(layer)
    other.set_weights([np.zeros((6, 2)), np.zeros(2)])
    assert (other(FLAT) == 0).all()
    np.testing.assert_array_equal(layer(FLAT), before)
    assert copy.copy(layer)(FLAT).tolist() == before.tolist()


def test_threads_make_weights_once():
    layer, found, start = L.Dense(4), [], threading.Barrier(4)

    def run():
        start.wait()
        found.append(layer(FLAT))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and len(layer.weights) == 2
    assert all((one == found[0]).all() for one in found)


def test_layers_inside_a_layer_in_python():
    class Twice(L.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = L.Dense(6, use_bias=False)

        def call(self, x):
            return self.inner(self.inner(x))

    layer = Twice()
    kernel = layer(FLAT) is not None and layer.inner.kernel.numpy()
    np.testing.assert_allclose(layer(FLAT), FLAT @ kernel @ kernel, rtol=1e-4, atol=1e-5)


# -- build ---------------------------------------------------------------------------------------------------
BUILT = {
    "Dense": (lambda: L.Dense(3), (None, 6), FLAT),
    "Conv1D": (lambda: L.Conv1D(3, 2), (None, None, 6), TEXTS),
    "Embedding": (lambda: L.Embedding(10, 4), (1,), IDS),
    "Embedding without a shape": (lambda: L.Embedding(10, 4), None, IDS),
    "LSTM": (lambda: L.LSTM(2), (None, None, 6), TEXTS),
    "RNN": (lambda: L.RNN([L.LSTMCell(2), L.GRUCell(3)]), (None, None, 6), TEXTS),
    "LSTMCell": (lambda: L.LSTMCell(2), (None, 6), [FLAT, H, C]),
    "Bidirectional": (lambda: L.Bidirectional(L.LSTM(2)), (None, None, 6), TEXTS),
    "TimeDistributed": (lambda: L.TimeDistributed(L.Dense(2)), (None, 5, 6), TEXTS),
    "TimeDistributed LSTM": (lambda: L.TimeDistributed(L.LSTM(2)), (None, 4, 5, 6), DOCUMENTS),
    "TimeDistributed model": (
        lambda: L.TimeDistributed(keras.Sequential([L.Conv1D(2, 2), L.Flatten(), L.Dense(2)])),
        (None, 4, 5, 6),
        DOCUMENTS,
    ),
    "BatchNormalization": (L.BatchNormalization, [None, 6], FLAT),
    "WeightNormalization": (lambda: L.WeightNormalization(L.Dense(3)), (None, 6), FLAT),
    "Dropout": (lambda: L.Dropout(0.5), (None, 6), FLAT),
    "of the user": (Weighted, [(None, 6), (None, 6)], [FLAT, OTHER]),
}


@pytest.mark.parametrize("name", BUILT)
def test_build_makes_weights_once(name):
    make, shape, x = BUILT[name]
    layer = make()
    layer.build(shape)
    assert layer.built
    values = [RNG.normal(size=weight.shape).astype(np.float32) for weight in layer.weights]
    variables = layer.weights
    if values:
        layer.set_weights(values)
    layer(x)
    in_a_model(layer, x)
    layer.build(shape)
    assert [id(one) for one in layer.weights] == [id(one) for one in variables]
    for value, weight in zip(values, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, value)


def test_pretrained_vectors_as_on_the_site_of_keras():
    table = RNG.normal(size=(10, 4)).astype(np.float32)
    layer = L.Embedding(10, 4, trainable=False)
    layer.build((1,))
    layer.set_weights([table])
    ids = keras.Input((None,), dtype="int64")
    model = keras.Model(ids, L.GlobalAveragePooling1D()(layer(ids)))
    np.testing.assert_allclose(model(IDS), table[IDS].mean(1), rtol=1e-5, atol=1e-6)


def test_build_of_a_subclass_that_calls_the_one_above():
    class Scaled(L.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight("scale", (input_shape[-1],), "ones")
            super().build(input_shape)

        def forward(self, x):
            return x * self.scale.numpy()

    class Shifted(Scaled):
        def build(self, input_shape):
            super().build(input_shape)
            self.shift = self.add_weight("shift", (input_shape[-1],), "ones")

        def forward(self, x):
            return super().forward(x) + self.shift.numpy()

    layer = Shifted()
    layer.build([None, 6])
    np.testing.assert_array_equal(layer(FLAT), FLAT + 1)
    assert [weight.name for weight in layer.weights] == ["scale", "shift"]


def test_a_table_is_there_at_once():
    layer = L.Embedding(10, 4)
    assert layer.embeddings.shape == (10, 4) and layer.built and len(layer.weights) == 1
    values = layer.embeddings.numpy()
    np.testing.assert_array_equal(layer([[1, 2]])[0], values[1:3])
    assert not hasattr(layer, "embedding")
    table = np.eye(4, 3, dtype=np.float32)
    assert L.Embedding(4, 3, weights=[table], trainable=False).embeddings.value is table


# -- masks ---------------------------------------------------------------------------------------------------
def test_masks_that_layers_make():
    assert L.Embedding(10, 4).compute_mask(IDS) is None
    np.testing.assert_array_equal(L.Embedding(10, 4, mask_zero=True).compute_mask(IDS), IDS != 0)
    assert L.Embedding(10, 4, mask_zero=True).compute_mask([1, 0]).tolist() == [True, False]
    x = TEXTS.copy()
    x[0, 2:] = x[1, 0] = 7
    expected = (x != 7).any(-1)
    np.testing.assert_array_equal(L.Masking(7.0).compute_mask(x), expected)
    np.testing.assert_array_equal(L.Masking(7.0).compute_mask(x, MASK), expected & MASK)
    np.testing.assert_array_equal(L.ApplyMask().compute_mask([x, MASK]), MASK)
    for make in (lambda: L.Dense(2), lambda: L.LSTM(2), L.Flatten, lambda: L.Conv1D(2, 2)):
        assert make().compute_mask(TEXTS) is None


PASSING = {
    "Dense": lambda: L.Dense(2),
    "Dropout": lambda: L.Dropout(0.5),
    "Activation": lambda: L.Activation("relu"),
    "LayerNormalization": L.LayerNormalization,
    "BatchNormalization": L.BatchNormalization,
    "Identity": L.Identity,
    "LSTM": lambda: L.LSTM(2, return_sequences=True),
    "Bidirectional": lambda: L.Bidirectional(L.LSTM(2, return_sequences=True)),
    "TimeDistributed": lambda: L.TimeDistributed(L.Dense(2)),
    "Conv1D same": lambda: L.Conv1D(2, 3, padding="same"),
    "forward": Halved,
}


@pytest.mark.parametrize("name", PASSING)
def test_masks_that_go_on(name):
    found = PASSING[name]().compute_mask(TEXTS, MASK)
    assert found.dtype == bool
    np.testing.assert_array_equal(found, MASK)


@pytest.mark.parametrize(
    "make",
    [lambda: L.LSTM(2), L.GlobalMaxPooling1D, L.GlobalAveragePooling1D, L.Flatten, lambda: L.Reshape((30,))],
)
def test_masks_that_end(make):
    assert make().compute_mask(TEXTS, MASK) is None


def test_masks_that_change():
    assert L.Conv1D(2, 2).compute_mask(TEXTS, MASK).tolist() == [
        [True, False, False, False],
        [True, True, True, True],
        [False, True, False, False],
    ]
    np.testing.assert_array_equal(L.Add().compute_mask([TEXTS, MORE], [MASK, ~MASK]), np.ones((3, 5), bool))
    joined = L.Concatenate(axis=1).compute_mask([TEXTS, MORE], [MASK, ~MASK])
    np.testing.assert_array_equal(joined, np.concatenate([MASK, ~MASK], axis=1))
    assert L.Add().compute_mask([TEXTS, MORE], [None, None]) is None
    with pytest.raises(ValueError, match="for each of its 2 inputs"):
        L.Add().compute_mask([TEXTS, MORE], [MASK])


def test_the_mask_of_an_embedding_in_a_recurrent_layer():
    embedding, lstm = L.Embedding(10, 4, mask_zero=True), L.LSTM(2)
    tokens = keras.Input((None,), dtype="int32")
    model = keras.Model(tokens, lstm(embedding(tokens)))
    by_hand = lstm(embedding(IDS), mask=embedding.compute_mask(IDS))
    np.testing.assert_allclose(by_hand, model(IDS), rtol=1e-5, atol=1e-7)
    assert (lstm(embedding(IDS)) != by_hand).any()


# -- shapes that data decide ---------------------------------------------------------------------------------
def test_attributes_of_a_model_that_is_not_built():
    model = keras.Sequential([L.Dense(2)])
    for name in ("input_shape", "output_shape", "input", "output"):
        assert not hasattr(model, name)
        with pytest.raises(AttributeError, match=f"not built yet, so {name} is not known"):
            getattr(model, name)
    model(FLAT)
    assert model.input_shape == (None, 6) and model.output_shape == (None, 2)
    assert model.input.shape == (None, 6) and model.output.shape == (None, 2)


def flattened(**options):
    return [L.Embedding(10, 4, **options), L.Flatten(), L.Dense(1)]


@pytest.mark.parametrize("x", [IDS, IDS.tolist(), [IDS], list(IDS)], ids=["array", "lists", "list", "rows"])
def test_the_first_batch_gives_the_length(x):
    model = keras.Sequential(flattened())
    assert model.predict(x, verbose=0).shape == (3, 1)
    assert model.input_shape == (None, 4) and model.layers[2].kernel.shape == (16, 1)
    assert all(len(layer.nodes) == 1 for layer in model.layers)
    with pytest.raises(ValueError, match="expected token ids of shape"):
        model.predict(IDS[:, :3], verbose=0)


def test_the_first_batch_of_a_training_gives_the_length():
    model = keras.Sequential(flattened())
    model.compile("sgd", "mse")
    model.fit(((IDS, np.ones(3)) for _ in range(2)), verbose=0, steps_per_epoch=2)
    assert model.input_shape == (None, 4)
    sequence = keras.Sequential([L.Conv1D(2, 2), L.Flatten(), L.Dense(1)])
    assert sequence(TEXTS).shape == (3, 1) and sequence.input_shape == (None, 5, 6)


def test_other_models_still_take_any_length():
    model = keras.Sequential([L.Embedding(10, 4, input_length=4), L.GlobalMaxPooling1D()])
    assert model.input_shape == (None, None)
    assert model.predict(IDS[:, :2], verbose=0).shape == (3, 4)
    model = keras.Sequential([L.Conv1D(2, 2), L.GlobalMaxPooling1D()])
    assert model(TEXTS).shape == model(TEXTS[:, :3]).shape == (3, 2)


def test_input_length_gives_the_length():
    model = keras.Sequential(flattened(input_length=4))
    assert model.input_shape == (None, 4) and model.count_params() == 57
    model = keras.Sequential()
    for layer in flattened(input_length=4):
        model.add(layer)
    assert model.output_shape == (None, 1)
    twin = keras.Sequential.from_config(model.get_config())
    assert twin.input_shape == (None, 4)
    with pytest.raises(ValueError, match="`input_length`"):
        L.Embedding(10, 4, input_length=0)


def test_the_encoder_of_texts_gives_the_length():
    model = keras.Sequential(flattened())
    model.text_encoder = keras.text.TextEncoder(output_sequence_length=3)
    model.text_encoder.adapt(["a b c d"])
    assert model.predict(["a", "b c d a"], verbose=0).shape == (2, 1) and model.input_shape == (None, 3)


def test_texts_of_several_lengths_have_none():
    with pytest.raises(ValueError, match="must know the length of the texts"):
        keras.Sequential(flattened()).predict([[1, 2], [3]], verbose=0)
