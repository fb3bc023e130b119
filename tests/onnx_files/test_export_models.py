"""Models as ONNX: the same results as `predict`, for other lengths, masks and batches than any before."""

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from onnx_sessions import check_model, close, session  # noqa: E402
from program import digest_cases, digest_models  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import layers, ops  # noqa: E402

WORDS = 30


def batches(ragged=False):
    """Ids of several sizes: whole, padded behind, before and inside, empty texts, one text."""
    rng = np.random.default_rng(0)
    found = []
    for count, steps in ((5, 11), (1, 6), (8, 9)):
        ids = rng.integers(1, WORDS, (count, steps))
        lengths = rng.integers(0, steps + 1, count)
        if ragged:
            found.append(
                embedcnn.Ragged.from_sequences([row[:n] for row, n in zip(ids, lengths, strict=True)])
            )
            continue
        found.append(ids.copy())
        ids[rng.random(ids.shape) < 0.2] = 0
        found.append(ids.copy())
        ids[np.arange(steps) >= lengths[:, None]] = 0
        found.append(ids)
        found.append(ids[:, ::-1].copy())
    return found


def on_tokens(*parts, **embedding):
    """A model of ids: an embedding of 6 numbers, the parts one above the other."""
    words = embedcnn.Input((None,), dtype="int32", name="words")
    x = layers.Embedding(WORDS, 6, **embedding)(words)
    for part in parts:
        x = part(x)
    return embedcnn.Model(words, x)


def branches(*made):
    """Several layers of one tensor, side by side."""
    return lambda x: layers.Concatenate()([one(x) for one in made])


def gated(x):
    """Formulas of the user's own, between weights and masked steps."""
    scores = layers.Dense(6)(x)
    return x * ops.sigmoid(scores) + ops.mean(x, axis=-1, keepdims=True) / 2


def weighted_mean(x):
    shares = ops.softmax(layers.Dense(1)(x), axis=1)
    return ops.sum(x * shares, axis=1)


def self_attention(x):
    return layers.MultiHeadAttention(2, 3)(x, x)


def cause(x):
    return layers.Attention(use_scale=True)([x, x], use_causal_mask=True)


def summed_windows(x):
    return layers.Add()([layers.Conv1D(6, 3, padding="same")(x), x])


def shorter_and_longer(x):
    return layers.Concatenate(axis=1)([layers.Conv1D(6, 2, strides=2)(x), x])


def normalised(axis):
    return [layers.Conv1D(6, 3, padding="causal"), layers.LayerNormalization(axis=axis)]


MODELS = {
    "kim": lambda **e: on_tokens(
        branches(
            *(
                lambda x, k=k: layers.GlobalMaxPooling1D()(layers.Conv1D(5, k, activation="relu")(x))
                for k in (2, 3, 5)
            )
        ),
        layers.Dropout(0.5),
        layers.Dense(3, activation="softmax"),
        **e,
    ),
    "same, strided": lambda **e: on_tokens(
        layers.Conv1D(7, 3, strides=2, padding="same", activation="gelu"),
        layers.GlobalAveragePooling1D(),
        **e,
    ),
    "causal, strided": lambda **e: on_tokens(layers.Conv1D(7, 4, strides=3, padding="causal"), **e),
    "dilated": lambda **e: on_tokens(
        layers.Conv1D(6, 2, dilation_rate=3, padding="same"), layers.Conv1D(4, 2, groups=2), **e
    ),
    "strided": lambda **e: on_tokens(layers.Conv1D(6, 3, strides=2), layers.GlobalMaxPooling1D(), **e),
    "strides over the kernel": lambda **e: on_tokens(layers.Conv1D(6, 2, strides=3, padding="same"), **e),
    "depthwise": lambda **e: on_tokens(
        layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same"), layers.GlobalMaxPooling1D(), **e
    ),
    "separable": lambda **e: on_tokens(layers.SeparableConv1D(5, 3, activation="elu"), **e),
    "pooled": lambda **e: on_tokens(
        layers.MaxPooling1D(2), layers.AveragePooling1D(3, strides=2, padding="same"), layers.LSTM(4), **e
    ),
    "averaged": lambda **e: on_tokens(layers.AveragePooling1D(2, strides=3, padding="same"), **e),
    "mean, sum": lambda **e: on_tokens(
        branches(layers.GlobalAveragePooling1D(), layers.GlobalSumPooling1D()), layers.Dense(2), **e
    ),
    "lstm": lambda **e: on_tokens(layers.LSTM(5), layers.Dense(2, activation="sigmoid"), **e),
    "lstm of all steps": lambda **e: on_tokens(layers.LSTM(5, return_sequences=True), **e),
    "lstm, zeros for masked steps": lambda **e: on_tokens(
        layers.LSTM(5, return_sequences=True, zero_output_for_mask=True), **e
    ),
    "lstm backwards": lambda **e: on_tokens(layers.LSTM(5, go_backwards=True, return_sequences=True), **e),
    "lstm of other activations": lambda **e: on_tokens(
        layers.LSTM(5, activation="elu", recurrent_activation="hard_sigmoid", use_bias=False), **e
    ),
    "gru": lambda **e: on_tokens(layers.GRU(5, return_sequences=True), layers.GRU(4), **e),
    "gru, reset before": lambda **e: on_tokens(layers.GRU(5, reset_after=False), **e),
    "simple rnn": lambda **e: on_tokens(layers.SimpleRNN(5, activation="softsign"), **e),
    "bidirectional": lambda **e: on_tokens(
        layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Dense(3), **e
    ),
    "bidirectional, summed": lambda **e: on_tokens(
        layers.Bidirectional(layers.GRU(4), merge_mode="sum"), **e
    ),
    "cells": lambda **e: on_tokens(layers.RNN([layers.LSTMCell(4), layers.GRUCell(3)]), **e),
    "attention pooling": lambda **e: on_tokens(layers.AttentionPooling1D(4), layers.Dense(2), **e),
    "self-attention": lambda **e: on_tokens(self_attention, layers.GlobalAveragePooling1D(), **e),
    "causal attention": lambda **e: on_tokens(cause, layers.GlobalMaxPooling1D(), **e),
    "formulas": lambda **e: on_tokens(gated, layers.GlobalMaxPooling1D(), **e),
    "weighted mean": lambda **e: on_tokens(weighted_mean, layers.Dense(2), **e),
    "residual": lambda **e: on_tokens(summed_windows, layers.GlobalMaxPooling1D(), **e),
    "behind each other": lambda **e: on_tokens(shorter_and_longer, layers.LSTM(3), **e),
    "layer normalisation": lambda **e: on_tokens(*normalised(-1), **e),
    "batch normalisation": lambda **e: on_tokens(layers.BatchNormalization(), layers.LSTM(3), **e),
    "unit normalisation": lambda **e: on_tokens(layers.UnitNormalization(), layers.LSTM(3), **e),
    "log softmax": lambda **e: on_tokens(layers.Dense(4, activation="log_softmax"), **e),
    "prelu": lambda **e: on_tokens(layers.Conv1D(4, 2), layers.PReLU(shared_axes=[1]), layers.LSTM(3), **e),
    "masked again": lambda **e: on_tokens(layers.ReLU(threshold=1.0), layers.Masking(), layers.GRU(3), **e),
}


def build(name, **embedding):
    embedcnn.utils.set_random_seed(1)
    model = MODELS[name](**embedding)
    random = np.random.default_rng(2)  # biases and moving statistics too
    model.set_weights(
        [np.abs(one) + random.uniform(0.1, 0.5, one.shape) - 0.2 for one in model.get_weights()]
    )
    return model


@pytest.mark.parametrize("name", MODELS)
def test_without_a_mask(name, tmp_path):
    check_model(build(name), batches(), tmp_path / "m.onnx")


@pytest.mark.parametrize("name", MODELS)
def test_padding_is_masked(name, tmp_path):
    check_model(build(name, mask_zero=True), batches(), tmp_path / "m.onnx")


@pytest.mark.parametrize("name", MODELS)
def test_lengths(name, tmp_path):
    """In a Ragged batch 0 is a token like any other."""
    check_model(build(name), batches(ragged=True), tmp_path / "m.onnx", ragged=True)


@pytest.mark.parametrize("mask_zero", [False, True])
def test_lengths_of_texts_with_masked_tokens(mask_zero, tmp_path):
    for name in ("kim", "lstm of all steps", "self-attention"):
        check_model(build(name, mask_zero=mask_zero), batches(ragged=True), tmp_path / "m.onnx", ragged=True)


# -- several inputs and outputs, fixed lengths ---------------------------------------------------------------
def captured(name, monkeypatch):
    """A model of tests/program/digest_cases.py and the data that it would be trained on."""
    found = []
    monkeypatch.setattr(digest_models, "trained", lambda model, x, *_, **__: found.append((model, x)) or [])
    digest_cases.MODELS[name]()
    model, x = found[0]
    if not model.built:
        model.predict(x, verbose=0)
    return model, x


@pytest.mark.parametrize(
    "name",
    [
        *("stacked convolutions", "flattened", "permuted", "stacked lstm", "bidirectional both"),
        *("hashed n-grams", "weight normalization", "attention", "siamese", "several outputs", "nested"),
        *("masked numbers", "language model, few words", "labels of steps", "python loss", "governed"),
    ],
)
def test_model_of_the_digests(name, monkeypatch, tmp_path):
    model, x = captured(name, monkeypatch)
    parts = x if isinstance(x, list) else [x]
    ragged = any(isinstance(part, embedcnn.Ragged) for part in parts)
    check_model(model, [x], tmp_path / "m.onnx", ragged=ragged)


def test_hashed_ngrams_of_ragged_texts(tmp_path):
    ngrams = layers.HashedNgrams(WORDS, 100, 3)
    words = embedcnn.Input((None,), dtype="int32")
    x = layers.LSTM(4)(layers.Embedding(ngrams.size, 5)(ngrams(words)))  # in their order
    check_model(embedcnn.Model(words, x), batches(ragged=True), tmp_path / "m.onnx", ragged=True)


def test_bags_and_their_weights(tmp_path):
    for mode in ("sum", "mean", "sqrtn", "max"):
        words = embedcnn.Input((None,), dtype="int32")
        bag = layers.EmbeddingBag(WORDS, 5, mode="sum" if mode == "sqrtn" else mode)(words)
        check_model(embedcnn.Model(words, bag), batches(), tmp_path / "m.onnx")
        check_model(embedcnn.Model(words, bag), batches(ragged=True), tmp_path / "m.onnx", ragged=True)
    words, weights = embedcnn.Input((9,), dtype="int32"), embedcnn.Input((9,))
    rows = layers.Embedding(WORDS, 5, mask_zero=True)(words)
    outputs = [layers.EmbedReduce(WORDS, 4, combiner=one)(words, weights) for one in ("mean", "sum", "sqrtn")]
    model = embedcnn.Model([words, weights], [*outputs, layers.GlobalAveragePooling1D()(rows)])
    ids = batches()[-1]
    check_model(model, [[ids, np.random.default_rng(1).random(ids.shape)]], tmp_path / "m.onnx")


@pytest.mark.parametrize("sentences", [4, None])
def test_documents(sentences, tmp_path):
    """An encoder of sentences over those of documents, with padding in both."""
    words = embedcnn.Input((None,), dtype="int32")
    x = layers.Embedding(WORDS, 6, mask_zero=True)(words)
    x = layers.AttentionPooling1D(4)(layers.Bidirectional(layers.GRU(3, return_sequences=True))(x))
    encoder = embedcnn.Model(words, x)
    documents = embedcnn.Input((sentences, 7), dtype="int32")
    x = layers.TimeDistributed(encoder)(documents)
    model = embedcnn.Model(documents, [layers.LSTM(3)(x), layers.GlobalAveragePooling1D()(x)])
    random = np.random.default_rng(0)
    ids = random.integers(1, WORDS, (5, 4, 7))
    ids[np.arange(7) >= random.integers(0, 8, (5, 4, 1))] = 0
    ids[1, 2:] = ids[2] = 0
    check_model(model, [ids, ids[:1]], tmp_path / "m.onnx")


def test_known_lengths_of_ragged_texts(tmp_path):
    """Shorter texts are padded up to the length of the model."""
    words = embedcnn.Input((9,), dtype="int32", name="words")
    x = layers.Embedding(WORDS, 4)(words)
    parts = [layers.Flatten()(x), layers.Flatten()(layers.Permute((2, 1))(x)), layers.GRU(3)(x)]
    model = embedcnn.Model(words, layers.Dense(2)(layers.Concatenate()(parts)))
    ragged = batches(ragged=True)[2]
    model.export(tmp_path / "m.onnx", ragged=True)
    given = {"words": ragged.to_padded(9, padding="post").astype(np.int64), "words_lengths": ragged.lengths}
    (got,) = session(str(tmp_path / "m.onnx")).run(None, given)
    close(got, model.predict(ragged, verbose=0))


def test_outputs_that_are_a_dict(tmp_path):
    numbers = embedcnn.Input((3,), name="numbers")
    x = layers.Dense(4, activation="tanh")(numbers)
    model = embedcnn.Model(numbers, {"left": layers.Dense(1)(x), "right": layers.Dense(2)(x)})
    data = np.random.default_rng(0).normal(size=(4, 3))
    runtime = check_model(model, [data], tmp_path / "m.onnx")
    assert [one.name for one in runtime.get_outputs()] == ["left", "right"]
