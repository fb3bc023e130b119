"""Raw texts as an input of a model: checked at once, turned into ids batch by batch.

Encoding a batch takes much less time than its training step, and a thread ahead of the step does it (see
training/batches.py); so nothing but the texts themselves is kept in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


class TextRows:
    """Texts whose ids do not depend on each other, with the function that encodes some of them."""

    def __init__(self, texts: np.ndarray, encode: Callable[[list[str]], Any]) -> None:
        self.texts, self.encode = texts, encode

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: Any) -> TextRows:
        return TextRows(self.texts[index], self.encode)

    def encoded(self, index: Any) -> Any:
        """The ids of the texts of `index` (an array or a slice)."""
        return self.encode(self.texts[index].tolist())


def is_text(value: Any) -> bool:
    """Whether x is raw text: a list, tuple or array of str."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "U" or (
            value.dtype == object and value.size > 0 and isinstance(value.flat[0], str)
        )
    return isinstance(value, (list, tuple)) and len(value) > 0 and isinstance(value[0], str)


def checked_texts(name: str, value: Any) -> np.ndarray:
    """Texts as an array (N,) of str; TypeError that names the first that is none, or for more axes."""
    if isinstance(value, np.ndarray):
        texts = value[:, 0] if value.ndim == 2 and value.shape[1] == 1 else value
        if texts.ndim != 1:
            raise TypeError(f"{name}: expected one text per example. Received: texts of shape {value.shape}")
    else:
        texts = np.empty(len(value), object)
        texts[:] = value
    if texts.dtype == object and set(map(type, texts.tolist())) != {str}:
        for number, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"{name}[{number}] = {text!r} is a {type(text).__name__}; expected a str")
    return texts
