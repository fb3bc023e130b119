"""Embedding and EmbeddingBag over ids that another layer computes: the bits of a model that is given them."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers

ROWS, WIDTH = 30, 5
RNG = np.random.default_rng(0)
NUMBERS = RNG.uniform(0, 100, (20, 6)).astype(np.float32)
IDS = np.floor(NUMBERS / 4).astype(int)
TABLE = RNG.normal(size=(ROWS, WIDTH)).astype(np.float32)
Y = RNG.normal(size=(20, 1)).astype(np.float32)


def hashed(name=None):
    return layers.Lambda(lambda x: np.floor(x / 4), name=name)


def trained(computed, above, kind=layers.Embedding, x=None, **options):
    embedcnn.utils.set_random_seed(1)
    source = embedcnn.Input((6,))
    table = kind(ROWS, WIDTH, trainable=True, **options)
    out = layers.Dense(1)(above(table(hashed()(source) if computed else source)))
    table.set_weights([TABLE])
    model = embedcnn.Model(source, out, seed=3)
    model.compile("adam", "mse")
    model.fit(x if x is not None else NUMBERS if computed else IDS, Y, batch_size=6, shuffle=False, verbose=0)
    return table.embeddings.numpy(), model


ABOVE = {
    "mean": lambda x: layers.GlobalAveragePooling1D()(x),
    "flatten": lambda x: layers.Flatten()(x),
    "text cnn": lambda x: layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2)(x)),
    "lstm": lambda x: layers.LSTM(4)(x),
}


@pytest.mark.parametrize("options", [{}, {"mask_zero": True}, {"trainable_rows": [1, 5, 9]}])
@pytest.mark.parametrize("above", ABOVE)
def test_the_bits_are_those_of_given_ids(above, options):
    computed, model = trained(True, ABOVE[above], **options)
    given, _ = trained(False, ABOVE[above], **options)
    np.testing.assert_array_equal(computed, given)
    assert (computed != TABLE).any()
    assert "to_ids" in [op.name for op in model.lowered(training=True).operations]


def test_bags():
    computed, _ = trained(True, lambda x: x, layers.EmbeddingBag, mode="max", padding_idx=4)
    given, _ = trained(False, lambda x: x, layers.EmbeddingBag, mode="max", padding_idx=4)
    np.testing.assert_array_equal(computed, given)


def test_one_table_reads_given_and_computed_ids():
    """All ids of a table are there before its first call, whatever the order in which it was called."""
    for late_first in (False, True):
        given, numbers = embedcnn.Input((6,)), embedcnn.Input((6,))
        table = layers.Embedding(ROWS, WIDTH, weights=[TABLE])
        read = [hashed()(numbers), given] if late_first else [given, hashed()(numbers)]
        made = [layers.GlobalAveragePooling1D()(table(ids)) for ids in read]
        model = embedcnn.Model([given, numbers], layers.Subtract()(made))
        difference = model.predict([IDS, NUMBERS], verbose=0)
        np.testing.assert_allclose(difference, 0, atol=1e-6)
        assert sum(op.name == "lookup" for op in model.lowered().operations) == 1


def test_ids_that_depend_on_the_rows_of_their_table_are_refused():
    x, table = embedcnn.Input((6,)), layers.Embedding(ROWS, WIDTH, name="words")
    again = table(layers.Lambda(lambda v: np.abs(np.floor(v[:, :, 0])))(table(x)))
    with pytest.raises(ValueError, match="'words': ids of one of its calls depend on its own rows"):
        embedcnn.Model(x, layers.Flatten()(again)).predict(IDS, verbose=0)


def test_two_tables_one_behind_the_other():
    x, first = (
        embedcnn.Input((6,)),
        layers.Embedding(ROWS, 1, weights=[np.arange(ROWS - 1, -1, -1.0)[:, None]]),
    )
    turned = layers.Reshape((6,))(first(x))
    model = embedcnn.Model(x, layers.Flatten()(layers.Embedding(ROWS, WIDTH, weights=[TABLE])(turned)))
    np.testing.assert_array_equal(model.predict(IDS, verbose=0), TABLE[ROWS - 1 - IDS].reshape(20, -1))


def test_weights_before_computed_ids_have_no_gradient():
    x = embedcnn.Input((6,))
    ids = layers.Lambda(lambda v: np.clip(np.floor(np.abs(v)), 0, ROWS - 1))(
        layers.Dense(6, name="before")(x)
    )
    table = layers.Embedding(ROWS, WIDTH)
    model = embedcnn.Model(x, layers.Dense(1)(layers.GlobalAveragePooling1D()(table(ids))))
    model.compile("sgd", "mse")
    _, gradients = model.compute_gradients(NUMBERS, Y)
    assert not any(path.startswith("before/") for path in gradients)
    model.fit(NUMBERS, Y, verbose=0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (30.0, "is 30;"),
        (-1.0, "is -1;"),
        (1.5, "is 1.5;"),
        (3e9, "is 3e+09;"),
    ],
)
def test_what_is_no_id_is_named_with_its_place(value, shown):
    x = embedcnn.Input((4,))
    ids = layers.Lambda(lambda v: v)(x)
    model = embedcnn.Model(x, layers.Flatten()(layers.Embedding(ROWS, WIDTH)(ids)))
    numbers = np.ones((3, 4))
    numbers[2, 1] = value
    with pytest.raises(ValueError, match=r"whole numbers in \[0, 30\)") as caught:
        model.predict(numbers, verbose=0)
    assert "text 2 at place 1" in str(caught.value) and shown in str(caught.value)


def test_numbers_that_are_learned_are_no_ids():
    with pytest.raises(ValueError, match="whose numbers are learned"):
        layers.Embedding(ROWS, WIDTH)(layers.Dense(3)(embedcnn.Input((3,))))
