"""accelerate: which modules of a model run on the core afterwards, and that nothing else changes."""

import pytest

torch = pytest.importorskip("torch", reason="needs PyTorch")
pytest.importorskip("torch.nn", reason="needs PyTorch")

from embedcnn import torch as nn  # noqa: E402


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.Embedding(50, 8)
        self.conv = torch.nn.Conv1d(8, 6, 3)
        self.wide = torch.nn.Conv1d(8, 6, 3, dilation=2)
        self.lstm = torch.nn.LSTM(8, 5, batch_first=True)
        self.small = torch.nn.LSTM(8, 5, proj_size=2, batch_first=True)
        self.gru = torch.nn.GRU(8, 5, batch_first=True).double()
        self.linear = torch.nn.Linear(17, 2)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, ids):
        x = self.embedding(ids)
        y = x.transpose(1, 2)
        parts = [self.conv(y).amax(2), self.wide(y).amax(2), self.lstm(x)[1][0][0]]
        return self.linear(self.drop(torch.cat(parts, 1)))


def test_known_modules_are_turned_in_place():
    torch.manual_seed(0)
    net, ids = Net().eval(), torch.randint(0, 50, (4, 12))
    optimizer = torch.optim.Adam(net.parameters())
    expected, names = net(ids), list(net.state_dict())
    before = dict(net.named_parameters())
    report = nn.accelerate(net)
    assert report.replaced == {"embedding": "Embedding", "conv": "Conv1d", "lstm": "LSTM"}
    assert report.kept == {
        "wide": "Conv1d has stride 1, dilation 2 and 1 groups; the core has 1 of each",
        "small": "LSTM has proj_size 2, which the core lacks",
        "gru": "GRU has parameters of torch.float64 on cpu; the core has float32 on the CPU",
        "linear": "Linear has no counterpart in the core",
    }
    assert "embedding: Embedding runs on the core\n" in str(report)
    assert isinstance(net.conv, nn.Conv1d) and not isinstance(net.wide, nn.Conv1d)
    torch.testing.assert_close(net(ids), expected)
    assert list(net.state_dict()) == names
    assert all(parameter is before[name] for name, parameter in net.named_parameters())
    net(ids).sum().backward()
    optimizer.step()
    assert nn.accelerate(net).kept["lstm"] == "LSTM runs on the core already"


def test_hooks_and_buffers_stay():
    seen = []
    model = torch.nn.Sequential(torch.nn.EmbeddingBag(9, 4), torch.nn.ReLU())
    model[0].register_forward_hook(lambda *_: seen.append(1))
    assert nn.accelerate(model).replaced == {"0": "EmbeddingBag"}
    model(torch.tensor([[1, 2]]))
    assert seen == [1]


def test_a_model_that_is_one_module():
    lstm = torch.nn.LSTM(3, 4)
    assert str(nn.accelerate(lstm)) == "the model: LSTM runs on the core"
    assert lstm(torch.randn(5, 2, 3))[0].shape == (5, 2, 4)


def test_a_subclass_is_left_alone():
    class Own(torch.nn.Embedding):
        def forward(self, input):
            return super().forward(input) * 2

    model = torch.nn.Sequential(Own(5, 3))
    assert nn.accelerate(model).kept == {"0": "Own is a subclass of Embedding, which may do something else"}
    assert type(model[0]) is Own
