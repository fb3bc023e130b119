"""Initial values of weights: Keras's initializers, drawn with NumPy's Philox so that a seed gives the same
numbers everywhere.

`initializer(shape)` returns a new float32 array. Without a seed one is taken when the initializer is made
(see utils.set_random_seed); an initializer returns the same numbers at each call, as in Keras 3.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np

from .base.arguments import finite_number, one_of, sizes, unknown_name
from .base.arrays import aligned_copy, aligned_zeros, deferred_value, numbers, table_zeros, values_of_own
from .base.configuration import Configurable, described
from .base.custom_objects import OfFunction, known_objects, own_part
from .base.keras_names import no_such_name
from .base.random_seeds import SeedGenerator, checked_seed, generator, next_seed

Seed = int | SeedGenerator | None


def initial_value(initializer: Initializer, shape: Sequence[int]) -> np.ndarray:
    """What a new weight starts with."""
    waiting = deferred_value(shape, np.float32)
    return made_by(initializer, shape) if waiting is None else waiting


def made_by(initializer: Initializer, shape: Sequence[int]) -> np.ndarray:
    """The array of an initializer; ValueError where one of the user's own makes another shape."""
    ours = type(initializer).__module__.partition(".")[0] == __name__.partition(".")[0]
    if ours and not isinstance(initializer, _OwnInitializer):
        return initializer(shape)
    call: Any = initializer.function if isinstance(initializer, _OwnInitializer) else initializer
    return values_of_own(call, shape)


class Initializer(Configurable):
    """Makes initial values, `initializer(shape)`. As keras.initializers.Initializer.

    Subclasses define `__call__(shape)` or `__call__(shape, dtype)`, and keep their arguments under the
    arguments' names; a function of these is an initializer too.

    >>> import embedcnn, numpy as np
    >>> class Ramp(Initializer):
    ...     def __call__(self, shape, dtype=None):
    ...         return np.linspace(0, 1, num=shape[0])
    >>> layer = embedcnn.layers.Dense(3, bias_initializer=Ramp())
    >>> _ = layer(embedcnn.Input((2,)))
    >>> layer.get_weights()[1].tolist()
    [0.0, 0.5, 1.0]
    """

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape)")


class _OwnInitializer(OfFunction, Initializer):
    """A function of the user's, of a shape and, where it takes one, a dtype."""


class Zeros(Initializer):
    """All zeros. As keras.initializers.Zeros."""

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        return aligned_zeros(sizes("shape", shape))


class Ones(Initializer):
    """All ones. As keras.initializers.Ones."""

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        return np.ones(sizes("shape", shape), np.float32)


class Constant(Initializer):
    """One number everywhere, or the values of an array of the weight's shape. As keras.initializers.Constant.

    `layers.Embedding(V, D, embeddings_initializer=Constant(matrix))` shares a float32 C-contiguous matrix
    without copy.

    >>> Constant(2.0)((2,)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value
        if np.ndim(value):
            numbers("value", value)
        elif isinstance(value, bool) or not isinstance(value, (Real, np.ndarray)):
            raise TypeError(f"`value` must be a number or an array. Received: value={value!r}")

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        if np.ndim(self.value) and np.shape(self.value) != (shape := sizes("shape", shape)):
            raise ValueError(
                f"Constant: `value` has shape {np.shape(self.value)}, but the weight has shape {shape}"
            )
        return aligned_copy(np.broadcast_to(np.asarray(self.value, np.float32), sizes("shape", shape)))


class _Random(Initializer):
    """An initializer that draws; keeps the seed the user gave apart from the seed in use."""

    def __init__(self, seed: Seed = None) -> None:
        if isinstance(seed, dict):  # in a configuration
            seed = SeedGenerator.from_config(seed)
        self.seed = seed
        given = next_seed() if seed is None else seed
        self._seed = given if isinstance(given, SeedGenerator) else checked_seed("seed", given)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, of a SeedGenerator its own."""
        config = super().get_config()
        drawn = isinstance(self.seed, SeedGenerator)
        return {**config, "seed": self.seed.get_config()} if drawn else config  # type: ignore[union-attr]

    def _generator(self) -> np.random.Generator:
        return generator(self._seed.next() if isinstance(self._seed, SeedGenerator) else self._seed)

    def _uniform(self, shape: Sequence[int], low: float, high: float) -> np.ndarray:
        values = self._generator().random(out=table_zeros(sizes("shape", shape)), dtype=np.float32)
        values *= np.float32(high - low)
        values += np.float32(low)
        return values

    def _normal(self, shape: Sequence[int], mean: float, stddev: float) -> np.ndarray:
        values = self._generator().standard_normal(out=table_zeros(sizes("shape", shape)), dtype=np.float32)
        values *= np.float32(stddev)
        values += np.float32(mean)
        return values

    def _truncated(self, shape: Sequence[int], mean: float, stddev: float) -> np.ndarray:
        """Normal numbers, those farther than two deviations drawn again."""
        random = self._generator()
        values = random.standard_normal(out=table_zeros(sizes("shape", shape)), dtype=np.float32)
        far = np.abs(values) > 2
        while far.any():
            values[far] = random.standard_normal(int(far.sum()), dtype=np.float32)
            far = np.abs(values) > 2
        values *= np.float32(stddev)
        values += np.float32(mean)
        return values


class RandomUniform(_Random):
    """Uniform in [minval, maxval). As keras.initializers.RandomUniform.

    >>> bool(abs(RandomUniform(seed=1)((100,))).max() <= 0.05)
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval = finite_number("minval", minval)
        self.maxval = finite_number("maxval", maxval, least=self.minval)

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        return self._uniform(shape, self.minval, self.maxval)


class RandomNormal(_Random):
    """Normal with this mean and deviation. As keras.initializers.RandomNormal."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean, self.stddev = finite_number("mean", mean), finite_number("stddev", stddev, least=0)

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        return self._normal(shape, self.mean, self.stddev)


class TruncatedNormal(RandomNormal):
    """Normal, redrawn beyond two deviations. As keras.initializers.TruncatedNormal."""

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        return self._truncated(shape, self.mean, self.stddev)


class Orthogonal(_Random):
    """`gain` times a matrix with orthonormal rows or columns; leading axes are joined. As
    keras.initializers.Orthogonal.

    >>> q = Orthogonal(seed=0)((4, 3))
    >>> bool(np.allclose(q.T @ q, np.eye(3), atol=1e-6))
    True
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = finite_number("gain", gain)

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        if len(shape := sizes("shape", shape)) < 2:
            raise ValueError(f"Orthogonal needs a weight of at least two axes. Received: shape={shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self._generator().standard_normal((max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))
        matrix = q if rows >= columns else q.T
        return np.ascontiguousarray(self.gain * matrix.reshape(shape), dtype=np.float32)


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs and outputs a unit of a weight of this shape has (kernel widths multiply both)."""
    shape = sizes("shape", shape)
    if len(shape) < 2:
        size = int(shape[0]) if len(shape) else 1
        return size, size
    width = math.prod(shape[:-2])
    return shape[-2] * width, shape[-1] * width


class VarianceScaling(_Random):
    """Variance `scale` / fan, `mode` fan_in, fan_out or fan_avg; uniform, truncated_normal (alias normal) or
    untruncated_normal. As keras.initializers.VarianceScaling.

    Raises ValueError for other names and unless `scale` is a finite number above 0.

    >>> bool(abs(VarianceScaling(3.0, distribution="uniform", seed=1)((100, 50))).max() <= 0.3)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
    ) -> None:
        super().__init__(seed)
        self.scale = finite_number("scale", scale, above=0)
        self.mode = one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distribution = "truncated_normal" if str(distribution) == "normal" else distribution
        allowed = ("uniform", "truncated_normal", "untruncated_normal")
        self.distribution = one_of("distribution", distribution, allowed)

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        inputs, outputs = fans(shape)
        fan = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3 * variance)
            return self._uniform(shape, -limit, limit)
        if self.distribution == "untruncated_normal":
            return self._normal(shape, 0.0, math.sqrt(variance))
        # the deviation of a normal cut at two deviations is 0.8796 of the uncut one
        return self._truncated(shape, 0.0, math.sqrt(variance) / 0.87962566103423978)


class _Scaled(VarianceScaling):
    """A VarianceScaling of fixed settings."""

    settings: tuple[float, str, str] = (1.0, "fan_in", "uniform")

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(*self.settings, seed=seed)


class Identity(Initializer):
    """`gain` on the diagonal, zeros elsewhere. Raises ValueError for weights of other than two axes. As
    keras.initializers.Identity.

    >>> Identity()((2, 2)).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = finite_number("gain", gain)

    def __call__(self, shape: Sequence[int]) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(f"Identity needs a weight of two axes. Received: shape={tuple(shape)}")
        return np.eye(*shape, dtype=np.float32) * np.float32(self.gain)


class GlorotUniform(_Scaled):
    """Uniform with limit sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010). As
    keras.initializers.GlorotUniform.
    """

    settings = (1.0, "fan_avg", "uniform")


class GlorotNormal(_Scaled):
    """Truncated normal of variance 2 / (inputs + outputs). As keras.initializers.GlorotNormal."""

    settings = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform with limit sqrt(6 / inputs) (He et al. 2015). As keras.initializers.HeUniform."""

    settings = (2.0, "fan_in", "uniform")


class HeNormal(_Scaled):
    """Truncated normal of variance 2 / inputs. As keras.initializers.HeNormal."""

    settings = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform with limit sqrt(3 / inputs). As keras.initializers.LecunUniform."""

    settings = (1.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Truncated normal of variance 1 / inputs. As keras.initializers.LecunNormal."""

    settings = (1.0, "fan_in", "truncated_normal")


IdentityInitializer, OrthogonalInitializer = Identity, Orthogonal

CLASSES: dict[str, type[Initializer]] = {
    cls.__name__: cls
    for cls in (
        *(Zeros, Ones, Constant, RandomUniform, RandomNormal, TruncatedNormal, Orthogonal, Identity),
        *(VarianceScaling, GlorotUniform, GlorotNormal, HeUniform, HeNormal, LecunUniform, LecunNormal),
    )
}
NAMES: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "uniform": RandomUniform,
    "random_uniform": RandomUniform,
    "normal": RandomNormal,
    "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "orthogonal": Orthogonal,
    "identity": Identity,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
}


# Keras's other names
zeros, ones, constant, identity, orthogonal = Zeros, Ones, Constant, Identity, Orthogonal
random_uniform, random_normal, truncated_normal = RandomUniform, RandomNormal, TruncatedNormal
variance_scaling, glorot_uniform, glorot_normal = VarianceScaling, GlorotUniform, GlorotNormal
he_uniform, he_normal, lecun_uniform, lecun_normal = HeUniform, HeNormal, LecunUniform, LecunNormal


def get(identifier: Any, argument: str = "initializer") -> Initializer:
    """The initializer of a name, class, configuration, array (its values), instance or function.

    >>> get("glorot_uniform")
    GlorotUniform(seed=None)
    """
    if isinstance(identifier, Initializer):
        return identifier
    if isinstance(identifier, np.ndarray):
        return Constant(numbers(argument, identifier))
    if inspect.isclass(identifier) and issubclass(identifier, Initializer):
        return identifier()
    if isinstance(identifier, dict) and identifier.get("class_name") in CLASSES:
        return CLASSES[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in (NAMES | CLASSES):
        return (NAMES | CLASSES)[identifier]()
    found = own_part(argument, identifier, Initializer, _OwnInitializer)
    if found is not None:
        return found
    raise unknown_name(f"{argument}", identifier, NAMES)


def serialize(initializer: Initializer) -> dict[str, Any]:
    """The configuration of an initializer, for `get`."""
    return described(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Initializer:
    """The initializer of a configuration or name, also of a class in `custom_objects`. As
    keras.initializers.deserialize.

    >>> deserialize({"class_name": "Constant", "config": {"value": 2.0}})
    Constant(value=2.0)
    """
    with known_objects(custom_objects):
        return get(config)


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("initializers", name, [*CLASSES, *NAMES])
