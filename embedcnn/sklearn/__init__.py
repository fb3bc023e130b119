"""Estimators for scikit-learn: raw texts in, labels or numbers out; they go into its pipelines and searches.

Everything here is imported when it is first used, and scikit-learn itself (the extra `sklearn`) only by what
needs it: `fit` and `predict` of texts do not.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from ..bags.classifier import BagClassifier
    from ..bags.vectorizer import Vectorizer
    from .embedding_vectorizer import TextEmbeddingVectorizer
    from .estimators import TextCNNClassifier, TextLSTMClassifier, TextRegressor
    from .recipe import TextClassifier

__all__ = [
    "BagClassifier",
    "TextCNNClassifier",
    "TextClassifier",
    "TextEmbeddingVectorizer",
    "TextLSTMClassifier",
    "TextRegressor",
    "Vectorizer",
]
_PLACES = {
    "BagClassifier": "embedcnn.bags.classifier:BagClassifier",
    "TextCNNClassifier": "embedcnn.sklearn.estimators:TextCNNClassifier",
    "TextClassifier": "embedcnn.sklearn.recipe:TextClassifier",
    "TextEmbeddingVectorizer": "embedcnn.sklearn.embedding_vectorizer:TextEmbeddingVectorizer",
    "TextLSTMClassifier": "embedcnn.sklearn.estimators:TextLSTMClassifier",
    "TextRegressor": "embedcnn.sklearn.estimators:TextRegressor",
    "Vectorizer": "embedcnn.bags.vectorizer:Vectorizer",
}


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
