"""Language models of one text, and text generated with any model of tokens."""

from ..data.language import split_input_target, text_streams, text_windows
from .models import CharLanguageModel, LanguageModel, WordLanguageModel

__all__ = [
    "CharLanguageModel",
    "LanguageModel",
    "WordLanguageModel",
    "split_input_target",
    "text_streams",
    "text_windows",
]
