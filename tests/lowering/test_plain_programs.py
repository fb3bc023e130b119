"""The plain program of a model and the rewritten one compute the same: models of layers (those of
tests/program/digest_cases.py) and programs of the core (tests/program/models.py), trained both ways.

They add the same numbers in another order, so they differ by rounding, which training carries on; Adam's
relatives, which divide by the gradient's size, carry it furthest (2e-5 of the largest weight was seen).
"""

from dataclasses import replace

import numpy as np
import pytest
from comparison import close, core_inputs
from program import models
from program.digest_cases import MODELS
from program.digest_models import BATCH

import embedcnn
from embedcnn import _core, layers
from embedcnn.graph.variables import Variable
from embedcnn.lowering import rewrite as rewriting
from embedcnn.lowering.binding import BoundProgram
from embedcnn.lowering.operations import Lowered, Operation, Tensor
from embedcnn.lowering.rewrite import rewrite
from embedcnn.training.batches import raw

TOLERANCE = 1e-4
"""Of the largest number in an array."""
WIDER = {"precision medium": 0.1, "batch normalization": 5e-3}
"""bf16 products: their rounding, 2**-8, decides anew what is rounded in which order. A bias before batch
normalisation has no gradient, so Adam moves it by rounding errors, divided by their own size: the moving mean
takes it away again, but follows it late.
"""
NO_GRADIENT = {"batch normalization": (2, 5)}
"""Places of weights that are not compared: that bias and that mean."""


def trained(name, plain, threads, monkeypatch):
    monkeypatch.setattr(embedcnn.Model, "_rewrites", not plain)
    embedcnn.set_num_threads(threads)
    embedcnn.utils.set_random_seed(11)
    try:
        return MODELS[name]()
    finally:
        embedcnn.set_num_threads(0)


@pytest.mark.parametrize("name", MODELS)
def test_models_of_layers_train_alike(name, monkeypatch):
    rewritten = trained(name, False, 1, monkeypatch)
    plain = [trained(name, True, threads, monkeypatch) for threads in (1, 2)]
    for one, other in zip(*plain, strict=True):
        np.testing.assert_array_equal(one, other)  # plain programs too: the same bits on any team
    for place, (one, other) in enumerate(zip(rewritten, plain[0], strict=True)):
        if place not in NO_GRADIENT.get(name, ()):
            scale = max(np.abs(one).max(initial=0), 1e-3)
            limit = WIDER.get(name, TOLERANCE) * scale
            np.testing.assert_allclose(other, one, rtol=0, atol=limit, err_msg=f"array {place}")


def expanded(operations):
    """The operations with plain ones in the place of those that are fused."""
    made, tensor = [], max(out for op in operations for out in op[2])

    def add(name, sources, parameters=(), out=None, **attributes):
        nonlocal tensor
        tensor += out is None
        made.append((name, tuple(sources), (tensor if out is None else out,), tuple(parameters), attributes))
        return made[-1][2][0]

    for name, sources, outs, parameters, attributes in operations:
        if name == "token_conv_pool":
            pooled, embedded = [], add("embed", sources)
            windows = {"strides": 1, "dilation_rate": 1, "padding": attributes.get("padding", "valid")}
            for kernel in zip(parameters[::2], parameters[1::2], strict=True):
                x = add("conv1d", [embedded], kernel, **windows)
                x = add("activation", [x], activation=attributes["activation"])
                pooled.append(add("global_max_pool", [x]))
            add("concatenate", pooled, out=outs[0])
        elif name == "dense_cross_entropy":
            logits = add("dense", sources, parameters)
            add("cross_entropy", [logits], out=outs[0], kind="sparse_categorical", from_logits=True)
        else:
            given = {"from_logits": True} if name == "cross_entropy" else {}
            given |= {"padding": "valid", "strides": 1, "dilation_rate": 1} if name == "conv1d" else {}
            made.append((name, sources, outs, parameters, given | attributes))
    return made


def lowered_of(pair):
    """A program of tests/program/models.py as translate.py would give it, and its weights."""
    operations = expanded(pair.reference.operations)
    weights = [Variable(f"p{n}", value.copy(), layers.Dense(1)) for n, value in enumerate(pair.values)]
    plain = [
        Operation(name, list(sources), list(outs), [weights[p] for p in parameters], attributes)
        for name, sources, outs, parameters, attributes in operations
    ]
    tensors = [Tensor((None, None))] * (1 + max(out for op in plain for out in op.outputs))
    return Lowered(pair.inputs, plain, [], weights, tensors)


def core_of(lowered, weights, pair):
    """A program of the core with weights of its own, which momentum moves."""
    core = _core.Program(*lowered.program_arguments(), seed=3)
    core.set_optimizer("sgd", momentum=0.5, global_clipnorm=1.0)
    for number, variable in enumerate(lowered.variables):
        place = next(n for n, known in enumerate(weights) if known is variable)
        value, moves = variable.value, pair.tracked[place]
        slots = [np.zeros_like(value)]
        core.bind(number, value, not moves, slots, np.zeros(1, np.int64), moves)
    return core


def batches(name):
    rng = np.random.default_rng(2)
    for size in range(1, 9):
        if "text_cnn" in name:
            ids, labels = models.text_batch(rng, batch=size)
            yield [ids.astype(np.int32)], [labels]
        else:
            make = models.every_input if name == "every_operation" else models.every_layer_input
            inputs, targets = make(rng, batch=size + 1)
            yield core_inputs(inputs), targets


PROGRAMS = {
    "text_cnn": (models.text_cnn, {"token_conv_pool"}),
    "text_cnn with plain operations": (lambda: models.text_cnn(fused=False), {"token_conv_pool"}),
    "text_cnn with dropout and masks": (
        lambda: models.text_cnn(rate=0.4, mask_zero=True),
        {"token_conv_pool"},
    ),
    "every_operation": (models.every_operation, {"token_conv_pool", "token_conv"}),
    "every_layer": (models.every_layer, {"dense_cross_entropy"}),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_of_the_core_train_alike(name, threads, monkeypatch):
    monkeypatch.setattr(rewriting, "MANY_CLASSES", 1)
    build, fused = PROGRAMS[name]
    results = []
    for plain in (True, False):
        pair = build()
        lowered = lowered_of(pair)
        weights = lowered.variables
        if not plain:
            lowered = rewrite(lowered, training=True)
            assert fused <= {op.name for op in lowered.operations}
        core = core_of(lowered, weights, pair)
        losses = [
            core.train_step(inputs, targets, None, 0.05, step)[0]
            for step, (inputs, targets) in enumerate(batches(name))
        ]
        results.append([np.array(losses), *(variable.value for variable in weights)])
    for one, other in zip(*results, strict=True):
        close(one, other, TOLERANCE, name)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_shapes_are_those_that_the_core_makes(name, plain, monkeypatch):
    """Every tensor of floats as an output: what was foretold of it holds."""
    trained_on = []
    monkeypatch.setattr(embedcnn.Model, "fit", lambda self, x, *_, **__: trained_on.append((self, x)))
    MODELS[name]()
    for model, x in trained_on:
        lowered = model.lowered_as("predict", not plain)
        tokens = {out for op in lowered.operations if op.name in ("lookup", "ngrams") for out in op.outputs}
        numbers = [n for n in range(len(lowered.inputs), len(lowered.tensors)) if n not in tokens]
        core = BoundProgram(replace(lowered, outputs=numbers), 0).ready()
        arrays = core.forward([raw(part[:BATCH]) for part in model._adapter.prepare_inputs(x, False)])
        for number, array in zip(numbers, arrays, strict=True):
            shape = lowered.tensors[number].shape
            assert len(shape) == array.ndim
            known = [size if size is not None else got for size, got in zip(shape, array.shape, strict=True)]
            assert tuple(known) == array.shape, f"%{number} of\n{lowered}"
    assert trained_on
