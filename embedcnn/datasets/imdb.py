"""Reviews of films, good or bad, as Keras has them: keras.datasets.imdb."""

from __future__ import annotations

import json

import numpy as np

from embedcnn.data.downloads import get_file
from embedcnn.datasets.indexed_texts import arrays_of, begun, known_words, short_ones, shuffled

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
HASHES: dict[str, str | None] = {
    "imdb.npz": "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    "imdb_word_index.json": "bfafd718b763782e994055a2d397834f",
}


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(x_train, y_train), (x_test, y_test): 25,000 reviews each as lists of word numbers, in an array, and
    labels, 1 for good ones, int64 (25000,). As keras.datasets.imdb.load_data.

    Numbers go by how frequent a word is; those from `num_words` on, and below `skip_top`, are `oov_char`;
    reviews of `maxlen` words and more are left out. The file, 17 MB, is fetched at the first call
    (utils.get_file). Raises OSError where it cannot be, ValueError for another file.

    >>> load_data(num_words=20000)  # doctest: +SKIP
    """
    found = arrays_of(get_file(path, ORIGIN + "imdb.npz", file_hash=HASHES["imdb.npz"]))
    order = np.random.RandomState(seed)  # noqa: NPY002 - Keras's order
    train, test = (
        short_ones(begun(texts, start_char, index_from), labels, maxlen)
        for texts, labels in (
            shuffled(found["x_train"], found["y_train"], order),
            shuffled(found["x_test"], found["y_test"], order),
        )
    )
    texts = known_words([*train[0], *test[0]], num_words, skip_top, oov_char)
    return (texts[: len(train[0])], train[1]), (texts[len(train[0]) :], test[1])


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """The number of each word, before `index_from` is added. As keras.datasets.imdb.get_word_index.

    >>> get_word_index()["the"]  # doctest: +SKIP
    1
    """
    name = "imdb_word_index.json"
    with open(get_file(path, ORIGIN + name, file_hash=HASHES[name]), encoding="utf-8") as file:
        words: dict[str, int] = json.load(file)
    return words
