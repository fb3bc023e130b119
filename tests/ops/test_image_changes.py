"""Operations that move or change pixels, by chance or not, against the reference."""

import numpy as np
import pytest
from comparison import Pair

from embedcnn import _core, ops

FILLS = ("reflect", "wrap", "constant", "nearest")
KINDS = {
    "rotation": {"row_low": -0.3, "row_high": 0.4},
    "translation": {"row_low": -0.6, "row_high": 0.5, "col_low": -0.9, "col_high": 1.0},
    "zoom": {"row_low": -0.6, "row_high": 1.0, "col_low": -0.9, "col_high": 0.2},
}


def twice(name, settings, shape, seed=3, more=()):
    """The operation on one input twice, so that its gradients add up."""
    inputs = [("x", "float32", None, shape), *(("maps", "float32", None, (8,)) for _ in more)]
    read = tuple(range(len(inputs)))
    operations = [(name, read, (len(inputs) + one,), (), settings) for one in range(2)]
    return Pair(inputs, [], operations, (len(inputs), len(inputs) + 1), [], seed=seed)


def check(name, settings, shapes=((4, 5, 7, 3), (2, 1, 1, 1), (3, 8, 3, 9)), values=255.0):
    rng = np.random.default_rng(0)
    for batch, *shape in shapes:
        pair = twice(name, settings, tuple(shape))
        x = rng.uniform(0, values, (batch, *shape))
        for step in (0, 5):
            pair.check_gradients([x], step=step, tolerance=3e-5)
        pair.check_forward([x])  # in inference


@pytest.mark.parametrize("fill_mode", FILLS)
@pytest.mark.parametrize("kind", KINDS)
def test_random_affine(rung, threads, kind, fill_mode):
    settings = {"kind": kind, "fill_mode": fill_mode, "fill_value": 7.0, "layer": 2, **KINDS[kind]}
    check("random_affine", settings)
    check("random_affine", settings | {"interpolation": "nearest", "always": True}, [(3, 6, 5, 2)])
    if kind == "zoom":
        check("random_affine", settings | {"keeps_ratio": True}, [(3, 6, 5, 2)])


@pytest.mark.parametrize("fill_mode", FILLS)
def test_affine_images(rung, threads, fill_mode):
    rng = np.random.default_rng(1)
    pair = twice("affine_images", {"fill_mode": fill_mode, "fill_value": -2.0}, (6, 7, 3), more=[0])
    maps = rng.normal([1, 0, 0, 0, 1, 0, 0, 0], [0.3, 0.3, 2, 0.3, 0.3, 2, 0.02, 0.02], (4, 8)).astype(
        np.float32
    )
    pair.check_gradients([rng.normal(size=(4, 6, 7, 3)), maps], tolerance=3e-5)


def test_maps_to_nowhere_give_the_constant_or_an_edge():
    maps = [[np.nan] * 8, [np.inf] * 8, [1e38, 0, 1e38, 0, 1e38, -1e38, 0, 0], [1, 0, 0, 0, 1, 0, -1, 0]]
    x = np.arange(24.0).reshape(1, 4, 6, 1) + 1
    for one in maps:
        for interpolation in ("nearest", "bilinear"):
            settings = {"interpolation": interpolation, "fill_value": -5.0}
            out = ops.image.affine_transform(x, one, **settings)
            assert np.isin(out.astype(int), [-5, *range(-5, 25)]).all()
            for fill_mode in FILLS[:2] + FILLS[3:]:
                out = ops.image.affine_transform(x, one, fill_mode=fill_mode, **settings)
                assert (out >= 1).all() and (out <= 24).all()


@pytest.mark.parametrize("axes", [{"cols": True}, {"rows": True}, {"cols": True, "rows": True}])
def test_random_flip(rung, threads, axes):
    check("random_flip", axes | {"layer": 1})


def test_windows(rung, threads):
    check("window_images", {"top": 1, "left": 2, "height": 3, "width": 4}, [(2, 6, 7, 3)])
    check("window_images", {"top": -2, "left": -1, "height": 9, "width": 10, "value": 0.5}, [(2, 6, 7, 3)])
    check("window_images", {"top": -3, "left": 5, "height": 2, "width": 9, "value": 2.0}, [(2, 6, 7, 3)])
    check("window_images", {"top": 2, "left": 9, "height": 3, "width": 2}, [(1, 6, 7, 1)])
    check("window_images", {"top": 2, "left": -9, "height": 3, "width": 2}, [(1, 6, 7, 1)])
    check("random_window", {"height": 3, "width": 7, "layer": 4}, [(5, 6, 7, 2), (2, 3, 9, 1)])


@pytest.mark.parametrize(
    "settings", [{"contrast": True, "low": 0.4, "high": 1.9}, {"low": -90.0, "high": 80.0}]
)
def test_random_light(rung, threads, settings):
    check("random_light", settings | {"least": 20.0, "most": 230.0, "layer": 3})


def test_resize_within_a_program(rung, threads):
    for interpolation in ("nearest", "bilinear", "bicubic"):
        check("resize_images", {"height": 4, "width": 9, "interpolation": interpolation}, values=1.0)


def test_chance_depends_on_seed_step_layer_and_image_alone():
    x = np.random.default_rng(0).uniform(0, 255, (5, 9, 8, 3)).astype(np.float32)
    random = {
        "random_flip": {"cols": True},
        "random_window": {"height": 4, "width": 4},
        "random_light": {"low": -50.0, "high": 50.0, "least": 0.0, "most": 255.0},
        "random_affine": {"kind": "rotation", "row_low": -0.5, "row_high": 0.5},
    }
    for name, settings in random.items():

        def made(seed, step, layer, images, name=name, settings=settings):
            inputs = [("x", "float32", None, images.shape[1:])]
            operations = [(name, (0,), (1,), (), {**settings, "layer": layer})]
            program = _core.Program(inputs, [], operations, (1,), seed=seed)
            return program.forward([images], training=True, step=step)[0]

        first = made(1, 2, 3, x)
        np.testing.assert_array_equal(made(1, 2, 3, x[:3]), first[:3])
        for threads in (1, 2, 5, 8):
            _core.set_num_threads(threads)
            np.testing.assert_array_equal(made(1, 2, 3, np.concatenate([x] * 9))[:5], first)
        _core.set_num_threads(0)
        others = [made(*keys, np.concatenate([x] * 4)) for keys in ((2, 2, 3), (1, 3, 3), (1, 2, 4))]
        wide = made(1, 2, 3, np.concatenate([x] * 4))
        assert all((other != wide).any() for other in others), name
        assert (wide[:5] != wide[5:10]).any()


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("random_affine", {"row_low": 1.0, "row_high": 0.0}, "rows from 1 to 0.* must be finite and rise"),
        ("random_affine", {"row_high": np.inf}, "must be finite and rise"),
        ("random_affine", {"kind": "shear"}, "shear"),
        ("random_light", {"low": 2.0, "high": 1.0}, "from 2 to 1"),
        ("random_light", {"least": 2.0, "most": 1.0}, "values from 2 to 1"),
        ("random_window", {"height": 9, "width": 2}, "9 x 2 pixels of images of 4 x 5"),
        ("window_images", {"height": 0, "width": 2}, "height = 0, width = 2; both must be >= 1"),
        ("resize_images", {"height": 3, "width": 0}, "height = 3, width = 0; both must be >= 1"),
    ],
)
def test_misuse(name, settings, message):
    with pytest.raises(ValueError, match=message):
        _core.Program([("x", "float32", None, (4, 5, 3))], [], [(name, (0,), (1,), (), settings)], (1,))


@pytest.mark.parametrize(
    ("images", "transform", "settings", "message"),
    [
        ((2, 4, 4, 3), (3, 8), {}, r"shape=\(3, 8\) for images of shape \(2, 4, 4, 3\)"),
        ((4, 4, 3), (6,), {}, "`transform` must hold 8 numbers"),
        ((4, 4), (8,), {}, "`images` must be"),
        ((4, 4, 3), (8,), {"interpolation": "bicubic"}, "interpolation='bicubic'"),
        ((4, 4, 3), (8,), {"fill_mode": "mirror"}, "fill_mode='mirror'"),
    ],
)
def test_misuse_of_affine_transform(images, transform, settings, message):
    with pytest.raises(ValueError, match=message):
        ops.image.affine_transform(np.zeros(images), np.zeros(transform), **settings)
