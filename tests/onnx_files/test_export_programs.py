"""Programs of the core as ONNX: those of tests/program, programs drawn at random, and a form or a refusal by
name for
each operation.
"""

import ast

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from comparison import Pair, core_inputs, masks, ragged  # noqa: E402
from onnx_sessions import close, program_runtime  # noqa: E402
from program import models  # noqa: E402
from program.random_programs import Builder  # noqa: E402

from embedcnn import _core  # noqa: E402
from embedcnn.onnx import export_pointwise as pointwise  # noqa: E402
from embedcnn.onnx.export_elementwise import KINDS  # noqa: E402
from embedcnn.onnx.export_refusals import REFUSED  # noqa: E402
from embedcnn.onnx.export_registry import OPERATIONS  # noqa: E402

MASKS = ("none", "behind", "before", "around", "inside", "empty", "some empty")


LIMITS_OF_IMPORT = (
    "of an axis of 1 is empty",  # n-grams of texts of one step: load_onnx has no tensors of no steps
    "take: indices along axis 2 for 0 steps",  # pooling along an axis that was not steps before
)


def check(pair, arrays, targets=None, **settings):
    expected, got = program_runtime(pair, core_inputs(arrays), targets, **settings)
    for number, (one, other) in enumerate(zip(got, expected, strict=True)):
        close(one, other, f"output {number}")


def masked_ids(ids, name, rng):
    mask = masks(*ids.shape, rng)[name]
    return ids if mask is None else np.where(mask, ids, 0)


# -- the table of operations ---------------------------------------------------------------------------------
def test_each_operation_has_a_form_or_a_refusal():
    assert set(OPERATIONS) | set(REFUSED) == set(_core.operations())
    assert not set(OPERATIONS) & set(REFUSED)


@pytest.mark.parametrize(
    ("operation", "attribute", "known"),
    [("activation", "activation", pointwise.ACTIVATIONS), ("elementwise", "kind", KINDS)],
)
def test_all_activations_and_formulas_are_known(operation, attribute, known):
    """Whatever the core takes by name; it says so where one is wrong."""
    operations = [(operation, (0,), (1,), (), {attribute: "none"})]
    with pytest.raises(ValueError, match="allowed are") as caught:
        _core.Program([("x", "float32", None, (2,))], [], operations, (1,))
    assert set(ast.literal_eval(str(caught.value).partition("allowed are ")[2])) == set(known)


# -- tests/program/models.py ---------------------------------------------------------------------------------
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("batch", [1, 7])
def test_text_cnn(mask, batch):
    rng = np.random.default_rng(0)
    ids, labels = models.text_batch(rng, batch)
    for fused in (True, False):
        pair = models.text_cnn(fused=fused, mask_zero=mask != "none")
        check(pair, [masked_ids(ids, mask, rng)], [labels])


def test_text_cnn_of_ragged_texts():
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 60, length) for length in (9, 1, 0, 4)]
    for mask_zero in (False, True):
        check(models.text_cnn(mask_zero=mask_zero), [ragged(texts)], [np.zeros(4, np.int64)])


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("batch", [1, 5])
def test_every_operation(mask, batch):
    rng = np.random.default_rng(1)
    inputs, targets = models.every_input(rng, batch)
    inputs[:2] = [masked_ids(ids, mask, rng) for ids in inputs[:2]]
    check(models.every_operation(), inputs, targets)


@pytest.mark.parametrize("batch", [1, 5])
def test_every_layer(batch):
    """But its loss in tiles, whose output needs labels: refused by name."""
    pair = models.every_layer()
    inputs, targets = models.every_layer_input(np.random.default_rng(2), batch)
    with pytest.raises(ValueError, match="'dense_cross_entropy' is a loss that gives each row's own"):
        check(pair, inputs, targets)
    parts = pair.reference
    kept = [operation for operation in parts.operations if operation[0] != "dense_cross_entropy"]
    parameters = [(f"p{number}", value.shape) for number, value in enumerate(pair.values)]
    moving = [number for number, moves in enumerate(pair.tracked) if moves]
    without = Pair(pair.inputs, parameters, kept, parts.outputs[:2], pair.values, tracked=moving)
    check(without, inputs, targets[:2])


@pytest.mark.parametrize("batch", [1, 5])
def test_documents(batch):
    inputs, targets = models.documents_input(np.random.default_rng(3), batch)
    check(models.documents(), inputs, targets)


# -- programs drawn at random --------------------------------------------------------------------------------
def run_one(seed):
    builder = Builder(seed)
    pair = builder.pair()
    arrays = core_inputs(builder.arrays)
    try:
        pair.core.forward(arrays, training=False, step=0)
    except ValueError:  # texts without a mask that are too short for a kernel
        return
    try:
        check(pair, builder.arrays)
    except ValueError as error:
        if not any(limit in str(error) for limit in LIMITS_OF_IMPORT):
            raise
        check(pair, builder.arrays, returns=False)


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_programs(first):
    for seed in range(first, first + 10):
        run_one(seed)


@pytest.mark.parametrize("seed", [3173, 4187, 4846])
def test_kernels_that_operations_of_two_kinds_share(seed):
    run_one(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(100, 700, 50))
def test_more_random_programs(first):
    for seed in range(first, first + 50):
        run_one(seed)


@pytest.mark.parametrize("opset", [19, 21, 23])
def test_later_opsets(opset):
    rng = np.random.default_rng(4)
    inputs, targets = models.every_input(rng)
    check(models.every_operation(), inputs, targets, opset=opset)
    inputs, targets = models.documents_input(rng)
    check(models.documents(), inputs, targets, opset=opset)
