"""Tables as they come from spreadsheets and web forms: blank rows, empty texts, Excel's first line, years as
names of columns, texts of a single label.
"""

import gzip
import warnings

import numpy as np
import pytest

import embedcnn
from embedcnn import data
from embedcnn.cli import main
from embedcnn.data.records import file_records
from embedcnn.data.tables import guessed_delimiter

FILES = {
    "rows.csv": "text,label\nit purrs,cat\n\n ,cat\nit barks,dog\n,dog\n",
    "rows.tsv": "text\tlabel\nit purrs\tcat\n \n\tcat\nit barks\tdog\n \tdog\n",
    "rows.jsonl": '{"text": "it purrs", "label": "cat"}\n\n{"text": " ", "label": "cat"}\n'
    '{"text": "it barks", "label": "dog"}\n{"text": null, "label": "dog"}\n',
    "rows.ft": "__label__cat it purrs\n\n__label__cat  \n__label__dog it barks\n__label__dog\n",
}


@pytest.fixture(params=FILES)
def rows(request, tmp_path):
    path = tmp_path / request.param
    path.write_text(FILES[request.param])
    return path


def test_they_are_left_out_and_counted(rows):
    with pytest.warns(
        UserWarning, match=r"2 empty texts \(the first: line \d\) and 1 blank line \(.*: line [23]\) are left"
    ):
        found = data.read_labelled(rows)
    assert (found.texts, found.labels) == (["it purrs", "it barks"], ["cat", "dog"])


def test_texts_are_kept_where_told(rows):
    with pytest.warns(UserWarning, match=r"rows\.\w+: 1 blank line \(the first: line [23]\) is left out"):
        found = data.read_labelled(rows, empty="keep")
    assert found.texts == ["it purrs", "", "it barks", ""] and found.labels == ["cat", "cat", "dog", "dog"]


def test_or_an_error(rows):
    with pytest.raises(ValueError, match=r"rows\.\w+, line [23]: the line is blank"):
        data.read_labelled(rows, empty="error")


@pytest.mark.parametrize("end", ["\n\n\n", " \n", "\r\n\r\n", ""])
def test_blank_lines_at_the_end_are_no_matter(tmp_path, end):
    path = tmp_path / "rows.csv"
    path.write_bytes(("text,label\nit purrs,cat\nit barks,dog\n" + end).encode())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(data.read_labelled(path, empty="error")) == 2


def test_rows_of_delimiters_are_blank_too(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\nit purrs,cat\n,\nit barks,dog\n , \n")
    with pytest.warns(UserWarning, match=r"2 empty texts \(the first: line 3\) are left out"):
        assert data.read_labelled(path).texts == ["it purrs", "it barks"]


def test_empty_files_of_folders(tmp_path):
    for name, content in (
        ("cat/1", b"it purrs"),
        ("cat/2", b""),
        ("dog/1", b"it barks"),
        ("dog/2", b"\xef\xbb\xbf\n"),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_bytes(content)
    with pytest.warns(UserWarning, match=r"2 empty texts \(the first: .*cat/2\.txt\) are left out"):
        assert data.read_labelled(tmp_path).texts == ["it purrs", "it barks"]
    with pytest.raises(ValueError, match=r"cat/2\.txt: the text is empty \(label 'cat'\)"):
        data.read_labelled(tmp_path, empty="error")
    batches = data.text_dataset_from_directory(tmp_path, shuffle=False, verbose=False)
    assert [texts.tolist() for texts, _ in batches] == [["it purrs", "", "it barks", "\n"]]


def test_data_sets_leave_blank_lines_out(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n\n\n3,4\n")
    with pytest.warns(UserWarning, match=r"2 blank lines \(the first: line 3\) are left out"):
        assert list(data.CsvDataset(path)) == [("1", "2"), ("3", "4")]
    path.write_text('{"a": 1}\n\n{"a": 2}\n')
    with pytest.warns(UserWarning, match=r"1 blank line \(the first: line 2\) is left out"):
        assert list(data.JsonLinesDataset(path, columns="a")) == [1, 2]


def test_a_column_of_its_own_keeps_its_empty_fields(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text('text\nit purrs\n" "\nit barks\n')
    assert list(data.CsvDataset(path, columns="text")) == ["it purrs", " ", "it barks"]


def test_unknown_rule(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("text,label\na,1\nb,2\n")
    with pytest.raises(
        ValueError, match=r"`empty` must be one of skip, error, keep\. Received: empty='drop'"
    ):
        data.read_labelled(path, empty="drop")
    path.write_text("text,label\n,1\n,2\n")
    with pytest.raises(ValueError, match="no texts in it .*; 2 are empty"):
        data.read_labelled(path)


TABLE = [
    ("it purrs softly", "cat"),
    ("it barks, loudly", "dog"),
    ("it purrs", "cat"),
    ("the dog barks", "dog"),
]


@pytest.mark.parametrize("name", ["rows.csv", "rows"])
@pytest.mark.parametrize("mark", [";", "|", ",", "\t", "#"])
@pytest.mark.parametrize("start", ["sep=", "\ufeffSEP="])
def test_first_line_of_excel(tmp_path, mark, start, name):
    path = tmp_path / name
    lines = ["text" + mark + "label", *(f'"{text}"{mark}{label}' for text, label in TABLE)]
    path.write_text(f"{start}{mark}\r\n" + "\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    assert guessed_delimiter(path, "utf-8") == mark
    assert list(data.read_labelled(path)) == TABLE
    assert list(data.CsvDataset(path)) == TABLE
    path.write_text(f"sep={mark}\ntext{mark}label\na{mark}b{mark}c\n")
    with pytest.raises(ValueError, match="line 3: 3 fields, but 2"):
        data.read_labelled(path)


YEARS = "stars,2019,2020\n1,it purrs softly,it barks\n2,it sleeps,it wags its tail\n1,it eats,it runs\n"


@pytest.mark.parametrize("column, expected", [("2020", 2), ("2019", 1), ("1", 1), ("2", 2), (1, 1), (-1, 2)])
def test_columns_whose_name_is_a_number(tmp_path, column, expected):
    path = tmp_path / "years.csv"
    path.write_text(YEARS)
    cells = [line.split(",")[expected] for line in YEARS.splitlines()[1:]]
    found = data.read_labelled(path, text_column=column, label_column="stars")
    assert found.texts == cells and found.labels == ["1", "2", "1"]
    if column != -1:
        records = [record.text for group in file_records(path, text_column=column) for record in group]
        assert records[-3:] == cells


def test_the_name_goes_before_the_number(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("1,label,0\nfirst,a,last\nsecond,b,end\n")
    assert data.read_labelled(path, text_column="0").texts == ["last", "end"]
    assert data.read_labelled(path, text_column=0).texts == ["first", "second"]
    assert [r.text for g in file_records(path, text_column="0") for r in g] == ["last", "end"]
    path.write_text("0\tit purrs\n1\tit barks\n")  # no header: only numbers
    assert data.read_labelled(path, text_column="1", label_column="0", format="tsv").labels == ["0", "1"]
    assert [r.text for g in file_records(path, "tsv", text_column="1") for r in g] == ["it purrs", "it barks"]
    path = tmp_path / "rows.jsonl"
    path.write_text('{"2020": "it purrs", "label": 1}\n{"2020": "it barks", "label": 0}\n')
    assert data.read_labelled(path, text_column="2020").texts == ["it purrs", "it barks"]


@pytest.mark.parametrize(
    "name, content, said",
    [
        ("a.csv", "id,review,n\n1,a cat,5\n2,dogs,1\n3,both,5\n", "text: column 'review', label: column 'n'"),
        ("a.tsv", "0\tit purrs\n1\tit barks\n", "text: column 1, label: column 0"),
        ("a.jsonl", '{"text":"a","class":1}\n{"text":"b","class":2}', "text: key 'text', label: key 'class'"),
        ("a.ft", "__label__a x\n__label__b y\n", ""),
    ],
)  # fmt: skip
def test_columns_are_said(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    found = data.read_labelled(path)
    assert found.columns == said and found.subset([0]).columns == said


def test_texts_of_one_label_measure_a_model(tmp_path, capsys):
    training = tmp_path / "rows.csv.gz"
    rows = [f"it purrs {i},cat\nit barks {i},dog" for i in range(9)]
    training.write_bytes(
        gzip.compress(("stars,2020\n" + "\n".join(rows) + "\n,dog\n\nit purrs,cat\n").encode())
    )
    model = str(tmp_path / "m.embedcnn")
    quick = ["--epochs", "1", "--filters", "2", "--dimensions", "4", "--quiet", "--out", model]
    assert main(["train", str(training), "--text-column", "stars", "--label-column", "2020", *quick]) == 0
    printed = capsys.readouterr()
    assert "\ntext: column 'stars', label: column '2020'\n" in printed.out
    assert (
        "gz: 1 empty text (the first: line 20) and 1 blank line (the first: line 21) are left out"
        in printed.err
    )
    one = tmp_path / "one.csv"
    one.write_text("text,label\nit purrs,cat\n,cat\nit purrs softly,cat\n")
    assert main(["test", model, str(one)]) == 0
    assert "text: column 'text', label: column 'label'\ntexts     2\n" in capsys.readouterr().out
    assert main(["test", model, str(one), "--empty", "keep", "--report"]) == 0
    assert "texts     3\n" in capsys.readouterr().out
    assert main(["test", model, str(one), "--empty", "error"]) == 1
    assert "one.csv, line 3: the text is empty (label 'cat')" in capsys.readouterr().err
    with pytest.raises(ValueError, match="all 2 texts have the label 'cat'; at least two"):
        data.read_labelled(one)
    with pytest.raises(ValueError, match="1 labels; at least 3 are needed"):
        data.read_labelled(one, min_labels=3)
    assert np.isfinite(embedcnn.models.load_model(model).predict([""], verbose=0)).all()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lists_of_words_with_a_byte_order_mark(tmp_path, end):
    path = tmp_path / "words.txt"
    path.write_text(f"\ufeffcat{end}dog{end}", encoding="utf-8", newline="")
    layers = embedcnn.layers
    lookup = layers.StringLookup(vocabulary=str(path))
    assert lookup.get_vocabulary()[1:] == ["cat", "dog"]
    vectorization = layers.TextVectorization(vocabulary=str(path))
    assert vectorization.get_vocabulary()[-2:] == ["cat", "dog"]
