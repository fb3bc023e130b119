"""The operations of recurrent layers, and of layers around them."""

from __future__ import annotations

from typing import Any

from .builder import Builder


def recurrent(
    build: Builder, layer: Any, inputs: list[int], call: int, turn: bool = False, number: int = 0
) -> list[int]:
    """One recurrent layer: its cells one above the other; `turn`: outputs in the order of the text although
    it is read backwards. `number` keeps the random numbers of two layers of one call apart.
    """
    x, given, kept = inputs[0], inputs[1:], list(layer.states)
    states: list[int] = []
    for position, cell in enumerate(layer.cells):
        last = position == len(layer.cells) - 1
        key = _key(cell, call, number, position)
        run = {
            "return_sequences": layer.return_sequences or not last,
            "return_state": layer.return_state,
            "initial_state": bool(given),
            "stateful": layer.stateful,
            "reverse": layer.go_backwards,
            "keep_order": turn or not last,
            "zero_output_for_mask": layer.zero_output_for_mask and last,
        }
        count = cell.state_count
        x, *made = _run(build, cell, [x, *given[:count]], kept[:count], key, run)
        given, kept = given[count:], kept[count:]
        states += made
    return [x, *states]


def step(build: Builder, layer: Any, inputs: list[int], call: int) -> list[int]:
    """One step of a cell, or of cells above each other: a text of one token, with its first states."""
    x, given = inputs[0], inputs[1:]
    states: list[int] = []
    for position, cell in enumerate(layer.cells):
        run = {"return_state": True, "initial_state": True}
        batch, channels = build.shape(x)
        x = build.add("unflatten", [x], shape=(batch, 1, channels), length=1)
        key = _key(cell, call, 0, position)
        x, *made = _run(build, cell, [x, *given[: cell.state_count]], [], key, run)
        given = given[cell.state_count :]
        states += made
    return [x, *states]


def _key(cell: Any, call: int, number: int, position: int) -> int:
    """What keys the random numbers of a cell, within the core's [-2**20, 2**20]: of two directions and of
    cells above each other, which are one call, apart.
    """
    key = cell.key(call)  # of a call: >= 0; of a seed: in [-2**20, 0)
    low, span = (0, 2**19) if key >= 0 else (-(2**20), 2**20)
    return low + (key - low + position * 2**13) % span + number * span


def _run(
    build: Builder, cell: Any, inputs: list[int], kept: list[Any], key: int, run: dict[str, Any]
) -> list[int]:
    """A cell over a sequence; the output, and the states where they are returned."""
    x, states = inputs[0], inputs[1:]
    if cell.dropout and build.training is not False:
        settings = {"rate": cell.dropout, "layer": key, "shared_axes": 2, **build.always()}
        x = build.add("dropout", [x], shape=build.shape(x), **settings)
    attributes = {"use_bias": cell.use_bias, **run, "activation": cell.activation}
    if cell.gates > 1:
        attributes["recurrent_activation"] = cell.recurrent_activation
    if getattr(cell, "reset_after", True) is False:
        attributes["reset_after"] = False
    if cell.recurrent_dropout and build.training is not False:
        attributes |= {"recurrent_dropout": cell.recurrent_dropout, "layer": key, **build.always()}
    weights = [cell.kernel, cell.recurrent_kernel, cell.bias, *kept]
    batch, steps, _ = build.shape(x)
    state = (batch, cell.units)
    outputs = [build.symbol((batch, steps, cell.units) if run.get("return_sequences") else state)]
    outputs += [build.symbol(state) for _ in range(cell.state_count if run["return_state"] else 0)]
    build.append(cell.operation, [x, *states], outputs, weights, **attributes)
    return outputs


def bidirectional(build: Builder, layer: Any, inputs: list[int], call: int) -> list[int]:
    """Both directions over one input, joined by the merge mode; then the states."""
    both, states = [], []
    for number, (one, given) in enumerate(
        zip((layer.forward_layer, layer.backward_layer), layer.states_of(inputs[1:]), strict=True)
    ):
        made = recurrent(build, one, [inputs[0], *given], call, one.go_backwards, number)
        made = build.penalized(one, made)
        both.append(made[0])
        states += made[1:]
    if layer.merge_mode is None:
        return [*both, *states]
    if layer.merge_mode == "concat":
        return [build.add("concatenate", both), *states]
    kind = {"sum": "add", "mul": "multiply", "ave": "average"}[layer.merge_mode]
    return [build.add("merge", both, kind=kind), *states]
