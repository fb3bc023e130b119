"""Texts with labels, and the input pipeline: readers, `Dataset` with tf.data's names, augmentation."""

from embedcnn.data import augmentation
from embedcnn.data.dataset import Dataset
from embedcnn.data.directory import text_dataset_from_directory
from embedcnn.data.files import CsvDataset, JsonLinesDataset, TextLineDataset, TsvDataset
from embedcnn.data.labelled import LabelledTexts, split
from embedcnn.data.language import split_input_target, text_streams, text_windows
from embedcnn.data.pipeline import INFINITE_CARDINALITY, UNKNOWN_CARDINALITY, DatasetIterator
from embedcnn.data.readers import read_labelled
from embedcnn.data.text_file import read_text
from embedcnn.data.timeseries import timeseries_dataset_from_array
from embedcnn.data.workers import AUTOTUNE

__all__ = [
    "AUTOTUNE",
    "INFINITE_CARDINALITY",
    "UNKNOWN_CARDINALITY",
    "CsvDataset",
    "Dataset",
    "DatasetIterator",
    "JsonLinesDataset",
    "LabelledTexts",
    "TextLineDataset",
    "TsvDataset",
    "augmentation",
    "read_labelled",
    "read_text",
    "split",
    "split_input_target",
    "text_dataset_from_directory",
    "text_streams",
    "text_windows",
    "timeseries_dataset_from_array",
]
