"""Compiles the C checks of csrc/kernels and runs them: every kernel on every rung of this machine."""

from pathlib import Path

import pytest
from native import compile_checks, compile_checks_for_arm, run_checks

pytestmark = pytest.mark.slow  # all kernels are compiled anew, in half a minute


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    return compile_checks(tmp_path_factory.mktemp("kernels"), sorted(Path(__file__).parent.glob("*.c")))


def test_every_kernel_on_every_rung(program):
    assert "scalar: checked" in run_checks(program)


def test_tile_kernels_over_emulated_registers(tmp_path):
    program = compile_checks(tmp_path, sorted(Path(__file__).parent.glob("*.c")), tiles=True)
    assert "amx: checked" in run_checks(program)


def test_every_kernel_on_an_emulated_arm_processor(tmp_path):
    emulator, program = compile_checks_for_arm(tmp_path, sorted(Path(__file__).parent.glob("*.c")))
    assert "neon: checked" in run_checks(program, emulator=(emulator,))


def test_benchmark_names_every_rung(program):
    rungs = [line.split(":")[0] for line in run_checks(program).splitlines()]
    assert [line for line in run_checks(program, "--bench").splitlines() if line[:1] != " "] == rungs


@pytest.mark.parametrize("rung", ["scalar", "avx2", "neon", "avx512", "avx512_bf16", "amx"])
def test_environment_caps_the_rung(program, rung, monkeypatch):
    ladder = ["scalar", "neon", "avx2", "avx512", "avx512_bf16", "amx"]
    monkeypatch.setenv("EMBEDCNN_ISA", rung)
    *_, used = run_checks(program, "--rungs").split()
    monkeypatch.delenv("EMBEDCNN_ISA")
    *available, best = run_checks(program, "--rungs").split()
    allowed = [name for name in available if ladder.index(name) <= ladder.index(rung)]
    assert best == available[-1]
    assert used == allowed[-1]
