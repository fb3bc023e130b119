"""Random changes to texts, one more variant of a text in every epoch: word dropout, swaps, neighbours from
vectors.

Each change is a function of (text or tokens, seed), and an object that changes a whole `Dataset` by
`dataset.apply(...)` with a seed per element that depends on (seed, epoch, position) alone: the same for any
number of threads.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from embedcnn.data.dataset import Dataset
from embedcnn.data.pipeline import checked_integer
from embedcnn.data.transformations import checked_seed

Text = TypeVar("Text", str, list)


class Neighbours(Protocol):
    """Anything with gensim's `most_similar`; KeyError for a word it does not know."""

    def most_similar(self, word: str, topn: int = ...) -> Sequence[tuple[str, float]]: ...


def checked_rate(rate: float) -> float:
    """A probability."""
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise ValueError(f"`rate` must be a probability in [0, 1]. Received: rate={rate!r}")
    return float(rate)


def on_words(text: Text, change: Callable[[list[Any]], list[Any]]) -> Text:
    """`change` of the blank-separated words of a str, or of the tokens of a list."""
    if isinstance(text, str):
        return " ".join(change(text.split()))
    if isinstance(text, list | tuple):
        return change(list(text))
    raise TypeError(
        f"`text` must be a str or a list of tokens. Received: text={text!r} ({type(text).__name__})"
    )


def word_dropout(text: Text, rate: float = 0.1, seed: int = 0) -> Text:
    """Leave out each word with probability `rate`; at least one stays.

    A str is cut at blanks, a list of tokens (words or ids) gives a list. ValueError for a rate outside [0,
    1].

    >>> word_dropout("the cat sat on the mat", rate=0.5, seed=3)
    'cat on the'
    """
    checked_rate(rate)
    generator = random.Random(seed)

    def change(words: list[Any]) -> list[Any]:
        kept = [word for word in words if generator.random() >= rate]
        return kept or words[int(generator.random() * len(words)) :][:1]

    return on_words(text, change)


def swap(text: Text, count: int = 1, seed: int = 0) -> Text:
    """Exchange two neighbouring words, `count` times at random places; a text of one word stays.

    >>> swap("the cat sat", seed=1)
    'cat the sat'
    """
    times = checked_integer(count, "count", 0)
    generator = random.Random(seed)

    def change(words: list[Any]) -> list[Any]:
        for _ in range(times if len(words) > 1 else 0):
            at = int(generator.random() * (len(words) - 1))
            words[at], words[at + 1] = words[at + 1], words[at]
        return words

    return on_words(text, change)


def replace_neighbours(
    text: Text, vectors: Neighbours, rate: float = 0.1, topn: int = 5, seed: int = 0
) -> Text:
    """Replace each word with probability `rate` by one of its `topn` nearest in `vectors`; unknown words
    stay.

    `vectors` is anything with gensim's `most_similar(word, topn=...)`. TypeError where it has none.

    >>> class Vectors:
    ...     def most_similar(self, word, topn=5):
    ...         return {"cat": [("kitten", 0.9)]}[word]
    >>> replace_neighbours("the cat sat", Vectors(), rate=1.0)
    'the kitten sat'
    """
    checked_rate(rate)
    number = checked_integer(topn, "topn", 1)
    if not callable(getattr(vectors, "most_similar", None)):
        raise TypeError(
            f"`vectors` must be an object with most_similar. Received: vectors={type(vectors).__name__}"
        )
    generator = random.Random(seed)

    def change(words: list[Any]) -> list[Any]:
        for index, word in enumerate(words):
            chosen, which = generator.random() < rate, generator.random()
            if not chosen:
                continue
            try:
                nearest = vectors.most_similar(word, topn=number)
            except KeyError:
                continue
            if nearest:
                words[index] = nearest[int(which * len(nearest))][0]
        return words

    return on_words(text, change)


class Augmentation:
    """A change of every text of a data set, drawn anew in every epoch.

    `function(text, seed=...)` is called for the text of every element: the element itself, or part
    `component` of a tuple (its number) or dict (its key). Apply it behind `cache` and before `batch`.

    >>> texts = Dataset.from_tensor_slices((["the cat sat", "it purrs"], [0, 1]))
    >>> changed = texts.apply(Augmentation(word_dropout, seed=1, rate=0.5))
    >>> [label.item() for text, label in changed], list(changed.iterate(2))[0] == list(changed.iterate(2))[0]
    ([0, 1], True)
    """

    def __init__(
        self,
        function: Callable[..., Any],
        seed: int | None = None,
        component: int | str = 0,
        num_parallel_calls: int | None = None,
        **arguments: Any,
    ) -> None:
        if not callable(function):
            raise TypeError(
                f"`function` must be a function (text, seed=...). Received: function={function!r}"
            )
        if isinstance(component, bool) or not isinstance(component, int | str):
            raise TypeError(f"`component` must be a number or a key. Received: component={component!r}")
        self.function = function
        self.seed = checked_seed(seed)
        self.component = component
        self.num_parallel_calls = num_parallel_calls
        self.arguments = arguments

    def __call__(self, dataset: Dataset) -> Dataset:
        seeds = Dataset.random(self.seed, rerandomize_each_iteration=True)
        pairs = Dataset.zip(dataset, seeds)
        return pairs.map(self.change, self.num_parallel_calls)

    def change(self, element: Any, seed: int) -> Any:
        """The element with its text changed."""
        if isinstance(element, tuple | dict):
            try:
                text = element[self.component]  # type: ignore[index]
            except (KeyError, IndexError, TypeError):
                raise ValueError(f"component: the element has no part {self.component!r}") from None
            changed = self.function(text, seed=seed, **self.arguments)
            if isinstance(element, dict):
                return {**element, self.component: changed}
            parts = list(element)
            parts[self.component] = changed  # type: ignore[index]
            return tuple(parts)
        return self.function(element, seed=seed, **self.arguments)


__all__ = ["Augmentation", "replace_neighbours", "swap", "word_dropout"]
