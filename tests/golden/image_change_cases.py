"""Layers that move or change pixels, with settings under which nothing is left to chance: {name: (class,
arguments, what it is called on)}.
"""

import numpy as np

RNG = np.random.default_rng(0)
IMAGES = {
    "wide": RNG.integers(0, 256, (1, 5, 8, 3)).astype(np.float32),
    "tall": RNG.integers(0, 256, (2, 9, 6, 1)).astype(np.float32),
    "dot": np.float32([[[[7.0, 250.0]]]]),
}
FILLS = ("reflect", "wrap", "constant", "nearest")


def cases():
    """The cases, in order."""
    found = {}

    def add(name, images, *arguments, **settings):
        shown = [*map(str, arguments), *(f"{key}={value}" for key, value in settings.items())]
        found[f"{name}({', '.join(shown)}) {images}"] = (name, arguments, settings, images)

    for padding in (1, (1, 2), ((1, 0), (0, 2))):
        add("ZeroPadding2D", "wide", padding)
    for cropping in (1, (2, 0), ((1, 2), (0, 3))):
        add("Cropping2D", "tall", cropping)
    for interpolation in ("nearest", "bilinear", "lanczos3"):
        add("UpSampling2D", "wide", (2, 3), interpolation=interpolation)
    for images, size in (("wide", (3, 4)), ("tall", (4, 5)), ("wide", (7, 6)), ("dot", (2, 3))):
        add("CenterCrop", images, *size)
    for images, size in (("wide", (3, 4)), ("tall", (12, 5)), ("dot", (2, 3))):
        for interpolation in ("nearest", "bilinear"):
            add("Resizing", images, *size, interpolation)
    for interpolation in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
        add("Resizing", "tall", 4, 4, interpolation, antialias=True)
    add("Resizing", "wide", 4, 3, crop_to_aspect_ratio=True)
    add("Resizing", "wide", 4, 3, pad_to_aspect_ratio=True, fill_value=9.0)
    for fill in FILLS:
        add("RandomRotation", "wide", (0.1, 0.1), fill_mode=fill, fill_value=3.0)
        add("RandomTranslation", "tall", (0.3, 0.3), (-0.2, -0.2), fill_mode=fill)
        add("RandomZoom", "wide", (0.4, 0.4), (-0.3, -0.3), fill_mode=fill)
        add("RandomTranslation", "wide", (-1.0, -1.0), (0.9, 0.9), fill_mode=fill, interpolation="nearest")
    add("RandomRotation", "tall", (-0.22, -0.22), interpolation="nearest", fill_mode="constant")
    add("RandomZoom", "tall", (-0.5, -0.5))
    add("RandomBrightness", "wide", (0.3, 0.3))
    add("RandomBrightness", "tall", (-0.5, -0.5), value_range=(0, 200))
    add("Rescaling", "wide", 1 / 127.5, offset=-1)
    add("Normalization", "wide", mean=[100.0, 110.0, 120.0], variance=[30.0, 40.0, 50.0])
    return found


MAPS = {
    "turned and moved": [0.8, -0.5, 1.0, 0.4, 0.9, -0.7, 0.0, 0.0],
    "seen aslant": [1.1, 0.1, -0.5, 0.05, 0.9, 0.3, 0.02, -0.01],
}
"""For ops.image.affine_transform of "wide", with each fill mode."""
CONTRASTS = (0.6, 1.5)
"""Factors of RandomContrast of "wide"."""


# What PyTorch resizes, and sees through maps.
RESIZED = {
    f"{images} {size} {mode} {antialias}": (images, size, mode, antialias)
    for images, size in (("wide", (3, 4)), ("wide", (9, 13)), ("tall", (4, 5)))
    for mode, antialias in (("bilinear", False), ("bilinear", True), ("nearest", False))
}
MOVED = {f"{images}, {name}": (images, MAPS[name]) for images in ("wide", "tall") for name in MAPS}


def d_out_of(name, shape):
    return np.random.default_rng(len(name)).normal(size=shape).astype(np.float32)
