"""From the graph of a model to a program of the core: translated, rewritten, bound to the weights."""

from .translate import MANY_CLASSES, PATTERNS, input_kind, lower

__all__ = ["MANY_CLASSES", "PATTERNS", "input_kind", "lower"]
