"""Images out of bytes, with tf.image's names: (height, width, channels) arrays of uint8.

Pillow decodes (the extra `image`), or simplejpeg for JPEG where it is installed: the same library below, with
less around it. Both leave the interpreter to other threads meanwhile. What a camera says of how it was held
(EXIF) is heeded, as by Pillow's `ImageOps.exif_transpose`.
"""

from __future__ import annotations

import importlib
import io
import struct
from typing import Any

import numpy as np

from embedcnn.base.checked import checked

CHANNELS_OF_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
MODE_OF_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
ORIENTATION = 0x0112  # EXIF's tag of how the camera was held, 1 (upright) to 8
LYING = 5  # from here on its rows are columns of the image
RATIOS = (1, 2, 4, 8)  # what libjpeg can shrink by while it decodes
JPEG_START = b"\xff\xd8\xff"
FRAMES = (0xFFC0, 0xFFC1, 0xFFC2)  # baseline, extended, progressive
LARGEST = 1 << 26  # pixels; of more Pillow decides whether they are meant


class DamagedImageError(ValueError):
    """Bytes that are no image, or a part of one; the message names the file where it is known.

    >>> try:
    ...     decode_image(b"no image")
    ... except DamagedImageError as error:
    ...     print(error)
    8 bytes that begin with b'no image' are no image that can be read: cannot identify image file
    """


def pillow(what: str) -> Any:
    """The module PIL.Image; ImportError that says how to get it."""
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ImportError(f"{what} needs the package Pillow: pip install 'embedcnn[image]'") from error


@checked
def decode_jpeg(contents: bytes, channels: int = 0, ratio: int = 1) -> np.ndarray:
    """The image that a JPEG file holds: uint8, (height, width, channels). As tf.image.decode_jpeg.

    `channels`: 1 for shades of grey, 3 for red, green and blue, 0 for what the file has. `ratio` 2, 4 or 8
    decodes an image smaller by that, in less time. Upright, however the camera was held. Other formats are
    decoded too, as by TensorFlow.
    Raises DamagedImageError, a ValueError, that names the file where `io.read_file` read it; ImportError
    without Pillow.

    >>> import tempfile, embedcnn
    >>> path = tempfile.mkdtemp() + "/grey.jpg"
    >>> embedcnn.utils.save_img(path, np.full((4, 6, 3), 128), scale=False)
    >>> decode_jpeg(embedcnn.io.read_file(path), channels=3).shape
    (4, 6, 3)
    """
    if channels not in (0, 1, 3) or isinstance(channels, bool):
        raise ValueError(f"`channels` must be 0, 1 or 3. Received: channels={channels!r}")
    if ratio not in RATIOS or isinstance(ratio, bool):
        raise ValueError(f"`ratio` must be one of {RATIOS}. Received: ratio={ratio!r}")
    return _decoded(contents, channels, ratio)


@checked
def decode_png(contents: bytes, channels: int = 0) -> np.ndarray:
    """The image that a PNG file holds: uint8, (height, width, channels). As tf.image.decode_png.

    `channels`: 1 (grey), 3 (colours), 4 (and opacity), or 0 for what the file has: 1 to 4. Of 16 bits a
    channel the upper eight. Raises as `decode_jpeg`.

    >>> import tempfile, embedcnn
    >>> path = tempfile.mkdtemp() + "/grey.png"
    >>> embedcnn.utils.save_img(path, np.full((4, 6, 1), 128), scale=False)
    >>> decode_png(embedcnn.io.read_file(path)).shape
    (4, 6, 1)
    """
    return _decoded(contents, _checked_channels(channels), 1)


@checked
def decode_image(contents: bytes, channels: int = 0) -> np.ndarray:
    """The image that a JPEG, PNG, BMP or GIF file holds (of a GIF the first frame): uint8, (height, width,
    channels). As tf.image.decode_image with `expand_animations=False`.

    `channels`: 1, 3, 4, or 0 for what the file has. Raises as `decode_jpeg`.

    >>> import tempfile, embedcnn
    >>> path = tempfile.mkdtemp() + "/colours.bmp"
    >>> embedcnn.utils.save_img(path, np.full((4, 6, 3), 128), scale=False)
    >>> int(decode_image(embedcnn.io.read_file(path)).max())
    128
    """
    return _decoded(contents, _checked_channels(channels), 1)


def _checked_channels(channels: int) -> int:
    if channels not in (0, 1, 3, 4) or isinstance(channels, bool):
        raise ValueError(f"`channels` must be 0, 1, 3 or 4. Received: channels={channels!r}")
    return channels


def _decoded(contents: Any, channels: int, ratio: int) -> np.ndarray:
    array, orientation = decoded_as_it_lies(contents, channels, ratio)
    return upright_pixels(array, orientation)


def decoded_as_it_lies(contents: Any, channels: int, ratio: int = 1) -> tuple[np.ndarray, int]:
    """An image, and how it is to be turned: whoever makes it smaller turns it afterwards, as that takes as
    long as to decode it.
    """
    if not isinstance(contents, (bytes, bytearray, memoryview)):
        raise TypeError(
            "`contents` must be the bytes of an image file, as of io.read_file(path). "
            f"Received: contents={str(contents)[:60]!r} ({type(contents).__name__})"
        )
    module = pillow("decoding an image")
    if channels in (1, 3) and ratio == 1 and contents[:3] == JPEG_START:
        width, height, components, turned = jpeg_header(contents)
        usual = components in (1, 3) and 0 < width * height <= LARGEST
        if usual and (components == channels or channels == 1):
            try:
                return _usual_jpeg(module, contents, channels, width, height), turned
            except (ValueError, OSError):  # Image.open reads some that are refused, and tells of the others
                pass
    try:
        with module.open(io.BytesIO(contents)) as image:
            return image_array(image, channels, ratio), 1
    except MemoryError:
        raise
    except Exception as error:  # of a damaged file: OSError, ValueError, SyntaxError, struct.error and more
        name = getattr(contents, "path", "")
        some = f"{len(contents)} bytes that begin with {bytes(contents[:8])!r} are"
        found = str(error).partition(" <_io")[0]
        raise DamagedImageError(
            f"{name + ': the file is' if name else some} no image that can be read: {found}"
        ) from error


def _usual_jpeg(module: Any, contents: Any, channels: int, width: int, height: int) -> np.ndarray:
    """A JPEG file as its pixels lie, by the decoder alone: `Image.open` reads all that stands before
    the image with Python, and then takes it in small pieces.
    """
    fast = simplejpeg()
    if fast is not None:
        return fast.decode_jpeg(contents, "GRAY" if channels == 1 else "RGB")
    mode = MODE_OF_CHANNELS[channels]
    array = np.asarray(module.frombytes(mode, (width, height), bytes(contents), "jpeg", mode, ""))
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def upright_pixels(array: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels as `ImageOps.exif_transpose` turns them, moved as one piece each."""
    if not 2 <= orientation <= 8:
        return array
    bytes_of_one = array.shape[2] * array.itemsize
    pixels = np.ascontiguousarray(array).view(f"V{bytes_of_one}")[:, :, 0]
    if orientation >= LYING:
        pixels = pixels.T
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    pixels = np.ascontiguousarray(pixels[::rows, ::columns])
    return pixels.view(array.dtype).reshape(*pixels.shape, array.shape[2])


_fast: list[Any] = []


def simplejpeg() -> Any:
    """The module simplejpeg; None where it is not installed."""
    if not _fast:
        try:
            _fast.append(importlib.import_module("simplejpeg"))
        except ImportError:
            _fast.append(None)
    return _fast[0]


def image_array(image: Any, channels: int, ratio: int = 1) -> np.ndarray:
    """A Pillow image, upright, as uint8 (height, width, channels), of its own channels for 0."""
    grey = channels == 1 and image.mode in ("RGB", "L", "YCbCr")
    if image.format == "JPEG" and (ratio > 1 or grey):
        width, height = image.size
        mode = "L" if grey else image.mode
        image.draft(mode, (max(1, width // ratio), max(1, height // ratio)))
    image.load()
    image = upright(image)
    if image.mode.startswith("I"):  # 16 bits
        image = module_image(np.asarray(image) >> 8)
    elif image.mode == "P" or image.mode == "PA":
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    wanted = MODE_OF_CHANNELS.get(channels) or (
        image.mode if image.mode in CHANNELS_OF_MODES else "L" if image.mode == "1" else "RGB"
    )
    if image.mode != wanted:
        image = image.convert(wanted)
    array = np.asarray(image)
    return array[:, :, np.newaxis] if array.ndim == 2 else array


def module_image(shades: np.ndarray) -> Any:
    """A Pillow image of shades of grey."""
    return pillow("decoding an image").fromarray(shades.astype(np.uint8))


def upright(image: Any) -> Any:
    """A Pillow image turned as its EXIF says."""
    if image.getexif().get(ORIENTATION, 1) == 1:
        return image
    return importlib.import_module("PIL.ImageOps").exif_transpose(image)


def jpeg_header(jpeg: Any) -> tuple[int, int, int, int]:
    """Width, height, number of components and EXIF's orientation (1 where there is none or where it cannot be
    read), zeros where no image begins: without a parser of all tags, which takes longer than to decode a
    small image.

    The parts of a JPEG file before its pixels have a mark and a length (two bytes each): the frame (SOF)
    holds the sizes, APP1 a TIFF: byte order, where the list of tags stands, their number, twelve bytes a tag.
    """
    at, turned = 2, 1
    try:
        while jpeg[at] == 0xFF and jpeg[at + 1] != 0xDA:
            mark, length = struct.unpack_from(">HH", jpeg, at)
            if mark == 0xFFE1 and jpeg[at + 4 : at + 10] == b"Exif\0\0":
                turned = _orientation(jpeg, at + 10)
            if mark in FRAMES:
                _, height, width, components = struct.unpack_from(">BHHB", jpeg, at + 4)
                return width, height, components, turned
            at += 2 + length
    except (IndexError, struct.error):
        pass
    return 0, 0, 0, turned


def _orientation(jpeg: Any, tiff: int) -> int:
    order = "<" if jpeg[tiff : tiff + 2] == b"II" else ">"
    try:
        at = tiff + struct.unpack_from(order + "I", jpeg, tiff + 4)[0]
        for number in range(struct.unpack_from(order + "H", jpeg, at)[0]):
            tag, _, _, value = struct.unpack_from(order + "HHIH", jpeg, at + 2 + 12 * number)
            if tag == ORIENTATION:
                return int(value)
    except struct.error:
        pass
    return 1
