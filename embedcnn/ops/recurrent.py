"""Recurrent layers as functions of arrays: the whole time loop of a batch of texts, with its states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from embedcnn.base.checked import checked
from embedcnn.ops.call import Call, operation


def _recurrent(
    name: str,
    x: ArrayLike,
    weights: Sequence[tuple[str, ArrayLike | None]],
    initial_state: Sequence[tuple[str, ArrayLike]],
    mask: ArrayLike | None,
    states: int,
    settings: dict[str, Any],
) -> Call:
    """x and the first states in, the output and, where they are asked for, the last states out."""
    call = Call()
    call.add_floats("x", x, mask)
    for argument, state in initial_state:
        call.add_floats(argument, state)
    given = [(argument, value) for argument, value in weights if value is not None]
    numbers = tuple(call.add_parameter(argument, value, np.ndim(value)) for argument, value in given)
    count = 1 + (states if settings["return_state"] else 0)
    call.outputs = tuple(range(len(call.specs), len(call.specs) + count))
    call.many = bool(settings["return_state"])
    attributes = {"use_bias": len(given) == 3, "initial_state": bool(initial_state), **settings}
    call.operations = [(name, tuple(range(len(call.specs))), call.outputs, numbers, attributes)]
    return call


@operation
@checked
def lstm(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: Sequence[ArrayLike] | None = None,
    mask: ArrayLike | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
) -> Any:
    """A long short-term memory over x [B, T, C]: float32 [B, H], the last output of each text. As
    keras.layers.LSTM.

    `kernel` [C, 4 H], `recurrent_kernel` [H, 4 H], `bias` [4 H], gates in the order i f c o; `initial_state`:
    h and c, each [B, H]. With `return_sequences` all outputs [B, T, H]; with `return_state` a tuple (output,
    h, c). A masked step keeps state and output. ValueError for shapes that do not fit.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> kernel, recurrent_kernel = np.ones((2, 12)) / 4, np.ones((3, 12)) / 4
    >>> y, h, c = ops.lstm(np.ones((5, 7, 2)), kernel, recurrent_kernel, return_state=True)
    >>> y.shape, h.shape, c.shape
    ((5, 3), (5, 3), (5, 3))
    """
    settings = {
        "activation": activation,
        "recurrent_activation": recurrent_activation,
        "return_sequences": return_sequences,
        "return_state": return_state,
        "reverse": go_backwards,
    }
    states = [] if initial_state is None else list(initial_state)
    if len(states) not in (0, 2):
        raise ValueError(f"`initial_state` must be a pair (h, c). Received: {len(states)} arrays")
    named = [(f"initial_state[{number}]", state) for number, state in enumerate(states)]
    weights = [("kernel", kernel), ("recurrent_kernel", recurrent_kernel), ("bias", bias)]
    return _recurrent("lstm", x, weights, named, mask, 2, settings)


@operation
@checked
def gru(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: str = "tanh",
    recurrent_activation: str = "sigmoid",
    reset_after: bool = True,
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
) -> Any:
    """A gated recurrent unit over x [B, T, C]: float32 [B, H], the last output of each text. As
    keras.layers.GRU.

    `kernel` [C, 3 H], `recurrent_kernel` [H, 3 H], `bias` [2, 3 H] (with `reset_after=False` [3 H]), gates in
    the order z r h; `initial_state` [B, H]. With `return_sequences` all outputs [B, T, H]; with
    `return_state` a tuple (output, h). A masked step keeps state and output. ValueError for shapes that do
    not fit.

    >>> import numpy as np
    >>> from embedcnn import ops
    >>> ops.gru(np.ones((5, 7, 2)), np.ones((2, 9)) / 4, np.ones((3, 9)) / 4, return_sequences=True).shape
    (5, 7, 3)
    """
    settings = {
        "activation": activation,
        "recurrent_activation": recurrent_activation,
        "reset_after": reset_after,
        "return_sequences": return_sequences,
        "return_state": return_state,
        "reverse": go_backwards,
    }
    named = [] if initial_state is None else [("initial_state", initial_state)]
    weights = [("kernel", kernel), ("recurrent_kernel", recurrent_kernel), ("bias", bias)]
    return _recurrent("gru", x, weights, named, mask, 1, settings)


@operation
@checked
def simple_rnn(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    activation: str = "tanh",
    return_sequences: bool = False,
    return_state: bool = False,
    go_backwards: bool = False,
) -> Any:
    """h = activation(x W + h W_h + b) at each step of x [B, T, C]: float32 [B, H], the last of each text. As
    keras.layers.SimpleRNN.

    `kernel` [C, H], `recurrent_kernel` [H, H], `bias` [H], `initial_state` [B, H]. With `return_sequences`
    all outputs [B, T, H]; with `return_state` a tuple (output, h). A masked step keeps state and output.
    ValueError for shapes that do not fit.

    >>> from embedcnn import ops
    >>> ops.simple_rnn([[[1.0], [2.0]]], [[1.0]], [[10.0]], activation="linear").tolist()
    [[12.0]]
    """
    settings = {
        "activation": activation,
        "return_sequences": return_sequences,
        "return_state": return_state,
        "reverse": go_backwards,
    }
    named = [] if initial_state is None else [("initial_state", initial_state)]
    weights = [("kernel", kernel), ("recurrent_kernel", recurrent_kernel), ("bias", bias)]
    return _recurrent("simple_rnn", x, weights, named, mask, 1, settings)
