"""Recurrent layers and dense_cross_entropy of sizes drawn at random, odd ones above all.

Each draw runs on several threads, after another batch, and as the first step of a new program: the same
bits every time, all of them numbers. In the sanitizers' build memory that nobody wrote is NaN, and no write
may leave the part of memory that was planned for it.
``EMBEDCNN_ODD_SIZES=10000`` draws that many; a failure names its seed: ``run_one(seed)`` repeats it.
"""

import os

import numpy as np
import pytest
from comparison import ragged

from embedcnn import _core

COUNT = int(os.environ.get("EMBEDCNN_ODD_SIZES", "160"))
GATES = {"simple_rnn": 1, "lstm": 4, "gru": 3}
VOCABULARY = 30


class Draw:
    """One program: its description, how its parameters are bound, and batches of inputs and targets."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.inputs, self.parameters, self.operations = [], [], []
        self.trainable = []
        self.precision = self.pick(["highest", "high", "medium"])
        self.threads = int(self.rng.integers(2, 8))
        self.batches = [self.pick([1, 2, 3, 5, 17, 33, 70]) for _ in range(2)]
        self.width = self.pick([1, 2, 3, 9, 14])
        self.channels = self.pick([1, 3, 16, 33])
        self.tokens = self.chance()
        self.masked = self.chance(0.7)
        if self.tokens:
            self.inputs.append(("x", "int32", -1, ()))
            table = self.parameter(VOCABULARY, self.channels)
            self.operations.append(("lookup", (0,), (1,), (table,), {"mask_zero": self.chance()}))
        else:
            self.inputs.append(("x", "float32", -1, (self.channels,)))

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability=0.5):
        return bool(self.rng.random() < probability)

    def parameter(self, *shape, trains=True):
        self.parameters.append((f"p{len(self.parameters)}", shape))
        self.trainable.append(trains and self.chance(0.7))
        return len(self.parameters) - 1

    def text_lengths(self, batch):
        lengths = self.rng.integers(0, self.width + 1, batch)
        return np.zeros(batch, int) if self.chance(0.1) else lengths

    def text_input(self, batch):
        """Padded, ragged or masked texts, among them empty ones."""
        lengths = self.text_lengths(batch) if self.masked else np.full(batch, self.width)
        if not self.tokens:
            x = self.rng.normal(size=(batch, self.width, self.channels)).astype(np.float32)
            inside = np.arange(self.width) < lengths[:, None]
            gaps = inside & (self.rng.random(inside.shape) < 0.8)
            return (x, gaps if self.chance() else inside) if self.masked else x
        ids = self.rng.integers(0, VOCABULARY, (batch, self.width)).astype(np.int32)
        return ragged([one[:n] for one, n in zip(ids, lengths, strict=True)]) if self.masked else ids


class RecurrentDraw(Draw):
    """A recurrent layer over tokens or a sequence; some of its results are outputs."""

    def __init__(self, seed):
        super().__init__(seed)
        name, self.units = self.pick(list(GATES)), self.pick([1, 2, 3, 15, 17, 31, 33, 65, 100, 257])
        columns, states = GATES[name] * self.units, 2 if name == "lstm" else 1
        settings = {key: self.chance() for key in ("use_bias", "return_sequences", "reverse", "keep_order")}
        settings |= {"return_state": self.chance(0.4), "zero_output_for_mask": self.chance(0.3)}
        settings |= {"recurrent_dropout": self.pick([0.0, 0.0, 0.3]), "reset_after": self.chance()}
        settings |= self.pick([{}, {"initial_state": True}, {"stateful": True}])
        numbers = [self.parameter(self.channels, columns), self.parameter(self.units, columns)]
        if settings["use_bias"]:
            shape = (2, columns) if name == "gru" and settings["reset_after"] else (columns,)
            numbers.append(self.parameter(*shape))
        if settings.get("stateful"):
            self.batches[1] = self.batches[0]
            numbers += [self.parameter(self.batches[0], self.units, trains=False) for _ in range(states)]
        self.firsts = states if settings.get("initial_state") else 0
        self.inputs += [(f"s{n}", "float32", None, (self.units,)) for n in range(self.firsts)]
        made = len(self.inputs) + 1 if self.tokens else len(self.inputs)
        if self.tokens:  # the lookup's result follows the inputs
            self.operations[0] = ("lookup", (0,), (len(self.inputs),), *self.operations[0][3:])
        sources = (len(self.inputs) if self.tokens else 0, *range(1, 1 + self.firsts))
        results = tuple(range(made, made + 1 + states * settings["return_state"]))
        self.operations.append((name, sources, results, tuple(numbers), settings))
        self.outputs = tuple(n for n in results if self.chance(0.7)) or results[:1]

    def batch(self, size):
        firsts = [self.rng.normal(size=(size, self.units)).astype(np.float32) for _ in range(self.firsts)]
        return [self.text_input(size), *firsts]

    def run(self, program, batch):
        if self.chance(0.2):
            program.forward(batch)
        outputs = program.forward(batch, training=True, step=3)
        rng = np.random.default_rng(1)
        program.backward([rng.normal(size=one.shape).astype(np.float32) for one in outputs])
        return outputs


class LossDraw(Draw):
    """dense_cross_entropy over every token or text; now and then another layer writes the same gradients."""

    def __init__(self, seed):
        super().__init__(seed)
        self.classes = self.pick([1, 2, 3, 17, 511, 513, 1030])
        self.flat, beside = self.chance(), self.chance(0.3)
        made = 1
        if self.tokens:
            self.operations.append(("token_bag" if self.flat else "embed", (1,), (2,), (), {}))
            made = 3
        elif self.flat:
            self.operations.append(("global_average_pool", (0,), (1,), (), {}))
            made = 2
        numbers = [self.parameter(self.channels, self.classes)]
        numbers += [self.parameter(self.classes)] if self.chance() else []
        settings = {"most_rows": self.pick([0, 1, 3, 16]), "label_smoothing": self.pick([0.0, 0.1])}
        settings |= {"reduction": self.pick(["sum_over_batch_size", "sum", "mean_with_sample_weight"])}
        self.ignored = self.pick([None, -1, 0])
        settings |= {} if self.ignored is None else {"ignores": 1, "ignore_class": self.ignored}
        self.operations.append(("dense_cross_entropy", (made - 1,), (made,), tuple(numbers), settings))
        self.outputs = (made,)
        self.losses = 1
        if beside:
            self.operations.append(("dense", (made - 1,), (made + 1,), tuple(numbers), {}))
            self.operations.append(("squared_error", (made + 1,), (made + 2,), (), {}))
            self.losses, self.outputs = 2, (made, made + 2)

    def batch(self, size):
        x = self.text_input(size)
        lengths = np.diff(x[1]) if self.tokens and self.masked else [self.width]
        shape = (size,) if self.flat else (size, max(1, *lengths) if len(lengths) > 1 else max(1, lengths[0]))
        labels = self.rng.integers(0, self.classes, shape)
        if self.ignored is not None:
            labels = np.where(self.rng.random(shape) < 0.3, self.ignored, labels)
        weights = self.rng.random(shape if self.chance() else size).astype(np.float32)
        values = self.rng.normal(size=(*shape, self.classes)).astype(np.float32)
        return [x], [labels, values][: self.losses], weights if self.chance() else None

    def run(self, program, batch):
        program.test_step(*batch)
        losses, total, correct, outputs = program.train_step(*batch, 0.01, 3, want_outputs=True)
        return [np.array([*losses, total, *correct]), *outputs]


def run_program(draw, values, batches, threads):
    """The numbers of the last of these batches: results, gradients, and the values that it left."""
    _core.set_num_threads(threads)
    gradients = isinstance(draw, RecurrentDraw)
    program = _core.Program(
        draw.inputs, draw.parameters, draw.operations, draw.outputs, input_gradients=gradients
    )
    program.set_optimizer("sgd")
    draw.rng = np.random.default_rng(0)  # what a run draws is the same in each
    for batch in batches:
        bound = [value.copy() for value in values]
        for number, value in enumerate(bound):
            program.bind(number, value, draw.trainable[number], [], np.zeros(1, np.int64))
        found = list(draw.run(program, batch))
    for number, trains in enumerate(draw.trainable):
        if trains:
            gradient = program.gradient(number)
            found += gradient if isinstance(gradient, tuple) else [gradient]
    if gradients:
        found += [program.input_gradient(n) for n, spec in enumerate(draw.inputs) if spec[1] != "int32"]
    return found + bound


def run_one(seed):
    draw = (RecurrentDraw, LossDraw)[seed % 2](seed)
    values = [
        (0.3 * draw.rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32)
        for _, shape in draw.parameters
    ]
    before, last = [draw.batch(size) for size in draw.batches]
    _core.set_float32_matmul_precision(draw.precision)
    first = run_program(draw, values, [last], 1)
    for batches, threads in [([last], draw.threads), ([before, last], 3)]:
        for one, other in zip(first, run_program(draw, values, batches, threads), strict=True):
            np.testing.assert_array_equal(one, other)
    assert all(np.isfinite(one).all() for one in first)


@pytest.mark.parametrize("part", range(4))
def test_odd_sizes(part):
    rungs, before = _core.kernels()["available"], _core.kernels()["name"]
    precision = _core.get_float32_matmul_precision()
    try:
        for seed in range(part, COUNT, 4):
            _core.select_kernels(rungs[seed // 2 % len(rungs)])
            try:
                run_one(seed)
            except Exception as error:
                raise AssertionError(f"run_one({seed}) of test_odd_sizes.py failed") from error
    finally:
        _core.set_float32_matmul_precision(precision)
        _core.set_num_threads(0)
        _core.select_kernels(before)
