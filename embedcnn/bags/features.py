"""NgramFeatures: texts to bags of n-grams by the core (csrc/bags). What all models of bags stand on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from embedcnn import _core

from ..base.arguments import integer, one_of, optional
from ..base.checked import checked
from ..base.configuration import Configurable
from ..base.mapped_pages import check_pages, pages_of
from ..preprocessing.texts import done
from . import names
from .container import Bags
from .streams import SPILL, CodeSpool, blocks_of, read_blocks
from .tokenizers import TOKENIZERS, rules, token_spans
from .unfitted import not_fitted

LONGEST_WORDS, LONGEST_CHARS = 5, 64
MOST = 2**30 - 2  # features: ids are int32, and the core's tables at most half full


class NgramFeatures(Configurable):
    """Texts to counts of their n-grams: of words, and of the characters of each word. As
    sklearn.feature_extraction.text.CountVectorizer (exact) or HashingVectorizer (`buckets`).

    Ids are the same at any number of threads and however the texts were cut. Those of one kind (single
    words, pairs ..., characters) are a range of their own, see `kinds`; inside it n-grams stand by count, the
    most frequent first, ties by first occurrence, or, hashed, anywhere.

    Parameters
    ----------
    words
        (a, b): n-grams of a to b words, at most 5; None: none.
    chars
        (a, b): n-grams of a to b characters of each "<word>", the marks < and > included; None: none.
    tokenizer
        "words": words of any language, each punctuation mark, symbol, and Chinese or Japanese
        character a token of its own; HTML's <br /> vanishes. "whitespace": what stands between spaces.
        "chars": every character.
    lowercase
        Whether upper and lower case are the same, as str.lower.
    min_count
        Only n-grams that occur so often in the texts of `fit`.
    max_features
        Only so many n-grams, the most frequent ones of all kinds.
    buckets
        None: an exact vocabulary, learnt by `fit`. A number: every n-gram has one of so many ids of its
        kind by its hash; there is nothing to learn.

    A list in place of a text holds tokens, which are only lower-cased.

    Raises
    ------
    ValueError
        For other sizes and names; for `min_count` or `max_features` beside `buckets`.

    Examples
    --------
    >>> features = NgramFeatures(words=(1, 2))
    >>> bags = features.fit_transform(["The cat sat.", "The cat, the dog"])
    >>> features.kinds
    [('words 1', 0, 6), ('words 2', 6, 12)]
    >>> features.get_feature_names_out()[:8].tolist()
    ['the', 'cat', 'sat', '.', ',', 'dog', 'the cat', 'cat sat']
    >>> bags.ids.tolist(), bags.counts[:4].tolist()
    ([0, 1, 2, 3, 6, 7, 8, 0, 1, 4, 5, 6, 9, 10, 11], [1.0, 1.0, 1.0, 1.0])
    >>> features.transform(["A cat!"]).ids.tolist()
    [1]
    """

    @checked
    def __init__(
        self,
        *,
        words: Sequence[int] | None = (1, 2),
        chars: Sequence[int] | None = None,
        tokenizer: str = "words",
        lowercase: bool = True,
        min_count: int = 1,
        max_features: int | None = None,
        buckets: int | None = None,
    ) -> None:
        self.words = _range("words", words, LONGEST_WORDS)
        self.chars = _range("chars", chars, LONGEST_CHARS)
        self.tokenizer = one_of("tokenizer", tokenizer, TOKENIZERS)
        self.lowercase = lowercase
        self.min_count = integer("min_count", min_count, 1)
        self.max_features = optional(integer, "max_features", max_features, 1)
        self.buckets = optional(integer, "buckets", buckets, 1, MOST)
        if self.words is None and self.chars is None:
            raise ValueError("`words` and `chars` must not both be None. Received: words=None, chars=None")
        if self.buckets is not None and (self.min_count > 1 or self.max_features is not None):
            raise ValueError(
                "`buckets` must be None where n-grams are chosen by their counts. Received: "
                f"buckets={buckets}, min_count={min_count}, max_features={max_features}"
            )
        self._state: dict[str, np.ndarray] | None = None
        self._core: Any = None
        if self.buckets is not None:
            self._core = _core.BagFeatures(*self._settings(), self.buckets)

    def _settings(self) -> tuple[Any, tuple[int, int], tuple[int, int], bool]:
        """What the core is told of the n-grams."""
        chosen = rules(self.tokenizer, self.lowercase)
        return chosen, self.words or (0, 0), self.chars or (0, 0), self.tokenizer == "words"

    def _ready(self) -> Any:
        if not self.fitted:
            raise not_fitted("these features know no n-grams yet: call fit or fit_transform first")
        self._check_file()
        if self._core is None:  # only now: who has the bags may need no more
            self._core = _core.BagFeatures(
                *self._settings(), 0, names.as_state(self._state or {}, self.words)
            )
        return self._core

    def _check_file(self) -> None:
        for name, array in (self._state or {}).items():
            check_pages(name, pages_of(array))

    def _kinds(self) -> names.Kinds:
        """(tokens of an n-gram or 0 for characters, first id, one behind the last) of each kind."""
        self._check_file()
        if self._state is None or self._core is not None:
            return self._ready().kinds()
        return names.kinds_of(self._state, self.words, self.chars)

    @property
    def fitted(self) -> bool:
        """Whether `transform` may be called."""
        return self._core is not None or self._state is not None

    def fit(self, texts: Iterable[Any]) -> NgramFeatures:
        """Learns the n-grams of the texts, and forgets those that it knew; returns itself.

        Texts are a list, an array, a column (of pandas, polars, pyarrow), a stream, or the path of a file,
        one text a line. Hashed features have nothing to learn. Raises TypeError for one str that is no path,
        or what is neither str nor a list of str.
        """
        if self.buckets is None:
            self._count(texts, None)
        return self

    def fit_transform(self, texts: Iterable[Any], spill: int = SPILL) -> Bags:
        """`fit`, and the bags of the same texts, which are read only once.

        `spill`: what a stream makes above so many bytes goes to temporary files, and the bags are mapped
        from there; only the n-grams themselves must fit in memory.
        """
        if self.buckets is not None:
            return self.transform(texts, spill)
        offsets, ids, counts = self._count(texts, integer("spill", spill, 0)).bags(spill)
        return Bags._of(offsets, ids, counts, self.size)

    def _count(self, texts: Iterable[Any], spill: int | None) -> CodeSpool:
        settings = self._settings()
        census = _core.BagCensus(*settings, spill is not None)
        kept = CodeSpool(census, spill or 0)
        for first, block in blocks_of(texts):
            done(census.add(block, first), block, first)
            kept.make_room()
        state = census.rank(min(self.min_count, MOST), min(self.max_features or MOST, MOST))
        self._core, self._state = None, names.as_arrays(state, self.words)
        return kept

    def transform(self, texts: Iterable[Any], spill: int = SPILL) -> Bags:
        """The bags of texts, as `fit` takes them; n-grams that it has not seen count for nothing.

        `spill` as in `fit_transform`. Raises ValueError before `fit`, TypeError for one str that is no path,
        or what is neither str nor a list of str.
        """
        core = self._ready()
        offsets, ids, counts = read_blocks(core, texts, integer("spill", spill, 0), done)
        return Bags._of(offsets, ids, counts, self.size)

    def scores(
        self,
        texts: Iterable[Any],
        table: np.ndarray,
        bias: np.ndarray,
        parts: Sequence[tuple[int, int, int, bool]],
    ) -> npt.NDArray[np.float32]:
        """What layers.BagOfNgrams makes of texts, float32 (texts, units of all parts): margins by a table
        with a row for each feature, as layers/bag_parts.py defines them, without bags that anybody keeps.
        """
        core = self._ready()
        made = [
            done(_core.bag_scores(core, block, table, bias, parts, first), block, first)
            for first, block in blocks_of(texts)
        ]
        return made[0] if len(made) == 1 else np.concatenate([np.zeros((0, len(bias)), np.float32), *made])

    @property
    def size(self) -> int:
        """The number of features."""
        return self._kinds()[-1][2]

    @property
    def kinds(self) -> list[tuple[str, int, int]]:
        """(name, first id, one behind the last) of each kind: "words 1" ..., then "chars"."""
        return [
            (f"words {tokens}" if tokens else "chars", first, end) for tokens, first, end in self._kinds()
        ]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """The n-gram of each id, str: words joined by spaces, characters with the marks < and >.

        Raises ValueError where features are hashed: a bucket has no name.
        """
        return np.array(self.names_of(np.arange(self.size)), object)

    def names_of(self, ids: npt.ArrayLike) -> list[str]:
        """The n-grams of some ids. ValueError as `get_feature_names_out`, IndexError for ids of no feature.

        >>> NgramFeatures(words=None, chars=(2, 3)).fit(["be"]).names_of([0, 3])
        ['<b', 'be>']
        """
        kinds = self._kinds()
        if self._state is None:
            raise ValueError(f"hashed features have no names. Received: buckets={self.buckets}")
        wanted = np.asarray(ids, np.int64).ravel()
        if len(wanted) and not 0 <= wanted.min() <= wanted.max() < self.size:
            raise IndexError(f"`ids` must be in [0, {self.size}). Received: {wanted.min()} to {wanted.max()}")
        return names.names_of(self._state, kinds, wanted)

    def select(self, keep: npt.ArrayLike) -> NgramFeatures:
        """Features that know only some of these n-grams, in the same order: those where `keep`, bool (size,).

        Raises ValueError for another shape, and where features are hashed.

        >>> features = NgramFeatures(words=(1, 1)).fit(["a b c a"])
        >>> features.select([True, False, True]).get_feature_names_out().tolist()
        ['a', 'c']
        """
        kinds, mask = self._kinds(), np.asarray(keep)
        if self._state is None:
            raise ValueError(f"hashed features cannot be chosen. Received: buckets={self.buckets}")
        if mask.dtype != bool or mask.shape != (self.size,):
            raise ValueError(f"`keep` must be bool ({self.size},). Received: {mask.dtype} {mask.shape}")
        chosen = NgramFeatures.from_config(self.get_config())
        chosen.set_state(names.selected(self._state, kinds, mask))
        return chosen

    def places(self, text: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each n-gram of a text stands: (ids int32, starts, ends int64), one entry an occurrence, in
        characters of the text. Those of characters have the place of their word.

        Each id comes as often as `transform([text])` counts it.

        >>> features = NgramFeatures(words=(1, 2)).fit(["The cat sat."])
        >>> ids, starts, ends = features.places("A cat sat")
        >>> list(zip(features.names_of(ids), starts.tolist(), ends.tolist()))
        [('cat', 2, 5), ('sat', 6, 9), ('cat sat', 2, 9)]
        """
        core = self._ready()
        tokens, spans = token_spans(text, self.tokenizer, self.lowercase)
        found: list[tuple[int, int, int]] = []
        for length, first, end in core.kinds():
            pieces = [tokens[i : i + (length or 1)] for i in range(len(tokens) - (length or 1) + 1)]
            offsets, ids, counts = core.read(pieces)
            owners = np.repeat(np.arange(len(pieces)), np.diff(offsets))
            here = (ids >= first) & (ids < end)
            for piece, number, count in zip(owners[here], ids[here], counts[here], strict=True):
                span = spans[piece][0], spans[piece + (length or 1) - 1][1]
                found += [(int(number), *span)] * int(count)
        columns = np.array(found, np.int64).reshape(-1, 3).T
        return columns[0].astype(np.int32), columns[1], columns[2]

    def state(self) -> dict[str, np.ndarray]:
        """What `fit` has learnt, as arrays for a file; empty for hashed features. Copies are not made.

        `word_bytes` uint8, `word_ends` int64: the UTF-8 of tokens and where each ends; `singles` int64 (1,):
        how many of them are features, the first ones; `words_2` int32 ...: the tokens of each longer n-gram;
        `gram_bytes`, `gram_ends`: n-grams of characters.
        """
        self._ready()
        return dict(self._state or {})

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Takes what `state` of features with the same settings gave; ValueError for anything else."""
        if self.buckets is not None:
            if state:
                raise ValueError(f"hashed features have no state. Received: {sorted(state)}")
            return
        kept = names.as_state(state, self.words)
        self._core = _core.BagFeatures(*self._settings(), 0, kept)
        self._state = names.as_arrays(kept, self.words)

    def __getstate__(self) -> dict[str, Any]:
        return {"config": self.get_config(), "state": self._state}

    def __setstate__(self, stored: dict[str, Any]) -> None:
        self.__init__(**stored["config"])  # type: ignore[misc]
        if stored["state"] is not None:
            self.set_state(stored["state"])


def _range(name: str, value: Any, most: int) -> tuple[int, int] | None:
    """A pair 1 <= a <= b <= most, or None."""
    if value is None:
        return None
    whole = (int, np.integer)
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    if not pair or not all(isinstance(one, whole) and not isinstance(one, bool) for one in value):
        raise ValueError(f"`{name}` must be a pair of integers or None. Received: {name}={value!r}")
    first, last = map(int, value)
    if not 1 <= first <= last <= most:
        raise ValueError(f"`{name}` must be (a, b) with 1 <= a <= b <= {most}. Received: {name}={value!r}")
    return first, last
