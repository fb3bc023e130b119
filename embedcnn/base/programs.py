"""The one place where programs of the core are made: from operations called alone (`embedcnn.ops`) and from
lowered models (`embedcnn.lowering`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..runtime import _core


def make_program(
    inputs: list[tuple[Any, ...]],
    parameters: list[tuple[str, tuple[int, ...]]],
    operations: list[tuple[Any, ...]],
    outputs: tuple[int, ...],
    *,
    seed: int = 0,
    input_gradients: bool = False,
    functions: Mapping[int, Any] | None = None,
    optimizer: tuple[str, dict[str, Any]] | None = None,
) -> _core.Program:
    """A program whose parameters are still to be bound.

    `inputs` to `outputs` as in `Lowered.program_arguments`. `functions`: of each external operation, by
    number, an object with `forward` and `backward`. `optimizer`: name and settings, where it will update.
    Raises ValueError and TypeError for what does not fit together.

    >>> relu = ("activation", (0,), (1,), (), {"activation": "relu"})
    >>> program = make_program([("x", "float32", None, (2,))], [], [relu], (1,))
    >>> program.forward([[[-1.0, 2.0]]])[0].tolist()
    [[0.0, 2.0]]
    """
    program = _core.Program(
        inputs, parameters, operations, outputs, seed=seed, input_gradients=input_gradients
    )
    for number, function in (functions or {}).items():
        program.set_function(number, function.forward, function.backward)
    if optimizer is not None:
        name, settings = optimizer
        program.set_optimizer(name, **settings)
    return program
