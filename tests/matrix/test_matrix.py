"""Compiles the C checks of csrc/matrix and runs them: every precision, and the same bits for any team."""

from pathlib import Path

import pytest
from native import compile_checks, run_checks


@pytest.mark.slow
def test_products_on_every_rung(tmp_path):
    program = compile_checks(tmp_path, [Path(__file__).parent / "check.c"])
    output = run_checks(program)
    assert "scalar: checked" in output


@pytest.mark.slow
def test_products_of_emulated_tiles(tmp_path):
    program = compile_checks(tmp_path, [Path(__file__).parent / "check.c"], tiles=True)
    output = run_checks(program, "amx")
    assert "amx: checked" in output


@pytest.mark.slow
def test_a_convolution_of_values_that_change(tmp_path):
    program = compile_checks(tmp_path, [Path(__file__).parent / "convolution_check.c"])
    assert "convolution: checked" in run_checks(program)
