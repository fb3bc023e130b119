"""BagClassifier: texts and labels in, a classifier of n-grams out, in scikit-learn's shape and without it.

What it finds is a Model (`.model`), which is saved, loaded, averaged with others and used from the command
line as any. The way there: features.py makes bags of texts, part_training.py trains each part, calibration.py
finds how sure margins are, portfolio.py joins the parts.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..base.arguments import integer
from ..base.checked import checked
from ..base.metadata_routing import Routed
from ..base.parameters import Parameters
from ..layers.text_reader import text_list
from ..models.model import Model
from . import calibration
from .explanation import bag_layer, explain
from .features import NgramFeatures
from .labels import Labelled, chosen, labelled, share_right
from .part_training import Trained, checked_parts, linear_part, train
from .portfolio import portfolio_model
from .product_form import ProductModel
from .shares import Explanation
from .solvers import LinearModel
from .top_features import Feature, top_features, weights_of
from .unfitted import not_fitted

UNCALIBRATED = 3.0  # slope of margins of normed documents where no folds say better


class BagClassifier(Routed, Parameters):
    """A classifier of texts by linear models of their n-grams: convex, so it trains in a moment, and the same
    every time.

    Parameters
    ----------
    words, chars, tokenizer, lowercase, min_count, max_features, buckets
        Of the features, as in `NgramFeatures`.
    parts : Part, ProductPart or a list of them
        The linear models, whose probabilities are averaged; None: tf-idf with a squared hinge, as
        TfidfVectorizer and LinearSVC. A ProductPart is fastText's classifier.
    class_weight : None, "balanced" or dict of class to weight
    folds : int
        Each part is also trained on all but one of so many folds, and the margins of that one say how sure
        its margins are: the slope of the probabilities. 0: nothing of this, a slope of 3 (of a ProductPart,
        whose margins are log odds of the texts trained on, 1).
    multi_label : bool
        Whether each label is decided alone; None: by y (lists of labels, a matrix of integers).
    seed : int
        Of the folds and of the order of documents.

    Attributes
    ----------
    classes_ : array of the labels, sorted
    model : the Model, from texts to one probability for each label
    models_ : the `LinearModel` or `ProductModel` of each part

    Raises
    ------
    ValueError, TypeError
        From `fit`, that name the argument; ValueError (NotFittedError of scikit-learn, where it is loaded)
        where something is asked before `fit`.

    Examples
    --------
    >>> texts = ["a good film", "good fun", "a bad film", "so bad"] * 3
    >>> classifier = BagClassifier().fit(texts, ["pos", "pos", "neg", "neg"] * 3)
    >>> classifier.predict(["a very good one", "bad"]).tolist()
    ['pos', 'neg']
    >>> classifier.predict_proba(["bad"]).shape
    (1, 2)
    >>> classifier.explain("so good").shares[0].name
    'good'
    >>> [feature.name for feature in classifier.top_features(2)["pos"]]
    ['good', 'a good']
    """

    _estimator_type = "classifier"
    classes_: np.ndarray
    models_: list[LinearModel | ProductModel]
    slopes_: list[float]

    def __init__(
        self,
        *,
        words: tuple[int, int] | None = (1, 2),
        chars: tuple[int, int] | None = None,
        tokenizer: str = "words",
        lowercase: bool = True,
        min_count: int = 1,
        max_features: int | None = None,
        buckets: int | None = None,
        parts: Any = None,
        class_weight: Any = None,
        folds: int = 3,
        multi_label: bool | None = None,
        seed: int = 0,
    ) -> None:
        self.words, self.chars, self.tokenizer, self.lowercase = words, chars, tokenizer, lowercase
        self.min_count, self.max_features, self.buckets = min_count, max_features, buckets
        self.parts, self.class_weight, self.folds = parts, class_weight, folds
        self.multi_label, self.seed = multi_label, seed

    # -- scikit-learn's shape --------------------------------------------------------------------------------
    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags  # extra

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    # -- training --------------------------------------------------------------------------------------------
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> BagClassifier:
        """Learns features and parts from texts `X` and labels `y`; what was learnt before is forgotten.

        `y`: a str or int for each text; lists of labels, or a matrix (N, K) of 0 and 1 (an array, a table
        whose columns name the labels, or of scipy.sparse), where a text may have several; or a matrix of
        floats whose rows sum to 1, how much a text is of each class. `sample_weight`: (N,), how often each
        text counts.
        """
        return self.fit_labelled(X, labelled(y, self.multi_label), sample_weight)

    def fit_labelled(self, X: Any, found: Labelled, sample_weight: Any = None) -> BagClassifier:
        """As `fit`, of labels that `labelled` has read."""
        features = self._new_features()
        self._learn(features, features.fit_transform(X), found, sample_weight, None)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> BagClassifier:
        """Goes on training with other texts: the weights stay near those that were learnt before.

        The first call needs `classes`, all labels there will be, and `buckets`, as an exact vocabulary is
        that of the first texts. After `fit`, neither.
        """
        fitted = hasattr(self, "models_")
        if not fitted and classes is None:
            raise ValueError(
                "`classes` must name all labels in the first call of partial_fit. Received: None"
            )
        if not fitted and self.buckets is None:
            raise ValueError(
                "`buckets` must be a number before the first call of partial_fit, as no later text could add "
                "n-grams to an exact vocabulary; or call fit first. Received: buckets=None"
            )
        if fitted and classes is not None and list(classes) != self.classes_.tolist():
            raise ValueError(f"`classes` must be {self.classes_.tolist()}. Received: {list(classes)}")
        found = labelled(y, self.multi_label, self.classes_ if fitted else classes)
        features = bag_layer(self.model).features if fitted else self._new_features()
        bags = features.transform(X) if fitted else features.fit_transform(X)
        self._learn(features, bags, found, sample_weight, self.models_ if fitted else None)
        return self

    def _new_features(self) -> NgramFeatures:
        return NgramFeatures(
            words=self.words,
            chars=self.chars,
            tokenizer=self.tokenizer,
            lowercase=self.lowercase,
            min_count=self.min_count,
            max_features=self.max_features,
            buckets=self.buckets,
        )

    def _learn(
        self,
        features: NgramFeatures,
        bags: Any,
        found: Labelled,
        sample_weight: Any,
        start: Sequence[LinearModel | ProductModel] | None,
    ) -> None:
        parts = checked_parts(self.parts)
        folds = integer("folds", self.folds, 0)
        if len(bags) != len(found.targets):
            raise ValueError(
                f"`y` must have a label for each of the {len(bags)} texts. Received: {len(found.targets)}"
            )
        if not features.size:
            raise ValueError("`X` must hold at least one n-gram that min_count lets stay. Received: none")
        folds = folds if start is None and 2 <= folds <= len(bags) else 0
        weights = self._class_weight(found)
        trained = train(bags, found, parts, features.kinds, folds, sample_weight, weights, start, self.seed)
        slopes = list(self.slopes_) if start is not None else []
        slopes = slopes or [self._slope(one, found, sample_weight) for one in trained]
        linear = [
            linear_part(one.model, slope, 1.0, f"part {number}")
            for number, (one, slope) in enumerate(zip(trained, slopes, strict=True))
        ]
        made = portfolio_model(features, linear, found.classes.tolist(), found.multi_label)
        self.models_, self.slopes_, self._model = [one.model for one in trained], slopes, made
        self.classes_, self._several = found.classes, found.multi_label
        if start is None:
            self._as_matrix = found.is_matrix

    def _class_weight(self, found: Labelled) -> Any:
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        known = found.classes.tolist()
        for name in self.class_weight:
            if name not in known:
                raise ValueError(f"class_weight: {name!r} is not one of the classes {known}")
        return {known.index(name): weight for name, weight in self.class_weight.items()}

    @staticmethod
    def _slope(trained: Trained, found: Labelled, sample_weight: Any) -> float:
        if trained.out_of_fold is not None:
            return calibration.slope(trained.out_of_fold, found.judged, sample_weight, found.multi_label)
        return 1.0 if isinstance(trained.model, ProductModel) else UNCALIBRATED

    # -- use -------------------------------------------------------------------------------------------------
    @property
    def model(self) -> Model:
        """The Model from texts to one probability for each label; ValueError before `fit`."""
        if not hasattr(self, "_model"):
            raise not_fitted("this BagClassifier has learnt nothing yet: call fit first")
        return self._model

    def decision_function(self, X: Any) -> np.ndarray:
        """Margins, float32: (N,) for two classes, above 0 for the second; else (N, K). They are log odds: the
        margins of the parts times their slopes, averaged.
        """
        layer = bag_layer(self.model)
        margins = layer(text_list("X", X)).reshape(-1, len(layer.forms), layer.forms[0].units)
        mean = margins.mean(axis=1)
        return mean[:, 0] if mean.shape[1] == 1 else mean

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities, float32 (N, K), in the order of `classes_`."""
        texts = text_list("X", X)
        if not texts:
            return np.zeros((0, len(self.model.labels or ())), np.float32)
        return self.model.predict(texts, batch_size=max(1, len(texts)), verbose=0)

    def predict(self, X: Any) -> np.ndarray:
        """The label of each text, an array (N,). Where a text may have several: a matrix (N, K) of 0 and 1
        where `fit` was given one, else an array (N,) of lists of labels.
        """
        return chosen(self.predict_proba(X), self.classes_, self._several, self._as_matrix)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """The share of texts whose label (all of whose labels) is right; ValueError without texts."""
        return share_right(self.predict_proba(X), labelled(y, self.multi_label, self.classes_), sample_weight)

    @property
    def coef_(self) -> np.ndarray:
        """The weight of each n-gram, float32 (K, features), or (1, features), those of the second of two
        labels: the weights of all parts times their idf and slopes, averaged. ValueError before `fit`.

        `self.model.get_layer("ngrams").features.get_feature_names_out()` names the columns.
        """
        if not hasattr(self, "models_"):
            raise not_fitted("this BagClassifier has learnt nothing yet: call fit first")
        return weights_of(self.models_, self.slopes_)

    def top_features(self, n: int = 10) -> dict[Any, list[Feature]]:
        """The `n` n-grams that speak most for each label, (name, weight), the strongest first: what the
        classifier goes by, whatever the text. Weights are those of `coef_`.

        Raises ValueError for `n` below 1, and where n-grams are hashed, so that they have no names.
        """
        features = bag_layer(self.model).features
        return top_features(self.coef_, features, self.classes_, integer("n", n, 1))

    def explain(self, text: str, label: Any = None) -> Explanation:
        """The share of every feature of a text in the margin of a label (None: the predicted one)."""
        return explain(self.model, text, label)

    @checked
    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Writes the model to a file, for models.load_model and the command line."""
        self.model.save(filepath, overwrite)
