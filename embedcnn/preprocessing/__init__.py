"""Texts to ids and ids to matrices, with the names and results of `keras.preprocessing`."""

from embedcnn.preprocessing import sequence, text

__all__ = ["sequence", "text"]
