"""What a classifier of `embedcnn train` reads: the encoder of its texts, and the start of its embedding table
from a file of word vectors.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embedcnn.base.arguments import one_of
from embedcnn.base.checked import checked

# How a text becomes tokens, by the name of `--tokenizer`: settings of a TextEncoder.
TOKENIZERS: dict[str, dict[str, Any]] = {
    "words": {"split": "words"},
    "whitespace": {"split": "whitespace"},
    "chars": {"split": "character"},
    "char_ngrams": {"split": "character", "ngrams": (1, 2, 3)},
}


def make_encoder(texts: Sequence[str], max_words: int | None = None, tokenizer: str = "words") -> Any:
    """A TextEncoder with the tokens of `texts`, most frequent first, in lower case (of every script).

    `tokenizer`: "words" (punctuation parts words, Chinese and Japanese characters are tokens each),
    "whitespace", "chars", or "char_ngrams" (runs of 1 to 3 characters, for scripts without spaces such as
    Thai). Raises ValueError for any other.

    >>> make_encoder(["A cat, a dog"]).get_vocabulary()[2]
    'a'
    """
    from embedcnn.text.text_encoder import TextEncoder  # at start-up nothing is built

    size = None if max_words is None else max_words + 2  # padding and unknown
    rules = TOKENIZERS[one_of("tokenizer", tokenizer, tuple(TOKENIZERS))]
    encoder = TextEncoder(max_tokens=size, standardize="lower_unicode", **rules)
    encoder.adapt(texts)
    return encoder


@dataclass(frozen=True, eq=False)
class Table:
    """The start of the embedding table: `matrix` (words, dimensions) float32, and how many training words
    it covers."""

    matrix: np.ndarray
    found: int
    words: int
    added: int

    def coverage(self, path: Any) -> str:
        """A line that tells how many words the vectors of the file `path` cover."""
        share = self.found / max(1, self.words)
        more = f"; {self.added} more words of the file are kept for prediction" if self.added else ""
        return (
            f"{self.found} of {self.words} training words ({share:.1%}) have a vector of "
            f"{self.matrix.shape[1]} numbers in {path}{more}"
        )


@checked
def table_from_vectors(encoder: Any, path: Any, freeze: bool, seed: int) -> Table:
    """The table for the encoder's words from a file of vectors; words without a vector start at random.

    For a frozen table the encoder also gets all words of the file that it can look up, so that a word that
    training never saw has its vector at prediction. Raises what `vectors.load` raises.
    """
    from embedcnn import vectors  # at start-up nothing is built
    from embedcnn.text.vocabulary import Vocabulary  # at start-up nothing is built

    trained = encoder.get_vocabulary(include_special_tokens=False)
    added: list[str] = []
    source = path
    if freeze:
        source = vectors.load(path)
        known = set(encoder.get_vocabulary())
        others = [word for word in source.index_to_key if word not in known]
        kept = zip(others, encoder.tokens(others), strict=True)
        added = [word for word, tokens in kept if tokens == [word]]
        encoder.max_tokens = None
        encoder.set_vocabulary(Vocabulary([*trained, *added]))
    made = vectors.build_matrix(encoder.get_vocabulary(), source, oov="uniform", scale=0.25, seed=seed)
    return Table(made.matrix, len(set(trained).intersection(made.found)), len(trained), len(added))
