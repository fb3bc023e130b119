"""Vocabularies of words and of characters; they stand in text/vocabulary.py."""

from .text.vocabulary import CharVocabulary, Vocabulary

__all__ = ["CharVocabulary", "Vocabulary"]
