"""Laws of bags and tables: order, splitting, renumbering, threads; all forms of ids give one result."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, ops
from embedcnn.ragged import Ragged

RNG = np.random.default_rng(7)
TABLE = RNG.normal(size=(50, 24)).astype(np.float32)
TEXTS = [RNG.integers(0, 50, length) for length in (5, 0, 1, 12, 3, 0, 40)]
MODES = ["mean", "sum", "sqrtn", "max"]


def bag(mode, **options):
    kind = layers.EmbedReduce if mode == "sqrtn" and options.pop("reduce", False) else layers.EmbeddingBag
    return kind(50, 24, mode=mode, _weight=TABLE, **options)


def ragged(texts):
    return Ragged.from_sequences(texts)


@pytest.mark.parametrize("mode", MODES)
def test_the_order_of_tokens_does_not_matter(mode):
    got = bag(mode)(ragged([RNG.permutation(text) for text in TEXTS]))
    np.testing.assert_allclose(got, bag(mode)(ragged(TEXTS)), rtol=0, atol=2e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_text_does_not_depend_on_those_beside_it(mode):
    whole = bag(mode)(ragged(TEXTS))
    for number, text in enumerate(TEXTS):
        np.testing.assert_array_equal(bag(mode)(ragged([text]))[0], whole[number])


def test_parts_of_a_text_add_up():
    parts = bag("sum")(ragged([TEXTS[3][:5], TEXTS[3][5:]]))
    np.testing.assert_allclose(parts.sum(axis=0), bag("sum")(ragged([TEXTS[3]]))[0], rtol=0, atol=1e-5)
    parts = bag("max")(ragged([TEXTS[3][:5], TEXTS[3][5:]]))
    np.testing.assert_array_equal(parts.max(axis=0), bag("max")(ragged([TEXTS[3]]))[0])


@pytest.mark.parametrize("mode", MODES)
def test_ids_as_texts_as_ragged_and_with_offsets_are_the_same_bits(mode):
    texts = RNG.integers(0, 50, (6, 9))
    layer, last = bag(mode), bag(mode, include_last_offset=True)
    expected = layer(texts)
    np.testing.assert_array_equal(layer(ragged(list(texts))), expected)
    np.testing.assert_array_equal(layer(texts.ravel(), offsets=np.arange(6) * 9), expected)
    np.testing.assert_array_equal(last(texts.ravel(), offsets=np.arange(7) * 9), expected)
    np.testing.assert_array_equal(ops.embedding_bag(texts, TABLE, mode), expected)


@pytest.mark.parametrize("mode", MODES)
def test_padding_is_no_token(mode):
    shifted = np.full((len(TEXTS), 42), 49)
    for row, text in zip(shifted, TEXTS, strict=True):
        row[1 : 1 + len(text)] = text
    texts = [text[text != 49] for text in TEXTS]
    np.testing.assert_array_equal(bag(mode, padding_idx=49)(shifted), bag(mode)(ragged(texts)))


def test_empty_texts_are_zeros():
    for mode in MODES:
        assert not bag(mode)(np.zeros((3, 0), int)).any()
        assert not bag(mode)(ragged([[], []])).any()
        assert not bag(mode, padding_idx=4)(np.full((2, 3), 4)).any()


@pytest.mark.parametrize("combiner", ["mean", "sum", "sqrtn"])
def test_equal_weights_are_none(combiner):
    layer = layers.EmbedReduce(50, 24, weights=[TABLE], combiner=combiner)
    texts = RNG.integers(0, 50, (6, 9))
    np.testing.assert_allclose(layer(texts, weights=np.ones((6, 9))), layer(texts), rtol=0, atol=1e-5)
    if combiner != "sum":
        np.testing.assert_allclose(
            layer(texts, weights=np.full((6, 9), 3.0)), layer(texts), rtol=0, atol=1e-5
        )


def test_weights_count_tokens():
    layer = layers.EmbedReduce(50, 24, weights=[TABLE])
    twice = layer(np.array([[3, 4, 4]]))
    np.testing.assert_allclose(layer(np.array([[3, 4]]), weights=[[1.0, 2.0]]), twice, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        layer(np.array([[3, 4, 9]]), weights=[[1.0, 2.0, 0.0]]), twice, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("combiner", ["mean", "sum", "sqrtn"])
def test_ids_of_one_axis_are_texts_of_one_token(combiner):
    layer = layers.EmbedReduce(50, 24, weights=[TABLE], combiner=combiner)
    np.testing.assert_allclose(layer(np.array([4, 9])), TABLE[[4, 9]], rtol=1e-6)
    weight = 3.0 if combiner == "sum" else 1.0
    np.testing.assert_allclose(layer(np.array([4, 9]), weights=[3.0, 3.0]), weight * TABLE[[4, 9]], rtol=1e-6)


def test_weights_of_ragged_texts_stand_one_behind_the_other():
    texts = [text for text in TEXTS if len(text)]
    weights = [RNG.uniform(0.5, 2, len(text)).astype(np.float32) for text in texts]
    layer = layers.EmbedReduce(50, 24, weights=[TABLE], combiner="sqrtn")
    got = layer(ragged(texts), weights=np.concatenate(weights))
    for text, own, out in zip(texts, weights, got, strict=True):
        np.testing.assert_allclose(out, own @ TABLE[text] / np.linalg.norm(own), rtol=0, atol=1e-5)


def trained(layer, x, threads=0, **options):
    embedcnn.utils.set_random_seed(1)
    embedcnn.set_num_threads(threads)
    try:
        model = embedcnn.Sequential([layer, layers.Dense(3, activation="softmax")], seed=2)
        model.compile(embedcnn.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        model.fit(x, np.arange(len(x)) % 3, batch_size=4, epochs=3, shuffle=False, verbose=0, **options)
        return layer.embeddings.numpy()
    finally:
        embedcnn.set_num_threads(0)


@pytest.mark.parametrize("mode", MODES)
def test_the_bits_do_not_depend_on_threads(mode):
    x = np.random.default_rng(9).integers(0, 50, (16, 30))
    made = [trained(bag(mode, trainable_rows=np.arange(40)), x, threads) for threads in (1, 2, 3)]
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


@pytest.mark.parametrize("mode", MODES)
def test_renumbered_ids_train_the_same_rows(mode):
    x, number = np.random.default_rng(9).integers(0, 50, (16, 30)), np.random.default_rng(2).permutation(50)
    moved = np.empty_like(TABLE)
    moved[number] = TABLE
    renumbered = trained(layers.EmbeddingBag(50, 24, mode=mode, _weight=moved), number[x])
    np.testing.assert_array_equal(renumbered[number], trained(bag(mode), x))


def test_a_pooled_embedding_is_the_bag():
    x = np.random.default_rng(9).integers(0, 50, (16, 30))
    pools = {
        "mean": layers.GlobalAveragePooling1D,
        "sum": layers.GlobalSumPooling1D,
        "max": layers.GlobalMaxPooling1D,
    }
    for mode, pool in pools.items():
        model = embedcnn.Sequential([layers.Embedding(50, 24, weights=[TABLE]), pool()])
        np.testing.assert_array_equal(model.predict(x, verbose=0), bag(mode)(x))
        assert [op.name for op in model.lowered(training=True).operations] == ["lookup", "token_bag"]


@pytest.mark.parametrize("mode", ["sum", "max"])
@pytest.mark.parametrize("masked", [False, True])
def test_a_pooled_embedding_trains_as_the_plain_program(mode, masked):
    x = np.random.default_rng(9).integers(0, 50, (16, 30))
    pool = layers.GlobalSumPooling1D if mode == "sum" else layers.GlobalMaxPooling1D
    tables = []
    for plain in (False, True):
        layer = layers.Embedding(50, 24, weights=[TABLE], mask_zero=masked)
        model = embedcnn.Sequential([layer, pool(), layers.Dense(1, kernel_initializer="ones")])
        if plain:
            model._run_plain()
        model.compile("sgd", "mse")
        model.fit(x, np.ones(16), batch_size=5, shuffle=False, verbose=0)
        tables.append(layer.embeddings.numpy())
    if mode == "max":
        np.testing.assert_array_equal(*tables)
    np.testing.assert_allclose(*tables, rtol=0, atol=1e-5)


def test_texts_of_a_document_are_bags():
    documents = np.random.default_rng(9).integers(0, 50, (3, 4, 6))
    x = embedcnn.Input((4, 6))
    model = embedcnn.Model(x, layers.TimeDistributed(bag("mean"))(x))
    got = model.predict(documents, verbose=0)
    np.testing.assert_allclose(got, TABLE[documents].mean(axis=2), rtol=0, atol=1e-6)


def test_a_saved_bag_comes_back(tmp_path):
    for layer in (
        bag("max", padding_idx=3),
        bag("sum", include_last_offset=True, max_norm=2.0, norm_type=1.0),
    ):
        model = embedcnn.Sequential([layer, layers.Dense(1)])
        x = np.random.default_rng(9).integers(0, 50, (5, 6))
        expected = model.predict(x, verbose=0)
        model.save(tmp_path / "bag.embedcnn")
        again = embedcnn.models.load_model(tmp_path / "bag.embedcnn")
        np.testing.assert_array_equal(again.predict(x, verbose=0), expected)
        assert again.layers[0].get_config() == layer.get_config()
