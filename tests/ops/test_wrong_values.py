"""Operations called with wrong values: an error names an argument, or the operation and what it was given.

How each is called follows from the names of its arguments; operations with others have no case here.
"""

from __future__ import annotations

import inspect
import pickle
import re

import numpy as np
import pytest
from wrong_values import NAN, Case, faults

from embedcnn import ops

X = np.array([[0.5, -1.0], [2.0, 3.0]])
NUMBERS = dict.fromkeys(["x", "x1", "x2", "a", "b", "y", "logits", "output", "predictions", "updates"], X)
SIZES = dict.fromkeys(["k", "num_segments", "repeats", "indices_or_sections", "n", "N", "shift", "order"], 2)
GIVEN = {
    **NUMBERS,
    **SIZES,
    **dict.fromkeys(["axis", "start", "source", "axis1", "min_value", "x_min", "a_min"], 0),
    **dict.fromkeys(["destination", "axis2", "max_value", "x_max", "a_max", "pad_width"], 1),
    **dict.fromkeys(["shape", "size", "original_shape"], (2, 2)),
    **dict.fromkeys(["indices", "segment_ids", "targets"], np.array([0, 1])),
    **dict.fromkeys(["tensors", "xs", "arrays"], [X, X]),
    **dict.fromkeys(["num_classes", "stop", "num"], 3),
    "inputs": np.ones((1, 4, 2)),
    "kernel": np.ones((2, 2, 3)),
    "k": 1,
    "fill_value": 1.0,
    "q": 0.5,
    "newshape": (4,),
    "target": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "images": np.ones((1, 4, 4, 3)),
    "condition": X > 0,
    "bins": np.array([0.0, 1.0]),
    "sorted_sequence": np.array([1.0, 2.0]),
    "values": [1.0, 2.0],
}
ARRAYS = {name for name, value in GIVEN.items() if isinstance(value, np.ndarray)}
LENIENT = {
    "dtype": (None,),
    "x": (True,),
    "start": (None,),
    "step": (None,),
    **dict.fromkeys(["nan", "posinf", "neginf"], (NAN,)),
}
"""What is meant although an annotation does not say so."""


def cases():
    """Each operation whose arguments have names that are known here."""
    for name in sorted(ops.__all__):
        function = getattr(ops, name)
        if not inspect.isfunction(function):
            continue
        needed = [
            one.name
            for one in inspect.signature(function).parameters.values()
            if one.default is one.empty and one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)
        ]
        if needed and set(needed) <= set(GIVEN):
            given = {argument: GIVEN[argument] for argument in needed}
            case = Case(function, given, arrays=tuple(ARRAYS & set(given)), allowed=LENIENT)
            try:
                case.run()
            except (TypeError, ValueError):
                continue  # one that wants other numbers
            yield name, case


CASES = dict(cases())
ENDLESS = {("diff", "n")}  # so many differences
ASKED_ANYTHING = {"is_tensor", "array", "convert_to_tensor", "convert_to_numpy", "expand_dims"}
"""Texts, and the open size of a batch."""


def told(name, case, fault):
    """Whether the message of a fault names the operation with its arguments, or another argument that does
    not fit this one, as an axis that x does not have.
    """
    words = "|".join(case.arguments())
    return f"ops.{name}: " in fault or re.search(rf"(Type|Value)Error: .*(`({words})`|({words}) has )", fault)


@pytest.mark.parametrize("name", sorted(set(CASES) - ASKED_ANYTHING))
def test_wrong_values_are_named(name):
    case = CASES[name]
    found = []
    for argument in case.arguments():
        if (name, argument) not in ENDLESS:
            found += [one for one in faults(case, argument) if not told(name, case, one)]
    assert not found


def test_there_is_much_to_check():
    assert len(CASES) > 200


def test_an_error_out_of_the_depths_gets_names():
    with pytest.raises(ValueError, match=r"ops.moveaxis: .* Received: x=5.0, source=0, destination=1"):
        ops.moveaxis(5.0, 0, 1)
    with pytest.raises(ValueError, match="`N` must be an integer. Received: N='x'"):
        ops.eye("x")
    with pytest.raises(TypeError, match="`x1` must be numbers: .* Received: x1=1j"):
        ops.add(1j, 2.0)
    with pytest.raises(ValueError, match=r"ops.add: .* Received: x1 of shape \(2, 2\), x2 of shape \(3,\)"):
        ops.add(X, np.ones(3))


def test_what_a_function_of_the_users_raises_stays():
    def broken(x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        ops.map(broken, np.ones(2))


def test_operations_are_pickled_by_their_public_names():
    for name in ("add", "conv1d", "softmax", "quantile"):
        function = getattr(ops, name)
        assert pickle.loads(pickle.dumps(function)) is function and function.__module__ == "embedcnn.ops"
