"""What bounds a training step: the data, Python, arithmetic, memory, or that it is too small for any of
these; and what to try.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import runtime

MUCH = 0.3  # of a step that is spent elsewhere than in the core
NEAR = 0.5  # of what the machine can do
FAST = "bf16"  # what the names of faster number formats begin with

NAMES = {
    "data": "waiting for data",
    "Python": "Python around the step",
    "compute": "arithmetic",
    "memory": "memory",
    "size": "neither arithmetic nor memory: it is small, or gathers and functions of single values take it",
}


@dataclass(frozen=True)
class Limits:
    """Where a step stands beside what the machine can do.

    `data`, `python`, `core`: their shares of its time, that of data over all steps. `flops`, `bytes`: a
    second, in the core; of bytes what operations must at least read and write. `peak_flops`, `peak_bytes`:
    of a large product and of a copy of `memory` bytes, measured beside it. `bound`: "data", "Python",
    "compute", "memory" or "size".
    """

    data: float
    python: float
    core: float
    flops: float
    peak_flops: float
    bytes: float
    peak_bytes: float
    memory: float

    @property
    def compute_share(self) -> float:
        """Of the arithmetic that a large product reaches."""
        return self.flops / self.peak_flops

    @property
    def memory_share(self) -> float:
        """Of the bytes a second that a copy reaches; at least."""
        return self.bytes / self.peak_bytes

    @property
    def bound(self) -> str:
        """What a step would gain most from."""
        if max(self.data, self.python) >= MUCH:
            return "data" if self.data >= self.python else "Python"
        if max(self.compute_share, self.memory_share) < NEAR:
            return "size"
        return "compute" if self.compute_share >= self.memory_share else "memory"

    def advice(self, table_bytes: float = 0.0, dense_tables: bool = False) -> list[str]:
        """What to try, the likeliest first. `table_bytes`: of embedding tables that learn in float32;
        `dense_tables`: whether each step updates all their rows.
        """
        config: dict[str, Any] = runtime.show_config()
        if self.bound == "data":
            return [
                "prepare batches ahead: give fit a data.Dataset with prefetch(), or a generator",
                "cache() what map makes, or map(..., num_parallel_calls=AUTOTUNE) where it leaves the "
                "interpreter, as decoding images does; encode texts once (model.text_encoder(texts))",
            ]
        if self.bound == "Python":
            return ["a larger batch_size: Python costs the same for each step"]
        tried = []
        formats, precision = config["matmul_formats"], config["float32_matmul_precision"]
        faster = [name for name in ("high", "medium") if formats[name].startswith(FAST)]
        if self.bound == "compute" and formats[precision] == "fp32" and faster:
            tried.append(f"set_float32_matmul_precision({faster[0]!r}): {formats[faster[0]]} on this machine")
        if self.bound == "compute":
            tried.append("fewer filters or units, or frozen tables: their gradients need no products")
        if self.bound == "memory" and dense_tables:
            tried.append("embedding_update='lazy': only rows that a step names are read and written")
        if self.bound == "memory" and table_bytes:
            tried.append(
                "convert_tables('float16') or storage_dtype: half the bytes; smaller or frozen tables"
            )
        if self.bound == "memory":
            tried.append("an optimizer with fewer slots (SGD, Adagrad in the place of Adam)")
        if self.bound == "size":
            tried.append(
                "a larger batch_size: more work for each operation, and words that texts share, if any"
            )
        return tried

    def lines(self) -> list[str]:
        """The shares, and what bounds the step."""
        return [
            f"waiting for data {self.data:.0%}, Python {self.python:.0%}, the core {self.core:.0%} of a step",
            f"arithmetic: about {self.flops / 1e9:.1f} GFLOP/s, {self.compute_share:.0%} of the "
            f"{self.peak_flops / 1e9:.0f} of a large product here",
            f"memory: at least {self.bytes / 1e9:.1f} GB/s, {self.memory_share:.0%} of the "
            f"{self.peak_bytes / 1e9:.0f} of a copy of {self.memory / 1e6:.1f} MB here",
            f"bound by {NAMES[self.bound]}",
        ]
