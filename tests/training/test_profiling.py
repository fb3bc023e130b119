"""Model.profile: what it says adds up, and the model is afterwards as it was."""

import json
import time

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, optimizers

RNG = np.random.default_rng(0)
IDS, LABELS = RNG.integers(0, 50, (60, 12)), RNG.integers(0, 3, 60)


def text_model(seed=3):
    model = embedcnn.Sequential(
        [
            layers.Input((12,), dtype="int32"),
            layers.Embedding(50, 8, name="words"),
            layers.Conv1D(6, 3, activation="relu", name="windows"),
            layers.GlobalMaxPooling1D(),
            layers.Dropout(0.3),
            layers.Dense(3, name="scores"),
        ],
        seed=seed,
    )
    embedcnn.utils.set_random_seed(seed)
    model.compile(
        optimizers.Adam(0.01),
        embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return model


def trained(profiled):
    embedcnn.utils.set_random_seed(7)
    model = text_model()
    model.fit(IDS, LABELS, batch_size=20, epochs=1, verbose=0)
    if profiled:
        model.profile(IDS, LABELS, batch_size=20, steps=4)
    model.fit(IDS, LABELS, batch_size=20, epochs=2, verbose=0)
    return model.get_weights(), model.optimizer.steps


def test_the_training_goes_on_as_if_there_had_been_no_profile():
    (expected, steps), (found, steps_found) = trained(False), trained(True)
    assert steps == steps_found == 9
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_costs_are_those_of_the_operations_and_add_up():
    found = text_model().profile(IDS, LABELS, batch_size=30, steps=6)
    names = [cost.name for cost in found.costs]
    assert names[:3] == ["batch", "step in Python", "plan"] and names[-1] == "update"
    assert "words" in names and "windows" in names and "scores" in names
    operations = {cost.name: cost for cost in found.costs}
    assert operations["windows"].operation == "token_conv_pool"
    assert operations["windows"].forward_ms > 0 and operations["windows"].backward_ms > 0
    assert operations["scores"].bytes >= 30 * 3 * 4
    assert found.steps == 6
    assert 0.3 * found.step_ms < sum(cost.ms for cost in found.costs) < 3 * found.step_ms
    table = str(found)
    assert "token_conv_pool" in table and f"{found.step_ms:.3f} ms" in table


def test_a_trace_for_the_browser(tmp_path):
    found = text_model().profile(IDS, LABELS, batch_size=30, steps=3)
    found.save(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = [event["name"] for event in events]
    assert names.index("windows") < names.index("scores") < names.index("scores backward")
    assert names.index("scores backward") < names.index("windows backward") < names.index("update")
    ends = [event["ts"] + event["dur"] for event in events]
    assert all(after["ts"] == pytest.approx(end) for end, after in zip(ends, events[1:], strict=False))


def test_states_of_stateful_layers_are_put_back():
    model = embedcnn.Sequential(
        [
            layers.Input((4,), batch_size=2, dtype="int32"),
            layers.Embedding(9, 3),
            layers.LSTM(5, stateful=True),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    x, y = RNG.integers(0, 9, (6, 4)), np.zeros(6)
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0)
    states = [state.value.copy() for state in model.layers[1].states]
    assert any(state.any() for state in states)
    model.profile(x, y, batch_size=2, steps=2)
    for before, after in zip(states, model.layers[1].states, strict=True):
        np.testing.assert_array_equal(before, after.value)


def test_layers_in_python_are_timed_too():
    inputs = layers.Input((4,))
    hidden = layers.Lambda(lambda x: x * 2.0, backward=lambda x, d: d * 2.0)(layers.Dense(3)(inputs))
    model = embedcnn.Model(inputs, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    found = model.profile(np.ones((8, 4)), np.zeros(8), batch_size=4, steps=3)
    (external,) = [cost for cost in found.costs if cost.operation == "external"]
    assert external.forward_ms > 0 and external.backward_ms > 0


def test_a_generator_gives_what_it_has():
    batches = [(IDS[:10], LABELS[:10]), (IDS[10:20], LABELS[10:20])]
    assert text_model().profile(iter(batches), steps=5).steps == 1  # of two the first only warms up


@pytest.mark.parametrize("steps", [0, -1, 1.5])
def test_wrong_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="steps"):
        text_model().profile(IDS, LABELS, steps=steps)


def test_a_model_must_be_compiled():
    model = embedcnn.Sequential([layers.Input((4,)), layers.Dense(1)])
    with pytest.raises(ValueError, match="compile"):
        model.profile(np.ones((2, 4)), np.zeros(2))


def test_no_data():
    with pytest.raises(ValueError, match="no batches"):
        text_model().profile(iter([]))


def test_waiting_for_data_is_told():
    """Of all steps, not of the median one: data that come in bursts keep few steps waiting, those long."""

    def slow():
        for number in range(9):
            time.sleep(0.2 if number % 3 == 2 else 0)
            yield IDS[:30], LABELS[:30]

    model = text_model()
    model.fit(IDS[:30], LABELS[:30], verbose=0)
    found = model.profile(slow(), steps=6)
    assert found.idle_share == found.limits.data > 0.3 and found.limits.bound == "data"
    assert "waiting for data" in str(found) and "num_parallel_calls" in str(found)
    assert text_model().profile(IDS, LABELS, batch_size=30, steps=6).idle_share < found.idle_share
