"""Texts with labels, and the input pipeline: readers, ``Dataset`` (tf.data's names and semantics),
augmentation.
"""

from embedcnn.data.labelled import LabelledTexts, split
from embedcnn.data.readers import read_labelled
from embedcnn.data.text_file import read_text

__all__ = ["LabelledTexts", "read_labelled", "read_text", "split"]
