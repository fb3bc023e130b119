"""Programs drawn at random, their runs against the reference: the shapes nobody thought of.

``EMBEDCNN_RANDOM_PROGRAMS=100000`` runs that many; a failure names its seed: ``run_one(seed)`` repeats it.
"""

import os

import numpy as np
import pytest
import reference
from comparison import Pair, close, core_inputs
from program.random_programs import Builder

from embedcnn import _core

COUNT = int(os.environ.get("EMBEDCNN_RANDOM_PROGRAMS", "400"))


def close_call(values):
    """Whether along the first axis a value lies near the largest without being the same."""
    gap = values.max(0) - values
    return bool(((gap > 1e-12) & (gap < 1e-4)).any())


def close_windows(x, pool_size, strides, padding):
    _, texts = reference.conv1d_windows(x.mask, *x.values.shape[:2], pool_size, strides, 1, padding)
    windows = [(b, [t for t in reads if t >= 0]) for b, text in enumerate(texts) for _, reads in text]
    return any(close_call(x.values[b, steps]) for b, steps in windows if steps)


def close_texts(x):
    """The same for the maximum over whole texts."""
    kept = np.ones(x.values.shape[:2], bool) if x.mask is None else x.mask
    return any(close_call(text[keep]) for text, keep in zip(x.values, kept, strict=True) if keep.any())


def taking_part(tensors, otherwise):
    """The values of tensors that are merged [n, ...], with another number where one takes no part."""
    if not isinstance(tensors[0], reference.Sequence):
        return np.stack(tensors)
    width = max(x.values.shape[1] for x in tensors)
    out = np.full((len(tensors), len(tensors[0].values), width, tensors[0].values.shape[2]), otherwise)
    for one, x in zip(out, tensors, strict=True):
        kept = True if x.mask is None else x.mask[:, :, None]
        one[:, : x.values.shape[1]] = np.where(kept, x.values, otherwise)
    return out


def beyond_float32(pair):
    """Whether a number of the reference's last run is too large for the core, which then has infinities."""
    tensors = pair.reference.tensors.values()
    values = [
        x.values if isinstance(x, reference.Sequence) else x for x in tensors if not isinstance(x, tuple)
    ]
    numbers = [*values, *pair.reference.gradients.values(), *pair.reference.values, pair.reference.losses]
    return any((np.abs(np.asarray(one)) > np.finfo(np.float32).max).any() for one in numbers)


def close_winner(pair, name, sources, parameters, settings):
    found = [pair.reference.tensors[source] for source in sources]
    if name == "global_max_pool" or (name == "token_bag" and settings["mode"] == "max"):
        return close_texts(found[0])
    if name == "max_pool":
        return close_windows(found[0], **settings)
    if name == "merge" and settings["kind"] in ("maximum", "minimum"):
        sign = 1 if settings["kind"] == "maximum" else -1
        return close_call(sign * taking_part(found, -1e30 * sign))
    if name == "conv_pool":
        kernel = pair.reference.values[parameters[0]]
        windows = {key: settings[key] for key in ("strides", "padding")}
        return close_texts(reference.conv1d(found[0], kernel, None, **windows)[0])
    if name == "token_conv_pool":
        kernels = [pair.reference.values[p] for p in parameters if pair.values[p].ndim == 3]
        padding = settings["padding"]
        return any(close_texts(reference.conv1d(found[0], k, None, padding=padding)[0]) for k in kernels)
    return False


def winners_are_clear(pair):
    """Whether rounding cannot decide a maximum, so that gradients may be compared."""
    return not any(
        close_winner(pair, name, sources, parameters, settings)
        for (name, sources, _, parameters, settings), _ in pair.reference.tape
    )


def too_short(run, run_reference):
    """Whether the core refuses a text that is shorter than a kernel; then the reference does, too."""
    try:
        run()
    except ValueError as error:
        assert "at least" in str(error), error
        with pytest.raises(ValueError, match="shorter"):
            run_reference()
        return True
    return False


def gradients(pair):
    """Of all parameters, None where there is none."""
    found = []
    for number, trainable in enumerate(pair.trainable):
        try:
            found.append(pair.core.gradient(number))
        except RuntimeError:
            found.append(None)
        assert trainable or found[-1] is None
    return found


def same_bits(first, second):
    for one, other in zip(first, second, strict=True):
        for a, b in zip(*[x if isinstance(x, tuple) else (x,) for x in (one, other)], strict=True):
            np.testing.assert_array_equal(a, b)


def run_passes(builder, pair, seed):
    """Outputs and gradients, twice."""
    arrays = builder.arrays
    inputs = core_inputs(arrays)
    if too_short(lambda: pair.core.forward(inputs), lambda: pair.reference.forward(inputs)):
        return False
    got, _ = pair.check_forward(arrays, training=True, step=seed, tolerance=3e-5)
    pair.check_forward(arrays, training=False, tolerance=3e-5)
    if not winners_are_clear(pair):
        return False
    pair.check_gradients(arrays, step=seed, tolerance=1e-4)
    first = gradients(pair)
    again, _ = pair.check_gradients(arrays, step=seed, tolerance=1e-4)
    same_bits(got, again)
    same_bits(first, gradients(pair))
    return True


def run_steps(builder, pair):
    """A program with losses: a test step and two training steps."""
    inputs, targets = core_inputs(builder.arrays), builder.targets
    pair.set_optimizer("sgd", **builder.pick([{}, {"clipnorm": 0.5}, {"global_clipnorm": 0.5}]))
    weight = builder.pick([None, builder.rng.random(builder.batch).astype(np.float32)])
    batch = (inputs, targets, weight)
    if too_short(lambda: pair.core.test_step(*batch), lambda: pair.reference.test_step(*batch)):
        return False
    losses, _, _, outputs = pair.core.test_step(*batch, want_outputs=True)
    expected = pair.reference.test_step(*batch)
    close(losses, expected[0], 5e-5, "losses")
    for one, other in zip(outputs, expected[2], strict=True):
        close(one, other, 3e-5, "output")
    for step in range(2):
        losses = pair.core.train_step(*batch, 0.01, step).losses
        expected = pair.reference.train_step(*batch, 0.01, step)
        close(losses, expected[0], 5e-5, "losses")
        if not winners_are_clear(pair):
            return step > 0
        for number, found in enumerate(gradients(pair)):
            if found is not None:
                wanted = pair.reference.gradient(number)
                close(pair.dense_gradient(number), wanted, 1e-4, f"gradient {number}")
            elif pair.trainable[number]:
                assert not pair.reference.gradient(number).any()
            close(pair.values[number], pair.reference.values[number], 1e-5, f"parameter {number}")
    return True


def run_one(seed):
    """True where gradients were compared; False where only outputs were (a maximum too close to call), or
    where numbers are beyond float32.
    """
    builder = Builder(seed)
    steps = seed % 3 == 2
    pair = builder.pair(losses=steps)
    try:
        return run_steps(builder, pair) if steps else run_passes(builder, pair, seed)
    except AssertionError:
        if beyond_float32(pair):
            return False
        raise


@pytest.mark.parametrize(("size", "beyond"), [(1e18, False), (1e20, True)])
def test_beyond_float32(size, beyond):
    """Squares of 1e20: infinite in the core, and left out of comparisons."""
    operations = [("merge", (0, 0), (1,), (), {"kind": "multiply"})]
    pair = Pair([("x", "float32", None, (2,))], [], operations, (1,), [])
    x = np.full((1, 2), size, np.float32)
    pair.reference.forward([x])
    assert beyond_float32(pair) == beyond == bool(np.isinf(pair.core.forward([x])[0]).all())


@pytest.mark.parametrize("part", range(8))
def test_random_programs(part):
    compared = 0
    rungs = _core.kernels()["available"]
    before = _core.kernels()["name"]
    try:
        for seed in range(part, COUNT, 8):
            _core.set_num_threads(1 + seed % 3)
            _core.select_kernels(rungs[seed // 3 % len(rungs)])
            try:
                compared += run_one(seed)
            except Exception as error:
                raise AssertionError(f"run_one({seed}) of test_random_programs.py failed") from error
    finally:
        _core.set_num_threads(0)
        _core.select_kernels(before)
    assert compared > COUNT / 8 / 3
