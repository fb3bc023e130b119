"""Real processes under mpirun: what they train, and how they end when one of them does."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("mpi_script.py")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120  # seconds; a training takes one

MPIRUN = shutil.which("mpirun", path=os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]))
pytestmark = pytest.mark.skipif(
    MPIRUN is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpi4py and an mpirun (the extra mpi and the wheel mpich)",
)
# Open MPI: as root in a container, and more ranks than cores; MPICH knows none of these.
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), **OPEN_MPI}
ENVIRONMENT.pop("OMP_NUM_THREADS", None)  # each takes its part of the processors


def run(ranks, how, folder):
    """A training of so many ranks; it ends, or the test fails."""
    command = [sys.executable, str(SCRIPT), how, str(folder)]
    command = command if how == "alone" else [MPIRUN, "-n", str(ranks), *command]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE)
    return done.returncode, done.stdout, done.stderr


def weights(folder, rank):
    with np.load(folder / f"{rank}.npz") as found:
        return [found[name] for name in found.files]


def test_ranks_of_mpi_train_as_one_process(tmp_path):
    (tmp_path / "alone").mkdir()
    assert run(1, "alone", tmp_path / "alone")[0] == 0
    alone = weights(tmp_path / "alone", 0)
    for ranks in (2, 3):
        folder = tmp_path / str(ranks)
        folder.mkdir()
        status, out, _ = run(ranks, "trains", folder)
        assert status == 0 and out.count("done") == ranks
        assert out.count("Epoch 1/2") == 1  # the first rank alone shows it
        threads = sum(int((folder / f"{rank}.threads").read_text()) for rank in range(ranks))
        assert threads <= max(ranks, len(os.sched_getaffinity(0)))  # all run on this machine
        found = [weights(folder, rank) for rank in range(ranks)]
        for got in found:
            assert max(np.abs(a - b).max() for a, b in zip(got, alone, strict=True)) < 2e-6
            assert all(np.array_equal(a, b) for a, b in zip(got, found[0], strict=True))


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("raises", "ValueError: a bad thing"),
        ("killed", ""),
        ("exits", "rank 1"),
        ("raises before", "OSError: no such file"),
        ("exits before", "rank 1 has ended its program while rank 0 begins to train"),
        ("evaluates alone", "rank 1 has ended its program while rank 0 begins to evaluate"),
    ],
)
def test_a_rank_that_ends_ends_all(tmp_path, how, said):
    status, out, err = run(2, how, tmp_path)
    assert status != 0 and said in err + out
    assert out.count("done") == (how == "evaluates alone")


def test_an_interrupt_of_one_rank_ends_the_training_of_all_after_the_same_step(tmp_path):
    status, out, _ = run(2, "interrupted", tmp_path)
    assert status == 0 and out.count("interrupted after 2 steps") == 2 and out.count("done") == 2
    first, second = weights(tmp_path, 0), weights(tmp_path, 1)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
