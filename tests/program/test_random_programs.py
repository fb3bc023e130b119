"""Programs drawn at random, forward and backward against the reference: the shapes nobody thought of.

``EMBEDCNN_RANDOM_PROGRAMS=100000`` runs that many; a failure names its seed: ``run_one(seed)`` repeats it.
"""

import os

import numpy as np
import pytest
import reference
from comparison import Pair, close, masks, ragged

from embedcnn import _core

COUNT = int(os.environ.get("EMBEDCNN_RANDOM_PROGRAMS", "400"))
SMOOTH = ["linear", "tanh", "sigmoid", "softplus", "silu", "gelu", "gelu_tanh"]


class Builder:
    """Grows a program operation by operation; `kinds` says what each tensor is: tokens, a sequence or
    flat."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.batch, self.width = int(self.rng.integers(1, 6)), int(self.rng.integers(6, 14))
        self.inputs, self.arrays, self.operations, self.values, self.names = [], [], [], [], []
        self.kinds, self.channels = [], []
        self.layers = 0

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def size(self):
        return int(self.pick([1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 20]))

    def tensor(self, kind, channels):
        self.kinds.append(kind)
        self.channels.append(channels)
        return len(self.kinds) - 1

    def parameter(self, *shape):
        fan_in = max(int(np.prod(shape[:-1])), 1)
        self.values.append(self.rng.normal(size=shape) / np.sqrt(fan_in))
        return len(self.values) - 1

    def maybe_bias(self, size):
        return [self.parameter(size)] if self.rng.integers(2) else []

    def add(self, name, sources, tensor_kind, channels, parameters=(), **attributes):
        out = self.tensor(tensor_kind, channels)
        self.operations.append((name, tuple(sources), (out,), tuple(parameters), attributes))
        return out

    def mask(self):
        return self.pick(list(masks(self.batch, self.width, self.rng).values()))

    def make_inputs(self):
        vocabulary = 400
        ids = [
            self.rng.choice(np.arange(1, vocabulary), self.width, replace=False) for _ in range(self.batch)
        ]
        mask, mask_zero = self.mask(), bool(self.rng.integers(2))
        if self.rng.random() < 0.3:
            ids = ragged([one[: int(self.rng.integers(0, self.width + 1))] for one in ids])
        elif mask is None or not mask_zero:
            ids = np.stack(ids)
        else:
            ids = np.where(mask, np.stack(ids), 0)
        self.inputs.append(("ids", "x", -1))
        self.arrays.append(ids)
        self.tensor("ids", 0)
        channels, mask = self.size(), self.mask()
        values = self.rng.normal(size=(self.batch, self.width, channels)).astype(np.float32)
        self.inputs.append(("sequence", "vectors", -1, channels))
        self.arrays.append(values if mask is None else (values, mask))
        self.tensor("sequence", channels)
        channels = self.size()
        self.inputs.append(("floats", "facts", channels))
        self.arrays.append(self.rng.normal(size=(self.batch, channels)).astype(np.float32))
        self.tensor("flat", channels)
        width = self.size()
        tokens = self.tensor("tokens", width)
        table = self.parameter(vocabulary, width)
        self.operations.append(("lookup", (0,), (tokens,), (table,), {"mask_zero": mask_zero}))

    def of_kind(self, *kinds):
        return self.pick([number for number, kind in enumerate(self.kinds) if kind in kinds])

    def grow(self):
        step = self.pick(["tokens", "tokens", "conv", "conv", "pool", "dense", "dense", "value", "join"])
        if step == "tokens":
            self.grow_from_tokens()
        elif step == "conv":
            x, filters, dilation = self.of_kind("sequence"), self.size(), int(self.pick([1, 1, 2]))
            taps, padding = int(self.rng.integers(1, 4)), self.pick(["same", "causal"])
            parameters = [self.parameter(taps, self.channels[x], filters)]
            parameters += self.maybe_bias(filters)
            settings = {
                "dilation_rate": dilation,
                "strides": int(self.pick([1, 1, 2, 3])) if dilation == 1 else 1,
            }
            self.add("conv1d", [x], "sequence", filters, parameters, padding=padding, **settings)
        elif step == "pool" and self.rng.random() < 0.3:
            x = self.of_kind("sequence")
            settings = {"pool_size": int(self.rng.integers(1, 4)), "strides": int(self.rng.integers(1, 3))}
            self.add("average_pool", [x], "sequence", self.channels[x], padding="same", **settings)
        elif step == "pool":
            x = self.of_kind("sequence")
            self.add(self.pick(["global_max_pool", "global_average_pool"]), [x], "flat", self.channels[x])
        elif step == "dense":
            x, units = self.of_kind("sequence", "flat"), self.size()
            parameters = [self.parameter(self.channels[x], units)]
            parameters += self.maybe_bias(units)
            self.add("dense", [x], self.kinds[x], units, parameters)
        elif step == "value":
            x = self.of_kind("sequence", "flat")
            name = self.pick(["activation", "softmax", "dropout"])
            settings = {"activation": {"activation": self.pick(SMOOTH)}, "softmax": {}}
            settings["dropout"] = {"rate": 0.3, "layer": self.layers}
            self.layers += 1
            self.add(name, [x], self.kinds[x], self.channels[x], **settings[name])
        elif self.rng.random() < 0.3:
            x = self.of_kind("flat")
            like = [
                y
                for y, kind in enumerate(self.kinds)
                if kind == "flat" and self.channels[y] == self.channels[x]
            ]
            sources = [x, *(self.pick(like) for _ in range(int(self.rng.integers(1, 3))))]
            self.add(
                "merge", sources, "flat", self.channels[x], kind=self.pick(["add", "multiply", "average"])
            )
        elif self.rng.random() < 0.3:
            x = self.of_kind("sequence", "flat")
            parameters = [self.parameter(self.channels[x]), self.parameter(self.channels[x])]
            self.add("layer_normalization", [x], self.kinds[x], self.channels[x], parameters)
        else:
            sources = [self.of_kind("flat") for _ in range(int(self.rng.integers(1, 4)))]
            self.add("concatenate", sources, "flat", sum(self.channels[x] for x in sources))

    def grow_from_tokens(self):
        x = self.of_kind("tokens")
        kind = self.pick(["embed", "token_mean", "token_conv_pool"])
        if kind != "token_conv_pool":
            self.add(kind, [x], "sequence" if kind == "embed" else "flat", self.channels[x])
            return
        filters, parameters, use_bias = self.size(), [], bool(self.rng.integers(2))
        kernels = self.rng.integers(1, 5, int(self.rng.integers(1, 4)))
        for taps in kernels:
            parameters.append(self.parameter(int(taps), self.channels[x], filters))
            parameters += [self.parameter(filters)] if use_bias else []
        settings = {"use_bias": use_bias, "padding": self.pick(["same", "causal"]), "activation": "tanh"}
        self.add("token_conv_pool", [x], "flat", filters * len(kernels), parameters, **settings)

    def pair(self):
        """All tensors that nobody reads are outputs, and some that are read too."""
        self.make_inputs()
        self.grow_from_tokens()
        for _ in range(int(self.rng.integers(1, 9))):
            self.grow()
        read = {source for operation in self.operations for source in operation[1]}
        outputs = [
            number
            for number, kind in enumerate(self.kinds)
            if number > 3 and kind in ("sequence", "flat") and (number not in read or self.rng.random() < 0.2)
        ]
        parameters = [(f"p{number}", value.shape) for number, value in enumerate(self.values)]
        trainable = [bool(self.rng.random() < 0.8) for _ in self.values]
        arguments = (self.inputs, parameters, self.operations, tuple(outputs), self.values, trainable)
        return Pair(*arguments, seed=self.seed)

    def winners_are_clear(self, pair):
        """Whether rounding cannot decide a maximum (of steps that differ), so that gradients may be
        compared."""
        for (name, sources, _, parameters, settings), _ in pair.reference.tape:
            if (
                name == "global_max_pool"
                and (reference.winner_gap(pair.reference.tensors[sources[0]]) < 1e-4).any()
            ):
                return False
            if name == "token_conv_pool":
                kernels = [p for p in parameters if pair.values[p].ndim == 3]
                for kernel in kernels:
                    x, values = pair.reference.tensors[sources[0]], pair.reference.values[kernel]
                    out = reference.conv1d(x, values, None, padding=settings["padding"])[0]
                    if (reference.winner_gap(out) < 1e-4).any():
                        return False
        return True


def run_one(seed):
    """True where gradients were compared, False where only outputs were (a maximum too close to call)."""
    builder = Builder(seed)
    pair = builder.pair()
    got, _ = pair.check_forward(builder.arrays, training=True, step=seed, tolerance=2e-5)
    pair.check_forward(builder.arrays, training=False, tolerance=2e-5)
    if not builder.winners_are_clear(pair):
        return False
    pair.check_gradients(builder.arrays, step=seed, tolerance=5e-5)
    first = [pair.core.gradient(number) for number in range(len(pair.values)) if pair.trainable[number]]
    again, d_outputs = pair.check_gradients(builder.arrays, step=seed, tolerance=5e-5)
    for one, other in zip(got, again, strict=True):
        np.testing.assert_array_equal(one, other)  # the same step twice: the same bits
    second = [pair.core.gradient(number) for number in range(len(pair.values)) if pair.trainable[number]]
    for one, other in zip(first, second, strict=True):
        for a, b in zip(*[[x] if isinstance(x, np.ndarray) else x for x in (one, other)], strict=True):
            np.testing.assert_array_equal(a, b)
    close(got[0], again[0], 0, "the same step twice")
    return True


@pytest.mark.parametrize("part", range(8))
def test_random_programs(part):
    compared = 0
    rungs = _core.kernels()["available"]
    before = _core.kernels()["name"]
    try:
        for seed in range(part, COUNT, 8):
            _core.set_num_threads(1 + seed % 3)
            _core.select_kernels(rungs[seed % len(rungs)])
            try:
                compared += run_one(seed)
            except Exception as error:
                raise AssertionError(f"run_one({seed}) of test_random_programs.py failed") from error
    finally:
        _core.set_num_threads(0)
        _core.select_kernels(before)
    assert compared > COUNT / 8 / 3
