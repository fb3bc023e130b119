"""What is installed: symbols and stub of the core, time and modules of an import, size."""

import ast
import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import embedcnn
from embedcnn import _core

ROOT = Path(__file__).resolve().parents[2]
SANITIZED = "sanitize" in os.environ.get("EMBEDCNN_CFLAGS", "")
HEAVY = (
    "asyncio",
    "gensim",
    "jax",
    "keras",
    "matplotlib",
    "onnx",
    "optuna",
    "multiprocessing",
    "pandas",
    "safetensors.torch",
    "scipy",
    "sklearn",
    "tensorflow",
    "torch",
    "tqdm",
    "urllib.request",
)


def public(names) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def stub() -> dict[str, ast.stmt]:
    tree = ast.parse((ROOT / "embedcnn" / "_core.pyi").read_text())
    return {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


def test_the_stub_names_what_the_core_has():
    assert public(stub()) == public(vars(_core))


@pytest.mark.parametrize("name", [name for name, node in stub().items() if isinstance(node, ast.ClassDef)])
def test_the_stub_names_the_members_of(name):
    described = {node.name for node in stub()[name].body if isinstance(node, ast.FunctionDef)}
    described |= {node.target.id for node in stub()[name].body if isinstance(node, ast.AnnAssign)}
    assert public(described) == public(vars(getattr(_core, name)))


def signatures():
    """(name, node of the stub, signature of the core) of every function that states its signature."""
    for name, node in stub().items():
        thing = getattr(_core, name, None)
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        for member in members:
            if not isinstance(member, ast.FunctionDef) or member.name.startswith("_"):
                continue
            called = getattr(thing, member.name, None) if isinstance(node, ast.ClassDef) else thing
            try:
                signature = inspect.signature(called)
            except (TypeError, ValueError):  # no signature, or none of Python, such as words([order])
                continue
            yield f"{name}.{member.name}" if called is not thing else name, member, signature


@pytest.mark.parametrize(
    ("node", "signature"), [pytest.param(node, found, id=name) for name, node, found in signatures()]
)
def test_the_stub_has_the_parameters_of(node, signature):
    arguments = node.args
    described = [item.arg for item in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    described += [arguments.kwarg.arg] if arguments.kwarg else []
    stated = [name for name in signature.parameters if name != "self"]
    assert [name for name in described if name != "self"] == stated


@pytest.mark.skipif(not sys.platform.startswith("linux") or not shutil.which("nm"), reason="needs nm")
def test_the_core_exports_only_its_entry():
    result = subprocess.run(
        ["nm", "-D", "--defined-only", _core.__file__], capture_output=True, text=True, check=True
    )
    symbols = [line.split()[-1] for line in result.stdout.splitlines()]
    assert [name for name in symbols if not name.startswith("__")] == [
        "PyInit__core"
    ]  # __: a sanitizer's own


def run_python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True, cwd=ROOT)


def test_import_leaves_heavy_modules_alone():
    code = f"import sys, embedcnn; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    before = f"import sys, numpy; print(*(name for name in {HEAVY!r} if name in sys.modules))"
    assert set(run_python("-c", code).stdout.split()) <= set(run_python("-c", before).stdout.split())


def test_import_needs_no_framework():
    """None in sys.modules makes an import fail: the package imports where no framework is installed."""
    blocked = ("torch", "tensorflow", "keras", "sklearn", "gensim", "matplotlib", "pandas")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked!r})); import embedcnn"
    run_python("-c", code)


@pytest.mark.skipif(SANITIZED, reason="sanitizers swell the core")
def test_what_is_installed_is_small():
    """12 MB for the package as installed, its compiled Python included (1.74 times its source)."""
    folder = Path(_core.__file__).parent
    core = Path(_core.__file__).stat().st_size
    python = sum(path.stat().st_size for path in folder.glob("**/*.py*") if "__pycache__" not in path.parts)
    assert core + 2.8 * python <= 12_000_000


def test_programs_are_made_in_one_place():
    makers = [path for path in (ROOT / "embedcnn").rglob("*.py") if "_core.Program(" in path.read_text()]
    assert [path.relative_to(ROOT).as_posix() for path in makers] == ["embedcnn/base/programs.py"]


def test_a_source_folder_without_its_core_says_what_to_do(tmp_path):
    """As after `pip install .`, in the folder of the README: Python finds the sources first."""
    copy = tmp_path / "source"
    shutil.copytree(
        ROOT / "embedcnn", copy / "embedcnn", ignore=shutil.ignore_patterns("_core.*.so", "_core.*.pyd")
    )
    code = [sys.executable, "-S", "-c", "import embedcnn"]  # -S: an editable install would lend its core
    missing = subprocess.run(code, cwd=copy, capture_output=True, text=True)
    assert missing.returncode == 1 and "install the package again" in missing.stderr
    shutil.copy(ROOT / "setup.py", copy)
    for command in (code, [sys.executable, "-S", "-m", "embedcnn", "info"]):
        found = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        assert found.returncode == 1
        assert f"{copy} is the source folder of embedcnn, and its C core is not compiled" in found.stderr
        assert "pip install -e ." in found.stderr and "circular" not in found.stderr


def test_a_build_without_openmp_says_so_when_threads_are_wanted(monkeypatch):
    import embedcnn

    class WithoutOpenMP:
        set_num_threads = staticmethod(_core.set_num_threads)
        build_info = staticmethod(lambda: {"compiler": "cc", "openmp": 0})

    monkeypatch.setattr(embedcnn.runtime, "_core", WithoutOpenMP)
    with pytest.warns(UserWarning, match="built without OpenMP.*num_threads=2"):
        embedcnn.set_num_threads(2)
    embedcnn.set_num_threads(0)


def test_no_test_asserts_a_time():
    """A slower processor fails no test: how long something takes is measured in benchmarks/."""
    clock = re.compile(r"\b(?:perf_counter|process_time|monotonic|thread_time)(?:_ns)?\(|\btime\.time\(")
    wrong = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text()
        timed = {match.group(1) for match in re.finditer(rf"(\w+)\s*=[^\n]*(?:{clock.pattern})", text)}
        for number, line in enumerate(text.splitlines(), 1):
            names = set(re.findall(r"\w+", line))
            if line.lstrip().startswith("assert ") and (clock.search(line) or names & timed):
                wrong.append(f"{path.relative_to(ROOT)}, line {number}: {line.strip()}")
    assert not wrong


def test_what_is_public_is_there_and_nothing_else_is_shown():
    shown = set(dir(embedcnn))
    assert all(getattr(embedcnn, name) is not None for name in shown)
    internal = {"base", "cli", "commands", "graph", "lowering", "training"}
    assert not shown & internal
    assert [name for name in shown if name.startswith("_")] == ["__version__"]
    assert set(embedcnn.__all__) <= shown
