"""Labelled texts in memory, and their split into two parts.

`read_labelled` and the embedded data sets return `LabelledTexts`; classifiers take its `texts` and
`labels`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from embedcnn.base.arguments import finite_number, integer
from embedcnn.base.arrays import numbers
from embedcnn.base.columns import as_list


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with one label each: `texts` and `labels` (equally long), `label_names`, `path`, and `columns`,
    which says where a table or JSON-lines file has them. `weights`: how much each text counts, float32
    (number of texts,); None: all alike.

    Raises ValueError where the lists differ in length or hold anything but strings.

    >>> pets = LabelledTexts(["purrs a lot", "barks"], ["cat", "dog"])
    >>> len(pets), pets.label_names, pets.label_ids
    (2, ['cat', 'dog'], array([0, 1], dtype=int32))
    """

    texts: list[str]
    labels: list[str]
    path: str = ""
    columns: str = ""
    weights: np.ndarray | None = field(default=None, compare=False)
    label_names: list[str] = field(init=False)

    def __post_init__(self) -> None:
        for name in ("texts", "labels"):
            if not hasattr(getattr(self, name), "__len__") or isinstance(getattr(self, name), (str, bytes)):
                raise TypeError(f"`{name}` must be a list of str. Received: {name}={getattr(self, name)!r}")
            object.__setattr__(self, name, as_list(getattr(self, name)))
        if len(self.texts) != len(self.labels):
            raise ValueError(f"texts and labels differ in length: {len(self.texts)} and {len(self.labels)}")
        if self.weights is not None:
            weights = numbers("weights", self.weights).astype(np.float32, copy=False)
            if weights.shape != (len(self.texts),):
                raise ValueError(
                    f"weights must have shape ({len(self.texts)},). Received: shape {weights.shape}"
                )
            object.__setattr__(self, "weights", weights)
        for name in ("texts", "labels"):
            for index, value in enumerate(getattr(self, name)):
                if not isinstance(value, str):
                    raise ValueError(
                        f"{name}[{index}]: expected a str. Received: {value!r} ({type(value).__name__})"
                    )
        object.__setattr__(self, "label_names", sorted(set(self.labels)))

    def __len__(self) -> int:
        return len(self.texts)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return zip(self.texts, self.labels, strict=True)

    @property
    def label_ids(self) -> np.ndarray:
        """Each label's position in `label_names`, int32, shape (number of texts,)."""
        positions = {name: index for index, name in enumerate(self.label_names)}
        return np.array([positions[label] for label in self.labels], dtype=np.int32)

    def subset(self, indices: Sequence[int]) -> LabelledTexts:
        """The texts at `indices`, in that order.

        >>> LabelledTexts(["a b", "c d"], ["x", "y"]).subset([1]).texts
        ['c d']
        """
        texts, labels = [self.texts[i] for i in indices], [self.labels[i] for i in indices]
        weights = None if self.weights is None else self.weights[np.asarray(indices, np.int64)]
        return LabelledTexts(texts, labels, self.path, self.columns, weights)


def split(
    labelled: LabelledTexts, fraction: float = 0.1, seed: int = 0
) -> tuple[LabelledTexts, LabelledTexts]:
    """Split into (rest, held-out part), stratified: each class gives `fraction` of its texts, at least one.

    Deterministic for `seed`; both parts keep the order of `labelled`. ValueError unless 0 < fraction < 1
    and every class has two texts. Like scikit-learn's `train_test_split(stratify=labels)`.

    >>> texts = LabelledTexts([f"text {i}" for i in range(20)], ["even", "odd"] * 10)
    >>> train, test = split(texts, fraction=0.2, seed=1)
    >>> len(train), len(test), sorted(test.labels)
    (16, 4, ['even', 'even', 'odd', 'odd'])
    """
    if not isinstance(labelled, LabelledTexts):
        raise TypeError(f"`labelled` must be LabelledTexts, as read_labelled gives. Received: {labelled!r}")
    finite_number("fraction", fraction, above=0, below=1)
    members: dict[str, list[int]] = {name: [] for name in labelled.label_names}
    for index, label in enumerate(labelled.labels):
        members[label].append(index)
    generator = random.Random(integer("seed", seed))
    held: set[int] = set()
    for name in labelled.label_names:
        indices = members[name]
        if len(indices) < 2:
            raise ValueError(
                f"label {name!r} has a single text: it cannot be in both parts. Drop it or add texts"
            )
        count = min(max(1, math.floor(len(indices) * fraction + 0.5)), len(indices) - 1)
        held.update(generator.sample(indices, count))
    rest = [i for i in range(len(labelled)) if i not in held]
    return labelled.subset(rest), labelled.subset(sorted(held))
