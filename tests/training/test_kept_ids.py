"""Ids of raw texts are made in the first pass over them; same bits; anew where they may have changed."""

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers
from embedcnn.encoding import TokenizerEncoder
from embedcnn.preprocessing.text import Tokenizer
from embedcnn.text import TextEncoder
from embedcnn.training import kept_ids

WORDS = ["good", "bad", "film", "very", "a", "an", "one", "awful", "great"]
RANDOM = np.random.default_rng(3)
TEXTS = [" ".join(RANDOM.choice(WORDS, RANDOM.integers(1, 9))) for _ in range(57)]
LABELS = np.array(["good" in text for text in TEXTS], np.int64)


def text_model(encoder):
    embedcnn.utils.set_random_seed(1)
    model = embedcnn.Sequential(
        [
            layers.Embedding(20, 6, mask_zero=True),
            layers.GlobalAveragePooling1D(),
            layers.Dropout(0.3),
            layers.Dense(1, activation="sigmoid"),
        ],
        seed=4,
    )
    model.compile("adam", "binary_crossentropy")
    model.text_encoder = encoder
    return model


def adapted(**settings):
    encoder = TextEncoder(**settings)
    encoder.adapt(TEXTS)
    return encoder


def by_tokenizer():
    tokenizer = Tokenizer()
    tokenizer.fit_on_texts(TEXTS)
    return TokenizerEncoder(tokenizer, maxlen=6)


@pytest.fixture
def encoded(monkeypatch):
    """The texts that encoders were given, in their order."""
    seen = []
    for kind in (TextEncoder, TokenizerEncoder):
        plain = kind.__call__

        def counted(self, texts, plain=plain):
            seen.extend(texts)
            return plain(self, texts)

        monkeypatch.setattr(kind, "__call__", counted)
    return seen


def weights_of(model):
    return [weight.tobytes() for weight in model.get_weights()]


FORMS = {
    "ragged": adapted,
    "padded": lambda: adapted(output_sequence_length=5),
    "tokenizer": by_tokenizer,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shuffle", [True, False])
def test_each_text_is_encoded_once_and_the_bits_are_those_of_ids(encoded, form, shuffle):
    encoder = FORMS[form]()
    settings = {"epochs": 4, "batch_size": 8, "shuffle": shuffle, "verbose": 0}
    ids = encoder(TEXTS)
    expected = text_model(None)
    history = expected.fit(ids[:40], LABELS[:40], validation_data=(ids[40:], LABELS[40:]), **settings)
    encoded.clear()
    model = text_model(encoder)
    found = model.fit(TEXTS[:40], LABELS[:40], validation_data=(TEXTS[40:], LABELS[40:]), **settings)
    assert weights_of(model) == weights_of(expected)
    assert found.history == history.history
    assert sorted(encoded) == sorted(
        [*TEXTS, TEXTS[0], TEXTS[40]]
    )  # the first is tried before training begins


def test_the_layer_in_a_model(monkeypatch):
    counts = []
    plain = layers.TextVectorization.encode
    monkeypatch.setattr(
        layers.TextVectorization,
        "encode",
        lambda self, texts: counts.append(len(texts)) or plain(self, texts),
    )
    vectorization = layers.TextVectorization(output_sequence_length=6)
    vectorization.adapt(TEXTS)
    inputs = embedcnn.Input((1,), dtype="string")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(20, 6)(vectorization(inputs)))
    model = embedcnn.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy")
    model.fit(np.array(TEXTS), LABELS, epochs=5, verbose=0)
    assert sum(counts) == len(TEXTS)


@pytest.mark.parametrize(
    "settings",
    [{"standardize": str.lower}, {"split": str.split}, {"standardize": str.lower, "split": str.split}],
)
def test_functions_of_the_user_are_called_in_each_epoch(encoded, settings):
    model = text_model(adapted(**settings))
    encoded.clear()
    model.fit(TEXTS, LABELS, epochs=3, verbose=0)
    assert len(encoded) == 3 * len(TEXTS) + 1


def test_encoders_of_other_classes_are_asked_in_each_epoch():
    random = np.random.default_rng(0)
    seen = []

    class Noisy(TextEncoder):
        """Leaves words out at random."""

        def __call__(self, texts):
            kept = [" ".join(word for word in text.split() if random.random() < 0.9) for text in texts]
            seen.extend(texts)
            return super().__call__(kept)

    encoder = Noisy()
    encoder.adapt(TEXTS)
    text_model(encoder).fit(TEXTS, LABELS, epochs=3, verbose=0)
    assert len(seen) == 3 * len(TEXTS) + 1


@pytest.mark.parametrize("change", ["length", "vocabulary"])
def test_a_change_during_training_is_followed(change):
    other = TextEncoder(vocabulary=["film", "good"])

    def fitted(x, encoder):
        def change_encoder(epoch, logs):
            if epoch == 1 and encoder is not None and change == "length":
                encoder.output_sequence_length = 2
            elif epoch == 1 and encoder is not None:
                encoder.set_vocabulary(other.vocabulary)

        model = text_model(encoder)
        watch = callbacks.LambdaCallback(on_epoch_end=change_encoder)
        model.fit(x, LABELS, epochs=2, callbacks=[watch], batch_size=8, verbose=0)
        changed = x if encoder is not None else second
        model.fit(changed, LABELS, epochs=4, initial_epoch=2, batch_size=8, verbose=0)
        return weights_of(model)

    first = adapted(output_sequence_length=6)(TEXTS)
    changed = adapted(output_sequence_length=6)
    if change == "length":
        changed.output_sequence_length = 2
    else:
        changed.set_vocabulary(other.vocabulary)
    second = changed(TEXTS)
    assert fitted(TEXTS, adapted(output_sequence_length=6)) == fitted(first, None)


def test_a_change_within_an_epoch_is_not_mixed_with_what_was_before():
    encoder = adapted(output_sequence_length=6)
    rows = kept_ids.TextRows(np.array(TEXTS, object), encoder, encoder.settings_of_ids)
    kept = kept_ids.KeptIds(rows)
    kept.take(slice(0, 30))
    encoder.output_sequence_length = 3
    assert kept.take(slice(30, 57)).shape == (27, 3) and not kept.complete
    np.testing.assert_array_equal(kept.take(slice(0, 30)), encoder(TEXTS[:30]))
    assert kept.complete
    np.testing.assert_array_equal(kept.take(np.array([5, 50, 5])), encoder([TEXTS[5], TEXTS[50], TEXTS[5]]))
    encoder.output_sequence_length = 4
    assert not kept.complete
    np.testing.assert_array_equal(kept.take(np.array([56])), encoder([TEXTS[56]]))


def test_large_data_are_encoded_in_each_epoch(encoded, monkeypatch):
    small = text_model(adapted())
    small.fit(TEXTS, LABELS, epochs=3, verbose=0)
    monkeypatch.setattr(kept_ids, "KEPT_BYTES", 500)
    model = text_model(adapted())
    encoded.clear()
    model.fit(TEXTS, LABELS, epochs=3, verbose=0)
    assert len(encoded) == 3 * len(TEXTS) + 1
    assert weights_of(model) == weights_of(small)


def test_epochs_of_some_steps(encoded):
    ids = text_model(None)
    encoder = adapted()
    settings = {"epochs": 7, "steps_per_epoch": 3, "batch_size": 8, "verbose": 0}
    ids.fit(encoder(TEXTS), LABELS, **settings)
    model = text_model(encoder)
    encoded.clear()
    model.fit(TEXTS, LABELS, **settings)
    assert weights_of(model) == weights_of(ids)
    assert len(encoded) == len(TEXTS) + 1


def test_a_single_epoch_keeps_nothing(monkeypatch):
    monkeypatch.setattr(kept_ids.KeptIds, "__init__", lambda self, rows: pytest.fail("ids are kept"))
    text_model(adapted()).fit(TEXTS, LABELS, epochs=1, verbose=0)
