"""Attention under masks that are arguments of the call: what golden/make_keras_attention_masks.py has Keras
compute and tests/layers/test_attention_masks.py compares.
"""

import numpy as np

_HEADS = {"num_heads": 2, "key_dim": 3}

MASKED = {
    "query": ("Attention", {}, ["query_mask"], False),
    "value": ("Attention", {"use_scale": True}, ["value_mask"], False),
    "both": ("Attention", {}, ["query_mask", "value_mask"], False),
    "key": ("Attention", {}, [], True),
    "key masked": ("Attention", {}, ["query_mask", "value_mask"], True),
    "additive key": ("AdditiveAttention", {}, ["query_mask", "value_mask"], True),
    "heads query": ("MultiHeadAttention", _HEADS, ["query_mask"], False),
    "heads value": ("MultiHeadAttention", _HEADS, ["value_mask"], False),
    "heads key": ("MultiHeadAttention", _HEADS, [], True),
    "heads key masked": ("MultiHeadAttention", _HEADS, ["key_mask"], True),
    "heads attention": ("MultiHeadAttention", _HEADS, ["attention_mask"], False),
    "heads all": (
        "MultiHeadAttention",
        _HEADS,
        ["query_mask", "value_mask", "key_mask", "attention_mask"],
        True,
    ),
}
"""Layer, its arguments, the masks of its call, whether there is a key."""


def drawn(name):
    """Query (3, 5, 4), value (3, 6, 4), key (3, 6, 4), and masks; each step has something to look at."""
    random = np.random.default_rng(len(name))
    query, value, key = (random.normal(size=(3, steps, 4)).astype(np.float32) for steps in (5, 6, 6))
    masks = {
        "query_mask": random.random((3, 5)) < 0.7,
        "value_mask": random.random((3, 6)) < 0.7,
        "key_mask": random.random((3, 6)) < 0.7,
        "attention_mask": random.random((3, 5, 6)) < 0.7,
    }
    for other in ("value_mask", "key_mask", "attention_mask"):
        masks[other][..., 0] = True
    return query, value, key, masks
