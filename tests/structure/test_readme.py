"""What README.md, csrc/README.md and benchmarks/README.md say is so: examples run, commands and names exist,
files are there.
"""

import ast
import doctest
import inspect
import re
import shlex
from pathlib import Path

import pytest

import embedcnn
from embedcnn.cli import COMMANDS, make_parser, parse

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "csrc/README.md", "benchmarks/README.md")
TEXT = {page: (ROOT / page).read_text() for page in PAGES}
BLOCKS = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
OF_USERS = ("docs/", "kept/", "photographs")  # folders in examples


def blocks(page, language):
    return [text for kind, text in BLOCKS.findall(TEXT[page]) if kind == language]


def quoted(page):
    """What stands in backticks outside of code blocks."""
    return re.findall(r"`([^`\n]+)`", BLOCKS.sub("", TEXT[page]))


def commands():
    """Every command line of embedcnn; explanations stand behind two blanks."""
    lines = [line for page in PAGES for text in blocks(page, "") for line in text.splitlines()]
    for line in [*lines, *(text for page in PAGES for text in quoted(page))]:
        command = re.split(r"\s{2,}| < ", line)[0]
        named_alone = command.removeprefix("embedcnn ") in {*COMMANDS} - {"train", "info"}
        if command.startswith("embedcnn ") and "COMMAND" not in command and not named_alone:
            yield command


def python_of_users():
    """Code for users to copy, which the doctests above it do not run."""
    return [text for text in blocks("README.md", "python") if ">>>" not in text]


def test_it_begins_with_two_commands_of_one_line():
    first = blocks("README.md", "sh")
    assert len(first) >= 2 and all(block.count("\n") == 1 for block in first[:2])
    assert "embedcnn train" in first[0] and "pytest" in first[1]


def test_examples_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # they write files
    found = doctest.testfile(str(ROOT / "README.md"), module_relative=False)
    assert found.attempted > 10 and found.failed == 0


@pytest.mark.parametrize("command", sorted(set(commands())))
def test_commands_are_understood(command):
    parsed = parse(make_parser(), shlex.split(command)[1:])
    assert callable(parsed.run)


@pytest.mark.parametrize("code", python_of_users())
def test_names_in_code_exist(code):
    """Modules and their names, that is; what a method does with its arguments the tests of its kind say."""
    tree = ast.parse(code)
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [(alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names]
            known |= {short: (name if name.endswith(short) else short) for name, short in names}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            first, _, rest = ast.unparse(node).partition(".")
            place = known.get(first, "")
            if (
                place.split(".")[0] == "embedcnn"
                and not place.startswith("embedcnn.torch")
                and "(" not in rest
            ):
                assert_exists(f"{place}.{rest}")


def assert_exists(place):
    """The name, as far as modules and classes know it."""
    value = embedcnn
    for name in place.split(".")[1:]:
        assert hasattr(value, name), place
        value = getattr(value, name)
        if not (inspect.ismodule(value) or inspect.isclass(value)):
            return


def test_names_that_do_not_exist_are_found():
    with pytest.raises(AssertionError, match="embedcnn.layers.Conv9D"):
        assert_exists("embedcnn.layers.Conv9D")
    assert_exists("embedcnn.data.Dataset.list_files")


def test_modules_that_it_lists_are_attributes():
    table = TEXT["README.md"].split("## What is there")[1].split("\n## ")[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    names = [name for first in firsts for name in re.findall(r"`(\w+)`", first)]
    assert {"classifier", "language_model", "generation", "preprocessing", "vectors"} <= set(names)
    assert [name for name in names if name not in dir(embedcnn)] == []


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page):
    """Named from the root or the page's folder; by the name alone where the sentence is about a folder."""
    parts = ("benchmarks", "csrc", "embedcnn", "tests")
    last = {path.name for part in parts for path in (ROOT / part).rglob("*")}
    folders = (ROOT, (ROOT / page).parent, ROOT / "csrc", ROOT / "csrc" / "kernels", ROOT / "embedcnn")
    missing = [
        name
        for text in quoted(page)
        for name in re.findall(r"[\w./*-]+\.(?:py|c|h|md|ipynb|sh|svg|toml)\b|[\w./-]+/(?=[\s,]|$)", text)
        if not name.startswith(OF_USERS)
        and not any(found for folder in folders for found in folder.glob(name.strip("/")))
        and not ("/" not in name and name in last)
    ]
    assert [name for name in missing if "<" not in name and not name.startswith((".", "example"))] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    headings = re.findall(r"^#+ (.*)$", TEXT[page], re.MULTILINE)
    anchors = {"#" + re.sub(r"[^\w\- ]", "", one).strip().lower().replace(" ", "-") for one in headings}
    for target in re.findall(r"\]\(([^)]+)\)", TEXT[page]):
        assert target in anchors or (ROOT / page).parent.joinpath(target).is_file(), target


def test_every_benchmark_is_named():
    sources = [path for kind in ("py", "c") for path in (ROOT / "benchmarks").glob(f"*.{kind}")]
    assert len(sources) > 40
    named = TEXT["benchmarks/README.md"]
    assert [path.name for path in sources if f"`{path.name}`" not in named] == []


def test_every_folder_of_the_core_is_named():
    folders = [path.name for path in (ROOT / "csrc").iterdir() if path.is_dir()]
    assert (
        len(folders) > 10 and [name for name in folders if f"`{name}/`" not in TEXT["csrc/README.md"]] == []
    )
