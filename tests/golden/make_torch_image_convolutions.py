"""Writes torch_image_convolutions.npz: PyTorch on settings of image_convolution_cases.py that mean
the same there, and the losses of 50 steps. Run once, where PyTorch is installed:

python tests/golden/make_torch_image_convolutions.py
"""

import pathlib

import numpy as np
import torch
from image_convolution_cases import CASES, RATE, STEPS, d_out_of, input_of, net_batch, net_weights, weights_of
from torch.nn import functional

SAME_MEANING = ["conv", "conv uneven", "conv dilation", "conv groups", "transposed", "transposed strides"]


def channels_first(x):
    return torch.tensor(x).permute(0, 3, 1, 2)


def both(value):
    return tuple(value) if isinstance(value, list) else (value, value)


def run(name):
    kind, arguments, (_, _, channels) = CASES[name]
    size, groups = both(arguments["kernel_size"]), arguments.get("groups", 1)
    transposed = kind == "Conv2DTranspose"
    inner = (arguments["filters"], channels) if transposed else (channels // groups, arguments["filters"])
    kernel, bias = (
        torch.tensor(one, requires_grad=True)
        for one in weights_of(name, [(*size, *inner), (arguments["filters"],)])
    )
    x = torch.tensor(input_of(name), requires_grad=True)
    settings = {"stride": both(arguments.get("strides", 1)), "groups": groups}
    settings["dilation"] = both(arguments.get("dilation_rate", 1))
    if arguments.get("padding") == "same":
        settings["padding"] = "same"
    function = functional.conv_transpose2d if transposed else functional.conv2d
    out = function(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, **settings)
    activation = arguments.get("activation")
    out = (getattr(torch, activation)(out) if activation else out).permute(0, 2, 3, 1)
    found = torch.autograd.grad(
        (out * torch.tensor(d_out_of(name, tuple(out.shape)))).sum(), [x, kernel, bias]
    )
    return dict(zip(("out", "d_x", "d_kernel", "d_bias"), [out.detach(), *found], strict=True))


def losses():
    """Of 50 steps of SGD with momentum 0.9, each that of its batch before the update."""
    weights = [torch.tensor(one, requires_grad=True) for one in net_weights()]
    moments = [torch.zeros_like(one) for one in weights]
    seen = []
    for step in range(STEPS):
        x, y = net_batch(step)
        h = functional.relu(
            functional.conv2d(channels_first(x), weights[0].permute(3, 2, 0, 1), weights[1], padding=1)
        )
        h = functional.pad(h, (0, 1, 0, 1))  # as TensorFlow's "same" with strides 2
        h = functional.relu(functional.conv2d(h, weights[2].permute(3, 2, 0, 1), weights[3], stride=2))
        logits = h.permute(0, 2, 3, 1).reshape(len(x), -1) @ weights[4] + weights[5]
        loss = functional.cross_entropy(logits, torch.tensor(y, dtype=torch.long))
        seen.append(loss.item())
        found = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, moment, gradient in zip(weights, moments, found, strict=True):
                moment.mul_(0.9).sub_(gradient, alpha=RATE)
                weight.add_(moment)
    return np.array(seen)


if __name__ == "__main__":
    values = {f"{name}/{key}": value.numpy() for name in SAME_MEANING for key, value in run(name).items()}
    values["losses"] = losses()
    np.savez_compressed(pathlib.Path(__file__).with_name("torch_image_convolutions.npz"), **values)
    print(torch.__version__, len(values), "arrays", values["losses"][::7])
