"""Writes keras_vectorization.json: what Keras's TextVectorization and StringLookup give, run once by hand.

python tests/golden/make_keras_vectorization.py      (needs keras and tensorflow-cpu)
"""

import json
from pathlib import Path

import keras
import numpy as np

TRAIN = ["The cat sat on the mat.", "the dog; a dog!", "It's a cat", "", "mat mat  dog\tcat"]
TEXTS = ["the unknown cat", "dog dog DOG bird", "", "a mat, a cat, it's on"]
CASES = [
    {},
    {"max_tokens": 5},
    {"output_sequence_length": 3},
    {"standardize": "lower", "split": "character", "max_tokens": 9},
    {"ngrams": 2, "max_tokens": 12},
    {"standardize": None},
    {"output_mode": "multi_hot"},
    {"output_mode": "count", "max_tokens": 4},
    {"output_mode": "count", "max_tokens": 20, "pad_to_max_tokens": True},
    {"output_mode": "tf_idf"},
    {"output_mode": "tf_idf", "max_tokens": 5, "ngrams": [1, 2]},
    {"output_mode": "tf_idf", "max_tokens": 30, "pad_to_max_tokens": True},
]
LOOKUPS = [
    {},
    {"mask_token": ""},
    {"num_oov_indices": 0},
    {"max_tokens": 3},
    {"output_mode": "one_hot"},
]
STRINGS = ["b", "a", "b", "c", "a", "b"]

found = {"train": TRAIN, "texts": TEXTS, "strings": STRINGS, "cases": [], "lookups": []}
for case in CASES:
    given = {**case, "ngrams": tuple(case["ngrams"])} if isinstance(case.get("ngrams"), list) else case
    layer = keras.layers.TextVectorization(**given)
    layer.adapt(TRAIN)
    found["cases"].append(
        {
            "arguments": case,
            "vocabulary": [str(token) for token in layer.get_vocabulary()],
            "result": np.asarray(layer(TEXTS)).tolist(),
        }
    )
for case in LOOKUPS:
    layer = keras.layers.StringLookup(**case)
    layer.adapt(STRINGS)
    known = [token for token in ["c", "a", "b"] if token in layer.get_vocabulary()]
    found["lookups"].append(
        {
            "arguments": case,
            "vocabulary": [str(token) for token in layer.get_vocabulary()],
            "asked": known,
            "result": np.asarray(layer(known)).tolist(),
        }
    )
(Path(__file__).parent / "keras_vectorization.json").write_text(json.dumps(found, indent=1) + "\n")
