"""A folder of images as a data set: one sub-folder per class. Files, labels and their order are Keras's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from embedcnn.base.arguments import one_of, warn_user
from embedcnn.base.checked import checked
from embedcnn.data.dataset import Dataset
from embedcnn.data.directory import LABEL_MODES, check_subset, divided, joined, label_array
from embedcnn.data.lines import PathLike
from embedcnn.data.pipeline import UNKNOWN_CARDINALITY, checked_integer
from embedcnn.data.streams import opened
from embedcnn.data.workers import AUTOTUNE
from embedcnn.image.decoding import LYING, DamagedImageError, decoded_as_it_lies, upright_pixels
from embedcnn.image.resizing import METHODS, resize, resize_with_pad
from embedcnn.io import read_file

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
ORDERS = ("channels_last", "channels_first")
SEEDS = 10**6


@checked
def image_dataset_from_directory(
    directory: PathLike,
    labels: str | Sequence[int] | None = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | Sequence[int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
    damaged: str = "error",
) -> Any:
    """Batches (images, labels) of the image files below `directory`, read and decoded by threads when they
    are needed: float32 of 0..255, (batch, height, width, channels). As
    keras.utils.image_dataset_from_directory.

    `labels="inferred"` takes sub-folders as classes (sorted, or those in `class_names`, in its order); a list
    gives one int per file in the order of sorted paths; None (or `label_mode=None`) gives images alone.
    Labels are int32 for "int", float32 of shape (batch, 1) for "binary" and (batch, classes) for
    "categorical". Files (.bmp, .gif, .jpeg, .jpg, .png) are mixed once by `seed`, as Keras mixes them, and
    anew in each epoch; `validation_split` with `subset` "training", "validation" or "both" (a pair, whose
    second is not mixed again) holds out the last part. `color_mode`: "rgb", "rgba" or "grayscale";
    `image_size`: (height, width), by `interpolation`, cut around the centre with `crop_to_aspect_ratio` or
    with zeros around with `pad_to_aspect_ratio`.
    The result has `class_names` and `file_paths`. A damaged image raises DamagedImageError, which names the
    file, or is left out of its batch with `damaged="skip"`: a warning counts them after the first pass, and
    `ignored_errors` of the result tells which. Raises NotADirectoryError or FileNotFoundError for the folder,
    ValueError for arguments that contradict each other, ImportError without Pillow.

    >>> import pathlib, tempfile, embedcnn
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("cats", "dogs"):
    ...     (root / name).mkdir()
    ...     embedcnn.utils.save_img(root / name / "1.png", np.zeros((6, 5, 3)))
    >>> data = image_dataset_from_directory(root, image_size=(4, 4), shuffle=False, verbose=False)
    >>> [(images.shape, labels.tolist()) for images, labels in data], data.class_names
    ([((2, 4, 4, 3), [0, 1])], ['cats', 'dogs'])
    """
    if label_mode not in LABEL_MODES:
        raise ValueError(f"`label_mode` must be one of {LABEL_MODES}. Received: label_mode={label_mode!r}")
    one_of("color_mode", color_mode, tuple(CHANNELS))
    one_of("damaged", damaged, ("error", "skip"))
    check_subset(validation_split, subset, shuffle, seed)
    size = None if batch_size is None else checked_integer(batch_size, "batch_size", 1)
    load = loader(
        CHANNELS[color_mode],
        image_size,
        interpolation,
        crop_to_aspect_ratio,
        pad_to_aspect_ratio,
        data_format,
    )
    files, numbers, names = labelled_images(
        os.fspath(directory), None if label_mode is None else labels, class_names, follow_links
    )
    if label_mode == "categorical" and numbers and max(numbers) >= len(names or ()):
        raise ValueError(
            f"`labels` must be class numbers below {len(names or ())} with label_mode='categorical'. "
            f"Received: {max(numbers)}"
        )
    seed = int(np.random.default_rng().integers(SEEDS)) if seed is None else checked_integer(seed, "seed", 0)
    order = mixed(len(files), seed) if shuffle else list(range(len(files)))

    def dataset(part: list[int], again: bool) -> Dataset:
        paths = [files[number] for number in part]
        elements: Any = paths
        if numbers is not None and label_mode is not None:
            elements = (
                paths,
                label_array([numbers[number] for number in part], label_mode, len(names or ())),
            )
        rows = Dataset.from_tensor_slices(elements)
        rows = rows.shuffle(seed=seed) if again else rows
        if size is None:
            images = rows.map(lambda path, *label: joined(load(path), label), num_parallel_calls=AUTOTUNE)
            images = warned(images.ignore_errors(errors=DamagedImageError)) if damaged == "skip" else images
        else:
            images = loaded_batches(rows.batch(size), load, damaged == "skip")
        result: Any = images.prefetch(AUTOTUNE)
        result.class_names, result.file_paths = names, paths
        return result

    parts = divided(order, validation_split, subset)
    if verbose:
        report(len(files), names, parts, subset)
    if subset == "both":
        return dataset(parts[0], shuffle), dataset(parts[1], False)
    return dataset(parts[1] if subset == "validation" else parts[0], shuffle)


def loader(
    channels: int, image_size: Any, interpolation: str, crop: bool, pad: bool, data_format: str | None
) -> Callable[[str], np.ndarray]:
    """The function from a path to an image of the size that is asked for."""
    pair = (image_size, image_size) if isinstance(image_size, int) else image_size
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise ValueError(f"`image_size` must be (height, width). Received: image_size={image_size!r}")
    height, width = (checked_integer(side, "image_size", 1) for side in pair)
    method = one_of("interpolation", interpolation, METHODS)
    first = data_format is not None and one_of("data_format", data_format, ORDERS) == ORDERS[1]
    if crop and pad:
        raise ValueError("`crop_to_aspect_ratio` and `pad_to_aspect_ratio` must not both be True")

    def load(path: str) -> np.ndarray:
        image, orientation = decoded_as_it_lies(read_file(path), channels)
        if pad:
            image = resize_with_pad(upright_pixels(image, orientation), height, width, method)
        elif crop:
            image = upright_pixels(image, orientation)
            image = resize(cut_to_ratio(image, height, width), (height, width), method)
        else:
            size = (width, height) if orientation >= LYING else (height, width)
            image = upright_pixels(resize(image, size, method), orientation)
        image = np.asarray(image, np.float32)
        return image.transpose(2, 0, 1) if first else image

    return load


def cut_to_ratio(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part of an image around its centre with the proportions height : width."""
    high, wide = image.shape[:2]
    rows = max(1, min(high, int(np.float32(wide * height) / np.float32(width))))
    cols = max(1, min(wide, int(np.float32(high * width) / np.float32(height))))
    top, left = (high - rows) // 2, (wide - cols) // 2
    return image[top : top + rows, left : left + cols]


def mixed(count: int, seed: int) -> list[int]:
    """Numbers of the files in the order in which Keras mixes them: by NumPy's old generator."""
    order = np.arange(count)
    np.random.RandomState(seed).shuffle(order)  # noqa: NPY002 - the order is part of the contract
    return order.tolist()


def labelled_images(
    root: str, labels: Any, class_names: Sequence[str] | None, follow: bool
) -> tuple[list[str], list[int] | None, list[str] | None]:
    """Paths by class, then folder and name; one class number each and the names, None without labels."""
    if not os.path.exists(root):
        raise FileNotFoundError(f"directory: there is no folder {root!r}")
    if not os.path.isdir(root):
        raise NotADirectoryError(f"directory: {root!r} is not a folder")
    if isinstance(labels, str) and labels != "inferred":
        raise ValueError(f"`labels` must be 'inferred', None or a list of ints. Received: labels={labels!r}")
    if not isinstance(labels, str):
        if class_names is not None:
            raise ValueError("class_names: has a meaning with labels='inferred' only")
        files = image_files(root, follow)
        if labels is None:
            return files, None, None
        numbers = [checked_integer(label, f"labels[{index}]", 0) for index, label in enumerate(labels)]
        if len(numbers) != len(files):
            raise ValueError(f"`labels` must be one per file, {len(files)}. Received: labels={len(numbers)}")
        return files, numbers, [str(number) for number in sorted(set(numbers))]
    found = sorted(one.name for one in os.scandir(root) if one.is_dir() and not one.name.startswith("."))
    names = found if class_names is None else list(class_names)
    if not set(names) <= set(found) or len(set(names)) != len(names) or not names:
        raise ValueError(
            f"`class_names` must be names of sub-folders, which are {found}. "
            f"Received: class_names={class_names}"
        )
    files, numbers = [], []
    for number, name in enumerate(names):
        inside = image_files(os.path.join(root, name), follow, may_be_empty=True)
        files += inside
        numbers += [number] * len(inside)
    if not files:
        raise ValueError(f"directory: there are no images ({', '.join(SUFFIXES)}) in the folders of {root!r}")
    return files, numbers, names


def image_files(root: str, follow: bool, may_be_empty: bool = False) -> list[str]:
    """All image files below `root`, folder by folder, each sorted."""
    found = [
        os.path.join(folder, name)
        for folder, _, files in sorted(os.walk(root, followlinks=follow), key=lambda one: one[0])
        for name in sorted(files)
        if name.lower().endswith(SUFFIXES)
    ]
    if not found and not may_be_empty:
        raise ValueError(f"directory: there are no images ({', '.join(SUFFIXES)}) below {root!r}")
    return found


def loaded_batches(rows: Dataset, load: Callable[[str], np.ndarray], skip: bool) -> Dataset:
    """Batches of images for batches of paths, a thread for each: handing over every single image would take
    as long as to resize it. A damaged one is left out of its batch with `skip`.
    """

    def load_some(paths: np.ndarray, *labels: np.ndarray) -> Any:
        images: np.ndarray | None = None
        kept: list[int] = []
        errors = []
        for number, path in enumerate(paths):
            try:
                image = load(path)
            except DamagedImageError as error:
                if not skip:
                    raise
                errors.append(str(error))
                continue
            if images is None:
                images = np.empty((len(paths), *image.shape), np.float32)
            images[len(kept)] = image
            kept.append(number)
        if images is None:
            return None, errors
        return joined(images[: len(kept)], tuple(one[kept] for one in labels) if errors else labels), errors

    mapped = rows.map(lambda *batch: load_some(*batch), num_parallel_calls=AUTOTUNE)
    messages: list[str] = []

    def start(path: tuple[int, ...]) -> Iterator[Any]:
        found: list[str] = []
        given = False
        with opened(mapped, path) as batches:
            for batch, errors in batches:
                found += errors
                if batch is not None:
                    given = True
                    yield batch
        if found and not given:
            raise DamagedImageError(f"all images are damaged. The first: {found[0]}")
        messages[:] = found

    result = rows._derive(start, UNKNOWN_CARDINALITY if skip else rows.cardinality(), lasting=True)
    result.ignored_errors = messages
    return warned(result) if skip else result


def warned(images: Dataset) -> Dataset:
    """The same; after the first whole pass a warning counts what was left out."""
    told: list[int] = []

    def start(path: tuple[int, ...]) -> Iterator[Any]:
        with opened(images, path) as elements:
            yield from elements
        if images.ignored_errors and not told:
            told.append(len(images.ignored_errors))
            warn_user(f"{told[0]} damaged images were left out. The first: {images.ignored_errors[0]}")

    return images._derive(start, images.cardinality(), images.lasting)


def report(
    files: int, names: list[str] | None, parts: tuple[list[int], list[int]], subset: str | None
) -> None:
    """Say what was found, as Keras does."""
    print(f"Found {files} files" + ("." if names is None else f" belonging to {len(names)} classes."))
    if subset in ("training", "both"):
        print(f"Using {len(parts[0])} files for training.")
    if subset in ("validation", "both"):
        print(f"Using {len(parts[1])} files for validation.")
