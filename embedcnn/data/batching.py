"""The operations of `Dataset` that put elements together or take them apart, with tf.data's names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from embedcnn.base.checked import checked
from embedcnn.data import windows
from embedcnn.data.pipeline import UNKNOWN_CARDINALITY, Pipeline, checked_callable, checked_integer
from embedcnn.data.streams import Path
from embedcnn.data.structure import map_leaves, padded_stack, ragged_stack, stack

if TYPE_CHECKING:
    from embedcnn.data.dataset import Dataset


class Batching(Pipeline):
    """batch, window and their like; see `Dataset`."""

    @checked
    def batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Stack `batch_size` elements of equal shape and dtype along a new first axis; texts become object
        arrays.

        The last batch may be smaller unless `drop_remainder`. ValueError, with positions, where shapes or
        dtypes differ.

        >>> from embedcnn.data import Dataset
        >>> [x.tolist() for x in Dataset.range(5).batch(2)]
        [[0, 1], [2, 3], [4]]
        """
        size = checked_integer(batch_size, "batch_size", 1)
        count = divided(self._cardinality, size, drop_remainder)
        if self._rows is not None:
            table, index = self._rows
            return self._derive(
                lambda path: windows.gathered(table, index, path, size, drop_remainder), count, lasting=True
            )
        return self._batched(size, drop_remainder, stack)

    @checked
    def ragged_batch(self, batch_size: int, drop_remainder: bool = False) -> Dataset:
        """Batches in which integer sequences (1-D) become an `embedcnn.ragged.Ragged`; all else is stacked.

        >>> from embedcnn.data import Dataset
        >>> texts = Dataset.from_tensor_slices(([[1, 2, 3], [4]], [0, 1]))
        >>> [labels.tolist() for ids, labels in texts.ragged_batch(2)]
        [[0, 1]]
        """
        return self._batched(checked_integer(batch_size, "batch_size", 1), drop_remainder, ragged_stack)

    @checked
    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Batches whose elements are filled up behind to `padded_shapes` (None: to the longest of the
        batch).

        `padding_values` is 0 ("" for text) unless given; both follow the elements' structure. ValueError
        where an element is larger than its padded shape.

        >>> from embedcnn.data import Dataset
        >>> [x.tolist() for x in Dataset.from_tensor_slices([[1, 2, 3], [4]]).padded_batch(2)]
        [[[1, 2, 3], [4, 0, 0]]]
        """
        size = checked_integer(batch_size, "batch_size", 1)
        return self._batched(
            size,
            drop_remainder,
            lambda elements, at: padded_stack(elements, at, padded_shapes, padding_values),
        )

    def _batched(self, size: int, drop: bool, together: windows.Stack) -> Dataset:
        count = divided(self._cardinality, size, drop)
        return self._derive(
            lambda path: windows.batched(self, path, size, drop, together), count, lasting=True
        )

    @checked
    def bucket_by_sequence_length(
        self,
        element_length_func: Callable[..., int],
        bucket_boundaries: Sequence[int],
        bucket_batch_sizes: Sequence[int],
        padded_shapes: Any = None,
        padding_values: Any = None,
        pad_to_bucket_boundary: bool = False,
        no_padding: bool = False,
        drop_remainder: bool = False,
        ragged: bool = False,
    ) -> Dataset:
        """Padded batches of elements of similar length; bucket i holds boundaries[i - 1] <= length <
        boundaries[i].

        `bucket_batch_sizes` has one more entry than `bucket_boundaries`. `pad_to_bucket_boundary` fills
        up to the bucket's largest length, boundary - 1. `no_padding` stacks equal shapes, `ragged` makes
        `ragged_batch`es. Left-over elements follow at the end, shortest bucket first, unless
        `drop_remainder`.

        >>> from embedcnn.data import Dataset
        >>> texts = Dataset.from_tensor_slices([[1], [1, 2, 3], [2], [4, 5]])
        >>> batches = texts.bucket_by_sequence_length(len, [2], [2, 2])
        >>> [x.tolist() for x in batches]
        [[[1], [2]], [[1, 2, 3], [4, 5, 0]]]
        """
        checked_callable(element_length_func, "element_length_func")
        boundaries = checked_boundaries(bucket_boundaries)
        sizes = [checked_integer(value, "bucket_batch_sizes", 1) for value in bucket_batch_sizes]
        if len(sizes) != len(boundaries) + 1:
            raise ValueError(
                f"`bucket_batch_sizes` must be {len(boundaries) + 1} sizes, one more than boundaries. "
                f"Received: bucket_batch_sizes={sizes}"
            )
        if no_padding + ragged + pad_to_bucket_boundary > 1:
            raise ValueError("no_padding, ragged and pad_to_bucket_boundary exclude each other")
        if (no_padding or ragged) and not (padded_shapes is None and padding_values is None):
            raise ValueError("padded_shapes and padding_values have no meaning with no_padding or ragged")

        def together(elements: Sequence[Any], at: int, bucket: int) -> Any:
            if no_padding or ragged:
                return (ragged_stack if ragged else stack)(elements, at)
            shapes = padded_shapes
            if pad_to_bucket_boundary:
                if bucket == len(boundaries):
                    raise ValueError(
                        f"pad_to_bucket_boundary: a length is not below the last boundary, {boundaries[-1]}"
                    )
                shapes = bounded(elements[0], padded_shapes, boundaries[bucket] - 1)
            return padded_stack(elements, at, shapes, padding_values)

        def start(path: Path) -> Iterator[Any]:
            return windows.bucketed(
                self, path, element_length_func, boundaries, sizes, together, drop_remainder
            )

        return self._derive(start)

    def unbatch(self) -> Dataset:
        """The rows of every element, one by one: the inverse of `batch`.

        >>> from embedcnn.data import Dataset
        >>> [int(x) for x in Dataset.range(4).batch(3).unbatch()]
        [0, 1, 2, 3]
        """
        return self._derive(
            lambda path: windows.unbatched(self, path),
            0 if self._cardinality == 0 else UNKNOWN_CARDINALITY,
        )

    @checked
    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False
    ) -> Dataset:
        """Data sets of `size` elements, `stride` apart; the next starts `shift` (None: `size`) elements
        later.

        As in tf.data, every leaf of an element becomes a data set of its own, and windows at the end are
        shorter unless `drop_remainder`.

        >>> from embedcnn.data import Dataset
        >>> numbers = Dataset.range(4).window(2, shift=1, drop_remainder=True)
        >>> [x.tolist() for x in numbers.flat_map(lambda window: window.batch(2))]
        [[0, 1], [1, 2], [2, 3]]
        """
        length = checked_integer(size, "size", 1)
        step = length if shift is None else checked_integer(shift, "shift", 1)
        apart = checked_integer(stride, "stride", 1)

        def listed(values: list[Any]) -> Dataset:
            return self._derive(lambda path: iter(values), len(values))

        def start(path: Path) -> Iterator[Any]:
            for elements in windows.windowed(self, path, length, step, apart, drop_remainder):
                yield map_leaves(listed, windows.by_leaf(elements))

        count = self._cardinality
        if count >= 0 and drop_remainder:
            count = max(0, (count - (length - 1) * apart - 1) // step + 1)
        elif count >= 0:
            count = -(-count // step)
        return self._derive(start, count)


def checked_boundaries(values: Sequence[int]) -> list[int]:
    """Increasing lengths, at least one."""
    boundaries = [checked_integer(value, "bucket_boundaries", 1) for value in values]
    if not boundaries or sorted(set(boundaries)) != boundaries:
        raise ValueError(
            f"`bucket_boundaries` must be increasing integers. Received: bucket_boundaries={list(values)}"
        )
    return boundaries


def divided(cardinality: int, size: int, drop: bool) -> int:
    """Number of batches."""
    if cardinality < 0:
        return cardinality
    return cardinality // size if drop else -(-cardinality // size)


def bounded(element: Any, shapes: Any, limit: int) -> Any:
    """Padded shapes with every unknown dimension set to the bucket's largest length."""
    import numpy as np

    if isinstance(element, tuple):
        parts = shapes if shapes is not None else [None] * len(element)
        return tuple(bounded(part, shape, limit) for part, shape in zip(element, parts, strict=True))
    if isinstance(element, dict):
        return {
            key: bounded(part, None if shapes is None else shapes[key], limit)
            for key, part in element.items()
        }
    sizes = [None] * np.ndim(element) if shapes is None else shapes
    return tuple(limit if size in (None, -1) else size for size in sizes)
