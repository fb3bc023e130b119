"""What y means to classifiers: one label a text, several, or how much a text is of each; and back again.

`labelled` of embedcnn.bags does the reading, so all classifiers of texts take the same labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..bags.labels import Labelled, chosen, labelled, share_right
from ..bags.unfitted import not_fitted
from ..base.arguments import boolean
from ..training.sample_weights import balanced_weights
from .inputs import Rows, read
from .network import TextNetwork, check_lengths, row_weights
from .surroundings import tags

if TYPE_CHECKING:
    from typing_extensions import Self


class NetworkClassifier(TextNetwork):
    """The base of the classifiers that are networks: y to targets, outputs to labels."""

    _estimator_type = "classifier"
    class_weight: Any
    multi_label: bool | None
    classes_: np.ndarray
    _several: bool
    _as_matrix: bool

    def __sklearn_tags__(self) -> Any:
        return tags("classifier", self.input == "texts", several=True)

    def _last(self, targets: np.ndarray) -> tuple[int, str, str]:
        units = len(self.classes_)
        if self._several:
            return units, "sigmoid", "binary_crossentropy"
        loss = "sparse_categorical_crossentropy" if targets.ndim == 1 else "categorical_crossentropy"
        return units, "softmax", loss

    def _strata(self, targets: np.ndarray) -> np.ndarray | None:
        return targets if targets.ndim == 1 else None

    # -- training ----------------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns from texts `X` (or ids) and labels `y`; what was learnt before is forgotten, unless
        `warm_start`.

        `y`: a str or int for each text; lists of labels, or a matrix (N, K) of 0 and 1, where a text may have
        several; or a matrix of floats whose rows sum to 1, how much a text is of each class.
        `sample_weight`: (N,), how much each text counts; 0: as though it were not there.
        """
        new = not self._goes_on()
        rows = read(self, X, new)
        found = read_labels(self, y, self.multi_label, None if new else self.classes_)
        stops = boolean("early_stopping", self.early_stopping)
        return self._begin(rows, found, sample_weight, self._epochs(), new, stops)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One epoch of training on these texts. The first call needs `classes`, all labels there will be;
        words that it does not hold stay unknown, so let it see many, or call `fit` first.
        """
        new = not self.__sklearn_is_fitted__()
        if new and classes is None:
            raise ValueError(
                "`classes` must name all labels in the first call of partial_fit. Received: None"
            )
        if not new and classes is not None and np.unique(classes).tolist() != self.classes_.tolist():
            raise ValueError(f"`classes` must be {self.classes_.tolist()}. Received: {list(classes)}")
        rows = read(self, X, new)
        found = read_labels(self, y, self.multi_label, np.unique(classes) if new else self.classes_)
        return self._begin(rows, found, sample_weight, 1, new, False)

    def _begin(
        self, rows: Rows, found: Labelled, sample_weight: Any, epochs: int, new: bool, stops: bool
    ) -> Self:
        targets = target_array(found)
        check_lengths(rows, targets)
        weights = class_weights(self.class_weight, found, row_weights(sample_weight, len(rows)))
        if not new and found.multi_label != self._several:
            kind = "several labels" if self._several else "one label"
            raise ValueError(f"`y` must hold {kind} a text, as before; for another kind make a new estimator")
        if new:
            self.classes_, self._several, self._as_matrix = found.classes, found.multi_label, found.is_matrix
        self._learn(rows, targets, weights, epochs, new, stops)
        if new:
            self.model_.labels = self.classes_.tolist()
        return self

    # -- use ---------------------------------------------------------------------------------------------
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, float32 (N, K), in the order of `classes_`."""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The label of each text, an array (N,). Where a text may have several: a matrix (N, K) of 0 and 1
        where `fit` was given one, else an array (N,) of lists of labels.
        """
        return chosen(self.predict_proba(X), self.classes_, self._several, self._as_matrix)

    def explain(self, text: str, label: Any = None) -> Any:
        """Why a text has its label, as `Model.explain`; for `input="texts"`."""
        if not self.__sklearn_is_fitted__():
            raise not_fitted(f"this {type(self).__name__} has learnt nothing yet: call fit first")
        return self.model_.explain(text, label)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of texts whose label (all of whose labels) is right; ValueError without texts."""
        found = self.predict_proba(X)
        return share_right(found, labelled(y, self.multi_label, self.classes_), sample_weight)


def read_labels(estimator: Any, y: Any, multi_label: bool | None, classes: Any) -> Labelled:
    """As `labelled`, with scikit-learn's messages for what it knows to be no classes."""
    if y is None:
        raise ValueError(f"{type(estimator).__name__} requires y to be passed, but the target y is None")
    if getattr(estimator, "input", "texts") == "ids":
        from sklearn.utils.multiclass import check_classification_targets  # extra
        from sklearn.utils.validation import column_or_1d  # extra

        if hasattr(y, "__array__") and np.asarray(y).shape[1:] in ((), (1,)):
            check_classification_targets(np.asarray(y))
            y = column_or_1d(np.asarray(y), warn=True)
    return labelled(y, multi_label, classes)


def target_array(found: Labelled) -> np.ndarray:
    """What the loss takes: class numbers, int32 (N,), or a matrix, float32 (N, K)."""
    return found.matrix if found.codes is None else found.codes.astype(np.int32)  # type: ignore[return-value]


def class_weights(class_weight: Any, found: Labelled, weights: np.ndarray | None) -> np.ndarray | None:
    """The weights of the texts times those of their classes, float32 (N,); None: all count alike.

    `class_weight`: None, "balanced" or a dict of class to weight (1 for those it leaves out). ValueError
    where texts have several labels, TypeError for anything else.
    """
    if class_weight is None:
        return weights
    if found.codes is None:
        raise ValueError("`class_weight` needs one label for each text: it must be None for others")
    known = found.classes.tolist()
    if isinstance(class_weight, dict):
        for name, weight in class_weight.items():
            if name not in known:
                raise ValueError(f"class_weight: {name!r} is not one of the classes {known}")
            if not isinstance(weight, (int, float, np.number)) or not 0 <= weight < float("inf"):
                raise ValueError(f"class_weight[{name!r}] must be a finite number >= 0. Received: {weight!r}")
        by_class = np.array([class_weight.get(name, 1.0) for name in known], np.float32)
    elif isinstance(class_weight, str) and class_weight == "balanced":
        by_class = balanced_weights(found.codes, len(known))
    else:
        raise ValueError(
            "`class_weight` must be None, 'balanced' or a dict of class to weight. Received: "
            f"class_weight={class_weight!r}"
        )
    chosen_weights = by_class[found.codes]
    return chosen_weights if weights is None else chosen_weights * weights
