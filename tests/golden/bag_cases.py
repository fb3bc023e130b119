"""Bags and tables whose values PyTorch computed once (make_torch_bags.py); numbers are drawn from seeds."""

import itertools

import numpy as np

ROWS, WIDTH = 12, 5
IDS = np.array([[1, 2, 2, 7, 3], [3, 3, 3, 3, 11], [0, 5, 11, 4, 6], [9, 3, 1, 1, 9]])
VECTOR = np.array([4, 3, 3, 3, 1, 9, 11, 5, 3, 2, 2])
OFFSETS = np.array([0, 3, 3, 5, 5, 8])  # two bags are empty


def data(shape, seed):
    return np.random.RandomState(seed).uniform(-1.5, 1.5, shape).astype("float32")


def _cases():
    modes, forms, paddings = ("mean", "sum", "max"), ("texts", "offsets", "last"), (None, 3, -1)
    for mode, form, padding, scaled in itertools.product(modes, forms, paddings, (False, True)):
        if not (mode == "max" and scaled):
            yield {"mode": mode, "form": form, "padding_idx": padding, "scale_grad_by_freq": scaled}
    for form, padding, scaled in itertools.product(forms, paddings, (False, True)):
        weighted = {"mode": "sum", "form": form, "padding_idx": padding, "scale_grad_by_freq": scaled}
        yield {**weighted, "weighted": True}
    for mode, norm_type in itertools.product(modes, (1.0, 2.0, 3.0, float("inf"))):
        yield {"mode": mode, "form": "texts", "max_norm": 1.25, "norm_type": norm_type}
    for padding, scaled in itertools.product(paddings, (False, True)):
        yield {"mode": "rows", "form": "texts", "padding_idx": padding, "scale_grad_by_freq": scaled}
    for norm_type in (1.0, 2.0, 3.0, float("inf")):
        yield {"mode": "rows", "form": "texts", "max_norm": 1.25, "norm_type": norm_type}


CASES = {" ".join(f"{key}={value}" for key, value in case.items()): case for case in _cases()}
"""The arguments of each; `form`: how ids are given; mode "rows": nn.Embedding; `weighted`: with weights."""


def ids_of(case):
    """The ids as PyTorch takes them, and the offsets or None."""
    if case["form"] == "texts":
        return IDS, None
    return VECTOR, OFFSETS if case["form"] == "offsets" else np.append(OFFSETS, len(VECTOR))


def settings_of(case):
    """The arguments of the constructor."""
    left_out = ("form", "weighted") if case["mode"] != "rows" else ("form", "mode")
    settings = {key: value for key, value in case.items() if key not in left_out}
    return settings | ({"include_last_offset": True} if case["form"] == "last" else {})
