"""Writes pytorch_training.json: PyTorch's losses with gradients, optimizers over 10 steps and schedules,
where they mean the same as Keras's under other names.

Run by hand, where PyTorch is installed: ``python tests/golden/make_pytorch_training.py``.
"""

import json
from pathlib import Path

import numpy as np

# name of a loss of embedcnn and its arguments: (targets, predictions, PyTorch's function, arguments)
LOSSES = {
    "SparseCategoricalCrossentropy smoothing": ("classes", "z", "cross_entropy", {"label_smoothing": 0.2}),
    "SparseCategoricalCrossentropy ignore": ("classes", "z", "cross_entropy", {"ignore_index": 2}),
    "CategoricalCrossentropy": ("other", "z", "cross_entropy", {}),
    "BinaryCrossentropy logits": ("bits", "z", "binary_cross_entropy_with_logits", {}),
    "BinaryCrossentropy": ("bits", "p", "binary_cross_entropy", {}),
    "MeanSquaredError": ("values", "z", "mse_loss", {}),
    "MeanAbsoluteError": ("values", "z", "l1_loss", {}),
    "Huber": ("values", "z", "huber_loss", {"delta": 0.7}),
    "Poisson": ("p", "q", "poisson_nll_loss", {"log_input": False, "eps": 1e-7}),
}
ARGUMENTS = {
    "SparseCategoricalCrossentropy smoothing": {"from_logits": True, "label_smoothing": 0.2},
    "SparseCategoricalCrossentropy ignore": {"from_logits": True, "ignore_class": 2},
    "CategoricalCrossentropy": {"from_logits": True},
    "BinaryCrossentropy logits": {"from_logits": True},
    "Huber": {"delta": 0.7},
}
# embedcnn's optimizer and arguments, PyTorch's: the same updates under both names
OPTIMIZERS = {
    "sgd": ("SGD", {}, "SGD", {}),
    "adam": ("Adam", {"epsilon": 1e-12}, "Adam", {"eps": 1e-12}),
    "adamw": ("AdamW", {"epsilon": 1e-12, "weight_decay": 0.1}, "AdamW", {"eps": 1e-12, "weight_decay": 0.1}),
    "adagrad": (
        "Adagrad",
        {"initial_accumulator_value": 0.5, "epsilon": 1e-12},
        "Adagrad",
        {"initial_accumulator_value": 0.5, "eps": 1e-12},
    ),
    "adadelta": ("Adadelta", {"rho": 0.9, "epsilon": 1e-6}, "Adadelta", {"rho": 0.9, "eps": 1e-6}),
    "adamax": ("Adamax", {"epsilon": 1e-12}, "Adamax", {"eps": 1e-12}),
    "global_clipnorm": ("SGD", {"global_clipnorm": 0.3}, "SGD", {}),
}
RATE, STEPS = 0.05, 10
# embedcnn's schedule and arguments; PyTorch's and its own
SCHEDULES = {
    "exponential": (
        "ExponentialDecay",
        {"decay_steps": 1, "decay_rate": 0.9},
        "ExponentialLR",
        {"gamma": 0.9},
    ),
    "cosine": ("CosineDecay", {"decay_steps": 12}, "CosineAnnealingLR", {"T_max": 12}),
    "polynomial": (
        "PolynomialDecay",
        {"decay_steps": 12, "end_learning_rate": 0.0, "power": 2.0},
        "PolynomialLR",
        {"total_iters": 12, "power": 2.0},
    ),
    "restarts": (
        "CosineDecayRestarts",
        {"first_decay_steps": 4, "t_mul": 2.0},
        "CosineAnnealingWarmRestarts",
        {"T_0": 4, "T_mult": 2},
    ),
}


def regression():
    rng = np.random.default_rng(9)
    return rng.normal(size=(STEPS, 6, 4)), rng.normal(size=(STEPS, 6, 3)), rng.normal(size=(4, 3))


def numbers(values) -> list:
    return [float(f"{value:.8g}") for value in np.asarray(values, np.float64).ravel()]


def main() -> None:
    import torch
    from make_keras_losses import arrays

    data, found = arrays(), {"losses": {}, "optimizers": {}, "schedules": {}}
    for name, (target, predicted, function, arguments) in LOSSES.items():
        x = torch.tensor(data[predicted], requires_grad=True)
        y = torch.tensor(data[target])
        loss = getattr(torch.nn.functional, function)(x, y.long() if target == "classes" else y, **arguments)
        loss.backward()
        found["losses"][name] = {"value": float(f"{loss.item():.8g}"), "gradient": numbers(x.grad)}
    inputs, targets, start = regression()
    for name, (_, own, kind, arguments) in OPTIMIZERS.items():
        weight = torch.tensor(start, requires_grad=True)
        optimizer = getattr(torch.optim, kind)([weight], lr=RATE, **arguments)
        for x, y in zip(inputs, targets, strict=True):
            optimizer.zero_grad()
            torch.nn.functional.mse_loss(torch.tensor(x) @ weight, torch.tensor(y)).backward()
            if "global_clipnorm" in own:
                torch.nn.utils.clip_grad_norm_([weight], own["global_clipnorm"])
            optimizer.step()
        found["optimizers"][name] = numbers(weight.detach())
    for name, (_, _, kind, arguments) in SCHEDULES.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
        schedule = getattr(torch.optim.lr_scheduler, kind)(optimizer, **arguments)
        rates = []
        for _ in range(12):
            rates.append(schedule.get_last_lr()[0])
            optimizer.step()
            schedule.step()
        found["schedules"][name] = numbers(rates)
    text = json.dumps(found).replace("}, ", "},\n").replace("], ", "],\n")
    Path(__file__).with_name("pytorch_training.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
