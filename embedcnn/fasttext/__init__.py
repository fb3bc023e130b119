"""fastText's models: its files, its functions and its numbers, many times faster.

`load_model` reads what fastText 0.9 wrote, supervised and unsupervised, quantised or not.
"""

from .lines import tokenize
from .model import FastText, load_model

__all__ = ["FastText", "load_model", "tokenize"]
