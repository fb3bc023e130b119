"""TextCNNClassifier, TextLSTMClassifier, TextRegressor: networks over the embeddings of words, in
scikit-learn's shape.

The network and its training stand in network.py; here is what y means, and what each puts over embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import boolean, positive_integer
from ..base.columns import several
from .classes import NetworkClassifier
from .inputs import read
from .network import TextNetwork, check_lengths, row_weights
from .surroundings import tags


def largest_values(embedded: Any, filters: int, kernel_sizes: Any) -> Any:
    """The largest value over time of each filter, (B, filters of all sizes). As Kim (2014)."""
    from .. import layers  # start-up: they are many

    one = isinstance(kernel_sizes, (int, np.integer))
    sizes = [kernel_sizes] if one else several("kernel_sizes", kernel_sizes)
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(
            f"`kernel_sizes` must be different numbers of words. Received: kernel_sizes={kernel_sizes!r}"
        )
    pooled = []
    for size in (positive_integer("kernel_sizes", one) for one in sizes):
        convolution = layers.Conv1D(
            positive_integer("filters", filters),
            size,
            padding="same",
            activation="relu",
            name=f"size_{size}",
        )
        pooled.append(layers.GlobalMaxPooling1D(name=f"largest_{size}")(convolution(embedded)))
    return layers.Concatenate(name="features")(pooled) if len(pooled) > 1 else pooled[0]


class TextCNNClassifier(NetworkClassifier):
    """A classifier of texts by the largest values of convolutions over the embeddings of their words (Kim
    2014).

    Parameters
    ----------
    epochs, batch_size, learning_rate
        Of the training, by Adam; `partial_fit` is one epoch.
    filters, kernel_sizes
        Filters of each size, and over how many words they reach.
    dimensions, dropout
        Of an embedding, where no vectors are given; the share of features left out in a step.
    max_tokens
        The most frequent words that are known, the others count as one; None: all. Of ids: those below it.
    tokenizer
        "words", "whitespace", "chars" or "char_ngrams", as `embedcnn train --tokenizer`.
    vectors, freeze
        Word vectors to start from: a path, WordVectors, gensim's, a dict; whether they stay as they are.
    class_weight
        None, "balanced" or a dict of class to weight; times `sample_weight`.
    multi_label
        Whether each label is decided alone; None: by y (lists of labels, a matrix of integers).
    early_stopping, validation_fraction, patience
        Holds out so large a share of the texts and ends after `patience` epochs without a smaller loss on
        them, with the best weights; `partial_fit` does not.
    warm_start
        Whether `fit` goes on with the weights and words that there are.
    input
        "texts" (list, array or column of str), or "ids": a matrix (N, T) of token ids, 0 being padding.
    n_jobs
        Threads; None: as OpenMP says, which in a worker of joblib is its share; -1: all CPUs. The results
        are the same bits for any number.
    random_state
        int, RandomState or Generator of NumPy; None: other results each time.
    verbose
        As in `Model.fit`.

    Attributes
    ----------
    classes_ : array of the labels, sorted
    model_ : the Model, which `model_.save(path)` keeps for the command line
    history_ : dict of lists, a value for each epoch
    n_iter_ : how many epochs there were, all calls together

    Raises
    ------
    ValueError, TypeError
        From `fit`, that name the argument; ValueError (NotFittedError of scikit-learn, where it is loaded)
        where something is asked before `fit`.

    Examples
    --------
    >>> texts, labels = ["it purrs", "purrs all day", "it barks", "barks at night"] * 5, [0, 0, 1, 1] * 5
    >>> classifier = TextCNNClassifier(epochs=20, learning_rate=0.01, dimensions=8, filters=8)
    >>> classifier.fit(texts, labels).predict(["who purrs there", "it barks"]).tolist()
    [0, 1]
    >>> classifier.predict_proba(["purrs"]).shape
    (1, 2)
    """

    def __init__(
        self,
        *,
        epochs: int = 10,
        batch_size: int = 50,
        learning_rate: float = 1e-3,
        filters: int = 100,
        kernel_sizes: int | Sequence[int] = (2, 3, 4),
        dimensions: int = 100,
        dropout: float = 0.5,
        max_tokens: int | None = None,
        tokenizer: str = "words",
        vectors: Any = None,
        freeze: bool = False,
        class_weight: Any = None,
        multi_label: bool | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        warm_start: bool = False,
        input: str = "texts",
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: Any = 0,
    ) -> None:
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.filters, self.kernel_sizes = filters, kernel_sizes
        self.dimensions, self.dropout, self.max_tokens = dimensions, dropout, max_tokens
        self.tokenizer, self.vectors, self.freeze = tokenizer, vectors, freeze
        self.class_weight, self.multi_label, self.early_stopping = class_weight, multi_label, early_stopping
        self.validation_fraction, self.patience, self.warm_start = validation_fraction, patience, warm_start
        self.input, self.n_jobs, self.random_state, self.verbose = input, n_jobs, random_state, verbose

    def _features(self, embedded: Any) -> Any:
        return largest_values(embedded, self.filters, self.kernel_sizes)


class TextLSTMClassifier(NetworkClassifier):
    """A classifier of texts by the last state of an LSTM over the embeddings of their words.

    `units`: numbers of its state; `bidirectional`: two of them, of which one reads backwards. All else is as
    in TextCNNClassifier.

    >>> texts, labels = ["it purrs", "purrs all day", "it barks", "barks at night"] * 5, list("ccdd") * 5
    >>> classifier = TextLSTMClassifier(epochs=20, learning_rate=0.02, dimensions=8, units=8)
    >>> classifier.fit(texts, labels).predict(["who purrs there", "it barks"]).tolist()
    ['c', 'd']
    """

    def __init__(
        self,
        *,
        epochs: int = 10,
        batch_size: int = 50,
        learning_rate: float = 1e-3,
        units: int = 100,
        bidirectional: bool = False,
        dimensions: int = 100,
        dropout: float = 0.5,
        max_tokens: int | None = None,
        tokenizer: str = "words",
        vectors: Any = None,
        freeze: bool = False,
        class_weight: Any = None,
        multi_label: bool | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        warm_start: bool = False,
        input: str = "texts",
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: Any = 0,
    ) -> None:
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.units, self.bidirectional = units, bidirectional
        self.dimensions, self.dropout, self.max_tokens = dimensions, dropout, max_tokens
        self.tokenizer, self.vectors, self.freeze = tokenizer, vectors, freeze
        self.class_weight, self.multi_label, self.early_stopping = class_weight, multi_label, early_stopping
        self.validation_fraction, self.patience, self.warm_start = validation_fraction, patience, warm_start
        self.input, self.n_jobs, self.random_state, self.verbose = input, n_jobs, random_state, verbose

    def _features(self, embedded: Any) -> Any:
        from .. import layers  # start-up: they are many

        lstm = layers.LSTM(positive_integer("units", self.units), name="lstm")
        if boolean("bidirectional", self.bidirectional):
            return layers.Bidirectional(lstm, name="both_ways")(embedded)
        return lstm(embedded)


class TextRegressor(TextNetwork):
    """Numbers of texts, such as stars or prices, by the largest values of convolutions over the embeddings of
    their words.

    Learns the mean of y, (N,) or (N, outputs), by the squared error; arguments are those of
    TextCNNClassifier.

    >>> texts, stars = ["good", "very good", "bad", "so bad"] * 5, [4.0, 5.0, 2.0, 1.0] * 5
    >>> regressor = TextRegressor(epochs=60, learning_rate=0.01, dimensions=8, filters=8, dropout=0.0)
    >>> regressor.fit(texts, stars).predict(["very good", "so bad"]).round(1).tolist()
    [5.0, 1.0]
    >>> regressor.score(texts, stars) > 0.9
    True
    """

    _estimator_type = "regressor"
    _mean: np.ndarray
    _spread: np.ndarray
    _flat: bool

    def __init__(
        self,
        *,
        epochs: int = 10,
        batch_size: int = 50,
        learning_rate: float = 1e-3,
        filters: int = 100,
        kernel_sizes: int | Sequence[int] = (2, 3, 4),
        dimensions: int = 100,
        dropout: float = 0.5,
        max_tokens: int | None = None,
        tokenizer: str = "words",
        vectors: Any = None,
        freeze: bool = False,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        patience: int = 3,
        warm_start: bool = False,
        input: str = "texts",
        n_jobs: int | None = None,
        random_state: Any = 0,
        verbose: Any = 0,
    ) -> None:
        self.epochs, self.batch_size, self.learning_rate = epochs, batch_size, learning_rate
        self.filters, self.kernel_sizes = filters, kernel_sizes
        self.dimensions, self.dropout, self.max_tokens = dimensions, dropout, max_tokens
        self.tokenizer, self.vectors, self.freeze = tokenizer, vectors, freeze
        self.early_stopping, self.validation_fraction = early_stopping, validation_fraction
        self.patience, self.warm_start, self.input = patience, warm_start, input
        self.n_jobs, self.random_state, self.verbose = n_jobs, random_state, verbose

    def __sklearn_tags__(self) -> Any:
        return tags("regressor", self.input == "texts", several=True)

    def _features(self, embedded: Any) -> Any:
        return largest_values(embedded, self.filters, self.kernel_sizes)

    def _last(self, targets: np.ndarray) -> tuple[int, str, str]:
        return targets.shape[1], "linear", "mse"

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextRegressor:
        """Learns from texts `X` (or ids) and numbers `y`, (N,) or (N, outputs); what was learnt before is
        forgotten, unless `warm_start`. `sample_weight`: (N,), how much each counts.
        """
        stops = boolean("early_stopping", self.early_stopping)
        return self._begin(X, y, sample_weight, self._epochs(), not self._goes_on(), stops)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextRegressor:
        """One epoch of training on these texts. Words that the first call does not hold stay unknown."""
        return self._begin(X, y, sample_weight, 1, not self.__sklearn_is_fitted__(), False)

    def _begin(
        self, X: Any, y: Any, sample_weight: Any, epochs: int, new: bool, stops: bool
    ) -> TextRegressor:
        rows = read(self, X, new)
        numbers = _numbers(y)
        check_lengths(rows, numbers)
        weights = row_weights(sample_weight, len(rows))
        matrix = numbers.reshape(len(numbers), -1)
        if not new and matrix.shape[1] != len(self._mean):
            raise ValueError(
                f"`y` must have {len(self._mean)} outputs, as before. Received: {matrix.shape[1]}"
            )
        if new:
            self._flat = numbers.ndim == 1
            self._mean = matrix.mean(axis=0)
            spread = matrix.std(axis=0)
            self._spread = np.where(spread > 0, spread, 1.0)
        scaled = ((matrix - self._mean) / self._spread).astype(np.float32)
        self._learn(rows, scaled, weights, epochs, new, stops)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number of each text, float64 (N,), or (N, outputs)."""
        found = self._outputs(X) * self._spread + self._mean
        return found[:, 0] if self._flat else found

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The coefficient of determination R², 1 at best; of several outputs the mean. As in scikit-learn."""
        found, truth = self.predict(X), _numbers(y)
        check_lengths(found, truth)
        found, truth = found.reshape(len(found), -1), truth.reshape(len(truth), -1)
        left = np.average((truth - found) ** 2, axis=0, weights=sample_weight)
        mean = np.average(truth, axis=0, weights=sample_weight)
        whole = np.average((truth - mean) ** 2, axis=0, weights=sample_weight)
        return float(np.where(whole > 0, 1 - left / np.where(whole > 0, whole, 1), left == 0).mean())


def _numbers(y: Any) -> np.ndarray:
    """y as float64 (N,) or (N, outputs); ValueError for anything else."""
    if y is None:
        raise ValueError("TextRegressor requires y to be passed, but the target y is None")
    if hasattr(y, "toarray"):
        raise TypeError(f"`y` must be an array of numbers. Received: a sparse matrix, {type(y).__name__}")
    array = np.asarray(y)
    try:
        if array.dtype.kind == "c":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"`y` must hold numbers. Received: dtype {array.dtype}, y[0] = {array.ravel()[:1]}"
        ) from None
    if array.ndim not in (1, 2):
        raise ValueError(f"`y` must have shape (N,) or (N, outputs). Received: shape {array.shape}")
    wrong = ~np.isfinite(array)
    if wrong.any():
        place = tuple(int(part) for part in np.argwhere(wrong)[0])
        raise ValueError(
            f"y[{', '.join(map(str, place))}] is NaN or infinity: finite numbers are needed. Received: "
            f"{array[place]}"
        )
    return array
