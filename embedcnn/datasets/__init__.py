"""Data sets that need no download."""

from embedcnn.datasets.standard_library import standard_library_sentences

__all__ = ["standard_library_sentences"]
