"""Data sets: one that needs no download, and those of Keras that models of text and small images are shown
with, fetched at the first call.
"""

from typing import Any

from embedcnn.base.keras_names import no_such_name
from embedcnn.datasets import fashion_mnist, imdb, mnist, reuters
from embedcnn.datasets.standard_library import standard_library_sentences

__all__ = ["fashion_mnist", "imdb", "mnist", "reuters", "standard_library_sentences"]


def __getattr__(name: str) -> Any:
    """What to use in the place of a data set that is not here."""
    raise no_such_name("datasets", name, __all__)
