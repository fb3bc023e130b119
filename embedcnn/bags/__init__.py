"""Bags of n-grams: what features are worth, and linear models of them."""

from .solvers import LinearModel, dual_descent, stratified_folds
from .weighting import Part

__all__ = ["LinearModel", "Part", "dual_descent", "stratified_folds"]
