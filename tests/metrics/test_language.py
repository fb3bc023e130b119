"""Perplexity and bits per character: alone, in models (from the sums of the loss), and what a bar shows."""

import math

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses, metrics
from embedcnn.metrics import BitsPerCharacter, Perplexity


@pytest.fixture(autouse=True)
def same_weights():
    embedcnn.utils.set_random_seed(1)


def crossentropies(y, p):
    return -np.log(np.take_along_axis(p, y[..., None], -1)[..., 0])


def predictions(rng, *shape):
    return rng.dirichlet(np.ones(shape[-1]), shape[:-1])


def model(loss=None, measured=(), weighted=None, mask_zero=False, softmax=False):
    net = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding(7, 4, mask_zero=mask_zero),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(7, activation="softmax" if softmax else None),
        ],
        seed=2,
    )
    loss = loss or losses.SparseCategoricalCrossentropy(from_logits=not softmax)
    net.compile("adam", loss, metrics=list(measured), weighted_metrics=weighted)
    return net


def test_alone():
    rng = np.random.default_rng(0)
    perplexity, bits = Perplexity(), BitsPerCharacter()
    y, p = [rng.integers(0, 5, (3, 4)) for _ in range(2)], [predictions(rng, 3, 4, 5) for _ in range(2)]
    for part, predicted in zip(y, p, strict=True):
        perplexity.update_state(part, predicted)
        bits.update_state(part, predicted)
    mean = np.mean([crossentropies(*pair) for pair in zip(y, p, strict=True)])
    assert perplexity.result() == pytest.approx(math.exp(mean))
    assert bits.result() == pytest.approx(mean / math.log(2))
    assert Perplexity(from_logits=True)(y[0], np.log(p[0]) + 3) == pytest.approx(Perplexity()(y[0], p[0]))


def test_weights_and_tokens_that_do_not_count():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 5, (3, 4)), predictions(rng, 3, 4, 5)
    each = crossentropies(y, p)
    for weight in (np.array([1.0, 0.0, 3.0]), rng.uniform(size=(3, 4))):
        w = np.broadcast_to(weight[:, None] if weight.ndim == 1 else weight, each.shape)
        assert Perplexity()(y, p, weight) == pytest.approx(math.exp((each * w).sum() / w.sum()))
    counted = y != 2
    assert Perplexity(mask_token_id=2)(y, p) == pytest.approx(math.exp(each[counted].mean()))
    assert BitsPerCharacter(mask_token_id=9)([[9, 9]], p[:1, :2]) == 0.0


def test_extremes():
    assert Perplexity().result() == 0.0
    sure = np.array([[1.0, 0.0]])
    assert Perplexity()([0], sure) == pytest.approx(1.0, abs=1e-6)
    worst = Perplexity()
    worst.add(1e6, 1)
    assert worst.result() == math.inf
    worst.add(math.nan, 1)
    assert math.isnan(worst.result())


@pytest.mark.parametrize("softmax", [False, True])
def test_in_a_model_they_follow_from_the_loss(softmax):
    rng = np.random.default_rng(3)
    x, y = rng.integers(0, 7, (10, 6)), rng.integers(0, 7, (10, 6))
    net = model(measured=["perplexity", BitsPerCharacter()], softmax=softmax)
    history = net.fit(x, y, batch_size=4, verbose=0, validation_data=(x, y)).history
    assert list(history) == [prefix + name for prefix in ("", "val_") for name in net_names(net)]
    for prefix in ("", "val_"):
        (loss,) = history[prefix + "loss"]
        assert history[prefix + "perplexity"] == [pytest.approx(math.exp(loss))]
        assert history[prefix + "bits_per_character"] == [pytest.approx(loss / math.log(2))]
    assert not net._compilation.compiled.want_outputs, "predictions are not kept"
    found = net.evaluate(x, y, batch_size=3, verbose=0, return_dict=True)
    p = net.predict(x, verbose=0)
    assert found["perplexity"] == pytest.approx(Perplexity(not softmax)(y, p), rel=1e-5)
    assert net.test_on_batch(x, y, return_dict=True) == pytest.approx(found, rel=1e-5)
    before = net.train_on_batch(x, y, return_dict=True)
    assert before["perplexity"] == pytest.approx(found["perplexity"], rel=1e-5)


def net_names(net):
    return sorted(net.metrics_names)


@pytest.mark.parametrize("kind", ["weights", "steps", "ragged", "masked", "ignored", "smoothed"])
def test_what_counts_in_a_model(kind):
    """Against the metrics themselves on the model's predictions, text by text."""
    rng = np.random.default_rng(4)
    x, y = rng.integers(1, 7, (6, 5)), rng.integers(1, 7, (6, 5))
    lengths, weight, settings, ignored = np.full(6, 5), None, {}, None
    if kind == "weights":
        weight = rng.uniform(0.1, 2, 6)
    if kind == "steps":
        weight = rng.uniform(0.1, 2, (6, 5))
    if kind in ("ragged", "masked"):
        lengths = np.array([5, 3, 1, 4, 2, 5])
        x[np.arange(5) >= lengths[:, None]] = 0
    if kind == "ignored":
        settings["ignore_class"] = ignored = 3
    if kind == "smoothed":
        settings["label_smoothing"] = 0.1
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, **settings)
    measured = [Perplexity(mask_token_id=ignored)]
    net = model(loss, measured, [Perplexity(mask_token_id=ignored, name="weighted")], kind == "masked")
    given = x
    if kind == "ragged":
        given = embedcnn.Ragged.from_sequences([row[:length] for row, length in zip(x, lengths, strict=True)])
    found = net.evaluate(given, y, sample_weight=weight, batch_size=4, verbose=0, return_dict=True)
    assert net._compilation.compiled.want_outputs == (kind == "smoothed")
    plain, weighted = Perplexity(True, ignored), Perplexity(True, ignored)
    for number, length in enumerate(lengths):
        p = net.predict(x[number : number + 1, :length], verbose=0)
        part = y[number : number + 1, :length]
        plain.update_state(part, p)
        weighted.update_state(part, p, None if weight is None else weight[number : number + 1])
    assert found["perplexity"] == pytest.approx(plain.result(), rel=1e-5)
    assert found["weighted"] == pytest.approx(weighted.result(), rel=1e-5)


def test_classes_without_steps():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(9, 3)), rng.integers(0, 4, 9)
    net = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(4, activation="softmax")])
    net.compile("sgd", "sparse_categorical_crossentropy", metrics=["perplexity", "accuracy"])
    loss, perplexity, accuracy = net.evaluate(x, y, verbose=0)
    assert perplexity == pytest.approx(math.exp(loss)) and 0 <= accuracy <= 1
    assert net.test_on_batch(x, y) == pytest.approx([loss, perplexity, accuracy])


def test_they_are_saved_with_a_model(tmp_path):
    net = model(measured=[Perplexity(name="p"), "bits_per_character"])
    net.save(tmp_path / "model")
    again = embedcnn.models.load_model(tmp_path / "model")
    x = np.ones((2, 3), np.int32)
    assert again.evaluate(x, x, verbose=0, return_dict=True) == net.evaluate(
        x, x, verbose=0, return_dict=True
    )
    config = metrics.serialize(Perplexity(True, 3, "p"))
    assert metrics.get(config).get_config() == {"from_logits": True, "mask_token_id": 3, "name": "p"}


def test_misuse():
    with pytest.raises(ValueError, match="from_logits=False, but the loss has from_logits=True"):
        model(measured=[Perplexity(from_logits=False)])
    with pytest.raises(ValueError, match="`mask_token_id` must be an integer"):
        Perplexity(mask_token_id=0.5)
    with pytest.raises(TypeError, match="`from_logits` must be True or False"):
        BitsPerCharacter(from_logits="yes")


def test_the_progress_tells_tokens(capsys):
    x = np.ones((40, 3), np.int32)
    net = model()
    x[0] = 2  # two classes: else there is nothing to learn
    net.fit(x, x, batch_size=10, verbose=1)
    shown = capsys.readouterr().err
    assert "tokens/s" in shown and "4/4 - 0s - " in shown and shown.count("\n") == 1
    net.fit(x, x, batch_size=10, verbose=2)
    assert "tokens/s" in capsys.readouterr().out
    dense = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(3, activation="softmax")])
    dense.compile("sgd", "sparse_categorical_crossentropy")
    dense.fit(np.ones((4, 2)), [0, 1, 2, 0], verbose=1)
    assert "examples/s" in capsys.readouterr().err


def test_the_rate_counts_tokens(monkeypatch):
    from embedcnn.training import progress

    bar = progress.Progress(0, None)
    monkeypatch.setattr(progress.time, "perf_counter", lambda: bar.started + 2.0)
    for amount in (300, 100):
        bar.step(amount, None, "characters")
    assert bar._rate() == "200 characters/s"


def test_a_large_vocabulary_needs_no_logits():
    """The loss of the last layer without logits sums up the same."""
    rng = np.random.default_rng(6)
    x, y = rng.integers(0, 3000, (3, 4)), rng.integers(0, 3000, (3, 4))
    net = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding(3000, 4, mask_zero=True),
            layers.LSTM(5, return_sequences=True),
            layers.Dense(3000, bias_initializer="normal"),
        ]
    )
    x[1, 2:] = 0
    weight = rng.uniform(0.5, 2, (3, 4))
    net.compile(
        "adam",
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[Perplexity()],
        weighted_metrics=[BitsPerCharacter()],
    )
    assert [op.name for op in net.lowered_as("test").operations][-1] == "dense_cross_entropy"
    found = net.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    p, counted = net.predict(x, verbose=0), x != 0
    assert found["perplexity"] == pytest.approx(Perplexity(True)(y, p, counted), rel=1e-5)
    assert found["bits_per_character"] == pytest.approx(
        BitsPerCharacter(True)(y, p, counted * weight), rel=1e-5
    )
