"""Programs in Keras's way run with the import changed and nothing else, and have Keras's losses."""

import json
from pathlib import Path

import numpy as np
import pytest

from .running import NAMES, losses_of

EXPECTED = json.loads((Path(__file__).parents[1] / "golden" / "keras_programs.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_first_losses_are_those_of_keras(name, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    losses = losses_of(name)
    assert len(losses) == len(EXPECTED[name]) == 10
    np.testing.assert_allclose(losses, EXPECTED[name], rtol=1e-4)
