"""One step of Adam on a table of 1,000,000 x 300 of which a batch reads 20,000 distinct rows, against
PyTorch's SparseAdam.

    python benchmarks/sparse_adam.py [--processor-time] [--json sparse_adam.json]

A batch of 200 texts of 100 ids, no two alike, anywhere in the table; every step has fresh ones. The model is
the sum of a text's rows (EmbeddingBag) and a Dense of one unit. Both run in one process on the same batches,
in turns. Counted are the whole step, and the optimizer alone: PyTorch's `step()`, embedcnn's line "update" of
`Model.profile`. Takes 8 GB of memory. Goal: 5 times as fast.
"""

from __future__ import annotations

import argparse
import statistics

import numpy as np
import peers

ROWS, WIDTH, TEXTS, LENGTH, BATCHES = 1_000_000, 300, 200, 100, 12
GOAL = 5.0


def of_embedcnn():
    import embedcnn
    from embedcnn import layers

    model = embedcnn.Sequential(
        [
            embedcnn.Input((LENGTH,), dtype="int32"),
            layers.EmbeddingBag(ROWS, WIDTH, mode="sum"),
            layers.Dense(1),
        ]
    )
    model.compile("adam", "mse")
    return model


def of_torch():
    """(A training step, the optimizer of the table)."""
    import torch

    table = torch.nn.EmbeddingBag(ROWS, WIDTH, mode="sum", sparse=True)
    dense = torch.nn.Linear(WIDTH, 1)
    sparse = torch.optim.SparseAdam(table.parameters())
    rest = torch.optim.Adam(dense.parameters(), fused=True)

    def step(ids, y, clock) -> float:
        """Returns the seconds of the table's update."""
        sparse.zero_grad(set_to_none=True)
        rest.zero_grad(set_to_none=True)
        torch.nn.functional.mse_loss(dense(table(torch.from_numpy(ids))), torch.from_numpy(y)).backward()
        rest.step()
        begin = clock()
        sparse.step()
        return clock() - begin

    return step


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--processor-time", action="store_true", help="of one thread each, not of the clock")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    clock = peers.clock_of(arguments.processor_time)
    rng = np.random.default_rng(0)
    ids = [rng.permutation(ROWS)[: TEXTS * LENGTH].reshape(TEXTS, LENGTH) for _ in range(BATCHES)]
    ids = [one.astype(np.int64) for one in ids]
    y = rng.normal(size=(TEXTS, 1)).astype(np.float32)
    model, torch_step = of_embedcnn(), of_torch()
    ours: list[float] = []
    theirs: list[float] = []
    updates: list[float] = []
    for turn in range(-1, arguments.turns):  # the first turn is not counted: it makes the pages
        for one in ids:
            begin = clock()
            model.train_on_batch(one, y)
            middle = clock()
            update = torch_step(one, y, clock)
            end = clock()
            if turn >= 0:
                ours.append(middle - begin)
                theirs.append(end - middle)
                updates.append(update)
    whole = statistics.median(theirs) / statistics.median(ours)
    print(
        f"whole step: embedcnn {statistics.median(ours) * 1e3:.1f} ms, PyTorch "
        f"{statistics.median(theirs) * 1e3:.1f} ms: {whole:.1f} x (goal {GOAL:g} x)"
    )
    profile = model.profile(np.concatenate(ids), np.tile(y, (BATCHES, 1)), batch_size=TEXTS, steps=BATCHES)
    update = profile.costs[-1].forward_ms
    print(
        f"update alone: embedcnn {update:.1f} ms on the clock, PyTorch "
        f"{statistics.median(updates) * 1e3:.1f} ms"
    )
    peers.write_json(
        arguments.json,
        [{"title": "sparse Adam, 20,000 rows of 1 M x 300", "ratio": round(whole, 2), "goal": GOAL}],
    )


if __name__ == "__main__":
    main()
