"""A data file and a trained model for the tests of the command line."""

import json

import pytest
from cli import option_table
from cli_data import CAT, DOG, PAIRS, SMALL, write_data

from embedcnn import fasttext
from embedcnn.bags import BagClassifier
from embedcnn.cli import main


@pytest.fixture(scope="session")
def pets(tmp_path_factory):
    """A CSV file with two labels."""
    return write_data(tmp_path_factory.mktemp("pets"), "csv")


@pytest.fixture(scope="session")
def model(pets):
    """A model trained on `pets`."""
    path = pets.parent / "pets.embedcnn"
    assert main(["train", str(pets), "--out", str(path), "--quiet", *SMALL]) == 0
    return path


def labelled(rows, head="text,label"):
    return "\n".join([head, *rows]) + "\n"


@pytest.fixture(scope="session")
def option_files(tmp_path_factory, pets):
    """The files of option_table.py, by name."""
    folder = tmp_path_factory.mktemp("options")
    rows = [f'"{text}",{label}' for text, label in PAIRS]
    others = [
        f'"{text}",{label},"{text[::-1]}",{i % 3},{"cat" if i % 2 else "dog"}'
        for i, (text, label) in enumerate(PAIRS)
    ]
    written = {
        "nameless": labelled(rows),
        "latin": labelled([*rows, '"böse",cat'] * 2).encode("latin-1"),
        "columns": labelled(others, "text,label,other,kind,guessed"),
        "gaps": labelled([*rows, "   ,cat"]),
        "unlabelled": labelled([*rows, "it purrs,"]),
        "lines": "".join(f"__label__{label} {text}\n" for text, label in PAIRS),
        "texts": "".join(f"{text}\n" for text in CAT + DOG),
        "records": "".join(json.dumps({"text": t, "other": t[::-1]}) + "\n" for t in CAT + DOG),
        "book": "The cat sat on the mat. The dog ate the hat. " * 30,
        "vectors": "purrs 1 0 .5\nbarks 0 1 .25\ncat 1 .5 0\ndog .5 1 0\nnight 0 0 1\nCat 1 1 1\n",
        "bad vectors": "purrs 1 0 .5\nbarks 0 1\ncat 1 .5 0\npurring 1 0 0\ndog .5 1 0\n",
        "latin vectors": "purrs 1 0 .5\ncat 1 0 0\ndog 0 1 0\nböse 0 1 0\n".encode("latin-1"),
        "vocabulary": "Purrs\nbarks\nCAT\ndog\nb\ufffdse\n",
        "pairs": "purrs\tbarks\t1\ncat\tdog\t3\ncat\tpurrs\t5\nbarks\tdog\t4\n",
        "analogies": ": sounds\ncat purrs dog barks\ndog barks cat purrs\n",
    }
    suffixes = {"nameless": "", "lines": ".txt", "records": ".jsonl", "texts": ".txt", "book": ".txt"}
    tables = ("latin", "columns", "gaps", "unlabelled")
    found = {"pets": str(pets)}
    for name, content in written.items():
        path = folder / (name.replace(" ", "_") + suffixes.get(name, ".csv" if name in tables else ""))
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found[name] = str(path)
    texts, labels = zip(*PAIRS, strict=True)
    BagClassifier().fit(texts, labels).save(folder / "bag")
    given = {"wordNgrams": 2, "bucket": 5000, "dim": 4, "epoch": 5, "lr": 0.5, "verbose": 0}
    fasttext.train_supervised(found["lines"], **given).save_model(folder / "fasttext")
    line = option_table.SHORT["lm"].format(**found).replace("--out out", f"--out {folder / 'writer'}")
    assert main(["train", *line.split()]) == 0
    return found | {name: str(folder / name) for name in ("bag", "fasttext", "writer")}
