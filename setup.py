"""Builds the extension module ``embedcnn._core`` from csrc.

Three things are decided here: whether the compiler has OpenMP (else the build is serial and says so; set
``EMBEDCNN_REQUIRE_OPENMP=1`` to fail instead), which flags each file of csrc/kernels/isa gets (only they may
use an instruction set), and what a source distribution carries beyond what is installed.
``EMBEDCNN_CFLAGS`` and ``EMBEDCNN_LDFLAGS`` add flags after ours: CI uses them for warnings and sanitizers.
"""

import os
import platform
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
X86 = platform.machine().lower() in ("x86_64", "amd64")
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"] if X86 else []
ISA_FLAGS = {
    "avx2": ["-mavx2", "-mfma", "-mf16c"] if X86 else [],
    "avx512": AVX512,
    "avx512_bf16": [*AVX512, "-mavx512bf16"] if X86 else [],
    "amx": [*AVX512, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"] if X86 else [],
}
OPENMP_PROBE = """
#include <omp.h>
int ec_probe(void) {
    int threads = 0;
#pragma omp parallel reduction(+ : threads)
    threads += omp_get_num_threads();
    return threads;
}
"""


def paths(pattern):
    """The files of the project that match ``pattern``, relative to its root, in a fixed order."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern) if path.is_file())


HEADERS_PROBE = "#include <Python.h>\nint ec_probe;\n"
INSTALL = """\
embedcnn: {missing}.
  Debian, Ubuntu:  apt install gcc python3-dev
  Fedora, RHEL:    dnf install gcc python3-devel
  Alpine:          apk add gcc musl-dev python3-dev
  conda:           conda install -c conda-forge c-compiler
The variable CC names a compiler of another name."""


class BuildCore(build_ext):
    """build_ext that says what is missing, with an OpenMP probe, flags per instruction-set file, and one
    compiler per CPU at work. What another compiler, or other flags, made is made anew.
    """

    def build_extension(self, ext):
        self.require_compiler()
        used = self.identity(ext)
        stamp = Path(self.build_temp, "compiler")
        if not stamp.is_file() or stamp.read_text() != used:
            self.force = True  # distutils compares times of files only
        self.build_core(ext)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(used)

    def command(self):
        return getattr(self.compiler, "compiler_so", None) or ["cc", "-fPIC"]

    def require_compiler(self):
        """SystemExit with what to install where there is no compiler, or no header of Python."""
        with tempfile.TemporaryDirectory() as folder:
            for probe, missing in (
                ("int ec_probe;\n", f"no C compiler works here (tried {self.command()[0]!r}); install one"),
                (HEADERS_PROBE, "Python.h is missing; install the headers of Python"),
            ):
                source = Path(folder, "probe.c")
                source.write_text(probe)
                folders = [f"-I{path}" for path in self.compiler.include_dirs]
                command = [*self.command(), *folders, "-c", str(source), "-o", str(Path(folder, "probe.o"))]
                try:
                    works = subprocess.run(command, capture_output=True).returncode == 0
                except OSError:  # no such program
                    works = False
                if not works:
                    raise SystemExit(INSTALL.format(missing=missing))

    def identity(self, ext):
        """What decides the compiled code beside the sources: compiler, its version, flags, NumPy."""
        version = subprocess.run([self.command()[0], "--version"], capture_output=True, text=True).stdout
        flags = [flag for flag in ext.extra_compile_args if flag != numpy.get_include()]
        parts = [*self.command(), version, *flags, *ext.extra_link_args, numpy.__version__]
        return "\n".join(parts)

    def build_core(self, ext):
        if self.openmp_works(ext):
            ext.extra_compile_args.append("-fopenmp")
            ext.extra_link_args.append("-fopenmp")
        elif os.environ.get("EMBEDCNN_REQUIRE_OPENMP") == "1":
            raise SystemExit(
                "embedcnn: EMBEDCNN_REQUIRE_OPENMP=1, but the C compiler has no OpenMP (-fopenmp)"
            )
        else:
            print("embedcnn: the C compiler has no OpenMP; building for ONE thread", file=sys.stderr)
        compile_serially = self.compiler.compile

        def compile_all(sources, extra_postargs=None, **settings):
            def compile_one(source):
                path = Path(source)
                isa = self.isa_flags(path.stem) if path.parent.name == "isa" else []
                return compile_serially([source], extra_postargs=[*(extra_postargs or []), *isa], **settings)

            with ThreadPoolExecutor(usable_cpus()) as pool:
                return [name for names in pool.map(compile_one, sources) for name in names]

        self.compiler.compile = compile_all
        try:
            super().build_extension(ext)
        finally:
            del self.compiler.compile

    def isa_flags(self, isa):
        """The flags of an instruction set; none where the compiler is too old to know them."""
        flags = ISA_FLAGS.get(isa, [])
        if isa not in ("avx512_bf16", "amx") or not flags:
            return flags
        compiler = getattr(self.compiler, "compiler_so", None) or ["cc", "-fPIC"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text("int ec_probe;\n")
            command = [*compiler, *flags, "-c", str(source), "-o", str(Path(folder, "probe.o"))]
            if subprocess.run(command, capture_output=True).returncode == 0:
                return flags
        print(f"embedcnn: the C compiler does not know {isa}; building without", file=sys.stderr)
        return []

    def openmp_works(self, ext):
        """Whether a shared object with an OpenMP region compiles and links with the flags of ``ext``."""
        compiler = getattr(self.compiler, "compiler_so", None) or ["cc", "-fPIC"]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder, "probe.c")
            source.write_text(OPENMP_PROBE)
            flags = [*ext.extra_compile_args, "-fopenmp", "-shared", "-o", str(Path(folder, "probe.so"))]
            command = [*compiler, *flags, str(source), *ext.extra_link_args]
            return subprocess.run(command, capture_output=True).returncode == 0


def usable_cpus():
    """CPUs that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SourceDistribution(sdist):
    """sdist with all that it takes to work on the project: tests, benchmarks, notebooks, documents."""

    def make_release_tree(self, base_dir, files):
        more = [
            name
            for pattern in ("csrc/**/*.md", "conftest.py", "tests/**/*", "benchmarks/**/*", "notebooks/**/*")
            for name in paths(pattern)
            if not any(part.startswith((".", "__pycache__")) for part in Path(name).parts)
        ]
        super().make_release_tree(base_dir, sorted({*files, *more}))


core = Extension(
    "embedcnn._core",
    sources=[*paths("csrc/*/*.c"), *paths("csrc/kernels/isa/*.c")],
    include_dirs=["csrc"],
    depends=paths("csrc/**/*.h"),
    extra_compile_args=[
        "-std=c11",
        "-isystem",  # no warnings from headers that are not ours
        numpy.get_include(),
        "-O3",
        "-g0",
        "-fno-math-errno",
        "-ffp-contract=off",  # the same sums whatever the compiler: fused multiply-add only where we write it
        "-fvisibility=hidden",
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        *shlex.split(os.environ.get("EMBEDCNN_CFLAGS", "")),
    ],
    extra_link_args=["-lm", *shlex.split(os.environ.get("EMBEDCNN_LDFLAGS", ""))],
)

setup(ext_modules=[core], cmdclass={"build_ext": BuildCore, "sdist": SourceDistribution})
