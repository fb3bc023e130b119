"""Programs in C that check the core from inside: compiles them with csrc as setup.py does, and runs them.

Benchmarks use it too, so it does without pytest, which takes unittest's SkipTest as its own.
"""

import ast
import atexit
import functools
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLAGS = [
    "-std=c11",
    "-O3",
    "-fno-math-errno",
    "-ffp-contract=off",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
]


def isa_flags(machine: str) -> dict[str, list[str]]:
    """``ISA_FLAGS`` of setup.py, which cannot be imported without running it, on a machine."""
    known: dict[str, object] = {"X86": machine.lower() in ("x86_64", "amd64")}
    for node in ast.parse((ROOT / "setup.py").read_text()).body:
        name = getattr(node.targets[0], "id", None) if isinstance(node, ast.Assign) else None
        if name in ("AVX512", "ISA_FLAGS"):
            known[name] = eval(compile(ast.Expression(node.value), "setup.py", "eval"), known)
    return known["ISA_FLAGS"]


def compile_checks(folder: Path, checks: list[Path], tiles: bool = False) -> Path:
    """Links ``checks`` with csrc/base, csrc/kernels and csrc/matrix; skips where there is no compiler.

    With ``tiles`` the machine seems to have AMX: its kernels are compiled over registers in plain C.
    """
    if tiles and platform.system() != "Linux":
        raise unittest.SkipTest("replacing ec_cpu needs the linker of Linux")
    compiler = tuple(shlex.split(os.environ.get("CC", "cc")))
    if shutil.which(compiler[0]) is None:
        raise unittest.SkipTest(f"no C compiler: {compiler[0]} not found")
    flags, objects = compile_core(compiler, platform.machine())
    linked = []
    if tiles:
        emulated = folder / "emulated.o"
        source = ROOT / "tests/kernels/emulated/amx.c"
        run_compiler([*compiler, *flags, "-c", str(source), "-o", str(emulated)])
        objects = {**objects, "kernels/isa/amx.c": str(emulated)}
        linked = ["-Wl,--wrap=ec_cpu"]
    return link_checks(folder, compiler, checks, flags, [*objects.values(), *linked])


def compile_checks_for_arm(folder: Path, checks: list[Path]) -> tuple[str, Path]:
    """(emulator, program): ``compile_checks`` for an ARM processor, emulated; skips where there is none."""
    compiler, emulator = "aarch64-linux-gnu-gcc", "qemu-aarch64"
    for tool in (compiler, emulator):
        if shutil.which(tool) is None:
            raise unittest.SkipTest(f"{tool} not found")
    flags, objects = compile_core((compiler,), "aarch64")
    return emulator, link_checks(folder, (compiler,), checks, flags, [*objects.values(), "-static"])


def link_checks(
    folder: Path, compiler: tuple[str, ...], checks: list[Path], flags: list[str], objects: list[str]
) -> Path:
    """The program of ``checks`` and compiled objects."""
    program = folder / "check"
    sources = [*map(str, checks), *objects]
    run_compiler([*compiler, *flags, *sources, "-o", str(program), "-lm", "-lpthread"])
    return program


@functools.cache
def compile_core(compiler: tuple[str, ...], machine: str) -> tuple[list[str], dict[str, str]]:
    """Flags, and the object file of each source below the operations; compiled once in a run of the tests."""
    folder = Path(tempfile.mkdtemp(prefix="embedcnn_checks_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    flags = [*FLAGS, f"-I{ROOT / 'csrc'}"]
    probe = folder / "probe.c"
    probe.write_text("#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n")
    with_openmp = [*compiler, "-fopenmp", str(probe), "-o", str(folder / "probe")]
    if subprocess.run(with_openmp, capture_output=True).returncode == 0:
        flags.append("-fopenmp")
    objects = {}
    for part in ("base", "kernels", "kernels/isa", "matrix"):
        for source in sorted((ROOT / "csrc" / part).glob("*.c")):
            target = folder / f"{part.replace('/', '_')}_{source.stem}.o"
            extra = isa_flags(machine).get(source.stem, []) if part == "kernels/isa" else []
            run_compiler([*compiler, *flags, *extra, "-c", str(source), "-o", str(target)])
            objects[f"{part}/{source.name}"] = str(target)
    return flags, objects


def run_compiler(command: list[str]) -> None:
    """Runs one compiler command; its messages become the assertion's text."""
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def run_checks(program: Path, *arguments: str, emulator: tuple[str, ...] = ()) -> str:
    """The output of a check program, which must end with success."""
    result = subprocess.run(
        [*emulator, str(program), *arguments], capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-5000:]
    return result.stdout
