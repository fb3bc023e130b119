"""Why sentences have their labels, by the classifier that `embedcnn train` makes of them.

    python benchmarks/explain.py [--texts TABLE] [--vectors FILE] [--sentences N] [--json FILE]

TABLE: as `embedcnn train` takes it (MR: sentences on films); without it sentences of Python's own library.
With `--vectors` a CNN stands beside the linear parts. Milliseconds a sentence, of the wall and of the
processor, the best of three rounds over N sentences (default: 200); and how far bias, shares and rest are
from the margin, and from the log odds of what `predict` says. Goal: 2 ms a sentence.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

GOAL = 2.0


def measure(model: Any, texts: list[str]) -> dict[str, Any]:
    """Times and errors over these texts."""
    found = [model.explain(text) for text in texts]
    wall, processor = [], []
    for _ in range(3):
        begin, used = time.perf_counter(), time.process_time()
        for text in texts:
            model.explain(text)
        wall.append((time.perf_counter() - begin) / len(texts) * 1e3)
        processor.append((time.process_time() - used) / len(texts) * 1e3)
    apart = [one.bias + sum(share.share for share in one) + one.rest - one.margin for one in found]
    rests = [abs(one.rest) / max(abs(one.margin - one.bias), 1e-9) for one in found]
    return {
        "name": "explain",
        "title": f"explain, {len(texts)} sentences",
        "wall_ms": round(min(wall), 3),
        "processor_ms": round(min(processor), 3),
        "shares_apart": float(np.abs(apart).max()),
        "median_rest": round(float(np.median(rests)), 3),
        "goal": GOAL,
    }


def main() -> None:
    kind = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=kind)
    parser.add_argument("--texts", metavar="TABLE")
    parser.add_argument("--vectors", metavar="FILE")
    parser.add_argument("--sentences", type=int, default=200, metavar="N")
    parser.add_argument("--json", metavar="FILE")
    arguments = parser.parse_args()
    from embedcnn.classifier import train_portfolio
    from embedcnn.data import read_labelled
    from embedcnn.datasets import standard_library_sentences

    labelled = read_labelled(arguments.texts) if arguments.texts else standard_library_sentences()
    result = train_portfolio(labelled, vectors=arguments.vectors)
    print(result.choice[-1].partition(";")[0])
    step = max(1, len(labelled.texts) // arguments.sentences)
    found = measure(result.model, labelled.texts[::step][: arguments.sentences])
    print(
        f"{found['title']}: {found['wall_ms']:.2f} ms each, {found['processor_ms']:.2f} ms of the processor "
        f"(goal {GOAL}); shares and margin apart by {found['shares_apart']:.1e}, rest "
        f"{found['median_rest']:.0%}"
    )
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


if __name__ == "__main__":
    main()
