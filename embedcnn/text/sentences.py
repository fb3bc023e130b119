"""Sentences, texts or lists of words, as the core reads them for phrases: a newline behind each word, and
another behind each sentence (csrc/text/phrases.h).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

BLOCK_SENTENCES = 1000
BLOCK_WORDS = 200_000


def is_single(value: Any) -> tuple[bool, Any]:
    """Whether it is one sentence, as gensim decides it: a text, or an iterable whose first item is a str; and
    the same value, from which nothing is missing.

    >>> is_single("a text")[0], is_single(["a", "sentence"])[0], is_single([["two"], ["sentences"]])[0]
    (True, True, False)
    """
    if isinstance(value, str):
        return True, value
    if not isinstance(value, Iterable):
        raise TypeError(f"a sentence must be a text or a list of words. Received: {value!r}")
    iterator = iter(value)
    first = list(itertools.islice(iterator, 1))
    whole = itertools.chain(first, iterator) if iterator is value else value
    if first and not isinstance(first[0], str):
        return False, whole
    return True, list(whole)


def sentences_of(argument: str, value: Any) -> Iterator[Any]:
    """An iterator over sentences; TypeError for what is none, as a single text."""
    if isinstance(value, (str, bytes, bytearray)) or not isinstance(value, Iterable):
        raise TypeError(
            f"`{argument}` must be an iterable of texts or of lists of words; a file opened as text is one. "
            f"Received: {argument}={value!r}"
        )
    return iter(value)


def blocks(argument: str, value: Any) -> Iterator[tuple[bytes, list[Any]]]:
    """Some sentences at a time, as the core reads them and as lists of words. TypeError, ValueError for what
    are none.
    """
    sentences = sentences_of(argument, value)
    number = 0
    while True:
        block: list[Any] = []
        words = 0
        for sentence in itertools.islice(sentences, BLOCK_SENTENCES):
            block.append(words_of(argument, sentence, number + len(block)))
            words += len(block[-1])
            if words > BLOCK_WORDS:
                break
        if not block:
            return
        yield block_of(argument, block, number), block
        number += len(block)


def words_of(argument: str, sentence: Any, number: int) -> Sequence[Any]:
    """The words of a sentence, not yet checked."""
    if isinstance(sentence, str):
        return sentence.split()
    if isinstance(sentence, (list, tuple)):
        return sentence
    if isinstance(sentence, (bytes, bytearray)) or not isinstance(sentence, Iterable):
        raise TypeError(
            f"`{argument}` must be texts or lists of words. Received: {argument}[{number}] = {sentence!r}"
        )
    return list(sentence)


def block_of(argument: str, sentences: Sequence[Sequence[Any]], number: int = 0) -> bytes:
    """Sentences, lists of words, of which the first has this number, as the core reads them.

    >>> block_of("sentences", [["new", "york"], []])
    b'new\\nyork\\n\\n\\n'
    """
    newlines = sum(map(len, sentences)) + len(sentences)
    try:
        text = "".join("\n".join(words) + "\n\n" if words else "\n" for words in sentences)
        fits = text.count("\n") == newlines and not any("" in words for words in sentences)
    except TypeError:
        fits = False
    if not fits:
        _refuse(argument, sentences, number)
    return text.encode("utf-8", "surrogatepass")


def _refuse(argument: str, sentences: Sequence[Sequence[Any]], number: int) -> None:
    for at, words in enumerate(sentences):
        for place, word in enumerate(words):
            if not isinstance(word, str) or not word or "\n" in word:
                kind = ValueError if isinstance(word, str) else TypeError
                raise kind(
                    f"`{argument}` must be texts or lists of words, each a str that is not empty and has no "
                    f"newline. Received: {argument}[{number + at}][{place}] = {word!r}"
                )
