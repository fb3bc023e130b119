"""Vectorizer: texts to a sparse matrix of counts or tf-idf, with scikit-learn's argument names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from ..base.arguments import boolean, finite_number, integer, number_dtype, one_of, optional, unknown_name
from ..base.configuration import Configurable, argument_names
from ..base.parameters import shown_parameters
from .container import Bags, scipy_sparse
from .features import NgramFeatures
from .unfitted import not_fitted
from .weighting import document_frequencies, values

NORMS = ("l1", "l2")


class Vectorizer(Configurable):
    """Texts to a scipy.sparse.csr_matrix (texts, features) of tf-idf or counts, on all threads. As
    sklearn.feature_extraction.text.TfidfVectorizer, or HashingVectorizer where `n_features` is given.

    Values are those of scikit-learn for the same tokens, to 1e-6; columns stand in another order: by
    length, then by count (`get_feature_names_out` names them). Tokens are those of `NgramFeatures`, which
    keeps punctuation and words of one letter. Needs scipy (extra `sklearn`).

    Parameters
    ----------
    ngram_range
        (a, b): n-grams of a to b words, at most 5; None: none.
    chars
        (a, b): n-grams of a to b characters of each "<word>", as scikit-learn's "char_wb" with other marks.
    tokenizer, lowercase
        As for `NgramFeatures`.
    min_df, max_df
        Only n-grams that at least, or at most, so many of the fitted texts hold: a number of texts (int), or
        a share of them (float).
    max_features
        Of these only so many, the most frequent ones.
    n_features
        None: an exact vocabulary. A number: n-grams are hashed into so many columns for each length of
        n-grams; they have no names.
    binary
        Every count is 1.
    use_idf, smooth_idf, sublinear_tf, norm
        As in scikit-learn: times log((1 + n) / (1 + df)) + 1, or log(n / df) + 1; 1 + log(count) in the
        place of the count; rows divided by their "l2" or "l1" norm, or None.
    dtype
        np.float32 or np.float64, of the values, which are computed in float32.

    Raises
    ------
    ValueError
        For other sizes and names, and where no n-gram is left.

    Examples
    --------
    >>> vectorizer = Vectorizer(ngram_range=(1, 1), use_idf=False, norm=None)
    >>> vectorizer.fit(["a cat, a dog", "a cat"]).get_feature_names_out().tolist()
    ['a', 'cat', ',', 'dog']
    >>> vectorizer.transform(["a cat, a dog", "a cat"]).toarray().tolist()  # doctest: +SKIP
    [[2.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0]]
    """

    def __init__(
        self,
        *,
        ngram_range: Sequence[int] | None = (1, 2),
        chars: Sequence[int] | None = None,
        tokenizer: str = "words",
        lowercase: bool = True,
        min_df: float = 1,
        max_df: float = 1.0,
        max_features: int | None = None,
        n_features: int | None = None,
        binary: bool = False,
        use_idf: bool = True,
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        norm: str | None = "l2",
        dtype: Any = np.float32,
    ) -> None:
        given: dict[str, Any] = locals()
        kind: Any = type(self)
        self._given = {name: given[name] for name in argument_names(kind)}
        self.min_df, self.max_df = _share("min_df", min_df), _share("max_df", max_df)
        self.max_features = optional(integer, "max_features", max_features, 1)
        self.n_features = optional(integer, "n_features", n_features, 1)
        if self.n_features is not None and (self._prunes or self.max_features is not None):
            raise ValueError(
                "`n_features` must be None where n-grams are chosen by min_df, max_df or max_features. "
                f"Received: n_features={n_features}, {min_df=}, {max_df=}, {max_features=}"
            )
        self.binary = boolean("binary", binary)
        self.use_idf, self.smooth_idf = boolean("use_idf", use_idf), boolean("smooth_idf", smooth_idf)
        self.sublinear_tf = boolean("sublinear_tf", sublinear_tf)
        self.norm = None if norm is None else one_of("norm", norm, NORMS)
        self.dtype = number_dtype("dtype", dtype).name
        if self.dtype not in ("float32", "float64"):
            raise unknown_name("dtype", self.dtype, ("float32", "float64"))
        self._features = NgramFeatures(
            words=ngram_range, chars=chars, tokenizer=tokenizer, lowercase=lowercase, buckets=n_features
        )
        self.ngram_range, self.chars = self._features.words, self._features.chars
        self.tokenizer, self.lowercase = self._features.tokenizer, self._features.lowercase
        self._idf: np.ndarray | None = None

    @property
    def _prunes(self) -> bool:
        return not (
            _is_count(self.min_df) and self.min_df == 1 and self.max_df == 1 and not _is_count(self.max_df)
        )

    @property
    def features(self) -> NgramFeatures:
        """The n-grams, as NgramFeatures."""
        return self._features

    @property
    def idf_(self) -> np.ndarray:
        """The inverse document frequency of each column, float32; ValueError without, or before `fit`."""
        if self._idf is None:
            if self.use_idf:
                raise not_fitted("there are no idf yet: call fit or fit_transform first")
            raise ValueError("there are no idf. Received: use_idf=False")
        return self._idf

    def fit(self, texts: Iterable[Any], y: Any = None) -> Vectorizer:
        """Learns the n-grams and their idf; `y` is not used. Returns itself."""
        if self._features.buckets is None or self.use_idf:
            self._learn(texts)
        return self

    def fit_transform(self, texts: Iterable[Any], y: Any = None) -> Any:
        """`fit`, and the matrix of the same texts, which are read only once; `y` is not used."""
        return self._matrix(self._learn(texts))

    def transform(self, texts: Iterable[Any]) -> Any:
        """The matrix of texts; ValueError before `fit`."""
        if self.use_idf and self._idf is None:
            raise not_fitted("this vectorizer knows no n-grams yet: call fit or fit_transform first")
        return self._matrix(self._features.transform(texts))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """The n-gram of each column, str; ValueError where they are hashed.

        Beside n-grams of words, those of characters begin with "chars:": no two names are the same.
        """
        names = self._features.get_feature_names_out()
        if self.ngram_range and self.chars:
            first = self._features.kinds[-1][1]
            names[first:] = ["chars:" + name for name in names[first:]]
        return names

    @property
    def vocabulary_(self) -> dict[str, int]:
        """The column of each name of `get_feature_names_out`; ValueError where n-grams are hashed."""
        return {name: column for column, name in enumerate(self.get_feature_names_out().tolist())}

    def inverse_transform(self, X: Any) -> list[npt.NDArray[np.object_]]:
        """The n-grams of each row of a matrix, those whose value is not 0, in the order of the columns.

        Raises ValueError for another number of columns, and where n-grams are hashed.
        """
        matrix, names = scipy_sparse("Vectorizer").csr_matrix(X), self.get_feature_names_out()
        if matrix.shape[1] != len(names):
            raise ValueError(f"`X` must have {len(names)} columns. Received: shape {matrix.shape}")
        return [names[np.sort(row.indices[row.data != 0])] for row in matrix]

    def __sklearn_is_fitted__(self) -> bool:
        return self._features.fitted and (self._idf is not None or not self.use_idf)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments of the constructor as they were given. As in scikit-learn."""
        return dict(self._given)

    def __repr__(self) -> str:
        return shown_parameters(self)

    def set_params(self, **params: Any) -> Vectorizer:
        """Sets arguments of the constructor and forgets what was learnt; ValueError for unknown names."""
        for name in params:
            if name not in self._given:
                raise unknown_name("parameter", name, self._given)
        if params:
            vars(self).update(vars(type(self)(**{**self._given, **params})))
        return self

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # extra

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(),
            input_tags=InputTags(one_d_array=True, two_d_array=False, string=True),
        )

    def _learn(self, texts: Iterable[Any]) -> Bags:
        features = self._features
        bags = features.fit_transform(texts)
        frequencies = None
        if features.buckets is None and (self._prunes or self.max_features is not None):
            frequencies = document_frequencies(bags)
            keep = self._kept(bags, frequencies)
            self._features = features.select(keep)
            bags, frequencies = _columns(bags, keep), frequencies[keep]
        if features.buckets is None and not self._features.size:
            raise ValueError("no n-gram is left: the texts hold none, or min_df and max_df leave none")
        if self.use_idf:
            frequencies = document_frequencies(bags) if frequencies is None else frequencies
            self._idf = self._inverse(len(bags), frequencies)
        return bags

    def _kept(self, bags: Bags, frequencies: np.ndarray) -> np.ndarray:
        """The columns that min_df, max_df and max_features leave, bool (size,)."""
        least, most = (
            value if _is_count(value) else value * len(bags) for value in (self.min_df, self.max_df)
        )
        if most < least:
            raise ValueError(f"max_df={self.max_df} stands for fewer texts than min_df={self.min_df}")
        keep = (frequencies >= least) & (frequencies <= most)
        if self.max_features is not None and np.count_nonzero(keep) > self.max_features:
            counts = np.bincount(bags.ids, bags.counts, bags.size)
            best = np.argsort(np.where(keep, -counts, 1), kind="stable")[: self.max_features]
            keep = np.zeros(bags.size, bool)
            keep[best] = True
        return keep

    def _inverse(self, texts: int, frequencies: np.ndarray) -> np.ndarray:
        one = 1 if self.smooth_idf else 0
        with np.errstate(divide="ignore"):  # a bucket that no text holds
            inverse = np.log((texts + one) / (frequencies + one)) + 1
        return np.where(np.isfinite(inverse), inverse, 0).astype(np.float32)

    def _matrix(self, bags: Bags) -> Any:
        csr_matrix = scipy_sparse("Vectorizer").csr_matrix
        if self.binary:
            bags = Bags._of(bags.offsets, bags.ids, np.ones_like(bags.counts), bags.size)
        scale = np.ones(bags.size, np.float32) if self._idf is None else self._idf
        data = values(bags, scale, sublinear=self.sublinear_tf, norm=self.norm == "l2").astype(self.dtype)
        if self.norm == "l1" and len(data):
            sums = np.add.reduceat(np.append(data, 0), bags.offsets[:-1])
            data /= np.repeat(sums, np.diff(bags.offsets))
        matrix = csr_matrix((len(bags), bags.size), dtype=self.dtype)
        few = len(data) <= np.iinfo(np.int32).max
        matrix.indptr = bags.offsets.astype(np.int32) if few else bags.offsets
        matrix.indices = bags.ids.astype(np.int32 if few else np.int64)
        matrix.data = data
        matrix.has_canonical_format = True  # sorted, and nothing twice
        return matrix


def _is_count(value: float) -> bool:
    return isinstance(value, Integral)


def _share(name: str, value: Any) -> Any:
    """A number of texts (int >= 1), or a share of them."""
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return integer(name, value, 1)
    return float(finite_number(name, value, least=0, most=1))


def _columns(bags: Bags, keep: np.ndarray) -> Bags:
    """The bags of the features of `keep`, numbered anew."""
    here = keep[bags.ids]
    ends = np.concatenate([[0], np.cumsum(here)])
    numbers = np.cumsum(keep, dtype=np.int32) - np.int32(1)
    ids = numbers[bags.ids[here]]
    return Bags._of(ends[bags.offsets], ids, bags.counts[here], int(np.count_nonzero(keep)))
