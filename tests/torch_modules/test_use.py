"""The modules of embedcnn.torch in what surrounds them: graphs, threads, processes, files, other dtypes."""

import copy
import io
import pickle
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torch.nn", reason="needs PyTorch")

from embedcnn import _core  # noqa: E402
from embedcnn import torch as nn  # noqa: E402


def ids(*shape, limit=50):
    return torch.randint(0, limit, shape)


MODULES = {
    "Embedding": (lambda: nn.Embedding(50, 7), lambda: (ids(6, 9),)),
    "EmbeddingBag": (lambda: nn.EmbeddingBag(50, 7), lambda: (ids(6, 9),)),
    "Conv1d": (lambda: nn.Conv1d(7, 8, 3), lambda: (torch.randn(4, 7, 9),)),
    "LSTM": (lambda: nn.LSTM(7, 8), lambda: (torch.randn(9, 4, 7),)),
    "GRU": (lambda: nn.GRU(7, 8), lambda: (torch.randn(9, 4, 7),)),
    "TextCNN": (lambda: nn.TextCNN(50, 7, 8, (2, 3)), lambda: (ids(6, 9),)),
}
each = pytest.mark.parametrize("name", MODULES)


def first(value):
    return value[0] if isinstance(value, tuple) else value


def gradients(module):
    return [parameter.grad.clone() for parameter in module.parameters()]


@each
def test_a_graph_is_gone_through_twice(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    loss = first(module(*arguments)).square().sum()
    loss.backward(retain_graph=True)
    once = gradients(module)
    loss.backward()
    for one, both in zip(once, gradients(module), strict=True):
        torch.testing.assert_close(both, 2 * one)


@each
def test_two_calls_before_one_backward(name):
    """As in a siamese network: neither call's activations are lost to the other."""
    make, draw = MODULES[name]
    module, one, other = make(), draw(), draw()
    expected = []
    for arguments in (one, other):
        module.zero_grad()
        first(module(*arguments)).square().sum().backward()
        expected.append(gradients(module))
    module.zero_grad()
    (first(module(*one)).square().sum() + first(module(*other)).square().sum()).backward()
    for got, a, b in zip(gradients(module), *expected, strict=True):
        torch.testing.assert_close(got, a + b)


@each
def test_second_derivatives_are_refused(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    parameters = list(module.parameters())
    loss = first(module(*arguments)).square().sum()
    made = torch.autograd.grad(loss, parameters, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        sum(one.square().sum() for one in made).backward()


@each
def test_weights_that_change_before_backward(name):
    """Either the gradients are those of the forward pass, from copies, or the change is noticed."""
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    first(module(*arguments)).sum().backward()
    expected = gradients(module)
    module.zero_grad()
    loss = first(module(*arguments)).sum()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(1)
    if name in ("EmbeddingBag", "TextCNN", "LSTM"):
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            loss.backward()
    else:
        loss.backward()
        assert all(torch.equal(one, other) for one, other in zip(gradients(module), expected, strict=True))


@each
def test_inference(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    expected = first(module(*arguments))
    with torch.no_grad():
        made = first(module(*arguments))
    assert not made.requires_grad and torch.equal(made, expected)
    with torch.inference_mode():
        assert torch.equal(first(module(*arguments)), expected)
    for parameter in module.parameters():
        parameter.requires_grad_(False)
    assert not first(module(*arguments)).requires_grad


@each
def test_copies_and_pickles(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    expected = first(module(*arguments))
    stored = io.BytesIO()
    torch.save(module, stored)
    stored.seek(0)
    loaded = torch.load(stored, weights_only=False)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), loaded):
        assert type(other) is type(module)
        assert torch.equal(first(other(*arguments)), expected)


@pytest.mark.parametrize("name", [name for name in MODULES if name != "TextCNN"])
def test_states_go_both_ways(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    theirs = copy.deepcopy(module)
    theirs.__class__ = getattr(torch.nn, name)
    assert list(module.state_dict()) == list(theirs.state_dict())
    assert repr(module) == repr(theirs)
    fresh = make()
    fresh.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(first(fresh(*arguments)), first(theirs(*arguments)))
    assert isinstance(module, getattr(torch.nn, name))


@each
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_dtypes_are_exact(name, dtype):
    make, draw = MODULES[name]
    module = make().to(dtype)
    arguments = [one.to(dtype) if one.is_floating_point() else one for one in draw()]
    made = first(module(*arguments))
    assert made.dtype == dtype
    made.sum().backward()
    assert all(parameter.grad.dtype == dtype for parameter in module.parameters())


@pytest.mark.parametrize("name", [name for name in MODULES if name != "TextCNN"])
def test_autocast_is_pytorchs_work(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    theirs = copy.deepcopy(module)
    theirs.__class__ = getattr(torch.nn, name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made, expected = first(module(*arguments)), first(theirs(*arguments))
    assert made.dtype == expected.dtype and torch.equal(made, expected)


@each
def test_meta_tensors(name):
    make, draw = MODULES[name]
    module = make().to("meta")
    assert first(module(*(one.to("meta") for one in draw()))).device.type == "meta"


@pytest.mark.parametrize("name", ["Embedding", "Conv1d", "LSTM", "TextCNN"])
@pytest.mark.parametrize("count", [1, 2])
def test_threads_are_pytorchs(name, count):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    before, ours = torch.get_num_threads(), _core.get_num_threads()
    seen = []
    module.register_forward_hook(lambda *_: seen.append(_core.get_num_threads()))
    expected = first(module(*arguments))
    torch.set_num_threads(count)
    try:
        assert torch.equal(first(module(*arguments)), expected)
        _core.set_num_threads(3)
        assert torch.equal(first(module(*arguments)), expected)
        assert _core.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
        _core.set_num_threads(0)
    assert _core.get_num_threads() == ours


def test_the_core_is_lent_pytorchs_threads():
    from embedcnn.torch.tensors import on_threads_of_torch

    _core.set_num_threads(3)
    try:
        assert on_threads_of_torch(_core.get_num_threads) == torch.get_num_threads()
        with pytest.raises(ZeroDivisionError):
            on_threads_of_torch(lambda: 1 / 0)
        assert _core.get_num_threads() == 3
    finally:
        _core.set_num_threads(0)


def test_many_threads_predict_with_one_module():
    module, arguments = nn.TextCNN(50, 7, 8, (2, 3)), [ids(6, 9) for _ in range(8)]
    expected = [module(one) for one in arguments]
    found = [None] * len(arguments)

    def predict(number):
        with torch.no_grad():
            for _ in range(20):
                found[number] = module(arguments[number])

    threads = [threading.Thread(target=predict, args=(number,)) for number in range(len(arguments))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


class Texts(torch.utils.data.Dataset):
    """Features that a worker computes with a module of the core."""

    def __init__(self, module):
        self.module = module

    def __len__(self):
        return 6

    def __getitem__(self, number):
        with torch.no_grad():
            return self.module(torch.full((1, 5), number))[0]


def test_workers_of_a_data_loader():
    module = nn.TextCNN(50, 7, 8, (2, 3))
    module(ids(64, 40)).sum().backward()  # a team has run before the fork
    texts = Texts(module)
    made = torch.cat(list(torch.utils.data.DataLoader(texts, batch_size=2, num_workers=2)))
    torch.testing.assert_close(made, torch.stack([texts[number] for number in range(6)]))


@pytest.mark.parametrize("name", ["Embedding", "Conv1d"])
def test_transforms_of_functions(name):
    make, draw = MODULES[name]
    module, arguments = make(), draw()
    state = dict(module.named_parameters())

    def loss(state):
        return torch.func.functional_call(module, state, arguments).square().sum()

    made = torch.func.grad(loss)(state)
    loss(state).backward()
    for key, parameter in module.named_parameters():
        torch.testing.assert_close(made[key], parameter.grad)


def test_a_traced_module_holds_no_python():
    module, one = nn.TextCNN(50, 7, 8, (2, 3)), ids(6, 9)
    traced = torch.jit.trace(module, one)
    stored = io.BytesIO()
    torch.jit.save(traced, stored)
    stored.seek(0)
    torch.testing.assert_close(torch.jit.load(stored)(one), module(one))


class Around(torch.nn.Module):
    """A module that has one of ours inside."""

    def __init__(self, module):
        super().__init__()
        self.inner = module

    def forward(self, x):
        return self.inner(x)


class AroundRecurrent(Around):
    def forward(self, x):
        return self.inner(x)[0]


def around(name):
    return (AroundRecurrent if name in ("LSTM", "GRU") else Around)(MODULES[name][0]())


@each
def test_graphs_of_fx_call_a_module_whole(name):
    """So that it stays the core's work, as torch.nn's modules stay whole."""
    outer, given = around(name), MODULES[name][1]()
    traced = torch.fx.symbolic_trace(outer)
    assert "inner" in [node.target for node in traced.graph.nodes if node.op == "call_module"]
    assert type(traced.inner) is type(outer.inner)
    torch.testing.assert_close(traced(*given), outer(*given), rtol=0, atol=0)


def test_fx_sees_through_a_module_that_is_traced_itself():
    module, x = nn.Conv1d(7, 8, 3), torch.randn(4, 7, 9)
    torch.testing.assert_close(torch.fx.symbolic_trace(module)(x), module(x))


@each
def test_scripts_are_of_pytorchs_modules(name):
    outer, given = around(name), MODULES[name][1]()
    wanted = outer(*given)
    scripted = torch.jit.script(outer)
    stored = io.BytesIO()
    torch.jit.save(scripted, stored)
    stored.seek(0)
    for one in (scripted, torch.jit.load(stored)):
        torch.testing.assert_close(one(*given), wanted)
    scripted(*given).square().sum().backward()  # over the same weights
    assert all(parameter.grad is not None for parameter in outer.parameters())


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
def test_a_script_of_a_text_cnn_has_its_activation(activation):
    module, x = nn.TextCNN(50, 7, 8, (2, 3), activation=activation), ids(6, 9)
    torch.testing.assert_close(torch.jit.script(module)(x), module(x))


@each
def test_data_parallel_on_the_cpu(name):
    make, data = MODULES[name]
    module, given = make(), data()
    found = first(torch.nn.DataParallel(module)(*given))
    torch.testing.assert_close(found, first(module(*given)), rtol=0, atol=0)


@pytest.mark.slow
def test_compiled_models_call_the_core():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.conv, self.gru = nn.Embedding(50, 20), nn.Conv1d(20, 8, 3), nn.GRU(8, 6)
            self.encoder, self.bag = nn.TextCNN(50, 10, 4, (2, 3)), nn.EmbeddingBag(50, 6)
            self.linear = nn.Linear(20, 2)

        def forward(self, x):
            y = self.conv(self.embedding(x).transpose(1, 2)).relu().permute(2, 0, 1)
            return self.linear(torch.cat([self.gru(y)[1][0], self.encoder(x), self.bag(x)], 1))

    net, x = Net(), ids(4, 12)
    net(x).square().sum().backward()
    expected, theirs = net(x), gradients(net)
    net.zero_grad()
    compiled = torch.compile(net, backend="eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(x), expected)
    compiled(x).square().sum().backward()
    for one, other in zip(gradients(net), theirs, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.slow
@pytest.mark.parametrize("strict", [False, True])
def test_exported_models_are_pytorchs(strict):
    model, x = nn.nn.Sequential(nn.TextCNN(50, 10, 4, (2, 3)), nn.Linear(8, 2)), ids(4, 12)
    exported = torch.export.export(model.eval(), (x,), strict=strict)
    torch.testing.assert_close(exported.module()(x), model(x))


def test_names():
    import embedcnn

    assert embedcnn.torch is nn and nn.nn.Embedding is nn.Embedding and nn.nn.TextCNN is nn.TextCNN
    assert nn.Linear is torch.nn.Linear and nn.nn.Linear is torch.nn.Linear
    assert nn.functional is torch.nn.functional and nn.Module is torch.nn.Module
    assert nn.tensor is torch.tensor and nn.from_numpy is torch.from_numpy and nn.device is torch.device
    assert nn.cuda.is_available() == torch.cuda.is_available()
    assert nn.optim.RMSprop is torch.optim.RMSprop and nn.optim.SGD is not torch.optim.SGD
    assert issubclass(nn.optim.Adam, torch.optim.Adam) and nn.optim.AdamW is not torch.optim.AdamW
    assert nn.utils.clip_grad_norm_ is torch.nn.utils.clip_grad_norm_
    assert nn.utils.data is torch.utils.data
    assert (
        {"Embedding", "Linear", "tensor"} <= set(dir(nn))
        and "Linear" in dir(nn.nn)
        and "Adam" in dir(nn.optim)
    )
    for place in (nn, nn.nn, nn.optim):
        with pytest.raises(AttributeError, match="no_such_name"):
            place.no_such_name  # noqa: B018


def test_public_names_have_docstrings():
    from structure.test_docstrings import without_docstring

    for module in (nn, nn.nn, nn.optim):
        assert not sorted(without_docstring(module))


@each
def test_outputs_may_be_changed_in_place(name):
    make, arguments = MODULES[name]
    torch.manual_seed(3)
    module, given = make(), arguments()
    output = first(module(*given))
    output += 1.0
    (output * output).sum().backward()
    found = gradients(module)
    module.zero_grad()
    output = first(module(*given)) + 1.0
    (output * output).sum().backward()
    for ours, expected in zip(found, gradients(module), strict=True):
        torch.testing.assert_close(ours, expected)


@pytest.mark.parametrize("kind", [nn.Embedding, nn.EmbeddingBag, nn.TextCNN])
def test_tables_come_from_arrays(kind):
    table = np.random.default_rng(0).random((9, 4))
    module = kind.from_pretrained(table)
    weight = module.embedding.weight if kind is nn.TextCNN else module.weight
    assert weight.dtype is torch.float32
    np.testing.assert_allclose(weight.numpy(), table, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: nn.Embedding.from_pretrained("glove.txt"),
            TypeError,
            r"embeddings must be .*Received: a str",
        ),
        (lambda: nn.TextCNN.from_pretrained(np.ones(3)), ValueError, r"\[V, D\]. Received: \(3,\)"),
        (lambda: nn.TextCNN(9, 4, kernel_sizes=3), ValueError, "kernel_sizes must be .*Received: 3"),
        (
            lambda: nn.TextCNN(9, 4, kernel_sizes=(2, 0)),
            ValueError,
            r"kernel_sizes must be .*Received: \(2, 0\)",
        ),
        (lambda: nn.TextCNN(9, 4, "x"), ValueError, "num_filters must be a positive integer. Received: 'x'"),
        (
            lambda: nn.EmbeddingBag(9, 4, mode="sqrtn")(ids(2, 3, limit=9)),
            ValueError,
            "mode has to be one of",
        ),
        (lambda: nn.accelerate([1]), TypeError, r"model must be a torch.nn.Module. Received: \[1\]"),
    ],
)
def test_misuse_names_the_argument(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
