"""Pillow's images and arrays, one made of the other, read and written, with Keras's names and results."""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from embedcnn.base.arguments import nonempty_text, number_dtype, optional, positive_integer, warn_user
from embedcnn.base.arrays import numbers
from embedcnn.base.checked import checked
from embedcnn.base.keras_names import no_such_name
from embedcnn.image.decoding import DamagedImageError, pillow, upright

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
METHODS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


@checked
def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Any:
    """A file (a path, or an io.BytesIO) as an image of Pillow, upright however the camera was held. As
    keras.utils.load_img, which leaves it lying.

    `color_mode`: "rgb", "rgba" or "grayscale"; `target_size`: (height, width), by Pillow's `interpolation`,
    cut around the centre to its proportions with `keep_aspect_ratio`.
    Raises DamagedImageError that names the file, FileNotFoundError, ImportError without Pillow.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/grey.png"
    >>> save_img(path, np.full((4, 6, 1), 128), scale=False)
    >>> img_to_array(load_img(path, target_size=(2, 3))).shape
    (2, 3, 3)
    """
    if not isinstance(color_mode, str) or color_mode not in MODES:
        raise ValueError(f"`color_mode` must be one of {tuple(MODES)}. Received: color_mode={color_mode!r}")
    if interpolation not in METHODS:
        raise ValueError(
            f"`interpolation` must be one of {METHODS}. Received: interpolation={interpolation!r}"
        )
    if target_size is not None:
        height, width = checked_size("target_size", target_size)
    if not isinstance(path, (str, bytes, os.PathLike, io.BytesIO)):
        raise TypeError(f"`path` must be a path or an io.BytesIO. Received: path={path!r}")
    module = pillow("load_img")
    if isinstance(path, io.BytesIO):
        file = path
    else:
        with open(path, "rb") as opened:
            file = io.BytesIO(opened.read())
    try:
        image = module.open(file)
        image.load()
        image = upright(image)
    except MemoryError:
        raise
    except Exception as error:  # of a damaged file: OSError, ValueError, SyntaxError, struct.error and more
        name = "the io.BytesIO" if isinstance(path, io.BytesIO) else os.fsdecode(path)
        raise DamagedImageError(
            f"{name}: the file is no image that can be read: {str(error).partition(' <_io')[0]}"
        ) from error
    if image.mode != MODES[color_mode] and not (color_mode == "grayscale" and image.mode in ("I;16", "I")):
        image = image.convert(MODES[color_mode])
    if target_size is None or image.size == (width, height):
        return image
    box = _centre(image.size, width, height) if keep_aspect_ratio else None
    return image.resize((width, height), getattr(module.Resampling, interpolation.upper()), box=box)


def _centre(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The largest box around the centre with the proportions width : height."""
    wide, high = size
    wide_cut, high_cut = min(wide, high * width // height), min(high, wide * height // width)
    left, top = (wide - wide_cut) // 2, (high - high_cut) // 2
    return left, top, left + wide_cut, top + high_cut


def checked_size(argument: str, size: Any) -> tuple[int, int]:
    """(height, width), both positive."""
    if not isinstance(size, (tuple, list)) or len(size) != 2:
        raise ValueError(f"`{argument}` must be (height, width). Received: {argument}={size!r}")
    return positive_integer(f"{argument}[0]", size[0]), positive_integer(f"{argument}[1]", size[1])


def _is_last(data_format: str | None) -> bool:
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(
            "`data_format` must be None, 'channels_last' or 'channels_first'. "
            f"Received: data_format={data_format!r}"
        )
    return data_format != "channels_first"


def _numbers(argument: str, image: Any, dtype: Any) -> np.ndarray:
    """An image as an array of this dtype, None: float32; TypeError or ValueError by name for what is none."""
    kind = np.dtype(np.float32) if dtype is None else number_dtype("dtype", dtype)
    return numbers(argument, np.asarray(image) if hasattr(image, "getbands") else image).astype(kind)


@checked
def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """An image of Pillow as an array (height, width, channels) of float32, or of `dtype`. As
    keras.utils.img_to_array.

    `data_format="channels_first"` gives (channels, height, width). ValueError for another rank than 2 or 3.

    >>> img_to_array(array_to_img(np.zeros((2, 3, 3)))).shape
    (2, 3, 3)
    """
    last = _is_last(data_format)
    array = _numbers("img", img, dtype)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    if array.ndim != 3:
        raise ValueError(f"`img` must be an image of two or three axes. Received: shape {array.shape}")
    return array if last else array.transpose(2, 0, 1)


@checked
def array_to_img(x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None) -> Any:
    """An array (height, width, 1, 3 or 4 channels) as an image of Pillow. As keras.utils.array_to_img.

    `scale` stretches the numbers to 0..255, from the smallest to the largest; without it they are cut to
    bytes as they are. Raises ValueError for another shape, ImportError without Pillow.

    >>> array_to_img(np.array([[[0.0], [2.0]]])).getpixel((1, 0))
    255
    """
    last = _is_last(data_format)
    module = pillow("array_to_img")
    array = _numbers("x", x, dtype)
    if array.ndim != 3:
        raise ValueError(f"`x` must be one image of three axes. Received: shape {array.shape}")
    if not last:
        array = array.transpose(1, 2, 0)
    if array.shape[2] not in (1, 3, 4):
        raise ValueError(f"`x` must be an image of 1, 3 or 4 channels. Received: shape {array.shape}")
    if array.size == 0:
        raise ValueError(f"`x` must be an image of at least one pixel. Received: shape {array.shape}")
    if scale:
        array = array - array.min()
        array = array * 255 if not array.max() else array / array.max() * 255
    if array.shape[2] > 1:
        return module.fromarray(array.astype(np.uint8))
    return module.fromarray(array[:, :, 0].astype(np.int32 if array.max() > 255 else np.uint8))


def module_formats() -> set[str]:
    """The formats that Pillow writes."""
    module = pillow("save_img")
    module.init()
    return set(module.SAVE)


@checked
def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Writes an array (height, width, channels) as an image file; its name or `file_format` says of which
    format. As keras.utils.save_img.

    `scale` as in `array_to_img`; other arguments are those of Pillow's `Image.save`. JPEG keeps no opacity:
    a warning says so.

    >>> import tempfile
    >>> path = tempfile.mkdtemp() + "/black.png"
    >>> save_img(path, np.zeros((4, 6, 3)))
    >>> load_img(path).size
    (6, 4)
    """
    if not isinstance(path, (str, bytes, os.PathLike)) and not hasattr(path, "write"):
        raise TypeError(f"`path` must be a path, or a file to write to. Received: path={path!r}")
    optional(nonempty_text, "file_format", file_format)
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:]
    file_format = "jpeg" if file_format and file_format.lower() == "jpg" else file_format
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format and file_format.lower() == "jpeg":
        warn_user("save_img: JPEG keeps no opacity; the colours alone are saved")
        image = image.convert("RGB")
    try:
        image.save(path, format=file_format or None, **kwargs)
    except (KeyError, ValueError) as error:
        if file_format and file_format.upper() in module_formats():
            raise
        raise ValueError(
            "`file_format`, or the ending of `path`, must be of a format that Pillow writes, as 'png'. "
            f"Received: path={path!r}, file_format={file_format!r}"
        ) from error


def __getattr__(name: str) -> Any:
    """What to use in the place of a name that is not here."""
    raise no_such_name("preprocessing.image", name, ("array_to_img", "img_to_array", "load_img", "save_img"))
