"""Readers of labelled files: every format, the guesses, and the message of every mistake."""

import bz2
import gzip
import lzma
import os
import sys
import warnings
from pathlib import Path

import pytest

from embedcnn.data import TextLineDataset, read_labelled, read_text

SHARED = Path(os.environ.get("EMBEDCNN_SHARED", Path(__file__).parents[3] / "shared")) / "data"


def pairs(labelled):
    return list(zip(labelled.texts, labelled.labels, strict=True))


CATS = [("it purrs, all day", "cat"), ("it barks", "dog")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'text,label\n"it purrs, all day",cat\nit barks,dog\n'),
        ("a.csv", 'Label,Id,Review\ncat,1,"it purrs, all day"\ndog,2,it barks\n'),
        ("a.csv", "sentiment;content\r\ncat;it purrs, all day\r\ndog;it barks"),
        ("a.csv", "\ufefftext;label\nit purrs, all day;cat\nit barks;dog\n\n\n"),
        ("a.csv", "it purrs\\, all day|cat\nit barks|dog\n".replace("\\", "")),
        ("a.tsv", "cat\tit purrs, all day\ndog\tit barks\n"),
        ("a.tsv", 'cat\t"it purrs, all day"\r\ndog\tit barks\r\n'),
        ("a.jsonl", '{"text": "it purrs, all day", "label": "cat"}\n{"label": "dog", "text": "it barks"}\n'),
        ("a.txt", "__label__cat it purrs, all day\n__label__dog it barks\n"),
        ("noname", "\ufeff__label__cat it purrs, all day\r\n__label__dog it barks"),
        (
            "noname",
            '{"question": "it purrs, all day", "category": "cat"}\n'
            '{"category": "dog", "question": "it barks"}',
        ),
    ],
)
def test_formats(write, name, content):
    path = write(name, content)
    labelled = read_labelled(path)
    assert pairs(labelled) == CATS
    assert labelled.path == str(path) and labelled.label_names == ["cat", "dog"]


def test_folder_of_classes(write, tmp_path):
    write("set/dog/b.txt", "it barks\n")
    write("set/cat/1/a.txt", "\ufeffit purrs\r\nall day")
    write("set/cat/.hidden.txt", "")
    write("set/README", "not a class")
    assert pairs(read_labelled(tmp_path / "set")) == [("it purrs\nall day", "cat"), ("it barks", "dog")]


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_compressed(write, suffix, pack):
    path = write("a.csv" + suffix, pack(b"text,label\nx y,1\nz,2\n"))
    assert pairs(read_labelled(path)) == [("x y", "1"), ("z", "2")]


def test_zstandard(write, pack_zst):
    """Pieces, frames one after the other, damage and a cut end."""
    text = "text,label\n" + "".join(f"x {i} \u00e4,{i % 2}\n" for i in range(50000))
    data = text.encode()
    path = write("a.csv.zst", pack_zst(data[:400000]) + pack_zst(data[400000:]))
    assert pairs(read_labelled(path)) == [(f"x {i} \u00e4", str(i % 2)) for i in range(50000)]
    assert list(TextLineDataset(path)) == list(TextLineDataset(path, "ZSTD")) == text.splitlines()
    assert read_text(path) == text
    for number, content in enumerate((pack_zst(data)[:-9], pack_zst(data)[:50] + b"\xff" * 99, data[:50])):
        with pytest.raises(ValueError, match="the compressed data is damaged or cut short"):
            list(TextLineDataset(write(f"{number}.txt.zst", content)))


def test_zstandard_without_the_package(write, monkeypatch):
    for name in ("compression", "compression.zstd", "zstandard"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"a\.csv\.zst is compressed .*'embedcnn\[zstd\]'"):
        read_labelled(write("a.csv.zst", b""))


def test_lines_end_at_lf_only(write):
    text = "one\u0085two\u2028three\x0bfour\x0cfive\x1csix"
    assert pairs(read_labelled(write("a.tsv", f"{text}\t1\nother\t2\n")))[0] == (text, "1")
    assert pairs(read_labelled(write("a.csv", f"{text},1\nother,2\n")))[0] == (text, "1")
    assert pairs(read_labelled(write("a.txt", f"__label__1 {text}\n__label__2 x\n")))[0] == (text, "1")


def test_fasttext_labels_anywhere_in_the_line(write):
    lines = ["__label__a x\ty  z", "it is __label__b so", "__label__a my__label__b", "at the end __label__c"]
    expected = [("x y  z", "a"), ("it is so", "b"), ("my__label__b", "a"), ("at the end", "c")]
    assert pairs(read_labelled(write("a.txt", "\n".join(lines)))) == expected


def test_quotes_in_tsv_belong_to_the_text(write):
    path = write("a.tsv", '1\t"Alien" is like "Aliens"\n0\t" unclosed\n0\t"all ""of"" it"\n')
    assert read_labelled(path, text_column=1).texts == [
        '"Alien" is like "Aliens"',
        '" unclosed',
        'all "of" it',
    ]


def test_csv_field_over_two_lines(write):
    assert read_labelled(write("a.csv", 'text,label\n"one\ntwo",x\nthree,y\n')).texts == ["one\ntwo", "three"]


def test_columns_by_name_and_number(write):
    path = write("a.csv", "text,other,label,mark\na b,c d,1,x\ne f,g h,2,y\n")
    assert pairs(read_labelled(path, text_column="other", label_column="mark")) == [
        ("c d", "x"),
        ("g h", "y"),
    ]
    assert pairs(read_labelled(path, text_column=1, label_column=-1)) == [("c d", "x"), ("g h", "y")]
    assert pairs(read_labelled(path, label_column="mark")) == [("a b", "x"), ("e f", "y")]


def test_guesses_without_usual_names(write):
    body = "".join(f"{i},a longer piece of text {i},{'pos' if i % 2 else 'neg'},const\n" for i in range(30))
    expected = [(f"a longer piece of text {i}", "pos" if i % 2 else "neg") for i in range(30)]
    assert pairs(read_labelled(write("a.csv", body))) == expected
    assert pairs(read_labelled(write("b.csv", "number,phrase,polarity,fixed\n" + body))) == expected
    with_header = pairs(read_labelled(write("c.csv", body), header=True))
    assert with_header == expected[1:]
    assert len(read_labelled(write("d.csv", "phrase,pole\n" + "x,1\ny,2\n"), header=False)) == 3


def test_other_encodings(write):
    content = "text,label\ncafé \u0096 \u0085,1\nthé,2\n"
    cp1252 = "text,label\ncafé – …,1\nthé,2\n"
    assert (
        read_labelled(write("a.csv", content.encode("latin-1")), "latin-1").texts[0].startswith("café \x96")
    )
    assert read_labelled(write("a.csv", cp1252.encode("cp1252")), "cp1252").texts[0] == "café – …"
    assert read_labelled(write("a.csv", cp1252.encode("utf-16")), "utf-16").texts[0] == "café – …"
    for encoding in ("utf-16", "cp1252"):
        with pytest.raises(ValueError, match=f"give the file's encoding=, as encoding='{encoding}'"):
            read_labelled(write("a.csv", cp1252.encode(encoding)))


def test_long_lines_over_many_chunks(write):
    text = "wörter " * 200_000
    path = write("a.tsv", f"1\t{text}\n0\tshort\n1\t{text}end")
    assert read_labelled(path).texts == [text.strip(), "short", text + "end"]


def test_numbers_as_json_labels(write):
    assert read_labelled(write("a.jsonl", '{"text": "a", "label": 1}\n{"text": "b", "label": 0}')).labels == [
        "1",
        "0",
    ]


@pytest.mark.parametrize(
    ("name", "content", "first"),
    [
        ("a.csv", "text,label\na,1\nb,\nc,2\nd, \n", "line 3"),
        ("a.tsv", "text\tlabel\na\t1\nb\t\nc\t2\nd\t \n", "line 3"),
        (
            "a.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b"}\n'
            '{"text": "c", "label": 2}\n{"text": "d", "label": null}\n',
            "line 2",
        ),
        ("a.ft", "__label__1 a\nb\n__label__2 c\nd\n", "line 2"),
    ],
)
def test_missing_labels_are_an_error_or_left_out_and_counted(write, name, content, first):
    path = write(name, content)
    with pytest.raises(ValueError, match=rf"{first}: .*; missing_labels='skip' leaves such"):
        read_labelled(path)
    with pytest.warns(UserWarning, match=rf"2 missing labels \(the first: {first}\) are left out"):
        found = read_labelled(path, missing_labels="skip")
    assert (found.texts, found.labels) == (["a", "c"], ["1", "2"])
    with pytest.raises(ValueError, match="`missing_labels` must be one of error, skip. Received"):
        read_labelled(path, missing_labels="keep")


def test_no_label_at_all(write):
    with pytest.raises(ValueError, match="no texts in it .*; 2 have no label"):
        read_labelled(write("a.csv", "text,label\na,\nb,\n"), missing_labels="skip")


def test_other_columns_that_could_be_the_label_are_named_once(write):
    rows = "".join(f"{number},a film of number {number},{number % 2},{number % 3}\n" for number in range(12))
    for header, names in (
        ("id,text,label,class\n", "column 'class'"),
        ("id,text,stars,kind\n", "column 'kind'"),
    ):
        path = write("a.csv", header + rows)
        with pytest.warns(
            UserWarning, match=f"a.csv: {names} could be the label too; label_column="
        ) as found:
            assert set(read_labelled(path).labels) == {"0", "1"}
        assert len(found) == 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert len(read_labelled(path, label_column=3).label_names) == 3
    path = write("a.jsonl", '{"text": "a", "label": 1, "Class": 3}\n{"text": "b", "label": 0, "Class": 3}\n')
    with pytest.warns(UserWarning, match="key 'Class' could be the label too"):
        assert read_labelled(path).labels == ["1", "0"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # neither a number of each row nor other columns beside a usual name
        read_labelled(write("b.csv", "id,text,label,kind\n" + rows))


GOOD = "text,label\na b,1\nc d,2\n"
MISTAKES = [
    ("a.csv", "", {}, r"a\.csv: the file is empty"),
    ("a.txt", "", {}, r"a\.txt: the file is empty"),
    ("a.jsonl", "", {}, r"a\.jsonl: no texts in it"),
    ("a.csv", "text,label\n", {}, r"a\.csv: no texts in it \(the file is empty or has a header only\)"),
    ("a.csv", "text,label\na,1\nb,1\n", {}, r"all 2 texts have the label '1'; at least two classes"),
    (
        "a.csv",
        "text,label\na,1\n ,2\n",
        {"empty": "error"},
        r"a\.csv, line 3: the text is empty \(label '2'\)",
    ),
    ("a.csv", 'text,label\n"a\nb",1\nc,\n', {}, r"a\.csv, line 4: the label is empty"),
    ("a.csv", "text,label\na,1\n\nb,2\n", {"empty": "error"}, r"a\.csv, line 3: the line is blank"),
    (
        "a.csv",
        "text,label\na,1\nb,2,3\n",
        {"delimiter": ","},
        r"a\.csv, line 3: 3 fields, but 2 in the lines before",
    ),
    ("a.csv", 'text,label\n"a,1\nb,2\n', {"delimiter": ","}, r"a\.csv, line 2: not valid CSV"),
    ("a.csv", "a\nb\n", {}, r"only one column; a text and a label are needed \(is delimiter= right\?\)"),
    (
        "a.csv",
        GOOD,
        {"text_column": "tekst"},
        r"text_column: no such column .* Received: 'tekst'; allowed: \['text', 'label'\]",
    ),
    ("a.csv", GOOD, {"text_column": 2}, r"text_column: column 2 is outside \[0, 2\)"),
    (
        "a.csv",
        GOOD,
        {"label_column": 1.5},
        r"`label_column` must be a column's name or number\. Received: label_column=1\.5",
    ),
    ("a.csv", GOOD, {"text_column": 1}, r"`text_column` and `label_column` are the same column \(1\)"),
    (
        "a.csv",
        "a b,1\nc d,2\n",
        {"header": False, "label_column": "x"},
        r"label_column: 'x' is a name, but .* no header line",
    ),
    ("a.csv", "a,a,text\n1,2,b c\n", {"label_column": "a"}, r"label_column: several columns of that name"),
    ("a.csv", GOOD, {"delimiter": "::"}, r"`delimiter` must be one character.*Received: delimiter='::'"),
    (
        "a.csv",
        GOOD,
        {"format": "xml"},
        r"`format` must be None or one of csv, tsv, jsonl, fasttext, folder\. Received: format='xml'",
    ),
    ("a.csv", GOOD, {"format": "folder"}, r"format: 'folder' does not fit .*a\.csv', a file"),
    ("a.csv", GOOD, {"encoding": "utf-9"}, r"encoding: 'utf-9' is not a text encoding"),
    ("a.csv", GOOD, {"encoding": "hex"}, r"encoding: 'hex' turns bytes into bytes"),
    (
        "a.csv",
        b"text,label\na,1\nb\xe9,2\n",
        {},
        r"a\.csv, line 3, byte offset 16: byte 0xe9 is not valid utf-8",
    ),
    ("a.csv", b"text,label\na,1\nb\xc3", {}, r"a\.csv, line 3, byte offset 16: byte 0xc3 .*unexpected end"),
    (
        "a.csv",
        "".join(f"text {i},{i}\n" for i in range(50)),
        {},
        r"no column looks like a label .*give label_column=",
    ),
    ("a.txt", "some words\n", {}, r"neither name nor first line tell the format; give format="),
    (
        "a.txt",
        "__label__a __label__b x\n",
        {},
        r"a\.txt, line 1: 2 labels \(__label__a __label__b\); exactly one",
    ),
    ("a.txt", "__label__a x\ny\n", {}, r"a\.txt, line 2: no __label__"),
    ("a.txt", "__label__a x\n\n__label__b y\n", {"empty": "error"}, r"a\.txt, line 2: the line is blank"),
    (
        "a.txt",
        "__label__a x\n__label__b\n",
        {"empty": "error"},
        r"a\.txt, line 2: the text is empty \(label 'b'\)",
    ),
    ("a.txt", "__label__ x\n__label__b y", {}, r"a\.txt, line 1: the label is empty"),
    (
        "a.txt",
        "__label__a x\n",
        {"label_column": 0},
        r"label_column: has no meaning for format 'fasttext'\. Received: 0",
    ),
    ("a.jsonl", "{}\n", {"delimiter": ","}, r"delimiter: has no meaning for format 'jsonl'"),
    (
        "a.jsonl",
        '{"text": "a"}\n',
        {},
        r"line 1: no key is called label, class.*give label_column=, one of \['text'\]",
    ),
    (
        "a.jsonl",
        '{"text": "a", "label": 1}\n{"text": "a"}',
        {},
        r"a\.jsonl, line 2: no key 'label' \(label_column\)",
    ),
    ("a.jsonl", '{"text": 1, "label": 1}\n', {}, r"line 1: the text 'text' must be a string\. Received: 1"),
    (
        "a.jsonl",
        '{"text": "a", "label": [1]}\n',
        {},
        r"line 1: the label 'label' must be one string or number\. Received: \[1\]",
    ),
    (
        "a.jsonl",
        '{"text": "a", "label": null}\n',
        {},
        r"the label 'label' must be one string or number\. Received: None",
    ),
    ("a.jsonl", '{"text": "a"\n', {}, r"a\.jsonl, line 1: not valid JSON"),
    ("a.jsonl", "[1]\n", {}, r"a\.jsonl, line 1: expected a JSON object\. Received: list"),
    ("a.jsonl", "{}\n", {"text_column": 0}, r"`text_column` must be a key \(str\) for JSON lines"),
    (
        "a.csv.gz",
        gzip.compress(GOOD.encode() * 99, mtime=0)[:30],
        {},
        r"a\.csv\.gz: the compressed data is damaged or cut short",
    ),
    ("a.csv.gz", GOOD, {}, r"a\.csv\.gz: the compressed data is damaged"),
]


@pytest.mark.parametrize(("name", "content", "arguments", "message"), MISTAKES)
def test_mistakes(write, name, content, arguments, message):
    with pytest.raises(ValueError, match=message):
        read_labelled(write(name, content), **arguments)


def test_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file or folder '.*gone.csv'"):
        read_labelled(tmp_path / "gone.csv")


def test_folder_mistakes(write, tmp_path):
    with pytest.raises(ValueError, match="no sub-folders; one per class is needed"):
        read_labelled(tmp_path)
    write("set/a/1.txt", "x")
    with pytest.raises(ValueError, match="all 1 texts have the label 'a'"):
        read_labelled(tmp_path / "set")
    (tmp_path / "set" / "b").mkdir()
    with pytest.raises(ValueError, match="no .txt files for the class 'b'"):
        read_labelled(tmp_path / "set")
    write("set/b/1.txt", b"\xff")
    with pytest.raises(ValueError, match=r"b/1\.txt, line 1, byte offset 0: byte 0xff is not valid utf-8"):
        read_labelled(tmp_path / "set")
    with pytest.raises(ValueError, match="format: 'csv' does not fit"):
        read_labelled(tmp_path / "set", format="csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32", "shift_jis"])
def test_offset_of_an_invalid_byte_beyond_the_first_chunk(write, encoding):
    good = ("text\n" * 70_000).encode(encoding)
    bad = {
        "utf-8": b"\xff",
        "utf-16": b"\x00\xd8\x61\x00",
        "utf-32": b"\x00\x00\x11\xff",
        "shift_jis": b"\xff",
    }[encoding]
    path = write("a.txt", good + bad + "\n".encode(encoding))
    with pytest.raises(ValueError, match=f"line 70001, byte offset {len(good)}: "):
        read_text(path, encoding)


def test_read_text(write):
    assert read_text(write("a.txt", "\ufeffone\r\ntwo\rthree\u0085\n")) == "one\ntwo\rthree\u0085\n"
    assert read_text(write("a.txt.gz", gzip.compress(b"packed"))) == "packed"


GUTENBERG = """Title

*** START OF THIS PROJECT GUTENBERG EBOOK X ***


Well.
End

*** END OF THIS PROJECT GUTENBERG EBOOK X ***
licence"""


def test_read_text_strips_gutenberg(write):
    assert read_text(write("a.txt", GUTENBERG), strip_gutenberg=True) == "Well.\nEnd\n"
    modern = GUTENBERG.replace("THIS PROJECT", "THE PROJECT").replace("\n", "\r\n")
    assert read_text(write("a.txt", modern), strip_gutenberg=True) == "Well.\nEnd\n"
    with pytest.raises(ValueError, match=r"no line '\*\*\* END OF THIS PROJECT GUTENBERG EBOOK'"):
        read_text(write("a.txt", GUTENBERG.replace("END OF", "")), strip_gutenberg=True)
    with pytest.raises(ValueError, match=r"no line '\*\*\* START OF"):
        read_text(write("a.txt", "just text"), strip_gutenberg=True)


def test_read_text_mistakes(write, tmp_path):
    with pytest.raises(ValueError, match="the file is empty"):
        read_text(write("a.txt", ""))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_text(tmp_path / "none")
    with pytest.raises(IsADirectoryError, match="is a folder; a file is needed"):
        read_text(tmp_path)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared data sets are not here")
def test_published_files():
    imdb = read_labelled(SHARED / "imdb" / "imdb.test.tsv.xz")
    assert len(imdb) == 25_000 and imdb.labels.count("1") == 12_500
    assert min(len(text) for text in imdb.texts) > 5
    war = read_text(SHARED / "war_and_peace" / "2600-0.txt")
    assert len(war) == 3_226_640 and len(set(war)) == 110 and war.count("\n") in (65_425, 65_426)
    assert 0.98 < len(read_text(SHARED / "war_and_peace" / "2600-0.txt", strip_gutenberg=True)) / len(war) < 1
    assert read_text(SHARED / "mr" / "rt-polarity.neg", "cp1252").count("\n") == 5331
    with pytest.raises(ValueError, match=r"rt-polarity\.neg, line \d+, byte offset \d+"):
        read_text(SHARED / "mr" / "rt-polarity.neg")
