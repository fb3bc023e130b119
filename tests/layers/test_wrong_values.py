"""Layers that look strings and numbers up, and others with settings of their own, made with wrong values."""

from __future__ import annotations

import pytest
from wrong_values import Case, faults, pairs

from embedcnn import layers

FILES = (FileNotFoundError,)
WORDS, NUMBERS = {"vocabulary": ["a"]}, {"vocabulary": [5]}


def looked_up(made, *values):
    return lambda layer: layer(list(values))


def taking(kind):
    return lambda vocabulary: kind().set_vocabulary(vocabulary)


CASES = {
    "StringLookup": Case(
        layers.StringLookup,
        WORDS,
        looked_up(layers.StringLookup, "a", "b"),
        errors=FILES,
        skipped=("invert",),
    ),
    "IntegerLookup": Case(layers.IntegerLookup, NUMBERS, looked_up(layers.IntegerLookup, 5, 6)),
    "TextVectorization": Case(
        layers.TextVectorization,
        WORDS,
        looked_up(layers.TextVectorization, "a b"),
        errors=FILES,
        skipped=("output_sequence_length",),
        also={"vocabulary": ("words",)},
    ),
    "StringLookup.adapt": Case(layers.StringLookup().adapt, {"data": ["a", "b"]}, lists=("data",)),
    "IntegerLookup.adapt": Case(
        layers.IntegerLookup().adapt, {"data": [1, 2]}, lists=("data",), also={"data": ("whole numbers",)}
    ),
    "TextVectorization.adapt": Case(
        layers.TextVectorization().adapt, {"data": ["a", "b"]}, lists=("data",), also={"data": ("texts",)}
    ),
    "StringLookup.set_vocabulary": Case(
        taking(layers.StringLookup),
        WORDS,
        lists=("vocabulary",),
        errors=FILES,
        allowed={"vocabulary": ("x",)},
    ),
    "IntegerLookup.set_vocabulary": Case(taking(layers.IntegerLookup), NUMBERS, lists=("vocabulary",)),
    "TextVectorization.set_vocabulary": Case(
        taking(layers.TextVectorization),
        WORDS,
        lists=("vocabulary",),
        errors=FILES,
        allowed={"vocabulary": ("x",)},
        also={"vocabulary": ("words",)},
    ),
    "Rescaling": Case(layers.Rescaling, {"scale": 0.5}),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x").write_text("a\n")
    case.run()
    assert not faults(case, argument)


def test_inputs_of_lookups_are_of_their_kind():
    with pytest.raises(TypeError, match="`inputs` must hold str. Received: 1"):
        layers.StringLookup(vocabulary=["a"])([1])
    with pytest.raises(ValueError, match="`inputs` must be an integer. Received: inputs='a'"):
        layers.StringLookup(vocabulary=["a"], invert=True)(["a"])
    with pytest.raises(TypeError, match="reads whole numbers"):
        layers.IntegerLookup(vocabulary=[5])(["a"])


def test_tokens_are_strings():
    for argument in ("mask_token", "oov_token"):
        with pytest.raises(ValueError, match=f"`{argument}` must be a string. Received: {argument}=5"):
            layers.StringLookup(**{argument: 5})
    assert layers.StringLookup(mask_token="").mask_token == ""
