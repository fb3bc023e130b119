"""50 training steps give PyTorch's losses: from stored values always, from PyTorch itself where it is
installed."""

import json
from pathlib import Path

import numpy as np
import pytest
from program import pytorch_loop

from embedcnn import _core

GOLDEN = Path(__file__).parent.parent / "golden" / "pytorch_text_cnn.json"


def train(name):
    optimizer, settings, rate = pytorch_loop.OPTIMIZERS[name]
    values = pytorch_loop.initial_values()
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(values)]
    last = len(values) - 2
    operations = [
        ("lookup", (0,), (1,), (0,), {}),
        ("token_conv_pool", (1,), (2,), tuple(range(1, last)), {"activation": "relu"}),
        ("dense", (2,), (3,), (last, last + 1), {}),
        ("cross_entropy", (3,), (4,), (), {"kind": "sparse_categorical"}),
    ]
    program = _core.Program([("x", "int32", -1, ())], parameters, operations, (4,))
    program.set_optimizer(optimizer, embedding_update="dense", **settings)
    slots = 2 if optimizer == "adam" else int("momentum" in settings)
    for number, value in enumerate(values):
        state = [np.zeros_like(value) for _ in range(slots)]
        program.bind(number, value, True, state, np.zeros(1, np.int64))
    losses = []
    for step, (ids, labels) in enumerate(pytorch_loop.batches()):
        losses.append(program.train_step([ids], [labels], None, rate, step).losses[0])
    return losses


@pytest.mark.parametrize("name", pytorch_loop.OPTIMIZERS)
def test_losses_stored(rung, threads, name):
    losses = train(name)
    np.testing.assert_allclose(losses, json.loads(GOLDEN.read_text())[name], atol=1e-4)
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("name", pytorch_loop.OPTIMIZERS)
def test_losses_live(name):
    pytest.importorskip("torch")
    np.testing.assert_allclose(train(name), pytorch_loop.train(name), atol=1e-4)
