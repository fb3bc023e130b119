"""Text generation with any model of tokens; it stands in language_model/generation.py."""

from .language_model.generation import Stepper, generate, sample, stream

__all__ = ["Stepper", "generate", "sample", "stream"]
