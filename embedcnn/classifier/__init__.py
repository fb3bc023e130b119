"""The classifier of `embedcnn train`, as functions: a CNN averaged with means of words and of pairs."""

from .recipe import (
    Settings,
    Table,
    Training,
    blend,
    build_classifier,
    confusion,
    hold_out,
    label_ids,
    make_encoder,
    mean_settings,
    table_from_vectors,
    targets,
    train_classifier,
)

__all__ = [
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
]
