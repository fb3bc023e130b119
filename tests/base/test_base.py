"""The base of the core: C programs that check it from inside, and what Python sees of threads and forks."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from native import FLAGS, ROOT, run_checks, run_compiler

from embedcnn import _core, runtime, set_num_threads

HERE = Path(__file__).parent
OPENMP = _core.build_info()["openmp"] > 0


def compile_program(folder: Path, source: str, others: list[str], flags: list[str]) -> Path:
    """Links a check with files of csrc/base; skips where there is no compiler or it cannot link ``flags``."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    if shutil.which(compiler[0]) is None:
        pytest.skip(f"no C compiler: {compiler[0]} not found")
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    if subprocess.run([*compiler, *flags, str(probe), "-o", str(folder / "probe")]).returncode:
        pytest.skip(f"the C compiler cannot link with {flags}")
    program = folder / "check"
    sources = [str(HERE / source), *(str(ROOT / "csrc" / "base" / name) for name in others)]
    run_compiler([*compiler, *FLAGS, f"-I{ROOT / 'csrc'}", *sources, *flags, "-o", str(program), "-lpthread"])
    return program


def test_memory_and_random_numbers(tmp_path):
    program = compile_program(tmp_path, "memory.c", ["memory.c", "blocks.c"], [])
    assert run_checks(program).split() == ["ok"]


@pytest.mark.parametrize("flags", [["-fopenmp"], []], ids=["openmp", "serial"])
def test_teams(tmp_path, flags):
    """Every tile exactly once, barriers that order memory, on OpenMP's threads and on others."""
    program = compile_program(tmp_path, "threads.c", ["clock.c"], flags)
    assert run_checks(program).split() == ["ok"]


@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="one sanitizer at a time")
def test_teams_under_the_thread_sanitizer(tmp_path):
    """No data race; and the race made on purpose is reported, so that the silence means something."""
    program = compile_program(tmp_path, "threads.c", ["clock.c"], ["-fsanitize=thread", "-g"])
    racy = subprocess.run([str(program), "--race"], capture_output=True, text=True, timeout=60)
    if "unexpected memory mapping" in racy.stderr:
        pytest.skip("the thread sanitizer does not run on this kernel")
    assert "data race" in racy.stderr
    assert run_checks(program, "--own-threads").split() == ["ok"]


def test_small_steps_choose_between_one_thread_and_a_team(tmp_path):
    """What was faster of late, tried anew at pauses that double, and soon where the machine changes."""
    program = compile_program(tmp_path, "turns.c", ["turns.c"], [])
    assert run_checks(program).split() == ["ok"]


def run_python(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=240,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
    )
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout.strip()


THREADS = "import embedcnn; print(embedcnn.get_num_threads())"


@pytest.mark.skipif(not OPENMP, reason="a serial build has one thread")
@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_the_environment_sets_the_threads(threads):
    assert run_python(THREADS, OMP_NUM_THREADS=str(threads)) == str(threads)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs CPU affinity")
def test_the_affinity_limits_the_threads():
    cpu = min(os.sched_getaffinity(0))
    assert run_python(f"import os; os.sched_setaffinity(0, [{cpu}]); {THREADS}") == "1"


@pytest.mark.skipif(not OPENMP, reason="a serial build has one thread")
def test_threadpoolctl_limits_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    before = _core.get_num_threads()
    with threadpoolctl.threadpool_limits(limits=1):
        assert _core.get_num_threads() == 1
    assert _core.get_num_threads() == before


GROUPS = {
    "no limit": ("0::/app", {"app/cpu.max": "max 100000"}, 64),
    "no such file": ("0::/app", {}, 64),
    "two": ("0::/app", {"app/cpu.max": "200000 100000"}, 2),
    "two and a half": ("0::/app", {"app/cpu.max": "250000 100000"}, 3),
    "half": ("0::/app", {"app/cpu.max": "50000 100000"}, 1),
    "of the group around it": ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "max 100000"}, 3),
    "the smallest": ("0::/a/b", {"a/cpu.max": "300000 100000", "a/b/cpu.max": "500000 100000"}, 3),
    "of a container, whose path is outside": ("0::/docker/123", {"cpu.max": "400000 100000"}, 4),
    "version 1": (
        "5:memory:/\n4:cpu,cpuacct:/app",
        {"cpu/app/cpu.cfs_quota_us": "200000", "cpu/app/cpu.cfs_period_us": "100000"},
        2,
    ),
    "version 1 without a limit": (
        "4:cpu:/app",
        {"cpu/app/cpu.cfs_quota_us": "-1", "cpu/app/cpu.cfs_period_us": "100000"},
        64,
    ),
    "other controllers": ("4:cpuset:/app", {"cpuset/app/cpu.max": "100000 100000"}, 64),
    "no sense": ("0::/app\nnonsense", {"app/cpu.max": "much 0"}, 64),
    "a period of nothing": ("0::/app", {"app/cpu.max": "100000 0"}, 64),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_container_grants_processors(case, tmp_path, monkeypatch):
    own, files, expected = GROUPS[case]
    (tmp_path / "own").write_text(own + "\n")
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text + "\n")
    granted = runtime._granted_shares
    monkeypatch.setattr(
        runtime, "_granted_shares", lambda: granted(str(tmp_path / "root"), str(tmp_path / "own"))
    )
    monkeypatch.setattr(runtime, "_affinity", lambda: 64)
    assert runtime.processors() == expected
    monkeypatch.setattr(runtime, "_affinity", lambda: 1)
    assert runtime.processors() == 1


def test_nor_is_a_system_without_groups_an_error():
    assert runtime._granted_shares("/nowhere", "/nowhere/own") == []


@pytest.mark.skipif(not OPENMP, reason="a serial build has one thread")
def test_what_is_granted_limits_the_threads_unless_others_are_asked_for():
    limited = "import embedcnn; embedcnn.runtime._core.set_thread_limit(2); "
    assert run_python(limited + "print(embedcnn.get_num_threads())", OMP_NUM_THREADS="5") == "2"
    asked = limited + "embedcnn.set_num_threads(4); print(embedcnn.get_num_threads())"
    assert run_python(asked, OMP_NUM_THREADS="5") == "4"
    for wrong in (0, 65):
        with pytest.raises(ValueError, match=rf"limit = {wrong} is outside \[1, 64\]"):
            _core.set_thread_limit(wrong)


def test_the_number_of_threads_has_limits():
    most = 64
    _core.set_num_threads(most)
    assert _core.get_num_threads() == (most if OPENMP else 1)
    for wrong in (-1, most + 1):
        with pytest.raises(ValueError, match=rf"num_threads = {wrong} is outside \[0, {most}\]"):
            _core.set_num_threads(wrong)
    with pytest.raises(TypeError):
        _core.set_num_threads("two")
    with pytest.raises(TypeError, match=r"integer in \[0, 64\]. Received: num_threads='two'"):
        set_num_threads("two")
    _core.set_num_threads(0)
    assert _core.get_num_threads() >= 1


def test_the_environment_caps_the_instruction_set():
    used = "import embedcnn; print(embedcnn.show_config()['instruction_set'])"
    assert run_python(used, EMBEDCNN_ISA="scalar") == "scalar"
    assert run_python(used, EMBEDCNN_ISA="") == run_python(
        f"import os; os.environ.pop('EMBEDCNN_ISA', 0); {used}"
    )


@pytest.mark.parametrize("wrong", ["avx9", "AVX2", "avx2 ", "auto", "ä"])
def test_an_unknown_instruction_set_is_an_error_that_lists_the_known_ones(wrong):
    code = "try:\n import embedcnn\nexcept ValueError as error:\n print(ascii(str(error)))"
    message = run_python(code, EMBEDCNN_ISA=wrong)
    assert "one of scalar, neon, avx2, avx512, avx512_bf16, amx, or be unset" in message
    assert f"Received: {ascii(wrong)}" in message


FORKS = """
import os, signal
import numpy as np
import embedcnn
from embedcnn import _core, ops

signal.alarm(200)  # a hang ends the parent, and a child below
_core._set_least_work(0)
embedcnn.set_num_threads(3)
x = np.random.default_rng(0).standard_normal((64, 40), np.float32)
kernel = np.random.default_rng(1).standard_normal((40, 30), np.float32)
expected = np.asarray(ops.dense(x, kernel))
for _ in range(50):
    child = os.fork()
    if child == 0:
        signal.alarm(10)
        same = all(np.array_equal(ops.dense(x, kernel), expected) for _ in range(3))
        os._exit(0 if same and embedcnn.get_num_threads() == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert np.array_equal(ops.dense(x, kernel), expected)
print("ok")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_forks_after_parallel_work():
    """A forked child computes the same bits on one thread and never hangs; its parent goes on with all."""
    assert run_python(FORKS) == "ok"
