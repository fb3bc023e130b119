"""Language models over LSTM and GRU layers: milliseconds a training step against the general frameworks.

    python benchmarks/lstm.py [--python TF/bin/python] [--cases "LSTM 512" "GRU 256"] [--json lstm.json]

V 92, Embedding 256, Dense V on each step, T 100, Adam 0.002, clipped to a global norm of 1. "LSTM 512" and
"LSTM 1024": B 128. "lengths": texts of 10 to 100 tokens, mean 40, padded behind; only real tokens count in
the loss (PyTorch padded and packed). "stacked", "bidirectional", "GRU": 256 units, B 64. "high" and "medium"
are embedcnn's `float32_matmul_precision`; "high" races the others' float32, "medium" their bfloat16, and
embedcnn's own float32 runs beside both. The goals of both are for processors with AMX; on others "high" is
float32 and left out, and "medium" has the goal of 1.3 times its own float32.
"""

from __future__ import annotations

import peers
import recurrent_models

SHAPE = recurrent_models.Shape()
GOALS = {
    "LSTM 512": 2.2,
    "LSTM 1024": 1.6,
    "LSTM 512 lengths": 2.5,
    "stacked 256": 1.3,
    "bidirectional 256": 1.3,
    "GRU 256": 1.3,
    "medium LSTM 512": 4,
    "medium LSTM 1024": 3,
    "high LSTM 512": 5,
    "high LSTM 1024": 4,
    "high stacked 256": 2.5,
    "high bidirectional 256": 2.5,
    "high GRU 256": 2.5,
}


def takes_part(contestant: str, case: str) -> bool:
    """Packed sequences where lengths differ; bfloat16 against "medium", where a framework has it for this."""
    if contestant == "PyTorch packed":
        return "lengths" in case
    if contestant == "embedcnn float32":
        return case.startswith(("high", "medium"))
    return not (case.startswith("medium") and contestant == "JAX")


if __name__ == "__main__":
    tiles = peers.high_is_bf16()
    goals = {case: goal for case, goal in GOALS.items() if tiles or not case.startswith(("high", "medium"))}
    usual = [case for case in GOALS if tiles or not case.startswith("high")]
    peers.compete(
        "recurrent",
        __doc__,
        __file__,
        recurrent_models.SERVED,
        SHAPE,
        list(GOALS),
        goals,
        takes_part=takes_part,
        rounds=5,
        steps=2,
        usual=usual,
    )
