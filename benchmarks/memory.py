"""Peak resident memory of a process that trains the text CNN of kim.py, beside PyTorch's and TensorFlow's.

    python benchmarks/memory.py [--python TF/bin/python] [--json memory.json]

Each framework trains for 100 steps in a process of its own, which then asks the system for its peak (import
and inputs included). Goal: <= 1/3 of PyTorch's.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

import kim
import peers
import text_cnn

STEPS, GOAL = 100, 3.0
CASES = ("frozen", "trainable")


def train(name: str, case: str) -> None:
    """In the child: trains, then prints its peak in MB."""
    sys.path.insert(0, str(peers.ROOT))

    def serve(version: str, step) -> None:
        for number in range(STEPS):
            step(number)
        unit = 1024 if sys.platform == "darwin" else 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit / 1024
        print(f"peak\t{version}\t{peak}", flush=True)

    peers.serve = serve
    text_cnn.SERVED[name](kim.SHAPE, case)


def peak(name: str, python: str, case: str) -> tuple[str, float] | None:
    """(version, MB), or None where the framework is not there."""
    command = [python, str(Path(__file__).resolve()), "--train", name, "--case", case]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    ran = subprocess.run(command, capture_output=True, text=True, env=environment)
    for line in ran.stdout.splitlines():
        if line.startswith("peak\t"):
            _, version, megabytes = line.split("\t")
            return version, float(megabytes)
    print(f"left out: {name} ended early; run it alone to see why: {' '.join(command)}", file=sys.stderr)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=os.environ.get("EMBEDCNN_PEER_PYTHON"), help="as in kim.py")
    parser.add_argument("--json", help="file for the results")
    parser.add_argument("--train", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        train(arguments.train, arguments.case)
        return
    results = []
    for case in CASES:
        rows = {}
        for name, python in peers.found_pythons(arguments.python, False).items():
            found = peak(name, python, case)
            if found is not None:
                rows[name] = {"version": found[0], "peak_mb": round(found[1])}
        print(f"kim, {case}: " + ", ".join(f"{name} {row['peak_mb']} MB" for name, row in rows.items()))
        result: dict[str, object] = {"title": f"kim, {case}, peak memory", "results": rows, "goal": GOAL}
        if "embedcnn" in rows and "PyTorch" in rows:
            ratio = rows["PyTorch"]["peak_mb"] / rows["embedcnn"]["peak_mb"]
            result |= {"ratio": round(ratio, 2), "met": ratio >= GOAL}
            met = "met" if ratio >= GOAL else "MISSED"
            print(f"  PyTorch takes {ratio:.2f} x as much (goal {GOAL:g} x, {met})")
        results.append(result)
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
