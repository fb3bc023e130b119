"""Writes torch_bags.npz: what torch.nn.EmbeddingBag and torch.nn.Embedding give for the cases of
bag_cases.py: output, gradient of the table (dense), gradient of the weights, and the table after the call
where it renormalises. Run once, where PyTorch is installed:

python tests/golden/make_torch_bags.py

PyTorch 2.13 on CPUs divides the gradient of a row of an EmbeddingBag by the count of another row
(scale_grad_by_freq; `counts[indices_data[i]]` in EmbeddingBag.cpp reads place i of the sorted ids, where i
numbers the distinct ones). What its documentation says is written here: the gradient without scaling, each
row divided by how often its id stands in the batch.
"""

import pathlib

import numpy as np
from bag_cases import CASES, ROWS, WIDTH, data, ids_of, settings_of


def values_of(case):
    import torch

    kind = torch.nn.Embedding if case["mode"] == "rows" else torch.nn.EmbeddingBag
    settings = settings_of(case)
    by_count = case["mode"] != "rows" and settings.pop("scale_grad_by_freq", False)
    layer = kind(ROWS, WIDTH, **settings)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(data((ROWS, WIDTH), 1)))
    ids, offsets = ids_of(case)
    weights = torch.tensor(data(ids.shape, 2), requires_grad=True) if case.get("weighted") else None
    arguments = [torch.tensor(ids)]
    if case["mode"] != "rows":
        arguments += [None if offsets is None else torch.tensor(offsets), weights]
    out = layer(*arguments)
    (out * torch.tensor(data(tuple(out.shape), 3))).sum().backward()
    counts = torch.bincount(arguments[0].ravel(), minlength=ROWS).clamp(min=1)[:, None]
    found = {"out": out.detach(), "d_table": layer.weight.grad / (counts if by_count else 1)}
    found |= {} if weights is None else {"d_weights": weights.grad}
    found |= {"table": layer.weight.detach()} if "max_norm" in case else {}
    return {name: value.numpy() for name, value in found.items()}


if __name__ == "__main__":
    made = {f"{name}/{key}": value for name, case in CASES.items() for key, value in values_of(case).items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("torch_bags.npz"), **made)
    print(len(made), "arrays")
