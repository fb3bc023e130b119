"""Graphs that are large, or small files that would become so: built in time that grows with their size, or
refused.
"""

import json

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.graph import nesting
from embedcnn.saving import archive

L = keras.layers


def chain(count):
    x = y = keras.Input((2,))
    for _ in range(count):
        y = L.Activation("relu")(y)
    return keras.Model(x, y)


def doubled(times):
    """Each model calls the one inside twice."""
    x = keras.Input((2,))
    model = keras.Model(x, L.Activation("relu")(x))
    for number in range(times):
        x = keras.Input((2,))
        model = keras.Model(x, model(model(x)), name=f"level_{number}")
    return model


def lines_run(call):
    """How many lines of this package a call runs: its work, whatever else the machine does."""
    import sys

    count = 0

    def trace(frame, event, argument):
        nonlocal count
        count += event == "line"
        return trace if "embedcnn" in frame.f_code.co_filename else None

    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(None)
    return count


@pytest.mark.parametrize(
    "call",
    [
        lambda count: keras.Sequential([keras.Input((2,)), *[L.Activation("relu") for _ in range(count)]]),
        chain,
        lambda count: keras.Model.from_config(chain(count).get_config()),
    ],
)
def test_the_work_grows_with_the_size(call):
    small, large = lines_run(lambda: call(100)), lines_run(lambda: call(400))
    assert large < 5 * small


def test_models_in_models_that_double(monkeypatch):
    monkeypatch.setattr(nesting, "MOST_CALLS", 200)
    with pytest.raises(
        ValueError, match="Model 'level_7' stands inside another model and is made of 257 calls"
    ):
        doubled(30)
    assert len(doubled(6).nodes) == 65


def test_a_deep_chain_of_models():
    model = keras.Sequential([keras.Input((2,)), L.Activation("relu")])
    for number in range(100):
        model = keras.Sequential([keras.Input((2,)), model], name=f"outer_{number}")
    again = keras.models.model_from_json(model.to_json())
    assert again.predict([[1.0, -1.0]], verbose=0).tolist() == [[1.0, 0.0]]


def test_names_may_come_again_after_a_layer_was_taken_out():
    model = keras.Sequential([keras.Input((2,)), L.Dense(2, name="a")])
    with pytest.raises(ValueError, match="Received twice"):
        model.add(L.Dense(2, name="a"))
    model.pop()
    model.add(L.Dense(3, name="a"))
    assert model.output_shape == (None, 3)


def test_a_chain_grows_by_one_layer_at_a_time():
    """`add` behind an Input joins one layer; the model is the one made of the whole list."""
    parts = [
        L.Embedding(9, 4),
        L.LSTM(3, return_sequences=True),
        L.Dropout(0.2),
        L.Dense(2),
    ]
    whole = keras.Sequential([keras.Input((5,), dtype="int32"), *parts], seed=1)
    grown = keras.Sequential([keras.Input((5,), dtype="int32")], seed=1)
    for part in parts:
        grown.add(type(part).from_config(part.get_config()))
        assert all(len(layer.nodes) == 1 for layer in grown.layers)
    grown.set_weights(whole.get_weights())
    x = np.arange(10).reshape(2, 5) % 9
    for model in (whole, grown):
        model.compile("adam", "mse")
        model.fit(x, np.ones((2, 5, 2)), epochs=2, verbose=0)
    np.testing.assert_array_equal(grown.predict(x, verbose=0), whole.predict(x, verbose=0))
    grown.pop()
    grown.add(L.Dense(7))
    assert grown.output_shape == (None, 5, 7) and grown.predict(x, verbose=0).shape == (2, 5, 7)


def test_a_file_that_names_very_many_arrays(tmp_path, monkeypatch):
    assert archive.MOST_TENSORS == 200_000
    monkeypatch.setattr(archive, "MOST_TENSORS", 2000)
    entries = {f"t{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(2001)}
    header = json.dumps(entries).encode()
    (tmp_path / "w").write_bytes(len(header).to_bytes(8, "little") + header)
    model = keras.Sequential([keras.Input((3,)), L.Dense(2)])
    with pytest.raises(ValueError, match="it names 2,001 arrays; at most 2,000 are read"):
        model.load_weights(tmp_path / "w")
