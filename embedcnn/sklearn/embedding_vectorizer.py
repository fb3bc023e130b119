"""TextEmbeddingVectorizer: texts to the means of their words' vectors, for any estimator of scikit-learn.

The vectors stay where they are: of a file only the rows of the texts' words are read, each time.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bags.unfitted import not_fitted
from ..base.arguments import one_of
from ..base.parameters import Parameters
from ..classifier.encoders import make_encoder
from ..layers.text_reader import text_list
from ..ragged import Ragged
from ..vectors.matrix import build_matrix
from .surroundings import tags


class TextEmbeddingVectorizer(Parameters):
    """Texts to the means of the vectors of their words, float32 (N, D); words without one do not count.

    Parameters
    ----------
    vectors
        A path that `vectors.load` can read (which must be there at `transform` too), WordVectors, gensim's,
        or a dict of word to vector. What is not lower-case in it is found where the lower-case word is not.
        A path is read at each call, which takes long for a single text: there give `vectors.load(path)`.
    tokenizer
        "words", "whitespace" or "chars".
    norm
        "l2": each row is divided by its length; None.

    Raises
    ------
    ValueError, TypeError
        That name the argument; ValueError (NotFittedError of scikit-learn, where it is loaded) before `fit`.

    Examples
    --------
    >>> vectorizer = TextEmbeddingVectorizer({"good": [1.0, 0.0], "film": [0.0, 1.0]})
    >>> vectorizer.fit_transform(["a good film", "Good, good!", "nothing"]).tolist()
    [[0.5, 0.5], [1.0, 0.0], [0.0, 0.0]]
    >>> vectorizer.get_feature_names_out().tolist()
    ['textembeddingvectorizer0', 'textembeddingvectorizer1']
    """

    n_features_out_: int
    _sklearn_output_config: dict[str, str]

    def __init__(self, vectors: Any = None, *, tokenizer: str = "words", norm: str | None = None) -> None:
        self.vectors, self.tokenizer, self.norm = vectors, tokenizer, norm

    def __sklearn_tags__(self) -> Any:
        return tags("transformer")

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "n_features_out_")

    def fit(self, X: Any, y: Any = None) -> TextEmbeddingVectorizer:
        """Looks whether the vectors can be read; nothing is learnt, and `y` is not used."""
        return self._fitted(self._means(X))

    def fit_transform(self, X: Any, y: Any = None) -> npt.NDArray[np.float32]:
        """`fit`, and the means of the same texts; `y` is not used."""
        means = self._means(X)
        self._fitted(means)
        return self._as_output(means, X)

    def transform(self, X: Any) -> npt.NDArray[np.float32]:
        """The means of texts, float32 (N, D)."""
        self._require_fitted()
        means = self._means(X)
        if means.shape[1] != self.n_features_out_:
            raise ValueError(
                f"`vectors` had {self.n_features_out_} numbers each when fit was called, and now have "
                f"{means.shape[1]}"
            )
        return self._as_output(means, X)

    def set_output(self, *, transform: str | None = None) -> TextEmbeddingVectorizer:
        """What `transform` gives: a "default" array, or a frame of "pandas" or "polars"; None: as before. As
        in scikit-learn.
        """
        if transform is not None:
            kind = one_of("transform", transform, ("default", "pandas", "polars"))
            self._sklearn_output_config = {"transform": kind}  # which clone of scikit-learn copies
        return self

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """A name for each number of a vector."""
        self._require_fitted()
        return np.array([f"textembeddingvectorizer{i}" for i in range(self.n_features_out_)], object)

    def _as_output(self, means: np.ndarray, X: Any) -> Any:
        """The means as `set_output`, or else scikit-learn's configuration, wants them."""
        sklearn: Any = sys.modules.get("sklearn")  # where it is not loaded it has no configuration
        kind = sklearn.get_config()["transform_output"] if hasattr(sklearn, "get_config") else "default"
        kind = getattr(self, "_sklearn_output_config", {"transform": kind})["transform"]
        if kind == "default":
            return means
        names = list(self.get_feature_names_out())
        if kind == "polars":
            return importlib.import_module("polars").DataFrame(means, schema=names, orient="row")
        index = X.index if hasattr(X, "iloc") else None
        return importlib.import_module("pandas").DataFrame(means, index=index, columns=names)

    def _fitted(self, means: np.ndarray) -> TextEmbeddingVectorizer:
        self.n_features_out_ = means.shape[1]
        return self

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise not_fitted("this TextEmbeddingVectorizer has not been fitted yet: call fit first")

    def _means(self, X: Any) -> npt.NDArray[np.float32]:
        from ..layers import EmbeddingBag  # start-up: layers are many

        if self.vectors is None:
            raise ValueError("`vectors` must be a path, WordVectors or a dict. Received: vectors=None")
        if self.norm not in (None, "l2"):
            raise ValueError(f"`norm` must be None or 'l2'. Received: norm={self.norm!r}")
        if isinstance(X, str):
            raise TypeError(f"`X` must be a list or array of str, not one text. Received: {X[:60]!r}")
        texts = text_list("X", X)
        encoder = make_encoder(texts, None, self.tokenizer)
        words = encoder.get_vocabulary()
        found = build_matrix(words, self.vectors, oov="zeros")
        if not texts:
            return np.zeros((0, found.matrix.shape[1]), np.float32)
        missing = set(found.missing)
        known = np.array([word not in missing for word in words])
        known[:2] = False  # padding and unknown
        tokens = encoder(texts)
        kept = known[tokens.ids]
        ends = np.concatenate([[0], np.cumsum(kept)])
        bags = Ragged(tokens.ids[kept], ends[tokens.offsets])
        means = np.asarray(EmbeddingBag.from_pretrained(found.matrix)(bags))
        if self.norm == "l2":
            lengths = np.sqrt((means**2).sum(axis=1, keepdims=True))
            means = means / np.where(lengths > 0, lengths, 1)
        return means
