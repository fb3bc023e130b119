"""Writes pytorch_text_cnn.json: the losses of 50 PyTorch steps on the text CNN of program/test_pytorch.py.

Run by hand, where PyTorch is installed: ``python tests/golden/make_pytorch.py``. Only the losses are stored:
weights and batches come from NumPy's default_rng with fixed seeds.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from program.pytorch_loop import OPTIMIZERS, train

if __name__ == "__main__":
    losses = {name: [round(loss, 7) for loss in train(name)] for name in OPTIMIZERS}
    Path(__file__).with_name("pytorch_text_cnn.json").write_text(json.dumps(losses, indent=0) + "\n")
