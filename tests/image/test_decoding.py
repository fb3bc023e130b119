"""Decoded images, conversions and Keras's picture functions, against what TensorFlow and Keras give.

tests/golden/images.npz: files that Pillow wrote; what TensorFlow 2.21 decodes of each for every number of
channels (JPEG with dct_method="INTEGER_ACCURATE", as everyone but TensorFlow decodes), and what it converts.
"""

import io
from pathlib import Path

import numpy as np
import pytest

import embedcnn
from embedcnn import image
from embedcnn.image import decoding

PillowImage = pytest.importorskip("PIL.Image")
GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "images.npz"))
DECODED = [name for name in GOLDEN if name.count("/") == 1 and name[-2] == "/"]
CONVERTED = [name for name in GOLDEN if name.startswith("convert")]


def decode_of(name):
    kind = name.partition("/")[0]
    return next(
        (f for key, f in (("jpeg", image.decode_jpeg), ("png", image.decode_png)) if kind.startswith(key)),
        image.decode_image,
    )


@pytest.mark.parametrize("name", DECODED)
def test_as_tensorflow_decodes(name):
    file, channels = name.split("/")
    found = decode_of(name)(GOLDEN[file].tobytes(), channels=int(channels))
    assert found.dtype == np.uint8 and found.shape == GOLDEN[name].shape
    grey_of_colours = channels == "1" and file.startswith("png")  # libpng rounds otherwise than Pillow
    np.testing.assert_allclose(found.astype(int), GOLDEN[name], rtol=0, atol=int(grey_of_colours))


@pytest.mark.parametrize("name", CONVERTED)
def test_as_tensorflow_converts(name):
    _, source, target, saturate = name.split("/")
    found = image.convert_image_dtype(GOLDEN[f"from/{source}"], target, saturate=saturate == "1")
    assert found.dtype == target
    np.testing.assert_array_equal(found, GOLDEN[name])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["jpeg420", "jpeg444", "jpeg_progressive", "jpeg_grey"])
def test_simplejpeg_gives_the_same_bits(monkeypatch, name, channels):
    pytest.importorskip("simplejpeg")
    found = image.decode_jpeg(GOLDEN[name].tobytes(), channels)
    monkeypatch.setattr(decoding, "_fast", [None])
    np.testing.assert_array_equal(found, image.decode_jpeg(GOLDEN[name].tobytes(), channels))


def test_a_decoder_that_refuses_is_not_the_last_word(monkeypatch):
    """Pillow reads some files that simplejpeg does not, and says what is wrong with the others."""

    class Refusing:
        def decode_jpeg(self, *_):
            raise ValueError("no")

    monkeypatch.setattr(decoding, "_fast", [Refusing()])
    assert image.decode_jpeg(GOLDEN["jpeg420"].tobytes(), 3).shape == (13, 18, 3)


@pytest.mark.parametrize("ratio", [2, 4, 8])
def test_a_ratio_decodes_smaller(ratio):
    shape = image.decode_jpeg(GOLDEN["jpeg420"].tobytes(), 3, ratio=ratio).shape
    assert shape == (-(-13 // ratio), -(-18 // ratio), 3)


# -- how the camera was held ---------------------------------------------------------------------------------
def turned(orientation, kind="jpeg"):
    pixels = PillowImage.fromarray(GOLDEN["png_rgb/3"])
    exif = PillowImage.Exif()
    exif[0x010F], exif[0x0112] = "a maker of cameras", orientation
    file = io.BytesIO()
    pixels.save(file, kind, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["jpeg", "png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_as_pillow_turns(tmp_path, orientation, kind):
    from PIL import ImageOps

    content = turned(orientation, kind)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(io.BytesIO(content))))
    np.testing.assert_array_equal(image.decode_image(content, channels=3), expected)
    (tmp_path / "x").write_bytes(content)
    np.testing.assert_array_equal(image.img_to_array(image.load_img(tmp_path / "x")), expected)
    if kind == "jpeg":
        assert decoding.jpeg_header(content) == (18, 13, 3, orientation)


def test_the_orientation_of_hostile_bytes_is_upright():
    content = turned(6)
    assert decoding.jpeg_header(GOLDEN["jpeg420"].tobytes()) == (18, 13, 3, 1)
    for cut in range(2, 80):
        assert decoding.jpeg_header(content[:cut])[3] in (1, 6)
    rng = np.random.default_rng(0)
    for _ in range(200):
        noise = bytearray(content[:120])
        for at in rng.integers(2, len(noise), 4):
            noise[at] = rng.integers(256)
        assert 0 <= decoding.jpeg_header(bytes(noise))[3] < 65536


# -- damaged files -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["jpeg420", "png_rgb", "bmp"])
def test_a_damaged_file_is_named(tmp_path, name):
    path = tmp_path / "broken.img"
    path.write_bytes(GOLDEN[name].tobytes()[: len(GOLDEN[name]) // 2])
    for read in (lambda: image.decode_image(embedcnn.io.read_file(path)), lambda: image.load_img(path)):
        with pytest.raises(image.DamagedImageError, match=r"broken\.img: the file is no image"):
            read()
    with pytest.raises(image.DamagedImageError, match=r"^\d+ bytes that begin with b"):
        image.decode_image(path.read_bytes())


def test_damaged_images_are_skipped_and_counted(tmp_path):
    for number, name in enumerate(["jpeg420", "bmp", "jpeg420", "jpeg444"]):
        content = GOLDEN[name].tobytes()
        (tmp_path / f"{number}.jpg").write_bytes(content[: 150 if number == 2 else None])
    files = embedcnn.data.Dataset.list_files(tmp_path / "*.jpg", shuffle=False)
    images = files.map(
        lambda path: image.decode_jpeg(embedcnn.io.read_file(path), channels=3), num_parallel_calls=2
    ).ignore_errors()
    assert [one.shape for one in images] == [(13, 18, 3)] * 3
    assert len(images.ignored_errors) == 1 and "2.jpg: the file is no image" in images.ignored_errors[0]


# -- Keras's functions ---------------------------------------------------------------------------------------
def test_pictures_and_arrays(tmp_path):
    pixels = GOLDEN["png_rgb/3"]
    embedcnn.utils.save_img(tmp_path / "x.png", pixels, scale=False)
    loaded = embedcnn.utils.load_img(tmp_path / "x.png")
    np.testing.assert_array_equal(embedcnn.utils.img_to_array(loaded), pixels.astype(np.float32))
    first = embedcnn.utils.img_to_array(loaded, data_format="channels_first", dtype="uint8")
    np.testing.assert_array_equal(first, pixels.transpose(2, 0, 1))
    again = embedcnn.utils.array_to_img(first, data_format="channels_first", scale=False)
    assert again.tobytes() == loaded.tobytes()
    assert embedcnn.utils.img_to_array(loaded.convert("L")).shape == (13, 18, 1)


@pytest.mark.parametrize(("mode", "channels"), [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
@pytest.mark.parametrize("keep", [False, True])
def test_loading_at_a_size(tmp_path, mode, channels, keep):
    embedcnn.utils.save_img(tmp_path / "x.png", GOLDEN["png_rgb/3"], scale=False)
    loaded = image.load_img(tmp_path / "x.png", mode, (8, 8), "bilinear", keep)
    assert image.img_to_array(loaded).shape == (8, 8, channels)
    whole = PillowImage.open(tmp_path / "x.png").convert(loaded.mode)
    box = (2, 0, 15, 13) if keep else None  # 13 of 18 columns
    assert loaded.tobytes() == whole.resize((8, 8), PillowImage.Resampling.BILINEAR, box=box).tobytes()


def test_scaling_stretches_from_the_least_to_the_largest():
    shades = image.array_to_img(np.array([[[-1.0], [0.0], [1.0]]]))
    assert list(np.asarray(shades)[0]) == [0, 127, 255]
    assert image.array_to_img(np.full((2, 2, 1), 7.0)).getextrema() == (0, 0)
    assert image.array_to_img(np.full((1, 1, 1), 300.0), scale=False).mode == "I"


def test_jpeg_keeps_no_opacity(tmp_path):
    with pytest.warns(UserWarning, match="JPEG keeps no opacity"):
        image.save_img(tmp_path / "x.jpg", GOLDEN["png_rgba/4"], scale=False)
    assert image.load_img(tmp_path / "x.jpg").format == "JPEG"
    image.save_img(tmp_path / "none", GOLDEN["png_rgb/3"], file_format="JPG")
    assert (tmp_path / "none").read_bytes()[:3] == decoding.JPEG_START


MISUSE = {
    "a path is no image": (lambda: image.decode_jpeg("hand.jpg"), TypeError, "`contents` must be the bytes"),
    "channels": (lambda: image.decode_jpeg(b"", channels=2), ValueError, "`channels` must be 0, 1 or 3"),
    "channels of PNG": (
        lambda: image.decode_png(b"", channels=2),
        ValueError,
        "`channels` must be 0, 1, 3 or 4",
    ),
    "ratio": (lambda: image.decode_jpeg(b"", ratio=3), ValueError, "`ratio` must be one of"),
    "empty": (lambda: image.decode_image(b""), ValueError, "0 bytes that begin with b''"),
    "no file": (lambda: embedcnn.io.read_file("/nowhere/x.jpg"), FileNotFoundError, "/nowhere/x.jpg"),
    "no path": (
        lambda: embedcnn.io.read_file(3),
        TypeError,
        "`filename` must be a path. Received: filename=3",
    ),
    "dtype": (lambda: image.convert_image_dtype(np.zeros(2), "str"), TypeError, "`dtype` must be of whole"),
    "no dtype": (
        lambda: image.convert_image_dtype(np.zeros(2), "flaot"),
        TypeError,
        "`dtype` must be of whole",
    ),
    "texts": (
        lambda: image.convert_image_dtype(["a"], "uint8"),
        TypeError,
        "`image` must be of whole numbers",
    ),
    "colours": (lambda: image.load_img("x", color_mode="RGB"), ValueError, "`color_mode` must be one of"),
    "method": (
        lambda: image.load_img("x", interpolation="cubic"),
        ValueError,
        "`interpolation` must be one of",
    ),
    "size": (
        lambda: image.load_img("x", target_size=64),
        ValueError,
        r"`target_size` must be \(height, width\)",
    ),
    "zero": (lambda: image.load_img("x", target_size=(0, 4)), ValueError, r"target_size\[0\]"),
    "no such path": (lambda: image.load_img(3), TypeError, "`path` must be a path"),
    "rank": (lambda: image.array_to_img(np.zeros((2, 2))), ValueError, "`x` must be one image of three axes"),
    "two channels": (lambda: image.array_to_img(np.zeros((2, 2, 2))), ValueError, "1, 3 or 4 channels"),
    "no pixel": (lambda: image.array_to_img(np.zeros((0, 2, 3))), ValueError, "at least one pixel"),
    "format": (
        lambda: image.img_to_array(np.zeros((2, 2)), "last"),
        ValueError,
        "`data_format` must be None",
    ),
    "four axes": (lambda: image.img_to_array(np.zeros((1, 2, 2, 3))), ValueError, "two or three axes"),
}


@pytest.mark.parametrize("name", MISUSE)
def test_mistakes_are_explained(name):
    make, kind, message = MISUSE[name]
    with pytest.raises(kind, match=message):
        make()


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    for call in (lambda: image.decode_png(b"1"), lambda: image.load_img("x"), lambda: image.array_to_img(1)):
        with pytest.raises(ImportError, match=r"pip install 'embedcnn\[image\]'"):
            call()
