"""Runs a program of the core beside its float64 reference and compares every number."""

from __future__ import annotations

import numpy as np
import reference
import reference_program

from embedcnn import _core

SLOTS = {"sgd": 0, "adam": 2, "rmsprop": 1, "adagrad": 1, "adadelta": 2, "adamax": 2, "nadam": 2}


class Pair:
    """One program twice: `core` in C and `reference` in float64, over the same parameter values."""

    def __init__(
        self,
        inputs,
        parameters,
        operations,
        outputs,
        values,
        trainable=True,
        seed=0,
        input_gradients=True,
        tracked=(),
    ):
        self.inputs = inputs
        arguments = (inputs, parameters, operations, outputs)
        self.core = _core.Program(*arguments, seed=seed, input_gradients=input_gradients)
        self.reference = reference_program.Program(*arguments, seed=seed)
        self.trainable = [trainable] * len(values) if isinstance(trainable, bool) else list(trainable)
        self.tracked = [number in tracked for number in range(len(values))]
        self.trainable = [one and not moves for one, moves in zip(self.trainable, self.tracked, strict=True)]
        self.values = [np.array(value, np.float32) for value in values]
        self.slots = [[] for _ in values]
        self.steps = [np.zeros(1, np.int64) for _ in values]
        for number, value in enumerate(self.values):
            self.reference.bind(number, value, self.trainable[number], self.tracked[number])
        self.bind(0)

    def bind(self, slot_count):
        for number, value in enumerate(self.values):
            self.slots[number] = [np.zeros_like(value) for _ in range(slot_count)]
            self.core.bind(
                number,
                value,
                self.trainable[number],
                self.slots[number],
                self.steps[number],
                self.tracked[number],
            )

    def set_optimizer(self, name, **hyper):
        self.core.set_optimizer(name, **hyper)
        self.reference.set_optimizer(name, **hyper)
        extra = bool(hyper.get("momentum")) + bool(hyper.get("centered"))
        extra += bool(hyper.get("amsgrad"))
        self.bind(SLOTS[name] + (extra if name in ("sgd", "adam", "rmsprop") else 0))

    def check_forward(self, inputs, training=False, step=0, tolerance=2e-6):
        inputs = core_inputs(inputs)
        got = self.core.forward(inputs, training=training, step=step)
        expected = self.reference.forward(inputs, training, step)
        for one, other in zip(got, expected, strict=True):
            close(one, other, tolerance, "output")
        return got, expected

    def check_gradients(self, inputs, step=0, tolerance=1e-5, seed=0):
        """A training forward and a backward from random output gradients."""
        got, expected = self.check_forward(inputs, training=True, step=step, tolerance=tolerance / 5)
        rng = np.random.default_rng(seed)
        d_outputs = [rng.normal(size=one.shape).astype(np.float32) for one in got]
        self.core.backward(d_outputs)
        self.reference.backward(d_outputs)
        self.compare_gradients(tolerance)
        return got, d_outputs

    def compare_gradients(self, tolerance=1e-5):
        for number in range(len(self.values)):
            if self.trainable[number]:
                close(
                    self.dense_gradient(number),
                    self.reference.gradient(number),
                    tolerance,
                    f"gradient {number}",
                )
        for number, spec in enumerate(self.inputs):
            if spec[1] != "int32":
                got = self.core.input_gradient(number)
                close(got, self.reference.input_gradient(number), tolerance, f"input gradient {spec[0]}")

    def dense_gradient(self, number):
        gradient = self.core.gradient(number)
        if isinstance(gradient, tuple):
            rows, values = gradient
            assert len(np.unique(rows)) == len(rows), "a row twice"
            assert set(rows) <= set(self.reference.touched[number].tolist())
            dense = np.zeros(self.values[number].shape, np.float32)
            dense[rows] = values
            return dense
        return gradient

    def check_train_step(self, inputs, targets, learning_rate, step, sample_weight=None, tolerance=1e-5):
        inputs = core_inputs(inputs)
        losses, _, correct, outputs = self.core.train_step(
            inputs, targets, sample_weight, learning_rate, step, want_outputs=True
        )
        expected = self.reference.train_step(inputs, targets, sample_weight, learning_rate, step)
        close(losses, expected[0], tolerance, "losses")
        np.testing.assert_allclose(correct, expected[1])
        for one, other in zip(outputs, expected[2], strict=True):
            close(one, other, tolerance, "output")
        for number, value in enumerate(self.values):
            close(value, self.reference.values[number], tolerance, f"parameter {number} after step {step}")
            assert self.steps[number][0] == self.reference.steps[number]
        return losses


def ragged(texts):
    """Lists of ids as (ids [n], offsets [B + 1])."""
    offsets = np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64)
    return np.concatenate([np.zeros(0, np.int32), *texts]).astype(np.int32), offsets


def core_inputs(inputs):
    """The same inputs in the dtypes of the core."""
    out = []
    for value in inputs:
        if isinstance(value, tuple):
            first, second = value
            if second.dtype == bool:
                out.append((np.ascontiguousarray(first, np.float32), second))
            else:
                out.append((np.asarray(first, np.int32), np.asarray(second, np.int64)))
        else:
            value = np.asarray(value)
            out.append(np.ascontiguousarray(value, np.float32) if value.dtype.kind == "f" else value)
    return out


def close(got, expected, tolerance, what):
    """Largest difference at most `tolerance` times the largest expected number (at least 1)."""
    got, expected = np.asarray(got), np.asarray(expected)
    assert got.shape == expected.shape, f"{what}: shape {got.shape}, expected {expected.shape}"
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), nan, err_msg=what)
    got, expected = np.where(nan, 0, got), np.where(nan, 0, expected)
    scale = max(np.abs(expected).max(initial=0), 1)
    worst = np.abs(got - expected).max(initial=0)
    assert worst <= tolerance * scale, f"{what}: off by {worst:.3g} where the largest is {scale:.3g}"


def clear_winners(x, kernel, bias=None, gap=1e-4, **attributes) -> bool:
    """Whether no max over time of the convolution is a near tie, and no value lies at a corner of relu."""
    out, _ = reference.conv1d(x, kernel, bias, **attributes)
    best = reference.global_max_pool(out)[0]
    return bool((reference.winner_gap(out) > gap).all() and (np.abs(best) > gap).all())


def masks(batch, width, rng) -> dict[str, np.ndarray | None]:
    """Mask patterns: none, pads behind, before, around, masked tokens inside, and texts without any token."""
    position = np.arange(width)[None, :]
    begin = rng.integers(0, max(width // 2, 1), (batch, 1))
    end = begin + rng.integers(0, width + 1, (batch, 1))
    return {
        "none": None,
        "full": np.ones((batch, width), bool),
        "behind": position < end,
        "before": (position >= begin) & (position >= 0),
        "around": (position >= begin) & (position < end),
        "inside": (rng.random((batch, width)) < 0.6) & (position >= begin),
        "empty": np.zeros((batch, width), bool),
        "some empty": np.repeat((np.arange(batch) % 2 == 0)[:, None], width, 1),
    }
