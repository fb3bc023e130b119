"""Own formulas where steps are masked: value by value as in Keras, reductions without NaN; assigning."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, ops

FORMULAS = {
    "operator": (lambda e, j: e * j, [0.25, 0, 0]),
    "multiply": (lambda e, j: ops.multiply(e, j), [0.25, 0, 0]),
    "lambda": (lambda e, j: layers.Lambda(lambda z: z[0] * z[1])([e, j]), [0.25, 0, 0]),
    "sum before": (lambda e, j: e * (e + j), [1.25, 0, 0]),
    "maximum": (lambda e, j: ops.maximum(e, j), [1, 0.25, 0.25]),
    "minimum": (lambda e, j: ops.minimum(e, -j), [-0.25, -0.25, -0.25]),
    "add": (lambda e, j: e + j, [1.25, 0.25, 0.25]),
    "subtract": (lambda e, j: j - e, [-0.75, 0.25, 0.25]),
    "narrow": (lambda e, j: e + j[:, :, :1], [1.25, 0.25, 0.25]),
    "less": (lambda e, j: ops.cast(e < j, "float32"), [0, 1, 1]),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_masked_steps_are_zeros_beside_a_tensor_without_a_mask(name):
    formula, expected = FORMULAS[name]
    ids, j = embedcnn.Input((3,), dtype="int32"), embedcnn.Input((3, 2))
    table = np.ones((5, 2), np.float32)
    table[0] = 0
    e = layers.Embedding(5, 2, mask_zero=True, weights=[table])(ids)
    model = embedcnn.Model([ids, j], formula(e, j))
    found = model.predict([np.array([[3, 0, 0]]), np.full((1, 3, 2), 0.25, np.float32)], verbose=0)
    assert found[0, :, 0].tolist() == expected


def test_a_product_of_two_functions_of_one_text_keeps_its_mask():
    ids = embedcnn.Input((3,), dtype="int32")
    e = layers.Embedding(5, 2, mask_zero=True, weights=[np.ones((5, 2), np.float32)])(ids)
    apart = ops.maximum(e * ops.sigmoid(e), e - ops.max(e, axis=1, keepdims=True))
    model = embedcnn.Model(ids, layers.GlobalAveragePooling1D()(apart))
    one, padded = model.predict(np.array([[3, 3, 3], [3, 0, 0]]), verbose=0)
    assert one.tolist() == padded.tolist()
    assert one[0] == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize("reduce", [ops.logsumexp, ops.std, ops.var, ops.max, ops.mean])
def test_texts_of_no_and_of_one_token_train_without_nan(reduce):
    ids = embedcnn.Input((3,), dtype="int32")
    e = layers.Embedding(5, 2, mask_zero=True)(ids)
    model = embedcnn.Model(ids, layers.Dense(1)(reduce(e, axis=1)))
    model.compile("sgd", "mse")
    before = model.layers[1].get_weights()[0]
    texts = np.array([[0, 0, 0], [3, 0, 0], [1, 2, 0]])
    assert model.predict(texts, verbose=0)[0].tolist() == [0]
    model.fit(texts, np.ones((3, 1)), verbose=0)
    after = model.layers[1].get_weights()[0]
    assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert (after[3] == before[3]).all() == (reduce in (ops.std, ops.var))
    assert (after[[0, 4]] == before[[0, 4]]).all()


def test_logsumexp_and_std_of_masked_texts_are_those_of_their_tokens():
    ids = embedcnn.Input((3,), dtype="int32")
    table = np.random.default_rng(1).normal(size=(5, 2)).astype(np.float32)
    e = layers.Embedding(5, 2, mask_zero=True, weights=[table])(ids)
    model = embedcnn.Model(ids, [ops.logsumexp(e, axis=1), ops.std(e, axis=1)])
    total, spread = model.predict(np.array([[1, 2, 0]]), verbose=0)
    np.testing.assert_allclose(total[0], np.log(np.exp(table[1:3]).sum(0)), rtol=1e-5)
    np.testing.assert_allclose(spread[0], table[1:3].std(0), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "complex64", "string"])
def test_cast_refuses_dtypes_that_it_has_not(dtype):
    with pytest.raises(ValueError, match=r"`dtype` must be 'float32', 'int32' or 'bool'"):
        ops.cast(np.array([255.0, -1.0]), dtype)


@pytest.mark.parametrize("method", ["assign", "assign_add", "assign_sub"])
def test_assigning_within_a_traced_call_is_refused(method):
    class Counts(layers.Layer):
        def build(self, input_shape):
            self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False)
            self.seen.assign(2.0)

        def call(self, x):
            getattr(self.seen, method)(1.0)
            return x * 1.0

    class Around(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Counts()

        def call(self, x):
            return self.inner(x)

    for made in (Counts(), Around()):
        with pytest.raises(TypeError, match=rf"{method} within `call`.*Assign in a callback"):
            made(embedcnn.Input((3,)))


def test_assign_add_and_assign_sub_change_a_weight():
    dense = layers.Dense(2)
    dense.build((None, 1))
    dense.bias.assign_add([1.0, 2.0]).assign_sub([0.5, 0.5])
    assert dense.bias.numpy().tolist() == [0.5, 1.5]
    with pytest.raises(ValueError, match="shape"):
        dense.bias.assign_add([[1.0, 2.0], [3.0, 4.0]])


def test_a_sequential_without_an_input_is_built_inside_a_layer_of_ones_own():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.ffn = embedcnn.Sequential([layers.Dense(4)])

        def call(self, x):
            return self.ffn(x)

    block = Block()
    x = embedcnn.Input((7, 4))
    model = embedcnn.Model(x, block(x))
    assert model.predict(np.zeros((2, 7, 4)), verbose=0).shape == (2, 7, 4)
    assert block(np.zeros((3, 7, 4), np.float32)).shape == (3, 7, 4)
    assert model.count_params() == 20


class Own(embedcnn.Model):
    def __init__(self, rest):
        super().__init__()
        self.e, self.pool = layers.Embedding(5, 4), layers.GlobalAveragePooling1D()
        self.rest = rest

    def call(self, x):
        return self.rest(self, self.pool(self.e(x)))


def scores(model, h):
    return ops.matmul(h, ops.transpose(model.e.embeddings))


def penalized(model, h):
    model.add_loss(ops.sum(ops.square(model.e.embeddings)))
    return h


@pytest.mark.parametrize(
    ("rest", "error", "hint"),
    [(scores, ValueError, "TiedDense"), (penalized, TypeError, "embeddings_regularizer")],
)
def test_formulas_of_a_table_say_what_to_use(rest, error, hint):
    model = Own(rest)
    model.compile("sgd", "mse")
    with pytest.raises(error, match=hint):
        model.fit(np.ones((2, 3), np.int32), np.ones((2, 5 if rest is scores else 4)), verbose=0)


def test_weights_of_a_name_of_kerass_files_warn(tmp_path):
    model = embedcnn.Sequential([embedcnn.Input((1,)), layers.Dense(1)])
    with pytest.warns(UserWarning, match="safetensors, which Keras does not read"):
        model.save_weights(tmp_path / "w.weights.h5")


@pytest.mark.parametrize("name", ["sum", "all_steps", "lstm"])
def test_a_layer_of_ones_own_may_have_an_attribute_named_operation(name):
    class Doubled(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.operation = name

        def forward(self, x, training=False):
            return x * 2, lambda d_y: d_y * 2

    x = embedcnn.Input((5, 3))
    model = embedcnn.Model(x, Doubled()(x) * layers.Identity()(x))
    given = np.arange(15, dtype=np.float32).reshape(1, 5, 3)
    np.testing.assert_array_equal(model.predict(given, verbose=0), 2 * given**2)
