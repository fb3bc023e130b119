"""What README says of embedcnn.ops: the operations of the core are there, alone, with their gradients."""

import numpy as np

from embedcnn import _core, ops

OTHER_NAMES = {
    "lookup": "embedding_lookup",
    "embed": "embedding_lookup",
    "ngrams": "embedding_lookup",
    "token_bag": "embedding_bag",
    "dot": "batch_dot",
    "concatenate_steps": "concatenate",  # axis=1
    "repeat": "repeat_vector",
    "elementwise": "add",  # and other kinds of it, under their names
    "reduce": "sum",
    "max_pool2d": "max_pool",  # of four axes
    "average_pool2d": "average_pool",
    "slice": "get_item",
    "stretch": "repeat",
    "weight": "reshape",  # of a weight
    "element_loss": "loss",
    "row_loss": "loss",
    "focal_cross_entropy": "loss",
}
OF_IMAGES = {"resize_images": "resize", "affine_images": "affine_transform"}  # in ops.image
ONLY_IN_MODELS = {
    "external": "calls Python, which needs no core",
    "given_loss": "calls Python, which needs no core",
    "fold": "says how another operation reads its input; no number changes",
    "unfold": "says how another operation reads its input; no number changes",
    "to_ids": "reads what another operation computes; no number changes",
    "window_images": "of arrays it is a slice, or ops.pad",
    **dict.fromkeys(
        ("random_affine", "random_flip", "random_light", "random_window"), "of arrays the layers are called"
    ),
    "normalized_weights": "writes weights that other operations of a model read",
    "activity_penalty": "adds to the loss of a model",
    "attention": "what the attention layers are where lengths are open; of arrays these layers are called",
    "step_mask": "of arrays a mask is an argument",
    "masked_like": "of arrays a mask is an argument",
}


def test_every_operation_of_the_core_is_there_or_has_a_reason():
    names = set(_core.operations())
    assert set(OTHER_NAMES) | set(ONLY_IN_MODELS) < names
    public = set(ops.__all__)
    assert set(OF_IMAGES.values()) <= set(ops.image.__all__) and set(OF_IMAGES) < names
    names -= set(OF_IMAGES)
    assert names - set(OTHER_NAMES) - set(ONLY_IN_MODELS) <= public and set(OTHER_NAMES.values()) <= public
    of_tensors = {name for name in public if not hasattr(getattr(ops, name), "call")}
    more = {
        "batch_dot",
        "embedding_lookup",
        "embedding_bag",
        "token_mean",
        "loss",
        "repeat_vector",
    }  # beside the core's
    assert public - names - of_tensors == more and {"vjp", "conv1d_mask"} < of_tensors


def test_concatenate_along_time_and_other_axes_alone():
    a, b = np.ones((2, 3, 4), np.float32), np.zeros((2, 1, 4), np.float32)
    out, (gradients,) = ops.vjp(ops.concatenate, [a, b], axis=1, d_out=np.arange(32.0).reshape(2, 4, 4))
    assert out.shape == (2, 4, 4) and [one.shape for one in gradients] == [a.shape, b.shape]
    np.testing.assert_array_equal(gradients[1][0, 0], [12, 13, 14, 15])
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    share, mask = ops.softmax(x, axis=1), np.arange(5) < np.array([[5], [3]])
    np.testing.assert_allclose(share, np.exp(x) / np.exp(x).sum(1, keepdims=True), rtol=1e-5)
    masked = ops.softmax(x, 1, mask)
    assert not masked[1, 3:].any()
    np.testing.assert_allclose(masked.sum(1), 1, rtol=1e-5)
    gamma = np.ones((5, 3), np.float32)
    out, gradients = ops.vjp(ops.layer_normalization, x, gamma, axis=(1, 2))
    np.testing.assert_allclose(out.mean((1, 2)), 0, atol=1e-6)
    assert gradients["gamma"].shape == (5, 3)
    np.testing.assert_allclose(np.linalg.norm(ops.unit_normalization(x, axis=-2), axis=1), 1, rtol=1e-5)
