"""Programs whose recurrent layers go on, from run to run, where they stopped: for writing a text token by
token, and for training on texts that are longer than a window.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph.variables import Variable
from .operations import Lowered, Operation


def carrying(lowered: Lowered, batch: int) -> tuple[Lowered, list[Variable]]:
    """The same operations with states (batch, units) that are carried from run to run, and these states.

    Zeros are set into the states to begin anew. States that stateful layers keep themselves are left alone.
    Raises ValueError for a layer that reads backwards or takes its first state from elsewhere.
    """
    states: list[Variable] = []

    def stateful(op: Operation) -> Operation:
        if not op.facts["states"]:
            return op
        if op.attributes["reverse"]:
            raise ValueError(
                "a layer that reads backwards (Bidirectional, go_backwards) has no state to carry on; it "
                "cannot write a text either"
            )
        if op.attributes["initial_state"]:
            raise ValueError("a layer that is called with an initial_state has none to carry on")
        own = op.variables[: 2 + op.attributes["use_bias"]]
        layer, units = own[0].layer, own[1].shape[0]
        added = [
            Variable(f"carried_{number}", np.zeros((batch, units), np.float32), layer, tracked=True)
            for number in range(op.facts["states"])
        ]
        states.extend(added)
        return replace(op, variables=[*own, *added], attributes={**op.attributes, "stateful": True})

    operations = [stateful(op) for op in lowered.operations]
    return replace(lowered, operations=operations, variables=[*lowered.variables, *states]), states
