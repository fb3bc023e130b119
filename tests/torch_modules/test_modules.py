"""The modules of embedcnn.torch against those of torch.nn in float64: results, gradients, states."""

import itertools

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torch.nn", reason="needs PyTorch")

from torch.nn.utils.rnn import pack_padded_sequence, pack_sequence  # noqa: E402

from embedcnn import torch as nn  # noqa: E402


def is_close(one, exact, what, tolerance=1e-5):
    one = one.to_dense() if one.is_sparse else one
    scale = exact.abs().max().item() + 1e-12
    difference = (one - exact).abs().max().item() if one.numel() else 0.0
    assert one.shape == exact.shape and difference <= tolerance * scale, f"{what}: {difference} of {scale}"


def flat(value):
    """The tensors of an output."""
    if isinstance(value, torch.nn.utils.rnn.PackedSequence):
        return [value.data]
    if isinstance(value, (tuple, list)):
        return [tensor for one in value for tensor in flat(one)]
    return [value]


def compare(module, exact, *arguments):
    """Outputs and gradients of all parameters and float arguments, within 1e-5 of those in float64."""
    exact = exact.double()
    exact.load_state_dict(module.state_dict())

    def cast(value, dtype):
        if isinstance(value, torch.nn.utils.rnn.PackedSequence):
            return value.to(dtype)
        if isinstance(value, tuple):
            return tuple(cast(one, dtype) for one in value)
        if value is None or not value.is_floating_point():
            return value
        return value.detach().to(dtype).requires_grad_()

    ours, theirs = (tuple(cast(one, dtype) for one in arguments) for dtype in (torch.float32, torch.float64))
    made, expected = flat(module(*ours)), flat(exact(*theirs))
    assert [one.dtype for one in made] == [torch.float32] * len(expected)
    given = [torch.randn_like(one) for one in made]
    torch.autograd.backward(made, given)
    torch.autograd.backward(expected, [one.double() for one in given])
    for number, (one, other) in enumerate(zip(made, expected, strict=True)):
        is_close(one, other, f"output {number}")
    for (name, one), (_, other) in zip(module.named_parameters(), exact.named_parameters(), strict=True):
        is_close(one.grad, other.grad, name)
        assert one.grad.dtype == torch.float32
    for number, (one, other) in enumerate(zip(flat(ours), flat(theirs), strict=True)):
        if one is not None and one.requires_grad and one.is_leaf:
            is_close(one.grad, other.grad, f"argument {number}")


def ids(*shape, limit=50):
    return torch.randint(0, limit, shape)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(
    "settings", [{}, {"padding_idx": 3}, {"padding_idx": -1}, {"scale_grad_by_freq": True}], ids=str
)
@pytest.mark.parametrize("shape", [(6, 9), (4,), (2, 3, 5), ()], ids=str)
def test_embedding(shape, settings, sparse):
    if sparse and "scale_grad_by_freq" in settings:
        pytest.skip("torch.nn has no sparse gradient that is scaled")
    compare(
        nn.Embedding(50, 7, sparse=sparse, **settings), torch.nn.Embedding(50, 7, **settings), ids(*shape)
    )


def test_sparse_gradients_are_coalesced():
    embedding = nn.Embedding(50, 7, sparse=True)
    for _ in range(2):
        embedding(torch.tensor([[9, 2, 9, 30]])).sum().backward()
    gradient = embedding.weight.grad.coalesce()
    assert gradient.indices().tolist() == [[2, 9, 30]]
    assert gradient.values()[:, 0].tolist() == [2, 4, 2]


def test_max_norm_bounds_rows_that_are_read():
    ours, theirs = nn.Embedding(9, 4, max_norm=0.5), torch.nn.Embedding(9, 4, max_norm=0.5)
    theirs.load_state_dict(ours.state_dict())
    looked_up = torch.tensor([[1, 2, 1], [7, 2, 3]])
    assert torch.equal(ours(looked_up), theirs(looked_up))
    assert torch.equal(ours.weight, theirs.weight)
    bags = nn.EmbeddingBag(9, 4, max_norm=0.5, mode="sum")
    bags.load_state_dict(theirs.state_dict())
    torch.testing.assert_close(bags(torch.tensor([[8, 0]]))[0], bags.weight[8] + bags.weight[0])
    assert bags.weight[8].norm() <= 0.5001


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 3, -1])
def test_embedding_bag(mode, padding_idx):
    def both(**more):
        settings = {"mode": mode, "padding_idx": padding_idx, **more}
        return nn.EmbeddingBag(50, 7, **settings), torch.nn.EmbeddingBag(50, 7, **settings)

    compare(*both(), ids(6, 9))
    compare(*both(), ids(20), torch.tensor([0, 3, 3, 12]))
    compare(*both(), ids(20), torch.tensor([0, 3, 3, 20], dtype=torch.int32))
    compare(*both(include_last_offset=True), ids(20), torch.tensor([0, 3, 3, 20]))
    if mode != "max":
        sparse = nn.EmbeddingBag(50, 7, mode=mode, padding_idx=padding_idx, sparse=True)
        compare(sparse, both()[1], ids(6, 9))
    if mode == "sum":
        compare(*both(), ids(6, 9), None, torch.rand(6, 9))
        compare(*both(), ids(20), torch.tensor([0, 5]), torch.rand(20))  # PyTorch's work
        compare(*both(scale_grad_by_freq=True), ids(6, 9))  # and this


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"padding": 2},
        {"padding": "same"},
        {"padding": "valid", "bias": False},
        {"padding": 1, "padding_mode": "reflect"},
        {"padding": "same", "padding_mode": "circular"},
        {"stride": 2},  # these three are PyTorch's work
        {"dilation": 2},
        {"groups": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [1, 2, 5])
def test_conv1d(width, settings):
    both = [place.Conv1d(6, 8, width, **settings) for place in (nn, torch.nn)]
    compare(*both, torch.randn(4, 6, 11))


def test_conv1d_below_a_maximum():
    class Net(torch.nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.conv = kind(12, 40, 3)

        def forward(self, x):
            return self.conv(x).relu().max(2).values

    compare(Net(nn.Conv1d), Net(torch.nn.Conv1d), torch.randn(9, 30, 12).transpose(1, 2))


def test_output_of_conv1d_can_be_viewed():
    assert nn.Conv1d(3, 4, 2)(torch.randn(5, 3, 8)).view(5, -1).shape == (5, 28)


SETTINGS = [
    {"num_layers": layers, "bidirectional": both, "bias": bias}
    for layers, both, bias in itertools.product([1, 2], [False, True], [True, False])
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_recurrent(kind, settings):
    def both(**more):
        return [getattr(place, kind)(5, 6, **settings, **more) for place in (nn, torch.nn)]

    states = settings["num_layers"] * (1 + settings["bidirectional"])
    first = [torch.randn(states, 4, 6) for _ in range(2 if kind == "LSTM" else 1)]
    hx = tuple(first) if kind == "LSTM" else first[0]
    compare(*both(), torch.randn(7, 4, 5))
    compare(*both(batch_first=True), torch.randn(4, 7, 5), hx)


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("lengths", [[7, 4, 4, 1], [3, 7, 1, 5], [7, 7, 7, 7]], ids=str)
@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_packed_sequences(kind, lengths, settings):
    both = [getattr(place, kind)(5, 6, **settings) for place in (nn, torch.nn)]
    is_sorted = lengths == sorted(lengths, reverse=True)
    x = pack_padded_sequence(torch.randn(7, 4, 5), torch.tensor(lengths), enforce_sorted=is_sorted)
    compare(*both, x)
    made, expected = both[0](x)[0], both[1].float()(x)[0]
    assert torch.equal(made.batch_sizes, expected.batch_sizes)
    for name in ("sorted_indices", "unsorted_indices"):
        one, other = getattr(made, name), getattr(expected, name)
        assert (one is None and other is None) or torch.equal(one, other)
    states = torch.randn(settings.get("num_layers", 1) * (2 if settings else 1), 4, 6)
    compare(*both, x, (states, states.clone()) if kind == "LSTM" else states)


def test_a_packed_list():
    both = [place.GRU(5, 6, bidirectional=True) for place in (nn, torch.nn)]
    compare(*both, pack_sequence([torch.randn(n, 5) for n in (2, 6, 3)], enforce_sorted=False))


def test_dropout_between_layers():
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 6, num_layers=2, dropout=0.5)
    x = torch.randn(7, 4, 5)
    assert not torch.equal(lstm(x)[0], lstm(x)[0])
    lstm.eval()
    assert torch.equal(lstm(x)[0], lstm(x)[0])


@pytest.mark.parametrize("proj_size", [0, 3])
def test_sequences_that_are_pytorchs_work(proj_size):
    both = [place.LSTM(5, 6, proj_size=proj_size) for place in (nn, torch.nn)]
    compare(*both, torch.randn(7, 5))
    compare(*both, torch.randn(7, 4, 5))


class TwoParts(torch.nn.Module):
    """TextCNN as two modules of torch.nn."""

    def __init__(self, count, width, filters, sizes, activation=torch.relu, padding_idx=None):
        super().__init__()
        self.embedding = torch.nn.Embedding(count, width, padding_idx)
        self.convs = torch.nn.ModuleList(torch.nn.Conv1d(width, filters, size) for size in sizes)
        self.activation = activation

    def forward(self, x):
        x = self.embedding(x).transpose(1, 2)
        return torch.cat([self.activation(conv(x)).max(2).values for conv in self.convs], 1)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", ["relu", "tanh", "sigmoid", "linear"])
def test_text_cnn(name, sparse):
    activation = torch.nn.Identity() if name == "linear" else getattr(torch, name)
    ours = nn.TextCNN(50, 7, 10, (2, 3, 5), activation=name, padding_idx=0, sparse=sparse)
    compare(ours, TwoParts(50, 7, 10, (2, 3, 5), activation, 0), ids(6, 19))


def test_text_cnn_over_vectors():
    vectors = torch.randn(50, 7)
    frozen = nn.TextCNN.from_pretrained(vectors, num_filters=10, kernel_sizes=(2, 3), padding_idx=4)
    assert frozen.embedding.weight.data_ptr() == vectors.data_ptr() and frozen.embedding.padding_idx == 4
    frozen(ids(6, 9)).sum().backward()
    assert frozen.embedding.weight.grad is None
    learning = nn.TextCNN.from_pretrained(vectors, freeze=False, num_filters=10, kernel_sizes=(2, 3))
    compare(learning, TwoParts(50, 7, 10, (2, 3)), ids(6, 9))


def test_text_cnn_whose_parts_were_changed():
    seen = []
    ours = nn.TextCNN(50, 7, 10, (2, 3))
    ours.convs[0].register_forward_hook(lambda *_: seen.append(1))
    compare(ours, TwoParts(50, 7, 10, (2, 3)), ids(6, 9))
    assert seen
    half = nn.TextCNN(50, 7, 10, (2, 3))
    half.convs[1] = torch.nn.Conv1d(7, 10, 3, padding=1)
    assert half(ids(6, 9)).shape == (6, 20)


def test_text_cnn_says_what_it_cannot():
    with pytest.raises(
        ValueError, match="activation must be one of relu, tanh, sigmoid, linear. Received: 'gelu'"
    ):
        nn.TextCNN(5, 4, activation="gelu")
    with pytest.raises(
        ValueError, match=r"kernel_sizes must be one or more positive integers.*Received: \(\)"
    ):
        nn.TextCNN(5, 4, kernel_sizes=())
    with pytest.raises(RuntimeError, match="greater than actual input size"):
        nn.TextCNN(5, 4)(ids(2, 3, limit=5))


@pytest.mark.parametrize(
    "make", [lambda: nn.Embedding(50, 7), lambda: nn.EmbeddingBag(50, 7)], ids=["table", "bag"]
)
def test_ids_outside_the_table(make):
    with pytest.raises(IndexError, match=r"\[1, 2\] = 50 is outside \[0, 50\)"):
        make()(torch.tensor([[0, 1, 2], [3, 4, 50]]))
    with pytest.raises(IndexError, match="-1 is outside"):
        make()(torch.tensor([[0, -1]]))
