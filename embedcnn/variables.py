"""Variable, the weight of a layer; it stands in graph/variables.py."""

from .graph.variables import Variable

__all__ = ["Variable"]
