"""Runs one workload in embedcnn and in every framework that is installed, side by side.

Each contestant lives in a process of its own (threads of one runtime would disturb another's) and waits for
its turn; within one run they alternate, round after round, so that all meet the same weather. A contestant is
made by the benchmark's own file, started as ``FILE --serve NAME ...``: it answers a number of steps with the
milliseconds they took.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Any

import numpy as np

PROCESSOR_TIME = "EMBEDCNN_PROCESSOR_TIME"
ROOT = Path(__file__).resolve().parent.parent
if any((ROOT / "embedcnn" / f"_core{suffix}").exists() for suffix in EXTENSION_SUFFIXES):
    sys.path.insert(0, str(ROOT))  # this checkout, where it has been built in place; else what is installed


def zipf_ids(rng: np.random.Generator, count: int, vocabulary: int, exponent: float = 1.05) -> np.ndarray:
    """Ids from 1 on, as often as words are."""
    share = 1 / np.arange(1, vocabulary) ** exponent
    drawn = np.searchsorted(np.cumsum(share / share.sum()), rng.random(count)) + 1
    return drawn.clip(1, vocabulary - 1).astype(np.int32)


def movie_reviews(
    batches: int, batch: int, width: int, vocabulary: int = 18765, mean: int = 20, seed: int = 0
):
    """(ids [batches, batch, width] with 0 behind each text, labels): lengths and words as in the MR
    sentences."""
    rng = np.random.default_rng(seed)
    ids = np.zeros((batches, batch, width), np.int32)
    for index in np.ndindex(batches, batch):
        length = int(np.clip(rng.normal(mean, 9), 3, 56))
        ids[index][:length] = zipf_ids(rng, length, vocabulary)
    return ids, rng.integers(0, 2, (batches, batch)).astype(np.int64)


def trimmed(ids: np.ndarray, shortest: int = 5) -> list[np.ndarray]:
    """Each batch cut to its longest text."""
    return [np.ascontiguousarray(one[:, : max(shortest, int((one != 0).sum(1).max()))]) for one in ids]


def machine() -> dict[str, object]:
    """What the figures depend on: processor, cores, instruction set, threads, versions."""
    from embedcnn import _core

    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in read_lines("/proc/cpuinfo")
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "kernels": _core.kernels()["name"],
        "threads": _core.get_num_threads(),
        "clock": "of the processor" if os.environ.get(PROCESSOR_TIME) else "of the wall",
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "compiler": _core.build_info()["compiler"],
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


def warn_if_busy() -> None:
    """Says so where other work keeps the cores busy: figures taken then are worth little."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > 0.3 * cores:
        print(
            f"note: load average {load:.1f} on {cores} cores before the start; repeat on an idle machine",
            file=sys.stderr,
        )


def read_lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def run_alone(arguments: Sequence[str]) -> str:
    """The last line that a Python with these arguments prints."""
    ran = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    return ran.stdout.splitlines()[-1]


def installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def set_threads(count: int) -> None:
    """The threads of embedcnn and of PyTorch, where it is installed."""
    import embedcnn

    embedcnn.set_num_threads(count)
    if installed("torch"):
        import torch

        torch.set_num_threads(count)


def clock_of(processor_time: bool) -> Callable[[], float]:
    """The time of the wall; or that of the processor, with one thread."""
    if not processor_time:
        return time.perf_counter
    set_threads(1)
    return time.process_time


def serve(name: str, step: Callable[[int], object]) -> None:
    """The contestant's side: says it is ready, then answers each number of steps with the milliseconds they
    took."""
    clock = time.process_time if os.environ.get(PROCESSOR_TIME) else time.perf_counter
    print(json.dumps({"ready": name}), flush=True)
    number = 0
    for line in sys.stdin:
        begin = clock()
        for _ in range(int(line)):
            step(number)
            number += 1
        print(json.dumps({"ms": (clock() - begin) * 1e3}), flush=True)


@dataclass
class Contestant:
    """One framework's process; `samples` are milliseconds a step, one a round."""

    name: str
    command: Sequence[str]
    version: str = ""
    samples: list[float] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "CUDA_VISIBLE_DEVICES": "",
        }
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.version = self.answer()["ready"]

    def answer(self) -> dict:
        assert self.process is not None and self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.name} ended early; run it alone to see why: {' '.join(self.command)}")

    def run(self, steps: int) -> float:
        """Milliseconds a step."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self.answer()["ms"] / steps

    def stop(self) -> None:
        if self.process is not None and self.process.stdin is not None:
            self.process.stdin.close()
            self.process.wait(timeout=30)


def race(contestants: list[Contestant], steps: int = 20, rounds: int = 5, warm: int = 5) -> list[Contestant]:
    """Lets all run alternately; those that cannot start are left out, with a line that says so."""
    running = []
    for contestant in contestants:
        try:
            contestant.start()
            contestant.run(warm)
            running.append(contestant)
        except (RuntimeError, OSError) as error:
            print(f"left out: {error}", file=sys.stderr)
    try:
        for _ in range(rounds):
            for contestant in running:
                contestant.samples.append(contestant.run(steps))
    finally:
        for contestant in running:
            contestant.stop()
    return running


def report(
    title: str, contestants: list[Contestant], ours: str = "embedcnn", goal: float | None = None
) -> dict[str, object]:
    """Prints best and median of each and our ratio to the fastest peer beside the goal; returns them."""
    print(f"\n{title}")
    rows = {}
    for contestant in sorted(contestants, key=lambda one: min(one.samples)):
        best, median = min(contestant.samples), statistics.median(contestant.samples)
        rows[contestant.name] = {
            "version": contestant.version,
            "best_ms": round(best, 3),
            "median_ms": round(median, 3),
        }
        print(f"  {contestant.name:<22}{best:9.2f} ms best {median:9.2f} ms median   {contestant.version}")
    peers = [name for name in rows if not name.startswith(ours)]
    result: dict[str, object] = {"title": title, "goal": goal, "results": rows}
    if ours in rows and peers:
        fastest = min(peers, key=lambda name: rows[name]["best_ms"])
        for kind in ("best_ms", "median_ms"):
            result[f"ratio_{kind[:-3]}"] = round(
                min(rows[peer][kind] for peer in peers) / rows[ours][kind], 2
            )
        ratios = f"{result['ratio_best']} x (median {result['ratio_median']} x)"
        wanted = f"; goal {goal:g} x" if goal else ""
        print(f"  {ours} is {ratios} the fastest peer, {fastest}{wanted}", flush=True)
        result["fastest_peer"] = fastest
        own = rows.get(f"{ours} float32")
        if own is not None:
            result["ratio_own_float32"] = round(own["best_ms"] / rows[ours]["best_ms"], 2)
            print(f"  {ours} is {result['ratio_own_float32']} x its own float32", flush=True)
    return result


def high_is_bf16() -> bool:
    """Whether embedcnn's precision "high" runs in bf16x3 on this machine (AMX); else it is float32. A process
    that serves a contestant does not look: its Python may lack embedcnn, and it is told its case.
    """
    if "--serve" in sys.argv:
        return True
    import embedcnn

    return embedcnn.show_config()["matmul_formats"]["high"] != "fp32"


def found_pythons(other: str | None, compiled: bool) -> dict[str, str]:
    """Which Python runs each contestant; frameworks that are not installed are left out."""
    pythons = {"embedcnn": sys.executable}
    if installed("torch"):
        pythons["PyTorch"] = sys.executable
        if compiled:
            pythons["PyTorch compiled"] = sys.executable
    if other or (installed("tensorflow") and installed("keras")):
        pythons["Keras"] = other or sys.executable
        if compiled:
            pythons["Keras XLA"] = other or sys.executable
    if other or installed("jax"):
        pythons["JAX"] = sys.executable if installed("jax") else str(other)
    return pythons


def python_of(contestant: str, pythons: dict[str, str]) -> str | None:
    """What runs a contestant; None where its framework is not there, or compiles and was not asked for."""
    if contestant in pythons or contestant.endswith((" compiled", " XLA")):
        return pythons.get(contestant)
    return pythons.get(contestant.split()[0])


def compete(
    name: str,
    description: str,
    file: str,
    served: dict[str, Callable[[Any, str], None]],
    shape: Any,
    cases: list[str],
    goals: dict[str, float],
    before: Sequence[dict[str, object]] = (),
    takes_part: Callable[[str, str], bool] = lambda contestant, case: True,
    rounds: int = 12,
    steps: int = 6,
    usual: list[str] | None = None,
) -> None:
    """The command line of a benchmark that races frameworks: `served[contestant](shape, case)` serves one.

    A contestant named as a framework with words behind it ("PyTorch packed") is another way to do the work in
    that framework. `before`: results that stand first in the file; `takes_part(contestant, case)`.
    `usual`: the cases that run where none is named (None: all).
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--python",
        default=os.environ.get("EMBEDCNN_PEER_PYTHON"),
        help="Python of another environment, for TensorFlow + Keras and JAX (else $EMBEDCNN_PEER_PYTHON)",
    )
    parser.add_argument("--compile", action="store_true", help="torch.compile and Keras's XLA too (minutes)")
    parser.add_argument("--only", nargs="*", help="names of contestants", choices=list(served))
    parser.add_argument("--cases", nargs="*", default=usual or cases, choices=cases)
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--cores", type=int, help="cores that all may use (default: every one)")
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count the time of the processor, of all threads, not that of the clock; with one core",
    )
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        served[arguments.serve](shape, arguments.case)
        return
    warn_if_busy()
    if arguments.processor_time:
        os.environ[PROCESSOR_TIME] = "1"
        arguments.cores = 1
    if arguments.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-arguments.cores :])
    results = list(before)
    for case in arguments.cases:
        contestants = []
        pythons = found_pythons(arguments.python, arguments.compile)
        for contestant in served:
            python = python_of(contestant, pythons)
            if python is None or arguments.only and contestant not in arguments.only:
                continue
            if not takes_part(contestant, case):
                continue
            if "trimmed" in case and contestant in ("JAX", "PyTorch compiled", "Keras XLA"):
                continue  # they compile anew for every width
            command = [python, str(Path(file).resolve()), "--serve", contestant, "--case", case]
            contestants.append(Contestant(contestant, command))
        found = race(contestants, arguments.steps, arguments.rounds, min(5, arguments.steps))
        results.append(report(f"{name}, {case}", found, goal=goals.get(case)))
        write_json(arguments.json, results)


def write_json(path: str | None, results: object) -> None:
    if path:
        Path(path).write_text(json.dumps({"machine": machine(), "results": results}, indent=1) + "\n")
