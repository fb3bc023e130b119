"""Prediction with the text CNN of kim.py: one raw sentence from str to label, and batches of 256.

    python benchmarks/predict.py [--python TF/bin/python] [--compile] [--json predict.json]

One sentence: `model.predict_labels([sentence])` on sentences of about 20 words out of 18,763, each another
one than the last: tokenizing, ids, the network, the name of the class. Batches: ids of 256 texts, padded to
T 64 or cut to the longest, through `predict_on_batch` and what the others call it. Goals: one sentence
<= 150 us; batches >= 8 times as fast as the fastest peer.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import sys
import time
from pathlib import Path

import kim
import numpy as np
import peers
import text_cnn

SHAPE = dataclasses.replace(kim.SHAPE, batch=256, batches=8)
GOALS = {"predict": 8, "predict trimmed": 8}
GOAL_MICROSECONDS = 150


def labelling_model():
    """The model with its text encoder and labels."""
    import embedcnn
    from embedcnn import layers

    model = text_cnn.layered_model(embedcnn, layers, kim.SHAPE, "frozen trimmed")
    words = [f"word{number}" for number in range(kim.SHAPE.vocabulary - 2)]
    model.text_encoder = embedcnn.text.TextEncoder(vocabulary=words)
    model.labels = ["negative", "positive"]
    return model, words


def one_sentence(calls: int) -> dict[str, object]:
    """Times every call; an encoder's share is timed apart."""
    clock = time.perf_counter
    if os.environ.get(peers.PROCESSOR_TIME):
        clock = time.process_time
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    model, words = labelling_model()
    rng = np.random.default_rng(0)
    sentences = []
    for _ in range(1000):
        ids = peers.zipf_ids(rng, int(np.clip(rng.normal(20, 9), 5, 56)), kim.SHAPE.vocabulary) - 1
        sentences.append(" ".join(words[min(i, len(words) - 1)] for i in ids))
    whole, encoding = [], []
    for number in range(-50, calls):
        sentence = sentences[number % len(sentences)]
        begin = clock()
        model.predict_labels([sentence])
        middle = clock()
        model.text_encoder([sentence])
        end = clock()
        if number >= 0:
            whole.append((middle - begin) * 1e6)
            encoding.append((end - middle) * 1e6)
    return {
        "title": "predict, one raw sentence",
        "best_us": round(min(whole), 1),
        "median_us": round(statistics.median(whole), 1),
        "slowest_percent_us": round(statistics.quantiles(whole, n=100)[-1], 1),
        "encoding_us": round(statistics.median(encoding), 1),
        "goal_us": GOAL_MICROSECONDS,
        "met": statistics.median(whole) <= GOAL_MICROSECONDS,
    }


def main() -> None:
    if "--sentence" in sys.argv:
        parser = argparse.ArgumentParser()
        parser.add_argument("--sentence", type=int)
        print(json.dumps(one_sentence(parser.parse_args().sentence)))
        return
    if "--serve" not in sys.argv and "-h" not in sys.argv and "--help" not in sys.argv:
        if "--processor-time" in sys.argv:
            os.environ[peers.PROCESSOR_TIME] = "1"
        result = json.loads(peers.run_alone([str(Path(__file__).resolve()), "--sentence", "5000"]))
        met = "met" if result["met"] else "MISSED"
        print(
            f"one raw sentence: {result['median_us']} us median, {result['best_us']} us best; 1 % take more "
            f"than {result['slowest_percent_us']} us; of it the encoder {result['encoding_us']} us "
            f"(goal {GOAL_MICROSECONDS} us, {met})"
        )
        peers.compete("kim", __doc__, __file__, text_cnn.SERVED, SHAPE, list(GOALS), GOALS, [result])
        return
    peers.compete("kim", __doc__, __file__, text_cnn.SERVED, SHAPE, list(GOALS), GOALS)


if __name__ == "__main__":
    main()
