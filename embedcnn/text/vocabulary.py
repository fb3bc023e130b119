"""Which id every token has: of words (Vocabulary) and of characters (CharVocabulary)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from embedcnn import _core
from embedcnn.base.arguments import integer, optional
from embedcnn.base.checked import checked
from embedcnn.base.columns import as_list
from embedcnn.base.replacement import replacing
from embedcnn.preprocessing.texts import done, encode_texts, text_blocks
from embedcnn.preprocessing.words import DEFAULT_FILTERS
from embedcnn.ragged import Ragged

__all__ = ["CharVocabulary", "Vocabulary"]

ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def _escape(token: str) -> str:
    """A token without line ends: backslash, LF and CR become two characters each."""
    pairs: dict[str, str | int | None] = {**ESCAPES}
    return token.translate(str.maketrans(pairs))


def _unescape(line: str, number: int) -> str:
    if "\\" not in line:
        return line
    token = []
    characters = iter(line)
    for character in characters:
        if character == "\\":
            pair = "\\" + next(characters, "")
            character = {escape: original for original, escape in ESCAPES.items()}.get(pair, "")
            if not character:
                raise ValueError(f"line {number} holds {pair!r}; only \\\\, \\n and \\r are escapes")
        token.append(character)
    return "".join(token)


class Vocabulary:
    r"""Words and their ids: padding 0, unknown words 1, then `specials`, then the tokens. Source: the layout
    of `keras.layers.StringLookup` with `mask_token=""`.

    Parameters
    ----------
    tokens
        The words, in the order of their ids; none twice. May begin with `pad`, `unknown` and `specials`, as
        `vocabulary.tokens` does.
    pad
        The token of id 0.
    unknown
        The token of id 1.
    specials
        Tokens of the next ids.
    lower, filters, split
        How texts are cut into words, as in Tokenizer; `split` is one character.

    Raises
    ------
    ValueError
        For a token that comes twice or a longer `split`.
    TypeError
        For one that is no str.

    Examples
    --------
    >>> vocabulary = Vocabulary.from_texts(["the cat", "the dog"], specials=["<s>"])
    >>> vocabulary.tokens
    ['', '[UNK]', '<s>', 'the', 'cat', 'dog']
    >>> vocabulary.encode(["the bird"]).tolist(), vocabulary["dog"], "bird" in vocabulary, len(vocabulary)
    ([[3, 1]], 5, False, 6)
    """

    @checked
    def __init__(
        self,
        tokens: Iterable[str] = (),
        *,
        pad: str = "",
        unknown: str = "[UNK]",
        specials: Iterable[str] = (),
        lower: bool = True,
        filters: str = DEFAULT_FILTERS,
        split: str = " ",
    ) -> None:
        for name, value in (("tokens", tokens), ("specials", specials)):
            if isinstance(value, (str, bytes)):
                raise TypeError(f"{name} is one {type(value).__name__}; expected a list of tokens")
        self.settings: dict[str, Any] = {"lower": lower, "filters": filters, "split": split}
        fixed = [pad, unknown, *specials]
        words = list(as_list(tokens))
        self._tokens = words if words[: len(fixed)] == fixed else fixed + words
        self._prepare()

    def _prepare(self) -> None:
        self._table = _core.WordTable(self._tokens)
        self._ids = np.arange(len(self._tokens), dtype=np.int32)
        self._index = dict(zip(self._tokens, range(len(self._tokens)), strict=True))
        self._rules = self._make_rules(**self.settings)

    @staticmethod
    def _make_rules(lower: bool, filters: str, split: str) -> Any:
        if not isinstance(split, str) or len(split) != 1:
            raise ValueError(f"`split` must be one character. Received: split={split!r}")
        return _core.TextRules("words", "unicode" if lower else "none", filters + split, "")

    @classmethod
    @checked
    def from_texts(
        cls,
        texts: Iterable[str | list[str]],
        *,
        max_tokens: int | None = None,
        min_frequency: int = 1,
        specials: Iterable[str] = (),
        pad: str = "",
        unknown: str = "[UNK]",
        lower: bool = True,
        filters: str = DEFAULT_FILTERS,
        split: str = " ",
    ) -> Vocabulary:
        """The words of texts (str, or lists of tokens), most frequent first, ties by first appearance.

        Parameters
        ----------
        texts
            Where the words are counted.
        max_tokens
            The largest size, with `pad`, `unknown` and `specials`; None: any.
        min_frequency
            Words must occur so often.
        specials, pad, unknown, lower, filters, split
            As in Vocabulary.

        Raises
        ------
        TypeError
            Where `texts` is one str.
        ValueError
            Where `max_tokens` has no room for the specials.

        Examples
        --------
        >>> Vocabulary.from_texts(["b a c a", "b"], max_tokens=4, min_frequency=2).tokens
        ['', '[UNK]', 'b', 'a']
        """
        fixed = [pad, unknown, *specials]
        max_tokens = optional(integer, "max_tokens", max_tokens)
        min_frequency = integer("min_frequency", min_frequency, 0)
        if max_tokens is not None and max_tokens < len(fixed):
            raise ValueError(
                f"`max_tokens` must be at least {len(fixed)}, for the tokens {fixed}. "
                f"Received: max_tokens={max_tokens}"
            )
        table = count_words(texts, cls._make_rules(lower, filters, split))
        order = table.order()
        order = order[table.counts()[order] >= min_frequency]
        room = None if max_tokens is None else max_tokens - len(fixed)
        tokens = [word for word in table.words(order) if word not in fixed][:room]
        names = {"lower": lower, "filters": filters, "split": split}
        return cls(tokens, pad=pad, unknown=unknown, specials=fixed[2:], **names)  # type: ignore[arg-type]

    @property
    def tokens(self) -> list[str]:
        """All tokens in the order of their ids (a copy)."""
        return list(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._index

    def __getitem__(self, token: str) -> int:
        if not isinstance(token, str):
            raise TypeError(f"`token` must be a str. Received: token={token!r}")
        return self._index.get(token, 1)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self._tokens == other._tokens and self.settings == other.settings

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def __getstate__(self) -> dict[str, Any]:
        return {"_tokens": self._tokens, "settings": self.settings}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._prepare()

    def encode(self, texts: Iterable[str | list[str]]) -> Ragged:
        """The ids of the words of every text; 1 for words that are not in the vocabulary.

        Raises TypeError where `texts` is one str or holds something else than str and lists of str.

        >>> Vocabulary(["a", "b"]).encode(["B! x", ["a"]]).tolist()
        [[3, 1], [2]]
        """
        return encode_texts(self._table, self._rules, self._ids, 1, texts)

    def decode(self, ids: Any, separator: str = " ") -> str | list[str]:
        """The words of ids, without padding: one str for a vector, a list of them for a Ragged or a matrix.

        Raises IndexError for an id outside the vocabulary.

        >>> vocabulary = Vocabulary(["a", "b"])
        >>> vocabulary.decode([2, 3, 1, 0]), vocabulary.decode([[2], [3, 2]])
        ('a b [UNK]', ['a', 'b a'])
        """
        if isinstance(ids, Ragged) or (len(ids) and not isinstance(ids[0], (int, np.integer))):
            return [self.decode(row, separator) for row in ids]  # type: ignore[misc]
        for place, number in enumerate(ids):
            if not 0 <= number < len(self._tokens):
                raise IndexError(f"ids[{place}] = {number} is outside [0, {len(self._tokens)})")
        return separator.join(self._tokens[number] for number in ids if number != 0)

    def to_text(self) -> str:
        r"""One token a line, that of id 0 first; backslash, LF and CR in tokens as `\\`, `\n` and `\r`.

        >>> Vocabulary(["a\n"]).to_text()
        '\n[UNK]\na\\n\n'
        """
        return "".join(_escape(token) + "\n" for token in self._tokens)

    @classmethod
    def from_text(cls, text: str, **settings: Any) -> Vocabulary:
        """The Vocabulary that `to_text` wrote; `settings` are `lower`, `filters` and `split`.

        Raises ValueError for another escape than these, a token that comes twice, or fewer than two lines.
        """
        lines = text.split("\n")
        if lines and not lines[-1]:
            lines.pop()
        if len(lines) < 2:
            raise ValueError(f"a vocabulary has at least 2 lines (padding, unknown), got {len(lines)}")
        pad, unknown, *tokens = (_unescape(line, number) for number, line in enumerate(lines, 1))
        return cls(tokens, pad=pad, unknown=unknown, **settings)

    @checked
    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes `to_text` as UTF-8; a file of that name is replaced only when all is written."""
        with replacing(path) as file:
            file.write(self.to_text().encode("utf-8", "surrogatepass"))

    @classmethod
    @checked
    def load(cls, path: str | os.PathLike[str], **settings: Any) -> Vocabulary:
        """The Vocabulary that `save` wrote; `settings` are `lower`, `filters` and `split`.

        Raises OSError where the file cannot be read, ValueError where it is no vocabulary.
        """
        with open(path, "rb") as file:
            data = file.read()
        try:
            text = data.decode("utf-8", "surrogatepass").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise ValueError(f"{os.fspath(path)}: not a vocabulary, as it is no UTF-8 ({error})") from None
        return cls.from_text(text, **settings)


def count_words(texts: Iterable[Any], rules: Any) -> Any:
    """A word table with the words of all texts; TypeError for a list with something else than str."""
    table = _core.WordTable()
    for first, block in text_blocks(texts):
        done(table.count(block, rules, first), block, first)
    return table


class CharVocabulary:
    """The characters of a text, sorted, with ids from 0: for models that write text character by character.
    Source: `sorted(set(text))` of Keras's and TensorFlow's text generation examples.

    Parameters
    ----------
    text
        A str, or an iterable of characters.
    unknown
        Stands for characters that are not in `text`; itself one of them. None: they are an error.

    Raises
    ------
    ValueError
        For an `unknown` that is not one character of the text.
    TypeError
        For a `text` that is not made of characters.

    Examples
    --------
    >>> characters = CharVocabulary("hello")
    >>> characters.tokens, characters.encode("hole")
    (['e', 'h', 'l', 'o'], array([1, 3, 2, 0], dtype=int32))
    >>> characters.decode([1, 0])
    'he'
    """

    def __init__(self, text: Iterable[str], unknown: str | None = None) -> None:
        if not isinstance(text, Iterable):
            raise TypeError(f"`text` must be a str, or an iterable of characters. Received: text={text!r}")
        self._tokens = sorted(set(text))
        for token in self._tokens:
            if not isinstance(token, str) or len(token) != 1:
                raise ValueError(f"{token!r} is not one character")
        if unknown is not None and unknown not in self._tokens:
            raise ValueError(
                f"`unknown` must be one of the {len(self._tokens)} characters of the text. "
                f"Received: unknown={unknown!r}"
            )
        self.unknown = unknown
        self._points = np.array([ord(token) for token in self._tokens], np.uint32)

    @property
    def tokens(self) -> list[str]:
        """The characters in the order of their ids (a copy)."""
        return list(self._tokens)

    def __len__(self) -> int:
        return len(self._tokens)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tokens)

    def __contains__(self, character: object) -> bool:
        return isinstance(character, str) and len(character) == 1 and ord(character) in self._points

    def __getitem__(self, character: str) -> int:
        if not isinstance(character, str) or len(character) != 1:
            raise KeyError(f"{character!r} is not one character")
        return int(self.encode(character)[0])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CharVocabulary):
            return NotImplemented
        return self._tokens == other._tokens and self.unknown == other.unknown

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"CharVocabulary({len(self)} characters)"

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """The ids of the characters of one text, int32.

        Raises ValueError, with the character and its place, where it is not in the vocabulary and there is
        no `unknown`; TypeError where `text` is no str.
        """
        if not isinstance(text, str):
            raise TypeError(f"text is a {type(text).__name__}; expected one str")
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
        if not len(self._points):
            missing, ids = np.ones(len(points), bool), np.zeros(len(points), np.int32)
        else:
            ids = np.searchsorted(self._points, points).astype(np.int32)
            ids[ids == len(self._points)] = 0
            missing = self._points[ids] != points
        if missing.any():
            if self.unknown is None:
                place = int(np.argmax(missing))
                raise ValueError(
                    f"text[{place}] = {text[place]!r} is none of the {len(self)} characters of the vocabulary"
                )
            ids[missing] = self[self.unknown]
        return ids

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of a vector of ids; IndexError for an id outside [0, len)."""
        numbers = np.asarray(ids)
        if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
            raise TypeError(f"ids must be a vector of integers, got shape {numbers.shape} of {numbers.dtype}")
        outside = (numbers < 0) | (numbers >= len(self))
        if outside.any():
            place = int(np.argmax(outside))
            raise IndexError(f"ids[{place}] = {numbers[place]} is outside [0, {len(self)})")
        points = self._points[numbers.astype(np.intp)].astype("<u4")
        return points.tobytes().decode("utf-32-le", "surrogatepass")
