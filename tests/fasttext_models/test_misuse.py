"""What users may get wrong, and damaged files: errors that name argument or place, never a crash."""

import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest

from embedcnn.fasttext import load_model, tokenize
from embedcnn.fasttext.files import packed_dictionary, packed_settings

HERE = Path(__file__).parent / "golden"
MODEL = load_model(HERE / "characters.bin")
SMALL = load_model(HERE / "characters0.ftz")
WORDS = load_model(HERE / "words.bin")
VECTORS = load_model(HERE / "skipgram.bin")
DATA = (HERE / "characters.bin").read_bytes()
CUT = (HERE / "characters1.ftz").read_bytes()

CALLS = [
    (lambda: MODEL.predict("two\nlines"), ValueError, "one line"),
    (lambda: MODEL.predict(["one", "two\nlines"]), ValueError, r"texts\[1\]"),
    (lambda: MODEL.predict(None), TypeError, "`text` must be"),
    (lambda: MODEL.predict(7), TypeError, "`text` must be.*int"),
    (lambda: MODEL.predict(b"bytes"), TypeError, "`text` must be.*bytes"),
    (lambda: MODEL.predict({"a": 1}), TypeError, "`text` must be.*dict"),
    (lambda: MODEL.predict(["one", 2]), TypeError, r"texts\[1\] is a int"),
    (lambda: MODEL.predict([["a", "b"]]), TypeError, r"texts\[0\] is a list"),
    (lambda: MODEL.predict([["a", 1]]), TypeError, "a list"),
    (lambda: MODEL.predict("a", k=0), ValueError, "`k` must be at least 1, or -1.*k=0"),
    (lambda: MODEL.predict("a", k=-2), ValueError, "k=-2"),
    (lambda: MODEL.predict("a", k=1.5), ValueError, "`k` must be an integer"),
    (lambda: MODEL.predict("a", k=True), ValueError, "`k` must be an integer"),
    (lambda: MODEL.predict("a", threshold="high"), ValueError, "`threshold`"),
    (lambda: MODEL.predict("a", threshold=float("nan")), ValueError, "`threshold`"),
    (lambda: VECTORS.predict("a"), ValueError, "not supervised"),
    (lambda: VECTORS.test(HERE / "test.txt"), ValueError, "not supervised"),
    (lambda: MODEL.test(HERE / "missing.txt"), FileNotFoundError, "missing.txt"),
    (lambda: MODEL.test(HERE / "test.txt", k=0), ValueError, "`k`"),
    (lambda: MODEL.test_label(HERE / "test.txt", threshold=None), ValueError, "`threshold`"),
    (lambda: MODEL.get_word_vector(3), TypeError, "`word` must be a str"),
    (lambda: MODEL.get_word_id(b"w1"), TypeError, "`word` must be a str"),
    (lambda: MODEL.get_label_id(None), TypeError, "`label` must be a str"),
    (lambda: MODEL.get_subword_id(1), TypeError, "`subword` must be a str"),
    (lambda: WORDS.get_subword_id("ab"), ValueError, "bucket is 0"),
    (lambda: MODEL.get_subwords(None), TypeError, "`word` must be a str"),
    (lambda: MODEL.get_sentence_vector("two\nlines"), ValueError, "`text` must be one line"),
    (lambda: MODEL.get_sentence_vector(["a"]), TypeError, "`text` must be a str"),
    (lambda: MODEL.get_nearest_neighbors("w1", k=0), ValueError, "`k` must be an integer >= 1"),
    (lambda: MODEL.get_analogies("w1", "w2", 3), TypeError, "`word` must be a str"),
    (lambda: MODEL.get_input_vector(-1), ValueError, r"`ind`.*\[0, 332\]"),
    (lambda: MODEL.get_input_vector(10**9), ValueError, "`ind`"),
    (lambda: MODEL.get_line("a\nb"), ValueError, "one line"),
    (lambda: MODEL.get_line(["a", 1]), TypeError, "`text` must be a str"),
    (lambda: MODEL.get_words(include_freq="yes"), TypeError, "`include_freq`"),
    (lambda: tokenize(None), TypeError, "`text` must be a str"),
    (lambda: SMALL.get_input_matrix(), ValueError, "quantised"),
    (lambda: SMALL.quantize(), ValueError, "quantised already"),
    (lambda: VECTORS.quantize(), ValueError, "only models with labels"),
    (lambda: load_model(HERE / "words.bin").quantize(dsub=0), ValueError, r"`dsub`.*\[1, 4\]"),
    (lambda: load_model(HERE / "words.bin").quantize(dsub=5), ValueError, "`dsub`"),
    (lambda: load_model(HERE / "words.bin").quantize(cutoff=-1), ValueError, "`cutoff`"),
    (
        lambda: load_model(HERE / "words.bin").quantize(retrain=True, cutoff=9),
        ValueError,
        "`retrain` needs `input`",
    ),
    (
        lambda: load_model(HERE / "words.bin").quantize("a", retrain=True),
        ValueError,
        "what a `cutoff` has kept",
    ),
    (lambda: load_model(HERE / "words.bin").quantize(qout=1), TypeError, "`qout`"),
    (
        lambda: load_model(HERE / "hs.bin").quantize(HERE / "test.txt", retrain=True, cutoff=9, lr=1e30),
        ValueError,
        "`lr` must be smaller",
    ),
    (lambda: VECTORS.fold(), ValueError, "only models with labels are folded"),
    (lambda: SMALL.fold(), ValueError, "quantised, so it is small already"),
    (lambda: MODEL._model.folded(), ValueError, "the model is not folded"),
    (lambda: load_model(HERE / "missing.bin"), FileNotFoundError, "missing.bin"),
    (lambda: load_model(HERE), IsADirectoryError, "golden"),
    (lambda: load_model(HERE / "test.txt"), ValueError, "test.txt: no fastText model"),
    (lambda: load_model(b""), ValueError, "the bytes of a model: it ends within the settings"),
    (lambda: load_model(DATA, fold="yes"), TypeError, "`fold` must be True or False or None"),
    (lambda: load_model(DATA, label=None), TypeError, "`label` must be a str"),
    (lambda: load_model(None), TypeError, "NoneType"),
    (lambda: MODEL.save_model("/no/such/folder/model.bin"), FileNotFoundError, "folder"),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_calls(number):
    call, kind, message = CALLS[number]
    with pytest.raises(kind, match=message):
        call()


def with_fields(data: bytes, **fields: int) -> bytes:
    order = "magic version dim ws epoch minCount neg wordNgrams loss model bucket minn maxn"
    places = {name: 4 * number for number, name in enumerate(order.split())}
    changed = bytearray(data)
    for name, value in fields.items():
        struct.pack_into("<i", changed, places[name], value)
    return bytes(changed)


def with_long(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<q", value) + data[at + 8 :]


def small_file(**args) -> bytes:
    """A model of one word and two labels, of hierarchical softmax unless said otherwise."""
    counts = args.pop("counts", (3, 2))
    settings = {"dim": 1, "bucket": 0, "loss": "hs", **args}
    labels = list(zip([b"__label__a", b"__label__b"], counts, strict=True))
    matrices = struct.pack("<?qqf", False, 1, 1, 1.0) + struct.pack("<?qqff", False, 2, 1, 1.0, float("nan"))
    return packed_settings(settings) + packed_dictionary([(b"w", 5)], labels, 9) + matrices


HEADS = MODEL._facts["ends"]
FILES = [
    (with_fields(DATA, magic=7), "no fastText model"),
    (with_fields(DATA, version=13), "version is 13"),
    (with_fields(DATA, version=10), "version is 10"),
    (with_fields(DATA, dim=0), "dim is 0"),
    (with_fields(DATA, dim=5), r"input matrix is 333 x 4; its dictionary needs 333 x 5"),
    (with_fields(DATA, dim=1 << 30), "dim is"),
    (with_fields(DATA, loss=0), "loss is number 0"),
    (with_fields(DATA, loss=5), "loss is number 5"),
    (with_fields(DATA, model=9), "model is number 9"),
    (with_fields(DATA, bucket=-1), "bucket is -1"),
    (with_fields(DATA, bucket=0), "bucket is 0"),
    (with_fields(DATA, bucket=301), "needs 334 x 4"),
    (with_fields(DATA, wordNgrams=1 << 30), "wordNgrams is"),
    (with_fields(DATA, maxn=1 << 30), "maxn is"),
    (with_fields(DATA, model=2), "output matrix"),
    (DATA[:64] + struct.pack("<i", 9) + DATA[68:], "9 entries"),
    (DATA[:64] + struct.pack("<iii", 2**31 - 1, 2**31 - 4, 3) + DATA[76:], "ends within the dictionary"),
    (DATA[:64] + struct.pack("<iii", -3, -6, 3) + DATA[76:], "damaged: -3 entries"),
    (with_long(DATA, 84, -2), "-2 buckets kept"),
    (with_long(DATA, 84, 2), "it is damaged|a cut-off model must be quantised|damaged|matrix"),
    (with_long(DATA, HEADS[0] + 1, 2**40), "a matrix of"),
    (with_long(DATA, HEADS[0] + 1, 10**6), "ends within a matrix"),
    (with_long(DATA, HEADS[0] + 9, 0), "a matrix of 333 x 0"),
    (with_long(DATA, HEADS[0] + 9, 2**62), "a matrix of"),
    (with_long(DATA, HEADS[1] + 1, -1), "a matrix of -1"),
    (
        CUT.replace(b"\x01" + struct.pack("<qq", 270, 4), b"\x01" + struct.pack("<qq", 271, 4), 1),
        "codes for 271 rows",
    ),
    (small_file(counts=(3, -1)), "label 1 of its dictionary has an impossible count: -1"),
    (small_file(counts=(2**62, 2)), "impossible count"),
]


@pytest.mark.parametrize("number", range(len(FILES)))
def test_damaged_files(number):
    data, message = FILES[number]
    with pytest.raises(ValueError, match=message):
        load_model(data)


@pytest.mark.parametrize("name", ["characters.bin", "characters1.ftz", "ova0.ftz", "hs.bin"])
def test_files_cut_short_anywhere(name):
    data = (HERE / name).read_bytes()
    for end in {*range(0, len(data), 211), *range(len(data) - 20, len(data))}:
        with pytest.raises(ValueError, match="ends|damaged|needs"):
            load_model(data[:end])
    assert load_model(data + b"more").labels == load_model(data).labels  # as fastText reads it


def test_words_twice_and_labels_before_words():
    tail = struct.pack("<?qqf", False, 2, 1, 0.0) * 2
    for words, labels, message in (
        ([(b"w", 1), (b"w", 1)], [(b"__label__a", 1)], "a word twice"),
        ([(b"w", 1)], [(b"w", 1)], "a word twice"),
    ):
        with pytest.raises(ValueError, match=message):
            load_model(packed_settings({"dim": 1, "bucket": 0}) + packed_dictionary(words, labels, 2) + tail)
    swapped = packed_dictionary([(b"a", 1)], [(b"b", 1)], 2).replace(
        b"\x01\0\0\0\0\0\0\0\0", b"\x01\0\0\0\0\0\0\0\x01", 1
    )
    with pytest.raises(ValueError, match="words stand before labels"):
        load_model(packed_settings({"dim": 1, "bucket": 0}) + swapped + tail)


@pytest.mark.parametrize("loss", ["hs", "softmax", "ova"])
def test_numbers_that_are_none(loss):
    model = load_model(small_file(loss=loss))
    if loss == "hs":  # its tree has one inner node, whose row is a number
        assert len(model.predict("w", k=-1)[0]) == 2
        return
    with pytest.raises(ValueError, match="not a number"):
        model.predict("w")


def test_a_mapped_file_that_is_cut_short():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.bin")
        path.write_bytes(DATA)
        model = load_model(path)
        with open(path, "r+b") as file:
            file.truncate(100)
        for call in (
            lambda: model.predict("w1"),
            lambda: model["w1"],
            lambda: model.save_model(path),
            lambda: model.words,
        ):
            with pytest.raises(
                ValueError, match=r"model.bin: another process has cut the file short.*load it again"
            ):
                call()


def test_texts_of_any_bytes():
    texts = [
        "\ud800 lone",
        "\0\0",
        " " * 100,
        "a" * 10000,
        "</s>" * 3,
        "\u2028 w1",
        "__label__",
        "__label__sport",
    ]
    labels, shares = MODEL.predict(texts, k=-1)
    assert [len(found) for found in labels] == [3] * len(texts)
    assert all(np.isfinite(share).all() for share in shares)
    assert MODEL.predict([]) == ([], [])
