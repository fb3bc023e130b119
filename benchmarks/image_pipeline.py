"""Photographs from files to a trained network: images a second, beside Keras's own pipeline.

    python benchmarks/image_pipeline.py --python TF/bin/python

2,062 photographs of hands (JPEG, 100 x 100; three of 3,024 x 3,024) in ten folders: decode, resize to 64 x 64
(bilinear, half-pixel centres, no antialiasing), batches of 32, RandomFlip, RandomRotation and RandomContrast
in the model, Conv2D 16, 32 and 64 of 3 x 3 with MaxPooling2D behind each, GlobalAveragePooling2D, Dense 10,
Adam. A step is an epoch: `files` reads and decodes in each, `cached` keeps the resized images from the first
on, `decoding` makes the batches and trains nothing; `article` is `files` with the larger network of
`image_net.py`. Each framework by its `image_dataset_from_directory`, which in Keras decodes by a faster, less
exact transform; simplejpeg, where it is installed, decodes for embedcnn. Goals: 1.5 times Keras from files;
cached, a step waits at most 5 % for data.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import image_net
import peers

FOLDER = Path(
    os.environ.get("EMBEDCNN_SHARED", peers.ROOT.parent / "shared"), "data", "images", "sign_digits"
)
CASES = ["files", "cached", "decoding", "article"]
GOALS = {"files": 1.5}
MOST_WAITING = 0.05


@dataclass(frozen=True)
class Shape:
    """Sizes of images and batches."""

    side: int = 64
    batch: int = 32
    classes: int = 10
    folder: str = os.environ.get("EMBEDCNN_PHOTOGRAPHS", str(FOLDER))


def network(framework, shape: Shape, article: bool = False):
    """The same layers in Keras's names; small steps, so that the pipeline shows."""
    layers = framework.layers
    small = []
    for filters in (16, 32, 64):
        small += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D()]
    small += [layers.GlobalAveragePooling2D(), layers.Dense(shape.classes, activation="softmax")]
    model = framework.Sequential(
        [
            framework.Input((shape.side, shape.side, 3)),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.05),
            layers.RandomContrast(0.2),
            layers.Rescaling(1 / 255),
            *(image_net.keras_layers(layers, shape.classes) if article else small),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


def batches(framework, shape: Shape, case: str):
    """What each epoch goes over."""
    settings = {"image_size": (shape.side, shape.side), "seed": 0, "verbose": False}
    read = framework.utils.image_dataset_from_directory
    if case == "cached":
        single = read(shape.folder, batch_size=None, shuffle=False, **settings).cache()
        return single.shuffle(2048, seed=0).batch(shape.batch).prefetch(2)
    return read(shape.folder, batch_size=shape.batch, **settings)


def epochs(framework, shape: Shape, case: str) -> Callable[[int], object]:
    """One epoch."""
    data = batches(framework, shape, case)
    if case == "decoding":
        return lambda number: sum(len(labels) for _, labels in data)
    model = network(framework, shape, article=case == "article")
    return lambda number: model.fit(data, verbose=0)


def serve_embedcnn(shape: Shape, case: str) -> None:
    import embedcnn

    peers.serve(f"embedcnn {embedcnn.__version__}", epochs(embedcnn, shape, case))


def serve_keras(shape: Shape, case: str) -> None:
    import keras
    import tensorflow

    keras.utils.set_random_seed(0)
    peers.serve(f"TensorFlow {tensorflow.__version__}, Keras {keras.__version__}", epochs(keras, shape, case))


def waiting(shape: Shape) -> dict[str, dict[str, float]]:
    """The share of a step that waits for data, as `profile` tells it."""
    import embedcnn

    found = {}
    for case in ("files", "cached"):
        model, data = network(embedcnn, shape), batches(embedcnn, shape, case)
        model.fit(data, verbose=0)
        profile = model.profile(data, steps=60)
        found[case] = {"idle_share": round(profile.idle_share, 4), "step_ms": round(profile.step_ms, 2)}
    return found


SERVED: dict[str, Callable[[Shape, str], None]] = {"embedcnn": serve_embedcnn, "Keras": serve_keras}


def main() -> None:
    shape = Shape()
    if "--serve" not in sys.argv and not Path(shape.folder).is_dir():
        sys.exit(
            f"no photographs in {shape.folder}: set EMBEDCNN_PHOTOGRAPHS to a folder with one of each class"
        )
    shares: dict[str, object] = {}
    if "--serve" not in sys.argv:
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--only", nargs="*", default=[])
        if "Keras" not in parser.parse_known_args()[0].only:
            shares = waiting(shape)
            for case, share in shares.items():
                wanted = f"; goal at most {MOST_WAITING:.0%}" if case == "cached" else ""
                told = f"{share['idle_share']:.1%} of a step of {share['step_ms']} ms wait for data"
                print(f"{case}: {told}{wanted}")
    before = [{"title": "waiting for data", "goal": MOST_WAITING, "results": shares}] if shares else []
    peers.compete("image_pipeline", __doc__, __file__, SERVED, shape, CASES, GOALS, before, rounds=4, steps=1)


if __name__ == "__main__":
    main()
