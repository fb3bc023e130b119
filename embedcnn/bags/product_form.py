"""fastText's classifier on bags: the mean of a document's rows times an output matrix, by gradient steps.

With C classes all that is learnt fits into rows of C floats (one for two classes), so these are what is
trained unless vectors of documents are wanted, or there are very many classes.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..base.arguments import finite_number, integer, one_of, optional
from ..base.arrays import aligned_zeros
from ..base.checked import checked
from ..base.random_seeds import checked_seed, generator
from ..runtime import _core
from .targets import Targets, blocks, checked_targets, class_table, column_weights
from .weighting import Arrays, checked_bags, checked_weights

FLOATS_PER_LINE, ROWS_AT_ONCE, MOST_IN_BATCH = 16, 8192, 1024


@dataclass(frozen=True)
class ProductModel:
    """A trained product form: margins are the mean of a document's `rows`, by counts, times `output`.

    One column, the margin of the second of two classes, or one for each class or label.
    """

    rows: np.ndarray
    """float32 (size, width)."""
    output: np.ndarray
    """float32 (K, width); of two classes, (1, 1) or (2, width)."""
    loss: str
    """"softmax" or "one_vs_all"."""
    columns: int
    """K: 1 for two classes."""
    history: dict[str, list[float]] = field(default_factory=dict)
    """Of each epoch: "loss", and where there was validation data "val_loss" and "val_accuracy"."""

    @property
    def folded(self) -> np.ndarray:
        """What each feature's share of the counts adds to the margins, float32 (size, K)."""
        output = self.output
        if self.columns == 1 and len(output) == 2:
            output = output[1:] - output[:1]
        return self.rows @ output.T

    def decision_function(self, bags: Any) -> np.ndarray:
        """Margins, float32 (documents, K); 0 for documents without features."""
        arrays = self._checked(bags)
        return _margins(arrays, np.ascontiguousarray(self.folded), _lengths(arrays))

    def predict_proba(self, bags: Any) -> np.ndarray:
        """Probabilities, float32 (documents, K): of the second of two classes, of each class, or of each
        label.
        """
        margins = self.decision_function(bags)
        if self.loss == "softmax" and margins.shape[1] > 1:
            shares = np.exp(margins - margins.max(axis=1, keepdims=True))
            return shares / shares.sum(axis=1, keepdims=True)
        return 0.5 * (1 + np.tanh(0.5 * margins))

    def document_vectors(self, bags: Any) -> np.ndarray:
        """The mean of each document's rows, float32 (documents, width)."""
        arrays = self._checked(bags)
        return _margins(arrays, np.ascontiguousarray(self.rows), _lengths(arrays))

    def _checked(self, bags: Any) -> Arrays:
        arrays = checked_bags(bags)
        if arrays.size != len(self.rows):
            raise ValueError(f"`bags` must have {len(self.rows)} features. Received: {arrays.size}")
        return arrays


def _lengths(arrays: Arrays) -> np.ndarray:
    """The sum of each document's counts, float64 (documents,)."""
    sums = np.concatenate([[0.0], np.cumsum(arrays.counts, dtype=np.float64)])
    return np.diff(sums[arrays.offsets])


def _margins(arrays: Arrays, table: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    sums = _core.bag_margins(arrays.core, False, table, None, np.zeros(table.shape[1], np.float32))
    return sums / np.maximum(lengths, 1e-30).astype(np.float32)[:, None]


@checked
def product_form(
    bags: Any,
    y: Any,
    *,
    dim: int | None = None,
    loss: str = "softmax",
    epochs: int = 5,
    learning_rate: float = 0.5,
    initial: float = 0.5,
    batch_size: int = 1,
    classes: int | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    validation_data: tuple[Any, Any] | None = None,
    patience: int | None = None,
    start: ProductModel | None = None,
    shuffle: bool = True,
    seed: int = 0,
) -> ProductModel:
    """fastText's classifier on bags, many times faster: rows of as many floats as there are classes, one
    for two.

    With output = `initial` times the identity and rows of zeros, every step of a wider model whose output has
    orthogonal rows of length `initial` is a step of this one; what fastText's random start adds is noise.
    Steps are sequential, so that results do not depend on the number of threads. (Joulin et al. 2017.)

    Parameters
    ----------
    bags : Bags of N documents, or anything with `offsets`, `ids`, `counts` and `size`
    y : as of `dual_descent`: classes (N,), soft labels (N,) or (N, K), several labels (N, K)
    dim : None, or floats a row, random at first, with an output of zeros: for vectors of documents, or very
        many
        classes
    loss : "softmax", classes that exclude each other (rows of a matrix `y` are divided by their sums), or
        "one_vs_all", each class or label decided alone
    epochs : passes over the documents
    learning_rate : of the first step; it falls evenly to 0 over all epochs
    initial : where the output matrix starts, > 0, without `dim`
    batch_size : with `dim`, so many documents see the same weights, and all threads work on them; up to 32
        lose
        little accuracy. 1: one document after the other, on one thread
    classes : how many there are, where y is class numbers; None: the largest + 1
    sample_weight : (N,) how much the steps of each document count
    class_weight : "balanced", or a dict of class to weight
    validation_data : (bags, y), measured after each epoch
    patience : end when the validation loss has not fallen for so many epochs; the result is that of the
        best epoch
    start : a model to continue from
    shuffle : whether each epoch has an order of its own; else the documents come as they are
    seed : of these orders, and of the random start

    Raises
    ------
    ValueError, TypeError : arguments of another shape, range or kind; a learning rate that lets the loss
        overflow

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> bags = SimpleNamespace(offsets=[0, 1, 2, 4], ids=[0, 1, 0, 2], counts=[1, 2, 1, 1], size=3)
    >>> model = product_form(bags, [1, 0, 1], epochs=10)
    >>> model.rows.shape, (model.decision_function(bags)[:, 0] > 0).tolist()
    ((3, 1), [True, False, True])
    >>> product_form(bags, [1, 0, 1], dim=8).document_vectors(bags).shape
    (3, 8)
    """
    arrays = checked_bags(bags)
    targets = checked_targets(y, arrays.documents, classes)
    softmax = one_of("loss", loss, ("softmax", "one_vs_all")) == "softmax"
    dim = optional(integer, "dim", dim, 2, 4096)
    epochs = integer("epochs", epochs, 1)
    rate = float(finite_number("learning_rate", learning_rate, above=0))
    patience = optional(integer, "patience", patience, 1)
    seed = checked_seed("seed", seed)
    if patience is not None and validation_data is None:
        raise ValueError(f"`patience` needs validation_data. Received: patience={patience}")
    batch = integer("batch_size", batch_size, 1, MOST_IN_BATCH)
    if batch > 1 and dim is None:
        raise ValueError(f"`batch_size` must be 1 without `dim`. Received: batch_size={batch}")
    weights = checked_weights("sample_weight", sample_weight, arrays.documents)
    steps = _Steps(arrays, targets, softmax, dim, batch, weights)
    steps.weigh_classes(class_weight)
    steps.begin(float(finite_number("initial", initial, above=0)), start, seed)
    measured = None if validation_data is None else _Validation(validation_data, steps)
    shuffled, order = shuffle, np.arange(arrays.documents)
    for epoch in range(epochs):
        if shuffled:
            order = generator(seed, 2, epoch).permutation(arrays.documents)
        steps.run(order.astype(np.int32), rate * (1 - epoch / epochs), rate * (1 - (epoch + 1) / epochs))
        if measured is not None and measured.is_over(steps, patience):
            break
    return steps.model() if measured is None or patience is None else measured.kept


class _Steps:
    """What an epoch needs: the documents, how much each of them and each class counts, the model as it is."""

    def __init__(
        self,
        arrays: Arrays,
        targets: Targets,
        softmax: bool,
        dim: int | None,
        batch: int,
        weights: np.ndarray | None,
    ) -> None:
        self.arrays, self.softmax, self.targets, self.weights = arrays, softmax, targets, weights
        self.batch = batch
        self.columns = targets.columns
        self.learnt = targets.core
        """What the core learns: the targets, of two classes in two columns where rows are wide."""
        if softmax and targets.shares is not None:
            self.learnt = _distributions(targets.shares, dim is not None)
        self.learnt_columns = self.learnt[1] if isinstance(self.learnt, tuple) else self.learnt.shape[1]
        self.folded, self.width = dim is None, dim or self.columns
        self.features = float(arrays.counts.sum(dtype=np.float64))
        if not self.features:
            raise ValueError("`bags` must hold at least one feature. Received: empty documents")
        self.history: dict[str, list[float]] = {"loss": []}

    def weigh_classes(self, class_weight: Any) -> None:
        """With softmax, a document counts as its classes do; otherwise each label's column has its own
        weights.
        """
        classes = self.learnt_columns
        self.of_columns = np.ones(classes), np.ones(classes)
        if not self.softmax:
            self.of_columns = column_weights(self.targets, class_weight)
        elif class_weight is not None:
            table = class_table(self.targets, class_weight)
            shares = self.targets.shares
            if shares is None:
                weights = table[self.targets.classes].astype(np.float32)
            else:
                pair = self.columns == 1
                shares = np.concatenate([1 - shares, shares], axis=1) if pair else self.learnt
                weights = (shares @ table).astype(np.float32)
            self.weights = weights if self.weights is None else weights * self.weights

    def begin(self, initial: float, start: ProductModel | None, seed: int) -> None:
        """The rows, each on as few cache lines as it can be, and the output matrix."""
        size, width, classes = self.arrays.size, self.width, self.learnt_columns
        stride = width
        if width > 1:
            stride = 1 << (width - 1).bit_length() if width <= FLOATS_PER_LINE else -(-width // 16) * 16
        self.table = aligned_zeros((size, stride))
        self.output = np.zeros((classes, stride), np.float32)
        if start is not None:
            if not isinstance(start, ProductModel):
                raise TypeError(f"`start` must be a ProductModel. Received: {type(start).__name__}")
            expected = (size, width), (classes, width)
            if (start.rows.shape, start.output.shape) != expected:
                raise ValueError(
                    f"`start` must have rows and an output of shapes {expected}. "
                    f"Received: {start.rows.shape} and {start.output.shape}"
                )
            self.table[:, :width], self.output[:, :width] = start.rows, start.output
        elif self.folded:
            mirrored = self.softmax and classes == 1  # as two rows of two floats and initial * identity
            np.fill_diagonal(self.output, initial * 2**0.5 if mirrored else initial)
        else:
            random = generator(seed, 1)
            for first in range(0, size, ROWS_AT_ONCE):  # a second table would cost as much as an epoch
                block = self.table[first : first + ROWS_AT_ONCE, :width]
                block[:] = (2 * random.random(block.shape, np.float32) - 1) / width

    def run(self, order: np.ndarray, first_rate: float, last_rate: float) -> None:
        """One epoch; ValueError where the loss has overflown."""
        loss = _core.product_epoch(
            self.arrays.core,
            order,
            self.learnt,
            self.weights,
            *self.of_columns,
            self.softmax,
            first_rate,
            last_rate,
            self.features,
            self.batch,
            self.table,
            self.output,
            self.width,
        )
        total = self.arrays.documents if self.weights is None else float(self.weights.sum(dtype=np.float64))
        self.history["loss"].append(loss / max(total, 1e-30))
        if not (np.isfinite(loss) and np.isfinite(self.output).all()):
            raise ValueError(
                "`learning_rate` must be smaller for these documents: the loss of epoch "
                f"{len(self.history['loss'])} is {loss}, at a rate of {first_rate:g}"
            )

    def model(self) -> ProductModel:
        """The model as it is now; its arrays change where training goes on."""
        return ProductModel(
            self.table[:, : self.width],
            self.output[:, : self.width],
            "softmax" if self.softmax else "one_vs_all",
            self.columns,
            self.history,
        )


def _distributions(columns: np.ndarray, wide: bool) -> np.ndarray:
    """Targets of a softmax: rows that sum to 1; of two classes one column, or two where rows are wide."""
    if columns.shape[1] == 1:
        made = np.concatenate([1 - columns, columns], axis=1) if wide else columns
    else:
        sums = columns.sum(axis=1, keepdims=True)
        made = columns / np.where(sums > 0, sums, 1)
    made.flags.writeable = False
    return made


class _Validation:
    """Measures a model after each epoch and keeps the best one."""

    def __init__(self, data: Any, steps: _Steps) -> None:
        try:
            bags, y = data
        except (TypeError, ValueError):
            raise ValueError("`validation_data` must be (bags, y)") from None
        self.arrays = checked_bags(bags)
        if self.arrays.size != steps.arrays.size:
            raise ValueError(
                f"`validation_data` must have {steps.arrays.size} features. Received: {self.arrays.size}"
            )
        numbered = steps.targets.classes is not None and np.asarray(y).dtype.kind in "iub" and np.ndim(y) == 1
        known = max(2, steps.columns) if numbered else None
        self.targets = checked_targets(y, self.arrays.documents, known)
        if self.targets.columns != steps.columns:
            raise ValueError(
                f"`validation_data` must have labels of {steps.columns} columns. "
                f"Received: {self.targets.columns}"
            )
        self.least, self.kept, self.waited = np.inf, steps.model(), 0

    def is_over(self, steps: _Steps, patience: int | None) -> bool:
        """Writes what is measured into the history; whether there was no progress for `patience` epochs."""
        model = steps.model()
        loss, accuracy = _measures(model, self.arrays, self.targets)
        steps.history.setdefault("val_loss", []).append(loss)
        steps.history.setdefault("val_accuracy", []).append(accuracy)
        self.waited += 1
        if loss < self.least:
            self.least, self.waited = loss, 0
            self.kept = replace(model, rows=model.rows.copy(), output=model.output.copy())
        return patience is not None and self.waited >= patience


def _measures(model: ProductModel, arrays: Arrays, targets: Targets) -> tuple[float, float]:
    """Mean loss and accuracy: of classes, or over all labels where each is decided alone."""
    found = model.decision_function(arrays)
    loss, correct, of = 0.0, 0, 0
    for block in blocks(*found.shape):
        margins, wanted = found[block].astype(np.float64), targets.rows(block.start, block.stop)
        if model.loss == "softmax" and model.columns > 1:
            right = margins.argmax(axis=1) == wanted.argmax(axis=1)
            wanted = wanted / np.maximum(wanted.sum(axis=1, keepdims=True), 1e-30)
            shifted = margins - margins.max(axis=1, keepdims=True)
            losses = (np.log(np.exp(shifted).sum(axis=1, keepdims=True)) - shifted) * wanted
        else:
            losses = np.logaddexp(0, margins) - wanted * margins
            right = (margins > 0) == (wanted > 0.5)
        loss, correct, of = loss + float(losses.sum()), correct + int(right.sum()), of + right.size
    return loss / len(found), correct / of
