"""The classifiers of `embedcnn train`, as functions: linear parts with what pays beside them, or a CNN."""

from .choice import train_portfolio
from .encoders import Table, make_encoder, table_from_vectors
from .linear import Linear, train_linear
from .recipe import (
    Settings,
    Training,
    blend,
    build_classifier,
    confusion,
    hold_out,
    label_ids,
    mean_settings,
    targets,
    train_classifier,
)

__all__ = [
    "Linear",
    "Settings",
    "Table",
    "Training",
    "blend",
    "build_classifier",
    "confusion",
    "hold_out",
    "label_ids",
    "make_encoder",
    "mean_settings",
    "table_from_vectors",
    "targets",
    "train_classifier",
    "train_linear",
    "train_portfolio",
]
