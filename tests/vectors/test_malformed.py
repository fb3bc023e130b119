"""Malformed files: each has its exception and its reason, none crashes, none gives silent zeros."""

import gzip
import io
import lzma
import struct
import warnings

import numpy as np
import pytest

from embedcnn import vectors
from embedcnn.vectors import VectorFileError

GOOD = b"the 0.1 0.2 0.3\ncat 1 2 3\ndog 4 5 6\n"


def line_cases():
    """(bytes in the place of a number or line, reason)."""
    for field, reason in {
        b"x": "field 2 of the vector is 'x', which is not a number",
        b"1.2.3": "is '1.2.3', which is not a number",
        b"1e": "is '1e', which is not a number",
        b"e5": "is 'e5', which is not a number",
        b".": "is '.', which is not a number",
        b"-": "is '-', which is not a number",
        b"+-1": "is '+-1', which is not a number",
        b"--1": "is '--1', which is not a number",
        b"1_000": "is '1_000', which is not a number",
        b"1,5": "is '1,5', which is not a number",
        b"0x10": "is '0x10', which is not a number",
        b"1f": "is '1f', which is not a number",
        b"\xc2\xa01": "which is not a number",
        b"\xff": "which is not a number",
        b"1\x00": "which is not a number",
        b"1\x0b": "which is not a number",
        b"1\x0c2": "which is not a number",
        b"\xef\xbc\x91": "which is not a number",  # a full-width digit
        b"nan": "number 2 of the vector is not finite ('nan')",
        b"NaN": "number 2 of the vector is not finite ('NaN')",
        b"-nan": "number 2 of the vector is not finite",
        b"inf": "number 2 of the vector is not finite",
        b"-Infinity": "number 2 of the vector is not finite",
        b"1e39": "number 2 of the vector is too large for float32 ('1e39')",
        b"-3.5e38": "number 2 of the vector is too large for float32",
        b"1e999999999999999999999": "number 2 of the vector is too large for float32",
        b"9" * 400: "number 2 of the vector is too large for float32",
        b"": "a word and 3 numbers expected, found 3 fields",
    }.items():
        yield b"cat 1 " + field + b" 3", reason
    yield b"cat", "a word and 3 numbers expected, found 1 fields"
    yield b"cat 1", "a word and 3 numbers expected, found 2 fields: 'cat 1'"
    yield b"1 2 3", "a word and 3 numbers expected, found 3 fields"
    yield b" 1 2 3", "the word is missing"
    yield b"", "the line is blank, but more lines follow"
    yield b"   \t ", "the line is blank, but more lines follow"
    yield b"cat\xff 1 2 3", "is not UTF-8 (byte 3 of it)"
    yield b"\xed\xa0\x80 1 2 3", "is not UTF-8"  # a surrogate
    yield b"\xc0\xaf 1 2 3", "is not UTF-8"  # overlong
    yield b"caf\xc3 1 2 3", "is not UTF-8"
    yield b"\xf5\x80\x80\x80 1 2 3", "is not UTF-8"
    yield b"w" * 70000 + b" 1 2 3", "the word is longer than 65536 bytes"


@pytest.mark.parametrize(("line", "reason"), list(line_cases()))
def test_bad_line(tmp_path, line, reason):
    path = tmp_path / "bad.txt"
    path.write_bytes(b"the 0.1 0.2 0.3\nof 7 8 9\n" + line + b"\ndog 4 5 6\n")
    with pytest.raises(VectorFileError) as error:
        vectors.load(path)
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert reason in str(error.value)
    with pytest.warns(UserWarning, match="skipped 1 bad lines; the first is line 3: "):
        wv = vectors.load(path, on_bad_lines="skip")
    assert wv.index_to_key == ["the", "of", "dog"]
    np.testing.assert_array_equal(wv["dog"], [4, 5, 6])


def record(word, *numbers):
    return word + b" " + struct.pack(f"<{len(numbers)}f", *numbers) + b"\n"


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


WHOLE = {
    "empty": (b"", "the file is empty"),
    "one newline": (b"\n", "the file holds no vectors"),
    "only blanks": (b"  \n \n", "the file holds no vectors"),
    "prose": (b"Call me Ishmael.\nSome years ago\n", "this is no file of vectors"),
    "one word": (b"the\n", "this is no file of vectors"),
    "utf-16": ("the 1 2\ncat 3 4\n".encode("utf-16"), "this is no file of vectors"),
    "header only": (b"2 3\n", "more than fit in 4 bytes"),
    "hostile words": (b"1000000000000000 300\ncat 1 2 3\n", "more than fit"),
    "hostile words, 30 digits": (b"9" * 30 + b" 3\ncat 1 2 3\n", "more than fit"),
    "hostile dimensions": (b"1 1000000000000\ncat 1 2 3\n", "outside [1, 1000000]"),
    "no dimensions": (b"1 0\ncat\n", "vectors of 0 numbers"),
    "too few lines": (b"3 3\n" + b"the 0.1 0.2 0.3\n" * 2, "the header announces 3 words, the file holds 2"),
    "too many lines": (b"2 3\n" + GOOD, "the header announces 2 words, the file holds 3"),
    "cut within a number's line": (
        b"3 3\nthe 0.10 0.20 0.30\ncat 1.00 2.00 3.00\ndog 4 ",
        "line 4: a word and",
    ),
    "header and lines differ": (b"3 4\n" + GOOD, "line 2: a word and 4 numbers expected"),
    "header of too long vectors": (b"3 9\n" + GOOD, "more than fit in 40 bytes"),
    "binary cut": (
        b"2 3\n" + record(b"a" * 9, 1, 2, 3) + record(b"b", 1, 2, 3)[:-6],
        "record 2: the file ends within",
    ),
    "binary without word": (b"1 3\n" + record(b"", 1, 2, 3), "record 1: the word is missing"),
    "binary nan": (
        b"1 3\n" + record(b"a", 1, float("nan"), 3),
        "record 1: number 2 of the vector is not finite",
    ),
    "binary inf": (
        b"1 3\n" + record(b"a", 1, 2, float("inf")),
        "record 1: number 3 of the vector is not finite",
    ),
    "binary not utf-8": (b"1 3\n" + record(b"a\xff", 1, 2, 3), "record 1: the word 'a\\xff' is not UTF-8"),
    "binary long word": (
        b"1 3\n" + record(b"a\x01" * 40000, 1, 2, 3),
        "record 1: the word is longer than 65536",
    ),
    "binary hostile": (b"99999999999 3\n" + record(b"a", 1, 2, 3), "more than fit"),
    "pickle": (b"\x80\x04\x95\x00\x00", "a pickle, which is never opened"),
    "npy without words": (npy(np.zeros((2, 3))), "an .npy file holds no words"),
    "npz without words": (npz(vectors=np.zeros((2, 3))), "arrays 'vectors' and 'words' expected"),
    "npz of another length": (npz(vectors=np.zeros((2, 3)), words=np.array(["a"])), "1 words for 2 vectors"),
    "npz with one axis": (npz(vectors=np.zeros(2), words=np.array(["a", "b"])), "found shape (2,)"),
    "npz with nan": (
        npz(vectors=np.full((1, 2), np.nan), words=np.array(["a"])),
        "'a' (row 0) is not finite",
    ),
    "npz with the same word": (npz(vectors=np.zeros((2, 2)), words=np.array(["a", "a"])), "occurs twice"),
    "npz of objects": (
        npz(vectors=np.zeros((1, 2)), words=np.array(["a"], object)),
        "not a readable .npz file",
    ),
    "npz cut": (npz(vectors=np.zeros((9, 9)), words=np.array(["a"]))[:300], "not a readable zip archive"),
    "gzip cut": (gzip.compress(GOOD * 100)[:50], "the gz data is damaged"),
    "gzip flipped": (gzip.compress(GOOD)[:-6] + b"xxxxxx", "the gz data is damaged"),
    "xz cut": (lzma.compress(GOOD * 100)[:80], "the xz data is damaged"),
    "fastText cut in the settings": (struct.pack("<ii", 0x2F4F16BA, 12), "the file ends within the settings"),
    "cache cut": (b"ECVECS\r\n" + bytes(100), "the cache file is damaged"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_bad_file(tmp_path, name):
    data, reason = WHOLE[name]
    path = tmp_path / "bad"
    path.write_bytes(data)
    with warnings.catch_warnings(), pytest.raises(VectorFileError) as error:
        warnings.simplefilter("error")
        vectors.load(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def model(**changes):
    """A fastText model of 2 words, 2 dimensions and 3 buckets, with some fields changed."""
    fields = {
        "magic": 0x2F4F16BA,
        "version": 12,
        "dim": 2,
        "bucket": 3,
        "minn": 2,
        "maxn": 3,
        "size": 2,
        "words": 2,
        "labels": 0,
        "prune": -1,
    }
    fields |= {
        "quant": 0,
        "rows": 5,
        "columns": 2,
        "data": np.arange(10, dtype="<f4").tobytes(),
        "second": b"cat",
        "kind": 0,
    }
    fields |= changes
    f = fields
    numbers = [f["dim"], 5, 5, 1, 5, 1, 2, 2, f["bucket"], f["minn"], f["maxn"], 100]
    head = struct.pack("<ii12id", f["magic"], f["version"], *numbers, 1e-4)
    head += struct.pack("<iiiqq", f["size"], f["words"], f["labels"], 10, f["prune"])
    entries = b"the\0" + struct.pack("<qb", 3, 0) + f["second"] + b"\0" + struct.pack("<qb", 2, f["kind"])
    return head + entries + struct.pack("<?qq", f["quant"], f["rows"], f["columns"]) + f["data"]


MODELS = {
    "another version": ({"version": 99}, "version 99"),
    "no dimensions": ({"dim": 0}, "dimension 0 is outside"),
    "hostile dimensions": ({"dim": 2**31 - 1}, "is outside [1, 1000000]"),
    "negative buckets": ({"bucket": -1}, "impossible sizes"),
    "negative words": ({"words": -1, "size": -1}, "impossible sizes"),
    "sizes differ": ({"size": 3}, "impossible sizes"),
    "more words than there are": ({"size": 2**31 - 1, "words": 2**31 - 1}, "the dictionary is damaged"),
    "pruned": ({"prune": 3}, "a pruned model"),
    "quantized": ({"quant": 1}, "a quantized model"),
    "columns differ": ({"columns": 3}, "a matrix of 5 x 3 does not fit"),
    "hostile rows": ({"rows": 2**60}, "does not fit"),
    "negative rows": ({"rows": -1}, "does not fit"),
    "too few rows": ({"rows": 4}, "truncated"),
    "matrix cut": ({"data": bytes(39)}, "the file ends within the matrix"),
    "nan": ({"data": np.full(10, np.nan, "<f4").tobytes()}, "row 0 of the matrix is not finite"),
    "a word twice": ({"second": b"the"}, "the word 'the' occurs twice"),
    "not utf-8": ({"second": b"\xff"}, "is not UTF-8"),
    "a label among the words": ({"kind": 1}, "1 words in the dictionary, 2 announced"),
}


@pytest.mark.parametrize("name", MODELS)
def test_bad_model(tmp_path, name):
    changes, reason = MODELS[name]
    path = tmp_path / "model.bin"
    path.write_bytes(model(**changes))
    with pytest.raises(VectorFileError) as error:
        vectors.load(path)
    assert str(path) in str(error.value) and reason in str(error.value)


def test_every_prefix_of_a_model_is_an_error(tmp_path):
    whole = model()
    path = tmp_path / "model.bin"
    path.write_bytes(whole)
    assert vectors.load(path).vectors.shape == (2, 2)
    for length in range(4, len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(VectorFileError):
            vectors.load(path)


def test_every_prefix_of_a_binary_file_is_an_error_or_lacks_only_the_newline(tmp_path):
    whole = b"2 3\n" + record(b"a", 1, 2, 3) + record(b"b", 4, 5, 6)
    path = tmp_path / "vectors.bin"
    for length in range(4, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(VectorFileError):
            vectors.load(path)
    path.write_bytes(whole[:-1])
    assert vectors.load(path)["b"].tolist() == [4, 5, 6]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"dtype": "float64"},
            ValueError,
            "`dtype` must be one of 'float32', 'float16'. Received: dtype='float64'",
        ),
        ({"limit": -1}, ValueError, "`limit` must be an integer >= 0 or None. Received: limit=-1"),
        ({"limit": 1.5}, ValueError, "Received: limit=1.5"),
        ({"words": "the"}, TypeError, "not the str 'the'"),
        ({"words": ["a", 3]}, TypeError, "item 1 is 3"),
        ({"duplicates": "all"}, ValueError, "Received: duplicates='all'"),
        ({"on_bad_lines": "warn"}, ValueError, "Received: on_bad_lines='warn'"),
        ({"unicode_errors": "x"}, ValueError, "Received: unicode_errors='x'"),
        ({"format": "txt"}, ValueError, "Received: format='txt'"),
        ({"format": "word2vec"}, ValueError, "a header of two integers"),
        ({"format": "npz"}, ValueError, "not a readable .npz"),
        ({"format": "npy", "keys": ["a"]}, ValueError, "not a readable .npy"),
        ({"format": "cache"}, ValueError, "no cache file of embedcnn"),
        ({"format": "fasttext_binary"}, ValueError, "fastText"),
        ({"keys": ["a"]}, ValueError, "keys= is for .npy files"),
    ],
)
def test_misuse(tmp_path, arguments, error, message):
    path = tmp_path / "good.txt"
    path.write_bytes(GOOD * 20 if arguments.get("format") == "fasttext_binary" else GOOD)
    with pytest.raises(error, match=message.replace("(", r"\(")):
        vectors.load(path, **arguments)


def test_missing_file_and_strange_objects(tmp_path):
    with pytest.raises(FileNotFoundError):
        vectors.load(tmp_path / "absent.txt")
    with pytest.raises(IsADirectoryError):
        vectors.load(tmp_path)
    with pytest.raises(TypeError, match="int object"):
        vectors.load(3)


def test_float16_overflow_is_an_error(tmp_path):
    path = tmp_path / "large.txt"
    path.write_text("a 65519 1\nb 65520 1\n")
    assert vectors.load(path, limit=1, dtype="float16")["a"][0] == 65504
    with pytest.raises(
        VectorFileError, match=r"line 2: number 1 of the vector is too large for float16 \('65520'\)"
    ):
        vectors.load(path, dtype="float16")
