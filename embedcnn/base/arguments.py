"""The arguments that users give, checked; a wrong name is answered with the allowed ones and the nearest.

A message names the argument, what is allowed, perhaps a remedy, and ends with what was given:
    `rate` must be a number in [0, 1). Received: rate=2
One about a place in data names the place, as the core does: x[17, 3] = 10000 is outside [0, 10000).
One about a file begins with its path (and line), one about a state with what is in it, and says what to do.
"""

from __future__ import annotations

import difflib
import math
import numbers
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np


def unknown_name(argument: str, received: Any, allowed: Iterable[str]) -> ValueError:
    """The error for a name that is not in `allowed`, with a suggestion where one is near.

    >>> unknown_name("activation", "rellu", ["relu", "tanh"])
    ValueError("activation='rellu' is unknown; did you mean 'relu'? Allowed: relu, tanh")
    """
    names = sorted(allowed)
    near = difflib.get_close_matches(str(received).lower(), names, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}? Allowed" if near else "; allowed"
    return ValueError(f"{argument}={received!r} is unknown{hint}: {', '.join(names)}")


def chosen(
    argument: str, identifier: Any, classes: dict[str, Any], names: dict[str, Any], own: Callable[[], Any]
) -> Any:
    """What a user means by an instance, class, configuration or name of one of `classes`, or by something of
    the user's `own`; None stays None. ValueError with a suggestion for unknown names.
    """
    if identifier is None or type(identifier) in classes.values():
        return identifier
    if isinstance(identifier, type) and identifier in classes.values():
        return identifier()
    if isinstance(identifier, dict) and identifier.get("class_name") in classes:
        return classes[identifier["class_name"]].from_config(identifier.get("config", {}))
    if isinstance(identifier, str) and identifier in (names | classes):
        return (names | classes)[identifier]()
    found = own()
    if found is not None:
        return found
    raise unknown_name(argument, identifier, names)


def finite_number(
    argument: str,
    value: Any,
    least: float | None = None,
    most: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """`value`, a finite number of Python or NumPy, as Python's int or float; ValueError unless it is in the
    range: at least `least` or above `above`, at most `most` or below `below`.

    >>> import numpy as np
    >>> finite_number("rate", np.float32(0.5), least=0, below=1)
    0.5
    """
    value = _number(value)
    fits = isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(value)
    if (
        not fits
        or (least is not None and value < least)
        or (above is not None and value <= above)
        or (most is not None and value > most)
        or (below is not None and value >= below)
    ):
        raise ValueError(
            f"`{argument}` must be a {_range(least, most, above, below)}. Received: {argument}={value!r}"
        )
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _number(value: Any) -> Any:
    """The number of an array without axes, as arithmetic with NumPy leaves it; else the value."""
    return value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value


def _range(least: float | None, most: float | None, above: float | None, below: float | None) -> str:
    """What a number in the range is, in words: "finite number >= 0", "number in (0, 1]"."""
    low, high = above if least is None else least, below if most is None else most
    if high is None:
        start = "" if low is None else f" {'>' if least is None else '>='} {low:g}"
        return f"finite number{start}"
    if low is None:
        return f"finite number {'<' if most is None else '<='} {high:g}"
    return f"number in {'(' if least is None else '['}{low:g}, {high:g}{')' if most is None else ']'}"


def integer(argument: str, value: Any, least: int | None = None, most: int | None = None) -> int:
    """`value`, an integer of Python or NumPy in [least, most], as an int; ValueError otherwise (bool is
    refused, as in Keras).
    """
    value = _number(value)
    fits = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not fits or (least is not None and value < least) or (most is not None and value > most):
        place = f" >= {least}" if most is None and least is not None else ""
        place = place if most is None else f" in [{least}, {most}]"
        raise ValueError(f"`{argument}` must be an integer{place}. Received: {argument}={value!r}")
    return int(value)


def optional(check: Callable[..., Any], argument: str, value: Any, *limits: Any, **named: Any) -> Any:
    """None, or what `check(argument, value, ...)` makes of the value; its error says that None is allowed.

    >>> optional(integer, "seed", None, 0), optional(integer, "seed", 3, 0)
    (None, 3)
    """
    if value is None:
        return None
    try:
        return check(argument, value, *limits, **named)
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace(". Received:", " or None. Received:", 1)) from None


def verbosity(value: Any) -> int:
    """`verbose` of a callback, 0 (quiet), 1 or 2, also as a bool; ValueError otherwise."""
    return integer("verbose", int(value) if isinstance(value, (bool, np.bool_)) else value, 0, 2)


def nonempty_text(argument: str, value: Any) -> str:
    """`value` if it is a str with something in it, as names are; ValueError otherwise."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"`{argument}` must be a non-empty string. Received: {argument}={value!r}")
    return value


def items(argument: str, value: Any) -> list[Any]:
    """What a list, tuple, range or array holds, in a list; ValueError for all else: text, sets and dicts
    would give something, in an order that says nothing.

    >>> items("dims", (2, 1))
    [2, 1]
    """
    if isinstance(value, (list, tuple, range)) or (isinstance(value, np.ndarray) and value.ndim):
        return list(value)
    raise ValueError(f"`{argument}` must be a list or tuple. Received: {argument}={value!r}")


def open_shape(argument: str, value: Any) -> tuple[int | None, ...]:
    """A shape without the batch: positive integers, None where a size is open."""
    return tuple(optional(positive_integer, argument, size) for size in items(argument, value))


def boolean(argument: str, value: Any) -> bool:
    """`value` as a bool; TypeError unless it is True or False (Python's or NumPy's)."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"`{argument}` must be True or False. Received: {argument}={value!r}")
    return bool(value)


def positive_integer(argument: str, value: Any) -> int:
    """`value` as an int; ValueError unless it is a positive integer of 63 bits (bool is refused, as in
    Keras).
    """
    value = _number(value)
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or not 0 < int(value) < 1 << 63:
        raise ValueError(
            f"`{argument}` must be a positive integer. Received: {argument}={value!r} "
            f"({type(value).__name__})"
        )
    return int(value)


def one_of(argument: str, value: Any, allowed: tuple[str, ...]) -> str:
    """`value` if it is one of `allowed`, in lower case; ValueError otherwise."""
    if not isinstance(value, str) or value.lower() not in allowed:
        raise unknown_name(argument, value, allowed)
    return value.lower()


def single_integer(argument: str, value: Any, least: int = 1) -> int:
    """An integer from `least` on that may come as a tuple, list or array of one, as Keras allows along time.

    >>> single_integer("strides", (2,))
    2
    """
    if isinstance(value, (tuple, list)) or np.ndim(value) == 1:
        if len(value) != 1:
            raise ValueError(
                f"`{argument}` must be one integer for sequences. Received: {argument}={value!r}"
            )
        value = value[0]
    return positive_integer(argument, value) if least == 1 else integer(argument, value, least)


def integer_pair(argument: str, value: Any) -> tuple[int, int]:
    """Two positive integers, for the height and the width of an image; one stands for both, as in Keras.

    >>> integer_pair("strides", 2), integer_pair("strides", (1, 2))
    ((2, 2), (1, 2))
    """
    several = isinstance(value, (tuple, list)) or np.ndim(value) == 1
    if several and len(value) not in (1, 2):
        raise ValueError(
            f"`{argument}` must be one integer or two, for height and width. Received: {argument}={value!r}"
        )
    found = [positive_integer(argument, one) for one in (value if several else [value])]
    return found[0], found[-1]


def check_strides_or_dilation(strides: Any, dilation_rate: Any) -> None:
    """ValueError where both reach over more than one place."""
    both = [size if isinstance(size, tuple) else (size,) for size in (strides, dilation_rate)]
    if max(both[0]) > 1 and max(both[1]) > 1:
        raise ValueError(
            "`strides` > 1 and `dilation_rate` > 1 exclude each other. "
            f"Received: strides={strides}, dilation_rate={dilation_rate}"
        )


def require_channels_last(data_format: Any) -> None:
    """ValueError for another order of the axes than (batch, time or height and width, channels)."""
    if data_format is not None and not (isinstance(data_format, str) and data_format == "channels_last"):
        raise ValueError(f"`data_format` must be 'channels_last'. Received: data_format={data_format!r}")


def number_dtype(argument: str, value: Any, others: str = "") -> np.dtype:
    """NumPy's dtype of a name or type; ValueError unless it is one of numbers, or of a kind in `others`.

    >>> number_dtype("dtype", "float32")
    dtype('float32')
    """
    try:
        found = np.dtype(value) if isinstance(value, (str, type, np.dtype)) else None
    except TypeError:
        found = None
    if found is None or found.kind not in "biuf" + others:
        raise ValueError(
            f"`{argument}` must be a dtype of numbers, as 'float32'. Received: {argument}={value!r}"
        )
    return found


def sizes(argument: str, value: Any) -> tuple[int, ...]:
    """A shape: a list or tuple of integers >= 0, or one of them; ValueError for all else.

    >>> sizes("shape", [2, 3]), sizes("shape", 4)
    ((2, 3), (4,))
    """
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1):
        return tuple(integer(argument, size, 0, 2**62) for size in value)
    try:
        return (integer(argument, value, 0, 2**62),)
    except ValueError:
        raise ValueError(
            f"`{argument}` must be a shape, a list or tuple of integers >= 0. Received: {argument}={value!r}"
        ) from None


def axis_of(argument: str, value: Any, rank: int) -> int:
    """An axis of an array of this rank, from 0; ValueError for one that is not there.

    >>> axis_of("axis", -1, 2)
    1
    """
    axis = integer(argument, value)
    if not -rank <= axis < rank:
        raise ValueError(
            f"`{argument}` must be in [{-rank}, {rank}), an axis of an array of {rank} axes. "
            f"Received: {argument}={axis}"
        )
    return axis % rank


def require_float32(whose: str, dtype: Any) -> None:
    """ValueError for another dtype than None or float32."""
    named = isinstance(dtype, (str, type, np.dtype)) and dtype in ("float32", np.float32)
    if dtype is not None and not named:
        raise ValueError(f"`dtype` of {whose} must be 'float32'. Received: dtype={dtype!r}")


def warn_user(message: str) -> None:
    """A UserWarning at the line of the first caller outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "embedcnn":
        frame = frame.f_back
        level += 1
    warnings.warn(message, stacklevel=level)
