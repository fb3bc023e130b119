"""Looking into models: why a text has its label, how right they are, in numbers and plots. Named after
sklearn.inspection.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from .curves import confusion_matrix, precision_recall_curve, reliability_curve
    from .explanation import explain
    from .ngram_weights import word_weights
    from .plots import (
        plot_confusion_matrix,
        plot_history,
        plot_model,
        plot_precision_recall,
        plot_reliability,
        plot_word_weights,
    )
    from .reporting import Report, report

__all__ = [
    "Report",
    "confusion_matrix",
    "explain",
    "plot_confusion_matrix",
    "plot_history",
    "plot_model",
    "plot_precision_recall",
    "plot_reliability",
    "plot_word_weights",
    "precision_recall_curve",
    "reliability_curve",
    "report",
    "word_weights",
]
_PLACES = {
    "Report": "embedcnn.inspection.reporting:Report",
    "confusion_matrix": "embedcnn.inspection.curves:confusion_matrix",
    "explain": "embedcnn.inspection.explanation:explain",
    "plot_confusion_matrix": "embedcnn.inspection.plots:plot_confusion_matrix",
    "plot_history": "embedcnn.inspection.plots:plot_history",
    "plot_model": "embedcnn.inspection.plots:plot_model",
    "plot_precision_recall": "embedcnn.inspection.plots:plot_precision_recall",
    "plot_reliability": "embedcnn.inspection.plots:plot_reliability",
    "plot_word_weights": "embedcnn.inspection.plots:plot_word_weights",
    "precision_recall_curve": "embedcnn.inspection.curves:precision_recall_curve",
    "reliability_curve": "embedcnn.inspection.curves:reliability_curve",
    "report": "embedcnn.inspection.reporting:report",
    "word_weights": "embedcnn.inspection.ngram_weights:word_weights",
}
"""Who looks at one thing need not import the others."""


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
