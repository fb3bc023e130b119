"""Laws of layers behind a masked Embedding: padding never changes a result, permuted texts give permuted
results, and one text alone is what it is among others, bit for bit."""

import numpy as np
import pytest
from draws import examples
from hypothesis import given, settings
from hypothesis import strategies as st

import embedcnn
from embedcnn import layers

EXAMPLES = settings(max_examples=examples(40))
texts = st.lists(st.lists(st.integers(1, 19), max_size=8), min_size=1, max_size=5)


class Halve(layers.Layer):
    """A layer written in Python."""

    def forward(self, x):
        return x / 2, lambda d_y: d_y / 2


MIDDLES = {
    "depthwise": lambda: layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2),
    "depthwise causal": lambda: layers.DepthwiseConv1D(2, padding="causal"),
    "separable": lambda: layers.SeparableConv1D(5, 3, padding="same", activation="mish"),
    "separable valid": lambda: layers.SeparableConv1D(5, 3),
    "grouped": lambda: layers.Conv1D(6, 2, groups=2, padding="same"),
    "batch": lambda: layers.BatchNormalization(),
    "unit": lambda: layers.UnitNormalization(),
    "weight": lambda: layers.WeightNormalization(layers.Conv1D(3, 3, padding="causal")),
    "prelu": lambda: layers.PReLU(shared_axes=[1], alpha_initializer="ones"),
    "log_softmax": lambda: layers.Activation("log_softmax"),
    "python": Halve,
}
HEADS = {"max": layers.GlobalMaxPooling1D, "average": layers.GlobalAveragePooling1D}


def padded(batch, before=0, behind=0):
    width = max(1, before + max(map(len, batch)) + behind)
    ids = np.zeros((len(batch), width), np.int64)
    for row, text in zip(ids, batch, strict=True):
        row[before : before + len(text)] = text
    return ids


@pytest.fixture(scope="module")
def models():
    """A model for each middle, with weights that are no zeros."""
    found = {}
    for name, middle in MIDDLES.items():
        tokens = embedcnn.Input((None,), dtype="int32")
        x = middle()(layers.Embedding(20, 4, mask_zero=True)(tokens))
        model = embedcnn.Model(tokens, layers.concatenate([head()(x) for head in HEADS.values()]))
        random = np.random.default_rng(len(name))
        model.set_weights([random.uniform(0.1, 1, weight.shape) for weight in model.weights])
        found[name] = model
    return found


def outputs(model, ids):
    return model.predict_on_batch(ids)


@pytest.mark.parametrize("name", MIDDLES)
@EXAMPLES
@given(texts, st.integers(0, 5), st.integers(0, 5))
def test_padding_never_changes_a_masked_result(models, name, batch, before, behind):
    expected = outputs(models[name], padded(batch))
    np.testing.assert_array_equal(outputs(models[name], padded(batch, before, behind)), expected)


@pytest.mark.parametrize("name", MIDDLES)
@EXAMPLES
@given(texts, st.randoms(use_true_random=False))
def test_permuted_texts_give_permuted_results(models, name, batch, random):
    order = list(range(len(batch)))
    random.shuffle(order)
    expected = outputs(models[name], padded(batch))[order]
    shuffled = np.array(padded(batch))[order]
    np.testing.assert_array_equal(outputs(models[name], shuffled), expected)


@pytest.mark.parametrize("name", MIDDLES)
@EXAMPLES
@given(texts)
def test_one_at_a_time_is_all_at_once(models, name, batch):
    together = outputs(models[name], padded(batch))
    for number, text in enumerate(batch):
        np.testing.assert_array_equal(outputs(models[name], padded([text]))[0], together[number])


@EXAMPLES
@given(texts, st.integers(0, 5), st.integers(0, 5))
def test_padding_never_changes_what_is_masked_by_its_values(batch, before, behind):
    table = np.random.default_rng(0).uniform(0.1, 1, (20, 3)).astype(np.float32)
    table[0] = 0
    numbers = embedcnn.Input((None, 3))
    x = layers.DepthwiseConv1D(2, padding="same", depthwise_initializer="ones")(layers.Masking()(numbers))
    model = embedcnn.Model(numbers, layers.GlobalMaxPooling1D()(x))
    expected = outputs(model, table[padded(batch)])
    np.testing.assert_array_equal(outputs(model, table[padded(batch, before, behind)]), expected)


@pytest.mark.parametrize("name", MIDDLES)
def test_any_number_of_threads_trains_to_the_same_bits(name):
    ids = np.random.default_rng(1).integers(0, 20, (40, 12))
    labels = np.arange(40) % 2
    found = set()
    try:
        for threads in (1, 2, 3):
            embedcnn.set_num_threads(threads)
            embedcnn.utils.set_random_seed(5)
            tokens = embedcnn.Input((12,), dtype="int32")
            x = MIDDLES[name]()(layers.Embedding(20, 4, mask_zero=True)(tokens))
            x = layers.Dense(2, activation="softmax")(layers.GlobalMaxPooling1D()(x))
            model = embedcnn.Model(tokens, x, seed=2)
            model.compile("adam", "sparse_categorical_crossentropy")
            model.fit(ids, labels, epochs=2, verbose=0)
            found.add(b"".join(weight.tobytes() for weight in model.get_weights()))
    finally:
        embedcnn.set_num_threads(0)
    assert len(found) == 1
