"""Text models of PyTorch that are exported to ONNX: for make_onnx.py, and for tests beside PyTorch."""

import torch
import torch.nn.functional as F
from torch import nn

VOCABULARY, STEPS = 20, 9


class TextCNN(nn.Module):
    """Convolutions of several widths over word vectors, the maximum over time of each (Kim 2014)."""

    def __init__(self, whole=True):
        super().__init__()
        self.whole = whole  # max_pool1d, whose windows have a fixed size, or max(dim=2)
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.convs = nn.ModuleList(nn.Conv1d(6, 4, width) for width in (2, 3, 4))
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(12, 3)

    def forward(self, ids):
        x = self.embedding(ids).permute(0, 2, 1)
        found = [F.relu(conv(x)) for conv in self.convs]
        if self.whole:
            found = [F.max_pool1d(one, one.size(2)).squeeze(2) for one in found]
        else:
            found = [one.max(dim=2).values for one in found]
        return self.fc(self.dropout(torch.cat(found, 1)))


class TextCNN2d(nn.Module):
    """The same with windows as wide as the vectors, as many tutorials have it."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.convs = nn.ModuleList(nn.Conv2d(1, 4, (width, 6)) for width in (2, 3))
        self.fc = nn.Linear(8, 3)

    def forward(self, ids):
        x = self.embedding(ids).unsqueeze(1)
        found = [F.relu(conv(x)).squeeze(3) for conv in self.convs]
        return self.fc(torch.cat([F.max_pool1d(one, one.size(2)).squeeze(2) for one in found], 1))


class BiLSTM(nn.Module):
    """Two layers in both directions, the last states joined."""

    def __init__(self, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.lstm = nn.LSTM(6, 4, num_layers=layers, bidirectional=True, batch_first=True)
        self.fc = nn.Linear(8, 3)

    def forward(self, ids):
        _, (h, _) = self.lstm(self.embedding(ids))
        return self.fc(torch.cat((h[-2], h[-1]), 1))


class BiLSTMMean(BiLSTM):
    """One layer in both directions, its mean over time."""

    def __init__(self):
        super().__init__(1)

    def forward(self, ids):
        return self.fc(self.lstm(self.embedding(ids))[0].mean(1))


class GRULast(nn.Module):
    """The last step of a GRU, normalised; probabilities."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.gru = nn.GRU(6, 4, batch_first=True)
        self.norm = nn.LayerNorm(4)
        self.fc = nn.Linear(4, 3)

    def forward(self, ids):
        return torch.softmax(self.fc(self.norm(self.gru(self.embedding(ids))[0][:, -1])), -1)


class Convolutions(nn.Module):
    """Padding, batch normalisation, pooling over windows, a mean."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.first, self.norm = nn.Conv1d(6, 4, 3, padding=1), nn.BatchNorm1d(4)
        self.second, self.fc = nn.Conv1d(4, 5, 3), nn.Linear(5, 3)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)

    def forward(self, ids):
        x = self.embedding(ids).transpose(1, 2)
        x = F.max_pool1d(F.relu(self.norm(torch.tanh(self.first(x)))), 2)
        return self.fc(F.adaptive_avg_pool1d(torch.tanh(self.second(x)), 1).flatten(1))


class Transformer(nn.Module):
    """One layer of an encoder over words and places."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.places = nn.Parameter(torch.randn(1, STEPS, 6))
        layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)
        self.fc = nn.Linear(6, 3)

    def forward(self, ids):
        return self.fc(self.encoder(self.embedding(ids) + self.places[:, : ids.size(1)]).mean(1))


class Siamese(nn.Module):
    """Two texts read by the same layers, compared."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, 6)
        self.conv = nn.Conv1d(6, 4, 3)

    def encoded(self, ids):
        return torch.relu(self.conv(self.embedding(ids).transpose(1, 2))).amax(2)

    def forward(self, ids, others):
        return (self.encoded(ids) * self.encoded(others)).sum(1, keepdim=True)


MODELS = {
    "text_cnn": TextCNN,
    "text_cnn_max": lambda: TextCNN(False),
    "text_cnn_2d": TextCNN2d,
    "bilstm": BiLSTM,
    "bilstm_mean": BiLSTMMean,
    "gru": GRULast,
    "convolutions": Convolutions,
    "transformer": Transformer,
    "siamese": Siamese,
}


def built(name):
    """A model with weights that depend on its name alone, and the ids it is tried with."""
    torch.manual_seed(sorted(MODELS).index(name))
    model = MODELS[name]().eval()
    count = 2 if name == "siamese" else 1
    return model, [torch.randint(0, VOCABULARY, (3, STEPS)) for _ in range(count)]


def exported(model, ids, path, exporter, fixed=False):
    """Writes a model by the exporter "torchscript" or "dynamo"; `fixed`: for one batch size."""
    names = ["ids", "others"][: len(ids)]
    if exporter == "torchscript":
        axes = None if fixed else {name: {0: "batch"} for name in [*names, "out"]}
        options = {"dynamic_axes": axes, "dynamo": False}
    else:
        shapes = None if fixed else tuple({0: torch.export.Dim("batch")} for _ in names)
        options = {"dynamic_shapes": shapes, "dynamo": True, "external_data": False, "verbose": False}
    torch.onnx.export(model, tuple(ids), str(path), input_names=names, output_names=["out"], **options)
