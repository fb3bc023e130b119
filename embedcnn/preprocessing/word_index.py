"""The dict behind `Tokenizer.word_index`: it counts its changes, after which a lookup is made anew."""

from __future__ import annotations

from typing import Any

__all__ = ["WordIndex"]


class WordIndex(dict):
    """A dict of word to index that notes every change in `changes`.

    >>> index = WordIndex(the=1)
    >>> index["cat"] = 2
    >>> index, index.changes
    ({'the': 1, 'cat': 2}, 1)
    """

    changes = 0

    def __setitem__(self, word: Any, index: Any) -> None:
        self.changes += 1
        super().__setitem__(word, index)

    def __delitem__(self, word: Any) -> None:
        self.changes += 1
        super().__delitem__(word)

    def __ior__(self, other: Any) -> WordIndex:  # type: ignore[misc]
        self.update(other)
        return self

    def clear(self) -> None:
        self.changes += 1
        super().clear()

    def pop(self, *arguments: Any) -> Any:
        self.changes += 1
        return super().pop(*arguments)

    def popitem(self) -> tuple[Any, Any]:
        self.changes += 1
        return super().popitem()

    def setdefault(self, word: Any, default: Any = None) -> Any:
        self.changes += 1
        return super().setdefault(word, default)

    def update(self, *arguments: Any, **words: Any) -> None:
        self.changes += 1
        super().update(*arguments, **words)

    def __reduce__(self) -> tuple:
        return WordIndex, (dict(self),)
