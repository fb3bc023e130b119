"""The same text CNN trained by PyTorch: initial weights and batches by NumPy, dense gradients, no dropout."""

from __future__ import annotations

import numpy as np

#: name -> (optimizer, settings of the core, learning rate)
OPTIMIZERS = {
    "sgd": ("sgd", {}, 0.2),
    "momentum": ("sgd", {"momentum": 0.9}, 0.02),
    "adam": ("adam", {"epsilon": 1e-8}, 0.002),
}
STEPS, BATCH, LENGTH, VOCABULARY, WIDTH, FILTERS, CLASSES = 50, 16, 20, 200, 20, 12, 4
KERNELS = (3, 4, 5)


def initial_values() -> list[np.ndarray]:
    """embeddings, then kernel (K, D, F) and bias of each width, then the dense layer."""
    rng = np.random.default_rng(2014)
    values = [rng.normal(size=(VOCABULARY, WIDTH)) / 2]
    for taps in KERNELS:
        values += [rng.normal(size=(taps, WIDTH, FILTERS)) / 5, rng.normal(size=FILTERS) / 10]
    values += [rng.normal(size=(FILTERS * len(KERNELS), CLASSES)) / 5, np.zeros(CLASSES)]
    return [value.astype(np.float32) for value in values]


def batches() -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(50)
    out = []
    for _ in range(STEPS):
        labels = rng.integers(0, CLASSES, BATCH)
        ids = rng.integers(1, VOCABULARY, (BATCH, LENGTH))
        ids[:, :5] = 1 + labels[:, None] * 10 + rng.integers(0, 10, (BATCH, 5))  # something to learn
        ids[rng.random(BATCH) < 0.5, 14:] = 0
        out.append((ids, labels))
    return out


def train(name: str) -> list[float]:
    """The loss of each of 50 PyTorch steps."""
    import torch
    from torch.nn import functional

    kind, settings, rate = OPTIMIZERS[name]
    tensors = [torch.from_numpy(value.copy()).requires_grad_() for value in initial_values()]
    if kind == "sgd":
        optimizer = torch.optim.SGD(tensors, rate, momentum=settings.get("momentum", 0.0))
    else:
        optimizer = torch.optim.Adam(tensors, rate, eps=settings["epsilon"])
    losses = []
    for ids, labels in batches():
        x = tensors[0][torch.from_numpy(ids)].transpose(1, 2)
        pooled = []
        for number in range(len(KERNELS)):
            kernel, bias = tensors[1 + 2 * number : 3 + 2 * number]
            pooled.append(functional.relu(functional.conv1d(x, kernel.permute(2, 1, 0), bias)).amax(2))
        loss = functional.cross_entropy(
            torch.cat(pooled, 1) @ tensors[-2] + tensors[-1], torch.from_numpy(labels)
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
