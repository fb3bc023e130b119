"""Discretization: numbers of a table to bins, before a model's program runs, as CategoryReader's layers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..base.arguments import finite_number, one_of, positive_integer
from ..graph.nodes import Shape
from .categories import CategoryReader
from .lookup_vocabulary import MODES


class Discretization(CategoryReader):
    """Numbers (B, n) to the bins that they fall into: int (B, n), or indicators of these as `output_mode`
    says ("one_hot", "multi_hot", "count"). As keras.layers.Discretization, with its boundaries.

    `bin_boundaries`, ascending: bin 0 is below the first, the last from the last on. Or `num_bins`, whose
    boundaries `adapt(data)` finds, so that each holds equally many values, to a share `epsilon` of them.
    Raises ValueError unless one of both is given, and before there are boundaries.

    >>> Discretization([0.0, 10.0])([[-1.0, 5.0], [10.0, 3.0]]).tolist()
    [[0, 1], [2, 1]]
    """

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                "one of `bin_boundaries` and `num_bins` must be given. Received: "
                f"bin_boundaries={bin_boundaries!r}, num_bins={num_bins!r}"
            )
        self.num_bins = None if num_bins is None else positive_integer("num_bins", num_bins)
        self.epsilon = float(finite_number("epsilon", epsilon, above=0, below=1))
        self.output_mode = one_of("output_mode", output_mode, MODES)
        self.bin_boundaries = None if bin_boundaries is None else _ascending(bin_boundaries)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        """A new layer, with the boundaries that `adapt` had found."""
        known = config.get("bin_boundaries") if config.get("num_bins") is not None else None
        made = cls(**(config if known is None else {**config, "bin_boundaries": None}))
        if known is not None:
            made.bin_boundaries = _ascending(known)
        return made

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Finds the boundaries of data: an array, or batches, of which `steps` (None: all) are read."""
        if self.num_bins is None:
            raise ValueError(f"Layer {self.name!r} was given its bin_boundaries: give `num_bins` to adapt it")
        batches: Iterable[Any] = data
        if isinstance(data, np.ndarray) or not hasattr(data, "__iter__"):
            batches = [data]
        summary = np.zeros((2, 0), np.float32)
        for number, batch in enumerate(batches):
            if steps is not None and number >= steps:
                break
            both = np.concatenate([_summary(np.asarray(batch, np.float32), self.epsilon), summary], 1)
            summary = _compressed(np.take(both, np.argsort(both[0]), 1), self.epsilon)
        if not summary.size:
            raise ValueError(f"`data` must hold numbers. Received: data={data!r}")
        self.bin_boundaries = _compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist()

    @property
    def size(self) -> int:
        return self.num_bins or 1 if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._known()
        return super().compute_output_shape(input_shape)

    def ids_of(self, values: np.ndarray) -> np.ndarray:
        return np.digitize(values.astype(np.float32), np.asarray(self._known(), np.float32))

    def _known(self) -> list[float]:
        if self.bin_boundaries is None:
            raise ValueError(f"Layer {self.name!r} has no boundaries yet: call adapt(data) first")
        return self.bin_boundaries


def _ascending(boundaries: Any) -> list[float]:
    found = np.asarray(boundaries, np.float64)
    if found.ndim != 1 or not np.isfinite(found).all() or (np.diff(found) < 0).any():
        raise ValueError(
            f"`bin_boundaries` must be finite numbers that ascend. Received: bin_boundaries={boundaries!r}"
        )
    made: list[float] = found.tolist()
    return made


def _summary(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Values at equal distances in their order, about 1 / epsilon, above how many values each stands for."""
    ordered = np.sort(values.ravel())
    step = max(ordered.size * epsilon, 1)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.ones_like(chosen) * step])


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary of 1 / epsilon values, interpolated between those of a larger one."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    counts = summary[1].cumsum()
    values, weights = (np.interp(shares, counts / counts[-1], row) for row in (summary[0], counts))
    return np.stack([values, np.diff(weights, prepend=0)]).astype(np.float32)
