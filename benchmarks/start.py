"""What comes before the first step: the import, and the text of the README's first command.

    python benchmarks/start.py [--json start.json]

Each in a fresh process, the best of several: milliseconds on the wall of `import embedcnn` beyond those of
`import numpy`, and processor seconds of `datasets.standard_library_sentences()`. Goals: 100 ms, 5 s.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import peers

IMPORT = "import time, numpy; t = time.perf_counter(); import embedcnn; print(time.perf_counter() - t)"
TEXT = (
    "import time; from embedcnn.datasets import standard_library_sentences as read; "
    "t = time.process_time(); read(); print(time.process_time() - t)"
)
GOALS = {"import": 0.1, "text of the first command": 5.0}


def best(code: str, rounds: int) -> float:
    """Seconds that `code` prints, in the fastest of so many processes."""
    command = [sys.executable, "-c", code]
    return min(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(rounds)
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    results = {name: best(code, arguments.rounds) for name, code in zip(GOALS, (IMPORT, TEXT), strict=True)}
    for name, seconds in results.items():
        print(f"{name}: {seconds * 1e3:,.0f} ms (goal {GOALS[name] * 1e3:,.0f})")
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
