"""Small modules called with wrong values: activations, random, schedules, initializers and their like."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from wrong_values import Case, faults, pairs

from embedcnn import activations, constraints, initializers, optimizers, random, regularizers, utils
from embedcnn.optimizers import schedules

X = np.array([[0.5, -1.0]])
NAMED = {"identifier": ("activation", "initializer", "regularizer", "constraint", "optimizer")}


def classes_of(module, base):
    """(name, class) of the classes of a module that users make."""
    for name in sorted(set(dir(module))):
        one = getattr(module, name)
        named = inspect.isclass(one) and one.__name__ == name and not name.startswith("_")
        if named and issubclass(one, base) and one is not base:
            yield name, one


def asked(schedule):
    return float(schedule(0)), float(schedule(7))


DECAY = {"initial_learning_rate": 0.1, "decay_steps": 10}
SCHEDULES = {
    "CosineDecay": DECAY,
    "CosineDecayRestarts": {"initial_learning_rate": 0.1, "first_decay_steps": 10},
    "ExponentialDecay": {**DECAY, "decay_rate": 0.5},
    "InverseTimeDecay": {**DECAY, "decay_rate": 0.5},
    "PiecewiseConstantDecay": {"boundaries": [3], "values": [0.1, 0.2]},
    "PolynomialDecay": DECAY,
}
RANDOM = {
    "normal": {"shape": (2, 3)},
    "uniform": {"shape": (2, 3)},
    "truncated_normal": {"shape": (2, 3)},
    "beta": {"shape": (2,), "alpha": 1.0, "beta": 2.0},
    "gamma": {"shape": (2,), "alpha": 1.0},
    "binomial": {"shape": (2,), "counts": 3, "probabilities": 0.5},
    "categorical": {"logits": X, "num_samples": 2},
    "dropout": {"inputs": X, "rate": 0.5},
    "randint": {"shape": (2,), "minval": 0, "maxval": 5},
    "shuffle": {"x": X},
    "SeedGenerator": {},
}
CASES = {
    **{
        f"activations.{name}": Case(function, {"x": X}, arrays=("x",), also={"x": ("axis",)})
        for name, function in activations.FUNCTIONS.items()
    },
    "activations.get": Case(activations.get, {"identifier": "relu"}, also=NAMED),
    "activations.serialize": Case(activations.serialize, {"activation": "relu"}),
    **{
        f"random.{name}": Case(
            getattr(random, name),
            given,
            arrays=("x", "inputs", "logits"),
            also={"minval": ("maxval",)},
        )
        for name, given in RANDOM.items()
        if name != "shuffle"
    },
    "random.shuffle": Case(random.shuffle, {"x": X}, skipped=("x",)),
    **{
        f"schedules.{name}": Case(getattr(schedules, name), given, asked) for name, given in SCHEDULES.items()
    },
    "schedules.call": Case(schedules.ExponentialDecay(0.1, 10, 0.5), {"step": 3}, allowed={"step": (1.5,)}),
    "schedules.deserialize": Case(
        schedules.deserialize,
        {"config": schedules.serialize(schedules.ExponentialDecay(0.1, 10, 0.5))},
        also={"config": ("schedule",)},
    ),
    "schedules.serialize": Case(schedules.serialize, {"schedule": schedules.CosineDecay(0.1, 3)}),
    **{
        f"optimizers.{name}": Case(
            one, also={"learning_rate": ("schedule",)}, allowed={"weight_decay": (None,)}
        )
        for name, one in classes_of(optimizers, optimizers.Optimizer)
        if name != "MultiOptimizer"
    },
    "optimizers.get": Case(optimizers.get, {"identifier": "sgd"}, also=NAMED),
    **{
        f"initializers.{name}": Case(
            one,
            {"value": 1.0} if name == "Constant" else {},
            lambda made: made((3, 3)),
            also={"minval": ("maxval",)},
        )
        for name, one in classes_of(initializers, initializers.Initializer)
    },
    "initializers.call": Case(initializers.GlorotUniform(), {"shape": (2, 3)}),
    "initializers.get": Case(initializers.get, {"identifier": "zeros"}, also=NAMED, skipped=("argument",)),
    **{f"regularizers.{name}": Case(one) for name, one in classes_of(regularizers, regularizers.Regularizer)},
    "regularizers.call": Case(regularizers.L2(0.1), {"x": X}, arrays=("x",)),
    "regularizers.get": Case(regularizers.get, {"identifier": "l2"}, also=NAMED, skipped=("argument",)),
    **{
        f"constraints.{name}": Case(one, then=lambda made: made(np.ones((2, 2))))
        for name, one in classes_of(constraints, constraints.Constraint)
    },
    "constraints.call": Case(constraints.MaxNorm(), {"w": X}, arrays=("w",)),
    "constraints.get": Case(constraints.get, {"identifier": "max_norm"}, also=NAMED, skipped=("argument",)),
    "utils.normalize": Case(utils.normalize, {"x": X}, arrays=("x",)),
    "utils.to_categorical": Case(utils.to_categorical, {"x": [0, 1]}, arrays=("x",)),
    "utils.set_random_seed": Case(utils.set_random_seed, {"seed": 3}),
    "utils.standardize_dtype": Case(utils.standardize_dtype, {"dtype": "float32"}),
}


@pytest.mark.parametrize(("case", "argument"), pairs(CASES))
def test_wrong_values_are_named(case, argument):
    case.run()
    assert not faults(case, argument)


def test_the_harness_finds_faults():
    def bare(size: int, x: object) -> object:
        return np.zeros(4)[: size + 1] + np.asarray(x)

    case = Case(bare, {"size": 3, "x": [1]}, arrays=("x",))
    found = faults(case, "size")
    assert any("'x': no name of the argument in" in one for one in found)
    assert any("True: nothing was said" in one for one in found)
    assert any("'a'" in one for one in faults(case, "x"))
