"""The rules of csrc: who includes whom, what stands in one folder only, how long files and functions are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "csrc").glob("**/*.[ch]"))

# Includes point down only: a folder, and the folders below it that its files may name.
_KERNELS = {"kernels", "base"}
_SHARED = {"matrix", "batch", *_KERNELS}
_WORK = {"grad", *_SHARED}
MAY_INCLUDE = {
    "base": {"base"},
    "kernels": _KERNELS,
    "matrix": {"matrix", *_KERNELS},
    "batch": {"batch", *_KERNELS},
    "grad": _WORK,
    "images": {"images", *_KERNELS},
    "ops": {"ops", "images", *_WORK},
    "optim": {"optim", *_WORK},
    "program": {"program", "ops", "optim", *_WORK},
    "text": {"text", *_KERNELS},
    "bags": {"bags", "text", *_KERNELS},
    "fasttext": {"fasttext", "bags", "text", "matrix", *_KERNELS},
    "vectors": {"vectors", "text", *_KERNELS},
    "python": {"python", "program", "ops", "optim", "images", "text", "bags", "fasttext", "vectors", *_WORK},
}

# A file may be longer than 400 lines, or a function than 60, only with a reason here.
LONG_FILES = {
    "embedcnn/models/model.py": "the public methods of one class: signatures, docstrings, who does the work",
    "embedcnn/ops/__init__.py": "a list of names: each operation is imported in a line of its own",
}
LONG_FUNCTIONS = {}

# What only these files may use; a rule of one place cannot be broken in another.
ONLY_IN = {
    "allocates": (
        r"\b(?:malloc|calloc|realloc|free|aligned_alloc|posix_memalign|strdup)\s*\(",
        ("base/memory.c",),
    ),
    "starts threads": (r"\bomp_\w+\s*\(|#\s*pragma\s+omp|<omp\.h>|\bpthread_create\b", ("base/threads.c",)),
    "uses intrinsics": (r"<\w*intrin\.h>|<arm_\w+\.h>|\b_mm\d*_\w+\(", ("kernels/simd/", "kernels/isa/")),
    "knows Python": (r"<Python\.h>|<numpy/|\bPy[A-Z]\w*_\w+\s*\(", ("python/",)),
    "prints or ends the process": (
        r"\b(?:printf|fprintf|puts|perror|putchar|exit|_exit|abort|assert)\s*\(",
        (),
    ),
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(text: str) -> str:
    """``text`` with comments, strings and characters blanked out; lines stay where they are."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda match: re.sub(r"[^\n]", " ", match.group()), text, flags=re.DOTALL)


def includes_of(path: Path) -> list[str]:
    return re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), flags=re.MULTILINE)


def functions_of(text: str) -> list[tuple[str, int]]:
    """Name and number of lines of each function: from its opening brace in column 0 to its closing one."""
    found, name, start = [], "", 0
    for number, line in enumerate(code_of(text).splitlines()):
        heading = re.match(r"[A-Za-z_][\w\s*]*?\b(\w+)\(", line)
        if heading:
            name = heading.group(1)
        elif line.startswith("{"):
            start = number
        elif line.rstrip() == "}" and name:
            found.append((name, number - start + 1))
            name = ""
    return found


def test_the_rules_see_the_sources():
    assert len(SOURCES) > 50
    assert {path.relative_to(ROOT / "csrc").parts[0] for path in SOURCES} == set(MAY_INCLUDE)


def test_includes_point_down():
    wrong = [
        f"{name_of(path)} includes {target}"
        for path in SOURCES
        for target in includes_of(path)
        if target.split("/")[0] not in MAY_INCLUDE[path.relative_to(ROOT / "csrc").parts[0]]
    ]
    assert not wrong


def test_includes_are_written_from_csrc():
    missing = [
        f"{name_of(path)} includes {target}"
        for path in SOURCES
        for target in includes_of(path)
        if not (ROOT / "csrc" / target).is_file()
    ]
    assert not missing


@pytest.mark.parametrize(
    ("folder", "shared"),
    [
        (
            "ops",
            {
                "ops/op.h",
                "ops/operations.h",
                "ops/axes.h",
                "ops/loss.h",
                "ops/recurrent.h",
                "ops/full.h",
                "ops/elementwise.h",
                "ops/token_bag.h",
                "ops/token_conv_pool.h",
                "ops/windows_2d.h",
                "ops/depthwise.h",
                "ops/squares.h",
                "ops/image_draws.h",
                "ops/batch_normalization.h",
                "ops/pixel_normalization.h",
            },
        ),
        ("optim", {"optim/optimizer.h", "optim/rule.h"}),
    ],
)
def test_neighbours_do_not_include_each_other(folder, shared):
    """A file knows its own header and those that all of the folder are written against."""
    wrong = []
    for path in sorted((ROOT / "csrc" / folder).glob("*.[ch]")):
        for target in includes_of(path):
            own = Path(target).stem == path.stem
            if target.startswith(folder + "/") and not own and target not in shared:
                wrong.append(f"{name_of(path)} includes {target}")
    assert not wrong


@pytest.mark.parametrize("rule", ONLY_IN)
def test_only_one_place(rule):
    pattern, places = ONLY_IN[rule]
    wrong = []
    for path in SOURCES:
        name = path.relative_to(ROOT / "csrc").as_posix()
        if name.startswith(places or ("no such place",)):
            continue
        for number, line in enumerate(code_of(path.read_text()).splitlines(), 1):
            if re.search(pattern, line):
                wrong.append(f"csrc/{name}:{number} {rule}: {line.strip()}")
    assert not wrong


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("allocates", "float *p = malloc (4);"),
        ("starts threads", "#pragma omp parallel"),
        ("uses intrinsics", "#include <immintrin.h>"),
        ("knows Python", "#include <Python.h>"),
        ("prints or ends the process", 'printf("x");'),
    ],
)
def test_the_patterns_match(rule, line):
    assert re.search(ONLY_IN[rule][0], line)


def test_files_are_short():
    files = [*SOURCES, *sorted((ROOT / "embedcnn").glob("**/*.py"))]
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in files}
    too_long = {name: length for name, length in lengths.items() if length > 400 and name not in LONG_FILES}
    assert not too_long
    assert not [name for name in LONG_FILES if lengths.get(name, 0) <= 350], "no longer needs its reason"


def test_functions_are_short():
    lengths = {
        f"{name_of(path)}:{function}": length
        for path in SOURCES
        for function, length in functions_of(path.read_text())
    }
    assert len(lengths) > 300, "the parser no longer sees the functions"
    too_long = {
        name: length for name, length in lengths.items() if length > 60 and name not in LONG_FUNCTIONS
    }
    assert not too_long
    assert not [name for name in LONG_FUNCTIONS if lengths.get(name, 0) <= 50], "no longer needs its reason"


def test_the_parser_measures_functions():
    text = (
        "static int first(void)\n{\n    return 1; /* } */\n}\n\nint second(int a,\n           int b)\n{\n}\n"
    )
    assert functions_of(text) == [("first", 3), ("second", 2)]


def test_files_say_what_they_are():
    silent = [name_of(path) for path in SOURCES if not path.read_text().startswith("/* ")]
    assert not silent


def test_symbols_between_files_carry_the_prefix():
    """What a header declares or a source defines without `static` starts with ec_."""
    wrong = []
    for path in SOURCES:
        code = code_of(path.read_text())
        for match in re.finditer(
            r"^(?!static|INLINE|typedef|#|return|else)([A-Za-z_][\w\s*]*?)\b(\w+)\(", code, re.MULTILINE
        ):
            name = match.group(2)
            if not name.startswith(
                ("ec_", "PyInit_", "_Static_assert")
            ) and "PyMODINIT_FUNC" not in match.group(1):
                wrong.append(f"{name_of(path)}: {name}")
    assert not wrong
