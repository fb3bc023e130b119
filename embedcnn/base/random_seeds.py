"""Seeds: where initializers, dropout and shuffling get theirs when the user gives none.

`embedcnn.utils.set_random_seed(n)` makes the sequence of seeds, and with it everything drawn, repeatable.
"""

from __future__ import annotations

import numpy as np

_sequence: np.random.Generator | None = None


def set_sequence(seed: int) -> None:
    """Starts the sequence of seeds anew."""
    global _sequence
    _sequence = np.random.Generator(np.random.PCG64(seed))


def next_seed() -> int:
    """A seed in [0, 2**31): the next of the sequence, which starts from true randomness if unset."""
    global _sequence
    if _sequence is None:
        _sequence = np.random.Generator(np.random.PCG64())
    return int(_sequence.integers(0, 2**31))


def checked_seed(argument: str, seed: object) -> int:
    """`seed` as an int in [0, 2**63); ValueError that names `argument` otherwise."""
    if isinstance(seed, (bool, np.bool_)) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**63:
        raise ValueError(f"`{argument}` must be an integer in [0, 2**63). Received: {argument}={seed!r}")
    return int(seed)


def layer_key(seed: int | None, call: int) -> int:
    """What keys the random numbers of a layer in the core: its seed, else the number of its call."""
    return call if seed is None else -1 - seed % 2**20


def generator(*keys: int) -> np.random.Generator:
    """The random generator of these keys: the same keys give the same numbers on every machine."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(keys)))
