"""Writes torch_layers.npz: what PyTorch computes for layers that Keras lacks, or names otherwise.
Run once, where PyTorch is installed:

python tests/golden/make_torch_layers.py
"""

import pathlib

import numpy as np


def data(shape, seed):
    return np.random.RandomState(seed).uniform(-1.5, 1.5, shape).astype("float32")


def gradients(out, seed, tensors):
    import torch

    return torch.autograd.grad((out * torch.tensor(data(tuple(out.shape), seed))).sum(), tensors)


def weight_norm(convolution):
    """kernel_size 3 over (batch, channels, time), or a linear layer."""
    import torch

    shape = (5, 4, 3) if convolution else (5, 4)
    layer = torch.nn.Conv1d(4, 5, 3) if convolution else torch.nn.Linear(4, 5)
    layer = torch.nn.utils.parametrizations.weight_norm(layer, dim=0)
    g, v = layer.parametrizations.weight.original0, layer.parametrizations.weight.original1
    with torch.no_grad():
        g.copy_(torch.tensor(data(tuple(g.shape), 1)))
        v.copy_(torch.tensor(data(shape, 2)))
        layer.bias.copy_(torch.tensor(data((5,), 3)))
    x = torch.tensor(data((2, 4, 7) if convolution else (6, 4), 4), requires_grad=True)
    out = layer(x)
    found = gradients(out, 5, [x, g, v, layer.bias])
    return dict(zip(["out", "d_x", "d_g", "d_v", "d_bias"], [out.detach(), *found], strict=True))


def batch_norm():
    import torch

    layer = torch.nn.BatchNorm1d(4, eps=1e-3, momentum=0.3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(data((4,), 1)))
        layer.bias.copy_(torch.tensor(data((4,), 2)))
    x = torch.tensor(data((3, 4, 6), 3), requires_grad=True)
    out = layer(x)
    found = gradients(out, 4, [x, layer.weight, layer.bias])
    names = ["out", "d_x", "d_gamma", "d_beta", "running_mean"]
    return dict(zip(names, [out.detach(), *found, layer.running_mean], strict=True))


def grouped():
    import torch

    x = torch.tensor(data((2, 6, 8), 1), requires_grad=True)
    kernel = torch.tensor(data((4, 3, 3), 2), requires_grad=True)
    out = torch.nn.functional.conv1d(x, kernel, groups=2, dilation=2)
    return dict(zip(["out", "d_x", "d_kernel"], [out.detach(), *gradients(out, 3, [x, kernel])], strict=True))


if __name__ == "__main__":
    cases = {
        "linear": weight_norm(False),
        "conv": weight_norm(True),
        "batch": batch_norm(),
        "groups": grouped(),
    }
    values = {f"{name}/{key}": value.numpy() for name, found in cases.items() for key, value in found.items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("torch_layers.npz"), **values)
    print(len(values), "arrays")
