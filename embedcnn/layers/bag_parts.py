"""The linear models over one bag of n-grams, folded into one table: a row for each feature, read once a text.

The value of feature i in a text is tf(count_i) scale_i / n, where n is the norm of all such values of the
text. So a part needs of a text two sums over its features: tf weight_i scale_i (a column for each unit), and
tf^2 scale_i^2 (a column for each norm). The columns of all parts stand beside each other in a row of the
table. Here is the arithmetic in NumPy, float64: what csrc/bags/scores.c is compared with, and what the shares
of an explanation are made of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..base.arguments import boolean, finite_number, integer, one_of
from ..base.arrays import check_finite, numbers

NORMS = ("none", "l2", "mean")  # in the order of enum ec_bag_norm
MOST_UNITS = 100_000


@dataclass(frozen=True)
class PartForm:
    """What a part computes, without its numbers: what the file of a model says of it in words.

    `units`: margins that it gives; `norms`: columns of norms (0, one for all units, or one for each);
    `norm`: "l2", "mean" (over the counts of the features that the part uses) or "none"; `sublinear`: 1 +
    log(count) in the place of a count; `share`: how much the part counts in a mean over the parts.
    """

    units: int
    norms: int
    norm: str = "l2"
    sublinear: bool = True
    share: float = 1.0
    name: str = "part"

    def __post_init__(self) -> None:
        integer("units", self.units, 1, MOST_UNITS)
        one_of("norm", self.norm, NORMS)
        boolean("sublinear", self.sublinear)
        finite_number("share", self.share, least=0)
        if not isinstance(self.name, str):
            raise TypeError(f"`name` of a part must be a str. Received: name={self.name!r}")
        allowed = (0,) if self.norm == "none" else (1, self.units)
        if self.norms not in allowed or isinstance(self.norms, bool):
            raise ValueError(
                f"`norms` of a part with norm={self.norm!r} must be one of {allowed}. Received: "
                f"norms={self.norms!r}"
            )

    @property
    def columns(self) -> int:
        """How many columns of the table are the part's."""
        return self.units + self.norms

    def of_core(self) -> tuple[int, int, int, bool]:
        """The form as the core takes it: units, norms, which norm, sublinear."""
        return self.units, self.norms, NORMS.index(self.norm), self.sublinear

    def to_config(self) -> dict[str, Any]:
        """The form, ready for JSON."""
        return dict(vars(self))


@dataclass(frozen=True, eq=False)
class LinearPart:
    """One linear model of the features of a bag: `weights` float32 (features, units), `bias` (units,).

    `scale`: what the features weigh before the norm, (features,) or (features, units); None: 1 each. A
    feature of scale 0 is none of the part's. `norm`, `sublinear`, `share` and `name` as in `PartForm`.
    Raises ValueError for shapes that do not fit, TypeError for what is no number.

    >>> part = LinearPart(np.array([[1.0], [-2.0]]), np.array([0.5]), norm="none", sublinear=False)
    >>> part.form.columns
    1
    """

    weights: np.ndarray
    bias: np.ndarray
    scale: np.ndarray | None = None
    norm: str = "l2"
    sublinear: bool = True
    share: float = 1.0
    name: str = "part"
    form: PartForm = field(init=False)

    def __post_init__(self) -> None:
        weights = numbers("weights", self.weights)
        if weights.ndim != 2 or not weights.size:
            raise ValueError(f"`weights` must have shape (features, units). Received: shape {weights.shape}")
        bias = numbers("bias", self.bias)
        if bias.shape != weights.shape[1:]:
            raise ValueError(
                f"`bias` must have shape {weights.shape[1:]}, one for each unit. Received: shape {bias.shape}"
            )
        scale = None if self.scale is None else numbers("scale", self.scale)
        if scale is not None and scale.shape not in (weights.shape[:1], weights.shape):
            raise ValueError(
                f"`scale` must have shape {weights.shape[:1]} or {weights.shape}. Received: shape "
                f"{scale.shape}"
            )
        check_finite("weights", weights)
        check_finite("bias", bias[None])
        if scale is not None:
            check_finite("scale", scale.reshape(len(weights), -1))
        norms = 0 if self.norm == "none" else 1 if scale is None or scale.ndim == 1 else weights.shape[1]
        form = PartForm(weights.shape[1], norms, self.norm, self.sublinear, self.share, self.name)
        for name, value in (("weights", weights), ("bias", bias), ("scale", scale), ("form", form)):
            object.__setattr__(self, name, value)


def folded(parts: Sequence[LinearPart]) -> tuple[np.ndarray, np.ndarray]:
    """(table, bias) of parts over the same features: float32 (features, columns) and (units of all,)."""
    if not parts:
        raise ValueError("`parts` must hold at least one LinearPart. Received: none")
    for part in parts:
        if not isinstance(part, LinearPart):
            raise TypeError(f"`parts` must hold LinearPart. Received: {type(part).__name__}")
    rows = len(parts[0].weights)
    for number, part in enumerate(parts):
        if len(part.weights) != rows:
            raise ValueError(
                f"`parts` must have a row of weights for each of the same features: parts[0] has {rows}. "
                f"Received: parts[{number}] with {len(part.weights)}"
            )
    table = np.empty((rows, sum(part.form.columns for part in parts)), np.float32)
    start = 0
    for part in parts:
        form, scale = part.form, part.scale
        if scale is not None and scale.ndim == 1:
            scale = scale[:, None]
        values = table[:, start : start + form.units]
        values[...] = part.weights if scale is None else part.weights * scale
        norms = table[:, start + form.units : start + form.columns]
        if form.norm == "l2":
            norms[...] = 1 if scale is None else scale * scale
        elif form.norm == "mean":
            norms[...] = 1 if scale is None else scale != 0
        start += form.columns
    return table, np.concatenate([part.bias for part in parts]).astype(np.float32)


def multipliers(forms: Sequence[PartForm], counts: np.ndarray) -> np.ndarray:
    """What the row of a feature with each of these counts is multiplied by, float64 (counts, columns)."""
    counts = np.asarray(counts, np.float64)
    columns = []
    for form in forms:
        tf = 1 + np.log(counts) if form.sublinear else counts
        columns += [tf] * form.units
        columns += [tf * tf if form.norm == "l2" else counts] * form.norms
    return np.stack(columns, axis=1)


def sums(table: np.ndarray, forms: Sequence[PartForm], bags: Any) -> np.ndarray:
    """The sum of each column over the features of each document, float64 (documents, columns)."""
    documents = len(bags.offsets) - 1
    document = np.repeat(np.arange(documents), np.diff(bags.offsets))
    products = multipliers(forms, bags.counts) * table[bags.ids]
    made = [np.bincount(document, column, documents) for column in products.T]
    return np.stack(made, axis=1)


def norms_of(forms: Sequence[PartForm], columns: np.ndarray) -> np.ndarray:
    """What the margins of each unit are divided by, (documents, units) from `sums`; 1 where it would be 0."""
    made, start = [], 0
    for form in forms:
        found = columns[:, start + form.units : start + form.columns]
        found = np.sqrt(found) if form.norm == "l2" else found
        if not form.norms:
            found = np.ones((len(columns), 1))
        made.append(np.broadcast_to(np.where(found > 0, found, 1), (len(columns), form.units)))
        start += form.columns
    return np.concatenate(made, axis=1)


def value_columns(forms: Sequence[PartForm]) -> np.ndarray:
    """The numbers of the table's columns that are no norms, one for each unit."""
    starts = np.cumsum([0, *(form.columns for form in forms)])
    return np.concatenate([start + np.arange(form.units) for start, form in zip(starts, forms, strict=False)])


def margins(table: np.ndarray, bias: np.ndarray, forms: Sequence[PartForm], bags: Any) -> np.ndarray:
    """The margins of each document, float64 (documents, units of all parts).

    >>> from types import SimpleNamespace
    >>> part = LinearPart(np.array([[3.0], [4.0]]), np.array([0.5]), sublinear=False)
    >>> table, bias = folded([part])
    >>> bags = SimpleNamespace(offsets=np.array([0, 2, 2]), ids=np.array([0, 1]), counts=np.array([3.0, 4.0]))
    >>> margins(table, bias, [part.form], bags).ravel().tolist()
    [5.5, 0.5]
    """
    columns = sums(table, forms, bags)
    return columns[:, value_columns(forms)] / norms_of(forms, columns) + bias


def shares(table: np.ndarray, forms: Sequence[PartForm], bags: Any) -> np.ndarray:
    """What each feature of one document adds to each margin, float64 (features, units): with the bias they
    sum to the margins.
    """
    norms = norms_of(forms, sums(table, forms, bags))
    chosen = value_columns(forms)
    return multipliers(forms, bags.counts)[:, chosen] * table[bags.ids][:, chosen] / norms
