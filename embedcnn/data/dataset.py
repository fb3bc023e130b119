"""`Dataset`: the input pipeline with tf.data's names, in pure Python over NumPy.

Sources are here; `transformations` and `batching` hold the operations, `streams` and `windows` what they do.
"""

from __future__ import annotations

import builtins
import glob
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from embedcnn.base.checked import checked
from embedcnn.base.columns import as_list, is_missing
from embedcnn.data import streams
from embedcnn.data.batching import Batching
from embedcnn.data.pipeline import INFINITE_CARDINALITY, checked_source
from embedcnn.data.streams import Path, opened
from embedcnn.data.structure import is_text, leaves, map_leaves, objects
from embedcnn.data.transformations import Transformations, checked_seed, frozen
from embedcnn.data.workers import add_position
from embedcnn.ragged import Ragged


class Dataset(Transformations, Batching):
    """A sequence of elements that can be iterated again and again, made by sources and operations.

    An element is a leaf (array, number, text) or a tuple or dict of elements. Names, arguments and semantics
    are tf.data's; texts are str instead of bytes, numbers keep NumPy's dtypes. Elements come in an order that
    is a function of the seeds and the epoch alone, whatever the number of threads. Threads and files end with
    the iterator: exhausted, closed or dropped.

    >>> texts = Dataset.from_tensor_slices((["a b", "c", "d e"], [0, 1, 0]))
    >>> for words, label in texts.map(lambda text, label: (len(text.split()), label)).batch(2):
    ...     print(words, label)
    [2 1] [0 1]
    [2] [0]
    """

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """The rows of arrays, lists or a structure of them; all must have the same length, else ValueError.

        Lists of texts give str, lists of unequal sequences give arrays. Rows of arrays are read-only views.

        >>> rows = Dataset.from_tensor_slices({"text": ["a", "b"], "label": [1, 0]})
        >>> [(row["text"], int(row["label"])) for row in rows]
        [('a', 1), ('b', 0)]
        """
        table = map_leaves(as_column, tensors)
        columns = leaves(table)
        if not columns:
            raise ValueError(f"`tensors` must be at least one array. Received: tensors={tensors!r}")
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise ValueError(f"`tensors` must be equal first dimensions. Received: tensors={lengths}")
        return rows_of(table, Dataset.range(lengths[0]))

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """A data set of one element.

        >>> list(Dataset.from_tensors(("a", 1)))
        [('a', 1)]
        """
        return Dataset(lambda path: iter((tensors,)), 1)

    @staticmethod
    def from_generator(generator: Callable[..., Iterable[Any]], args: tuple[Any, ...] = ()) -> Dataset:
        """The elements of `generator(*args)`, called anew for every pass; closed when the pass is left.

        >>> def squares(count):
        ...     for number in range(count):
        ...         yield number**2
        >>> list(Dataset.from_generator(squares, args=(4,)))
        [0, 1, 4, 9]
        """
        if not callable(generator):
            raise TypeError(
                "`generator` must be a function that returns an iterable (it is called for every pass). "
                f"Received: generator={generator!r}"
            )
        if not isinstance(args, tuple):
            raise TypeError(f"`args` must be a tuple. Received: args={args!r}")
        return Dataset(lambda path: generated(generator, args))

    @staticmethod
    @checked
    def list_files(
        file_pattern: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        shuffle: bool | None = None,
        seed: int | None = None,
    ) -> Dataset:
        """Paths (str) of the files that match a pattern or several, as "images/*/*.jpg"; a list of paths
        will do. tf.data's name.

        Sorted, then mixed anew in each pass unless `shuffle=False`; the order of epoch k is a function of
        (`seed`, k). A `*` stands for part of one name, folders do not count. FileNotFoundError for a pattern
        that matches no file.

        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "a.png", "c.txt"):
        ...     _ = (folder / name).write_bytes(b"")
        >>> [pathlib.Path(path).name for path in Dataset.list_files(folder / "*.png", shuffle=False)]
        ['a.png', 'b.png']
        """
        files = Dataset.from_tensor_slices(matching_files(file_pattern))
        return files if shuffle is False else files.shuffle(seed=seed)

    @staticmethod
    def range(*args: int) -> Dataset:
        """Integers as by Python's `range`: (stop), (start, stop) or (start, stop, step).

        >>> list(Dataset.range(1, 8, 3))
        [1, 4, 7]
        """
        try:
            numbers = builtins.range(*args)
        except (TypeError, ValueError) as error:
            message = f"`range` must be (stop), (start, stop) or (start, stop, step). Received: range={args}"
            raise type(error)(message) from None
        return Dataset(lambda path: iter(numbers), len(numbers))

    @staticmethod
    @checked
    def random(seed: int | None = None, rerandomize_each_iteration: bool = False) -> Dataset:
        """Random integers of 32 bits without end: zip them with elements to give each its own seed.

        >>> numbers = Dataset.random(seed=4).take(2)
        >>> list(numbers) == list(numbers)
        True
        """
        key = checked_seed(seed)
        return Dataset(
            lambda path: streams.random_numbers(path if rerandomize_each_iteration else (), key),
            INFINITE_CARDINALITY,
        )

    @staticmethod
    def zip(*datasets: Any) -> Dataset:
        """Tuples of the elements of several data sets, until the shortest ends; also of a tuple or dict of
        them.

        >>> list(Dataset.zip(Dataset.range(3), Dataset.range(5, 7)))
        [(0, 5), (1, 6)]
        """
        structure = datasets[0] if len(datasets) == 1 else datasets
        sources = tuple(checked_source(source, "`datasets`") for source in leaves(structure))
        if not sources:
            raise TypeError("`datasets` must be at least one Dataset. Received: none")

        def start(path: Path) -> Iterator[Any]:
            for elements in streams.zipped(sources, path):
                yield map_leaves(partial(_next_of, iter(elements)), structure)

        counts = [source.cardinality() for source in sources]
        finite = [count for count in counts if count != INFINITE_CARDINALITY]
        return Dataset(start, min(finite) if finite else INFINITE_CARDINALITY)


def matching_files(patterns: Any) -> list[str]:
    """Sorted paths of the files that match a pattern or a list of them."""
    if isinstance(patterns, (str, bytes, os.PathLike)):
        patterns = [patterns]
    found: list[str] = []
    for pattern in list(patterns):
        if not isinstance(pattern, (str, bytes, os.PathLike)):
            raise TypeError(f"`file_pattern` must be a path or a list of them. Received: {pattern!r}")
        name = os.fsdecode(pattern)
        # a file may have a name that is also a pattern
        files = [name] if os.path.isfile(name) else [one for one in glob.glob(name) if os.path.isfile(one)]
        if not files:
            raise FileNotFoundError(f"no file matches `file_pattern`. Received: file_pattern={name!r}")
        found += files
    if not found:
        raise ValueError("`file_pattern` must be at least one path. Received: an empty list")
    return sorted(found)


def _next_of(elements: Iterator[Any], place: Any) -> Any:
    return next(elements)


def rows_of(table: Any, index: Dataset) -> Dataset:
    """The rows of a table (structure of columns) whose numbers `index` gives."""

    def start(path: Path) -> Iterator[Any]:
        with opened(index, path) as numbers:
            if isinstance(table, tuple | dict):
                for row in numbers:
                    yield map_leaves(operator.itemgetter(row), table)
            else:
                for row in numbers:
                    yield table[row]

    return Dataset(start, index.cardinality(), rows=(table, index))


def as_column(values: Any) -> Any:
    """Something that can be indexed by row: a read-only array, an object array of texts, or a list of
    sequences.
    """
    if (
        isinstance(values, str | bytes)
        or not hasattr(values, "__len__")
        or not hasattr(values, "__getitem__")
    ):
        raise ValueError(
            f"`tensors` must be arrays or lists. Received: tensors={values!r} ({type(values).__name__})"
        )
    if isinstance(values, np.ndarray):
        if values.ndim == 0:
            raise ValueError(f"`tensors` must be at least one dimension. Received: a scalar array {values!r}")
        return frozen(values)
    if isinstance(values, Ragged):
        return [frozen(row) for row in values]
    if not isinstance(values, Sequence):
        if not hasattr(values, "__array__"):
            return values
        column = np.asarray(values)  # of texts: objects of which some may be missing
        return as_column(as_list(values) if column.dtype == object else column)
    if any(map(is_text, values)):
        for index, value in enumerate(values):
            if is_missing(value):
                raise ValueError(
                    f"tensors: the text of row {index} is missing ({value!r}); drop it or use ''"
                )
            if not is_text(value):
                raise ValueError(
                    f"tensors: texts and {type(value).__name__} are mixed (row {index}: {value!r})"
                )
        return frozen(objects(values))
    array: np.ndarray | None
    try:
        array = np.asarray(values)
    except ValueError:  # unequal lengths
        array = None
    if array is not None and array.dtype != object:
        return frozen(array)
    rows = [
        np.asarray(value, dtype=np.int64) if not np.size(value) else np.asarray(value) for value in values
    ]
    for index, row in enumerate(rows):
        if row.dtype == object:
            raise ValueError(
                f"tensors: row {index} is no array of numbers or text: {str(values[index])[:60]}"
            )
    return [frozen(row) for row in rows]


def generated(generator: Callable[..., Iterable[Any]], args: tuple[Any, ...]) -> Iterator[Any]:
    """Elements of one call, closed with the pass; errors carry the element's position."""
    elements = iter(generator(*args))
    position = 0
    try:
        for element in elements:
            yield element
            position += 1
    except Exception as error:
        add_position(error, "from_generator", position)
        raise
    finally:
        close = getattr(elements, "close", None)
        if close is not None:
            close()
