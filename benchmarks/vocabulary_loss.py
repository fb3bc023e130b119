"""The last layer of a language model and its loss: milliseconds a training step against PyTorch.

    python benchmarks/vocabulary_loss.py [--compile] [--cases "V 50000"] [--json vocabulary_loss.json]

1,280 rows of 256 numbers through Dense(256), Dense(V) and the sparse cross entropy of logits, V 10,000 and
50,000, SGD. Both learn both layers. `memory.py` has the memory that the larger one takes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import peers

GOALS = {"V 10000": 1.0, "V 50000": 1.0}
RATE = 0.01


@dataclass(frozen=True)
class Shape:
    rows: int = 1280
    width: int = 256
    batches: int = 4

    def workload(self, case: str) -> tuple[int, np.ndarray, np.ndarray]:
        """V, rows [batches, rows, width] and labels."""
        rng, vocabulary = np.random.default_rng(0), int(case.split()[-1])
        x = rng.normal(size=(self.batches, self.rows, self.width)).astype(np.float32)
        labels = np.stack([peers.zipf_ids(rng, self.rows, vocabulary) for _ in range(self.batches)])
        return vocabulary, x, labels


def serve_embedcnn(shape: Shape, case: str) -> None:
    import embedcnn
    from embedcnn import layers

    vocabulary, x, labels = shape.workload(case)
    model = embedcnn.Sequential(
        [embedcnn.Input((shape.width,)), layers.Dense(shape.width), layers.Dense(vocabulary)], seed=0
    )
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(embedcnn.optimizers.SGD(RATE), loss)
    peers.serve(
        f"embedcnn {embedcnn.__version__}",
        lambda i: model.train_on_batch(x[i % len(x)], labels[i % len(x)]),
    )


def serve_torch(shape: Shape, case: str, compiled: bool = False) -> None:
    import torch
    from torch import nn

    vocabulary, *arrays = shape.workload(case)
    x, labels = (torch.from_numpy(array) for array in arrays)
    labels = labels.long()
    model = nn.Sequential(nn.Linear(shape.width, shape.width), nn.Linear(shape.width, vocabulary))
    optimizer = torch.optim.SGD(model.parameters(), RATE)

    def loss_of(rows, targets):
        return nn.functional.cross_entropy(model(rows), targets)

    run = torch.compile(loss_of) if compiled else loss_of

    def step(i: int) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = run(x[i % len(x)], labels[i % len(x)])
        loss.backward()
        optimizer.step()
        return loss.item()

    peers.serve(f"PyTorch {torch.__version__}", step)


def serve_torch_compiled(shape: Shape, case: str) -> None:
    serve_torch(shape, case, compiled=True)


SHAPE = Shape()
SERVED = {"embedcnn": serve_embedcnn, "PyTorch": serve_torch, "PyTorch compiled": serve_torch_compiled}

if __name__ == "__main__":
    peers.compete(
        "last layer and loss", __doc__, __file__, SERVED, SHAPE, list(GOALS), GOALS, rounds=5, steps=2
    )
