"""Attention, AdditiveAttention and MultiHeadAttention: Keras's results, and what masks and files do."""

from pathlib import Path

import numpy as np
import pytest
from operation_cases import ATTENTIONS, attention_data, weights_for

import embedcnn
from embedcnn import layers

TESTS = Path(__file__).resolve().parents[1]

GOLDEN = np.load(TESTS / "golden" / "keras_operations.npz")


def applied(layer, options, call, query, value, masked=False, open_ones=()):
    """A model of the layer alone, with the weights that Keras had; of open length: query (0), value (1)."""
    shapes = [shape[1:] for shape in (query, value)]
    lengths = [None if number in open_ones else shape[0] for number, shape in enumerate(shapes)]
    inputs = [embedcnn.Input((steps, shape[1])) for steps, shape in zip(lengths, shapes, strict=True)]
    given = [embedcnn.Input(shape[1:2]) for shape in (query, value)] if masked else []
    read = [layers.ApplyMask()(list(pair)) for pair in zip(inputs, given, strict=True)] if masked else inputs
    own = getattr(layers, layer)(**options)
    made = own(*read, **call) if layer == "MultiHeadAttention" else own(read, **call)
    model = embedcnn.Model([*inputs, *given], made)
    own.set_weights(weights_for([weight.shape for weight in own.weights]))
    return model


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", ATTENTIONS)
def test_results_are_keras_s(name, masked, tmp_path):
    *case, query, value = ATTENTIONS[name]
    q, v, *masks = attention_data(query, value)
    data = [q, v, *(mask.astype(np.float32) for mask in masks)] if masked else [q, v]
    model = applied(*case, query, value, masked)
    got = model.predict(data, verbose=0)
    np.testing.assert_allclose(got, GOLDEN[f"{name}/{int(masked)}"], rtol=2e-5, atol=2e-6)
    model.save(tmp_path / "attention.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "attention.embedcnn")
    np.testing.assert_array_equal(again.predict(data, verbose=0), got)


@pytest.mark.parametrize("name", ["scaled", "additive", "heads"])
def test_padding_never_changes_a_result(name):
    *case, query, value = ATTENTIONS[name]
    q, v, _, _ = attention_data(query, value)
    alone = applied(*case, query, value).predict([q, v], verbose=0)
    wider = [(shape[0], shape[1] + 3, shape[2]) for shape in (query, value)]
    padded = [np.pad(one, ((0, 0), (0, 3), (0, 0)), constant_values=9.0) for one in (q, v)]
    masks = [np.pad(np.ones(one.shape[:2], np.float32), ((0, 0), (0, 3))) for one in (q, v)]
    got = applied(*case, *wider, masked=True).predict([*padded, *masks], verbose=0)
    np.testing.assert_allclose(got[:, : query[1]], alone, rtol=1e-5, atol=1e-6)
    assert not got[:, query[1] :].any()


def test_texts_without_tokens_give_zeros():
    *case, query, value = ATTENTIONS["dot"]
    q, v, _, _ = attention_data(query, value)
    masks = [np.ones(one.shape[:2], np.float32) for one in (q, v)]
    masks[1][1] = 0
    got = applied(*case, query, value, masked=True).predict([q, v, *masks], verbose=0)
    assert not got[1].any() and got[0].any()


@pytest.mark.parametrize("name", ATTENTIONS)
def test_all_weights_learn(name):
    *case, query, value = ATTENTIONS[name]
    q, v, _, _ = attention_data(query, value)
    model = applied(*case, query, value)
    out = embedcnn.Model(model.inputs, layers.Dense(1)(model.output))
    out.compile(embedcnn.optimizers.SGD(0.02), "mse")
    before = out.get_weights()
    target = np.random.default_rng(0).normal(size=(*query[:2], 1))
    losses = out.fit([q, v], target, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    key_bias = {weight.path for weight in out.weights if weight.path.endswith("key_bias")}  # has no gradient
    for weight, old in zip(out.weights, before, strict=True):
        assert weight.path in key_bias or np.abs(weight.numpy() - old).max() > 0


def test_scores_are_shares():
    x, y = embedcnn.Input((4, 6)), embedcnn.Input((5, 6))
    made, shares = layers.MultiHeadAttention(2, 3)(x, y, return_attention_scores=True)
    q, v = (np.random.default_rng(0).normal(size=(2, steps, 6)).astype(np.float32) for steps in (4, 5))
    out, found = embedcnn.Model([x, y], [made, shares]).predict([q, v], verbose=0)
    assert out.shape == (2, 4, 6) and found.shape == (2, 2, 4, 5)
    np.testing.assert_allclose(found.sum(-1), 1, rtol=1e-5)


def test_dropout_acts_in_training_only():
    x = embedcnn.Input((4, 6))
    model = embedcnn.Model(x, layers.MultiHeadAttention(2, 3, dropout=0.5)(x, x))
    given = np.random.default_rng(0).normal(size=(2, 4, 6)).astype(np.float32)
    plain = model.predict(given, verbose=0)
    np.testing.assert_array_equal(plain, model.predict(given, verbose=0))
    assert not np.array_equal(model(given, training=True), plain)


OPEN = [name for name in ATTENTIONS if "concat" not in name and "additive" not in name]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", OPEN)
def test_texts_of_any_length_give_the_same_and_learn_the_same(name, masked):
    *case, query, value = ATTENTIONS[name]
    q, v, *masks = attention_data(query, value)
    data = [q, v, *(mask.astype(np.float32) for mask in masks)] if masked else [q, v]
    models = []
    for open_ones in ([0, 1], [1], []):
        models.append(applied(*case, query, value, masked, open_ones))
    for model in models:
        got = model.predict(data, verbose=0)
        np.testing.assert_allclose(got, GOLDEN[f"{name}/{int(masked)}"], rtol=2e-5, atol=2e-6)
    target = np.random.default_rng(0).normal(size=got.shape)
    losses = []
    for model in models:
        out = embedcnn.Model(model.inputs, layers.Activation("tanh")(model.output))
        out.compile(embedcnn.optimizers.SGD(0.5), "mse")
        losses.append([out.train_on_batch(data, target) for _ in range(5)])
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-4)
    np.testing.assert_allclose(losses[1], losses[2], rtol=1e-4)


def test_ragged_texts_beside_ragged_values():
    texts, others = [[1, 2, 3], [], [4]], [[5, 1], [2, 3, 4, 5], []]
    words = [embedcnn.Input((None,), dtype="int32") for _ in range(2)]
    embedding = layers.Embedding(6, 4)
    query, value = (embedding(one) for one in words)
    attention = layers.MultiHeadAttention(2, 3)
    model = embedcnn.Model(words, [attention(query, value), layers.Attention()([query, value])])
    made = model.predict([embedcnn.Ragged.from_sequences(one) for one in (texts, others)], verbose=0)
    table = embedding.get_weights()[0]
    for number, (text, other) in enumerate(zip(texts, others, strict=True)):
        q, v = table[text], table[other]
        if not text or not other:
            assert not made[1][number].any()
            continue
        shares = np.exp(q @ v.T)
        expected = shares / shares.sum(-1, keepdims=True) @ v
        np.testing.assert_allclose(made[1][number][: len(text)], expected, rtol=1e-5, atol=1e-6)
        alone = model.predict([np.array([text]), np.array([other])], verbose=0)[0][0]
        np.testing.assert_allclose(made[0][number][: len(text)], alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("steps", [5, None])
def test_a_sum_with_what_attention_reads_keeps_its_mask(steps):
    """The residual of a Transformer block: padding never changes a result."""
    tokens = embedcnn.Input((steps,), dtype="int32")
    x = layers.Embedding(6, 4, mask_zero=True)(tokens)
    made = layers.GlobalAveragePooling1D()(x + layers.MultiHeadAttention(2, 3)(x, x))
    model = embedcnn.Model(tokens, made)
    padded = model.predict(np.array([[1, 2, 3, 0, 0]]), verbose=0)
    plain = embedcnn.Input((3,), dtype="int32")
    x = model.layers[1](plain)
    whole = embedcnn.Model(plain, layers.GlobalAveragePooling1D()(x + model.layers[2](x, x)))
    np.testing.assert_allclose(padded, whole.predict(np.array([[1, 2, 3]]), verbose=0), rtol=1e-5, atol=1e-6)


def test_misuse():
    x = embedcnn.Input((None, 6))
    with pytest.raises(ValueError, match="must know the length of all sequences"):
        layers.AdditiveAttention()([embedcnn.Input((4, 6)), x])
    with pytest.raises(ValueError, match="for attention_mask"):
        layers.MultiHeadAttention(2, 3)(x, x, attention_mask=np.ones((1, 4, 4)))
    with pytest.raises(ValueError, match=r"takes \[query, value\]"):
        layers.Attention()(x)
    with pytest.raises(ValueError, match="score_mode"):
        layers.Attention(score_mode="product")
