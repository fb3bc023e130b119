"""trainable_rows and padding_idx: only some rows of a table learn, the others keep their bits."""

import numpy as np
import pytest

import embedcnn
from embedcnn import constraints, layers, optimizers, regularizers

ROWS, WIDTH, LEARN = 30, 6, [0, 3, 4, 11, 12, 13, 29]
REST = np.setdiff1d(np.arange(ROWS), LEARN)
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, ROWS, (40, 7)), RNG.integers(0, 2, 40).astype(np.float32)


def table(seed=1):
    return np.random.default_rng(seed).normal(size=(ROWS, WIDTH)).astype(np.float32)


def model_of(optimizer, above=None, rows=LEARN, **options):
    embedcnn.utils.set_random_seed(3)
    layer = layers.Embedding(ROWS, WIDTH, weights=[table()], trainable_rows=rows, **options)
    model = embedcnn.Sequential(
        [layer, *(above or [layers.GlobalAveragePooling1D()]), layers.Dense(1)], seed=1
    )
    model.compile(optimizer, "mse")
    return model, layer


def fitted(optimizer, above=None, rows=LEARN, epochs=2, **options):
    model, layer = model_of(optimizer, above, rows, **options)
    model.fit(X, Y, epochs=epochs, batch_size=8, verbose=0)
    return layer.embeddings.numpy()


OPTIMIZERS = {
    "sgd": lambda **more: optimizers.SGD(0.1, **more),
    "momentum": lambda **more: optimizers.SGD(0.1, momentum=0.9, nesterov=True, **more),
    "adam": lambda **more: optimizers.Adam(0.01, **more),
    "amsgrad": lambda **more: optimizers.Adam(0.01, amsgrad=True, **more),
    "rmsprop": lambda **more: optimizers.RMSprop(0.01, momentum=0.5, centered=True, **more),
    "adagrad": lambda **more: optimizers.Adagrad(0.1, **more),
    "adadelta": lambda **more: optimizers.Adadelta(1.0, **more),
    "adamax": lambda **more: optimizers.Adamax(0.01, **more),
    "nadam": lambda **more: optimizers.Nadam(0.01, **more),
}
SETTINGS = {
    "plain": {},
    "decay": {"weight_decay": 0.1},
    "global norm": {"global_clipnorm": 0.1},
    "norm": {"clipnorm": 0.1},
    "average": {"use_ema": True, "ema_momentum": 0.5, "ema_overwrite_frequency": 3},
    "average at the end": {"use_ema": True, "ema_momentum": 0.9},
    "several steps": {"gradient_accumulation_steps": 2},
    "all of it": {"weight_decay": 0.1, "clipnorm": 0.1, "gradient_accumulation_steps": 2, "use_ema": True},
}


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_resting_rows_keep_their_bits(optimizer, settings, update):
    made = OPTIMIZERS[optimizer](embedding_update=update, **SETTINGS[settings])
    after = fitted(made)
    np.testing.assert_array_equal(after[REST], table()[REST])
    assert (after[LEARN] != table()[LEARN]).any(axis=1).all()


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize(
    "rules",
    [
        {"embeddings_regularizer": regularizers.L1L2(0.01, 0.1)},
        {"embeddings_constraint": constraints.MaxNorm(0.5, axis=1)},
        {"embeddings_constraint": "non_neg"},
        {"max_norm": 0.5},
        {"max_norm": 0.5, "norm_type": 1.0, "scale_grad_by_freq": True},
        {"embeddings_regularizer": "l2", "embeddings_constraint": "non_neg", "max_norm": 0.5},
    ],
)
def test_rules_hold_for_learning_rows_only(rules, update):
    after = fitted(optimizers.Adam(0.01, embedding_update=update), **rules)
    np.testing.assert_array_equal(after[REST], table()[REST])
    assert (after[LEARN] != table()[LEARN]).any(axis=1).all()


ABOVE = {
    "flatten": [layers.Flatten],
    "sum": [layers.GlobalSumPooling1D],
    "max": [layers.GlobalMaxPooling1D],
    "text cnn": [lambda: layers.Conv1D(5, 3, activation="relu"), layers.GlobalMaxPooling1D],
    "convolution": [lambda: layers.Conv1D(5, 2, padding="same"), layers.GlobalAveragePooling1D],
    "lstm": [lambda: layers.LSTM(4)],
    "gru": [lambda: layers.GRU(4)],
    "rnn": [lambda: layers.SimpleRNN(4)],
}


def gradient_of(above, rows, **options):
    """The gradient of the table in one step, dense, and the rows that it names."""
    embedcnn.utils.set_random_seed(3)  # layers draw the seed of their weights where they are made
    made = [layer() for layer in ABOVE[above]]
    model, layer = model_of("sgd", made, rows, **options)
    model.build((None, X.shape[1]))
    named, values = model.compute_gradients(X, Y)[1][layer.embeddings.path]
    found = np.zeros((ROWS, WIDTH), np.float32)
    found[named] = values
    return found, named


@pytest.mark.parametrize("above", ABOVE)
def test_the_gradient_of_learning_rows_is_that_of_a_table_that_learns(above):
    whole, _ = gradient_of(above, None)
    part, named = gradient_of(above, LEARN)
    assert set(named) <= set(LEARN)
    np.testing.assert_allclose(part[LEARN], whole[LEARN], rtol=0, atol=1e-6)
    nothing, named = gradient_of(above, [])
    assert not nothing.any() and not len(named)


@pytest.mark.parametrize("above", ABOVE)
def test_all_rows_by_a_mask_are_all_rows(above):
    whole, masked = (gradient_of(above, rows)[0] for rows in (None, np.ones(ROWS, bool)))
    np.testing.assert_array_equal(whole, masked)


@pytest.mark.parametrize("rows", [LEARN, np.isin(np.arange(ROWS), LEARN), LEARN[::-1]])
def test_rows_are_given_as_ids_or_as_a_mask(rows):
    layer = layers.Embedding(ROWS, WIDTH, trainable_rows=rows)
    assert np.flatnonzero(layer.trainable_rows).tolist() == LEARN


def test_changed_between_steps():
    model, layer = model_of(optimizers.Adam(0.01))
    seen = [layer.embeddings.numpy()]
    for rows in (LEARN, None, REST, [5], []):
        layer.trainable_rows = rows
        model.fit(X, Y, batch_size=8, verbose=0)
        seen.append(layer.embeddings.numpy())
        moved = np.flatnonzero((seen[-1] != seen[-2]).any(axis=1))
        assert moved.tolist() == (list(range(ROWS)) if rows is None else sorted(rows))


def test_steps_of_several_batches_leave_rows_that_have_come_to_rest():
    model, layer = model_of(optimizers.SGD(0.1, gradient_accumulation_steps=3))
    model.train_on_batch(X, Y)
    layer.trainable_rows = [5]
    before = layer.embeddings.numpy()
    for _ in range(2):
        model.train_on_batch(X, Y)
    assert np.flatnonzero((layer.embeddings.numpy() != before).any(axis=1)).tolist() == [5]


def test_rows_come_back_from_files_and_configurations(tmp_path):
    model, layer = model_of("sgd")
    model.fit(X, Y, verbose=0)
    again = layers.Embedding.from_config(layer.get_config())
    assert np.flatnonzero(again.trainable_rows).tolist() == LEARN
    model.save(tmp_path / "model.embedcnn")
    loaded = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    assert np.flatnonzero(loaded.layers[0].trainable_rows).tolist() == LEARN
    before = loaded.layers[0].embeddings.numpy()
    loaded.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(loaded.layers[0].embeddings.numpy()[REST], before[REST])


def test_a_summary_says_how_many_rows_learn(capsys):
    model, layer = model_of("sgd")
    model.build((None, 7))
    model.summary()
    shown = capsys.readouterr().out
    assert "7 of 30 rows" in shown
    assert f"Trainable params: {7 * WIDTH + WIDTH + 1}" in shown
    layer.trainable = False
    model.summary()
    assert "rows" not in capsys.readouterr().out


def test_resting_rows_take_no_memory_of_the_optimizer():
    layer = layers.Embedding(200_000, 64, trainable_rows=[1, 2, 3])
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("adam", "mse")
    model.train_on_batch(np.array([[1, 2, 3, 4]]), np.ones(1))
    state = model.optimizer.states[layer.embeddings]
    assert all(np.flatnonzero(slot.any(axis=1)).tolist() == [1, 2, 3] for slot in state.slots)


@pytest.mark.parametrize("update", ["lazy", "dense"])
@pytest.mark.parametrize("padding", [0, 7, -1])
def test_a_padding_row_has_no_gradient_but_counts(padding, update):
    layer = layers.Embedding(ROWS, WIDTH, padding_idx=padding)
    assert not layer.embeddings.numpy()[padding].any()
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01, embedding_update=update), "mse")
    model.fit(X, Y, verbose=0)
    assert not layer.embeddings.numpy()[padding].any()
    made = np.delete(np.arange(ROWS), padding)
    assert layer.embeddings.numpy()[made].any(axis=1).all()
    x = np.full((1, 4), padding % ROWS)
    x[0, 0] = 3
    pooled = layers.GlobalAveragePooling1D()(layer(x))
    np.testing.assert_allclose(pooled[0], layer.embeddings.numpy()[3] / 4, rtol=1e-5)


def test_a_matrix_that_is_given_keeps_its_padding_row():
    layer = layers.Embedding.from_pretrained(table(), freeze=False, padding_idx=5)
    np.testing.assert_array_equal(layer.embeddings.numpy(), table())
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    changed = (layer.embeddings.numpy() != table()).any(axis=1)
    assert np.flatnonzero(~changed).tolist() == [5]


def test_rows_that_are_added_learn_once_the_layer_does():
    model, layer = model_of("sgd")
    layer.trainable = False
    layer.append_rows(np.ones((2, WIDTH)))
    assert np.flatnonzero(layer.trainable_rows).tolist() == [*LEARN, ROWS, ROWS + 1]


@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_and_update_apart_are_one_step(threads):
    embedcnn.set_num_threads(threads)
    try:
        whole, parts = (
            model_of(optimizers.Adam(0.01, clipnorm=0.1)),
            model_of(optimizers.Adam(0.01, clipnorm=0.1)),
        )
        for _ in range(3):
            whole[0].train_on_batch(X, Y)
            parts[0].apply_gradients(parts[0].compute_gradients(X, Y)[1])
        np.testing.assert_array_equal(whole[1].embeddings.numpy(), parts[1].embeddings.numpy())
    finally:
        embedcnn.set_num_threads(0)
