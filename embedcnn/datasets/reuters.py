"""News of Reuters and their topics, as Keras has them: keras.datasets.reuters."""

from __future__ import annotations

import json

import numpy as np

from embedcnn.data.downloads import get_file
from embedcnn.datasets.indexed_texts import arrays_of, begun, known_words, short_ones, shuffled

ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
HASHES: dict[str, str | None] = {
    "reuters.npz": "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916",
    "reuters_word_index.json": "4d44cc38712099c9e383dc6e5f11a921",
}
LABELS = (
    *("cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply", "coffee"),
    *("sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas", "cpi", "money-fx"),
    *("interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin", "strategic-metal", "livestock"),
    *("retail", "ipi", "iron-steel", "rubber", "heat", "jobs", "lei", "bop", "zinc", "orange", "pet-chem"),
    *("dlr", "gas", "silver", "wpi", "hog", "lead"),
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(x_train, y_train), (x_test, y_test): news as lists of word numbers, in an array, and their topics, of
    46, int64; `test_split` of them to test with. As keras.datasets.reuters.load_data.

    The other arguments, what is fetched and what raises: imdb.load_data.

    >>> load_data(num_words=10000)  # doctest: +SKIP
    """
    found = arrays_of(get_file(path, ORIGIN + "reuters.npz", file_hash=HASHES["reuters.npz"]))
    order = np.random.RandomState(seed)  # noqa: NPY002 - Keras's order
    texts, labels = shuffled(found["x"], found["y"], order)
    kept, labels = short_ones(begun(texts, start_char, index_from), labels, maxlen)
    known = known_words(kept, num_words, skip_top, oov_char)
    learnt = int(len(known) * (1 - test_split))
    return (known[:learnt], labels[:learnt]), (known[learnt:], labels[learnt:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """The number of each word, before `index_from` is added. As keras.datasets.reuters.get_word_index.

    >>> get_word_index()["the"]  # doctest: +SKIP
    1
    """
    name = "reuters_word_index.json"
    with open(get_file(path, ORIGIN + name, file_hash=HASHES[name]), encoding="utf-8") as file:
        words: dict[str, int] = json.load(file)
    return words


def get_label_names() -> tuple[str, ...]:
    """The names of the 46 topics, by number. As keras.datasets.reuters.get_label_names.

    >>> get_label_names()[:2]
    ('cocoa', 'grain')
    """
    return LABELS
