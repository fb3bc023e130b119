"""Adam and AdamW in one pass against torch.optim's, and when they are left to what was chosen."""

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torch.nn", reason="needs PyTorch")

from embedcnn.torch import optim  # noqa: E402

SETTINGS = [
    {},
    {"lr": 0.05, "betas": (0.5, 0.7), "eps": 1e-3},
    {"lr": 0.05, "weight_decay": 0.1, "amsgrad": True},
    {"lr": 0.05, "maximize": True},
]


def network():
    torch.manual_seed(3)
    return torch.nn.Sequential(torch.nn.Linear(5, 40), torch.nn.Tanh(), torch.nn.Linear(40, 2))


def train(model, optimizer, steps=8):
    draws = torch.Generator().manual_seed(5)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.rand(6, 5, generator=draws)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_steps_are_those_of_torch_optim(name, settings):
    ours, theirs = network(), network()
    one = getattr(optim, name)(ours.parameters(), **settings)
    other = getattr(torch.optim, name)(theirs.parameters(), **settings)
    assert all(group["fused"] for group in one.param_groups)
    train(ours, one)
    train(theirs, other)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    found, expected = one.state_dict()["state"], other.state_dict()["state"]
    assert found.keys() == expected.keys()
    for number, state in expected.items():
        assert found[number].keys() == state.keys()
        for key, value in state.items():
            torch.testing.assert_close(found[number][key], value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "chosen", [{"foreach": True}, {"fused": False}, {"foreach": False}, {"differentiable": True}]
)
def test_what_is_chosen_is_done(chosen):
    made, expected = (
        optim.Adam(network().parameters(), **chosen),
        torch.optim.Adam(network().parameters(), **chosen),
    )
    for name in ("foreach", "fused", "differentiable"):
        assert made.defaults[name] == expected.defaults[name]


@pytest.mark.parametrize("form", ["generator", "list", "named", "groups", "groups of generators", "a tensor"])
def test_parameters_in_any_form(form):
    model = network()
    first, last = model[0], model[2]
    groups = [{"params": list(first.parameters())}, {"params": list(last.parameters()), "lr": 0.5}]
    forms = {
        "generator": model.parameters(),
        "list": list(model.parameters()),
        "named": model.named_parameters(),
        "groups": groups,
        "groups of generators": [{**one, "params": iter(one["params"])} for one in groups],
        "a tensor": [{"params": first.weight}, {"params": [first.bias, *last.parameters()]}],
    }
    try:
        torch.optim.Adam(network().named_parameters())
    except TypeError:
        if form == "named":  # before PyTorch 2.6
            pytest.skip("this PyTorch takes no named parameters")
    made = optim.Adam(forms[form])
    held = [one for group in made.param_groups for one in group["params"]]
    assert [id(one) for one in held] == [id(one) for one in model.parameters()]
    assert made.defaults["fused"] and made.param_groups[-1]["lr"] == (0.5 if "groups" in form else 0.001)
    train(model, made, 1)


def test_others_than_real_numbers_are_left_to_torch_optim():
    weights = [torch.nn.Parameter(torch.ones(3, dtype=torch.complex64)), torch.nn.Parameter(torch.ones(3))]
    made = optim.Adam(weights)
    assert not made.defaults["fused"]
    sum(one.abs().sum() for one in weights).backward()
    made.step()


@pytest.mark.parametrize("wrong", [torch.ones(2), [], "weights", [1, 2]], ids=str)
def test_what_is_wrong_torch_optim_says(wrong):
    with pytest.raises((TypeError, ValueError)) as expected:
        torch.optim.Adam(wrong)
    with pytest.raises(expected.type) as found:
        optim.Adam(wrong)
    assert str(found.value) == str(expected.value)


def test_copies_and_states_go_on():
    model, other = network(), network()
    one = optim.Adam(model.parameters(), lr=0.01)
    train(model, one, 3)
    again = optim.Adam(other.parameters(), lr=0.01)
    other.load_state_dict(model.state_dict())
    again.load_state_dict(copy.deepcopy(one.state_dict()))
    train(model, one, 2)
    train(other, again, 2)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
