"""Masks of layers and models of one's own: `call` gets them, `compute_mask` decides what goes on."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

IDS = np.array([[1, 2, 3, 0, 0], [4, 5, 0, 0, 0], [1, 2, 3, 4, 5]])
COUNTS = IDS != 0


class MaskedMean(layers.Layer):
    def call(self, x, mask=None):
        if mask is None:
            return ops.mean(x, axis=1)
        counts = ops.expand_dims(ops.cast(mask, "float32"), -1)
        return ops.sum(x * counts, axis=1) / ops.sum(counts, axis=1)


class Scores(layers.Layer):
    """Made of a layer; `how(inputs, mask)` is its mask."""

    def __init__(self, how, **options):
        super().__init__(**options)
        self.how, self.dense = how, layers.Dense(3, bias_initializer="ones")

    def call(self, x):
        return self.dense(x)

    def compute_mask(self, inputs, mask=None):
        return self.how(inputs, mask)


class Words(layers.Layer):
    """An embedding of one's own, with padding 0."""

    def __init__(self, **options):
        super().__init__(**options)
        self.table = layers.Embedding(9, 4)

    def call(self, ids):
        return self.table(ids)

    def compute_mask(self, inputs, mask=None):
        return ops.not_equal(inputs, 0)


def embedded(length, mask_zero=True):
    ids = keras.Input((length,), dtype="int32")
    return ids, layers.Embedding(9, 4, mask_zero=mask_zero, embeddings_initializer="ones")(ids)


@pytest.mark.parametrize("length", [5, None])
def test_call_gets_the_mask_of_its_input(length):
    ids, words = embedded(length)
    model = keras.Model(ids, [MaskedMean()(words), layers.GlobalAveragePooling1D()(words)])
    model.set_weights([np.random.default_rng(0).normal(size=(9, 4))])
    np.testing.assert_allclose(*model.predict(IDS, verbose=0), rtol=1e-6)
    model.compile("sgd", "mse")
    model.fit(IDS, [np.ones((3, 4)), np.ones((3, 4))], verbose=0)


def test_call_gets_none_where_nothing_is_masked_and_a_mask_that_is_given():
    seen = []

    class Told(layers.Layer):
        def call(self, x, other=None, mask=None, x_mask=None, other_mask=None):
            seen.append((mask, x_mask, other_mask))
            return x if mask is None else x * ops.expand_dims(ops.cast(mask, "float32"), -1)

    (_, plain), (_, words) = embedded(5, False), embedded(5)
    Told()(plain)
    given = keras.Input((5,))
    Told()(words, mask=given)
    Told()(plain, other=words)
    assert seen[0] == (None, None, None) and seen[1][0] is given
    assert seen[2][:2] == (None, None) and seen[2][2].dtype == "bool" and seen[2][2].shape == (None, 5)


FOUND = {
    "the input's": (lambda inputs, mask: mask, COUNTS),
    "none": (lambda inputs, mask: None, np.ones((3, 5), bool)),
    "ops": (lambda inputs, mask: ops.logical_and(mask, inputs[:, :, 0] > 2), COUNTS & (IDS > 2)),
    "opposite": (lambda inputs, mask: ops.logical_not(mask), ~COUNTS),
}


@pytest.mark.parametrize("length", [5, None])
@pytest.mark.parametrize("name", FOUND)
def test_compute_mask_decides(name, length):
    how, counts = FOUND[name]
    ids, words = embedded(length)
    scores = Scores(how)(words)
    model = keras.Model(ids, [scores, layers.GlobalAveragePooling1D()(scores)])
    weights = model.get_weights()
    weights[0] = np.repeat(np.arange(9.0)[:, None], 4, axis=1)
    model.set_weights(weights)
    expected = (weights[0][IDS] @ weights[1] + 1) * COUNTS[..., None]  # masked steps are zeros
    got, means = model.predict(IDS, verbose=0)
    np.testing.assert_allclose(got, expected * counts[..., None], rtol=1e-5, atol=1e-5)
    sums, steps = (expected * counts[..., None]).sum(1), np.maximum(counts.sum(1), 1)[:, None]
    np.testing.assert_allclose(means, sums / steps, rtol=1e-5, atol=1e-5)


def test_an_embedding_of_ones_own_masks_padding(tmp_path):
    model = keras.Sequential([keras.Input((None,), dtype="int32"), Words(), layers.LSTM(3)])
    twin = keras.Sequential(
        [keras.Input((None,), dtype="int32"), layers.Embedding(9, 4, mask_zero=True), layers.LSTM(3)]
    )
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(IDS, verbose=0), twin.predict(IDS, verbose=0))
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Words": Words})
    np.testing.assert_array_equal(again.predict(IDS, verbose=0), twin.predict(IDS, verbose=0))


def test_a_model_of_ones_own_has_a_mask():
    class Encoder(keras.Model):
        def __init__(self):
            super().__init__()
            self.words = layers.Embedding(9, 4)

        def call(self, ids):
            return self.words(ids)

        def compute_mask(self, inputs, mask=None):
            return ops.not_equal(inputs, 0)

    ids = keras.Input((5,), dtype="int32")
    words = Encoder()(ids)
    got, mean = keras.Model(ids, [words, layers.GlobalAveragePooling1D()(words)]).predict(IDS, verbose=0)
    np.testing.assert_allclose(mean, got.sum(1) / COUNTS.sum(1)[:, None], rtol=1e-5)


def test_masks_that_cannot_be_are_told():
    _, words = embedded(5)
    with pytest.raises(TypeError, match="compute_mask of .* must return the mask that it gets, "):
        Scores(lambda inputs, mask: np.ones((3, 5)))(words)

    class Pooled(Scores):
        def call(self, x):
            return ops.mean(self.dense(x), axis=1)

    with pytest.raises(ValueError, match="returns a mask, but the result has no steps"):
        Pooled(lambda inputs, mask: mask)(words)
    assert Pooled(lambda inputs, mask: None)(words).shape == (None, 3)


def test_the_default_mask_of_symbolic_tensors_is_that_of_the_input():
    class Kept(Scores):
        def compute_mask(self, inputs, mask=None):
            return super(Scores, self).compute_mask(inputs, mask)

    ids, words = embedded(5)
    scores = Kept(None)(words)
    got, mean = keras.Model(ids, [scores, layers.GlobalAveragePooling1D()(scores)]).predict(IDS, verbose=0)
    np.testing.assert_allclose(mean, got.sum(1) / COUNTS.sum(1)[:, None], rtol=1e-5)


def test_a_layer_written_in_python_has_no_mask_of_its_own():
    class InPython(layers.Layer):
        def forward(self, x):
            return x, lambda d_out: d_out

        def compute_mask(self, inputs, mask=None):
            return None

    with pytest.raises(TypeError, match="compute_mask of .* would never be called: a layer written in"):
        InPython()(embedded(5)[1])
