"""tf.image.resize and resize_with_pad against TensorFlow 2.21 (tests/golden/images.npz); mistakes."""

from pathlib import Path

import numpy as np
import pytest

from embedcnn import image

GOLDEN = dict(np.load(Path(__file__).parents[1] / "golden" / "images.npz"))


@pytest.mark.parametrize(
    "name", [name for name in GOLDEN if name.startswith("resize/") and name.count("/") == 5]
)
def test_as_tensorflow_resizes(name):
    _, source, method, height, width, keep = name.split("/")
    size = [int(height), int(width)]
    found = image.resize(GOLDEN[f"resize/{source}"], size, method, keep == "1", antialias=keep == "1")
    assert found.dtype == GOLDEN[name].dtype and found.shape == GOLDEN[name].shape
    np.testing.assert_allclose(found, GOLDEN[name], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", [name for name in GOLDEN if name.startswith("pad/")])
def test_as_tensorflow_pads(name):
    _, source, height, width = name.split("/")
    found = image.resize_with_pad(GOLDEN[f"resize/{source}"], int(height), int(width))
    assert found.shape == GOLDEN[name].shape
    np.testing.assert_allclose(found, GOLDEN[name], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: image.resize(np.zeros((4, 4)), (2, 2)),
            r"`images` must be numbers of shape \(height, width, ",
        ),
        (lambda: image.resize(np.zeros((0, 4, 3)), (2, 2)), r"Received: shape \(0, 4, 3\)"),
        (lambda: image.resize([["a"]], (2, 2)), "`images` must be numbers"),
        (lambda: image.resize(np.zeros((4, 4, 3)), 2), r"`size` must be \(height, width\). Received: size=2"),
        (lambda: image.resize(np.zeros((4, 4, 3)), (2, 0)), r"`size\[1\]`"),
        (lambda: image.resize(np.zeros((4, 4, 3)), (2, 2), "cubic"), "method='cubic' is unknown"),
        (lambda: image.resize_with_pad(np.zeros((4, 4, 3)), 0, 2), "`target_height`"),
        (lambda: image.resize_with_pad(np.zeros(4), 2, 2), "`image` must be numbers"),
    ],
)
def test_mistakes_are_explained(call, message):
    with pytest.raises(ValueError, match=message):
        call()
