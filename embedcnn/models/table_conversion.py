"""Model.convert_tables: the tables of a model in fewer bits, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..base.arguments import one_of
from ..graph.nesting import leaf_layers
from ..graph.stored import STORAGE_DTYPES
from ..layers.embedding import Embedding
from ..layers.table_storage import refuse_column_norms
from ..layers.tied import TiedDense
from .summary import size_text


@dataclass(frozen=True)
class TableConversion:
    """What `Model.convert_tables` did: sizes in bytes, how many numbers were beyond the range of float16
    (they are its largest now), and what `evaluate` gave before and after where `check` was given.
    """

    dtype: str
    tables: list[str]
    bytes_before: int
    bytes_after: int
    overflow: int = 0
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        sizes = f"{size_text(self.bytes_before, 1)} -> {size_text(self.bytes_after, 1)}"
        lines = [f"{', '.join(self.tables)} to {self.dtype}: {sizes}"]
        if self.overflow:
            lines.append(f"{self.overflow:,} numbers beyond the range of float16 became its largest, 65504")
        lines += [f"{name}: {self.before[name]:.6g} -> {self.after[name]:.6g}" for name in self.after]
        return "\n".join(lines)


def convert_tables(model: Any, dtype: str, check: Any) -> TableConversion:
    """As Model.convert_tables."""
    dtype = one_of("dtype", dtype, STORAGE_DTYPES)
    if check is not None and (not isinstance(check, tuple) or len(check) not in (2, 3)):
        raise TypeError(
            "`check` must be (x, y) or (x, y, sample_weight), as for evaluate, or None. Received: "
            f"check={type(check).__name__}"
        )
    found = list({id(layer): layer for layer in leaf_layers(model.layers)}.values())
    tables = [layer for layer in found if isinstance(layer, Embedding)]
    if not tables:
        raise ValueError(f"Model {model.name!r} has no Embedding whose table could be converted")
    tied = {id(layer.embedding): layer.name for layer in found if isinstance(layer, TiedDense)}
    for layer in tables if dtype != "float32" else []:  # before anything changes
        refuse_column_norms(layer, dtype)
        if id(layer) in tied:
            raise ValueError(
                f"the table of {layer.name!r} is shared by {tied[id(layer)]!r}, so it must be kept in "
                f"float32. Received: dtype={dtype!r}"
            )
    before = _evaluated(model, check)
    size = sum(layer.embeddings.nbytes for layer in tables)
    with model._access.training(), model._access.changing():
        old = [layer.embeddings for layer in tables]
        overflow = sum(layer.convert_table(dtype) for layer in tables)
        optimizer = model.optimizer
        own = [] if optimizer is None else [optimizer, *getattr(optimizer, "optimizers", ())]
        for layer, variable in zip(tables, old, strict=True):
            for states in (one.states for one in own):
                if variable in states and layer.embeddings is not variable:
                    state = states[layer.embeddings] = states.pop(variable)
                    if dtype == "float32" or state.held:
                        state.average_in_float32(variable)
    after = sum(layer.embeddings.nbytes for layer in tables)
    names = [layer.name for layer in tables]
    return TableConversion(dtype, names, size, after, overflow, before, _evaluated(model, check))


def _evaluated(model: Any, check: Any) -> dict[str, float]:
    return {} if check is None else model.evaluate(*check, verbose=0, return_dict=True)
