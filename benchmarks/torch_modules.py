"""Training steps in a loop of PyTorch: its own modules against those of embedcnn.torch.

    python benchmarks/torch_modules.py [--cases kim table lstm] [--processor-time] [--json torch_modules.json]

`kim`: the text CNN of kim.py (filters 3, 4, 5 x 100, D 300, B 50, T 64, V 18,765, dropout 0.5), the table
frozen, trained with dense gradients, and trained with sparse ones. PyTorch's step is that of torch.nn with
torch.optim.Adam, which needs dense gradients; ours has that of embedcnn.torch.optim, and with sparse
gradients SparseAdam for the table. "one by one": Embedding and Conv1d instead of TextCNN. `lstm`:
an embedding and an LSTM of 128 units (B 32, T 64), dense Adam. `table`: the mean of an embedding of
2,000,000 rows of 64 and `sparse=True`, against the same over 20,000 rows: as in big_table.py the same
batches, their ids spread over all rows. All of a case run in one process, in turns; milliseconds of the
clock, or with --processor-time of one thread. Goals: TextCNN 6 times, one by one 2 times as fast; 2,000,000
rows at most 1.3 times the time of 20,000.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

import kim
import numpy as np
import peers

Step = Callable[[int], object]
BATCHES = 40
ROWS = {"2,000,000 rows": 2_000_000, "20,000 rows": 20_000}
GOALS = {
    ("kim frozen", "TextCNN"): 6.0,
    ("kim trained, dense", "TextCNN"): None,
    ("kim trained, sparse", "TextCNN"): 6.0,
    ("kim frozen", "one by one"): 2.0,
    ("kim trained, sparse", "one by one"): 2.0,
}


def text_cnn(nn, frozen: bool, **settings):
    """The model of kim.py from the modules of `nn`: torch.nn or embedcnn.torch."""
    import torch

    shape = kim.SHAPE

    class Kim(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(shape.vocabulary, shape.width, **settings)
            self.embedding.weight.requires_grad_(not frozen)
            self.convs = torch.nn.ModuleList(
                nn.Conv1d(shape.width, shape.filters, kernel) for kernel in shape.kernels
            )
            self.dropout = torch.nn.Dropout(0.5)
            self.linear = torch.nn.Linear(shape.filters * len(shape.kernels), 2)

        def forward(self, x):
            x = self.embedding(x).transpose(1, 2)
            pooled = [torch.relu(conv(x)).max(2).values for conv in self.convs]
            return self.linear(self.dropout(torch.cat(pooled, 1)))

    return Kim()


def fused_text_cnn(frozen: bool, **settings):
    """The same with TextCNN."""
    import torch

    from embedcnn import torch as nn

    shape = kim.SHAPE
    encoder = nn.TextCNN(shape.vocabulary, shape.width, shape.filters, shape.kernels, **settings)
    encoder.embedding.weight.requires_grad_(not frozen)
    linear = torch.nn.Linear(shape.filters * len(shape.kernels), 2)
    return torch.nn.Sequential(encoder, torch.nn.Dropout(0.5), linear)


def loop(model, batches: tuple[np.ndarray, np.ndarray], adam=None) -> Step:
    """A training step of PyTorch, with our Adam or another; with our SparseAdam for a table of sparse
    gradients.
    """
    import torch

    from embedcnn.torch import optim

    ids, labels = (torch.from_numpy(np.ascontiguousarray(one, np.int64)) for one in batches)
    sparse = [
        module.weight
        for module in model.modules()
        if getattr(module, "sparse", False) and isinstance(module, torch.nn.Embedding)
    ]
    dense = [one for one in model.parameters() if one.requires_grad and not any(one is s for s in sparse)]
    optimizers = [(adam or optim.Adam)(dense)] + ([optim.SparseAdam(sparse)] if sparse else [])

    def step(number: int):
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(ids[number % len(ids)]), labels[number % len(ids)])
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        return loss

    return step


def race(title: str, steps: dict[str, Step], rounds: int, block: int, clock) -> dict[str, float]:
    """Median milliseconds a step of each, blocks of steps in turns."""
    samples: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        for number in range(3):
            step(number)
    for turn in range(rounds):
        for name, step in steps.items():
            begin = clock()
            for number in range(block):
                step(turn * block + number)
            samples[name].append((clock() - begin) * 1e3 / block)
    print(f"\n{title}")
    found = {name: statistics.median(values) for name, values in samples.items()}
    for name, milliseconds in found.items():
        print(f"  {name:<16}{milliseconds:9.2f} ms", flush=True)
    return found


def compare(title: str, steps: dict[str, Step], arguments, clock) -> dict[str, object]:
    """The ratios of PyTorch's time to ours, beside their goals."""
    found = race(title, steps, arguments.rounds, arguments.steps, clock)
    ratios = {name: found["PyTorch"] / own for name, own in found.items() if name != "PyTorch"}
    for name, ratio in ratios.items():
        goal = GOALS.get((title, name))
        print(f"  {name}: {ratio:.2f} x as fast" + (f"; goal {goal:g} x" if goal else ""), flush=True)
    return {"title": title, "ms": found, "ratios": ratios}


def run_kim(arguments, clock) -> list[dict[str, object]]:
    import torch

    from embedcnn import torch as nn

    shape = kim.SHAPE
    batches = peers.movie_reviews(BATCHES, shape.batch, shape.length, shape.vocabulary)
    made = []
    for title, frozen, settings in (
        ("kim frozen", True, {}),
        ("kim trained, dense", False, {}),
        ("kim trained, sparse", False, {"sparse": True}),
    ):
        steps = {
            "PyTorch": loop(text_cnn(torch.nn, frozen), batches, torch.optim.Adam),
            "one by one": loop(text_cnn(nn, frozen, **settings), batches),
            "TextCNN": loop(fused_text_cnn(frozen, **settings), batches),
        }
        made.append(compare(title, steps, arguments, clock))
    return made


def run_lstm(arguments, clock) -> list[dict[str, object]]:
    import torch

    from embedcnn import torch as nn

    class Reader(torch.nn.Module):
        def __init__(self, kind) -> None:
            super().__init__()
            self.embedding = kind.Embedding(10_000, 100)
            self.embedding.weight.requires_grad_(False)
            self.lstm = kind.LSTM(100, 128, batch_first=True)
            self.linear = torch.nn.Linear(128, 2)

        def forward(self, x):
            return self.linear(self.lstm(self.embedding(x))[1][0][0])

    batches = peers.movie_reviews(BATCHES, 32, 64, 10_000)
    steps = {"PyTorch": loop(Reader(torch.nn), batches, torch.optim.Adam), "LSTM": loop(Reader(nn), batches)}
    return [compare("lstm", steps, arguments, clock)]


def run_table(arguments, clock) -> list[dict[str, object]]:
    import torch

    from embedcnn import torch as nn

    class Mean(torch.nn.Module):
        def __init__(self, rows: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(rows, 64, sparse=True)
            self.linear = torch.nn.Linear(64, 2)

        def forward(self, x):
            return self.linear(self.embedding(x).mean(1))

    ids, labels = peers.movie_reviews(BATCHES, 50, 64, 20_000)
    place = np.random.default_rng(0).permutation(2_000_000)[:20_000]
    steps = {
        name: loop(Mean(rows), (place[ids] if rows > 20_000 else ids, labels)) for name, rows in ROWS.items()
    }
    found = race("a table, sparse=True", steps, arguments.rounds, arguments.steps, clock)
    ratio = found["2,000,000 rows"] / found["20,000 rows"]
    print(f"  2,000,000 rows take {ratio:.2f} x the time of 20,000; goal <= 1.3 x", flush=True)
    return [{"title": "a table, sparse=True", "ms": found, "ratios": {"rows": ratio}}]


RUNS = {"kim": run_kim, "lstm": run_lstm, "table": run_table}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="*", default=list(RUNS), choices=list(RUNS))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--processor-time", action="store_true", help="of one thread, not of the clock")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    clock = peers.clock_of(arguments.processor_time)
    results = [result for case in arguments.cases for result in RUNS[case](arguments, clock)]
    if arguments.json:
        peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
