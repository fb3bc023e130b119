"""Graphs that are large, or small files that would become so: built in time that grows with their size, or
refused.
"""

import pytest

import embedcnn as keras
from embedcnn.graph import nesting

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
