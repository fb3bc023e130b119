"""Loads the C core, and what it can be asked: threads, instruction set, build.

The OpenMP runtime keeps idle threads spinning for milliseconds, longer than a whole training step; with
another process on one core that makes a step several times slower (measured, csrc/README.md, "Waiting"). It
reads its settings once, when it is loaded, so they are set for just that moment, unless the user has chosen.
"""

from __future__ import annotations

import math
import os
import warnings
from types import ModuleType
from typing import TYPE_CHECKING

from embedcnn import __version__

_WAITING = {
    "GOMP_SPINCOUNT": "10000",  # gcc's runtime: about 0.1 ms, then sleep
    "KMP_BLOCKTIME": "0",  # clang's runtime: sleep at once
}
_CHOSEN_BY_USER = ("OMP_WAIT_POLICY", *_WAITING)


def _load_core() -> ModuleType:
    ours = {} if any(name in os.environ for name in _CHOSEN_BY_USER) else _WAITING
    os.environ.update(ours)
    try:
        from embedcnn import _core
    except ImportError as error:
        raise _without_core(error) from None
    finally:
        for name in ours:
            del os.environ[name]
    return _core


def _without_core(error: ImportError) -> ImportError:
    """Why there is no core, and what to do: Python calls it a circular import, which it is not."""
    folder = os.path.dirname(os.path.abspath(__file__))
    if any(name.startswith("_core.") and not name.endswith(".pyi") for name in os.listdir(folder)):
        return ImportError(f"the C core in {folder} cannot be loaded: {error}")
    root = os.path.dirname(folder)
    if os.path.isfile(os.path.join(root, "setup.py")):
        return ImportError(
            f"{root} is the source folder of embedcnn, and its C core is not compiled. Run Python in another "
            "folder to use the installed package, or compile it here: pip install -e ."
        )
    return ImportError(f"the C core of embedcnn is missing in {folder}; install the package again")


if TYPE_CHECKING:
    from embedcnn import _core as _core
else:
    _core = _load_core()


def processors() -> int:
    """How many processors this process may keep busy: those of its affinity, or fewer where its container (a
    control group of Linux, as `docker run --cpus 2`) grants less time than that, rounded up.

    >>> processors() >= 1
    True
    """
    return max(1, min([_affinity(), *(math.ceil(share - 1e-6) for share in _granted_shares())]))


def _affinity() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _granted_shares(root: str = "/sys/fs/cgroup", own: str = "/proc/self/cgroup") -> list[float]:
    """The processors' worth of time that each control group around this process has, where it has a limit.

    Lines of `own` are "number:controllers:path"; version 2 has one hierarchy, without controllers.
    """
    shares = []
    try:
        with open(own, encoding="utf-8", errors="surrogateescape") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    for _, controllers, path in (line for line in lines if len(line) == 3):
        if controllers and "cpu" not in controllers.split(","):
            continue
        parts = [part for part in path.split("/") if part]
        for depth in range(len(parts) + 1):  # inside a container the path may begin outside: then "" is there
            folder = "/".join([root, *(["cpu"] if controllers else []), *parts[:depth]])
            names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            numbers = [number for name in names for number in _numbers(f"{folder}/{name}")]
            if len(numbers) == 2 and min(numbers) > 0:
                shares.append(numbers[0] / numbers[1])
    return shares


def _numbers(path: str) -> list[int]:
    """The whole numbers in a file of one line; none where it is not there, or says "max"."""
    try:
        with open(path, encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return []


if "OMP_NUM_THREADS" not in os.environ and processors() < _affinity():  # who sets it knows better
    _core.set_thread_limit(min(64, processors()))


def set_num_threads(num_threads: int) -> None:
    """Sets how many threads a step uses (like `torch.set_num_threads`); 0 returns to what `get_num_threads`
    says of the machine.

    Results do not depend on it. Raises `ValueError` outside [0, 64]. Warns where the build has no OpenMP,
    and so one thread only. Where the system cannot make so many threads, a step warns (`RuntimeWarning`) and
    uses one, as all after it do until this is called again.

    >>> set_num_threads(2)
    >>> get_num_threads()
    2
    >>> set_num_threads(0)
    """
    if isinstance(num_threads, bool) or not hasattr(num_threads, "__index__"):
        raise TypeError(f"`num_threads` must be an integer in [0, 64]. Received: num_threads={num_threads!r}")
    _core.set_num_threads(min(max(int(num_threads), -1), 65))  # beyond, the core says what is allowed
    if num_threads > 1 and not _core.build_info()["openmp"]:
        warnings.warn(
            "embedcnn was built without OpenMP and computes on one thread; build it again with a compiler "
            f"that has OpenMP (gcc; clang with libomp). Received: num_threads={num_threads}",
            stacklevel=2,
        )


def get_num_threads() -> int:
    """Threads that the next step uses: as set, else OpenMP's limit (variable, CPU affinity, threadpoolctl),
    but not more than the processors whose time a container grants.

    >>> get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def set_float32_matmul_precision(precision: str) -> None:
    """Sets how exact matrix products are (like `torch.set_float32_matmul_precision`), everywhere.

    `"highest"` (the default) computes in float32. `"high"` splits each value into the sum of two bfloat16
    numbers and adds up three of their four products (bf16x3), on processors with AMX: near float32's
    accuracy. `"medium"` rounds the operands to bfloat16, 8 significant bits (a relative error of at most
    2**-8), with AMX or AVX-512 BF16. Sums are float32, and so are weights, gradients and the optimizer. A
    precision is a lower bound: without the instructions, and for products too small to gain, float32 is used.
    `show_config()["matmul_formats"]` says what runs here. In bfloat16, values beyond 3.38e38 overflow.

    Relative error of a product over a depth of 512: float32 4e-7, bf16x3 4e-6, bfloat16 2e-3. Every model
    uses it from its next step on. Results are the same bits for any number of threads. Raises `ValueError`
    for any other word, `TypeError` for what is no string.

    >>> set_float32_matmul_precision("medium")
    >>> get_float32_matmul_precision()
    'medium'
    >>> set_float32_matmul_precision("highest")
    """
    _core.set_float32_matmul_precision(precision)


def get_float32_matmul_precision() -> str:
    """How exact matrix products are (like `torch.get_float32_matmul_precision`).

    >>> get_float32_matmul_precision()
    'highest'
    """
    return _core.get_float32_matmul_precision()


def show_config() -> dict[str, object]:
    """Version, compiler, instruction set, precision and threads, as a dict (like `sklearn.show_versions`).

    >>> sorted(show_config())  # doctest: +NORMALIZE_WHITESPACE
    ['compiler', 'float32_matmul_precision', 'instruction_set', 'instruction_sets', 'matmul_formats', 'numpy',
    'openmp', 'threads', 'version']
    """
    import numpy

    build = _core.build_info()
    kernels = _core.kernels()
    return {
        "version": __version__,
        "compiler": build["compiler"],
        "openmp": build["openmp"] or None,
        "instruction_set": kernels["name"],
        "instruction_sets": kernels["available"],
        "float32_matmul_precision": get_float32_matmul_precision(),
        "matmul_formats": _core.number_formats(),
        "threads": get_num_threads(),
        "numpy": numpy.__version__,
    }
