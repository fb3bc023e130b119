"""Optimizers over rows against torch.optim's, and what they do that torch.optim does not."""

import copy
import warnings

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torch.nn", reason="needs PyTorch")

from embedcnn import torch as nn  # noqa: E402


def train(optimizer, module, steps=6, after=None):
    """Steps on the same batches whatever the module; the optimizer."""
    draws = torch.Generator().manual_seed(5)
    for number in range(steps):
        looked_up = torch.randint(0, 30, (3, 4), generator=draws)
        factor = torch.rand(3, 4, 1, generator=draws)
        optimizer.zero_grad()
        loss = (module(looked_up).square() * factor).sum()
        loss.backward()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sparse invariants, in PyTorch's own steps
            optimizer.step()
        if after:
            after(number)
    return optimizer


def table(kind, dtype=torch.float32, **settings):
    made = kind(30, 4, sparse=True, **settings)
    made.weight.data = torch.arange(120.0).reshape(30, 4).to(dtype) / 60 - 1
    return made


CASES = [
    ("SparseAdam", {"lr": 0.05}),
    ("SparseAdam", {"lr": 0.05, "betas": (0.5, 0.7), "eps": 1e-3, "maximize": True}),
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
    ("Adagrad", {"lr": 0.1, "initial_accumulator_value": 0.1, "eps": 1e-2}),
]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_steps_are_those_of_torch_optim(name, settings, dtype):
    ours, theirs = table(nn.Embedding, dtype), table(torch.nn.Embedding, dtype)
    one = train(getattr(nn.optim, name)(ours.parameters(), **settings), ours)
    other = train(getattr(torch.optim, name)(theirs.parameters(), **settings), theirs)
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-5, atol=1e-6)
    state, expected = one.state_dict()["state"], other.state_dict()["state"]
    for key in expected.get(0, {}):
        if expected[0][key] is not None:
            torch.testing.assert_close(state[0][key], expected[0][key], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["SparseAdam", "SGD", "Adagrad"])
def test_states_are_stored(name):
    settings = {"lr": 0.1, "momentum": 0.5} if name == "SGD" else {"lr": 0.1}
    whole, halves = table(nn.Embedding), table(nn.Embedding)
    make = getattr(nn.optim, name)
    train(make(whole.parameters(), **settings), whole, 6)
    first = make(halves.parameters(), **settings)
    second = make(halves.parameters(), **settings)

    def go_on(number):
        if number == 2:
            second.load_state_dict(copy.deepcopy(first.state_dict()))

    draws = torch.Generator().manual_seed(5)
    for number in range(6):
        optimizer = first if number < 3 else second
        looked_up = torch.randint(0, 30, (3, 4), generator=draws)
        factor = torch.rand(3, 4, 1, generator=draws)
        optimizer.zero_grad()
        (halves(looked_up).square() * factor).sum().backward()
        optimizer.step()
        go_on(number)
    assert torch.equal(whole.weight, halves.weight)


def test_sgd_moves_the_rows_that_are_named():
    """Momentum and decay of a row act when a batch names it."""
    module = table(nn.Embedding)
    optimizer = nn.optim.SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True)
    expected, buffer = module.weight.detach().double().clone(), torch.zeros(30, 4, dtype=torch.float64)
    for rows in ([3, 5], [5, 9]):
        optimizer.zero_grad()
        module(torch.tensor(rows)).sum().backward()
        optimizer.step()
        gradient = 1 + 0.01 * expected[rows]
        buffer[rows] = 0.9 * buffer[rows] + gradient
        expected[rows] -= 0.1 * (gradient + 0.9 * buffer[rows])
    torch.testing.assert_close(module.weight.double(), expected, rtol=1e-6, atol=1e-6)


def test_adagrad_decays_the_rows_that_are_named():
    module = table(nn.Embedding)
    optimizer = nn.optim.Adagrad(module.parameters(), lr=0.1, weight_decay=0.5)
    before = module.weight.detach().clone()
    module(torch.tensor([3])).sum().backward()
    optimizer.step()
    gradient = 1 + 0.5 * before[3]
    torch.testing.assert_close(module.weight[3], before[3] - 0.1 * gradient.sign())
    assert torch.equal(module.weight[4:], before[4:])


@pytest.mark.parametrize("name", ["SGD", "Adagrad"])
def test_dense_gradients_beside_sparse_ones(name):
    """One optimizer for a table and what stands on it: both learn as with torch.optim, hooks run once."""

    def network(embedding):
        linear = torch.nn.Linear(4, 1)
        with torch.no_grad():
            linear.weight.fill_(0.5), linear.bias.fill_(0.1)
        return torch.nn.Sequential(embedding, linear)

    ours, theirs = network(table(nn.Embedding)), network(table(torch.nn.Embedding))
    optimizer = getattr(torch.optim, name)(theirs.parameters(), lr=0.1)
    train(optimizer, theirs)
    optimizer = getattr(nn.optim, name)(ours.parameters(), lr=0.1)
    calls = []
    optimizer.register_step_post_hook(lambda *_: calls.append(1))
    train(optimizer, ours)
    assert len(calls) == 6
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert all(parameter.grad is not None for parameter in ours.parameters())


def test_a_closure_is_called_once():
    module = table(nn.Embedding)
    optimizer = nn.optim.SparseAdam(module.parameters(), lr=0.1)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = module(torch.tensor([1, 2])).square().sum()
        loss.backward()
        losses.append(loss)
        return loss

    assert optimizer.step(closure) is losses[0] and len(losses) == 1


def test_an_update_counts_as_a_change():
    """A graph that was made before the step and needs the weights as they were is refused."""
    module = table(nn.Embedding)
    optimizer = nn.optim.SparseAdam(module.parameters(), lr=0.1)
    product = (module.weight * module.weight).sum()
    module(torch.tensor([1, 2])).sum().backward()
    optimizer.step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.backward()
