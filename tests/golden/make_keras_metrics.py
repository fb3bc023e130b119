"""Writes keras_metrics.json: what Keras's metrics give after three batches, weighted and not.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_metrics.py``.
"""

import json
from pathlib import Path

import numpy as np

THRESHOLDS = [0.1, 0.35, 0.8]
# name: (class, targets, predictions, arguments)
CASES = {
    "BinaryAccuracy": ("bits", "p", {}),
    "BinaryAccuracy threshold": ("bits", "p", {"threshold": 0.3}),
    "CategoricalAccuracy": ("hot", "q", {}),
    "SparseCategoricalAccuracy": ("classes", "q", {}),
    "TopKCategoricalAccuracy": ("hot", "q", {"k": 2}),
    "SparseTopKCategoricalAccuracy": ("classes", "q", {"k": 3}),
    "SparseTopKCategoricalAccuracy ties": ("classes", "ties", {"k": 2}),
    "MeanSquaredError": ("values", "z", {}),
    "RootMeanSquaredError": ("values", "z", {}),
    "MeanAbsoluteError": ("values", "z", {}),
    "MeanAbsolutePercentageError": ("values", "z", {}),
    "MeanSquaredLogarithmicError": ("p", "q", {}),
    "LogCoshError": ("values", "z", {}),
    "CosineSimilarity": ("values", "z", {}),
    "Hinge": ("signs", "z", {}),
    "SquaredHinge": ("signs", "z", {}),
    "CategoricalHinge": ("hot", "z", {}),
    "KLDivergence": ("q", "other", {}),
    "Poisson": ("p", "q", {}),
    "BinaryCrossentropy": ("bits", "p", {}),
    "BinaryCrossentropy logits": ("bits", "z", {"from_logits": True, "label_smoothing": 0.1}),
    "CategoricalCrossentropy": ("hot", "q", {}),
    "SparseCategoricalCrossentropy": ("classes", "q", {}),
    "TruePositives": ("bits", "p", {}),
    "FalsePositives": ("bits", "p", {"thresholds": THRESHOLDS}),
    "TrueNegatives": ("bits", "p", {"thresholds": 0.3}),
    "FalseNegatives": ("bits", "p", {}),
    "Precision": ("bits", "p", {}),
    "Precision thresholds": ("bits", "p", {"thresholds": THRESHOLDS}),
    "Precision even": ("bits", "p", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}),
    "Precision top_k": ("bits", "p", {"top_k": 2}),
    "Precision class": ("bits", "p", {"class_id": 2}),
    "Precision top_k class": ("bits", "p", {"top_k": 2, "class_id": 1, "thresholds": 0.2}),
    "Precision single": ("bit", "single", {}),
    "Recall": ("bits", "p", {}),
    "Recall thresholds": ("bits", "p", {"thresholds": THRESHOLDS}),
    "Recall class": ("bits", "p", {"class_id": 0}),
    "Recall top_k": ("bits", "p", {"top_k": 3}),
    "AUC": ("bit", "single", {}),
    "AUC coarse": ("bits", "p", {"num_thresholds": 5}),
    "AUC minoring": ("bits", "p", {"num_thresholds": 20, "summation_method": "minoring"}),
    "AUC majoring": ("bits", "p", {"num_thresholds": 20, "summation_method": "majoring"}),
    "AUC PR": ("bits", "p", {"curve": "PR"}),
    "AUC PR coarse": ("bits", "p", {"curve": "PR", "num_thresholds": 7}),
    "AUC PR minoring": ("bits", "p", {"curve": "PR", "num_thresholds": 20, "summation_method": "minoring"}),
    "AUC thresholds": ("bits", "p", {"thresholds": [0.05, 0.4, 0.7]}),
    "AUC multi_label": ("bits", "p", {"multi_label": True, "num_labels": 4}),
    "AUC PR multi_label": ("bits", "p", {"multi_label": True, "curve": "PR"}),
    "AUC multi_label weights": ("bits", "p", {"multi_label": True, "label_weights": [1.0, 2.0, 0.5, 1.0]}),
    "AUC logits": ("bits", "z", {"from_logits": True}),
    "F1Score": ("hot", "q", {}),
    "F1Score micro": ("hot", "q", {"average": "micro"}),
    "F1Score macro": ("hot", "q", {"average": "macro"}),
    "F1Score weighted": ("hot", "q", {"average": "weighted"}),
    "F1Score threshold": ("bits", "p", {"threshold": 0.4}),
    "FBetaScore": ("hot", "q", {"beta": 2.0}),
    "FBetaScore macro": ("bits", "p", {"beta": 0.5, "average": "macro", "threshold": 0.6}),
}


def batches() -> list[dict[str, np.ndarray]]:
    made = []
    for seed, count in enumerate((7, 12, 3)):
        rng = np.random.default_rng(20 + seed)
        classes = rng.integers(0, 4, count)
        made.append(
            {
                "bits": (rng.uniform(size=(count, 4)) > 0.6).astype(np.float32),
                "bit": (rng.uniform(size=(count, 1)) > 0.5).astype(np.float32),
                "signs": np.sign(rng.normal(size=(count, 4))).astype(np.float32),
                "hot": np.eye(4, dtype=np.float32)[classes],
                "classes": classes.astype(np.int32),
                "values": rng.normal(size=(count, 4)).astype(np.float32),
                "p": rng.uniform(0, 1, (count, 4)).round(2).astype(np.float32),
                "single": rng.uniform(0, 1, (count, 1)).astype(np.float32),
                "q": rng.dirichlet(np.ones(4), count).astype(np.float32),
                "other": rng.dirichlet(np.ones(4), count).astype(np.float32),
                "ties": (rng.integers(0, 3, (count, 4)) / 4).astype(np.float32),
                "z": (2 * rng.normal(size=(count, 4))).astype(np.float32),
                "weight": rng.uniform(0.5, 2, count).astype(np.float32),
            }
        )
    return made


def main() -> None:
    import keras

    found = {}
    for name, (target, predicted, arguments) in CASES.items():
        row = {}
        for key in ("plain", "weighted"):
            metric = getattr(keras.metrics, name.split()[0])(**arguments)
            for data in batches():
                weight = data["weight"] if key == "weighted" else None
                metric.update_state(data[target], data[predicted], sample_weight=weight)
            row[key] = [float(f"{value:.8g}") for value in np.ravel(np.asarray(metric.result()))]
        found[name] = row
    text = json.dumps(found).replace("}, ", "},\n")
    Path(__file__).with_name("keras_metrics.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
