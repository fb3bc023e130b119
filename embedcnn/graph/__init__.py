"""The graph of a model: symbolic tensors, the calls that join them, models inside models, the weights."""

from .nodes import Node, Shape, SymbolicTensor, by_depth, flatten, unique_layers, walk

__all__ = ["Node", "Shape", "SymbolicTensor", "by_depth", "flatten", "unique_layers", "walk"]
