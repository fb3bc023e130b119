"""Text to ids for models: vocabularies, the encoders that a saved model carries, hashed n-grams."""

from ..ragged import Ragged
from .phrases import ENGLISH_CONNECTOR_WORDS, FrozenPhrases, Phrases
from .text_encoder import TextEncoder, ngrams, subword_ids, word_hash
from .vocabulary import CharVocabulary, Vocabulary

__all__ = [
    "ENGLISH_CONNECTOR_WORDS",
    "CharVocabulary",
    "FrozenPhrases",
    "Phrases",
    "Ragged",
    "TextEncoder",
    "Vocabulary",
    "ngrams",
    "subword_ids",
    "word_hash",
]
