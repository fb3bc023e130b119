"""Texts with labels, and the input pipeline: readers, ``Dataset`` with tf.data's names, augmentation."""

from embedcnn.data.dataset import Dataset
from embedcnn.data.labelled import LabelledTexts, split
from embedcnn.data.pipeline import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, DatasetIterator
from embedcnn.data.readers import read_labelled
from embedcnn.data.text_file import read_text
from embedcnn.data.workers import AUTOTUNE

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "Dataset",
    "DatasetIterator",
    "LabelledTexts",
    "read_labelled",
    "read_text",
    "split",
]
