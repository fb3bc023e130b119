"""Random numbers by Keras's names, keras.random: arrays, and within the `call` of a layer or model numbers
that each run of it draws anew.

`seed`: an integer gives the same array at each call; a SeedGenerator, or None (the sequence that
utils.set_random_seed starts), others each time. Within a `call` the shape begins with the batch, as
`ops.shape(x)[0]` gives it; which numbers come depends there on the model's seed, the step and the place
alone, as those of Dropout, and an integer is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import initializers
from .base.arguments import (
    axis_of,
    finite_number,
    integer,
    items,
    number_dtype,
    optional,
    positive_integer,
    sizes,
)
from .base.arrays import numbers
from .base.random_seeds import SeedGenerator, checked_seed, generator, next_seed
from .graph import tracing
from .graph.nodes import SymbolicTensor
from .layers import Dropout, GaussianNoise
from .ops.elementwise import add, cast, clip, multiply
from .ops.functions import erf, floor, log, negative, zeros_like
from .ops.rearranging import expand_dims, reshape
from .ops.reductions import argmax
from .ops.reductions import max as largest

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "normal",
    "randint",
    "shuffle",
    "truncated_normal",
    "uniform",
]

Seed = int | SeedGenerator | None
Shape = Sequence[int | None]
BELOW_ONE = 1 - 2.0**-24


def normal(shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None) -> Any:
    """Normal numbers of this mean and standard deviation, float32. As keras.random.normal.

    Raises ValueError for a shape that does not fit and a `stddev` below 0.

    >>> normal((2, 3), seed=1).shape, bool((normal((2,), seed=1) == normal((2,), seed=1)).all())
    ((2, 3), True)
    """
    mean, stddev = finite_number("mean", mean), finite_number("stddev", stddev, least=0)
    dtype = _dtype(dtype)
    if _is_open(shape):
        return _as(dtype, add(multiply(_normal(shape, seed), stddev), mean))
    return _array(_drawn(seed).normal(mean, stddev, _sizes(shape)), dtype)


def uniform(
    shape: Shape, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Numbers in [minval, maxval), each as likely, float32. As keras.random.uniform.

    >>> made = uniform((100,), 2.0, 3.0, seed=1)
    >>> bool((made >= 2).all() and (made < 3).all())
    True
    """
    minval, maxval, dtype = finite_number("minval", minval), finite_number("maxval", maxval), _dtype(dtype)
    if maxval < minval:
        raise ValueError(f"`maxval` must be at least minval={minval!r}. Received: maxval={maxval!r}")
    if _is_open(shape):
        return _as(dtype, add(multiply(_uniform(shape, seed), maxval - minval), minval))
    made = _array(_drawn(seed).random(_sizes(shape)) * (maxval - minval) + minval, dtype)
    return np.where(made >= maxval, np.nextafter(made.dtype.type(maxval), made.dtype.type(minval)), made)


def randint(shape: Shape, minval: int, maxval: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """Whole numbers in [minval, maxval), each as likely. As keras.random.randint.

    Raises ValueError unless minval < maxval.

    >>> sorted(set(randint((100,), 0, 3, seed=1).tolist()))
    [0, 1, 2]
    """
    low, high = integer("minval", minval, -(2**63), 2**63 - 1), integer("maxval", maxval, -(2**63), 2**63 - 1)
    dtype = number_dtype("dtype", dtype).name
    if low >= high:
        raise ValueError(f"`maxval` must be above minval={minval!r}. Received: maxval={maxval!r}")
    if _is_open(shape):
        return cast(floor(add(multiply(_uniform(shape, seed), float(high - low)), float(low))), dtype)
    return _drawn(seed).integers(low, high, _sizes(shape)).astype(dtype)


def truncated_normal(
    shape: Shape, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Seed = None
) -> Any:
    """Normal numbers, those further than two deviations from the mean drawn anew, float32: arrays alone. As
    keras.random.truncated_normal.

    >>> bool((abs(truncated_normal((100,), seed=1)) <= 2).all())
    True
    """
    _arrays_only("truncated_normal", shape)
    return _array(initializers.TruncatedNormal(mean, stddev, seed)(_sizes(shape)), dtype)


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Seed = None) -> Any:
    """For each row of logits (B, C) `num_samples` classes, drawn with the probabilities softmax(logits):
    int32 (B, num_samples). As keras.random.categorical.

    Raises ValueError unless logits have two axes.

    >>> categorical([[0.0, 100.0]], 3, seed=1).tolist()
    [[1, 1, 1]]
    """
    count, dtype = positive_integer("num_samples", num_samples), number_dtype("dtype", dtype).name
    logits = logits if isinstance(logits, SymbolicTensor) else numbers("logits", logits)
    rows = np.shape(logits) if not isinstance(logits, SymbolicTensor) else logits.shape
    if len(rows) != 2 or rows[1] is None:
        raise ValueError(f"`logits` must have the shape (batch, classes). Received: shape {tuple(rows)}")
    if isinstance(logits, SymbolicTensor):
        drawn = clip(_uniform((rows[0], count, rows[1]), seed, logits), 2.0**-30, BELOW_ONE)
        apart = negative(log(negative(log(drawn))))  # Gumbel's distribution: the largest sum is the class
        return cast(argmax(add(apart, expand_dims(logits, 1)), -1), dtype)
    noise = _drawn(seed).gumbel(size=(int(rows[0] or 0), count, int(rows[1])))
    found: np.ndarray = (np.asarray(logits, np.float64)[:, None] + noise).argmax(-1)
    return found.astype(dtype)


def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Seed = None) -> Any:
    """inputs with a share `rate` of the values set to 0 and the others divided by 1 - rate, whether a model
    trains or not. As keras.random.dropout.

    `noise_shape`: layers.Dropout. Raises ValueError unless 0 <= rate < 1.

    >>> sorted(set(dropout(np.ones(64), 0.5, seed=1).tolist()))
    [0.0, 2.0]
    """
    if isinstance(inputs, SymbolicTensor):
        return Dropout(rate, noise_shape, _layer_seed(seed))(inputs, training=True)
    share = float(finite_number("rate", rate, least=0, below=1))
    array = numbers("inputs", inputs).astype(np.float32)
    given = list(array.shape) if noise_shape is None else items("noise_shape", noise_shape)
    if len(given) != array.ndim or any(
        size not in (None, 1, own) for size, own in zip(given, array.shape, strict=True)
    ):
        raise ValueError(
            f"`noise_shape` must have 1, None or the size of inputs for each axis of {array.shape}. "
            f"Received: noise_shape={noise_shape!r}"
        )
    drawn = [own if size is None else size for size, own in zip(given, array.shape, strict=True)]
    kept = _drawn(seed).random(drawn) >= share
    return np.where(kept, array / np.float32(1 - share), np.float32(0))


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> np.ndarray:
    """The parts of an array along an axis in another order. As keras.random.shuffle.

    >>> sorted(shuffle([1, 2, 3], seed=1).tolist())
    [1, 2, 3]
    """
    _arrays_only("shuffle", x.shape if isinstance(x, SymbolicTensor) else ())
    array = np.asarray(x) if isinstance(x, np.ndarray) else numbers("x", x)
    if array.ndim == 0:
        raise ValueError(f"`x` must have an axis to shuffle. Received: x={x!r}")
    place = axis_of("axis", axis, array.ndim)
    return np.take(array, _drawn(seed).permutation(array.shape[place]), place)


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Seed = None) -> np.ndarray:
    """Numbers of the gamma distribution with shape `alpha` and scale 1, float32: arrays alone. As
    keras.random.gamma.

    >>> bool((gamma((5,), 2.0, seed=1) > 0).all())
    True
    """
    _arrays_only("gamma", shape)
    alpha = _over("alpha", alpha, shape)
    return _array(_drawn(seed).gamma(alpha, size=_sizes(shape)), dtype)


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Seed = None) -> np.ndarray:
    """Numbers of the beta distribution, in [0, 1], float32: arrays alone. As keras.random.beta.

    >>> beta((5,), 2.0, 3.0, seed=1).shape
    (5,)
    """
    _arrays_only("beta", shape)
    alpha, beta = _over("alpha", alpha, shape, above=0), _over("beta", beta, shape, above=0)
    return _array(_drawn(seed).beta(alpha, beta, _sizes(shape)), dtype)


def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Seed = None
) -> np.ndarray:
    """How many of `counts` trials succeed with these probabilities, float32: arrays alone. As
    keras.random.binomial.

    >>> binomial((3,), 4, 1.0, seed=1).tolist()
    [4.0, 4.0, 4.0]
    """
    _arrays_only("binomial", shape)
    trials, chances = _over("counts", counts, shape), _over("probabilities", probabilities, shape, 1)
    if (trials != np.floor(trials)).any() or (trials >= 2**62).any():
        raise ValueError(f"`counts` must be whole numbers >= 0. Received: counts={counts!r}")
    return _array(_drawn(seed).binomial(trials.astype(np.int64), chances, _sizes(shape)), dtype)


# -- arrays --------------------------------------------------------------------------------------------------
def _sizes(shape: Shape) -> tuple[int, ...]:
    return sizes("shape", shape)


def _over(name: str, value: Any, shape: Shape, most: float | None = None, above: float = -1.0) -> np.ndarray:
    """Numbers >= 0, at most `most` and above `above`, float64, one for all of the shape or of a form that
    spreads over it; ValueError that names them otherwise.
    """
    array, whole = numbers(name, value).astype(np.float64), _sizes(shape)
    top = np.inf if most is None else most
    if not (np.isfinite(array) & (array >= 0) & (array <= top) & (array > above)).all():
        least = ">" if above == 0 else ">="
        allowed = f"finite numbers {least} 0" if most is None else f"numbers in [0, {most}]"
        raise ValueError(f"`{name}` must be {allowed}. Received: {name}={value!r}")
    try:
        return np.broadcast_to(array, whole)
    except ValueError:
        raise ValueError(f"`{name}` must fit the shape {whole}. Received: shape {array.shape}") from None


def _dtype(dtype: Any) -> str | None:
    """The name of a dtype; None stays: float32."""
    found = optional(number_dtype, "dtype", dtype)
    return None if found is None else found.name


def _drawn(seed: Seed) -> np.random.Generator:
    """What draws for one call."""
    if isinstance(seed, SeedGenerator):
        return generator(seed.next())
    return generator(next_seed() if seed is None else checked_seed("seed", seed))


def _array(values: Any, dtype: Any) -> np.ndarray:
    return np.asarray(values).astype(_dtype(dtype) or "float32")


# -- within a call -------------------------------------------------------------------------------------------
def _is_open(shape: Shape) -> bool:
    """Whether numbers are to be drawn in each run; ValueError where they would become constants of it."""
    given = items("shape", shape) if isinstance(shape, (list, tuple)) else sizes("shape", shape)
    around = tracing.examples()
    if None in given or (given and around and given[0] == around[0].shape[0]):
        return True
    if around and not tracing.builds():
        raise ValueError(
            "within a `call` the shape of random numbers must begin with the batch, ops.shape(x)[0]: others "
            f"would be drawn once, and stay. Received: shape={shape!r}"
        )
    return False


def _arrays_only(name: str, shape: Shape) -> None:
    """ValueError where an array cannot be made."""
    if _is_open(shape):
        raise ValueError(
            f"random.{name} makes arrays alone; within a `call` there are normal, uniform, randint, "
            f"categorical and dropout. Received: shape={tuple(shape)}"
        )


def _layer_seed(seed: Seed) -> int | None:
    """The seed of the layer that draws; ValueError for an integer, by which each run would draw the same."""
    if seed is None or isinstance(seed, SeedGenerator):
        return None if seed is None else seed.next()
    raise ValueError(
        "within a `call`, `seed` must be None or a SeedGenerator: with an integer Keras draws the same "
        f"numbers at each step. Received: seed={seed!r}"
    )


def _as(dtype: Any, x: Any) -> Any:
    return x if dtype in (None, "float32", np.float32) else cast(x, dtype)


def _normal(shape: Shape, seed: Seed, example: Any = None) -> Any:
    """Normal numbers of a shape that begins with the batch."""
    noise = GaussianNoise(1.0, _layer_seed(seed))
    zeros = _zeros(list(shape), tracing.examples() if example is None else [example])
    return (
        noise(zeros, training=True)
        if zeros.ndim > 1
        else reshape(noise(expand_dims(zeros, -1), training=True), (-1,))
    )


def _uniform(shape: Shape, seed: Seed, example: Any = None) -> Any:
    """Numbers in [0, 1): the normal distribution function of normal ones."""
    drawn = multiply(add(erf(multiply(_normal(shape, seed, example), 0.7071067811865476)), 1.0), 0.5)
    return clip(drawn, 0.0, BELOW_ONE)


def _zeros(sizes: list[int | None], around: Sequence[SymbolicTensor]) -> Any:
    """A tensor of zeros with the batch of those around."""
    like = next((one for one in around if list(one.shape) == sizes), None)
    if like is not None:
        return zeros_like(cast(like, "float32"))
    if not around or None in sizes[1:]:
        raise ValueError(
            "a shape with None must be that of the batch, within the `call` of a layer or model, and its "
            f"other sizes known, or those of an input. Received: shape={tuple(sizes)}"
        )
    first = around[0]
    one = zeros_like(cast(first, "float32"))
    each = one if first.ndim == 1 else largest(one, list(range(1, first.ndim)))  # (B,)
    if len(sizes) == 1:
        return each
    known = [int(size or 0) for size in sizes[1:]]
    return add(reshape(each, (-1, *[1] * len(known))), np.zeros(known, np.float32))
