"""Exported files: names, labels, tables in fewer bits, texts, large weights; what is refused."""

import json

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from onnx_sessions import check_model, close, session  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import layers  # noqa: E402
from embedcnn.onnx import export  # noqa: E402
from embedcnn.onnx import export_files as files  # noqa: E402
from embedcnn.text import TextEncoder, Vocabulary  # noqa: E402

TEXTS = [
    "The  cat\tsat\non the\x0bmat \r\n",
    "",
    "  ",
    "Élan vital\u00a0x CAFÉ",
    "[UNK] cat \x0c dog cat cat cat the",
    "cat",
    "ΣΑΣ Straße",
]


def bag(steps=None, rows=40, width=16, **embedding):
    words = embedcnn.Input((steps,), dtype="int32", name="words")
    x = layers.Embedding(rows, width, name="table", **embedding)(words)
    x = layers.Concatenate()([layers.GlobalMaxPooling1D()(layers.Conv1D(4, 2)(x)), layers.LSTM(3)(x)])
    return embedcnn.Model(words, layers.Dense(2, activation="softmax", name="scores")(x))


@pytest.mark.parametrize("name", ["q.pt", "model", "m.onnx.gz", "m.keras"])
def test_other_endings_are_refused(name, tmp_path):
    with pytest.raises(ValueError, match=rf"`filepath` must end in .onnx, .*Received: filepath='.*{name}'"):
        bag().export(str(tmp_path / name))
    assert not list(tmp_path.iterdir())


# -- names and metadata --------------------------------------------------------------------------------------
def test_names_and_labels(tmp_path):
    model = bag()
    model.labels = ["good", "bad"]
    model.export(tmp_path / "m.onnx")
    runtime = session(str(tmp_path / "m.onnx"))
    (given,), (made,) = runtime.get_inputs(), runtime.get_outputs()
    assert (given.name, given.type, given.shape) == ("words", "tensor(int64)", ["batch", "words_steps"])
    assert (made.name, made.shape) == ("scores", ["batch", 2])
    metadata = runtime.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["labels"]) == ["good", "bad"]
    assert metadata["embedcnn"] == embedcnn.__version__
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


def test_known_lengths_and_ragged_inputs(tmp_path):
    bag(7).export(tmp_path / "m.onnx", ragged=True)
    given = session(str(tmp_path / "m.onnx")).get_inputs()
    assert [(one.name, one.shape) for one in given] == [("words", ["batch", 7]), ("words_lengths", ["batch"])]


def test_weights_have_their_names(tmp_path):
    bag().export(tmp_path / "m.onnx")
    names = {one.name for one in onnx.load(tmp_path / "m.onnx").graph.initializer}
    assert {"table/embeddings", "scores/kernel", "scores/bias"} <= names


def test_opsets(tmp_path):
    model = bag()
    for opset in (18, 20):
        model.export(tmp_path / "m.onnx", opset=opset)
        assert onnx.load(tmp_path / "m.onnx").opset_import[0].version == opset
    for wrong in (17, 999, "18"):
        with pytest.raises((ValueError, TypeError), match="`opset`"):
            model.export(tmp_path / "m.onnx", opset=wrong)
    with pytest.raises(ValueError, match="`opset` must be from 20 to .* for text=True"):
        model.export(tmp_path / "m.onnx", text=True, opset=19)
    with pytest.raises(ValueError, match="format='tf_saved_model'"):
        model.export(tmp_path / "m.onnx", format="tf_saved_model")


# -- tables --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("dtype", "bytes_each"), [("float16", 2), ("bfloat16", 2), ("int8", 1)])
def test_tables_stay_small(dtype, bytes_each, tmp_path):
    model = bag(rows=4000, mask_zero=True)
    ids = np.random.default_rng(0).integers(0, 4000, (5, 9))
    check_model(model, [ids], tmp_path / "m.onnx")
    large = (tmp_path / "m.onnx").stat().st_size
    model.convert_tables(dtype)
    check_model(model, [ids], tmp_path / "m.onnx")
    saved = 4000 * (16 * (4 - bytes_each) - 4 * (dtype == "int8"))
    assert abs(large - (tmp_path / "m.onnx").stat().st_size - saved) < 2000


def test_large_weights_have_a_file_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LARGEST", 10_000)
    ids = np.random.default_rng(0).integers(0, 4000, (5, 9))
    check_model(bag(rows=4000), [ids], tmp_path / "m.onnx")
    assert (tmp_path / "m.onnx").stat().st_size < 10_000
    assert 256_000 <= (tmp_path / "m.onnx.data").stat().st_size < 270_000


# -- texts ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("standardize", [None, "lower", "lower_unicode"])
@pytest.mark.parametrize("length", [None, 3, 9])
def test_texts(standardize, length, tmp_path):
    encoder = TextEncoder(standardize=standardize, output_sequence_length=length)
    encoder.adapt([*TEXTS[:5], "café"])
    for mask_zero in (False, True):
        model = bag(length, encoder.vocabulary_size(), mask_zero=mask_zero)
        model.text_encoder = encoder
        model.export(tmp_path / "m.onnx", text=True)
        runtime = session(str(tmp_path / "m.onnx"))
        for texts in (TEXTS, TEXTS[:1], TEXTS[1:3], TEXTS[-2:]):
            (got,) = runtime.run(None, {"words": np.array(texts, object)})
            close(got, model.predict(texts, verbose=0))
    assert Vocabulary.load(tmp_path / "m.vocabulary.txt").tokens == encoder.get_vocabulary()


def test_texts_read_by_a_layer(tmp_path):
    reader = layers.TextVectorization(standardize="lower")
    reader.adapt(TEXTS)
    texts = embedcnn.Input((1,), dtype="string", name="review")
    x = layers.Embedding(len(reader.get_vocabulary()), 5)(reader(texts))
    model = embedcnn.Model(texts, layers.Dense(2)(layers.LSTM(4)(x)))
    model.export(tmp_path / "m.onnx", text=True)
    (got,) = session(str(tmp_path / "m.onnx")).run(None, {"review": np.array(TEXTS, object)})
    close(got, model.predict(np.array(TEXTS), verbose=0))
    assert Vocabulary.load(tmp_path / "m.vocabulary.txt").tokens == reader.get_vocabulary()
    model.export(tmp_path / "ids.onnx", ragged=True)
    given = [one.name for one in session(str(tmp_path / "ids.onnx")).get_inputs()]
    assert given == [reader.name, f"{reader.name}_lengths"]


def test_what_other_layers_make_of_texts_is_an_input(tmp_path):
    reader = layers.TextVectorization(output_mode="count", vocabulary=["cat", "mat"], name="counts")
    texts = embedcnn.Input((1,), dtype="string", name="review")
    model = embedcnn.Model(texts, layers.Dense(2)(reader(texts)))
    model.export(tmp_path / "m.onnx")
    (got,) = session(str(tmp_path / "m.onnx")).run(None, {"counts": np.asarray(reader(TEXTS))})
    close(got, model.predict(np.array(TEXTS), verbose=0))
    with pytest.raises(ValueError, match=r"layer 'counts' \(TextVectorization\) has no form"):
        model.export(tmp_path / "m.onnx", text=True)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"standardize": "lower_and_strip_punctuation"}, "standardize"),
        ({"standardize": str.lower}, "standardize"),
        ({"split": "character"}, "split"),
        ({"split": "words", "standardize": "lower"}, "split"),
        ({"split": str.split}, "split"),
        ({"ngrams": 2}, "ngrams"),
        ({"filters": "-"}, "filters"),
    ],
)
def test_other_encoders_are_refused_by_name(settings, name, tmp_path):
    encoder = TextEncoder(**{"standardize": "lower", **settings}, vocabulary=["a", "b"])
    model = bag(rows=4)
    model.text_encoder = encoder
    with pytest.raises(ValueError, match=f"`{name}` of the text encoder must be .* Received: {name}="):
        model.export(tmp_path / "m.onnx", text=True)
    assert not list(tmp_path.iterdir())


def test_models_without_texts(tmp_path):
    with pytest.raises(ValueError, match="text=True: the model has no text encoder"):
        bag().export(tmp_path / "m.onnx", text=True)
    encoder = TextEncoder(standardize="lower")
    model = bag()
    model.text_encoder = encoder
    with pytest.raises(ValueError, match="has no vocabulary yet"):
        model.export(tmp_path / "m.onnx", text=True)


# -- refusals ------------------------------------------------------------------------------------------------
class Doubled(layers.Layer):
    def forward(self, x, training=False):
        return 2 * x, lambda d_y: 2 * d_y


def refused(layer):
    numbers = embedcnn.Input((4, 3), batch_size=2)
    return embedcnn.Model(numbers, layer(numbers))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Doubled(name="mine"), "mine: the operation 'external' is written in Python"),
        (lambda: layers.LSTM(2, stateful=True, name="mine"), "mine: .* carries its states"),
        (
            lambda: layers.GRU(2, activation="exponential", name="mine"),
            "mine: .* has the activation 'exponential'",
        ),
        (
            lambda: lambda x: layers.Dropout(0.5, name="mine")(x, training=True),
            "mine: .* draws random numbers in inference",
        ),
    ],
)
def test_what_has_no_form_is_refused_by_its_layer(make, why, tmp_path):
    with pytest.raises(ValueError, match=why):
        export(refused(make()), tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_a_model_that_is_not_built(tmp_path):
    with pytest.raises(ValueError, match="not built yet"):
        embedcnn.Sequential([layers.Dense(2)]).export(tmp_path / "m.onnx")
