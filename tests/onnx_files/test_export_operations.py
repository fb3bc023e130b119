"""Every operation of embedcnn.ops that the golden values of Keras have, in a model of its own, as ONNX."""

import numpy as np
import pytest

pytest.importorskip("onnx.helper")
pytest.importorskip("onnxruntime")

from onnx_sessions import check_return, close, session  # noqa: E402
from operation_cases import CASES, arrays_for  # noqa: E402

import embedcnn  # noqa: E402
from embedcnn import ops  # noqa: E402

NOT_READ = ("zeros_like", "ones_like", "full_like", "mean of all", "cond")
"""Graphs that load_onnx refuses: results that depend on no input, or are one for the whole batch."""


def check(name, shapes, path):
    function, _ = CASES[name]
    arrays = arrays_for(name, shapes)
    inputs = [embedcnn.Input(array.shape[1:]) for array in arrays]
    try:
        made = function(ops, *inputs)
        model = embedcnn.Model(inputs, list(made) if isinstance(made, (list, tuple)) else made)
    except (TypeError, ValueError) as error:  # what symbolic tensors refuse is no matter of ONNX
        assert "ONNX" not in str(error)
        return False
    expected = model.predict_on_batch(arrays)
    model.export(path)
    given = {one.name: array for one, array in zip(inputs, arrays, strict=True)}
    got = session(str(path)).run(None, given)
    for one, other in zip(got, expected if isinstance(expected, list) else [expected], strict=True):
        close(one, np.reshape(other, one.shape), name)
    if name not in NOT_READ:
        check_return(path, given, got)
    return True


@pytest.mark.parametrize("name", CASES)
def test_operation(name, tmp_path):
    _, shapes = CASES[name]
    check(name, shapes[0], tmp_path / "m.onnx")


def test_most_operations_are_symbolic(tmp_path):
    """So that the test above tests something."""
    done = [check(name, CASES[name][1][0], tmp_path / "m.onnx") for name in list(CASES)[::10]]
    assert sum(done) > 0.8 * len(done)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_operation_of_other_shapes(name, tmp_path):
    for shapes in CASES[name][1][1:]:
        check(name, shapes, tmp_path / "m.onnx")
