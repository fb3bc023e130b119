"""Shapes, weights and results of the layers, each as a model of its own against NumPy (float64)."""

import numpy as np
import pytest

import embedcnn
from embedcnn import activations, layers, utils

RANDOM = np.random.default_rng(0)


def run(layer, x):
    """The layer's output for float input."""
    numbers = embedcnn.Input(x.shape[1:])
    return embedcnn.Model(numbers, layer(numbers)).predict(x)


def convolution(x, kernel, bias, padding, strides=1, dilation=1):
    span = (kernel.shape[0] - 1) * dilation + 1
    time = x.shape[1]
    if padding == "same":
        total = max(0, (-(-time // strides) - 1) * strides + span - time)
        x = np.pad(x, ((0, 0), (total // 2, total - total // 2), (0, 0)))
    elif padding == "causal":
        x = np.pad(x, ((0, 0), (span - 1, 0), (0, 0)))
    starts = range(0, x.shape[1] - span + 1, strides)
    rows = [
        np.tensordot(x[:, start : start + span : dilation], kernel, axes=([1, 2], [0, 1])) for start in starts
    ]
    return np.stack(rows, axis=1) + bias


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(("strides", "dilation"), [(1, 1), (2, 1), (1, 3)])
def test_conv1d(padding, strides, dilation):
    x = RANDOM.normal(size=(3, 11, 4))
    layer = layers.Conv1D(5, 3, strides=strides, dilation_rate=dilation, padding=padding, activation="tanh")
    out = run(layer, x)
    kernel, bias = RANDOM.normal(size=(3, 4, 5)), RANDOM.normal(size=5)
    layer.set_weights([kernel, bias])
    out = embedcnn.Model(layer.input, layer.output).predict(x)
    expected = np.tanh(convolution(x, kernel, bias, padding, strides, dilation))
    assert out.shape == (3, *layer.output.shape[1:]) == expected.shape
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in activations.FUNCTIONS if name != "linear"])
def test_activations(name):
    x = RANDOM.normal(size=(4, 6)) * 3
    expected = activations.get(name)(x)
    for layer in (layers.Activation(name), layers.Activation(activations.get(name))):
        np.testing.assert_allclose(run(layer, x), expected, rtol=1e-4, atol=1e-6)
    same = {"use_bias": False, "kernel_initializer": embedcnn.initializers.Constant(np.eye(6))}
    np.testing.assert_allclose(run(layers.Dense(6, name, **same), x), expected, rtol=1e-4, atol=1e-6)
    same["kernel_initializer"] = embedcnn.initializers.Constant(np.eye(6)[None])
    conv = layers.Conv1D(6, 1, activation=name, **same)
    np.testing.assert_allclose(run(conv, x[None])[0], expected, rtol=1e-4, atol=1e-6)


def test_relu_softmax_and_dense_on_sequences():
    x = RANDOM.normal(size=(2, 3, 4)) * 5
    np.testing.assert_allclose(run(layers.ReLU(max_value=6), x), np.clip(x, 0, 6), rtol=1e-6)
    np.testing.assert_allclose(run(layers.Softmax(), x), activations.softmax(x), rtol=1e-5)
    dense = layers.Dense(2)
    out = run(dense, x)
    np.testing.assert_allclose(out, x @ dense.kernel.numpy() + dense.bias.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "strides"), [(2, None), (3, 1), (3, 2)])
def test_pooling_over_windows(padding, size, strides):
    x = RANDOM.normal(size=(2, 7, 3))
    step = strides or size
    total = max(0, (-(-7 // step) - 1) * step + size - 7) if padding == "same" else 0
    padded = np.pad(x, ((0, 0), (total // 2, total - total // 2), (0, 0)), constant_values=np.nan)
    windows = [padded[:, start : start + size] for start in range(0, padded.shape[1] - size + 1, step)]
    layer = layers.MaxPooling1D(size, strides, padding)
    out = run(layer, x)
    assert out.shape == (2, *layer.output.shape[1:])
    np.testing.assert_allclose(out, np.stack([np.nanmax(w, axis=1) for w in windows], 1), rtol=1e-6)
    out = run(layers.AveragePooling1D(size, strides, padding), x)
    np.testing.assert_allclose(out, np.stack([np.nanmean(w, axis=1) for w in windows], 1), 1e-5, 1e-6)


def test_global_pooling_and_concatenate():
    x = RANDOM.normal(size=(2, 7, 3))
    numbers = embedcnn.Input((7, 3))
    pools = [layers.GlobalMaxPool1D()(numbers), layers.GlobalAvgPool1D()(numbers)]
    out = embedcnn.Model(numbers, layers.concatenate(pools)).predict(x)
    np.testing.assert_allclose(out, np.concatenate([x.max(axis=1), x.mean(axis=1)], 1), rtol=1e-5)
    sequences = embedcnn.Model(numbers, layers.Concatenate()([numbers, layers.ReLU()(numbers)])).predict(x)
    np.testing.assert_allclose(sequences, np.concatenate([x, np.maximum(x, 0)], 2), rtol=1e-6)


def test_global_pooling_keeps_the_axis():
    x = RANDOM.normal(size=(2, 7, 3))
    for kind, function in ((layers.GlobalMaxPooling1D, np.max), (layers.GlobalAveragePooling1D, np.mean)):
        layer = kind(keepdims=True)
        out = run(layer, x)
        np.testing.assert_allclose(out, function(x, axis=1, keepdims=True), rtol=1e-4, atol=1e-6)
        assert layer.output.shape == (None, 1, 3) and kind.from_config(layer.get_config()).keepdims


def test_embedding_masks_padding():
    tokens = embedcnn.Input((None,), dtype="int32")
    layer = layers.Embedding(6, 3, mask_zero=True)
    model = embedcnn.Model(tokens, layers.GlobalAveragePooling1D()(layer(tokens)))
    table = layer.embeddings.numpy()
    out = model.predict([[2, 3, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_allclose(out, [(table[2] + table[3]) / 2, np.zeros(3)], rtol=1e-6)
    assert layers.Embedding.from_pretrained(table, padding_idx=0).mask_zero
    assert layers.Embedding(6, 3, input_length=10).input_dim == 6


@pytest.mark.parametrize("frozen", [True, False])
def test_row_zero_of_a_mask_gets_no_gradient(frozen):
    tokens = embedcnn.Input((None,), dtype="int32")
    layer = layers.Embedding(6, 3, mask_zero=True, trainable=not frozen)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2)(layer(tokens)))
    model = embedcnn.Model(tokens, layers.Dense(2, activation="softmax")(x))
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = layer.embeddings.numpy()
    model.fit(np.array([[1, 2, 0, 0], [3, 0, 0, 0], [0, 4, 5, 1]]), [0, 1, 0], epochs=3, verbose=0)
    assert (layer.embeddings.value[0] == before[0]).all()
    assert (layer.embeddings.value == before).all() == frozen


def test_dropout_keeps_the_mean():
    utils.set_random_seed(0)
    numbers = embedcnn.Input((500,))
    model = embedcnn.Model(numbers, layers.Dropout(0.3)(numbers))
    dropped = model(np.ones((40, 500), np.float32), training=True)
    assert (dropped == 0).mean() == pytest.approx(0.3, abs=0.02)
    assert dropped.mean() == pytest.approx(1.0, abs=0.03)


def test_variables():
    layer = layers.Dense(2, name="d")
    assert layer.weights == []
    layer(embedcnn.Input((3,)))
    kernel, bias = layer.weights
    assert (kernel.path, kernel.shape, kernel.dtype, kernel.trainable) == (
        "d/kernel",
        (3, 2),
        "float32",
        True,
    )
    assert np.asarray(bias).tolist() == [0, 0]
    bias.assign([1, 2])
    assert layer.bias.numpy().tolist() == [1, 2]
    with pytest.raises(ValueError, match=r"The shape of d/bias is \(2,\). Received a value of shape \(3,\)"):
        bias.assign([1, 2, 3])
    with pytest.raises(TypeError, match="d/bias: numbers were expected"):
        bias.assign(["a", "b"])
    with pytest.raises(ValueError, match="2 weights"):
        layer.set_weights([np.ones((3, 2))])
    assert "path=d/kernel" in repr(kernel)
    assert layer.count_params() == 8


def test_every_layer_comes_back_from_its_configuration():
    made = [
        layers.Activation("tanh"),
        layers.AveragePooling1D(3, 2, "same"),
        layers.Concatenate(),
        layers.Conv1D(3, 2, strides=2, padding="causal", activation="relu", use_bias=False),
        layers.Dense(3, activation="softmax", trainable=False),
        layers.Dropout(0.25),
        layers.Embedding(4, 3, mask_zero=True, embeddings_initializer="normal"),
        layers.GlobalAveragePooling1D(),
        layers.GlobalMaxPooling1D(),
        layers.HashedNgrams(10, 20, 3),
        layers.InputLayer((3,), dtype="int32"),
        layers.MaxPooling1D(),
        layers.ReLU(6),
        layers.Softmax(),
    ]
    assert {type(layer).__name__ for layer in made} <= set(layers.CLASSES)
    for layer in made:
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        assert again.name == layer.name


def test_hashed_ngrams_tell_orders_apart_and_come_back_from_a_file(tmp_path):
    """A mean of words and pairs learns what the mean of the words cannot: which of two words comes first."""
    utils.set_random_seed(2)
    rng = np.random.default_rng(5)
    x = np.stack([rng.permutation([1, 2, *rng.integers(3, 9, 2)]) for _ in range(200)])
    x[:, 2:] = np.where(x[:, 2:] < 3, 9, x[:, 2:])
    x[:, :2] = np.where(rng.random((200, 1)) < 0.5, [[1, 2]], [[2, 1]])
    y = (x[:, 0] == 1).astype(int)
    accuracies = []
    for n in (1, 2):
        tokens = embedcnn.Input((None,), dtype="int32")
        ngrams = layers.HashedNgrams(10, 64, n)
        x_mean = layers.GlobalAveragePooling1D()(layers.Embedding(ngrams.size, 8)(ngrams(tokens)))
        model = embedcnn.Model(tokens, layers.Dense(2, activation="softmax")(x_mean))
        model.compile(embedcnn.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
        accuracies.append(model.fit(x, y, epochs=30, verbose=0).history["accuracy"][-1])
    assert accuracies[0] < 0.8 and accuracies[1] > 0.95
    model.save(tmp_path / "m")
    again = embedcnn.models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    with pytest.raises(ValueError, match=r"x\[0, 1\] = 10 is outside \[0, 10\)"):
        model.predict([[1, 10]], verbose=0)


def test_hashed_ngrams_stand_between_an_input_and_a_table_with_rows_for_them():
    tokens = embedcnn.Input((7,), dtype="int32")
    ngrams = layers.HashedNgrams(10, 20, 3)
    assert ngrams(tokens).shape == (None, 7 + 6 + 5)
    with pytest.raises(ValueError, match="`input_dim` of 'words' must be at least 30"):
        layers.Embedding(29, 4, name="words")(ngrams(tokens))
    with pytest.raises(ValueError, match="must be called on an Input of token ids"):
        layers.HashedNgrams(30, 5)(ngrams(tokens))
    with pytest.raises(TypeError, match=r"must be called on an Input, with an Embedding behind it.*: list"):
        layers.HashedNgrams(30, 5)([[1, 2]])
    with pytest.raises(ValueError, match="as ids"):
        embedcnn.Model(tokens, [layers.Dense(2)(tokens), layers.Embedding(30, 4)(ngrams(tokens))])


def test_hashed_ngrams_begin_a_sequential():
    ngrams = layers.HashedNgrams(10, 20)
    model = embedcnn.Sequential([ngrams, layers.Embedding(30, 4), layers.GlobalAveragePooling1D()])
    assert model.predict(embedcnn.Ragged.from_sequences([[1, 2, 3], []]), verbose=0).shape == (2, 4)
