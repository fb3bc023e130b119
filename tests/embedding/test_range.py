"""Numbers that a table of fewer bits cannot hold: refused where they are given, assigned or loaded, with
nothing changed; counted where a table is converted. And rows that would be misread.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.graph.stored import decoded, encoded, first_unfit

ROWS, WIDTH = 6, 3
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(ROWS, WIDTH)).astype(np.float32)
X, Y = RNG.integers(0, ROWS, (16, 4)), RNG.normal(size=16).astype(np.float32)
WRONG = {  # what a dtype cannot hold, and how that is said
    "float16": (1e6, "1 numbers are beyond the range of float16, 65504; the first is"),
    "bfloat16": (3.4e38, "1 numbers are beyond the range of bfloat16, 3.38953e+38; the first is"),
    "int8": (np.nan, "a table of int8 holds finite numbers only"),
}


def model_of(dtype="float32", table=TABLE):
    layer = layers.Embedding(ROWS, WIDTH, weights=[table], storage_dtype=dtype, name="words")
    first = layers.Embedding(ROWS, WIDTH, weights=[TABLE], storage_dtype=dtype, name="first")
    ids = embedcnn.Input((4,))
    pooled = layers.GlobalAveragePooling1D()(layers.Add()([first(ids), layer(ids)]))
    model = embedcnn.Model(ids, layers.Dense(1, name="out")(pooled))
    model.compile("sgd", "mse")
    return model, layer


def with_wrong(dtype):
    """The table with one number that the dtype cannot hold, and what a float32 layer holds."""
    table = TABLE.copy()
    table[4, 2] = WRONG[dtype][0]
    return table


def load_file(model, layer, table, path):
    other, words = model_of()
    words.set_weights([table])
    other.layers[1].set_weights([TABLE + 1])
    other.save_weights(path / "one.weights.safetensors")
    model.load_weights(path / "one.weights.safetensors")


def load_state_dict(model, layer, table, path):
    state = {name: array + 1 for name, array in model.state_dict().items()}
    model.load_state_dict({**state, "words/embeddings": table})


def set_weights(model, layer, table, path):
    own = model.get_weights()
    place = [one.path for one in model.weights].index("words/embeddings")
    model.set_weights([table if number == place else one + 1 for number, one in enumerate(own)])


WAYS = {
    "assign": lambda model, layer, table, path: layer.embeddings.assign(table),
    "assign_add": lambda model, layer, table, path: layer.embeddings.assign_add(table),
    "set_weights of the layer": lambda model, layer, table, path: layer.set_weights([table]),
    "set_weights": set_weights,
    "load_state_dict": load_state_dict,
    "load_weights": load_file,
}


@pytest.mark.parametrize("dtype", WRONG)
@pytest.mark.parametrize("way", WAYS)
def test_what_cannot_be_held_is_refused_and_nothing_changes(way, dtype, tmp_path):
    model, layer = model_of(dtype)
    before = [array.copy() for array in model.get_weights()]
    with pytest.raises(ValueError) as caught:
        WAYS[way](model, layer, with_wrong(dtype), tmp_path)
    assert WRONG[dtype][1] in str(caught.value) and "words/embeddings[4, 2] = " in str(caught.value)
    for array, known in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(array, known)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_rows_that_are_added(dtype):
    layer = layers.Embedding(ROWS, WIDTH, weights=[TABLE], storage_dtype=dtype, trainable=False)
    with pytest.raises(ValueError, match=r"vectors\[0, 1\] = "):
        layer.append_rows([[1.0, WRONG[dtype][0], 2.0]])
    assert layer.embeddings.shape == (ROWS, WIDTH) == (layer.input_dim, WIDTH)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_least_number_beyond(dtype):
    """Ties go to the even side, which is infinity."""
    largest, middle = (65504, 65520) if dtype == "float16" else (255 * 2.0**120, 511 * 2.0**119)
    below = np.nextafter(np.float32(middle), np.float32(0))
    values = np.array([[below, -below, middle, -middle, np.inf, -np.inf, np.nan]], np.float32)
    assert first_unfit(dtype, values) == (2, 0, 2)
    rows, _, overflow = encoded(dtype, values)
    assert overflow == 2
    expected = [largest, -largest, largest, -largest, np.inf, -np.inf, np.nan]
    np.testing.assert_array_equal(decoded(dtype, rows)[0], np.array(expected, np.float32))


def test_nan_of_any_bits_stays_nan_in_bfloat16():
    bits = np.array([[0x7FFFFFFF, 0xFFFFFFFF, 0x7F800001]], np.uint32)
    assert np.isnan(decoded("bfloat16", encoded("bfloat16", bits.view(np.float32))[0])).all()


def test_a_conversion_counts_and_warns():
    model, layer = model_of(table=np.full((ROWS, WIDTH), 1e6, np.float32))
    with pytest.warns(UserWarning, match="18 numbers beyond the range of float16 became its largest, 65504"):
        report = model.convert_tables("float16")
    assert report.overflow == ROWS * WIDTH
    assert (layer.embeddings.numpy() == 65504).all()


def test_a_table_that_is_not_finite_is_not_converted_to_int8():
    model, layer = model_of()
    layer.set_weights([with_wrong("int8")])
    with pytest.raises(ValueError, match=r"words/embeddings\[4, 2\] = nan: a table of int8 holds finite"):
        model.convert_tables("int8")
    assert {one.storage_dtype for one in model.layers if hasattr(one, "storage_dtype")} == {"float32"}
    with pytest.raises(ValueError, match="finite numbers only; 1 are not"):
        layer.convert_table("int8")


def test_the_check_of_a_conversion_takes_sample_weights():
    model, _ = model_of()
    weights = np.arange(16, dtype=np.float32)
    expected = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    report = model.convert_tables("float16", check=(X, Y, weights))
    assert report.before["loss"] == expected != model.evaluate(X, Y, verbose=0)
    assert report.after["loss"] == model.evaluate(X, Y, sample_weight=weights, verbose=0)


def test_integers_that_are_loaded_are_numbers_not_bits():
    model, layer = model_of("int8")
    whole = np.arange(ROWS * WIDTH).reshape(ROWS, WIDTH).astype(np.int8)
    model.load_state_dict({"words/embeddings": whole}, strict=False)
    np.testing.assert_allclose(layer.embeddings.numpy(), whole, atol=17 / 254)


BYTES, SCALES, BITS = np.zeros((4, 2), np.int8), np.ones(4, np.float32), np.zeros((4, 2), np.uint16)
MISREAD = {
    "nested": (
        lambda: layers.Embedding(4, 2, weights=[(BYTES, SCALES)], storage_dtype="int8"),
        "`weights` of int8 must be two arrays, weights=[rows, scales]",
    ),
    "nested floats": (lambda: layers.Embedding(4, 2, weights=[(BYTES, SCALES)]), "weights=[rows, scales]"),
    "bits": (lambda: layers.Embedding(4, 2, weights=[BITS]), "need storage_dtype='bfloat16'"),
    "bits of float16": (
        lambda: layers.Embedding(4, 2, weights=BITS, storage_dtype="float16"),
        "Received: uint16, storage_dtype='float16'",
    ),
    "pretrained bits": (
        lambda: layers.Embedding.from_pretrained(BITS),
        "`embeddings` of uint16 are the bits",
    ),
    "bag of bits": (lambda: layers.EmbeddingBag(4, 2, _weight=BITS), "`_weight` of uint16 are the bits"),
    "pretrained bag of bits": (lambda: layers.EmbeddingBag.from_pretrained(BITS), "`embeddings` of uint16"),
    "masters of float32": (lambda: layers.Embedding(4, 2, storage_rounding="master"), "would do nothing"),
    "masters of int8": (
        lambda: layers.EmbeddingBag(4, 2, storage_rounding="master", storage_dtype="int8"),
        "Received: storage_rounding='master', storage_dtype='int8'",
    ),
}


@pytest.mark.parametrize("case", MISREAD)
def test_misread(case):
    call, message = MISREAD[case]
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_converted_tables_keep_their_rules_in_a_file(dtype, tmp_path):
    layer = layers.Embedding(
        ROWS, WIDTH, storage_dtype="float16", storage_rounding="master", trainable_rows=[1, 2], max_norm=2.0
    )
    model = embedcnn.Sequential([embedcnn.Input((4,)), layer, layers.GlobalAveragePooling1D()])
    model.convert_tables(dtype)
    model.save(tmp_path / "m.embedcnn")
    read = embedcnn.models.load_model(tmp_path / "m.embedcnn").layers[-2]
    assert (read.storage_rounding, read.max_norm, read.storage_dtype) == ("master", 2.0, dtype)
    assert np.flatnonzero(read.trainable_rows).tolist() == [1, 2]
