"""One text to words, and to ids by a hash; what a Tokenizer does where the core cannot."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from embedcnn.base.checked import checked

__all__ = ["DEFAULT_FILTERS", "hashing_trick", "one_hot", "text_to_word_sequence"]

from embedcnn.base.arguments import integer, items, nonempty_text, optional

DEFAULT_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'


def checked_filters(filters: Any, split: Any) -> None:
    """ValueError unless `filters` is a str or a list of characters, `split` a str or None: white space."""
    single = isinstance(filters, str)
    if not single and not all(isinstance(mark, str) for mark in items("filters", filters)):
        raise ValueError(f"`filters` must be a str or a list of characters. Received: filters={filters!r}")
    optional(nonempty_text, "split", split)


@checked
def text_to_word_sequence(
    input_text: str, filters: Iterable[str] = DEFAULT_FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """The words of one text, cut at `split` and at each of the `filters`; without empty words. As
    keras.preprocessing.text.text_to_word_sequence.

    Raises TypeError where `input_text` is no str.

    >>> text_to_word_sequence("Don't panic!  It's only a test.")
    ["don't", 'panic', "it's", 'only', 'a', 'test']
    """
    if not isinstance(input_text, str):
        raise TypeError(f"`input_text` must be one str. Received: {type(input_text).__name__}")
    checked_filters(filters, split)
    text = input_text.lower() if lower else input_text
    cuts: dict[str, str | int | None] = dict.fromkeys(filters, split)
    text = text.translate(str.maketrans(cuts))
    return [word for word in text.split(split) if word]


@checked
def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: Iterable[str] = DEFAULT_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Iterable[str]] | None = None,
) -> list[int]:
    """Words to ids 1 to n − 1 by a hash; words may share one. As keras.preprocessing.text.hashing_trick.

    Parameters
    ----------
    text
        One text.
    n
        Ids are below it.
    hash_function
        "md5" (the same everywhere), a function of a word, or None: Python's `hash`, which differs from
        process to process.
    filters, lower, split
        As in `text_to_word_sequence`.
    analyzer
        A function of the text that gives its words, instead of these.

    Raises
    ------
    ValueError
        For `n` below 2.

    Examples
    --------
    >>> hashing_trick("The cat sat", 100, "md5")
    [51, 3, 10]
    """
    n = integer("n", n, 2)
    if not isinstance(text, str):
        raise TypeError(f"`text` must be one str. Received: {type(text).__name__}")
    function: Any = hash_function
    if hash_function is None:
        function = hash
    elif isinstance(hash_function, str) and hash_function == "md5":

        def function(word: str) -> int:
            return int.from_bytes(hashlib.md5(word.encode()).digest(), "big")

    elif not callable(hash_function):
        raise ValueError(
            f"`hash_function` must be 'md5', a function or None. Received: hash_function={hash_function!r}"
        )
    if not (analyzer is None or callable(analyzer)):
        raise TypeError(f"`analyzer` must be a function or None. Received: analyzer={analyzer!r}")
    words = text_to_word_sequence(text, filters, lower, split) if analyzer is None else analyzer(text)
    return [function(word) % (n - 1) + 1 for word in words]


@checked
def one_hot(
    input_text: str,
    n: int,
    filters: Iterable[str] = DEFAULT_FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Callable[[str], Iterable[str]] | None = None,
) -> list[int]:
    """`hashing_trick` with Python's `hash`; despite the name, ids and no vectors. As
    keras.preprocessing.text.one_hot.

    >>> len(one_hot("the cat sat", 50))
    3
    """
    if not isinstance(input_text, str):
        raise TypeError(f"`input_text` must be one str. Received: {type(input_text).__name__}")
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)
