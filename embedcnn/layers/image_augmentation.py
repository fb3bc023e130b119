"""Images changed by chance in training: flipped, cropped, turned, moved, zoomed, with more or less light.

What is drawn for an image depends only on the model's seed, the step, the layer (its `seed`, where given) and
the image's place in the batch, so that results repeat at any number of threads; in `Dataset.map` on the pass
and the element. In inference images stay. Called on arrays the layers work as in training, as Keras's do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..base.arguments import finite_number, integer, one_of, optional, require_channels_last
from ..base.random_seeds import layer_key
from ..graph.nodes import is_symbolic
from .image_windows import ImageLayer, SizedImages

FILL_MODES = ("reflect", "wrap", "constant", "nearest")


class _Seeded(ImageLayer):
    """What random layers of images share."""

    seed: int | None

    def __call__(self, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """Applies the layer. Arrays are changed, as in Keras, unless it is told training=False."""
        if not arguments and not is_symbolic(inputs):
            options.setdefault("training", True)
        return super().__call__(inputs, *arguments, **options)

    def key(self, call: int) -> int:
        """What keys the random numbers of this layer: its seed, else the number of its call in the model."""
        return layer_key(self.seed, call)


class RandomFlip(_Seeded):
    """In training, half of the images the other way round: "horizontal", "vertical" or, both at once,
    "horizontal_and_vertical". As keras.layers.RandomFlip.

    >>> import embedcnn
    >>> embedcnn.layers.RandomFlip("horizontal")(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.mode = one_of("mode", mode, ("horizontal", "vertical", "horizontal_and_vertical"))
        self.seed = optional(integer, "seed", seed)
        require_channels_last(data_format)
        super().__init__(**options)


class RandomCrop(SizedImages, _Seeded):
    """In training, a window of `height` by `width` at a random place of each image; in inference, and of
    smaller images, the largest window in the middle with this ratio of sides, resized. As
    keras.layers.RandomCrop, which takes the same place for a whole batch.

    >>> import embedcnn
    >>> embedcnn.layers.RandomCrop(4, 5)(embedcnn.Input((8, 8, 3))).shape
    (None, 4, 5, 3)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(height, width, data_format, **options)
        self.seed = optional(integer, "seed", seed)


class _Moved(_Seeded):
    """Images moved, with the settings of what stands where nothing was."""

    def _settle(self, fill_mode: str, interpolation: str, seed: Any, fill_value: float, data: Any) -> None:
        self.fill_mode = one_of("fill_mode", fill_mode, FILL_MODES)
        self.interpolation = one_of("interpolation", interpolation, ("nearest", "bilinear"))
        self.seed = optional(integer, "seed", seed)
        self.fill_value = float(finite_number("fill_value", fill_value))
        require_channels_last(data)

    def ranges(self) -> dict[str, Any]:
        """The attributes of random_affine that say which maps are drawn."""
        raise NotImplementedError


class RandomRotation(_Moved):
    """In training, images turned about their middle by up to `factor` of a full turn, counter-clockwise where
    it is positive: a number (either way) or (least, most). As keras.layers.RandomRotation.

    `fill_mode`: what stands where nothing was: "reflect", "wrap", "nearest" or, with `fill_value`,
    "constant". `interpolation`: "bilinear" or "nearest". Raises ValueError for a factor outside [-1, 1].

    >>> import embedcnn
    >>> embedcnn.layers.RandomRotation(0.1)(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    def __init__(
        self,
        factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.factor = _factor("factor", factor)
        self._settle(fill_mode, interpolation, seed, fill_value, data_format)
        super().__init__(**options)

    def ranges(self) -> dict[str, Any]:
        return {"kind": "rotation", "row_low": self.factor[0], "row_high": self.factor[1]}


class RandomTranslation(_Moved):
    """In training, images moved down by `height_factor` of their height and to the right by `width_factor` of
    their width: numbers (either way) or (least, most). As keras.layers.RandomTranslation.

    Other arguments and errors as RandomRotation's.

    >>> import embedcnn
    >>> embedcnn.layers.RandomTranslation(0.1, (-0.2, 0.3))(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float],
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.height_factor = _factor("height_factor", height_factor)
        self.width_factor = _factor("width_factor", width_factor)
        self._settle(fill_mode, interpolation, seed, fill_value, data_format)
        super().__init__(**options)

    def ranges(self) -> dict[str, Any]:
        return _both("translation", self.height_factor, self.width_factor)


class RandomZoom(_Moved):
    """In training, images seen from farther away by up to `height_factor` and `width_factor`, or nearer where
    these are negative: numbers (either way) or (least, most); without `width_factor` both sides alike. As
    keras.layers.RandomZoom.

    Other arguments as RandomRotation's. Raises ValueError for factors outside (-1, 1].

    >>> import embedcnn
    >>> embedcnn.layers.RandomZoom((-0.3, 0.1))(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    def __init__(
        self,
        height_factor: float | Sequence[float],
        width_factor: float | Sequence[float] | None = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.height_factor = _factor("height_factor", height_factor, above=-1)
        given = width_factor is not None
        self.width_factor = _factor("width_factor", width_factor, above=-1) if given else None
        self._settle(fill_mode, interpolation, seed, fill_value, data_format)
        super().__init__(**options)

    def ranges(self) -> dict[str, Any]:
        if self.width_factor is None:
            return {**_both("zoom", self.height_factor, self.height_factor), "keeps_ratio": True}
        return _both("zoom", self.height_factor, self.width_factor)


class _Light(_Seeded):
    """Pixels darker or brighter by a factor, clipped to `value_range`."""

    factor: tuple[float, float]

    def __init__(
        self,
        factor: float | Sequence[float],
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        self.factor = self._read(factor)
        self.value_range, self.seed = _value_range(value_range), optional(integer, "seed", seed)
        require_channels_last(data_format)
        super().__init__(**options)

    @staticmethod
    def _read(factor: Any) -> tuple[float, float]:
        return _factor("factor", factor)


class RandomContrast(_Light):
    """In training, mean + f (x - mean), with the mean of each channel of an image and f between 1 - lower and
    1 + upper, clipped to `value_range`. As keras.layers.RandomContrast.

    `factor`: (lower, upper), or one number for both, as Keras's documentation says. Raises ValueError for
    factors outside [0, 1].

    >>> import embedcnn
    >>> embedcnn.layers.RandomContrast(0.2)(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    @staticmethod
    def _read(factor: Any) -> tuple[float, float]:
        pair = list(factor) if isinstance(factor, (list, tuple)) else [factor, factor]
        if len(pair) != 2:
            raise ValueError(f"`factor` must be a number or (lower, upper). Received: factor={factor!r}")
        lower, upper = (float(finite_number("factor", one, least=0, most=1)) for one in pair)
        return lower, upper

    def ranges(self) -> dict[str, Any]:
        """The attributes of random_light that say what is drawn."""
        least, most = self.value_range
        low, high = 1 - self.factor[0], 1 + self.factor[1]
        return {"contrast": True, "low": low, "high": high, "least": least, "most": most}


class RandomBrightness(_Light):
    """In training, images darker or brighter by up to `factor` of the `value_range`, to which they are
    clipped: a number (either way) or (least, most). As keras.layers.RandomBrightness.

    Raises ValueError for factors outside [-1, 1].

    >>> import embedcnn
    >>> embedcnn.layers.RandomBrightness(0.2)(embedcnn.Input((8, 8, 3))).shape
    (None, 8, 8, 3)
    """

    def ranges(self) -> dict[str, Any]:
        """The attributes of random_light that say what is drawn."""
        least, most = self.value_range
        low, high = (one * (most - least) for one in self.factor)
        return {"low": low, "high": high, "least": least, "most": most}


def _factor(name: str, value: Any, above: float | None = None) -> tuple[float, float]:
    """(least, most) of a factor: two numbers, or one for either way; in [-1, 1], or above -1."""
    pair = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(pair) not in (1, 2) or (isinstance(value, (list, tuple)) and len(pair) != 2):
        raise ValueError(f"`{name}` must be a number or (least, most). Received: {name}={value!r}")
    least = None if above is not None else -1
    found = [float(finite_number(name, one, least=least, above=above, most=1)) for one in pair]
    low, high = sorted(found) if len(found) == 2 else (-abs(found[0]), abs(found[0]))
    return max(low, -1.0), high


def _value_range(value: Any) -> tuple[float, float]:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"`value_range` must be (least, most). Received: value_range={value!r}")
    low, high = sorted(float(finite_number("value_range", one)) for one in value)
    return low, high


def _both(kind: str, rows: tuple[float, float], cols: tuple[float, float]) -> dict[str, Any]:
    ends = {"row_low": rows[0], "row_high": rows[1], "col_low": cols[0], "col_high": cols[1]}
    return {"kind": kind, **ends}
