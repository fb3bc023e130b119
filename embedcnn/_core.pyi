"""Types of the C core, one section for each file of csrc/python. No stable interface: use the package."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import numpy.typing as npt

# text.c, text_rules.c: texts to words and ids

@final
class TextRules:
    def __new__(cls, split: str, lower: str, stops: str, drops: str) -> TextRules: ...
    def tokens(self, texts: Sequence[str | list[str]], first: int = 0) -> list[list[str]]: ...

@final
class WordTable:
    def __new__(
        cls,
        words: Sequence[str] = (),
        counts: npt.ArrayLike | None = None,
        documents: npt.ArrayLike | None = None,
    ) -> WordTable: ...
    def __len__(self) -> int: ...
    def count(self, texts: Sequence[Any], rules: TextRules, first: int = 0) -> bool: ...
    def encode(
        self, texts: Sequence[Any], rules: TextRules, ids: npt.NDArray[np.int32], unknown: int, first: int = 0
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None: ...
    def counts(self) -> npt.NDArray[np.int64]: ...
    def documents(self) -> npt.NDArray[np.int64]: ...
    def words(self, order: npt.NDArray[np.int32] = ...) -> list[str]: ...
    def order(self) -> npt.NDArray[np.int32]: ...

# text_sequence.c: ids to matrices, rows and lists

def pad_ragged(
    ids: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    width: int,
    pad_after: bool,
    truncate_last: bool,
    value: int,
    /,
) -> npt.NDArray[np.int32]: ...
def gather_ragged(
    ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], /
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]: ...
def ragged_lists(ids: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64], /) -> list[list[int]]: ...
def pad_rows(out: np.ndarray, rows: tuple[Any, ...], pad_after: bool, truncate_last: bool, /) -> None: ...

# text_ngram.c: hashed n-grams

def subwords(word: str, minn: int, maxn: int, bucket: int, /) -> npt.NDArray[np.int32]: ...
def word_hash(word: str, /) -> int: ...
def ngrams(
    texts: Sequence[Any], rules: TextRules, n: int, bucket: int, first: int = 0, /
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] | None: ...
