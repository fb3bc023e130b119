"""Model.convert_tables: the tables of a model in fewer bits, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..base.arguments import one_of, warn_user
from ..graph.nesting import leaf_layers
from ..graph.stored import LARGEST, STORAGE_DTYPES, refuse_unfit
from ..layers.embedding import Embedding
from ..layers.table_storage import refuse_column_norms
from ..layers.tied import TiedDense
from .summary import size_text


@dataclass(frozen=True)
class TableConversion:
    """What `Model.convert_tables` did: sizes in bytes, how many numbers were beyond the range of halves (they
    are the largest of these now), what `evaluate` gave before and after where `check` was given, and which
    tables stay in float32, each with the layer that reads all of it.
    """

    dtype: str
    tables: list[str]
    bytes_before: int
    bytes_after: int
    overflow: int = 0
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        sizes = f"{size_text(self.bytes_before, 1)} -> {size_text(self.bytes_after, 1)}"
        lines = [f"{', '.join(self.tables)} to {self.dtype}: {sizes}"]
        if self.overflow:
            lines.append(self._overflown())
        lines += [f"{name} stays in float32: {who} reads all of it" for name, who in self.kept.items()]
        lines += [f"{name}: {self.before[name]:.6g} -> {self.after[name]:.6g}" for name in self.after]
        return "\n".join(lines)

    def _overflown(self) -> str:
        largest = LARGEST[self.dtype]
        return f"{self.overflow:,} numbers beyond the range of {self.dtype} became its largest, {largest:g}"


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
    readers = {} if dtype == "float32" else _readers_of_all(model, found)
    kept = {layer.name: readers[id(layer)] for layer in tables if id(layer) in readers}
    tables = [layer for layer in tables if id(layer) not in readers]
    for layer in tables if dtype != "float32" else []:  # before anything changes
        refuse_column_norms(layer, dtype)
        if dtype == "int8":
            refuse_unfit(dtype, layer.embeddings.read(), layer.embeddings.path)
    if not tables:
        name, reader = next(iter(kept.items()))
        raise ValueError(
            f"the table of {name!r} must be kept in float32, as {reader!r} reads all of it, and there is no "
            f"other. Received: dtype={dtype!r}"
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
    made = TableConversion(dtype, names, size, after, overflow, before, _evaluated(model, check), kept)
    if overflow:
        warn_user(f"convert_tables: {made._overflown()}; use 'bfloat16', or scale them before")
    return made


def _readers_of_all(model: Any, found: list[Any]) -> dict[int, str]:
    """The Embeddings whose tables are read by more than lookups of their rows, and by which layer."""
    readers = {id(layer.embedding): layer.name for layer in found if isinstance(layer, TiedDense)}
    if not model.built:
        return readers
    for operation in model.lowered_as("forward", rewrite=False).operations:
        for variable in operation.variables if not operation.facts["reads_table"] else ():
            if isinstance(variable.layer, Embedding):
                readers.setdefault(id(variable.layer), operation.origins[0].layer)
    return readers


def _evaluated(model: Any, check: Any) -> dict[str, float]:
    if check is None:
        return {}
    x, y, *rest = check
    weights = rest[0] if rest else None
    found: dict[str, float] = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    return found
