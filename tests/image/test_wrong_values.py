"""Functions of images called with wrong values."""

from __future__ import annotations

import io

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import image

Image = pytest.importorskip("PIL.Image")
PIXELS = np.random.default_rng(1).integers(0, 255, (6, 5, 3)).astype(np.uint8)


def encoded(kind):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind)
    return file.getvalue()


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.png").write_bytes(encoded("png"))


DAMAGED = (image.DamagedImageError,)
CASES = {
    "array_to_img": Case(image.array_to_img, {"x": PIXELS}, arrays=("x",)),
    "convert_image_dtype": Case(
        image.convert_image_dtype, {"image": PIXELS, "dtype": "float32"}, arrays=("image",)
    ),
    "decode_image": Case(image.decode_image, {"contents": encoded("png")}, errors=DAMAGED),
    "decode_jpeg": Case(image.decode_jpeg, {"contents": encoded("jpeg")}, errors=DAMAGED),
    "decode_png": Case(image.decode_png, {"contents": encoded("png")}, errors=DAMAGED),
    "img_to_array": Case(image.img_to_array, {"img": PIXELS}, arrays=("img",)),
    "load_img": Case(image.load_img, {"path": "a.png"}, errors=(FileNotFoundError,)),
    "resize": Case(image.resize, {"images": PIXELS, "size": (3, 4)}, arrays=("images",)),
    "resize_with_pad": Case(
        image.resize_with_pad, {"image": PIXELS, "target_height": 3, "target_width": 4}, arrays=("image",)
    ),
    "save_img": Case(image.save_img, {"path": "b.png", "x": PIXELS}, arrays=("x",)),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)
