"""Writes torch_image_changes.npz: what PyTorch 2.13.0 gives for images resized and seen through maps, and the
gradients of the images. Run once, where it is installed:

    python tests/golden/make_torch_image_changes.py
"""

import pathlib

import numpy as np
from image_change_cases import IMAGES, MOVED, RESIZED, d_out_of

if __name__ == "__main__":
    import torch
    from torch.nn import functional

    def keep(name, images, change):
        x = torch.tensor(IMAGES[images]).permute(0, 3, 1, 2).requires_grad_()
        out = change(x).permute(0, 2, 3, 1)
        out.backward(torch.tensor(d_out_of(name, out.shape)))
        made[f"{name}/out"], made[f"{name}/gradient"] = out.detach(), x.grad.permute(0, 2, 3, 1)

    def moved(x, numbers):
        height, width = x.shape[2:]
        ys, xs = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        a0, a1, a2, b0, b1, b2, c0, c1 = numbers
        k = c0 * xs + c1 * ys + 1
        at_x, at_y = (a0 * xs + a1 * ys + a2) / k, (b0 * xs + b1 * ys + b2) / k
        grid = torch.stack([2 * at_x / (width - 1) - 1, 2 * at_y / (height - 1) - 1], -1)
        return functional.grid_sample(x, grid.expand(len(x), -1, -1, -1), align_corners=True)

    made = {}
    for name, (images, size, mode, antialias) in RESIZED.items():
        ways = {"mode": "nearest-exact"} if mode == "nearest" else {"mode": mode, "antialias": antialias}
        keep(name, images, lambda x, size=size, ways=ways: functional.interpolate(x, size, **ways))
    for name, (images, numbers) in MOVED.items():
        keep(name, images, lambda x, numbers=numbers: moved(x, numbers))
    made = {name: np.asarray(value, np.float32) for name, value in made.items()}
    np.savez_compressed(pathlib.Path(__file__).with_name("torch_image_changes.npz"), **made)
    print(len(made), "arrays")
