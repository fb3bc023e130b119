"""Losses, optimizers and schedules against PyTorch, where both mean the same."""

import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_losses import arrays
from golden.make_pytorch_training import ARGUMENTS, LOSSES, OPTIMIZERS, RATE, SCHEDULES, regression

import embedcnn
from embedcnn import _core, layers, losses, optimizers
from embedcnn.optimizers import schedules

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "pytorch_training.json").read_text())


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    target, predicted, _, _ = LOSSES[name]
    data = arrays()
    loss = getattr(losses, name.split()[0])(**ARGUMENTS.get(name, {}))
    y, x = data[target], data[predicted]
    assert loss(y, x) == pytest.approx(GOLDEN["losses"][name]["value"], rel=2e-5)
    program = _core.Program(
        [("x", "float32", None, (4,))],
        [],
        [(loss.operation, (0,), (1,), (), loss.attributes())],
        (1,),
        0,
        True,
    )
    program.set_optimizer("sgd")
    value = program.train_step([x], [y], None, 0.0, 0).losses[0]
    assert value == pytest.approx(GOLDEN["losses"][name]["value"], rel=2e-5)
    gradient = program.input_gradient(0).ravel()
    np.testing.assert_allclose(gradient, GOLDEN["losses"][name]["gradient"], rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name):
    kind, arguments, _, _ = OPTIMIZERS[name]
    inputs, targets, start = regression()
    numbers = embedcnn.Input((4,))
    model = embedcnn.Model(numbers, layers.Dense(3, use_bias=False)(numbers))
    model.set_weights([start])
    model.compile(getattr(optimizers, kind)(RATE, **arguments), "mse")
    for x, y in zip(inputs, targets, strict=True):
        model.train_on_batch(x, y)
    np.testing.assert_allclose(
        model.get_weights()[0].ravel(), GOLDEN["optimizers"][name], rtol=5e-5, atol=5e-6
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name):
    kind, arguments, _, _ = SCHEDULES[name]
    schedule = getattr(schedules, kind)(0.3, **arguments)
    np.testing.assert_allclose(
        [schedule(step) for step in range(12)], GOLDEN["schedules"][name], rtol=1e-5, atol=1e-9
    )


def test_parameters_of_pytorch_are_taken_as_weights():
    torch = pytest.importorskip("torch")
    table, linear = torch.nn.Embedding(5, 3), torch.nn.Linear(3, 2)
    model = embedcnn.Sequential(
        [
            embedcnn.Input((None,), dtype="int32"),
            layers.Embedding.from_pretrained(table.weight, freeze=False),
            layers.GlobalMaxPooling1D(),
            layers.Dense(2),
        ]
    )
    model.layers[-1].set_weights([linear.weight.T, linear.bias])
    ids = torch.tensor([[1, 2], [4, 0]])
    expected = linear(table(ids).amax(1)).detach().numpy()
    np.testing.assert_allclose(model.predict(ids, verbose=0), expected, rtol=1e-5, atol=1e-6)
    before = table.weight.detach().numpy().copy()
    model.compile("sgd", "mse")
    model.fit(ids, np.ones((2, 2)), epochs=2, verbose=0)
    assert np.array_equal(table.weight.detach().numpy(), before), "PyTorch's own weights stay"
