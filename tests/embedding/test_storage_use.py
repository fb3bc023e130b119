"""Tables in float16, bfloat16 and int8 where people meet them: matrices that are stored so already,
conversion, files, operations on arrays, summaries, callbacks, copies.
"""

import contextlib
import copy
import io
import pickle
import threading

import numpy as np
import pytest

import embedcnn
from embedcnn import callbacks, layers, ops
from embedcnn.graph.stored import decoded, encoded

ROWS, WIDTH = 40, 6
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(ROWS, WIDTH)).astype(np.float32)
X, Y = RNG.integers(0, ROWS, (24, 7)), RNG.normal(size=24).astype(np.float32)
HALVES = ["float16", "bfloat16"]
DTYPES = [*HALVES, "int8"]


def rounded(dtype, table=TABLE):
    return decoded(dtype, *encoded(dtype, table)[:2])


def given(dtype):
    """The table as it is stored: rows, or rows and scales."""
    rows, scales, _ = encoded(dtype, TABLE)
    return rows if scales is None else (rows, scales)


def model_of(dtype="float32", optimizer="adam", rounding="stochastic", **options):
    embedcnn.utils.set_random_seed(1)
    layer = layers.Embedding(
        ROWS, WIDTH, weights=[TABLE], storage_dtype=dtype, storage_rounding=rounding, name="words", **options
    )
    made = [embedcnn.Input((7,)), layer, layers.GlobalAveragePooling1D(), layers.Dense(1, name="out")]
    model = embedcnn.Sequential(made, seed=2)
    model.compile(optimizer, "mse")
    return model, layer


# -- matrices that are stored so already ---------------------------------------------------------------------
MAKERS = {
    "Embedding": lambda table, **options: layers.Embedding(
        ROWS, WIDTH, weights=table if isinstance(table, tuple) else [table], **options
    ),
    "from_pretrained": layers.Embedding.from_pretrained,
    "EmbeddingBag": lambda table, **options: layers.EmbeddingBag(ROWS, WIDTH, _weight=table, **options),
    "EmbeddingBag.from_pretrained": layers.EmbeddingBag.from_pretrained,
    "EmbedReduce": lambda table, **options: layers.EmbedReduce(
        ROWS, WIDTH, weights=table if isinstance(table, tuple) else [table], **options
    ),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_stored_rows_are_taken_as_they_are(dtype, maker):
    table = given(dtype)
    made = MAKERS[maker](table, storage_dtype=dtype)
    rows = table[0] if isinstance(table, tuple) else table
    assert np.shares_memory(made.embeddings.value, rows)
    np.testing.assert_array_equal(made.embeddings.numpy(), rounded(dtype))
    from_numbers = MAKERS[maker](TABLE, storage_dtype=dtype)
    np.testing.assert_array_equal(from_numbers.embeddings.numpy(), rounded(dtype))


@pytest.mark.parametrize("maker", ["from_pretrained", "EmbeddingBag", "EmbeddingBag.from_pretrained"])
def test_scales_that_do_not_fit(maker):
    rows, scales = given("int8")
    with pytest.raises(ValueError, match="scales float32 of shape"):
        MAKERS[maker]((rows, scales[:3]), storage_dtype="int8")


# -- conversion ----------------------------------------------------------------------------------------------
class WithPositions(layers.Layer):
    """A table of words and one of places, whose rows all texts share."""

    def __init__(self, **options):
        super().__init__(**options)
        self.words = layers.Embedding(ROWS, WIDTH, name="words")
        self.places = layers.Embedding(7, WIDTH, name="places")

    def call(self, x):
        return self.words(x) + self.places(np.arange(7))


def with_positions():
    made = [
        embedcnn.Input((7,)),
        WithPositions(name="both"),
        layers.GlobalAveragePooling1D(),
        layers.Dense(1),
    ]
    model = embedcnn.Sequential(made)
    model.compile("adam", "mse")
    return model, "places"


def with_tied():
    ids, tied = embedcnn.Input((7,)), layers.Embedding(ROWS, WIDTH, name="tied")
    words, pool = layers.Embedding(ROWS, WIDTH, name="words"), layers.GlobalAveragePooling1D()
    x = layers.Add()([pool(tied(ids)), pool(words(ids))])
    return embedcnn.Model(ids, layers.TiedDense(tied, name="scores")(x)), "tied"


@pytest.mark.parametrize("make", [with_positions, with_tied])
@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_that_are_read_whole_stay_in_float32(dtype, make):
    model, kept = make()
    before = model.predict(X, verbose=0)
    report = model.convert_tables(dtype)
    assert [name.split("/")[-1] for name in report.tables] == ["words"]
    assert list(report.kept) == [kept]
    assert f"{kept} stays in float32: {report.kept[kept]} reads all of it" in str(report)
    after = model.predict(X, verbose=0)
    assert (after != before).any() and np.abs(after - before).max() < 0.05
    dtypes = {one.path.split("/")[-2]: one.dtype for one in model.weights if "embeddings" in one.path}
    assert dtypes == {"words": dtype, kept: "float32"}


def test_a_converted_model_is_saved_and_goes_on(tmp_path):
    model, _ = with_positions()
    model.fit(X, Y, verbose=0)
    report = model.convert_tables("bfloat16", check=(X, Y))
    assert "loss: " in str(report)
    model.fit(X, Y, verbose=0)
    model.save_weights(tmp_path / "weights")
    other, _ = with_positions()
    other.load_weights(tmp_path / "weights")
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


# -- operations on arrays ------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", DTYPES)
def test_operations_on_arrays_see_numbers(dtype):
    table = layers.Embedding(ROWS, WIDTH, weights=[TABLE], storage_dtype=dtype).embeddings
    np.testing.assert_array_equal(ops.take(table, np.array([3, 1]), axis=0), rounded(dtype)[[3, 1]])
    np.testing.assert_allclose(ops.matmul(table, TABLE.T), rounded(dtype) @ TABLE.T, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(table * 2, rounded(dtype) * 2)
    np.testing.assert_allclose(ops.norm(table, axis=1), np.linalg.norm(rounded(dtype), axis=1), rtol=1e-6)


def test_other_layers_that_read_a_stored_table_say_so():
    class Places(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.places = layers.Embedding(7, WIDTH, storage_dtype="float16", name="places")

        def call(self, x):
            return x + self.places(np.arange(7))

    model = embedcnn.Sequential([embedcnn.Input((7, WIDTH)), Places()])
    with pytest.raises(ValueError, match="needs it in float32"):
        model.predict(np.zeros((2, 7, WIDTH)), verbose=0)


# -- looks ---------------------------------------------------------------------------------------------------
def test_a_summary_names_what_tables_are_kept_in():
    for dtype in ("float32", *DTYPES):
        model, layer = model_of(dtype)
        text = io.StringIO()
        with contextlib.redirect_stdout(text):
            model.summary()
        shown = "(Embedding)" if dtype == "float32" else f"(Embedding, {dtype})"
        assert f"words {shown}" in text.getvalue()
        assert repr(layer.embeddings).endswith(f"dtype={dtype}>")


# -- callbacks -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("rounding", ["stochastic", "master"])
@pytest.mark.parametrize("dtype", HALVES)
def test_the_best_weights_of_a_frozen_table_come_back_after_it_learnt(dtype, rounding):
    """What is remembered of a frozen table is the table itself: learning must not write to it."""
    model, layer = model_of(dtype, "sgd", rounding, trainable=False)
    stop = callbacks.EarlyStopping("loss", mode="max", patience=50, restore_best_weights=True)
    moved = []

    class Unfreeze(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            layer.trainable = epoch >= 2

        def on_epoch_end(self, epoch, logs=None):
            moved.append((layer.embeddings.numpy() != rounded(dtype)).any())

    model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=[Unfreeze(), stop])
    assert moved == [False, False, True, True, True] and stop.best_epoch < 2
    np.testing.assert_array_equal(layer.embeddings.numpy(), rounded(dtype))
    assert layer.embeddings.masters is None


@pytest.mark.parametrize("trainable", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_killed_training_remembers_the_best_weights(dtype, trainable, tmp_path):
    class Killed(Exception):
        pass

    class Kill(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise Killed

    def run(folder, *more):
        model, _ = model_of(dtype, trainable=trainable)
        stop = callbacks.EarlyStopping("loss", mode="max", patience=50, restore_best_weights=True)
        kept = [callbacks.BackupAndRestore(tmp_path / folder), stop, *more]
        with contextlib.suppress(Killed):
            model.fit(X, Y, batch_size=8, epochs=5, verbose=0, callbacks=kept)
        return model.get_weights()

    run("killed", Kill())
    for one, other in zip(run("killed"), run("whole"), strict=True):
        np.testing.assert_array_equal(one, other)


# -- copies, threads -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
@pytest.mark.parametrize(
    ("dtype", "rounding"),
    [
        *((dtype, "stochastic") for dtype in DTYPES),
        *((dtype, "master") for dtype in DTYPES if dtype != "int8"),
    ],
)
def test_a_copy_trains_on_alike(dtype, rounding, copied):
    model, _ = model_of(dtype, embedcnn.optimizers.Adam(0.02, use_ema=True), rounding)
    model.train_on_batch(X, Y)
    other = copied(model)
    assert other.layers[0].embeddings.dtype == dtype
    for one in (model, other):
        one.train_on_batch(X[:8], Y[:8])
        one.fit(X, Y, verbose=0)
    for one, another in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one.value, another.value)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_predict_alike_while_the_table_is_converted(dtype):
    model, _ = model_of()
    results, failures = [], []

    def predict():
        try:
            results.extend(model.predict(X, verbose=0).tobytes() for _ in range(20))
        except Exception as error:
            failures.append(error)

    readers = [threading.Thread(target=predict) for _ in range(3)]
    before = model.predict(X, verbose=0).tobytes()
    for reader in readers:
        reader.start()
    model.convert_tables(dtype)
    for reader in readers:
        reader.join()
    after = model.predict(X, verbose=0).tobytes()
    assert not failures and set(results) <= {before, after}


# -- tensors of PyTorch --------------------------------------------------------------------------------------
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("dtype", ["float32", *DTYPES])
def test_tables_of_pytorch(dtype, maker):
    """Its bfloat16 too, which NumPy does not have, and parameters, which require gradients."""
    torch = pytest.importorskip("torch")
    for tensor in (torch.tensor(TABLE).bfloat16(), torch.nn.Parameter(torch.tensor(TABLE))):
        numbers = tensor.detach().float().numpy()
        made = MAKERS[maker](tensor, storage_dtype=dtype)
        expected = numbers if dtype == "float32" else rounded(dtype, numbers)
        np.testing.assert_array_equal(made.embeddings.numpy(), expected)
        made.set_weights([tensor])
        np.testing.assert_array_equal(made.embeddings.numpy(), expected)
