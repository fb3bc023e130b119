"""Programs over images drawn at random, their runs and gradients against the reference.

``EMBEDCNN_RANDOM_PROGRAMS=100000`` runs that many; a failure names its seed: ``run_one(seed)`` repeats it.
"""

import os

import numpy as np
import pytest
from comparison import Pair

COUNT = int(os.environ.get("EMBEDCNN_RANDOM_PROGRAMS", "60"))


class Builder:
    """Grows a program of operations on images; `sizes` are those of its tensors."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.sizes = [tuple(int(self.rng.integers(1, most)) for most in (8, 9, 5))]
        self.operations, self.values = [], []

    def whole(self, least, most):
        return int(self.rng.integers(least, most + 1))

    def pick(self, options):
        return options[self.whole(0, len(options) - 1)]

    def add(self, name, sources, size, parameters=(), **settings):
        self.sizes.append(size)
        out = len(self.sizes) - 1
        self.operations.append((name, tuple(sources), (out,), tuple(parameters), settings))

    def parameter(self, *shape):
        self.values.append(self.rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1])))
        return len(self.values) - 1

    def windows(self, size, name):
        """Settings of windows over an image of this size, and how many there are."""
        settings, counts, padding = {}, [], self.pick(["same", "valid"])
        for end, length in zip(("rows", "cols"), size, strict=False):
            taps, stride = self.whole(1, min(3, length)), self.whole(1, 3)
            settings |= {f"{name}_{end}": taps, f"stride_{end}": stride}
            counts.append(-(-length // stride) if padding == "same" else (length - taps) // stride + 1)
        return {**settings, "padding": padding}, tuple(counts)

    def grow(self):
        x = self.whole(0, len(self.sizes) - 1)
        size = self.sizes[x]
        getattr(self, self.pick(["convolve", "transpose", "pool", "resize", "frame", "change", "join"]))(
            x, size
        )

    def convolve(self, x, size):
        settings, counts = self.windows(size, "taps")
        taps, filters = [settings.pop(f"taps_{end}") for end in ("rows", "cols")], self.whole(1, 5)
        parameters = [self.parameter(*taps, size[2], filters), self.parameter(filters)]
        self.add("conv2d", [x], (*counts, filters), parameters, **settings)

    def transpose(self, x, size):
        taps, filters = (self.whole(1, 4), self.whole(1, 3)), self.whole(1, 4)
        to, settings = [], {}
        for end, length, wide in zip(("rows", "cols"), size, taps, strict=False):
            stride, dilation = self.whole(1, 3), self.whole(1, 2)
            to.append(min(length * stride + self.whole(0, 2), 12))
            settings |= {f"stride_{end}": stride, f"dilation_{end}": dilation, f"out_{end}": to[-1]}
            settings[f"lead_{end}"] = self.whole(0, wide)
        parameters = [self.parameter(*taps, filters, size[2]), self.parameter(filters)]
        self.add("conv2d_transpose", [x], (*to, filters), parameters, **settings)

    def pool(self, x, size):
        settings, counts = self.windows(size, "pool")
        self.add("average_pool2d", [x], (*counts, size[2]), **settings)

    def resize(self, x, size):
        to = (self.whole(1, 9), self.whole(1, 9))
        ways = {"interpolation": self.pick(["nearest", "bilinear", "bicubic", "lanczos3", "area"])}
        ways["antialias"] = bool(self.whole(0, 1))
        self.add("resize_images", [x], (*to, size[2]), height=to[0], width=to[1], **ways)

    def frame(self, x, size):
        to = {"height": self.whole(1, 9), "width": self.whole(1, 9)}
        if to["height"] <= size[0] and to["width"] <= size[1] and self.whole(0, 1):
            self.add("random_window", [x], (to["height"], to["width"], size[2]), layer=x, **to)
        else:
            corner = {"top": self.whole(-3, 3), "left": self.whole(-3, 3), "value": 0.5}
            self.add("window_images", [x], (to["height"], to["width"], size[2]), **corner, **to)

    def change(self, x, size):
        name = self.pick(["random_flip", "random_light", "random_affine", "random_affine", "activation"])
        kind = self.pick(["rotation", "translation", "zoom"])
        settings = {
            "random_flip": {"cols": bool(self.whole(0, 1)), "rows": bool(self.whole(0, 1)), "layer": x},
            "random_light": {"low": 0.5, "high": 1.5, "least": -1e9, "most": 1e9, "layer": x},
            "random_affine": {"kind": kind, "row_low": -0.4, "row_high": 0.3, "col_low": -0.2, "layer": x},
            "activation": {"activation": "tanh"},
        }[name]
        if name == "random_light":
            settings["contrast"] = bool(self.whole(0, 1))
        if name == "random_affine":
            settings |= {"fill_mode": self.pick(["reflect", "constant", "nearest"]), "fill_value": 0.3}
        self.add(name, [x], size, **settings)

    def join(self, x, size):
        alike = [other for other, its in enumerate(self.sizes) if its == size]
        self.add("merge", [x, self.pick(alike)], size, kind=self.pick(["add", "multiply"]))


def run_one(seed):
    build = Builder(seed)
    for _ in range(build.whole(2, 8)):
        build.grow()
    read = {source for _, sources, _, _, _ in build.operations for source in sources}
    outputs = tuple(number for number in range(1, len(build.sizes)) if number not in read)
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(build.values)]
    inputs = [("x", "float32", None, build.sizes[0])]
    pair = Pair(inputs, parameters, build.operations, outputs, build.values, seed=seed)
    for step in (1, 2):
        x = build.rng.normal(size=(build.whole(1, 5), *build.sizes[0]))
        pair.check_gradients([x], step=step, tolerance=1e-4, seed=seed)


@pytest.mark.parametrize("part", range(4))
def test_programs(threads, part):
    for seed in range(part, COUNT, 4):
        try:
            run_one(seed)
        except Exception as error:
            raise AssertionError(f"run_one({seed})") from error
