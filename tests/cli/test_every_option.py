"""Every option of every command changes what it should, or its own test says so: an option that is neither in
option_table.py nor among its exceptions fails here.
"""

import argparse
import re
from pathlib import Path

import pytest
from cli import option_table

from embedcnn import utils
from embedcnn.cli import main, make_parser
from embedcnn.commands import arguments as options

ROOT = Path(__file__).resolve().parents[2]
TIMES = re.compile(
    r" *\d[\d.,]*(?= ?(m?s|MB/s|MB|texts/s|it/s)\b)|\d+:\d\d|(?<=thread:) *\d+| *\b\d+\.\d(?= )"
)
PROGRESS = re.compile(r"(Progress:[^\r\n]*[\r\n]*)+")  # shown as often as there is time to
ROWS = option_table.rows()


def all_options(parser, command=""):
    """`command --option` for each option of each command, the first of its names."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from all_options(below, f"{command} {name}".strip())
        elif action.option_strings and not isinstance(action, argparse._HelpAction):
            negative = isinstance(action, argparse.BooleanOptionalAction)
            for name in action.option_strings[:: 1 if negative else 2]:
                yield f"{command} {name}".strip()


def test_every_option_has_a_test():
    known = {row.name for row in ROWS} | set(option_table.ELSEWHERE)
    there = set(all_options(make_parser()))
    assert sorted(there - known) == [] and sorted(known - there) == []


@pytest.mark.parametrize("place", sorted(set(option_table.ELSEWHERE.values())))
def test_the_tests_elsewhere_are_there(place):
    path, _, name = place.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text()


@pytest.fixture
def run(option_files, tmp_path, monkeypatch, capsys):
    """A function that runs a row in a folder of its own, with or without the option; what was seen of it."""

    def run_one(row, with_option):
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        utils.clear_session()  # the names of layers begin anew, as in a process
        monkeypatch.chdir(folder)
        if row.option == "--force":
            (folder / "out").write_text("of somebody else")
        capsys.readouterr()
        process = []
        for name in ("set_num_threads", "set_float32_matmul_precision"):
            monkeypatch.setattr(options, name, lambda value, name=name: process.append((name, value)))
        try:
            status = main(row.words(option_files, with_option))
        except SystemExit as stopped:
            status = stopped.code
        except Exception as error:  # noqa: BLE001  # --debug
            status = type(error)
        printed = capsys.readouterr()
        return {
            "files": {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()},
            "out": TIMES.sub("_", printed.out),
            "err": TIMES.sub("_", PROGRESS.sub("_", printed.err)),
            "status": status,
            "process": process,
        }

    return run_one


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} of {row.line[:20]}")
def test_an_option_changes_what_it_should(row, run):
    without, with_option = run(row, False), run(row, True)
    assert with_option[row.seen] != without[row.seen], with_option
    if row.seen in ("files", "out", "err"):
        again = run(row, False)
        assert again[row.seen] == without[row.seen], "what is seen is another thing each time"
        assert with_option["status"] == 0, with_option["err"]
    if row.seen == "files":
        assert with_option["files"]
