"""Fixtures of all tests: every instruction set of this machine, thread counts, the shared data where it
exists."""

import os
import signal
from pathlib import Path

import pytest
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
)
settings.register_profile("sanitizers", settings.get_profile("embedcnn"), max_examples=15)
settings.load_profile(os.environ.get("EMBEDCNN_HYPOTHESIS", "embedcnn"))


def pytest_addoption(parser):
    parser.addoption(
        "--ambient",
        action="store_true",
        help="of cases that choose instruction set or threads, only those of this environment",
    )
    parser.addoption(
        "--pairs",
        choices=("some", "all", "rest"),
        default="some",
        help="of tests that sweep over instruction sets and threads: some pairs, and no test that is marked "
        "as slow (the default); all; or the rest",
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
    """With ``--ambient`` a test that sweeps over both is left out: other runs have their pairs."""
    here = {"rung": _core.kernels()["name"], "threads": _core.get_num_threads()}
    rungs = available_rungs()
    some = {(rungs[0], THREADS[0]), (rungs[-1], THREADS[-1])}
    wanted = config.getoption("--pairs")

    def is_kept(item) -> bool:
        callspec = getattr(item, "callspec", None)
        chosen = {name: callspec.params[name] for name in here if callspec and name in callspec.params}
        if config.getoption("--ambient"):
            return len(chosen) < 2 and all(here[name] == value for name, value in chosen.items())
        quick = not item.get_closest_marker("slow")
        if len(chosen) == 2:
            quick = quick and (chosen["rung"], chosen["threads"]) in some
        return wanted == "all" or quick == (wanted == "some")

    left_out = [item for item in items if not is_kept(item)]
    items[:] = [item for item in items if is_kept(item)]
    config.hook.pytest_deselected(items=left_out)


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
    """Lets the smallest step run on a team of threads, which otherwise only larger ones do."""
    _core._set_least_work(0)
    yield
    _core._set_least_work(10**6)


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
