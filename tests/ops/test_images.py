"""Operations on images against the reference: sizes, interpolations, gradients, bytes, one image or many."""

import numpy as np
import pytest
import reference_image_changes

from embedcnn import _core, ops

SIZES = [((2, 7, 5, 3), (4, 9)), ((1, 20, 31, 1), (9, 8)), ((2, 6, 6, 4), (18, 12)), ((1, 9, 3, 17), (3, 9))]
SIZES += [((1, 1, 1, 3), (4, 5)), ((3, 5, 5, 8), (5, 5)), ((1, 70, 2, 2), (1, 1))]


@pytest.mark.parametrize("interpolation", ops.image.INTERPOLATIONS)
@pytest.mark.parametrize("antialias", [False, True])
def test_resize(rung, threads, interpolation, antialias):
    rng = np.random.default_rng(0)
    for shape, size in SIZES:
        x = rng.normal(size=shape)
        d_out = rng.normal(size=(shape[0], *size, shape[3]))
        out, gradients = ops.vjp(
            ops.image.resize, x, size, interpolation=interpolation, antialias=antialias, d_out=d_out
        )
        wanted, backward = reference_image_changes.resize_images(x, *size, interpolation, antialias)
        np.testing.assert_allclose(out, wanted, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(gradients["images"], backward(d_out)[0], rtol=1e-5, atol=2e-5)


def test_resize_of_bytes_of_one_image_and_by_many_threads():
    rng = np.random.default_rng(1)
    photographs = rng.integers(0, 256, (3, 40, 50, 3)).astype(np.uint8)
    made = ops.image.resize(photographs, (300, 320), "bicubic")  # large enough for a team
    before = _core.get_num_threads()
    for threads in (1, 3, 8):
        _core.set_num_threads(threads)
        np.testing.assert_array_equal(ops.image.resize(photographs, (300, 320), "bicubic"), made)
    _core.set_num_threads(before)
    np.testing.assert_array_equal(ops.image.resize(photographs[1], (300, 320), "bicubic"), made[1])
    np.testing.assert_allclose(
        ops.image.resize(photographs.astype(np.float64)[:, ::-1], (300, 320), "bicubic")[:, ::-1],
        made, rtol=1e-4, atol=1e-3,
    )  # fmt: skip


KERNELS = {"bilinear": "BILINEAR", "bicubic": "BICUBIC", "lanczos3": "LANCZOS"}
RESIZED = [((12, 9), (24, 27)), ((12, 9), (7, 5)), ((30, 41), (9, 50))]


@pytest.mark.parametrize("interpolation", KERNELS)
def test_smoothed_as_pillow_does(interpolation):
    image = pytest.importorskip("PIL.Image")
    for shape, size in RESIZED:
        x = (np.random.default_rng(3).random(shape) * 255).astype(np.float32)
        wanted = image.fromarray(x).resize(size[::-1], getattr(image.Resampling, KERNELS[interpolation]))
        made = ops.image.resize(x[..., None], size, interpolation, antialias=True)[..., 0]
        np.testing.assert_allclose(made, np.asarray(wanted), rtol=1e-5, atol=1e-3)


def test_bicubic_of_pytorch_smooths_with_the_same_kernel_and_has_another_one_else():
    torch = pytest.importorskip("torch")
    x = (np.random.default_rng(4).random((1, 12, 9, 3)) * 255).astype(np.float32)
    for size in ((24, 27), (7, 5)):
        planes, settings = torch.tensor(x.transpose(0, 3, 1, 2)), {"mode": "bicubic", "align_corners": False}
        smooth = torch.nn.functional.interpolate(planes, size, antialias=True, **settings)
        made = ops.image.resize(x, size, "bicubic", antialias=True)
        np.testing.assert_allclose(made, smooth.numpy().transpose(0, 2, 3, 1), rtol=1e-5, atol=1e-3)
        other = torch.nn.functional.interpolate(planes, size, **settings).numpy().transpose(0, 2, 3, 1)
        assert np.abs(ops.image.resize(x, size, "bicubic") - other).max() > 1  # a = -3/4


def test_aspect_ratio():
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 9, 14, 3)).astype(np.float32)
    d_out = rng.normal(size=(2, 6, 4, 3))
    cropped, gradients = ops.vjp(ops.image.resize, x, (6, 4), crop_to_aspect_ratio=True, d_out=d_out)
    np.testing.assert_array_equal(cropped, ops.image.resize(x[:, :, 4:10], (6, 4)))
    np.testing.assert_array_equal(ops.image.resize(x, (6, 4), crop_to_aspect_ratio=True), cropped)
    assert not gradients["images"][:, :, :4].any() and gradients["images"][:, :, 4:10].any()
    settings = {"pad_to_aspect_ratio": True, "fill_value": 2.0}
    padded, gradients = ops.vjp(ops.image.resize, x, (6, 4), **settings, d_out=d_out)
    around = np.pad(x, [(0, 0), (6, 6), (0, 0), (0, 0)], constant_values=2.0)
    np.testing.assert_array_equal(padded, ops.image.resize(around, (6, 4)))
    np.testing.assert_array_equal(ops.image.resize(x, (6, 4), **settings), padded)
    assert gradients["images"].shape == x.shape


@pytest.mark.parametrize(
    ("images", "arguments", "message"),
    [
        (np.zeros((4, 4)), {"size": (2, 2)}, r"`images` must be .* shape=\(4, 4\)"),
        (np.zeros((4, 4, 3)), {"size": 2}, r"`size` must be \(height, width\). Received: size=2"),
        (np.zeros((4, 4, 3)), {"size": (0, 2)}, "`size` must be"),
        (np.zeros((4, 4, 3)), {"size": (2, 2), "interpolation": "cubic"}, "interpolation='cubic'"),
        (np.zeros((4, 4, 3)), {"size": (2, 2), "fill_mode": "reflect"}, "fill_mode='reflect'"),
        (np.zeros((4, 4, 3)), {"size": (2, 2), "data_format": "channels_first"}, "must be 'channels_last'"),
        (
            np.zeros((4, 4, 3)),
            {"size": (2, 2), "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
            "exclude each other",
        ),
        (np.zeros((4, 0, 3)), {"size": (2, 2)}, r"the shape \(4, 0, 3\); expected"),
        (np.zeros((4, 4, 3)), {"size": (1 << 21, 2)}, r"from 1 to 2\^20. Received: \(2097152, 2\)"),
    ],
)
def test_misuse_of_resize(images, arguments, message):
    with pytest.raises(ValueError, match=message):
        ops.image.resize(images, **arguments)
