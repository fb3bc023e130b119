"""Accuracy of `embedcnn train` on its default text beside a linear model: TF-IDF of words and pairs,
LinearSVC.

    python benchmarks/linear_model.py [--splits 0 1 2] [--json linear_model.json]

Needs scikit-learn. Split s is what `embedcnn train --seed s` holds out, a tenth of the sentences of the
standard library's docstrings. Both see the same nine tenths: the linear model learns all of them, embedcnn
learns 95 % and stops by the rest. Goal: the mean over the splits, and split 0, at least the linear model's.
"""

from __future__ import annotations

import argparse
import statistics
import time

import peers


def linear_accuracy(train, held) -> float:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    features = TfidfVectorizer(ngram_range=(1, 2))
    model = LinearSVC().fit(features.fit_transform(train.texts), train.labels)
    return 100 * float(model.score(features.transform(held.texts), held.labels))


def our_accuracy(rest, held, split: int) -> float:
    from embedcnn import classifier
    from embedcnn.commands.train import DEVELOPMENT

    train, development = classifier.hold_out(rest, DEVELOPMENT, split)
    model = classifier.train_classifier(train, development, classifier.Settings(seed=split)).model
    counts, _ = classifier.confusion(model, held)
    return 100 * float(counts.trace() / counts.sum())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, nargs="*", default=list(range(10)))
    parser.add_argument("--json", help="file for the results")
    arguments = parser.parse_args()

    from embedcnn.classifier import hold_out
    from embedcnn.commands.train import HELD_OUT
    from embedcnn.datasets import standard_library_sentences

    sentences = standard_library_sentences()
    ours, linear = [], []
    for split in arguments.splits:
        rest, held = hold_out(sentences, HELD_OUT, split)
        begin = time.process_time()
        ours.append(our_accuracy(rest, held, split))
        took = time.process_time() - begin
        linear.append(linear_accuracy(rest, held))
        print(
            f"split {split}: embedcnn {ours[-1]:.2f} %, linear {linear[-1]:.2f} %; {took:.0f} s",
            flush=True,
        )
    means = statistics.mean(ours), statistics.mean(linear)
    met = means[0] >= means[1] and all(
        one >= other for split, one, other in zip(arguments.splits, ours, linear, strict=True) if split == 0
    )
    print(f"mean: embedcnn {means[0]:.2f} %, linear {means[1]:.2f} %; goal {'met' if met else 'MISSED'}")
    splits = {"splits": arguments.splits, "embedcnn": ours, "linear": linear}
    peers.write_json(arguments.json, splits | {"means": means, "met": met})


if __name__ == "__main__":
    main()
