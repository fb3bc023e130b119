"""A fastText model with rows as short as its labels allow, which predicts the same; csrc/fasttext/folding.h
says why it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from embedcnn import _core

from . import files


def check_folding(settings: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """ValueError for a model that is not folded, or not worth it."""
    labels = facts["labels"]
    if settings["model"] != "supervised" or not labels:
        raise ValueError("only models with labels are folded; this one has vectors alone")
    if facts["input_quantised"]:
        raise ValueError("the model is quantised, so it is small already; fold the one it was made from")
    columns = max(labels - (settings["loss"] in ("softmax", "hs")), 1)
    if columns >= settings["dim"]:
        raise ValueError(
            f"rows of {settings['dim']} floats do not get shorter: {labels} labels take {columns} of them"
        )


def folded_sections(
    core: _core.FastTextModel, settings: Mapping[str, Any], head: bytes
) -> tuple[bytes, np.ndarray, np.ndarray]:
    """(head, input, output) of the folded model; `core` has its table."""
    rows, output = core.folded()
    dictionary = head[files.SETTINGS.size :]
    return files.packed_settings({**settings, "dim": rows.shape[1]}) + dictionary, rows, output
