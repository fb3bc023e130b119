"""The core's matrix product: its share of the peak of fused multiply-adds, measured in the same run.

    python benchmarks/gemm.py [--json gemm.json]

float32, (M, K, N) = (476, 300, 1200), (128, 512, 2048), (1024, 1024, 1024), packing included, with 1 and 2
threads; best of some rounds. The peak is that of one register tile whose operands are in the first cache.
Compiles tests/matrix/check.c, so it needs a C compiler. Goal: >= 85 % of the peak.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import peers

sys.path.append(str(peers.ROOT / "tests"))

SHAPES = [(476, 300, 1200), (128, 512, 2048), (1024, 1024, 1024)]
GOAL_PERCENT = 85
LINE = re.compile(r"\s*(\d+) x\s+(\d+) x\s+(\d+) layout 0:(.*)")
THREADS = re.compile(r"(\d) threads?\s+([\d.]+) us\s+([\d.]+) GFLOP/s\s+([\d.]+) %")


def measure(program: Path, rung: str) -> tuple[float, dict[tuple, tuple[float, float]]]:
    """(peak of one thread in GFLOP/s, {(shape, threads): (GFLOP/s, per cent of the peak)})."""
    text = subprocess.run([str(program), "--bench", rung], capture_output=True, text=True, check=True).stdout
    peak = re.search(r"peak ([\d.]+) GFLOP/s", text)
    assert peak is not None, text
    found = {}
    for line in text.splitlines():
        match = LINE.match(line)
        shape = tuple(map(int, match.groups()[:3])) if match else None
        if match and shape in SHAPES:
            for threads, _, speed, share in THREADS.findall(match[4]):
                found[shape, int(threads)] = (float(speed), float(share))
    return float(peak[1]), found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    from native import compile_checks

    peers.warn_if_busy()
    rung = str(peers.machine()["kernels"])
    best: dict[tuple, tuple[float, float]] = {}
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        program = compile_checks(Path(folder), [peers.ROOT / "tests" / "matrix" / "check.c"])
        for _ in range(arguments.rounds):
            once, found = measure(program, rung)
            peak = max(peak, once)
            for key, (speed, _) in found.items():
                best[key] = max(best.get(key, (0.0, 0.0)), (speed, 0.0))
    results = []
    print(f"{rung}: peak of one thread {peak:.1f} GFLOP/s")
    for (shape, threads), (speed, _) in best.items():
        share = 100 * speed / peak / threads
        print(f"  {shape}, {threads} threads: {speed:7.1f} GFLOP/s, {share:.1f} % (goal {GOAL_PERCENT} %)")
        results.append(
            {
                "title": f"gemm, {shape}, {threads} thread{'s' if threads > 1 else ''}",
                "gflops": round(speed, 1),
                "percent_of_peak": round(share, 1),
                "goal": GOAL_PERCENT,
                "met": share >= GOAL_PERCENT,
            }
        )
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
