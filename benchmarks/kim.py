"""The text CNN of Kim (2014) on sentences like MR: milliseconds a training step against the general
frameworks.

    python benchmarks/kim.py                        # embedcnn and every peer that this Python can import
    python benchmarks/kim.py --python TF/bin/python # TensorFlow + Keras of another environment too
    python benchmarks/kim.py --compile --json kim.json

Filters 3, 4, 5 x 100, D 300, B 50, V 18,765, T 64 with about 20 real tokens (padded), or each batch cut to
its longest text (trimmed); dropout 0.5, Adam; table frozen or trainable. Nothing is masked: all compute the
same function. "high" (embedcnn's `float32_matmul_precision`, bf16x3; left out where it would be float32)
races the others in float32 and in bfloat16.
"""

from __future__ import annotations

import peers
import text_cnn

SHAPE = text_cnn.TextCNN(
    vocabulary=18765, width=300, filters=100, kernels=(3, 4, 5), batch=50, length=64, batches=40
)
GOALS = {
    "frozen": 12,
    "trainable": 15,
    "frozen trimmed": 8,
    "trainable trimmed": 10,
    "frozen high": 8,
    "trainable high": 8,
}
SERVED = text_cnn.SERVED | text_cnn.SERVED_NARROW


def takes_part(contestant: str, case: str) -> bool:
    """The frameworks' bfloat16 beside "high" only."""
    return "high" in case or not contestant.endswith("bfloat16")


if __name__ == "__main__":
    usual = [case for case in GOALS if "high" not in case or peers.high_is_bf16()]
    peers.compete(
        "kim", __doc__, __file__, SERVED, SHAPE, list(GOALS), GOALS, takes_part=takes_part, usual=usual
    )
