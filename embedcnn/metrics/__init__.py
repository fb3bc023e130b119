"""Metrics by Keras's names. Those that the core counts anyway (accuracy) cost nothing; the others run in
NumPy per batch, on sums in float64.

Classes, names, functions and instances are all taken by `compile(metrics=...)`; `weighted_metrics` sees
sample and class weights.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..base.arguments import unknown_name
from ..base.custom_objects import known_objects
from ..base.keras_names import no_such_name
from ..base.stored_objects import describe, made_of
from ..losses import FUNCTIONS as LOSSES
from .accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from .accuracy import (
    AccuracyByShape as _AccuracyByShape,
)
from .aggregates import Mean, MeanMetricWrapper, Sum
from .base import FunctionMetric, Metric
from .confusion import FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from .curves import AUC
from .functions import (
    ACCURACIES,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .language import BitsPerCharacter, Perplexity
from .means import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    LossMetric,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from .scores import ConfusionMatrix, F1Score, FBetaScore
from .tradeoffs import (
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)

__all__ = [
    "ACCURACY",
    "AUC",
    "CLASSES",
    "NAMES",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "BitsPerCharacter",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "ConfusionMatrix",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "FunctionMetric",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "LossMetric",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Perplexity",
    "Poisson",
    "Precision",
    "PrecisionAtRecall",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "SquaredHinge",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "accuracy_for",
    "binary_accuracy",
    "categorical_accuracy",
    "deserialize",
    "get",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]

NAMES: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "top_k_categorical_accuracy": TopKCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "rmse": RootMeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "mae": MeanAbsoluteError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "mape": MeanAbsolutePercentageError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "msle": MeanSquaredLogarithmicError,
    "logcosh": LogCoshError,
    "log_cosh": LogCoshError,
    "cosine_similarity": CosineSimilarity,
    "hinge": Hinge,
    "squared_hinge": SquaredHinge,
    "categorical_hinge": CategoricalHinge,
    "kl_divergence": KLDivergence,
    "kld": KLDivergence,
    "poisson": Poisson,
    "binary_crossentropy": BinaryCrossentropy,
    "bce": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
    "true_positives": TruePositives,
    "false_positives": FalsePositives,
    "true_negatives": TrueNegatives,
    "false_negatives": FalseNegatives,
    "precision": Precision,
    "recall": Recall,
    "auc": AUC,
    "fbeta_score": FBetaScore,
    "f1_score": F1Score,
    "confusion_matrix": ConfusionMatrix,
    "perplexity": Perplexity,
    "bits_per_character": BitsPerCharacter,
}
globals().update(LOSSES)  # mean_squared_error and its like: functions, too
_UNNAMED: tuple[type[Metric], ...] = (
    *(Accuracy, PrecisionAtRecall, RecallAtPrecision),
    *(SensitivityAtSpecificity, SpecificityAtSensitivity),
)
CLASSES: dict[str, type[Metric]] = {cls.__name__: cls for cls in (*NAMES.values(), *_UNNAMED)}
STORED = CLASSES | {"FunctionMetric": FunctionMetric}
"""What a file may name."""
ACCURACY = ("accuracy", "acc")


def get(identifier: Any) -> Metric:
    """The metric of a name, class, configuration, function or instance; ValueError with a suggestion for
    unknown names.

    "accuracy" has no metric of its own: `compile` chooses the one that fits the loss and the shapes.

    >>> get("binary_accuracy")
    <BinaryAccuracy name=binary_accuracy>
    """
    if isinstance(identifier, Metric):
        return identifier
    if inspect.isclass(identifier) and issubclass(identifier, Metric):
        return identifier()
    made = made_of(identifier, STORED, Metric, "a metric")
    if made is not None:
        return made
    if isinstance(identifier, str):
        known = NAMES | CLASSES
        name = identifier if identifier in known else identifier.lower()  # MSE
        if name in known:
            metric = known[name]()
            metric.name = identifier  # logged as given
            return metric
    if callable(identifier) and identifier in ACCURACIES:
        return ACCURACIES[identifier]()
    loss_class = getattr(identifier, "loss_class", None)
    if loss_class is not None:  # losses.mean_squared_error and its like
        return get(identifier.__name__)
    if callable(identifier):
        return FunctionMetric(identifier)
    if isinstance(identifier, str) and identifier in ACCURACY:
        raise ValueError(
            f"metric={identifier!r} is chosen by `compile`, for the loss and the shapes; name the one meant, "
            "as 'binary_accuracy', 'categorical_accuracy' or 'sparse_categorical_accuracy'"
        )
    raise unknown_name("metric", identifier, [*NAMES, *ACCURACY])


def accuracy_for(units: int, target: str, name: str) -> Metric:
    """What "accuracy" means for an output of `units` numbers and y of the kind `target`, as Keras resolves
    it.
    """
    if units == 1:
        return BinaryAccuracy(name)
    if target == "free":
        return _AccuracyByShape(name)
    return SparseCategoricalAccuracy(name) if target == "classes" else CategoricalAccuracy(name)


def serialize(metric: Metric) -> dict[str, Any]:
    """The configuration of a metric, for `get`; of functions and classes of the user the name. ValueError
    for functions without one, which no file can hold.
    """
    return describe(metric, STORED, "metric")


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Metric:
    """The metric of a configuration or name, also of a class in `custom_objects`. As
    keras.metrics.deserialize.

    >>> deserialize(serialize(Precision()))
    <Precision name=precision>
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("metrics", name, __all__)
