"""Files that are damaged, forged or made to hurt: each is a clear error of one kind, ValueError, that names
the file; none takes all memory or time.
"""

import gzip
import struct

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import _core, data, models, preprocessing, utils, vectors
from embedcnn.text import Vocabulary
from embedcnn.vectors import cache

DEEP = "[" * 100_000 + "]" * 100_000


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_json_that_is_too_deep(tmp_path):
    path = written(tmp_path / "a.jsonl", f'{{"text": "a", "label": 1}}\n{{"text": {DEEP}, "label": 0}}\n')
    for read in (data.read_labelled, lambda path: list(data.JsonLinesDataset(path))):
        with pytest.raises(ValueError, match=r"a\.jsonl, line 2: not valid JSON"):
            read(path)
    for read in (preprocessing.text.tokenizer_from_json, models.model_from_json):
        with pytest.raises(ValueError, match="json_string"):
            read(DEEP)
        with pytest.raises(ValueError, match="json_string"):
            read("{")


# -- caches of vectors ---------------------------------------------------------------------------------------
WORDS = vectors.load({"a": [1.0, 2.0], "b": [3.0, 4.0]})
DTYPE, ROWS, COLUMNS, BUCKETS, PLACES, NOTE = 2, 3, 4, 5, 9, 21


def forged(path, number, value, note=None):
    """A cache file with another number in its header, and checksums that fit it."""
    vectors.write(WORDS, path, "cache")
    whole = path.read_bytes()
    fields = list(cache.HEADER.unpack_from(whole))
    note = whole[cache.HEADER.size : cache.HEADER.size + fields[NOTE]] if note is None else note
    fields[number] = value
    header = (cache.HEADER.pack(*fields) + note).ljust(cache.PAGE - 8, b"\0")
    header += struct.pack("<Q", _core.checksum(header))
    return written(path, header + whole[cache.PAGE :])


FORGED = [
    (DTYPE, 99),
    (DTYPE, 2),
    (ROWS, 2**62),
    (ROWS, -1),
    (COLUMNS, 2**62),
    (BUCKETS, 7),
    *((PLACES + number, value) for number in range(10) for value in (-8, 3, 2**50)),
    (NOTE, 3000),
    (NOTE, 5),
    (NOTE, -5),
]


@pytest.mark.parametrize(("number", "value"), FORGED)
def test_forged_caches(tmp_path, number, value):
    path = forged(tmp_path / "cache", number, value)
    with pytest.raises(vectors.VectorFileError, match="the cache file is damaged"):
        vectors.load(path)
    source = written(tmp_path / "words", "a 1 2\nb 3 4\n")
    forged(tmp_path / "words.embedcnn", number, value)
    assert vectors.load(source, cache=True).index_to_key == ["a", "b"]
    assert vectors.load(tmp_path / "words.embedcnn").index_to_key == ["a", "b"]  # made again


@pytest.mark.parametrize(
    "note", [b"{}", b"nope", b"[]", b'{"source": 7}', b'{"source": {}}', b'{"source": {"path": 1}}']
)
def test_forged_notes(tmp_path, note):
    with pytest.raises(vectors.VectorFileError, match="does not say what it was made from"):
        vectors.load(forged(tmp_path / "cache", NOTE, len(note), note))


# -- vector files --------------------------------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("line", [b"b" * (16 << 20) + b" 3 4", b"1 " * (8 << 20)])
@pytest.mark.parametrize("first", [True, False])
def test_a_line_of_16_megabytes(tmp_path, line, first):
    lines = [line, b"a 1 2"] if first else [b"a 1 2", line]
    path = written(tmp_path / "words", b"\n".join(lines) + b"\n")
    with pytest.raises(vectors.VectorFileError, match="words, line [12]"):
        vectors.load(path)


# -- bytes that are no text ----------------------------------------------------------------------------------
def test_the_file_is_named_where_bytes_are_no_text(tmp_path):
    path = written(tmp_path / "bad", b"a\n\xff\xfe\n")
    np.save(tmp_path / "m.npy", WORDS.vectors)
    for read in (
        WORDS.evaluate_word_analogies,
        WORDS.evaluate_word_pairs,
        lambda path: vectors.load(tmp_path / "m.npy", keys=path),
        Vocabulary.load,
        data.read_text,
        lambda path: list(data.TextLineDataset(path)),
        lambda path: data.read_labelled(path, format="fasttext"),
    ):
        with pytest.raises(ValueError, match=str(path)) as caught:
            read(path)
        assert not isinstance(caught.value, UnicodeError)


def test_byte_order_marks_in_lists_of_words(tmp_path):
    np.save(tmp_path / "m.npy", WORDS.vectors)
    keys = written(tmp_path / "keys", b"\xef\xbb\xbfa\r\nb\r\n")
    assert vectors.load(tmp_path / "m.npy", keys=keys).index_to_key == ["a", "b"]
    more = vectors.load({name: [float(i), 1.0] for i, name in enumerate("abcd")})
    questions = written(tmp_path / "questions", b"\xef\xbb\xbf: letters\r\na b c d\r\n")
    assert [part["section"] for part in more.evaluate_word_analogies(questions)[1]][0] == "letters"
    Vocabulary(["a", "b"]).save(tmp_path / "vocabulary")
    marked = written(tmp_path / "marked", b"\xef\xbb\xbf" + (tmp_path / "vocabulary").read_bytes())
    assert Vocabulary.load(marked).tokens == Vocabulary.load(tmp_path / "vocabulary").tokens


def test_half_a_character_in_a_label(tmp_path):
    path = written(tmp_path / "t.jsonl", '{"text": "a", "label": "x"}\n{"text": "b", "label": "\\ud800"}\n')
    with pytest.raises(ValueError, match=r"t\.jsonl, line 2: the label '\\ud800' holds half a character"):
        data.read_labelled(path)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match="`labels`: .* holds half a character"):
        model.labels = ["a", "\udfff"]


# -- what unpacks to more than there is ----------------------------------------------------------------------
def test_a_file_that_unpacks_to_too_much(tmp_path):
    path = written(tmp_path / "bomb.txt.gz", gzip.compress(b"a" * (8 << 20)))
    with pytest.raises(ValueError, match=r"bomb.txt.gz: unpacked, it has more than 1048576 characters"):
        data.read_text(path, size_limit=1 << 20)
    assert len(data.read_text(path)) == len(data.read_text(path, size_limit=None)) == 8 << 20
    assert len(data.read_text(written(tmp_path / "plain", b"a" * 100), size_limit=10)) == 100


# -- numbers -------------------------------------------------------------------------------------------------
def test_numbers_of_numpy_and_none():
    utils.set_random_seed(np.int64(3))
    one = keras.initializers.get("normal")((2,))
    utils.set_random_seed(3)
    assert np.array_equal(one, keras.initializers.get("normal")((2,)))


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**40, -(2**40), np.float32("nan"), np.int64(2**40)]
)
@pytest.mark.parametrize("sequences", [[[1, 2], [3]], keras.ragged.Ragged.from_sequences([[1, 2], [3]])])
def test_padding_that_integers_cannot_hold(value, sequences):
    with pytest.raises(
        (ValueError, OverflowError), match="`value` must be a number from -2147483648 to 2147483647"
    ):
        utils.pad_sequences(sequences, value=value)
    if abs(value) < 2**50 or value != value:
        assert utils.pad_sequences(sequences, value=value, dtype="float64").shape == (2, 2)


def test_sequences_without_a_dimension():
    for sequences in ([np.array(1), np.array(2)], [1, 2], [[1], np.int64(2)], [np.array(1)]):
        with pytest.raises(ValueError, match="Found non-iterable: sequences"):
            utils.pad_sequences(sequences)


def test_csv_fields_of_any_length(tmp_path):
    long = "word " * 60_000
    path = written(tmp_path / "t.csv", f'text,label\n"{long}",a\n"short, too",b\n')
    assert [len(text) for text in data.read_labelled(path).texts] == [len(long.strip()), 10]
    assert [len(text) for text, _ in data.CsvDataset(path)] == [len(long), 10]
