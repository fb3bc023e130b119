"""A data set cut into two: keras.utils.split_dataset."""

from __future__ import annotations

import random
from typing import Any

from embedcnn.base.arguments import finite_number
from embedcnn.base.checked import checked
from embedcnn.data.dataset import Dataset


@checked
def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Dataset, Dataset]:
    """Two data sets: the first `left_size` examples of a Dataset, or of arrays (or a tuple or dict of them),
    and the last `right_size`. As keras.utils.split_dataset.

    A size is a number of examples or, as a float, a share; None: what the other leaves. `shuffle` puts the
    examples in another order first, that of Python's random.Random(seed). Raises ValueError for sizes that
    do not fit, and where both are None.

    >>> left, right = split_dataset(([1, 2, 3, 4], ["a", "b", "c", "d"]), left_size=0.75)
    >>> len(left), [(int(number), text) for number, text in right]
    (3, [(4, 'd')])
    """
    if left_size is None and right_size is None:
        raise ValueError("at least one of `left_size` and `right_size` must be given")
    whole = dataset if isinstance(dataset, Dataset) else Dataset.from_tensor_slices(_of_tuples(dataset))
    examples = list(whole)
    if shuffle:
        random.Random(seed).shuffle(examples)
    left, right = (
        _count(name, size, len(examples)) for name, size in (("left", left_size), ("right", right_size))
    )
    left = len(examples) - (right or 0) if left is None else left
    right = len(examples) - left if right is None else right
    if left + right > len(examples) or min(left, right) < 1:
        raise ValueError(
            "`left_size` and `right_size` must leave each part an example, and together be at most "
            f"{len(examples)}. Received: left_size={left_size!r}, right_size={right_size!r}"
        )
    return _of(examples[:left]), _of(examples[len(examples) - right :])


def _of_tuples(dataset: Any) -> Any:
    """A list of arrays is a tuple of them, as Keras takes it."""
    arrays = isinstance(dataset, list) and dataset and all(hasattr(part, "shape") for part in dataset)
    return tuple(dataset) if arrays else dataset


def _count(side: str, size: Any, total: int) -> int | None:
    """A size as a number of examples; None stays."""
    if size is None:
        return None
    share = isinstance(size, float)
    finite_number(f"{side}_size", size, above=0, below=1 if share else total)
    return round(size * total) if share else int(size)


def _of(examples: list[Any]) -> Dataset:
    return Dataset.range(len(examples)).map(examples.__getitem__)
