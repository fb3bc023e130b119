"""Fixtures of all tests: every instruction set of this machine, thread counts, the shared data where it
exists."""

import gc
import os
import signal
from pathlib import Path

import pytest
from draws import examples
from hypothesis import HealthCheck, settings

from embedcnn import _core

ROOT = Path(__file__).resolve().parent.parent
collect_ignore_glob = ["*/make_*.py"]  # they write stored values, with frameworks that need not be here

# A run in the background starts with interrupts ignored, and tests of Ctrl-C would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "embedcnn",
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=examples(100),
)
settings.load_profile("embedcnn")


def pytest_addoption(parser):
    parser.addoption(
        "--ambient",
        action="store_true",
        help="only tests that do not choose the instruction set; of threads those of this environment; "
        "none that is slow",
    )
    parser.addoption(
        "--pairs",
        choices=("some", "all", "rest"),
        default="some",
        help="of tests that sweep over instruction sets and threads: the ends of both, and no test that is "
        "marked as slow (the default); all; or the rest",
    )


def pytest_xdist_auto_num_workers(config):
    """One process for each CPU that this one may use, at most 16."""
    return min(16, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def pytest_terminal_summary(terminalreporter, config):
    if config.getoption("--pairs") == "some" and not config.getoption("--ambient"):
        terminalreporter.write_line(
            "Tests that sweep over instruction sets and threads had some of their pairs, slow ones were left "
            "out; all: python -m pytest --pairs all. Everything else that is checked: bash .ci/run"
        )


def pytest_collection_modifyitems(config, items):
    """By default sweeps have their ends: the plainest kernels on one thread, the best ones on three.

    With ``--ambient`` tests that sweep over instruction sets or are slow are left out: other runs have them.
    """
    rungs = available_rungs()
    ends = [(rungs[0], THREADS[0]), (rungs[-1], THREADS[-1])]
    # Under sanitizers all; but the kernels of avx512 are those of the formats of numbers above it, too.
    others = [rung for rung in rungs[1:-1] if SANITIZED and rung != "avx512"]
    some_rungs = [rungs[0], *others, rungs[-1]]
    wanted = config.getoption("--pairs")

    def is_kept(item) -> bool:
        callspec = getattr(item, "callspec", None)
        rung, threads = (callspec and callspec.params.get(name) for name in ("rung", "threads"))
        if config.getoption("--ambient"):
            is_slow = item.get_closest_marker("slow")
            return rung is None and threads in (None, _core.get_num_threads()) and not is_slow
        if rung is None:
            in_some = threads in (None, THREADS[0], THREADS[-1])
        else:
            in_some = rung in some_rungs if threads is None else (rung, threads) in ends
        quick = in_some and not item.get_closest_marker("slow")
        return wanted == "all" or quick == (wanted == "some")

    left_out = [item for item in items if not is_kept(item)]
    items[:] = [item for item in items if is_kept(item)]
    config.hook.pytest_deselected(items=left_out)


def pytest_collection_finish():
    """Looks for cycles in what tests make only: thousands of collected tests took longer to walk than most
    tests run.
    """
    gc.collect()
    gc.freeze()


SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
THREADS = [3] if SANITIZED else [1, 2, 3]


def available_rungs() -> list[str]:
    return list(_core.kernels()["available"]) if hasattr(_core, "kernels") else []


@pytest.fixture(params=available_rungs())
def rung(request):
    """Runs the test once on every instruction set that this machine and build have."""
    before = _core.kernels()["name"]
    _core.select_kernels(request.param)
    yield request.param
    _core.select_kernels(before)


@pytest.fixture(params=THREADS)
def threads(request):
    """Runs the test with one, two and three threads; with three where only memory is watched."""
    _core.set_num_threads(request.param)
    yield request.param
    _core.set_num_threads(0)


@pytest.fixture(autouse=True)
def no_work_too_small():
    """Lets the smallest step run on a team of threads, which otherwise only larger ones do; what a test says
    of threads ends with it.
    """
    _core._set_least_work(0)
    yield
    _core._set_least_work(10**6)
    _core.set_num_threads(0)


@pytest.fixture
def shared() -> Path:
    """The folder of data shared between projects; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("EMBEDCNN_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip("no shared data: set EMBEDCNN_SHARED to its folder")
    return folder


@pytest.fixture
def pack_zst():
    """A function that compresses as Zstandard, with Python's own module (3.14) or the package."""
    try:
        from compression import zstd
    except ImportError:
        package = pytest.importorskip("zstandard", reason="neither Python 3.14 nor the package zstandard")
        return package.ZstdCompressor(level=3).compress
    return zstd.compress
