"""Draws programs at random: any operations of the core over any tensors that fit, with inputs and targets."""

import numpy as np
from comparison import Pair, masks, ragged

SMOOTH = [
    *("linear", "tanh", "sigmoid", "softplus", "silu", "gelu", "gelu_tanh"),
    *("log_sigmoid", "mish", "squareplus"),
]


class Builder:
    """Grows a program operation by operation; `kinds`: ids, tokens, sequence, flat, folded or single."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.seed = seed
        self.batch, self.width = int(self.rng.integers(1, 6)), int(self.rng.integers(1, 14))
        self.inputs, self.arrays, self.operations, self.values = [], [], [], []
        self.kinds, self.channels = [], []
        self.steps, self.layouts = (
            {},
            {},
        )  # of each sequence: T, and what those with equal steps and masks share
        self.layers, self.targets = 0, []
        self.moving = []  # parameters that are moving statistics

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def size(self):
        return int(self.pick([1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 20]))

    def chance(self, probability=0.5):
        return bool(self.rng.random() < probability)

    def tensor(self, kind, channels):
        self.kinds.append(kind)
        self.channels.append(channels)
        return len(self.kinds) - 1

    def of_kind(self, *kinds):
        return self.pick([number for number, kind in enumerate(self.kinds) if kind in kinds])

    def parameter(self, *shape, beside=()):
        """A new one, or one that an earlier operation has; never the table, never one of `beside`."""
        taken = {0, *beside, *self.moving}
        known = [n for n, value in enumerate(self.values) if n not in taken and value.shape == shape]
        if known and self.chance(0.6):
            return self.pick(known)
        fan_in = max(int(np.prod(shape[:-1])), 1)
        self.values.append(self.rng.normal(size=shape) / np.sqrt(fan_in))
        return len(self.values) - 1

    def maybe_bias(self, size):
        return [self.parameter(size)] if self.chance() else []

    def add(self, name, sources, tensor_kind, channels, parameters=(), **attributes):
        out = self.tensor(tensor_kind, channels)
        if tensor_kind == "sequence":  # steps as the source has them, unless the caller says otherwise
            self.steps[out], self.layouts[out] = self.steps[sources[0]], self.layouts[sources[0]]
        self.operations.append((name, tuple(sources), (out,), tuple(parameters), attributes))
        return out

    def mask(self):
        return self.pick(list(masks(self.batch, self.width, self.rng).values()))

    def make_ids(self, mask_zero, vocabulary):
        """An input of ids: padded, ragged, or with zeros as a mask says; now and then few distinct ones."""
        few = self.chance(0.3)
        allowed = np.arange(1, 4 if few else vocabulary)
        ids = np.stack([self.rng.choice(allowed, self.width, replace=few) for _ in range(self.batch)])
        mask, masked, width = self.mask(), mask_zero, self.width
        if self.chance(0.3):
            rows = [one[: int(self.rng.integers(0, self.width + 1))] for one in ids]
            ids, masked, width = ragged(rows), True, max(1, *map(len, rows))
        elif mask is not None and mask_zero:
            ids = np.where(mask, ids, 0)
        self.inputs.append((f"x{len(self.inputs)}", "int32", -1, ()))
        self.arrays.append(ids)
        return self.tensor("ids", 0), masked, width

    def make_ngrams(self, given, vocabulary, buckets):
        """The n-grams of an input of ids, in its place."""
        number, masked, width = given
        n = int(self.pick([1, 2, 3]))
        out = self.tensor("ids", 0)
        sizes = {"n": n, "input_dim": vocabulary, "buckets": buckets}
        self.operations.append(("ngrams", (number,), (out,), (), sizes))
        return out, masked, sum(width - shorter for shorter in range(min(n, width)))

    def make_inputs(self):
        vocabulary, mask_zero = int(self.pick([40, 400])), self.chance()
        ids = [self.make_ids(mask_zero, vocabulary) for _ in range(int(self.pick([1, 1, 2])))]
        channels, mask = self.size(), self.mask()
        values = self.rng.normal(size=(self.batch, self.width, channels)).astype(np.float32)
        values[self.rng.random((self.batch, self.width)) < 0.2] = 0
        self.inputs.append(("vectors", "float32", -1, (channels,)))
        self.arrays.append(values if mask is None else (values, mask))
        vectors = self.tensor("sequence", channels)
        self.steps[vectors], self.layouts[vectors] = self.width, (vectors, mask is not None, "given")
        channels = self.size()
        self.inputs.append(("facts", "float32", None, (channels,)))
        self.arrays.append(self.rng.normal(size=(self.batch, channels)).astype(np.float32))
        self.tensor("flat", channels)
        width, buckets = self.size(), int(self.pick([0, 0, 5, 50]))
        if buckets:
            ids = [self.make_ngrams(one, vocabulary, buckets) for one in ids]
        tokens = tuple(self.tensor("tokens", width) for _ in ids)
        for (number, masked, steps), token in zip(ids, tokens, strict=True):
            self.steps[token], self.layouts[token] = steps, (number, masked, "given")
        self.values.append(self.rng.normal(size=(vocabulary + buckets, width)))
        sources = tuple(number for number, _, _ in ids)
        self.operations.append(("lookup", sources, tokens, (0,), {"mask_zero": mask_zero}))

    def grow(self):
        steps = {
            "tokens": self.grow_from_tokens,
            "convolution": self.grow_convolution,
            "window": self.grow_window,
            "pool": self.grow_pool,
            "dense": self.grow_dense,
            "value": self.grow_value,
            "join": self.grow_join,
            "masking": self.grow_masking,
            "shape": self.grow_shape,
            "dot": self.grow_dot,
            "fold": self.grow_fold,
            "recurrent": self.grow_recurrent,
            "tensor": self.grow_tensor,
            "attention": self.grow_attention,
        }
        steps[self.pick([*steps, "tokens", "convolution", "dense"])]()

    def grow_recurrent(self):
        x, units = self.of_kind("tokens", "sequence"), self.pick([1, 3, 8, 17])
        name, gates = self.pick([("simple_rnn", 1), ("lstm", 4), ("gru", 3)])
        reset_after = name != "gru" or self.chance()
        parameters = [self.parameter(self.channels[x], gates * units)]
        parameters.append(self.parameter(units, gates * units, beside=parameters))
        use_bias = self.chance()
        if use_bias:
            shape = (2, 3 * units) if name == "gru" and reset_after else (gates * units,)
            parameters.append(self.parameter(*shape, beside=parameters))
        settings = {"use_bias": use_bias, "reverse": self.chance(0.4), "keep_order": True}
        settings |= {} if reset_after else {"reset_after": False}
        if self.chance(0.3):
            settings |= {"recurrent_dropout": 0.3, "layer": self.layers}
            self.layers += 1
        if self.kinds[x] == "sequence" and self.chance(0.6):
            self.add(name, [x], "sequence", units, parameters, return_sequences=True, **settings)
        else:
            self.add(name, [x], "flat", units, parameters, **settings)

    def grow_tensor(self):
        """An operation of the user's own formulas."""
        x = self.of_kind("sequence", "flat")
        kind, channels, axis = self.kinds[x], self.channels[x], 2 if self.kinds[x] == "sequence" else 1
        name = self.pick(["one", "two", "weight", "matmul", "slice", "pad", "stretch", "cumsum", "reduce"])
        if name == "one":
            names = ["negative", "square", "sin", "cos", "erf", "arctan", "stop_gradient"]
            self.add("elementwise", [x], kind, channels, kind=self.pick(names))
        elif name == "two":
            alike = [
                y
                for y in range(len(self.kinds))
                if (self.kinds[y], self.channels[y]) == (kind, channels)
                and self.layouts.get(y) == self.layouts.get(x)
            ]
            names = ["add", "subtract", "multiply"]
            self.add("elementwise", [x, self.pick(alike)], kind, channels, kind=self.pick(names))
        elif name == "weight":
            weight = self.add_weight_tensor(*self.pick([(channels,), (1,)]))
            self.add("elementwise", [x, weight], kind, channels, kind=self.pick(["add", "multiply"]))
        elif name == "matmul":
            units = self.size()
            self.add("matmul", [x, self.add_weight_tensor(channels, units)], kind, units)
        elif name == "slice":
            start, step = int(self.rng.integers(channels)), int(self.pick([1, 2, -1]))
            kept = len(range(channels)[start::step])
            stop = (1 << 20) * (1 if step > 0 else -1)
            self.add("slice", [x], kind, kept, axis=axis, start=start, stop=stop, step=step)
        elif name == "pad":
            self.add("pad", [x], kind, channels + 3, axis=axis, before=1, behind=2, value=0.5)
        elif name == "stretch":
            self.add("stretch", [x], kind, 2 * channels, axis=axis, times=2)
        elif name == "cumsum" or kind == "flat":
            axes = self.pick([0, 2]) if kind == "sequence" else 0
            self.add("cumsum", [x], kind, channels, axes=axes)
        else:
            self.add("reduce", [x], "flat", channels, kind=self.pick(["sum", "mean"]), steps=1)

    def add_weight_tensor(self, *shape):
        out = self.tensor("single", shape[-1])
        self.operations.append(("weight", (), (out,), (self.parameter(*shape),), {}))
        return out

    def grow_attention(self):
        key = self.of_kind("sequence")
        alike = [x for x in self.layouts if self.kinds[x] == "sequence"]
        values = [x for x in alike if self.layouts[x] == self.layouts[key]]
        queries = [x for x in alike if self.channels[x] == self.channels[key]]
        query, value = self.pick(queries), self.pick(values)
        both = np.gcd(self.channels[key], self.channels[value])
        heads = int(self.pick([n for n in range(1, 5) if both % n == 0]))
        settings = {"heads": heads, "causal": int(self.chance(0.3)), "scale": self.pick([1.0, 0.5])}
        if self.chance(0.4):
            settings |= {"rate": 0.3, "layer": self.layers}
            self.layers += 1
        self.add("attention", [query, key, value], "sequence", self.channels[value], **settings)

    def grow_from_tokens(self):
        x = self.of_kind("tokens")
        name = self.pick(["embed", "token_bag", "token_conv_pool", "token_conv"])
        if name == "token_conv":
            self.grow_convolution(name, x)
            return
        if name == "embed":
            self.add(name, [x], "sequence", self.channels[x])
            return
        if name == "token_bag":
            self.grow_bag(x)
            return
        filters, parameters, use_bias = self.size(), [], self.chance()
        kernels = self.rng.integers(1, 5, int(self.rng.integers(1, 4)))
        for taps in kernels:
            parameters.append(self.parameter(int(taps), self.channels[x], filters, beside=parameters))
            parameters += [self.parameter(filters, beside=parameters)] if use_bias else []
        padding = self.pick(["same", "causal", "valid"])
        settings = {"use_bias": use_bias, "padding": padding, "activation": "tanh"}
        self.add("token_conv_pool", [x], "flat", filters * len(kernels), parameters, **settings)

    def grow_bag(self, x):
        """A bag, weighted where some tensor has a value for each of its tokens."""
        weights = [
            n
            for n, kind in enumerate(self.kinds)
            if self.channels[n] == (1 if kind == "sequence" else self.steps[x])
            and (kind == "flat" or (kind == "sequence" and self.steps[n] >= self.steps[x]))
        ]
        chosen = [self.pick(weights)] if weights and self.chance() else []
        mode = self.pick(["sum"] if chosen else ["mean", "sum", "sqrtn", "max"])  # no sum of weights near 0
        self.add("token_bag", [x, *chosen], "flat", self.channels[x], mode=mode)

    def take_windows(self, out, source, wide, stride, padding):
        """Notes the steps of a sequence made of windows of another."""
        length, masked = self.steps[source], self.layouts[source][1]
        if padding == "valid":
            self.steps[out] = max((length - wide) // stride + 1, 1)
        else:
            self.steps[out] = -(-length // stride)
        self.layouts[out] = (out, masked, "own")

    def grow_convolution(self, name="conv1d", x=None):
        x = self.of_kind("sequence") if x is None else x
        if name == "conv1d" and self.chance(0.2):
            self.grow_depthwise(x)
            return
        filters, dilation = self.size(), int(self.pick([1, 1, 2]))
        taps, padding = int(self.rng.integers(1, 4)), self.pick(["same", "causal", "valid"])
        stride = int(self.pick([1, 1, 2, 3])) if dilation == 1 else 1
        parameters = [self.parameter(taps, self.channels[x], filters)]
        parameters += self.maybe_bias(filters)
        settings = {"dilation_rate": dilation, "strides": stride, "padding": padding}
        if name == "conv1d" and dilation == 1 and self.chance(0.2):
            settings = {"strides": stride, "padding": padding, "activation": "tanh"}
            self.add("conv_pool", [x], "flat", filters, parameters, **settings)
            return
        out = self.add(name, [x], "sequence", filters, parameters, **settings)
        self.take_windows(out, x, (taps - 1) * dilation + 1, stride, padding)
        number, masked, state = self.layouts[x]
        if stride == 1 and padding != "valid" and state != "own":  # the span's steps, without gaps
            self.layouts[out] = (number, masked, "whole")

    def grow_depthwise(self, x):
        taps, multiplier = int(self.rng.integers(1, 4)), int(self.rng.integers(1, 4))
        stride, padding = int(self.pick([1, 1, 2])), self.pick(["same", "causal"])
        filters = self.channels[x] * multiplier
        parameters = [self.parameter(taps, self.channels[x], multiplier), *self.maybe_bias(filters)]
        settings = {"strides": stride, "padding": padding}
        out = self.add("depthwise_conv1d", [x], "sequence", filters, parameters, **settings)
        self.take_windows(out, x, taps, stride, padding)

    def add_full(self, name, sources, steps, channels, **settings):
        """Adds an operation whose result is a sequence of so many steps, without a mask."""
        out = self.tensor("sequence", channels)
        self.steps[out], self.layouts[out] = steps, (("full", steps), False, "given")
        self.operations.append((name, tuple(sources), (out,), (), settings))

    def grow_shape(self):
        """From flat to sequence, or time and channels exchanged."""
        x = self.of_kind("flat", "sequence")
        if self.kinds[x] == "sequence":
            length = self.steps[x] + (int(self.rng.integers(3)) if self.layouts[x][1] else 0)
            self.add_full("permute", [x], self.channels[x], length, length=length)
        elif self.chance():
            length = int(self.rng.integers(1, 5))
            self.add_full("repeat", [x], length, self.channels[x], length=length)
        else:
            length = int(self.pick([n for n in range(1, 5) if self.channels[x] % n == 0]))
            self.add_full("unflatten", [x], length, self.channels[x] // length, length=length)

    def grow_dot(self):
        """The channels of two tensors that have as many, summed away."""
        a = self.of_kind("flat", "sequence")
        partners = [
            x
            for x, kind in enumerate(self.kinds)
            if kind in ("flat", "sequence") and self.channels[x] == self.channels[a]
        ]
        b = self.pick(partners)
        sizes, settings = [], {}
        for name, x in (("a", a), ("b", b)):
            sequence = self.kinds[x] == "sequence"
            settings[f"axis_{name}"] = 2 if sequence else 1
            settings[f"length_{name}"] = self.steps[x] if sequence else 0
            sizes.append(self.steps[x] if sequence else 1)
        if self.kinds[a] == self.kinds[b] == "sequence":
            self.add_full("dot", [a, b], *sizes, **settings)
        else:
            self.add("dot", [a, b], "flat", sizes[0] * sizes[1], **settings)

    def grow_fold(self):
        """Each step of a sequence as a text of its own, read by something, and back."""
        x, channels = self.of_kind("sequence"), self.size()
        length = int(self.pick([n for n in range(1, 5) if self.channels[x] % n == 0]))
        depth = self.channels[x] // length
        rows, frame, texts = (self.tensor("folded", size) for size in (self.channels[x], 0, depth))
        read, out = self.tensor("folded", channels), self.tensor("sequence", channels)
        self.operations.append(("fold", (x,), (rows, frame), (), {"steps": 0}))
        self.operations.append(("unflatten", (rows,), (texts,), (), {"length": length}))
        if self.chance():
            parameters, settings = [self.parameter(depth, 3 * channels)], {"use_bias": False}
            parameters.append(self.parameter(channels, 3 * channels, beside=parameters))
            self.operations.append(("gru", (texts,), (read,), tuple(parameters), settings))
        else:
            parameters = (self.parameter(1, depth, channels),)
            settings = {"strides": 1, "padding": "same", "activation": "tanh"}
            self.operations.append(("conv_pool", (texts,), (read,), parameters, settings))
        self.operations.append(("unfold", (read, frame), (out,), (), {}))
        self.steps[out], self.layouts[out] = self.steps[x], self.layouts[x]

    def grow_window(self):
        x, size, stride = self.of_kind("sequence"), int(self.rng.integers(1, 4)), int(self.rng.integers(1, 4))
        padding = self.pick(["same", "valid"])
        settings = {"pool_size": size, "strides": stride, "padding": padding}
        out = self.add(self.pick(["max_pool", "average_pool"]), [x], "sequence", self.channels[x], **settings)
        self.take_windows(out, x, size, stride, padding)

    def grow_pool(self):
        x = self.of_kind("sequence")
        if self.chance(0.3):
            length = self.steps[x] + (int(self.rng.integers(3)) if self.layouts[x][1] else 0)
            self.add("flatten", [x], "flat", self.channels[x] * length, length=length)
        elif self.chance(0.3):
            scores = self.add("dense", [x], "sequence", 1, [self.parameter(self.channels[x], 1)])
            self.add("attention_pool", [x, scores], "flat", self.channels[x])
        else:
            self.add(self.pick(["global_max_pool", "global_average_pool"]), [x], "flat", self.channels[x])

    def grow_dense(self):
        x, units = self.of_kind("sequence", "flat"), self.size()
        parameters = [self.parameter(self.channels[x], units)]
        parameters += self.maybe_bias(units)
        self.add("dense", [x], self.kinds[x], units, parameters)

    def grow_value(self):
        x, parameters = self.of_kind("sequence", "flat"), []
        names = ["activation", "softmax", "log_softmax", "dropout", "noise", "rectifier"]
        name = self.pick([*names, "layer_normalization", "unit_normalization", "batch_normalization"])
        scale, center = self.chance(), self.chance()
        settings = {
            "activation": {"activation": self.pick(SMOOTH)},
            "softmax": {},
            "dropout": {"rate": 0.3, "layer": self.layers, "shared_axes": self.pick([0, 0, 2, 3])},
            "layer_normalization": {"scale": scale, "center": center, "epsilon": 0.1},
            "log_softmax": {},
            "noise": {"deviation": 0.3, "layer": self.layers, "multiply": self.chance()},
            "rectifier": {"slope": 0.2},
            "unit_normalization": {},
            "batch_normalization": {"scale": scale, "center": center, "epsilon": 0.1, "momentum": 0.7},
        }
        if self.kinds[x] == "sequence" and name in ("softmax", "log_softmax", "unit_normalization"):
            settings[name] = self.pick([{}, {"axes": 2}, {"axes": 6}])
        for _ in range(scale + center if name in ("layer_normalization", "batch_normalization") else 0):
            parameters.append(self.parameter(self.channels[x], beside=parameters))
        if name == "batch_normalization":
            for start in (self.rng.normal(size=self.channels[x]), self.rng.uniform(0.5, 2, self.channels[x])):
                self.values.append(start)
                parameters.append(len(self.values) - 1)
                self.moving.append(len(self.values) - 1)
        self.layers += 1
        self.add(name, [x], self.kinds[x], self.channels[x], parameters, **settings[name])

    def grow_join(self):
        """Concatenates or merges tensors, the same one twice now and then; sequences of any steps."""
        first, count = self.of_kind("flat", "sequence"), int(self.rng.integers(0, 3))
        merges, alike = self.chance(), self.chance()
        kind = self.pick(["add", "subtract", "multiply", "average", "maximum", "minimum"])
        sources, steps = [first], self.steps_of(first)
        for _ in range(1 if merges and kind == "subtract" else count):
            partners = [
                x
                for x in range(len(self.kinds))
                if self.kinds[x] == self.kinds[first]
                and (not merges or self.channels[x] == self.channels[first])
                and (self.layouts.get(x) == self.layouts.get(first) or not alike)
                and self.joined_steps(steps, self.steps_of(x))
            ]
            sources.append(self.pick(partners))
            steps = self.joined_steps(steps, self.steps_of(sources[-1]))
        if merges:
            out = self.add("merge", sources, self.kinds[first], self.channels[first], kind=kind)
        elif self.kinds[first] == "sequence" and self.chance(0.3):
            self.grow_steps(first)
            return
        else:
            channels = sum(self.channels[x] for x in sources)
            out = self.add("concatenate", sources, self.kinds[first], channels)
        if len({self.layouts.get(x) for x in sources}) > 1:
            self.steps[out], self.layouts[out] = steps[0], (out, steps[1], "own")

    def grow_steps(self, first):
        """Texts one behind the other."""
        fits = [
            x for x in self.steps if (self.kinds[x], self.channels[x]) == ("sequence", self.channels[first])
        ]
        sources = [first, self.pick(fits), *([self.pick(fits)] if self.chance(0.3) else [])]
        out = self.add("concatenate_steps", sources, "sequence", self.channels[first])
        self.steps[out] = sum(self.steps[x] for x in sources)
        self.layouts[out] = (out, any(self.layouts[x][1] for x in sources), "own")

    def steps_of(self, x):
        """(T, whether there is a mask)"""
        return (self.steps[x], self.layouts[x][1]) if self.kinds[x] == "sequence" else (1, False)

    def joined_steps(self, one, other):
        """The same for what two are joined to; None where one has steps beyond an unmasked one."""
        width, masked = max(one[0], other[0]), one[1] and other[1]
        short = any(length < width and not has_mask for length, has_mask in (one, other))
        return None if short else (width, masked)

    def grow_masking(self):
        """Masks steps of zeros, where zeros are exact: no step is masked by rounding."""
        names = ("embed", "dropout", "rectifier", "concatenate", "merge", "conv1d", "dense", "masking")
        made = {op[2][0] for op in self.operations if op[0] in names}
        exact = [
            x
            for x, kind in enumerate(self.kinds)
            if kind == "sequence" and (x in made or x < len(self.inputs))
        ]
        out = self.add("masking", [x := self.pick(exact)], "sequence", self.channels[x], mask_value=0.0)
        self.layouts[out] = (out, True, "own")

    def add_loss(self):
        """A loss on any tensor, which may have others; its targets."""
        probabilities = {op[2][0] for op in self.operations if op[0] == "softmax" and not op[4]}
        x = self.of_kind("sequence", "flat")
        shape = (self.batch, self.steps[x]) if self.kinds[x] == "sequence" else (self.batch,)
        name, settings = "squared_error", {"weight": float(self.rng.random() + 0.1)}
        targets = self.rng.random((*shape, self.channels[x])).astype(np.float32)
        if self.chance(0.7):
            name, settings["kind"] = (
                "cross_entropy",
                self.pick(["sparse_categorical", "categorical", "binary"]),
            )
            settings["from_logits"] = x not in probabilities or self.chance()
            if settings["kind"] == "sparse_categorical":
                targets = self.rng.integers(0, self.channels[x], shape)
            elif self.chance():
                settings["label_smoothing"] = 0.1
        elif self.chance():
            self.add_dense_loss(x, shape)
            return
        self.add(name, [x], self.kinds[x], self.channels[x], **settings)
        self.targets.append(targets)

    def add_dense_loss(self, x, shape):
        """A dense layer and its loss as one operation, in tiles of any number of rows."""
        classes = self.size() + 1
        parameters = [self.parameter(self.channels[x], classes)]
        parameters += self.maybe_bias(classes)
        settings = {"most_rows": self.pick([0, 1, 3, 5]), "label_smoothing": self.pick([0.0, 0.1])}
        self.add("dense_cross_entropy", [x], self.kinds[x], 1, parameters, **settings)
        self.targets.append(self.rng.integers(0, classes, shape))

    def pair(self, losses=False):
        """The program beside its reference. What nobody reads is an output; others too, one of them twice."""
        self.make_inputs()
        self.grow_from_tokens()
        for _ in range(int(self.rng.integers(1, 9))):
            self.grow()
        for _ in range(int(self.rng.integers(1, 4)) if losses else 0):
            self.add_loss()
            if self.chance(0.3):
                self.grow()
        read = {source for operation in self.operations for source in operation[1]}
        made = range(len(self.inputs), len(self.kinds))
        outputs = [
            number
            for number in made
            if self.kinds[number] not in ("ids", "tokens", "folded", "single")
            and (number not in read or self.chance(0.2))
        ]
        outputs += [self.pick(outputs)] if self.chance(0.2) else []
        parameters = [(f"p{number}", value.shape) for number, value in enumerate(self.values)]
        trainable = [self.chance(0.8) for _ in self.values]
        arguments = (self.inputs, parameters, self.operations, tuple(outputs), self.values, trainable)
        return Pair(*arguments, seed=self.seed, tracked=self.moving)
