"""The operations of recurrent layers, and of layers around them."""

from __future__ import annotations

from typing import Any

from .operations import Builder

RECURRENT = ("simple_rnn", "lstm", "gru")


def recurrent(
    build: Builder, layer: Any, inputs: list[int], call: int, turn: bool = False, number: int = 0
) -> list[int]:
    """One recurrent layer; `turn`: outputs in the order of the text although it is read backwards. `number`
    keeps the random numbers of two layers of one call apart.
    """
    x, states = inputs[0], inputs[1:]
    key = layer.key(call)  # of a call: >= 0; of a seed: in [-2**20, 0)
    key += number * (2**19 if key >= 0 else 2**20)
    if layer.dropout:
        x = build.add("dropout", [x], rate=layer.dropout, layer=key, whole_channels=True)
    attributes: dict[str, Any] = {
        "use_bias": layer.use_bias,
        "return_sequences": layer.return_sequences,
        "return_state": layer.return_state,
        "initial_state": bool(states),
        "stateful": layer.stateful,
        "reverse": layer.go_backwards,
        "keep_order": turn,
        "zero_output_for_mask": layer.zero_output_for_mask,
        "activation": layer.activation,
    }
    if layer.gates > 1:
        attributes["recurrent_activation"] = layer.recurrent_activation
    if layer.recurrent_dropout:
        attributes |= {"recurrent_dropout": layer.recurrent_dropout, "layer": key}
    weights = [layer.kernel, layer.recurrent_kernel, layer.bias, *layer.states]
    first = build.add(layer.operation, [x, *states], weights, **attributes)
    outputs = build.operations[-1].outputs
    outputs += [build.symbol() for _ in range(layer.state_count if layer.return_state else 0)]
    return [first, *outputs[1:]]


def bidirectional(build: Builder, layer: Any, inputs: list[int], call: int) -> list[int]:
    """Both directions over one input, joined by the merge mode."""
    (forward,) = recurrent(build, layer.forward_layer, inputs, call, layer.forward_layer.go_backwards)
    (backward,) = recurrent(
        build, layer.backward_layer, inputs, call, layer.backward_layer.go_backwards, number=1
    )
    both = [forward, backward]
    if layer.merge_mode is None:
        return both
    if layer.merge_mode == "concat":
        return [build.add("concatenate", both)]
    kind = {"sum": "add", "mul": "multiply", "ave": "average"}[layer.merge_mode]
    return [build.add("merge", both, kind=kind)]


def fuse_token_recurrence(build: Builder) -> None:
    """lstm(embed(tokens)) -> lstm(tokens): the input's product over the distinct ids."""
    for op in build.operations:
        embed = build.maker(op.inputs[0]) if op.name in RECURRENT else None
        if embed and embed.name == "embed":
            op.inputs[0] = embed.inputs[0]
