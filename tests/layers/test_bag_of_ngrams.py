"""BagOfNgrams as a layer: in models of every kind, in files with its features, copied and trained beside."""

import io
import json
import pickle
import zipfile
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import embedcnn
from embedcnn import layers
from embedcnn.bags import LinearPart, NgramFeatures
from embedcnn.layers import BagOfNgrams
from embedcnn.models import load_model

TEXTS = ["a good film", "good good fun", "a bad film, so bad", "", "Ünder <br /> naïve 好的"]


def drawn_layer(units=3, name=None, **settings):
    features = NgramFeatures(**settings).fit(TEXTS)
    rng = np.random.default_rng(2)
    weights, bias = rng.normal(size=(features.size, units)), rng.normal(size=units)
    parts = [LinearPart(weights, bias), LinearPart(-weights, bias, rng.uniform(size=weights.shape))]
    return BagOfNgrams(features, parts, name=name)


def sequential(*stacked):
    return embedcnn.Sequential([embedcnn.Input((1,), dtype="string"), *stacked])


def test_in_a_model_it_gives_its_margins():
    layer = drawn_layer()
    texts = embedcnn.Input((1,), dtype="string")
    model = embedcnn.Model(texts, layer(texts))
    assert model.output_shape == (None, 6)
    np.testing.assert_array_equal(model.predict(TEXTS, verbose=0), layer(TEXTS))
    np.testing.assert_array_equal(model.predict(TEXTS, batch_size=2, verbose=0), layer(TEXTS))
    np.testing.assert_array_equal(model(TEXTS), layer(TEXTS))
    sequential = embedcnn.Sequential([layer, layers.Activation("tanh")])
    np.testing.assert_allclose(sequential.predict(TEXTS, verbose=0), np.tanh(layer(TEXTS)), rtol=1e-6)


def test_layers_behind_and_beside_it_learn():
    texts = embedcnn.Input((1,), dtype="string")
    vectorize = layers.TextVectorization()
    vectorize.adapt(TEXTS)
    words = layers.GlobalAveragePooling1D()(
        layers.Embedding(vectorize.vocabulary_size(), 4)(vectorize(texts))
    )
    bag = drawn_layer()
    out = layers.Dense(1)(layers.Concatenate()([bag(texts), words]))
    model = embedcnn.Model(texts, out)
    model.compile(embedcnn.optimizers.Adam(0.05), "mse")
    table, bias = bag.get_weights()
    y = np.array([1.0, 1, -1, 0, 0])
    losses = model.fit(TEXTS, y, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    np.testing.assert_array_equal(bag.table.numpy(), table)
    np.testing.assert_array_equal(bag.bias.numpy(), bias)
    assert not bag.trainable_weights


@pytest.mark.parametrize(
    "settings",
    [{}, {"chars": (2, 4)}, {"words": None, "chars": (1, 2)}, {"buckets": 50}, {"words": (2, 3)}],
    ids=str,
)
def test_a_saved_model_has_the_same_bits(tmp_path, settings):
    model = sequential(drawn_layer(**settings), layers.Dense(2, activation="softmax"))
    model.labels = ["x", "y"]
    wanted = model.predict(TEXTS, verbose=0)
    path = tmp_path / "model.embedcnn"
    model.save(path)
    loaded = load_model(path)
    np.testing.assert_array_equal(loaded.predict(TEXTS, verbose=0), wanted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(TEXTS, verbose=0), wanted)
    loaded.save(tmp_path / "again.embedcnn")
    assert path.read_bytes() == (tmp_path / "again.embedcnn").read_bytes()
    layer = loaded.layers[0]
    assert layer.features.kinds == model.layers[0].features.kinds
    assert layer.forms == model.layers[0].forms


def test_many_threads_predict_at_once():
    model = sequential(drawn_layer(chars=(2, 3)), layers.Dense(2, activation="softmax"))
    texts = TEXTS * 40
    wanted = model.predict(texts, verbose=0)
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(model.predict, texts[part::8], verbose=0) for part in [*range(8)] * 4]
    for number, call in enumerate(calls):
        np.testing.assert_array_equal(call.result(), wanted[number % 8 :: 8])


def test_two_bags_in_one_model_keep_their_own_features(tmp_path):
    texts = embedcnn.Input((1,), dtype="string")
    bags = [drawn_layer(name="words"), drawn_layer(name="chars", words=None, chars=(2, 3))]
    inner = embedcnn.Model(texts, bags[1](texts), name="inner")
    model = embedcnn.Model(texts, layers.Concatenate()([bags[0](texts), inner(texts)]))
    model.save(tmp_path / "model.embedcnn")
    loaded = load_model(tmp_path / "model.embedcnn")
    np.testing.assert_array_equal(loaded.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_weights_alone(tmp_path):
    model, other = (sequential(drawn_layer(name="bag")) for _ in range(2))
    for variable in model.weights:
        variable.assign(2 * variable.numpy())
    model.save_weights(tmp_path / "weights")
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def test_an_architecture_without_features_says_so():
    model = sequential(drawn_layer())
    copy = embedcnn.models.model_from_json(model.to_json())
    assert copy.count_params() == model.count_params()
    with pytest.raises(ValueError, match="has no features yet: they stand in a file of model.save"):
        copy.predict(TEXTS, verbose=0)
    copy.layers[0].set_text_state(model.layers[0].text_state())
    copy.set_weights(model.get_weights())
    np.testing.assert_array_equal(copy.predict(TEXTS, verbose=0), model.predict(TEXTS, verbose=0))


def altered(path, change_config=None, drop=(), change_features=None):
    """The bytes of a model file with members changed."""
    from embedcnn.saving import archive

    with open(path, "rb") as file:
        members = archive.read_archive(file, "it")
    config = json.loads(members["config.json"])
    if change_config:
        change_config(next(one for one in _layers(config["model"]) if one["class_name"] == "BagOfNgrams"))
    members["config.json"] = json.dumps(config).encode()
    if change_features:
        tensors = archive.read_tensors(members["features.safetensors"], "it", archive.OF_FEATURES)
        members["features.safetensors"] = change_features(dict(tensors))
    out = io.BytesIO()
    archive.write_archive(out, {name: value for name, value in members.items() if name not in drop})
    return out.getvalue()


def _layers(config):
    found = config.get("layers", config) if isinstance(config, dict) else config
    return [one for one in found if isinstance(one, dict)]


CONFIGS = {
    "rows": (lambda layer: layer["config"].update(rows=3), "must be float32 of shape"),
    "many rows": (lambda layer: layer["config"].update(rows=1 << 40), "more than the file holds"),
    "rows text": (lambda layer: layer["config"].update(rows="7"), "`rows` must be a positive integer"),
    "no parts": (lambda layer: layer["config"].update(parts=[]), "at least one part"),
    "part": (lambda layer: layer["config"]["parts"][0].update(norm="l3"), "did you mean 'l2'"),
    "part name": (lambda layer: layer["config"]["parts"][0].update(extra=1), "does not describe a model"),
    "units": (lambda layer: layer["config"]["parts"][0].update(units=0), "`units` must be an integer"),
    "norms": (lambda layer: layer["config"]["parts"][0].update(norms=2), "`norms` of a part with"),
    "share": (lambda layer: layer["config"]["parts"][0].update(share=-1), "`share` must be a finite number"),
    "class": (
        lambda layer: layer["config"]["features"].update(class_name="os.system"),
        "`features` must be one of NgramFeatures",
    ),
    "words": (lambda layer: layer["config"]["features"]["config"].update(words=[1, 9]), "1 <= a <= b <= 5"),
    "no features": (lambda layer: layer["config"].pop("features"), "does not describe a model"),
}


@pytest.mark.parametrize(("change", "message"), CONFIGS.values(), ids=CONFIGS)
def test_a_damaged_configuration_is_refused(tmp_path, change, message):
    sequential(drawn_layer()).save(tmp_path / "model.embedcnn")
    (tmp_path / "bad").write_bytes(altered(tmp_path / "model.embedcnn", change))
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path / "bad")


def without(name):
    return lambda tensors: {key: value for key, value in tensors.items() if not key.endswith(name)}


def with_value(name, value):
    return lambda tensors: {
        key: value(array) if key.endswith(name) else array for key, array in tensors.items()
    }


FEATURES = {
    "missing": without("word_ends"),
    "none": lambda tensors: {},
    "dtype": with_value("words_2", lambda array: array.astype(np.int64)),
    "outside": with_value("words_2", lambda array: array + 1000),
    "negative": with_value("words_2", lambda array: -1 - array),
    "odd": with_value("words_2", lambda array: array[:-1]),
    "fewer": with_value("words_2", lambda array: array[:-2]),
    "ends": with_value("word_ends", lambda array: array[::-1]),
    "long ends": with_value("word_ends", lambda array: array + 100),
    "bytes": with_value("word_bytes", lambda array: array[:-5]),
    "twice": with_value("words_2", lambda array: np.concatenate([array[:2], array[:2], array[4:]])),
    "singles": with_value("singles", lambda array: array + 1000),
    "singles shape": with_value("singles", lambda array: np.array([1, 2])),
}


@pytest.mark.parametrize("change", FEATURES.values(), ids=FEATURES)
def test_damaged_features_are_refused(tmp_path, change):
    sequential(drawn_layer()).save(tmp_path / "model.embedcnn")
    (tmp_path / "bad").write_bytes(altered(tmp_path / "model.embedcnn", change_features=change))
    with pytest.raises((ValueError, TypeError)):
        load_model(tmp_path / "bad")


@given(data=st.data())
def test_features_with_other_numbers_are_refused_or_predict(data):
    """Arrays of a file are taken with distrust: whatever stands in them, nothing outside of them is read."""
    layer = drawn_layer(chars=(2, 3))
    state = {name: array.copy() for name, array in layer.text_state().items()}
    for _ in range(data.draw(st.integers(1, 4))):
        array = state[data.draw(st.sampled_from(sorted(state)))]
        limits = np.iinfo(array.dtype)
        near = st.integers(max(limits.min, -3), min(limits.max, len(array) + 3))
        place = data.draw(st.integers(0, len(array) - 1))
        array[place] = data.draw(near | st.integers(int(limits.min), int(limits.max)))
    try:
        layer.set_text_state(state)
    except (ValueError, TypeError):
        return
    assert np.isfinite(layer(TEXTS)).all()


def test_features_that_are_missing_are_refused(tmp_path):
    sequential(drawn_layer()).save(tmp_path / "model.embedcnn")
    with zipfile.ZipFile(tmp_path / "model.embedcnn") as archive:
        assert "features.safetensors" in archive.namelist()
    (tmp_path / "bad").write_bytes(altered(tmp_path / "model.embedcnn", drop=("features.safetensors",)))
    with pytest.raises(ValueError, match="state"):
        load_model(tmp_path / "bad")


def test_it_needs_an_input_of_texts():
    with pytest.raises(ValueError, match="reads texts: call it on Input"):
        drawn_layer()(embedcnn.Input((4,)))
