"""One convolution over long texts: milliseconds a training step against the general frameworks.

    python benchmarks/cnn1.py [--python TF/bin/python] [--compile] [--json cnn1.json]

Conv1D 128 x 3 and the maximum over time, D 100, B 128, T 100 of which all are real tokens, V 20,000; dropout
0.5, Adam; table frozen or trainable. All compute the same function.
"""

from __future__ import annotations

import peers
import text_cnn

SHAPE = text_cnn.TextCNN(
    vocabulary=20000, width=100, filters=128, kernels=(3,), batch=128, length=100, batches=20, full=True
)
GOALS = {"frozen": 6, "trainable": 8}

if __name__ == "__main__":
    peers.compete("cnn1", __doc__, __file__, text_cnn.SERVED, SHAPE, list(GOALS), GOALS)
