"""Pictures of clothes, as Keras has them: keras.datasets.fashion_mnist."""

from __future__ import annotations

import gzip
import os

import numpy as np

from embedcnn.data.downloads import get_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load_data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(x_train, y_train), (x_test, y_test): images, uint8 (60000, 28, 28) and (10000, 28, 28), and the kinds
    of clothes, of 10, uint8. As keras.datasets.fashion_mnist.load_data.

    The files, 30 MB, are fetched at the first call (utils.get_file). Raises OSError where they cannot be.

    >>> load_data()  # doctest: +SKIP
    """
    train, test = (
        (
            _bytes(f"{side}-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
            _bytes(f"{side}-labels-idx1-ubyte.gz", 8),
        )
        for side in ("train", "t10k")
    )
    return train, test


def _bytes(name: str, offset: int) -> np.ndarray:
    """What stands behind the head of a file."""
    path = get_file(name, ORIGIN + name, cache_subdir=os.path.join("datasets", "fashion-mnist"))
    with gzip.open(path, "rb") as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)
