"""The n-grams that features have learnt, as arrays: the names of ids, and the arrays of some of them.

`word_bytes` uint8, `word_ends` int64: the UTF-8 of tokens and where each ends; `singles` int64 (1,): how many
of them are features themselves, the first ones; `words_2` int32 ...: the tokens of each longer n-gram;
`gram_bytes`, `gram_ends`: n-grams of characters.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Kinds = list[tuple[int, int, int]]  # tokens of an n-gram (0: characters), first id, one behind the last


def array_names(words: tuple[int, int] | None) -> list[str]:
    """The names of the arrays for n-grams of so many words."""
    first, last = words or (1, 1)
    longer = [f"words_{length}" for length in range(max(first, 2), last + 1)]
    return ["singles", "word_bytes", "word_ends", *longer, "gram_bytes", "gram_ends"]


def as_arrays(state: tuple[Any, ...], words: tuple[int, int] | None) -> dict[str, np.ndarray]:
    """What the core says of its n-grams, by name."""
    singles, word_bytes, word_ends, longer, gram_bytes, gram_ends = state
    values = [np.array([singles]), word_bytes, word_ends, *longer, gram_bytes, gram_ends]
    return dict(zip(array_names(words), values, strict=True))


def as_state(arrays: dict[str, np.ndarray], words: tuple[int, int] | None) -> tuple[Any, ...]:
    """What the core takes; ValueError where names are missing or unknown."""
    names = array_names(words)
    if set(arrays) != set(names):
        raise ValueError(f"`state` must hold {', '.join(names)}. Received: {sorted(arrays)}")
    singles = np.asarray(arrays["singles"])
    if singles.shape != (1,):
        raise ValueError(f"state['singles'] must have shape (1,). Received: {singles.shape}")
    kept = [np.ascontiguousarray(arrays[name]) for name in names[1:]]
    return int(singles[0]), kept[0], kept[1], kept[2:-2], kept[-2], kept[-1]


def kinds_of(
    arrays: dict[str, np.ndarray], words: tuple[int, int] | None, chars: tuple[int, int] | None
) -> Kinds:
    """The kinds of n-grams and their ids."""
    first, last = words or (1, 0)
    counts = [
        (length, len(arrays[f"words_{length}"]) // length if length > 1 else int(arrays["singles"][0]))
        for length in range(first, last + 1)
    ]
    if chars:
        counts.append((0, len(arrays["gram_ends"])))
    ends = np.cumsum([count for _, count in counts]).tolist()
    return [(tokens, end - count, end) for (tokens, count), end in zip(counts, ends, strict=True)]


class Strings:
    """Strings that stand one behind the other as UTF-8."""

    def __init__(self, data: np.ndarray, ends: np.ndarray) -> None:
        self.data, self.ends = np.ascontiguousarray(data).data, ends

    def of(self, places: np.ndarray) -> list[str]:
        """The strings of these numbers."""
        starts = np.where(places > 0, self.ends[places - 1], 0) if len(self.ends) else places
        pairs = zip(starts.tolist(), self.ends[places].tolist(), strict=True)
        return [str(self.data[start:end], "utf-8", "surrogatepass") for start, end in pairs]

    def rows(self, numbers: np.ndarray) -> Iterator[list[str]]:
        """The strings of each row of numbers; every string is made once."""
        distinct, inverse = np.unique(numbers, return_inverse=True)
        strings = np.array([*self.of(distinct), None], object)[:-1]
        yield from strings[inverse.reshape(numbers.shape)].tolist()


def names_of(arrays: dict[str, np.ndarray], kinds: Kinds, ids: np.ndarray) -> list[str]:
    """The n-grams of ids: words joined by spaces, characters with the marks < and >."""
    names = np.empty(len(ids), object)
    words = Strings(arrays["word_bytes"], arrays["word_ends"])
    for tokens, first, end in kinds:
        here = np.flatnonzero((ids >= first) & (ids < end))
        places = ids[here] - first
        if tokens > 1:
            rows = arrays[f"words_{tokens}"].reshape(-1, tokens)[places]
            names[here] = [" ".join(row) for row in words.rows(rows)]
        else:
            strings = words if tokens else Strings(arrays["gram_bytes"], arrays["gram_ends"])
            names[here] = strings.of(places)
    return names.tolist()


def selected(arrays: dict[str, np.ndarray], kinds: Kinds, keep: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of the features of `keep`, bool (features,), in the same order."""
    chosen = dict(arrays)
    singles = np.zeros(0, np.int64)
    longer = []
    for tokens, first, end in kinds:
        here = np.flatnonzero(keep[first:end])
        if tokens > 1:
            name = f"words_{tokens}"
            chosen[name] = arrays[name].reshape(-1, tokens)[here].ravel()
            longer.append(chosen[name])
        elif tokens:
            singles = here
        else:
            chosen["gram_bytes"], chosen["gram_ends"] = _some(arrays["gram_bytes"], arrays["gram_ends"], here)
    used = np.zeros(len(arrays["word_ends"]), bool)
    for numbers in longer:
        used[numbers] = True
    used[singles] = False
    words = np.concatenate([singles, np.flatnonzero(used)])
    numbers = np.empty(len(used), np.int32)
    numbers[words] = np.arange(len(words), dtype=np.int32)
    for name in chosen:
        if name.startswith("words_"):
            chosen[name] = numbers[chosen[name]]
    chosen["singles"] = np.array([len(singles)])
    chosen["word_bytes"], chosen["word_ends"] = _some(arrays["word_bytes"], arrays["word_ends"], words)
    return chosen


def _some(data: np.ndarray, ends: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The strings of these numbers, one behind the other."""
    starts = np.concatenate([[0], ends])[places]
    lengths = ends[places] - starts
    new_ends = np.cumsum(lengths, dtype=np.int64)
    shift = np.repeat(starts - (new_ends - lengths), lengths)
    return data[np.arange(len(shift)) + shift], new_ends
