"""Models as articles on embeddings in PyTorch build them, with nothing but the import lines changed."""

import re

import numpy as np
import pytest

pytest.importorskip("torch.nn", reason="needs PyTorch")

import embedcnn.torch.nn as nn  # noqa: E402
import embedcnn.torch.optim as optim  # noqa: E402
from embedcnn import torch  # noqa: E402

WORDS = ["the", "film", "was", "good", "bad"]


def test_a_mean_of_embeddings():
    class Averaged(nn.Module):
        def __init__(self, vocab_size, embedding_dim):
            super().__init__()
            self.embedding = nn.Embedding(vocab_size, embedding_dim)
            self.pool = nn.AdaptiveAvgPool1d(1)
            self.fc1 = nn.Linear(embedding_dim, 16)
            self.fc2 = nn.Linear(16, 1)

        def forward(self, x):
            x = self.pool(self.embedding(x).transpose(1, 2)).view(-1, self.fc1.in_features)
            return torch.sigmoid(self.fc2(torch.relu(self.fc1(x))))

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Averaged(len(WORDS), 8).to(device)
    criterion, optimizer = nn.BCELoss(), optim.Adam(model.parameters(), lr=0.05)
    x = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4]] * 4, device=device)
    y = torch.tensor([[1.0], [0.0]] * 4, device=device)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert isinstance(model.embedding, torch.nn.Embedding) and losses[-1] < 0.1 < losses[0]


def weights_matrix():
    """Vectors for the words of a vocabulary, random where there is none; float64, as NumPy makes them."""
    draws = np.random.default_rng(0)
    vectors = {word: np.full(6, number / 5, np.float32) for number, word in enumerate(WORDS[:4])}
    matrix = np.zeros((len(WORDS), 6))
    for number, word in enumerate(WORDS):
        vector = vectors.get(word)
        matrix[number] = draws.normal(scale=0.6, size=(6,)) if vector is None else vector
    return matrix


def test_pretrained_vectors():
    matrix = weights_matrix()
    layer = nn.Embedding(len(WORDS), 6)
    layer.load_state_dict({"weight": torch.tensor(matrix)})
    layer.weight.requires_grad = False
    np.testing.assert_allclose(layer(torch.tensor([[4, 0]])).numpy()[0], matrix[[4, 0]], rtol=1e-6)

    class Classifier(nn.Module):
        def __init__(self, embedding_dim, matrix):
            super().__init__()
            self.embedding = nn.Embedding.from_pretrained(torch.tensor(matrix))
            self.fc = nn.Linear(embedding_dim, 2)

        def forward(self, x):
            return self.fc(self.embedding(x).mean(dim=1))

    model = Classifier(6, matrix)
    logits = model(torch.tensor([[0, 1, 2], [2, 3, 4]]))
    assert logits.shape == (2, 2) and logits.dtype == torch.float32
    nn.CrossEntropyLoss()(logits, torch.tensor([0, 1])).backward()
    assert model.embedding.weight.grad is None and model.fc.weight.grad is not None
    assert model.double()(torch.tensor([[0, 1, 2]])).dtype == torch.float64


def test_vectors_of_float32_are_shared():
    vectors = torch.from_numpy(weights_matrix().astype(np.float32))
    assert nn.Embedding.from_pretrained(vectors).weight.data_ptr() == vectors.data_ptr()
    bag = nn.EmbeddingBag.from_pretrained(vectors.double(), freeze=False, mode="sum")
    assert bag.weight.dtype == torch.float32 and bag.weight.requires_grad and bag.mode == "sum"


def test_the_code_of_an_article(shared):
    """As it stands there, up to its training loop; the import lines name embedcnn."""
    text = (shared / "background" / "001_eee0a8bece66ce38.txt").read_text()
    (block,) = [one for one in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "import torch" in one]
    lines = {
        "import torch\n": "from embedcnn import torch\n",
        "import torch.nn as nn\n": "import embedcnn.torch.nn as nn\n",
        "import torch.optim as optim\n": "import embedcnn.torch.optim as optim\n",
    }
    for line, ours in lines.items():
        assert line in block
        block = block.replace(line, ours)
    names = {}
    exec(re.sub(r"\nfor epoch.*", "\n", block, flags=re.DOTALL), names)
    model, x = names["model"], torch.randint(0, names["vocab_size"], (4, names["max_length"]))
    assert type(model.embedding) is nn.Embedding
    losses = []
    for _ in range(5):
        names["optimizer"].zero_grad()
        loss = names["criterion"](model(x), torch.ones(4, 1))
        loss.backward()
        names["optimizer"].step()
        losses.append(loss.item())
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]
