"""Bags of n-grams: texts as counts of the n-grams of their words and characters, and linear models."""

from .container import Bags
from .features import NgramFeatures
from .solvers import LinearModel, ProductModel, dual_descent, product_form, stratified_folds
from .vectorizer import Vectorizer
from .weighting import Part

__all__ = [
    "Bags",
    "LinearModel",
    "NgramFeatures",
    "Part",
    "ProductModel",
    "Vectorizer",
    "dual_descent",
    "product_form",
    "stratified_folds",
]
