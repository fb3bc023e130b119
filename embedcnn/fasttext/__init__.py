"""fastText's models: its files, its training, its functions and its numbers, many times faster.

`load_model` reads what fastText 0.9 wrote, supervised and unsupervised, quantised or not; `train_supervised`
trains what fastText reads.
"""

from .lines import tokenize
from .model import FastText, load_model
from .training import train_supervised
from .word_training import train_unsupervised

__all__ = ["FastText", "load_model", "tokenize", "train_supervised", "train_unsupervised"]
