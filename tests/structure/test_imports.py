"""The rules of embedcnn's own imports: which part may import which, no circles, short chains, and lazy
imports only where they say why.

A part is a package or module directly in embedcnn/. An import counts wherever it stands, but under
`if TYPE_CHECKING`; it is lazy inside a function. The chain of a module goes over the modules that its import
statements at module level name, each counted once: `from ..layers.base import Layer` names layers.base, not
layers (whose `__init__` Python runs too). `python -m pytest -s -n 0` on this file prints the longest
chain and the number of lazy imports.
"""

import ast
import functools
import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "embedcnn"
MOST_AT_THE_ROOT = 20
LONGEST_CHAIN = 13

# Imports point down only: a part, and the parts below it that its modules may name. The core (`_core`) and
# the version are everybody's.
_BASE = {"base", "runtime"}
_SMALL = {"activations", "constraints", "initializers", "ragged", "regularizers", *_BASE}
_GRAPH = {"graph", *_SMALL}
_TEXT = {"preprocessing", "text", *_GRAPH}
_DATA = {"data", "image", *_GRAPH}
_KERAS = {"layers", "losses", "metrics", "optimizers", "callbacks"}
_BELOW_SAVING = _KERAS | {"ops"} | _TEXT | _DATA
_BELOW_MODELS = {"training", "lowering", "saving"} | _BELOW_SAVING
_RECIPES = {"classifier", "fasttext", "language_model"}
MAY_IMPORT = {
    "base": {"runtime"},
    "runtime": set(),
    "activations": _BASE,
    "constraints": _BASE,
    "initializers": _BASE,
    "ragged": _BASE,
    "regularizers": _BASE,
    "utils": _BASE,
    "backend": _BASE,
    "config": {"backend", *_BASE},
    "graph": _SMALL,
    "preprocessing": _GRAPH,
    "text": _TEXT,
    "image": _GRAPH,
    "io": _BASE,
    "data": {"image", "io", *_GRAPH},
    "datasets": _DATA,
    "vectors": _GRAPH,
    "ops": _GRAPH,
    "callbacks": _TEXT | _DATA,
    "layers": {"ops", *_TEXT},  # TextVectorization
    "losses": _GRAPH,
    "metrics": {"losses", *_GRAPH},
    "optimizers": _GRAPH,
    "random": {"layers", "ops", *_GRAPH},
    "saving": _BELOW_SAVING,
    "lowering": _BELOW_SAVING,
    "training": {"lowering", "saving", *_BELOW_SAVING},
    "models": _BELOW_MODELS,
    "bags": {"models", *_BELOW_MODELS},
    "distributed": _BELOW_MODELS,
    "inspection": {"bags", "models", *_BELOW_MODELS},
    "classifier": {"bags", "models", "vectors", "utils", *_BELOW_MODELS},
    "fasttext": {"bags", "models", "vectors", "utils", *_BELOW_MODELS},
    "language_model": {"models", *_BELOW_MODELS},
    "onnx": {"models", *_BELOW_MODELS},
    "sklearn": {"classifier", "bags", "models", "vectors", *_BELOW_MODELS},
    "torch": _BASE,
    "tuning": {"classifier", "bags", "models", *_BELOW_MODELS},
    "commands": {
        "sklearn",
        "tuning",
        "models",
        "vectors",
        "datasets",
        "utils",
        "inspection",
        *_RECIPES,
        *_BELOW_MODELS,
    },
    "cli": {"commands", "base"},
    # names of version 0.1.0
    "encoding": {"text"},
    "generation": {"language_model"},
    "variables": {"graph"},
    "vocabulary": {"text"},
}


@dataclass(frozen=True)
class Import:
    """One name of an import statement."""

    module: str
    """Who imports, without "embedcnn."."""
    target: str
    """The module that is imported."""
    line: int
    lazy: bool
    comment: str

    def __str__(self) -> str:
        return f"{self.module or 'embedcnn'}:{self.line} imports {self.target or 'embedcnn'}"


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
ROOT = {name for name in MODULES if "." not in name and name not in ("", "__main__")}


def part(module: str) -> str:
    return module.partition(".")[0]


def named(node: ast.Import | ast.ImportFrom, module: str, is_package: bool) -> list[str]:
    """The modules of this package that an import statement names."""
    if isinstance(node, ast.Import):
        full = [alias.name for alias in node.names]
    else:
        package = module.split(".") if module else []
        package = package if is_package else package[:-1]
        package = package[: len(package) - node.level + 1]
        base = ["embedcnn", *package] if node.level else []
        base += node.module.split(".") if node.module else []
        full = [".".join([*base, alias.name]) for alias in node.names]
    found = []
    for name in full:
        if name.partition(".")[0] == "embedcnn":
            inside = name.removeprefix("embedcnn").removeprefix(".")
            if inside == "_core" or inside.startswith("_core."):
                continue
            while inside not in MODULES:
                inside = inside.rpartition(".")[0]
            found.append(inside)
    return found


@functools.cache
def imports_of(module: str) -> list[Import]:
    path = MODULES[module]
    lines = path.read_text().splitlines()
    found: list[Import] = []

    def visit(node: ast.AST, lazy: bool) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            if isinstance(child, (ast.Import, ast.ImportFrom)):
                above, text = lines[child.lineno - 2], lines[child.lineno - 1]
                comment = text.partition("#")[2] + (above if above.strip().startswith("#") else "")
                for target in dict.fromkeys(named(child, module, path.name == "__init__.py")):
                    found.append(Import(module, target, child.lineno, lazy, comment))
            visit(child, lazy or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))

    visit(ast.parse(path.read_text()), False)
    return [one for one in found if one.target != module]


ALL = [one for module in MODULES for one in imports_of(module)]


def test_the_parser_sees_imports():
    assert len(ALL) > 400
    assert any(one.module == "models.model" and one.target == "training.loop" for one in ALL)
    assert any(one.lazy for one in ALL)


def test_each_part_has_its_row():
    packages = {part(name) for name in MODULES} - {"", "__main__"}
    assert packages == set(MAY_IMPORT)


def test_imports_point_down():
    wrong = [
        str(one)
        for one in ALL
        if one.module not in ("", "__main__")
        and part(one.target) not in ("", part(one.module))
        and part(one.target) not in MAY_IMPORT[part(one.module)]
    ]
    assert not wrong


def test_the_root_is_asked_only_for_what_it_holds():
    """`import embedcnn` would hide what is used of it: whoever wants a part names it."""
    allowed = re.compile(r"import (_core|__version__)")
    wrong = []
    for one in ALL:
        if not one.target:
            line = MODULES[one.module].read_text().splitlines()[one.line - 1]
            if not allowed.search(line):
                wrong.append(f"{one}: {line.strip()}")
    assert not wrong


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The groups that reach each other."""
    reach = {start: set(edges[start]) for start in edges}
    for middle in edges:
        for start in edges:
            if middle in reach[start]:
                reach[start] |= reach[middle]
    groups = {frozenset({a, *(b for b in reach[a] if a in reach.get(b, ()))}) for a in edges}
    return [sorted(group) for group in groups if len(group) > 1]


def test_no_circles():
    between = {name: set() for name in MAY_IMPORT}
    for one in ALL:
        if one.module not in ("", "__main__") and part(one.target) not in ("", part(one.module)):
            between[part(one.module)].add(part(one.target))
    assert circles(between) == []
    assert circles(MAY_IMPORT) == [], "the table itself"


def test_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == [["b", "c"]]


def test_lazy_imports_say_why():
    """They are for extras and for the cost of start-up, in a comment beside or above."""
    lazy = [one for one in ALL if one.lazy]
    silent = [str(one) for one in lazy if not re.search(r"start-up|extra", one.comment)]
    print(f"{len(lazy)} lazy imports of modules of embedcnn")
    assert not silent


def test_the_root_is_small():
    files = [name for name in ROOT if MODULES[name].name != "__init__.py"]
    assert len(files) <= MOST_AT_THE_ROOT


def chain(module: str, above: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The longest chain of imports at module level that begins with this module."""
    assert module not in above, f"a circle: {above}"
    if module not in chain.known:
        below = [
            chain(one.target, (*above, module))
            for one in imports_of(module)
            if not one.lazy and one.target  # the root is asked for what it holds before it imports anything
        ]
        chain.known[module] = (module, *max(below, key=len, default=()))
    return chain.known[module]


chain.known = {}


def test_chains_are_short():
    longest = max((chain(module) for module in MODULES), key=len)
    print(f"{len(longest)} modules: {' -> '.join(longest)}")
    assert len(longest) <= LONGEST_CHAIN


def test_every_module_is_reached():
    """No module is left over: another one imports it, a table names it, or users do."""
    text = "\n".join(path.read_text() for path in MODULES.values())
    reached = {one.target for one in ALL} | {
        place.removeprefix("embedcnn.") for place in re.findall(r'"(embedcnn(?:\.\w+)+):\w+"', text)
    }
    packages = {name for name in MODULES if MODULES[name].name == "__init__.py"}
    left = set(MODULES) - reached - packages - ROOT - {"", "__main__"}
    assert not left


@pytest.mark.parametrize(
    "place",
    sorted(
        {
            place
            for path in MODULES.values()
            for place in re.findall(r'"(embedcnn(?:\.\w+)+:\w+)"', path.read_text())
        }
    ),
)
def test_names_in_tables_exist(place):
    module, _, name = place.partition(":")
    assert hasattr(importlib.import_module(module), name)
