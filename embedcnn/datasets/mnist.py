"""Handwritten digits, as Keras has them: keras.datasets.mnist."""

from __future__ import annotations

import numpy as np

from embedcnn.data.downloads import get_file

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"
HASH: str | None = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(
    path: str = "mnist.npz",
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(x_train, y_train), (x_test, y_test): images, uint8 (60000, 28, 28) and (10000, 28, 28), and their
    digits, uint8. As keras.datasets.mnist.load_data.

    The file, 11 MB, is fetched at the first call (utils.get_file). Raises OSError where it cannot be.

    >>> load_data()  # doctest: +SKIP
    """
    with np.load(get_file(path, ORIGIN, file_hash=HASH), allow_pickle=False) as found:
        return (found["x_train"], found["y_train"]), (found["x_test"], found["y_test"])
