"""Matrix products in the three precisions of ``set_float32_matmul_precision``: time and error side by side.

    python benchmarks/precision.py [--json precision.json]

(M, K, N) = (476, 300, 1200), (128, 512, 2048), (1024, 1024, 1024), packing included; the precisions alternate
turn by turn in one process, in processor time of one thread, best of many. The error is that of the result
against double precision, relative to its size (root of the mean squares). Compiles precision.c, so it needs a
C compiler. Goal: with AVX-512 BF16 or AMX, "medium" at least 1.3 times as fast as "highest".
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import peers

sys.path.append(str(peers.ROOT / "tests"))

GOAL = 1.3


def measure(rounds: int) -> dict[tuple[int, int, int], dict[str, tuple[str, float, float]]]:
    """{(M, K, N): {precision: (number format, microseconds, relative error)}}."""
    from native import compile_checks

    found: dict[tuple[int, int, int], dict[str, tuple[str, float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        program = compile_checks(Path(folder), [Path(__file__).parent / "precision.c"])
        command = [str(program), str(rounds)]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        rows, depth, cols, name, number_format, microseconds, error = line.split()
        shape = found.setdefault((int(rows), int(depth), int(cols)), {})
        shape[name] = (number_format, float(microseconds), float(error))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    results = []
    for shape, of_precision in measure(arguments.rounds).items():
        rows, depth, cols = shape
        exact = of_precision["highest"][1]
        print(f"{shape}")
        for name, (number_format, microseconds, error) in of_precision.items():
            speed = 2e-3 * rows * depth * cols / microseconds
            print(
                f"  {name:8s} {number_format:7s} {microseconds:9.1f} us {speed:8.1f} GFLOP/s"
                f"  {exact / microseconds:5.2f} x  relative error {error:.1e}"
            )
            results.append(
                {
                    "title": f"precision, {shape}, {name} ({number_format})",
                    "gflops": round(speed, 1),
                    "times_highest": round(exact / microseconds, 2),
                    "relative_error": error,
                    "goal": GOAL if name == "medium" and number_format != "fp32" else None,
                }
            )
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
