"""TiedDense: scores over the table of an Embedding, one gradient of both, against the two layers apart."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, optimizers

ROWS, WIDTH = 40, 7
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, ROWS, (24, 6)), RNG.integers(0, ROWS, 24)
TABLE = (RNG.normal(size=(ROWS, WIDTH)) / 2).astype(np.float32)
BIAS = RNG.normal(size=ROWS).astype(np.float32)


def model_of(optimizer="sgd", tied=True, activation="softmax", trainable=True, **options):
    embedcnn.utils.set_random_seed(1)
    ids, named = embedcnn.Input((6,)), {"name": "words", "trainable": trainable}
    table = layers.Embedding(ROWS, WIDTH, weights=[TABLE.copy()], **named, **options)
    x = layers.GlobalAveragePooling1D()(table(ids))
    if tied:
        scores = layers.TiedDense(table, activation=activation, name="scores")
    else:
        scores = layers.Dense(ROWS, activation=activation, name="scores")
    model = embedcnn.Model(ids, scores(x), seed=2)
    scores.set_weights([BIAS] if tied else [TABLE.T, BIAS])
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model, table


def whole(gradient):
    """A gradient as an array of all rows."""
    if not isinstance(gradient, tuple):
        return gradient
    found = np.zeros((ROWS, WIDTH), np.float32)
    found[gradient[0]] = gradient[1]
    return found


def test_scores_are_those_of_a_dense_over_the_table():
    np.testing.assert_allclose(
        model_of()[0].predict(X, verbose=0), model_of(tied=False)[0].predict(X, verbose=0), rtol=0, atol=1e-6
    )


@pytest.mark.parametrize(
    "options", [{}, {"mask_zero": True}, {"scale_grad_by_freq": True}, {"padding_idx": 3}]
)
def test_the_gradient_is_the_sum_of_both(options):
    _, tied = model_of(**options)[0].compute_gradients(X, Y)
    _, apart = model_of(tied=False, **options)[0].compute_gradients(X, Y)
    expected = whole(apart["words/embeddings"]) + apart["scores/kernel"].T
    if "padding_idx" in options:
        expected[3] = 0
    np.testing.assert_allclose(tied["words/embeddings"], expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(tied["scores/bias"], apart["scores/bias"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "RMSprop", "Adagrad", "Nadam"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"clipnorm": 0.01}, {"gradient_accumulation_steps": 2}, {"use_ema": True}, {"weight_decay": 0.1}],
)
def test_all_rows_are_updated_lazily_or_not(optimizer, settings):
    tables = []
    for update in ("lazy", "dense"):
        model, table = model_of(getattr(optimizers, optimizer)(0.01, embedding_update=update, **settings))
        model.fit(X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        tables.append(table.embeddings.numpy())
    np.testing.assert_array_equal(*tables)
    assert (tables[0] != TABLE).any(axis=1).all()


def test_gradients_and_update_apart_are_one_step():
    (model, table), (parts, other) = (model_of(optimizers.Adam(0.01, global_clipnorm=0.1)) for _ in range(2))
    for _ in range(3):
        model.train_on_batch(X, Y)
        parts.apply_gradients(parts.compute_gradients(X, Y)[1])
    np.testing.assert_array_equal(table.embeddings.numpy(), other.embeddings.numpy())


def test_the_bits_do_not_depend_on_threads():
    tables = []
    for threads in (1, 2, 3):
        embedcnn.set_num_threads(threads)
        model, table = model_of("adam")
        model.fit(X, Y, batch_size=8, verbose=0)
        tables.append(table.embeddings.numpy())
    embedcnn.set_num_threads(0)
    np.testing.assert_array_equal(tables[0], tables[1])
    np.testing.assert_array_equal(tables[0], tables[2])


def test_rows_that_rest_and_frozen_tables():
    model, table = model_of(optimizers.Adam(0.01, clipnorm=0.1), trainable_rows=[1, 2])
    model.fit(X, Y, verbose=0)
    assert np.flatnonzero((table.embeddings.numpy() != TABLE).any(axis=1)).tolist() == [1, 2]
    model, table = model_of("adam", trainable=False)
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(table.embeddings.numpy(), TABLE)
    assert (model.layers[-1].get_weights()[0] != BIAS).all()


def test_a_model_comes_back_from_its_file(tmp_path):
    model, _ = model_of("adam")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "tied.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "tied.embedcnn")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.layers[-1].embedding is again.layers[1]
    for one in (model, again):
        one.fit(X, Y, verbose=0, shuffle=False)
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_language_model_learns_and_its_weights_count_once():
    ids, table = embedcnn.Input((None,)), layers.Embedding(ROWS, 16)
    x = layers.LSTM(16, return_sequences=True)(table(ids))
    model = embedcnn.Model(ids, layers.TiedDense(table, activation="softmax", use_bias=False)(x), seed=0)
    model.compile(optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    texts = (np.arange(12)[None, :] + np.arange(20)[:, None]) % ROWS
    history = model.fit(texts[:, :-1], texts[:, 1:], epochs=60, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert model.count_params() == ROWS * 16 + sum(one.size for one in model.layers[2].weights)


def test_a_table_beside_other_readers_of_it():
    """Two lookups of one layer, and scores: all add up."""
    a, b = embedcnn.Input((6,)), embedcnn.Input((6,))
    table = layers.Embedding(ROWS, WIDTH, weights=[TABLE.copy()], name="words")
    pooled = [layers.GlobalAveragePooling1D()(table(a)), layers.GlobalMaxPooling1D()(table(b))]
    scores = layers.TiedDense(table, name="scores")
    model = embedcnn.Model([a, b], scores(layers.add(pooled)))
    model.compile("sgd", embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True))
    _, found = model.compute_gradients([X, X[::-1]], Y)
    numeric = np.zeros((3, WIDTH))
    for row in range(3):
        for column in range(WIDTH):
            sides = []
            for sign in (1, -1):
                moved = TABLE.copy()
                moved[row, column] += sign * 0.01
                table.set_weights([moved])
                sides.append(model.evaluate([X, X[::-1]], Y, verbose=0))
            numeric[row, column] = (sides[0] - sides[1]) / 0.02
    np.testing.assert_allclose(found["words/embeddings"][:3], numeric, rtol=0, atol=2e-4)


CASES = {
    "layer": (lambda: layers.TiedDense(layers.Dense(3)), "Received: embedding=Dense"),
    "table": (lambda: layers.TiedDense(TABLE), "Received: embedding=ndarray"),
    "none": (lambda: layers.TiedDense(None), "must be the Embedding whose table is shared"),
    "name alone": (
        lambda: layers.TiedDense("words")(embedcnn.Input((WIDTH,))),
        "the layer 'words', which must stand",
    ),
    "width": (
        lambda: layers.TiedDense(layers.Embedding(ROWS, WIDTH))(embedcnn.Input((WIDTH + 1,))),
        "a table of 7 columns, so its input must have 7 channels. Received: shape=(None, 8)",
    ),
    "open width": (
        lambda: layers.TiedDense(layers.Embedding(ROWS, WIDTH))(embedcnn.Input((None,))),
        "must know the last axis",
    ),
    "activation": (
        lambda: layers.TiedDense(layers.Embedding(4, 2), activation="softmaks"),
        "did you mean 'softmax'",
    ),
    "bias": (lambda: layers.TiedDense(layers.Embedding(4, 2), use_bias="no"), "use_bias='no'"),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)
