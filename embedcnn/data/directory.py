"""A folder of text files as a data set: one sub-folder per class."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np

from embedcnn.base.arguments import finite_number
from embedcnn.base.checked import checked
from embedcnn.data.dataset import Dataset
from embedcnn.data.lines import PathLike, checked_encoding
from embedcnn.data.pipeline import checked_integer
from embedcnn.data.text_file import file_text
from embedcnn.data.transformations import checked_seed

LABEL_MODES = ("int", "categorical", "binary", None)


@checked
def text_dataset_from_directory(
    directory: PathLike,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
    encoding: str = "utf-8",
) -> Any:
    """Batches (texts, labels) of the .txt files below `directory`, read when they are needed. Keras's name.

    `labels="inferred"` takes sub-folders as classes (sorted, or in the order of `class_names`); a list
    gives one int per file in the order of sorted paths; None (or `label_mode=None`) gives the texts alone,
    those of files in `directory` itself too.
    Labels are int32 for "int", float32 of shape (batch, 1) for "binary" and (batch, classes) for
    "categorical". `validation_split` with `subset` "training", "validation" or "both" (a pair) holds out
    the last part. Texts are cut to `max_length` characters; an empty file is "".
    The result has `class_names`. Raises NotADirectoryError or FileNotFoundError for the folder, ValueError
    for arguments that contradict each other.

    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cats", "dogs"):
    ...     (root / name).mkdir()
    ...     _ = (root / name / "1.txt").write_text(f"about {name}")
    >>> data = text_dataset_from_directory(root, shuffle=False, verbose=False)
    >>> [(texts.tolist(), labels.tolist()) for texts, labels in data], data.class_names
    ([(['about cats', 'about dogs'], [0, 1])], ['cats', 'dogs'])
    """
    if label_mode not in LABEL_MODES:
        raise ValueError(f"`label_mode` must be one of {LABEL_MODES}. Received: label_mode={label_mode!r}")
    check_subset(validation_split, subset, shuffle, seed)
    checked_encoding(encoding)
    size = None if batch_size is None else checked_integer(batch_size, "batch_size", 1)
    limit = None if max_length is None else checked_integer(max_length, "max_length", 1)
    if label_mode is None:
        labels = None
    files, numbers, names = labelled_files(os.fspath(directory), labels, class_names, follow_links)
    seed = checked_seed(seed)
    order = file_order(len(files), shuffle, seed)

    def dataset(part: list[int]) -> Dataset:
        pairs = Dataset.from_tensor_slices([files[i] for i in part])
        if label_mode is not None and numbers is not None:
            targets = label_array([numbers[i] for i in part], label_mode, len(names))
            pairs = Dataset.zip(pairs, Dataset.from_tensor_slices(targets))
        pairs = pairs.shuffle(seed=seed) if shuffle else pairs
        texts = pairs.map(lambda path, *label: joined(file_text(path, encoding)[:limit], label))
        return named(texts if size is None else texts.batch(size), names)

    parts = divided(order, validation_split, subset)
    if verbose:
        report(len(files), len(names), parts if subset is not None else None)
    if subset == "both":
        return dataset(parts[0]), dataset(parts[1])
    return dataset(parts[1] if subset == "validation" else parts[0])


def file_order(count: int, shuffle: bool, seed: int) -> list[int]:
    """Numbers of the files, mixed once: the split into parts is the same for the same seed."""
    return random.Random(seed).sample(range(count), count) if shuffle else list(range(count))


def report(files: int, classes: int, parts: tuple[list[int], list[int]] | None) -> None:
    """Say what was found, as Keras does."""
    print(f"Found {files} files belonging to {classes} classes.")
    if parts is not None:
        print(f"Using {len(parts[0])} files for training, {len(parts[1])} for validation.")


def divided(order: list[int], fraction: float | None, subset: str | None) -> tuple[list[int], list[int]]:
    """Training and validation files; all are training files where there is no subset."""
    held = int(len(order) * (fraction or 0))
    if subset is not None and (held == 0 or held == len(order)):
        raise ValueError(f"validation_split: {fraction} of {len(order)} files leaves one part empty")
    return order[: len(order) - held], order[len(order) - held :]


def named(dataset: Dataset, names: list[str]) -> Dataset:
    """The data set with the attribute `class_names`."""
    dataset.class_names = names  # type: ignore[attr-defined]
    return dataset


def joined(value: Any, label: tuple[Any, ...]) -> Any:
    """(text or image, label), or that alone."""
    return (value, *label) if label else value


def label_array(chosen: list[int], mode: str, classes: int) -> np.ndarray:
    """Labels in the form that `label_mode` asks for."""
    if mode == "binary" and classes != 2:
        raise ValueError(f"label_mode: 'binary' needs two classes. Received: {classes}")
    numbers = np.array(chosen, dtype=np.int32)
    if mode == "binary":
        return numbers.astype(np.float32)[:, np.newaxis]
    return np.eye(classes, dtype=np.float32)[numbers] if mode == "categorical" else numbers


def check_subset(fraction: float | None, subset: str | None, shuffle: bool, seed: int | None) -> None:
    """ValueError unless fraction and subset belong together and both parts come from one order."""
    if (fraction is None) != (subset is None):
        raise ValueError(
            "`validation_split` and `subset` must be given together. "
            f"Received: validation_split={fraction!r}, subset={subset!r}"
        )
    if fraction is None:
        return
    finite_number("validation_split", fraction, above=0, below=1)
    if subset not in ("training", "validation", "both"):
        raise ValueError(f"`subset` must be 'training', 'validation' or 'both'. Received: subset={subset!r}")
    if shuffle and seed is None:
        raise ValueError("seed: needed with validation_split and shuffle, so that the parts do not overlap")


def labelled_files(
    root: str, labels: Any, class_names: Sequence[str] | None, follow: bool
) -> tuple[list[str], list[int] | None, list[str]]:
    """Paths sorted by class then name, one class number each (None: no labels), class names."""
    if not os.path.exists(root):
        raise FileNotFoundError(f"directory: there is no folder {root!r}")
    if not os.path.isdir(root):
        raise NotADirectoryError(f"directory: {root!r} is not a folder")
    if labels != "inferred":
        if class_names is not None:
            raise ValueError("class_names: has a meaning with labels='inferred' only")
        files = text_files(root, follow)
        if labels is None:
            return files, None, []
        numbers = [checked_integer(label, f"labels[{index}]", 0) for index, label in enumerate(labels)]
        if len(numbers) != len(files):
            raise ValueError(f"`labels` must be one per file, {len(files)}. Received: labels={len(numbers)}")
        return files, numbers, [str(number) for number in range(max(numbers) + 1)]
    found = sorted(
        entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith(".")
    )
    if not found:
        raise ValueError(f"directory: {root!r} has no sub-folders; one per class is needed")
    names = found if class_names is None else list(class_names)
    if set(names) != set(found) or len(names) != len(found):
        raise ValueError(
            f"`class_names` must be the names of the sub-folders, {found}. "
            f"Received: class_names={class_names}"
        )
    files, numbers = [], []
    for number, name in enumerate(names):
        inside = text_files(os.path.join(root, name), follow)
        files += inside
        numbers += [number] * len(inside)
    return files, numbers, names


def text_files(root: str, follow: bool) -> list[str]:
    """All .txt files below `root`, sorted; ValueError where there is none."""
    found = [
        os.path.join(folder, name)
        for folder, _, files in os.walk(root, followlinks=follow)
        for name in files
        if name.lower().endswith(".txt") and not name.startswith(".")
    ]
    if not found:
        raise ValueError(f"directory: there are no .txt files below {root!r}")
    return sorted(found)
