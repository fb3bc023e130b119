"""Batches that are asked for by number: objects with `len()` and `[number]`, as Keras's PyDataset (Sequence).

Such an object need not say where it ends (`[number]` beyond the end may give an empty batch instead of an
IndexError), so Python's own way to iterate over it may never end: here `len()` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..base.checked import checked
from ..base.random_seeds import generator


class PyDataset:
    """Base of batches by number: write `__len__`, how many there are, and `__getitem__(number)`, which gives
    (x, y) or (x, y, sample_weight); `on_epoch_end()` is called after each pass.

    `fit` shuffles the order of the batches unless `shuffle=False`. `workers`, `use_multiprocessing` and
    `max_queue_size` are taken as in Keras: one thread makes the batches ahead of the step. As
    keras.utils.PyDataset; a class with these two methods needs no base.

    >>> class Squares(PyDataset):
    ...     def __len__(self):
    ...         return 3
    ...     def __getitem__(self, number):
    ...         return np.full((2, 1), number), np.full((2, 1), number**2)
    >>> import embedcnn, numpy as np
    >>> model = embedcnn.Sequential([embedcnn.Input((1,)), embedcnn.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> model.fit(Squares(), epochs=2, verbose=0).epoch
    [0, 1]
    """

    @checked
    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @property
    def num_batches(self) -> int:
        """How many batches a pass has."""
        return len(self)

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} must have `__len__`, how many batches there are")

    def __getitem__(self, index: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} must have `__getitem__(number)`, a batch (x, y)")

    def on_epoch_end(self) -> None:
        """Called after each pass over the batches."""


def is_indexed(x: Any) -> bool:
    """Whether x gives batches by number: it has a length and items, but is neither data nor an iterable."""
    kind = type(x)
    if hasattr(kind, "__iter__") or hasattr(x, "__array__") or isinstance(x, (str, bytes)):
        return False
    return hasattr(kind, "__len__") and hasattr(kind, "__getitem__")


class IndexedBatches:
    """Such an object as an iterable: in an order that (seed, pass) decides, or from the first to the last."""

    def __init__(self, source: Any, seed: int | None) -> None:
        if any(base.__module__.startswith("torch.utils.data") for base in type(source).__mro__):
            raise TypeError(
                "x: a Dataset of PyTorch gives single examples; give batches of it: "
                f"torch.utils.data.DataLoader(x, batch_size=32). Received: {type(source).__name__}"
            )
        self.source, self.seed = source, seed

    def __len__(self) -> int:
        return len(self.source)

    def __iter__(self) -> Iterator[Any]:
        return self.iterate(0)

    def iterate(self, number: int) -> Iterator[Any]:
        """The batches of a pass."""
        count = len(self.source)
        order = range(count) if self.seed is None else generator(self.seed, number).permutation(count)
        for index in order:
            yield self.source[int(index)]
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()
