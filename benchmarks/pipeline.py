"""Training the text CNN of `kim.py` from raw text against ready arrays: what the data pipeline costs a step.

    python benchmarks/pipeline.py [--json pipeline.json]

One model, one process; in each round every way trains one epoch over the same sentences, in turns: `arrays`
(padded ids that are ready), `texts` (lists of str to `fit`), `dataset` (a Dataset of shuffled batches of raw
text, encoded by the model) and `mapped` (the same, encoded by the Dataset's own `map`). Texts are encoded to
T = 64 ids, so that all steps compute the same; goal: at most 5 % slower than the arrays. Beside it stands the
processor time that a batch takes when the Dataset is iterated alone, which other processes disturb least.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import peers

VOCABULARY, WIDTH, FILTERS, KERNELS, BATCH, LENGTH = 18765, 300, 100, (3, 4, 5), 50, 64
GOAL_PERCENT = 5
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


def word(number: int) -> str:
    """A word of its own for every number: syllables as digits."""
    letters = []
    while True:
        number, digit = divmod(number, len(SYLLABLES))
        letters.append(SYLLABLES[digit])
        if number == 0:
            return "".join(letters)


def sentences(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Sentences as long as those of MR, with words as frequent as words are, commas and capitals."""
    rng = np.random.default_rng(seed)
    words = [word(number) for number in range(VOCABULARY)]
    texts = []
    for _ in range(count):
        length = int(np.clip(rng.normal(20, 9), 3, 56))
        chosen = [words[number] for number in peers.zipf_ids(rng, length, VOCABULARY - 2)]
        chosen[length // 2] += ","
        texts.append(" ".join(chosen).capitalize() + ".")
    return texts, rng.integers(0, 2, count).astype(np.int64)


def text_cnn(frozen: bool):
    import embedcnn
    from embedcnn import layers

    x = embedcnn.Input((LENGTH,), dtype="int32")
    embedded = layers.Embedding(VOCABULARY, WIDTH, trainable=not frozen)(x)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(FILTERS, taps, activation="relu")(embedded))
        for taps in KERNELS
    ]
    hidden = layers.Dropout(0.5)(layers.Concatenate()(pooled))
    model = embedcnn.Model(x, layers.Dense(2, activation="softmax")(hidden), seed=0)
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def ways(model, texts: list[str], labels: np.ndarray):
    """Name of each way to hand over the data, and one epoch of it; the data sets alone."""
    from embedcnn.data import Dataset
    from embedcnn.text import TextEncoder

    encoder = TextEncoder(
        vocabulary=[word(number) for number in range(VOCABULARY - 2)], output_sequence_length=LENGTH
    )
    model.text_encoder = encoder
    ids = encoder(texts)
    order = Dataset.from_tensor_slices((texts, labels)).shuffle(len(texts), seed=0)
    raw = order.batch(BATCH)
    mapped = order.batch(BATCH).map(lambda some, classes: (encoder(some), classes))
    return {
        "arrays": lambda: model.fit(ids, labels, batch_size=BATCH, verbose=0),
        "texts": lambda: model.fit(texts, labels, batch_size=BATCH, verbose=0),
        "dataset": lambda: model.fit(raw, verbose=0),
        "mapped": lambda: model.fit(mapped, verbose=0),
    }, {"dataset": raw, "mapped": mapped}


def processor_time(batches, passes: int = 5) -> float:
    """Microseconds of processor time for each batch of the best pass."""
    times = []
    for _ in range(passes):
        begin = time.process_time()
        count = sum(1 for _ in batches)
        times.append((time.process_time() - begin) / count * 1e6)
    return min(times)


def measured(frozen: bool, steps: int, rounds: int) -> dict[str, object]:
    texts, labels = sentences(steps * BATCH)
    epochs, data_sets = ways(text_cnn(frozen), texts, labels)
    samples: dict[str, list[float]] = {name: [] for name in epochs}
    for number in range(rounds + 1):
        for name, epoch in epochs.items():
            begin = time.perf_counter()
            epoch()
            if number:  # the first round warms up
                samples[name].append((time.perf_counter() - begin) / steps * 1e3)
    result: dict[str, object] = {"frozen": frozen, "steps": steps, "rounds": rounds}
    result["alone_us"] = {name: round(processor_time(batches), 1) for name, batches in data_sets.items()}
    for name, times in samples.items():
        slower = [100 * (own / ready - 1) for own, ready in zip(times, samples["arrays"], strict=True)]
        result[name] = {
            "best_ms": round(min(times), 3),
            "median_ms": round(statistics.median(times), 3),
            "slower_percent_best": round(100 * (min(times) / min(samples["arrays"]) - 1), 1),
            "slower_percent_median": round(statistics.median(slower), 1),
        }
    return result


def report(result: dict) -> bool:
    """Prints the figures; whether every way reaches the goal (by the median over the rounds)."""
    print(f"\nkim, {'frozen' if result['frozen'] else 'trainable'}: ms a step, beside ready arrays")
    met = True
    for name in ("arrays", "texts", "dataset", "mapped"):
        row = result[name]
        slower = row["slower_percent_median"]
        met = met and slower <= GOAL_PERCENT
        print(
            f"  {name:<10}{row['best_ms']:9.2f} ms best {row['median_ms']:9.2f} ms median   "
            f"{slower:+6.1f} % (best {row['slower_percent_best']:+.1f} %)"
        )
    for name, microseconds in result["alone_us"].items():
        print(f"  {name} alone: {microseconds:.0f} us of processor time a batch")
    print(f"  goal: at most {GOAL_PERCENT} % slower: {'met' if met else 'MISSED'}")
    return met


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases", nargs="*", default=["frozen", "trainable"], choices=["frozen", "trainable"]
    )
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=60, help="batches an epoch")
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()
    peers.warn_if_busy()
    results = []
    for case in arguments.cases:
        result = measured(case == "frozen", arguments.steps, arguments.rounds)
        results.append(result | {"goal_percent": GOAL_PERCENT, "met": report(result)})
    peers.write_json(arguments.json, results)


if __name__ == "__main__":
    main()
