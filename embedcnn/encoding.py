"""Text encoders besides text.TextEncoder; they stand in text/encoders.py."""

from .text.encoders import (
    PARAGRAPH,
    CharEncoder,
    CharWriter,
    TokenizerEncoder,
    WordEncoder,
    WordWriter,
    words_of,
)

__all__ = [
    "PARAGRAPH",
    "CharEncoder",
    "CharWriter",
    "TokenizerEncoder",
    "WordEncoder",
    "WordWriter",
    "words_of",
]
