"""Builds the extension module ``embedcnn._core`` from csrc.

Three things are decided here: whether the compiler has OpenMP (else the build is serial and says so; set
``EMBEDCNN_REQUIRE_OPENMP=1`` to fail instead), which flags each file of csrc/kernels/isa gets (only these files may use
an instruction set), and ``EMBEDCNN_CFLAGS``, extra flags that CI uses for warnings and sanitizers.
"""

import os
import platform
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
X86 = platform.machine().lower() in ("x86_64", "amd64")
ISA_FLAGS = {
    "avx2": ["-mavx2", "-mfma", "-mf16c"] if X86 else [],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma"] if X86 else [],
}


def compiles(compiler, code, flags):
    """Whether the C compiler accepts and links ``code`` with ``flags``."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "probe.c")
        source.write_text(code)
        command = [*compiler, *flags, str(source), "-o", str(Path(folder, "probe"))]
        return subprocess.run(command, capture_output=True).returncode == 0


class BuildCore(build_ext):
    """build_ext with an OpenMP probe and flags per instruction-set file."""

    def build_extension(self, ext):
        compiler = getattr(self.compiler, "compiler", None) or ["cc"]
        openmp = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
        if compiles(compiler[:1], openmp, ["-fopenmp"]):
            ext.extra_compile_args.append("-fopenmp")
            ext.extra_link_args.append("-fopenmp")
        elif os.environ.get("EMBEDCNN_REQUIRE_OPENMP") == "1":
            raise SystemExit("embedcnn: the C compiler has no OpenMP (-fopenmp), and EMBEDCNN_REQUIRE_OPENMP=1 is set")
        else:
            print("embedcnn: the C compiler has no OpenMP; building for ONE thread", file=sys.stderr)
        for source in sorted(ROOT.glob("csrc/kernels/isa/*.c")):
            ext.extra_objects += self.compiler.compile(
                [str(source.relative_to(ROOT))],
                output_dir=self.build_temp,
                include_dirs=ext.include_dirs,
                debug=self.debug,
                extra_postargs=ext.extra_compile_args + ISA_FLAGS.get(source.stem, []),
            )
        super().build_extension(ext)


sources = [path for path in sorted(ROOT.glob("csrc/*/*.c"))]  # kernels/isa/*.c, one level deeper, is compiled above
core = Extension(
    "embedcnn._core",
    sources=[str(path.relative_to(ROOT)) for path in sources],
    include_dirs=["csrc"],
    depends=[str(path.relative_to(ROOT)) for path in sorted(ROOT.glob("csrc/**/*.h"))],
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

setup(ext_modules=[core], cmdclass={"build_ext": BuildCore})
