"""state_dict, load_state_dict and `to` as in PyTorch, to_json and clone_model as in Keras."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models

X = np.array([[1, 2, 3, 0], [4, 0, 0, 0]], np.int32)


class Doubled(layers.Layer):
    def forward(self, inputs):
        return inputs * 2

    def backward(self, gradient):
        return gradient * 2

    def compute_output_shape(self, input_shape):
        return input_shape


def functional():
    tokens = embedcnn.Input((None,), dtype="int32")
    hidden = layers.GlobalMaxPooling1D()(layers.Embedding(9, 4, name="table")(tokens))
    return embedcnn.Model(tokens, layers.Dense(2, name="out")(layers.Dropout(0.5, seed=3)(hidden)))


def sequential():
    return embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(3, name="out"), layers.ReLU()])


def test_state_dict_goes_from_model_to_model():
    first, second = functional(), functional()
    state = first.state_dict()
    assert {name: value.shape for name, value in state.items()} == {
        "table/embeddings": (9, 4),
        "out/kernel": (4, 2),
        "out/bias": (2,),
    }
    assert not np.array_equal(first.predict(X, verbose=0), second.predict(X, verbose=0))
    assert second.load_state_dict(state) == ([], [])
    np.testing.assert_array_equal(first.predict(X, verbose=0), second.predict(X, verbose=0))
    state["out/bias"] += 1  # a copy: neither model has changed
    np.testing.assert_array_equal(first.predict(X, verbose=0), second.predict(X, verbose=0))


def test_part_of_a_state_dict():
    model = functional()
    table = np.arange(36, dtype=np.float32).reshape(9, 4)
    kernel = model.state_dict()["out/kernel"]
    found = model.load_state_dict({"table/embeddings": table, "other": [1.0]}, strict=False)
    assert found.missing_keys == ["out/kernel", "out/bias"] and found.unexpected_keys == ["other"]
    np.testing.assert_array_equal(model.state_dict()["table/embeddings"], table)
    np.testing.assert_array_equal(model.state_dict()["out/kernel"], kernel)


def test_tensors_of_pytorch():
    torch = pytest.importorskip("torch")
    embedding = torch.nn.Embedding(9, 4)
    model = functional()
    model.load_state_dict({"table/embeddings": embedding.state_dict()["weight"]}, strict=False)
    np.testing.assert_array_equal(model.state_dict()["table/embeddings"], embedding.weight.detach().numpy())
    assert model.to(torch.device("cpu")) is model


def test_what_does_not_fit_changes_nothing():
    model = functional()
    before = model.state_dict()
    cases = {
        r"out/kernel must have the shape \(4, 2\). Received: shape \(2, 4\)": {
            "out/kernel": np.zeros((2, 4))
        },
        r"missing nothing, unexpected \['spare'\]": {"spare": np.zeros(2)},
        "out/bias must hold numbers|out/bias": {"out/bias": ["a", "b"]},
    }
    for message, changed in cases.items():
        with pytest.raises((ValueError, TypeError), match=message):
            model.load_state_dict({**{name: value + 1 for name, value in before.items()}, **changed})
    with pytest.raises(ValueError, match=r"missing \['table/embeddings', 'out/bias'\], unexpected nothing"):
        model.load_state_dict({"out/kernel": before["out/kernel"]})
    with pytest.raises(TypeError, match="must be a dict of arrays. Received: list"):
        model.load_state_dict([1])
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_there_is_one_device():
    model = sequential()
    assert model.to("cpu") is model
    for device in ("cuda", "cuda:0", 0, None):
        with pytest.raises(ValueError, match="on the CPU only"):
            model.to(device)


@pytest.mark.parametrize("make", [functional, sequential])
def test_the_architecture_alone(make):
    model = make()
    x = X if make is functional else np.ones((2, 4), np.float32)
    for twin in (models.clone_model(model), models.model_from_json(model.to_json(indent=1))):
        assert type(twin) is type(model) and twin.get_config() == model.get_config()
        assert not np.array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0)), "new weights"
        twin.load_state_dict(model.state_dict())
        np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))


def test_layers_of_the_user():
    model = embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(3), Doubled()])
    assert [type(layer) for layer in models.clone_model(model).layers] == [layers.Dense, Doubled]
    held = model.to_json()
    assert isinstance(models.model_from_json(held, {"Doubled": Doubled}).layers[-1], Doubled)
    with pytest.raises(ValueError, match="unknown layer class 'Doubled'"):
        models.model_from_json(held)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"class_name": "Model", "config": {}}', None])
def test_other_json(text):
    with pytest.raises(ValueError, match="`json_string` is not what"):
        models.model_from_json(text)


def test_json_of_a_class_that_is_not_known():
    with pytest.raises(ValueError, match="the class of the model is 'Other', which is Python of your own"):
        models.model_from_json('{"class_name": "Other", "config": {}}')
