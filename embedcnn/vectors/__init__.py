"""Word vectors: read any usual file fast, look words up, build the matrix of an Embedding layer."""

from .errors import StaleCacheError, VectorFileError
from .matrix import EmbeddingMatrix, build_matrix
from .reading import load
from .word_index import WordIndex
from .word_vectors import Subwords, WordVectors
from .writing import write

__all__ = [
    "EmbeddingMatrix",
    "StaleCacheError",
    "Subwords",
    "VectorFileError",
    "WordIndex",
    "WordVectors",
    "build_matrix",
    "load",
    "write",
]
