"""The folder `tests` is on the path, for what tests share: no folder in it has the name of a package that a
test asks for, or Python would take the folder for it where the package is missing.
"""

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def asked_for(text: str) -> set[str]:
    """The modules that a file imports, or looks for with `pytest.importorskip`."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= set(modules) if (TESTS / node.module).is_dir() else {node.module}
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.importorskip":
            found |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
    return found


def taken_for_a_folder(modules: set[str]) -> list[str]:
    """Those that begin with a folder of the tests, and are neither a module there nor a name in one."""

    def stands_here(name: str) -> bool:
        path = TESTS / name.replace(".", "/")
        return path.with_suffix(".py").is_file() or path.parent.with_suffix(".py").is_file()

    return [
        name
        for name in sorted(modules)
        if (TESTS / name.partition(".")[0]).is_dir() and not stands_here(name)
    ]


def test_no_folder_has_the_name_of_a_package():
    wrong = {
        path.relative_to(TESTS).as_posix(): names
        for path in sorted(TESTS.rglob("*.py"))
        if (names := taken_for_a_folder(asked_for(path.read_text())))
    }
    assert not wrong, "rename the folder: <package>_files, say"


def test_such_names_are_found():
    wrong = ["import bags", "from text import words", 'pytest.importorskip("layers.core")']
    right = [
        "import bags.reviews",
        "from bags.reviews import texts",
        "from golden import layer_cases",
        "import os",
    ]
    assert taken_for_a_folder(asked_for("\n".join(wrong + right))) == ["bags", "layers.core", "text.words"]
