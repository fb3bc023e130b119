"""Writes keras_losses.json: values and gradients of Keras's losses in each reduction, weighted and not.

Run by hand, where Keras is installed: ``python tests/golden/make_keras_losses.py``.
"""

import json
from pathlib import Path

import numpy as np

CASES = {
    "BinaryCrossentropy": ("bits", "p", {}),
    "BinaryCrossentropy smoothing": ("bits", "p", {"label_smoothing": 0.2}),
    "BinaryCrossentropy logits": ("bits", "z", {"from_logits": True}),
    "BinaryCrossentropy logits smoothing": ("bits", "z", {"from_logits": True, "label_smoothing": 0.3}),
    "CategoricalCrossentropy": ("hot", "q", {}),
    "CategoricalCrossentropy smoothing": ("hot", "q", {"label_smoothing": 0.1}),
    "CategoricalCrossentropy logits": ("hot", "z", {"from_logits": True}),
    "CategoricalCrossentropy logits smoothing": ("hot", "z", {"from_logits": True, "label_smoothing": 0.1}),
    "SparseCategoricalCrossentropy": ("classes", "q", {}),
    "SparseCategoricalCrossentropy logits": ("classes", "z", {"from_logits": True}),
    "SparseCategoricalCrossentropy ignore": ("classes", "z", {"from_logits": True, "ignore_class": 2}),
    "SparseCategoricalCrossentropy ignore -1": ("gaps", "q", {"ignore_class": -1}),
    "BinaryFocalCrossentropy": ("bits", "p", {}),
    "BinaryFocalCrossentropy balanced": (
        "bits",
        "p",
        {"apply_class_balancing": True, "alpha": 0.3, "gamma": 1.5},
    ),
    "BinaryFocalCrossentropy logits": ("bits", "z", {"from_logits": True, "label_smoothing": 0.1}),
    "CategoricalFocalCrossentropy": ("hot", "q", {}),
    "CategoricalFocalCrossentropy logits": ("hot", "z", {"from_logits": True, "alpha": 0.5, "gamma": 3.0}),
    "CategoricalFocalCrossentropy smoothing": ("hot", "q", {"label_smoothing": 0.1}),
    "MeanSquaredError": ("values", "z", {}),
    "MeanAbsoluteError": ("values", "z", {}),
    "MeanAbsolutePercentageError": ("values", "z", {}),
    "MeanSquaredLogarithmicError": ("p", "z", {}),
    "Huber": ("values", "z", {}),
    "Huber delta": ("values", "z", {"delta": 0.4}),
    "LogCosh": ("values", "z", {}),
    "Hinge": ("signs", "z", {}),
    "Hinge bits": ("bits", "z", {}),
    "SquaredHinge": ("signs", "z", {}),
    "CategoricalHinge": ("hot", "z", {}),
    "KLDivergence": ("other", "q", {}),
    "Poisson": ("p", "p", {}),
    "CosineSimilarity": ("values", "z", {}),
}
REDUCTIONS = ["sum_over_batch_size", "sum", "mean_with_sample_weight"]


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(8)
    classes = rng.integers(0, 4, 6)
    return {
        "bits": (rng.uniform(size=(6, 4)) > 0.5).astype(np.float32),
        "signs": np.sign(rng.normal(size=(6, 4))).astype(np.float32),
        "hot": np.eye(4, dtype=np.float32)[classes],
        "classes": classes.astype(np.int32),
        "gaps": np.array([0, -1, 3, 2, -1, 1], np.int32),
        "values": rng.normal(size=(6, 4)).astype(np.float32),
        "p": rng.uniform(0.02, 0.98, (6, 4)).astype(np.float32),
        "q": rng.dirichlet(np.ones(4), 6).astype(np.float32),
        "other": rng.dirichlet(np.ones(4), 6).astype(np.float32),
        "z": (2 * rng.normal(size=(6, 4))).astype(np.float32),
        "weight": rng.uniform(0.5, 2, 6).astype(np.float32),
    }


def numbers(values) -> list:
    return [float(f"{value:.8g}") for value in np.asarray(values, np.float64).ravel()]


def main() -> None:
    import keras
    import tensorflow as tf

    data, found = arrays(), {}
    for name, (target, predicted, arguments) in CASES.items():
        cls = getattr(keras.losses, name.split()[0])
        y, x = data[target], tf.constant(data[predicted])
        row = {"each": numbers(cls(reduction="none", **arguments)(y, x))}
        for reduction in REDUCTIONS:
            for weights in (None, data["weight"]):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    loss = cls(reduction=reduction, **arguments)(y, x, sample_weight=weights)
                key = reduction + (" weighted" if weights is not None else "")
                row[key] = float(f"{float(loss):.8g}")
                if reduction != "sum":
                    row[key + " gradient"] = numbers(tape.gradient(loss, x))
        found[name] = row
    text = json.dumps(found).replace("}, ", "},\n")
    Path(__file__).with_name("keras_losses.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
