"""TextClassifier: what `embedcnn train` makes of a table, as an estimator.

One label a text: the portfolio of embedcnn.classifier. Several, or soft ones, and `partial_fit`: its linear
parts, by BagClassifier, as networks beside them would need targets of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..bags.classifier import BagClassifier
from ..bags.labels import Labelled, chosen, labelled, share_right
from ..bags.unfitted import not_fitted
from ..base.arguments import boolean, finite_number, integer, optional, positive_integer
from ..base.metadata_routing import Routed
from ..base.parameters import Parameters
from ..classifier.choice import train_portfolio
from ..classifier.linear import make_plan
from ..classifier.recipe import Settings
from ..data.labelled import LabelledTexts
from ..layers.text_reader import text_list
from .classes import class_weights, read_labels
from .network import check_lengths, row_weights
from .surroundings import seed_of, surroundings, tags, threads

BUCKETS = 2**18  # of n-grams that texts of a later partial_fit bring


class TextClassifier(Routed, Parameters):
    """A classifier of texts without anything to choose: linear models of n-grams, and a mean of words and a
    CNN beside them where they pay; what `embedcnn train` makes.

    Where texts have several labels each, or soft ones, and after `partial_fit`, the linear models stand
    alone.

    Parameters
    ----------
    networks
        Whether a mean of words, and with `vectors` a CNN, are tried beside the linear models.
    epochs, batch_size, learning_rate
        Of these networks, at most.
    max_tokens
        The most frequent words that networks know, and n-grams that linear models do; None: all.
    tokenizer
        "words", "whitespace", "chars" or "char_ngrams", as `embedcnn train --tokenizer`.
    vectors, freeze
        The path of word vectors; whether they stay as they are.
    seconds
        So long more is tried, see `train_portfolio`; results then depend on the machine.
    class_weight
        None, "balanced" or a dict of class to weight; times `sample_weight`.
    multi_label
        Whether each label is decided alone; None: by y (lists of labels, a matrix of integers).
    n_jobs
        Threads; None: as OpenMP says, which in a worker of joblib is its share; -1: all CPUs. The results
        are the same bits for any number.
    random_state
        int, RandomState or Generator of NumPy; None: other results each time.

    Attributes
    ----------
    classes_ : array of the labels, sorted
    model_ : the Model, from texts to one probability for each label
    choice_ : tuple of lines that say what was chosen, and what each part scored

    Raises
    ------
    ValueError, TypeError
        From `fit`, that name the argument; ValueError (NotFittedError of scikit-learn, where it is loaded)
        where something is asked before `fit`.

    Examples
    --------
    >>> texts = ["a good film", "good fun", "a bad film", "so bad"] * 5
    >>> classifier = TextClassifier().fit(texts, ["pos", "pos", "neg", "neg"] * 5)
    >>> classifier.predict(["a very good one", "bad"]).tolist()
    ['pos', 'neg']
    """

    _estimator_type = "classifier"
    classes_: np.ndarray
    model_: Any
    choice_: tuple[str, ...]
    _bag: BagClassifier
    _several: bool
    _as_matrix: bool

    def __init__(
        self,
        *,
        networks: bool = True,
        epochs: int = 40,
        batch_size: int = 50,
        learning_rate: float = 5e-4,
        max_tokens: int | None = None,
        tokenizer: str = "words",
        vectors: Any = None,
        freeze: bool = False,
        seconds: float | None = None,
        class_weight: Any = None,
        multi_label: bool | None = None,
        n_jobs: int | None = None,
        random_state: Any = 0,
    ) -> None:
        self.networks, self.epochs, self.batch_size = networks, epochs, batch_size
        self.learning_rate, self.max_tokens, self.tokenizer = learning_rate, max_tokens, tokenizer
        self.vectors, self.freeze = vectors, freeze
        self.seconds, self.class_weight, self.multi_label = seconds, class_weight, multi_label
        self.n_jobs, self.random_state = n_jobs, random_state

    def __sklearn_tags__(self) -> Any:
        return tags("classifier", several=True)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    # -- training ----------------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> TextClassifier:
        """Learns from texts `X` and labels `y`, which are as in TextCNNClassifier; what was learnt before is
        forgotten. `sample_weight`: (N,), how much each text counts; 0: as though it were not there.
        """
        texts = _texts(X)
        found = read_labels(self, y, self.multi_label, None)
        check_lengths(np.empty(len(texts)), found.targets)
        weights = class_weights(self.class_weight, found, row_weights(sample_weight, len(texts)))
        if weights is not None and (weights == 0).any():
            kept = np.flatnonzero(weights)
            texts, weights = [texts[i] for i in kept], weights[kept]
            if not texts:
                raise ValueError("`sample_weight` must leave some texts. Received: all are zero")
            if found.codes is not None:
                found = labelled(found.classes[found.codes[kept]])
            else:
                found = found._replace(matrix=np.asarray(found.matrix)[kept])
        if weights is not None and (weights == 1).all():
            weights = None
        seed = seed_of(self.random_state)
        with surroundings(self.n_jobs, seed):
            if found.codes is None:
                bag = self._new_bag(texts, found, None, seed).fit_labelled(texts, found, weights)
                self._take_linear(bag, found)
            else:
                self._learn_portfolio(texts, found, weights, seed)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> TextClassifier:
        """Linear models of hashed n-grams learn these texts and stay near what they were; the first call
        needs `classes`, all labels there will be. ValueError after `fit`, whose n-grams are not hashed.
        """
        if self.__sklearn_is_fitted__() and not hasattr(self, "_bag"):
            raise ValueError(
                "partial_fit cannot go on where fit has been called, as later n-grams would have no place: "
                "begin with partial_fit, in a new TextClassifier"
            )
        new = not hasattr(self, "_bag")
        if new and classes is None:
            raise ValueError(
                "`classes` must name all labels in the first call of partial_fit. Received: None"
            )
        if not new and classes is not None and np.unique(classes).tolist() != self.classes_.tolist():
            raise ValueError(f"`classes` must be {self.classes_.tolist()}. Received: {list(classes)}")
        texts = _texts(X)
        known = np.unique(classes) if new else self.classes_
        found = read_labels(self, y, self.multi_label, known)
        check_lengths(np.empty(len(texts)), found.targets)
        weights = class_weights(self.class_weight, found, row_weights(sample_weight, len(texts)))
        seed = seed_of(self.random_state)
        with surroundings(self.n_jobs, seed):
            bag = self._new_bag(texts, found, BUCKETS, seed) if new else self._bag
            y_read = found.matrix if found.codes is None else found.classes[found.codes]
            bag.partial_fit(texts, y_read, found.classes, weights)
        self._take_linear(bag, found)
        self._bag = bag
        return self

    def _new_bag(self, texts: list[str], found: Labelled, buckets: int | None, seed: int) -> BagClassifier:
        plan = make_plan(texts, self.tokenizer, labels=len(found.classes))
        return BagClassifier(
            words=plan.words,
            chars=plan.chars,
            tokenizer="chars" if self.tokenizer == "char_ngrams" else self.tokenizer,
            max_features=None if buckets else self._max_tokens(),
            buckets=buckets,
            parts=[one.part for one in plan.parts],
            multi_label=None if found.codes is not None else found.multi_label,
            seed=seed,
        )

    def _take_linear(self, bag: BagClassifier, found: Labelled) -> None:
        self._take(bag.model, found, (f"linear models alone, {len(bag.models_)} parts",))

    def _learn_portfolio(
        self, texts: list[str], found: Labelled, weights: np.ndarray | None, seed: int
    ) -> None:
        assert found.codes is not None
        names = [f"{code:08d}" for code in range(len(found.classes))]  # sorted as the classes are
        training = train_portfolio(
            LabelledTexts(texts, [names[code] for code in found.codes], weights=weights),
            settings=self._settings(seed),
            tokenizer=self.tokenizer,
            max_words=self._max_tokens(),
            vectors=self.vectors,
            freeze=boolean("freeze", self.freeze),
            networks=boolean("networks", self.networks),
            seconds=optional(finite_number, "seconds", self.seconds, above=0),
        )
        if training.interrupted:
            raise KeyboardInterrupt
        self._take(training.model, found, training.choice)

    def _settings(self, seed: int) -> Settings:
        return replace(
            Settings(),
            epochs=positive_integer("epochs", self.epochs),
            batch_size=positive_integer("batch_size", self.batch_size),
            learning_rate=finite_number("learning_rate", self.learning_rate, above=0),
            seed=seed,
        )

    def _max_tokens(self) -> int | None:
        return optional(integer, "max_tokens", self.max_tokens, 1)

    def _take(self, model: Any, found: Labelled, choice: tuple[str, ...]) -> None:
        self.__dict__.pop("_bag", None)
        model.labels = found.classes.tolist()
        self.model_, self.choice_ = model, choice
        self.classes_, self._several, self._as_matrix = found.classes, found.multi_label, found.is_matrix

    # -- use ---------------------------------------------------------------------------------------------
    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, float32 (N, K), in the order of `classes_`."""
        if not self.__sklearn_is_fitted__():
            raise not_fitted("this TextClassifier has learnt nothing yet: call fit first")
        texts = _texts(X)
        if not texts:
            return np.zeros((0, len(self.classes_)), np.float32)
        with threads(self.n_jobs):
            return self.model_.predict(texts, verbose=0)

    def predict(self, X: Any) -> np.ndarray:
        """The label of each text, an array (N,). Where a text may have several: a matrix (N, K) of 0 and 1
        where `fit` was given one, else an array (N,) of lists of labels.
        """
        return chosen(self.predict_proba(X), self.classes_, self._several, self._as_matrix)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of texts whose label (all of whose labels) is right; ValueError without texts."""
        found = labelled(y, self.multi_label, self.classes_)
        return share_right(self.predict_proba(X), found, sample_weight)

    def explain(self, text: str, label: Any = None) -> Any:
        """Why a text has its label, as `Model.explain`."""
        if not hasattr(self, "model_"):
            raise not_fitted("this TextClassifier has learnt nothing yet: call fit first")
        return self.model_.explain(text, label)


def _texts(X: Any) -> list[str]:
    if isinstance(X, str):
        raise TypeError(f"`X` must be a list or array of str, not one text. Received: {X[:60]!r}")
    return text_list("X", X)
