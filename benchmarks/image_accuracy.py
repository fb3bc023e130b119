"""Accuracy of a small network of convolutions beside the same one in PyTorch: same start, batches, epochs.

    python benchmarks/image_accuracy.py [--sets signs digits] [--seeds 3] [--json FILE]

`signs`: photographs of hands that sign 0 to 9, 64 x 64 (1,653 learnt, 409 tested: split.tsv); `digits`:
scikit-learn's 8 x 8 digits (1,437 and 360). Conv2D 32 and 64 of 3 x 3 (same), MaxPooling2D behind each,
Flatten, Dense 10; Adam 0.001, batches of 32. The weights that embedcnn draws are copied into PyTorch, and
both take the same batches in the same order, so that they differ by rounding alone. Goal: the mean test
accuracies within 0.5 points. Needs torch, and Pillow or scikit-learn for the sets.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import peers

BATCH, RATE, POINTS = 32, 0.001, 0.5
EPOCHS = {"signs": 12, "digits": 15}
FOLDER = Path(
    os.environ.get("EMBEDCNN_SHARED", peers.ROOT.parent / "shared"), "data", "images", "sign_digits"
)

Data = tuple[np.ndarray, np.ndarray]


def signs() -> tuple[Data, Data]:
    """(images, labels) to learn and to test."""
    from embedcnn import image, io

    parts: dict[str, list[tuple[np.ndarray, int]]] = {"train": [], "test": []}
    for line in (FOLDER / "split.tsv").read_text().splitlines()[1:]:
        path, label, part = line.split("\t")
        pixels = image.resize(image.decode_jpeg(io.read_file(FOLDER / path), channels=3), (64, 64))
        parts[part].append((pixels / 255, int(label)))
    train, test = (tuple(map(np.array, zip(*rows, strict=True))) for rows in parts.values())
    return train, test


def digits() -> tuple[Data, Data]:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    order = np.random.default_rng(0).permutation(len(images))
    train, test = order[:1437], order[1437:]
    return (images[train], labels[train]), (images[test], labels[test])


SETS = {"signs": signs, "digits": digits}


def batches(count: int, epochs: int, seed: int):
    """Rows of each batch; the same for both."""
    rng = np.random.default_rng(seed)
    for _ in range(epochs):
        order = rng.permutation(count)
        yield from (order[start : start + BATCH] for start in range(0, count, BATCH))


def network(shape: tuple[int, ...], seed: int):
    import embedcnn
    from embedcnn import layers

    embedcnn.utils.set_random_seed(seed)
    model = embedcnn.Sequential(
        [
            embedcnn.Input(shape),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        seed=seed,
    )
    model.compile(embedcnn.optimizers.Adam(RATE), "sparse_categorical_crossentropy")
    return model


def torch_network(weights: list[np.ndarray], side: int):
    """The same network with these weights; images come as (batch, channels, height, width), channels last."""
    import torch
    from torch import nn

    first, _, second, _, scores, _ = weights
    model = nn.Sequential(
        nn.Conv2d(first.shape[2], 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(len(scores), 10),
    ).to(memory_format=torch.channels_last)
    # Flatten goes over rows, columns, channels here, over channels first there
    inner = side // 4
    scores = scores.reshape(inner, inner, 64, 10).transpose(2, 0, 1, 3).reshape(len(scores), 10)
    values = [
        first.transpose(3, 2, 0, 1),
        weights[1],
        second.transpose(3, 2, 0, 1),
        weights[3],
        scores.T,
        weights[5],
    ]
    with torch.no_grad():
        for parameter, value in zip(model.parameters(), values, strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return model


def accuracies(name: str, seeds: int) -> tuple[list[float], list[float]]:
    """Per cent of the test part for each seed, ours and PyTorch's."""
    import torch

    (images, labels), (test, answers) = SETS[name]()
    ours, theirs = [], []
    as_torch = torch.from_numpy(images).permute(0, 3, 1, 2)  # channels last in memory
    for seed in range(seeds):
        model = network(images.shape[1:], seed)
        twin = torch_network(model.get_weights(), images.shape[1])
        optimizer = torch.optim.Adam(twin.parameters(), RATE, eps=1e-7)
        for rows in batches(len(images), EPOCHS[name], seed):
            model.train_on_batch(images[rows], labels[rows])
            optimizer.zero_grad()
            answer = torch.from_numpy(labels[rows]).long()
            torch.nn.functional.cross_entropy(twin(as_torch[rows]), answer).backward()
            optimizer.step()
        ours.append(100 * float((model.predict(test, verbose=0).argmax(1) == answers).mean()))
        with torch.inference_mode():
            found = twin(torch.from_numpy(test).permute(0, 3, 1, 2)).argmax(1).numpy()
        theirs.append(100 * float((found == answers).mean()))
    return ours, theirs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    results = []
    for name in arguments.sets:
        ours, theirs = accuracies(name, arguments.seeds)
        difference = float(np.mean(ours) - np.mean(theirs))
        met = abs(difference) <= POINTS
        print(
            f"{name}: embedcnn {np.mean(ours):.2f} % {np.round(ours, 1)}, PyTorch {np.mean(theirs):.2f} % "
            f"{np.round(theirs, 1)}: {difference:+.2f} points; goal within {POINTS}: "
            f"{'met' if met else 'MISSED'}",
            flush=True,
        )
        results.append(
            {
                "set": name,
                "embedcnn": ours,
                "PyTorch": theirs,
                "difference": difference,
            }
        )
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
