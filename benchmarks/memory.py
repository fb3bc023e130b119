"""Peak resident memory of a process that trains a model, beside PyTorch's and TensorFlow's.

    python benchmarks/memory.py [--python TF/bin/python] [--json memory.json]

The text CNN of kim.py for 100 steps, the LSTM of 1,024 units of lstm.py and the loss of 50,000 words of
vocabulary_loss.py for 4. Each framework trains in a process of its own, which then asks the system for its
peak (import and inputs included). Goals: <= 1/3 of PyTorch's for the CNN and the loss, <= 2/3 for the LSTM.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import kim
import peers
import recurrent_models
import text_cnn
import vocabulary_loss


@dataclass(frozen=True)
class Training:
    """Steps of a benchmark's model; `goal`: how many times as much PyTorch shall take."""

    model: str
    case: str
    steps: int
    goal: float


TRAININGS = {
    "kim, frozen": Training("kim", "frozen", 100, 3.0),
    "kim, trainable": Training("kim", "trainable", 100, 3.0),
    "LSTM 1024": Training("recurrent", "LSTM 1024", 4, 1.5),
    "loss of 50,000 words": Training("vocabulary", "V 50000", 4, 3.0),
}


def train(name: str, training: Training) -> None:
    """In the child: trains, then prints its peak in MB."""

    def serve(version: str, step) -> None:
        for number in range(training.steps):
            step(number)
        unit = 1024 if sys.platform == "darwin" else 1
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit / 1024
        print(f"peak\t{version}\t{peak}", flush=True)

    peers.serve = serve
    if training.model == "kim":
        text_cnn.SERVED[name](kim.SHAPE, training.case)
    elif training.model == "vocabulary":
        vocabulary_loss.SERVED[name](vocabulary_loss.SHAPE, training.case)
    else:
        recurrent_models.SERVED[name](recurrent_models.Shape(), training.case)


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
        train(arguments.train, TRAININGS[arguments.case])
        return
    results = []
    for case, training in TRAININGS.items():
        rows = {}
        for name, python in peers.found_pythons(arguments.python, False).items():
            if training.model == "vocabulary" and name not in vocabulary_loss.SERVED:
                continue
            found = peak(name, python, case)
            if found is not None:
                rows[name] = {"version": found[0], "peak_mb": round(found[1])}
        print(f"{case}: " + ", ".join(f"{name} {row['peak_mb']} MB" for name, row in rows.items()))
        result: dict[str, object] = {"title": f"{case}, peak memory", "results": rows, "goal": training.goal}
        if "embedcnn" in rows and "PyTorch" in rows:
            ratio = rows["PyTorch"]["peak_mb"] / rows["embedcnn"]["peak_mb"]
            result |= {"ratio": round(ratio, 2), "met": ratio >= training.goal}
            met = "met" if ratio >= training.goal else "MISSED"
            print(f"  PyTorch takes {ratio:.2f} x as much (goal {training.goal:g} x, {met})")
        results.append(result)
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
