"""Bags of n-grams: texts as counts of the n-grams of their words and characters, linear models of them, and
the classifier made of these.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names
from .product_form import ProductModel, product_form  # now: later the module would have the function's name

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from ..layers.bag_parts import LinearPart
    from .classifier import BagClassifier
    from .container import Bags
    from .explanation import explain
    from .features import NgramFeatures
    from .part_training import ProductPart, linear_part
    from .portfolio import averaged, portfolio_model
    from .shares import Explanation, Share, Word
    from .solvers import LinearModel, dual_descent, stratified_folds
    from .vectorizer import Vectorizer
    from .weighting import Part

__all__ = [
    "BagClassifier",
    "Bags",
    "Explanation",
    "LinearModel",
    "LinearPart",
    "NgramFeatures",
    "Part",
    "ProductModel",
    "ProductPart",
    "Share",
    "Vectorizer",
    "Word",
    "averaged",
    "dual_descent",
    "explain",
    "linear_part",
    "portfolio_model",
    "product_form",
    "stratified_folds",
]
_PLACES = {
    "BagClassifier": "embedcnn.bags.classifier:BagClassifier",
    "Bags": "embedcnn.bags.container:Bags",
    "Explanation": "embedcnn.bags.shares:Explanation",
    "LinearModel": "embedcnn.bags.solvers:LinearModel",
    "LinearPart": "embedcnn.layers.bag_parts:LinearPart",
    "NgramFeatures": "embedcnn.bags.features:NgramFeatures",
    "Part": "embedcnn.bags.weighting:Part",
    "ProductPart": "embedcnn.bags.part_training:ProductPart",
    "Share": "embedcnn.bags.shares:Share",
    "Vectorizer": "embedcnn.bags.vectorizer:Vectorizer",
    "Word": "embedcnn.bags.shares:Word",
    "averaged": "embedcnn.bags.portfolio:averaged",
    "dual_descent": "embedcnn.bags.solvers:dual_descent",
    "explain": "embedcnn.bags.explanation:explain",
    "linear_part": "embedcnn.bags.part_training:linear_part",
    "portfolio_model": "embedcnn.bags.portfolio:portfolio_model",
    "stratified_folds": "embedcnn.bags.targets:stratified_folds",
}
"""A saved model needs the features alone, so the rest is imported when it is first used."""


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
