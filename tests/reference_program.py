"""A program of the core, interpreted with the float64 operations of reference.py: same arguments and methods.

The runs follow csrc/program: forward, losses, backward, clip, update. Gradients of a lookup's table are dense
here; ``touched`` says which rows the step read.
"""

from __future__ import annotations

import numpy as np
import reference
import reference_attention
import reference_axes
import reference_depthwise
import reference_image_changes
import reference_images
import reference_layers
import reference_optimizers
import reference_recurrent
import reference_tensors
from reference import Sequence, sequence

RECURRENT = tuple(reference_recurrent.STEPS)
LOSSES = ("cross_entropy", "dense_cross_entropy", "squared_error")


class Program:
    def __init__(self, inputs, parameters, operations, outputs, seed=0):
        self.inputs, self.operations, self.outputs, self.seed = inputs, operations, outputs, seed
        self.shapes = [shape for _, shape in parameters]
        self.values = [None] * len(parameters)
        self.trainable = [False] * len(parameters)
        self.slots = [None] * len(parameters)
        self.steps = [0] * len(parameters)
        self.tracked = [False] * len(parameters)
        self.optimizer, self.hyper = "sgd", {}
        self.tables = {op[3][0] for op in operations if op[0] == "lookup"}
        self.gradients, self.touched = {}, {}

    def bind(self, number, value, trainable=True, tracked=False):
        self.values[number] = np.array(value, np.float64)
        self.tracked[number] = tracked
        self.trainable[number] = trainable

    def set_optimizer(self, name, **hyper):
        self.optimizer, self.hyper = name, hyper

    def read_inputs(self, values):
        tensors = {}
        for number, (spec, value) in enumerate(zip(self.inputs, values, strict=True)):
            if spec[1] == "int32" and spec[3]:
                tensors[number] = Sequence(np.asarray(value))  # ids of several texts a step: fold reads them
            elif spec[1] == "int32":
                ids, mask = (
                    reference.padded(*value) if isinstance(value, tuple) else (np.asarray(value), None)
                )
                tensors[number] = (ids, mask)
            elif spec[2] is None:
                tensors[number] = np.asarray(value, np.float64)
            else:
                tensors[number] = sequence(*value) if isinstance(value, tuple) else sequence(value)
        return tensors

    def run(self, inputs, training=False, step=0, targets=(), sample_weight=None):
        """Forward; keeps what the backward needs."""
        self.tensors, self.tape = self.read_inputs(inputs), []
        self.losses, self.correct, self.weights_total = [], [], None
        self.touched = {}
        targets = iter(targets)
        for operation in self.operations:
            name, sources, results, parameters, attributes = operation
            arrays = [self.values[p] for p in parameters]
            tensors = [self.tensors[t] for t in sources]
            if name == "ngrams":
                self.tensors[results[0]] = reference.ngrams(*tensors[0], **attributes)
                continue
            if name in ("cross_entropy", "squared_error"):
                self.run_loss(operation, tensors[0], next(targets), sample_weight)
                continue
            if name == "dense_cross_entropy":
                self.run_dense_loss(operation, tensors[0], arrays, next(targets), sample_weight)
                continue
            if name == "fold" and tensors[0].values.dtype.kind == "i":
                (folded, frame), _ = reference_layers.fold(*tensors)
                self.tensors |= {results[0]: (folded.values, None), results[1]: frame}
                continue
            own = training and all(self.tracked[p] for p in parameters[-2:])
            flag = own if name == "batch_normalization" else training
            self.repeats = repeating(self.operations, sources)
            out, backward = self.run_operation(name, tensors, arrays, attributes, flag, step)
            if name == "fold":
                self.tensors.update(zip(results, out, strict=True))
            elif name == "lookup":
                for result, one, (ids, mask) in zip(results, out, tensors, strict=True):
                    self.tensors[result] = one
                    rows = reference.touched_rows(ids, mask, **attributes)
                    known = self.touched.get(parameters[0], np.zeros(0, np.int64))
                    self.touched[parameters[0]] = np.union1d(known, rows).astype(np.int64)
            elif name in RECURRENT:
                self.tensors.update(zip(results, out, strict=True))
            else:
                self.tensors[results[0]] = out
            self.tape.append((operation, backward))
        return [self.output(number) for number in self.outputs]

    def output(self, number):
        value = self.tensors[number]
        return value.values if isinstance(value, Sequence) else value

    def run_operation(self, name, tensors, arrays, attributes, training, step):
        if name == "lookup":
            pairs = [reference.lookup(ids, arrays[0], mask, **attributes) for ids, mask in tensors]
            return [pair[0] for pair in pairs], lambda d: sum(
                b[1](one)[0] for b, one in zip(pairs, d, strict=True)
            )
        if name in RECURRENT:
            state_mask = self.state_mask(tensors[0], arrays[1], step if training else None, **attributes)
            return reference_recurrent.recurrent(
                name, tensors[0], tensors[1:], *arrays, state_mask=state_mask, **attributes
            )
        if name == "attention" and "rate" in attributes:
            attributes = dict(attributes)
            rate, layer, always = (attributes.pop(one, 0) for one in ("rate", "layer", "always"))
            if rate and (training or always):
                chance = (attributes.get("heads", 1), rate, self.seed, step, layer)
                attributes["kept"] = reference_attention.kept_shares(*tensors[:2], *chance)
        if name == "weight" or name in reference_tensors.FUNCTIONS:
            return reference_tensors.run(name, tensors, arrays, attributes)
        if name in reference_image_changes.FUNCTIONS:
            chance = {"seed": self.seed, "step": step, "training": training}
            return reference_image_changes.FUNCTIONS[name](*tensors, **chance, **attributes)
        if name == "embed":
            return tensors[0], lambda d_out: (d_out,)
        if name == "token_bag":
            return reference.token_bag(*tensors, **attributes)
        if name in ("max_pool", "average_pool"):
            return reference_layers.pool1d(name, tensors[0], **attributes)
        if name in ("max_pool2d", "average_pool2d"):
            return reference_images.pool2d(name, tensors[0], **attributes)
        if name == "token_conv_pool":
            return token_conv_pool(tensors[0], arrays, **attributes)
        if name == "conv_pool":
            return conv_pool(tensors[0], *arrays, **attributes)
        if name in ("conv1d", "token_conv"):
            return reference.conv1d(tensors[0], *arrays, **attributes)
        if name in ("global_max_pool", "global_average_pool", "global_sum_pool"):
            return getattr(reference, name)(tensors[0])
        if name == "depthwise_conv1d":
            return reference_layers.depthwise_conv1d(tensors[0], *arrays, **attributes)
        if name in ("depthwise_conv2d", "separable_conv2d"):
            return getattr(reference_depthwise, name)(tensors[0], *arrays, **attributes)
        if hasattr(reference_images, name):
            return getattr(reference_images, name)(*tensors, *arrays, **attributes)
        if name == "attention_pool":
            return reference_attention.attention_pool(*tensors)
        if name == "unfold":
            return reference_layers.unfold(*tensors, repeats=self.repeats)
        if name in ("flatten", "permute", "masking", "unflatten", "repeat", "dot", "fold"):
            return getattr(reference_layers, name)(*tensors, **attributes)
        first = tensors[0]
        if name == "concatenate_steps":
            return reference_axes.concatenate_steps(tensors)
        if name in ("merge", "concatenate") and isinstance(first, Sequence):
            return reference_layers.joined(name, tensors, **attributes)
        mask = first.mask if isinstance(first, Sequence) else None
        plain = [t.values if isinstance(t, Sequence) else t for t in tensors]
        if name in ("dropout", "noise"):
            starts = None if mask is None else reference.starts_of(mask, len(mask))
            function = reference.dropout if name == "dropout" else reference_layers.noise
            inner = plain[0].shape
            rows = plain[0].reshape(*inner[: 2 if isinstance(first, Sequence) else 1], -1)
            out, back = function(
                rows, seed=self.seed, step=step, starts=starts, training=training, **attributes
            )
            out = out.reshape(inner)

            def backward(d_out):
                return (back(d_out.reshape(rows.shape))[0].reshape(inner),)

        elif attributes.get("axes"):
            more = {"training": training} if name == "batch_normalization" else {}
            function = getattr(reference_axes, name)
            out, backward = function(plain[0], mask, *arrays, **more, **attributes)
        elif name == "batch_normalization":
            out, backward = reference_layers.batch_normalization(
                plain[0], mask, *arrays, training=training, **attributes
            )
        else:
            module = reference_layers if hasattr(reference_layers, name) else reference
            out, backward = getattr(module, name)(*plain, *arrays, **attributes)
        if not isinstance(first, Sequence):
            return out, backward
        return sequence(out, mask), lambda d_out: backward(sequence(d_out, mask).values)

    def state_mask(self, x, recurrent_kernel, step, recurrent_dropout=0.0, layer=0, **_):
        """Recurrent dropout: one mask a text, keyed apart from the dropout of its tokens."""
        if not recurrent_dropout or step is None:
            return None
        key = reference.random_key(reference.random_key(self.seed, step), layer)
        keys = [reference.random_key(reference.random_key(key, b), 2**64 - 1) for b in range(len(x.values))]
        limit = int(recurrent_dropout * 2**32)
        kept = [[reference.random_u32(one, c) >= limit for c in range(len(recurrent_kernel))] for one in keys]
        return np.array(kept) / (1 - recurrent_dropout)

    def run_loss(self, operation, x, target, sample_weight):
        name, _, results, _, attributes = operation
        attributes = dict(attributes)
        scale = attributes.pop("weight", 1.0)
        mask = x.mask if isinstance(x, Sequence) else None
        values = x.values if isinstance(x, Sequence) else x
        if mask is not None:
            values = np.where(
                reference.beside(mask, values), values, 1
            )  # masked rows weigh nothing; zeros would be no probabilities
        loss, out, d_x = getattr(reference, name)(values, target, **attributes)
        weight = reference.row_weights(loss.shape, mask, sample_weight)
        self.losses.append(scale * (weight * loss).sum())
        self.correct.append(correct_rows(name, attributes, out, target, mask))
        self.tensors[results[0]] = sequence(out, mask) if isinstance(x, Sequence) else out
        self.tape.append((operation, lambda _: (scale * weight[..., None] * d_x,)))

    def run_dense_loss(self, operation, x, arrays, target, sample_weight):
        """dense, then cross_entropy of labels; the output is each row's loss."""
        name, sources, results, parameters, attributes = operation
        attributes = {key: value for key, value in attributes.items() if key != "most_rows"}
        mask = x.mask if isinstance(x, Sequence) else None
        values = x.values if isinstance(x, Sequence) else x
        logits, dense_backward = reference.dense(values, *arrays)
        whole = sequence(logits, mask) if isinstance(x, Sequence) else logits
        inner = ("cross_entropy", sources, results, (), attributes | {"kind": "sparse_categorical"})
        self.run_loss(inner, whole, target, sample_weight)
        _, backward = self.tape.pop()
        self.tape.append((operation, lambda _: dense_backward(backward(None)[0])))
        smoothing = attributes.get("label_smoothing", 0.0)
        loss = reference.cross_entropy(logits, target, "sparse_categorical", True, smoothing)[0]
        if sample_weight is not None:
            loss = loss * np.asarray(sample_weight).reshape((-1,) + (1,) * (loss.ndim - 1))
        self.tensors[results[0]] = (
            sequence(loss[..., None], mask) if isinstance(x, Sequence) else loss[..., None]
        )

    def forward(self, inputs, training=False, step=0):
        return self.run(inputs, training, step)

    def backward(self, d_outputs):
        """Gradients of sum(output * d_output) plus the losses."""
        d = {}
        for number, d_out in zip(self.outputs, d_outputs, strict=True):
            d[number] = d.get(number, 0) + np.asarray(d_out, np.float64)
        self.gradients = {p: np.zeros(shape) for p, shape in enumerate(self.shapes)}
        for (name, sources, results, parameters, _), backward in reversed(self.tape):
            d_results = [d.get(result) for result in results]
            if name == "lookup":
                d_results = [
                    np.zeros(self.output(r).shape) if one is None else one
                    for r, one in zip(results, d_results, strict=True)
                ]
                self.gradients[parameters[0]] += backward(d_results)
                continue
            if name not in LOSSES and all(one is None for one in d_results):
                continue
            found = backward(d_results if name in RECURRENT else d_results[0])
            for source, one in zip(sources, found, strict=False):
                d[source] = d.get(source, 0) + (0 if one is None else one)
            for parameter, one in zip(parameters, found[len(sources) :], strict=True):
                self.gradients[parameter] += one
        self.input_gradients = d

    def gradient(self, number):
        return self.gradients[number]

    def input_gradient(self, number):
        value = self.tensors[number]
        gradient = self.input_gradients.get(number, np.zeros(self.output(number).shape))
        return sequence(gradient, value.mask).values if isinstance(value, Sequence) else gradient

    def train_step(self, inputs, targets, sample_weight, learning_rate, step):
        outputs = self.run(inputs, True, step, targets, sample_weight)
        self.backward([np.zeros(np.shape(out)) for out in outputs])
        self.update(learning_rate)
        return self.losses, self.correct, outputs

    def test_step(self, inputs, targets, sample_weight=None):
        outputs = self.run(inputs, False, 0, targets, sample_weight)
        return self.losses, self.correct, outputs

    def update(self, learning_rate):
        hyper = dict(self.hyper)
        lazy = hyper.pop("embedding_update", "lazy") == "lazy"
        numbers = [p for p in range(len(self.values)) if self.trainable[p]]
        gradients = clipped({p: self.gradients[p] for p in numbers}, hyper)
        for p in numbers:
            rows = self.touched[p] if p in self.tables and lazy else slice(None)
            self.steps[p] += 1
            if self.slots[p] is None:
                self.slots[p] = [np.zeros(self.shapes[p]) for _ in range(reference_optimizers.MOST_SLOTS)]
            part = [slot[rows] for slot in self.slots[p]]
            value = reference_optimizers.UPDATES[self.optimizer](
                self.values[p][rows], part, gradients[p][rows], learning_rate, self.steps[p], **hyper
            )
            self.values[p][rows] = value
            for slot, new in zip(self.slots[p], part, strict=True):
                slot[rows] = new


def repeating(operations, sources):
    """Whether masked steps of the first of these tensors repeat the step before them: a recurrent layer's."""
    makers = {result: op for op in operations for result in op[2][:1]}
    name, *_, settings = makers.get(sources[0], (None, {})) if sources else (None, {})
    turned = settings.get("reverse") and settings.get("keep_order")
    return name in RECURRENT and not settings.get("zero_output_for_mask") and not turned


def conv_pool(x, kernel, bias=None, activation="linear", **attributes):
    """global_max_pool(activation(conv1d(x))); no window: zeros."""
    convolved, conv_backward = reference.conv1d(x, kernel, bias, **attributes)
    activated, act_backward = reference.activation(convolved.values, activation)
    out, pool_backward = reference.global_max_pool(Sequence(activated, convolved.mask))
    return out, lambda d_out: conv_backward(act_backward(pool_backward(d_out)[0])[0])


def token_conv_pool(tokens, arrays, use_bias=True, padding="valid", activation="linear"):
    """concatenate(global_max_pool(activation(conv1d(tokens)))) over the kernels; no window: zeros."""
    kernels, biases = (arrays[0::2], arrays[1::2]) if use_bias else (arrays, [None] * len(arrays))
    outs, backwards = [], []
    for kernel, bias in zip(kernels, biases, strict=True):
        convolved, conv_backward = reference.conv1d(tokens, kernel, bias, padding=padding)
        activated, act_backward = reference.activation(convolved.values, activation)
        out, pool_backward = reference.global_max_pool(Sequence(activated, convolved.mask))
        outs.append(out)
        backwards.append((conv_backward, act_backward, pool_backward))

    def backward(d_out):
        d_tokens, d_parameters, column = 0, [], 0
        for out, (conv_backward, act_backward, pool_backward) in zip(outs, backwards, strict=True):
            d_part = d_out[:, column : column + out.shape[1]]
            column += out.shape[1]
            d_x, *d_rest = conv_backward(act_backward(pool_backward(d_part)[0])[0])
            d_tokens = d_tokens + d_x
            d_parameters += d_rest
        return (d_tokens, *d_parameters)

    return np.concatenate(outs, -1), backward


def correct_rows(name, attributes, out, target, mask):
    """How many rows (for binary: values) are predicted right, by argmax, or by the side of 0.5."""
    if name == "squared_error":
        return 0
    if attributes["kind"] == "binary":
        right = ((out > 0.5) == np.asarray(target).reshape(out.shape)).sum(-1)
    elif attributes["kind"] == "categorical":
        right = out.argmax(-1) == np.asarray(target).argmax(-1)
    else:
        right = out.argmax(-1) == np.asarray(target).reshape(out.shape[:-1])
    return float((right if mask is None else right[mask]).sum())


def clipped(gradients, hyper):
    """Takes the clip settings out of `hyper` and applies them: norms over the whole (coalesced) variable."""
    clipnorm, clipvalue = hyper.pop("clipnorm", 0), hyper.pop("clipvalue", 0)
    global_clipnorm = hyper.pop("global_clipnorm", 0)
    norms = {p: np.sqrt((g**2).sum()) for p, g in gradients.items()}
    everything = np.sqrt(sum(norm**2 for norm in norms.values()))
    out = {}
    for p, g in gradients.items():
        if clipnorm:
            g = g * min(1, clipnorm / max(norms[p], 1e-300))
        if global_clipnorm:
            g = g * min(1, global_clipnorm / max(everything, 1e-300))
        out[p] = np.clip(g, -clipvalue, clipvalue) if clipvalue else g
    return out
