"""Models inside models: shared layers, several inputs and outputs, trainable, summary, files."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models

RANDOM = np.random.default_rng(0)
IDS, OTHER = RANDOM.integers(1, 20, (16, 7)), RANDOM.integers(1, 20, (16, 7))
Y = RANDOM.integers(0, 3, 16)


def encoder(name="encoder"):
    tokens = embedcnn.Input((7,), dtype="int32", name=f"{name}_tokens")
    x = layers.Embedding(20, 4, name="table")(tokens)
    x = layers.GlobalMaxPooling1D()(layers.Conv1D(5, 2, activation="relu", name="windows")(x))
    return embedcnn.Model(tokens, x, name=name)


def siamese():
    inner = encoder()
    a, b = (embedcnn.Input((7,), dtype="int32", name=name) for name in "ab")
    first, second = inner(a), inner(b)
    near = layers.Dot(1, normalize=True, name="near")([first, second])
    classes = layers.Dense(3, activation="softmax", name="classes")(layers.concatenate([first, second]))
    return embedcnn.Model([a, b], [near, classes]), inner


def test_a_model_is_one_layer_of_another():
    model, inner = siamese()
    assert [layer.name for layer in model.layers] == ["a", "b", "encoder", *model_names(model)[3:]]
    assert inner in model.layers and model.get_layer("encoder") is inner
    assert [weight.path for weight in model.weights][:3] == [
        "table/embeddings",
        "windows/kernel",
        "windows/bias",
    ]
    assert model.count_params() == inner.count_params() + (10 + 1) * 3
    assert inner.get_layer("table").trainable


def model_names(model):
    return [layer.name for layer in model.layers]


def test_both_calls_share_the_weights_and_train_them():
    model, inner = siamese()
    outputs = model.predict([IDS, OTHER])
    vectors = inner.predict(IDS), inner.predict(OTHER)
    norms = [np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in vectors]
    cosine = ((vectors[0] / norms[0]) * (vectors[1] / norms[1])).sum(1, keepdims=True)
    np.testing.assert_allclose(outputs[0], cosine, rtol=1e-4, atol=1e-5)
    model.compile("adam", {"near": "mse", "classes": "sparse_categorical_crossentropy"})
    before = inner.get_weights()
    history = model.fit([IDS, OTHER], {"near": np.ones(16), "classes": Y}, epochs=5, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert all((one != other).any() for one, other in zip(before, inner.get_weights(), strict=True))


def test_trainable_reaches_the_layers_inside():
    model, inner = siamese()
    inner.trainable = False
    assert not any(layer.trainable for layer in inner.layers)
    assert [weight.path for weight in model.trainable_weights] == ["classes/kernel", "classes/bias"]
    assert len(model.non_trainable_weights) == 3
    model.compile("adam", {"near": "mse", "classes": "sparse_categorical_crossentropy"})
    before = inner.get_weights()
    model.fit([IDS, OTHER], {"near": np.ones(16), "classes": Y}, verbose=0)
    for one, other in zip(before, inner.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_summary_shows_what_is_inside():
    model, _ = siamese()
    plain, expanded = [], []
    model.summary(print_fn=plain.append)
    model.summary(print_fn=expanded.append, expand_nested=True)
    assert "encoder (Model)" in plain[0] and "table" not in plain[0]
    assert "  table (Embedding)" in expanded[0] and "  windows (Conv1D)" in expanded[0]
    assert f"Total params: {model.count_params():,}" in plain[0]


@pytest.mark.parametrize("trained", [False, True])
def test_files_keep_the_structure(tmp_path, trained):
    model, _ = siamese()
    targets = {"near": np.ones(16), "classes": Y}
    if trained:
        model.compile("adam", {"near": "mse", "classes": "sparse_categorical_crossentropy"})
        model.fit([IDS, OTHER], targets, verbose=0)
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert model_names(again) == model_names(model)
    assert isinstance(again.get_layer("encoder"), embedcnn.Model)
    for one, other in zip(model.predict([IDS, OTHER]), again.predict([IDS, OTHER]), strict=True):
        np.testing.assert_array_equal(one, other)
    again.get_layer("encoder").get_layer("windows").set_weights([np.zeros((2, 4, 5)), np.zeros(5)])
    assert not again.predict([IDS, OTHER])[0].any()
    if trained:
        losses = [one.fit([IDS, OTHER], targets, verbose=0).history["loss"] for one in (model, model)]
        third = models.load_model(tmp_path / "m")
        np.testing.assert_array_equal(third.fit([IDS, OTHER], targets, verbose=0).history["loss"], losses[0])


def test_sequential_in_sequential_and_names_used_twice(tmp_path):
    def part(units):
        return embedcnn.Sequential(
            [layers.Dense(units, activation="tanh", name="dense")], name=f"part{units}"
        )

    model = embedcnn.Sequential([embedcnn.Input((6,)), part(5), part(4), layers.Dense(2, name="dense")])
    assert model_names(model) == ["part5", "part4", "dense"]
    assert [weight.shape for weight in model.weights] == [(6, 5), (5,), (5, 4), (4,), (4, 2), (2,)]
    x = RANDOM.normal(size=(9, 6))
    expected = x
    for kernel, bias in zip(model.get_weights()[0::2], model.get_weights()[1::2], strict=True):
        expected = expected @ kernel + bias if kernel.shape[1] == 2 else np.tanh(expected @ kernel + bias)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    model.save_weights(tmp_path / "w")
    other = embedcnn.Sequential([embedcnn.Input((6,)), part(5), part(4), layers.Dense(2, name="dense")])
    other.load_weights(tmp_path / "w")
    np.testing.assert_array_equal(other.predict(x), model.predict(x))


def test_a_built_model_begins_a_sequential():
    inner = encoder()
    model = embedcnn.Sequential([inner, layers.Dense(3, activation="softmax")])
    assert model.input_shape == (None, 7)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert len(model.fit(IDS, Y, epochs=2, verbose=0).history["loss"]) == 2


def test_three_levels_and_several_outputs(tmp_path):
    numbers = embedcnn.Input((4,))
    two = embedcnn.Model(
        numbers, [layers.Dense(3, name="l")(numbers), layers.Dense(2, name="r")(numbers)], name="two"
    )
    outer = embedcnn.Input((4,))
    left, right = two(layers.Dense(4, name="first")(outer))
    middle = embedcnn.Model(outer, layers.concatenate([right, left]), name="middle")
    top = embedcnn.Input((4,))
    model = embedcnn.Model(top, layers.Dense(1, name="last")(middle(top)))
    x = RANDOM.normal(size=(5, 4))
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(x), model.predict(x))
    assert model_names(again)[1:] == ["middle", "last"]
    inside = again.get_layer("middle").get_layer("two")
    assert [layer.name for layer in inside.layers[1:]] == ["l", "r"]
    lines = []
    again.summary(print_fn=lines.append, expand_nested=True)
    assert "    l (Dense)" in lines[0]


def test_misuse():
    model, inner = siamese()
    with pytest.raises(ValueError, match="has 2 inputs. Received: 1"):
        model(embedcnn.Input((7,), dtype="int32"))
    with pytest.raises(ValueError, match="takes several inputs"):
        embedcnn.Sequential([model])
    with pytest.raises(ValueError, match=r"unique within a model. Received twice: \['encoder'\]"):
        tokens = embedcnn.Input((7,), dtype="int32")
        embedcnn.Model(tokens, layers.add([inner(tokens), encoder()(tokens)]))
