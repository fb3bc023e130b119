import numpy as np
import pytest
from keras_values import VALUES

from embedcnn import initializers, utils


@pytest.mark.parametrize("name", VALUES["initializers"])
def test_statistics_as_keras(name):
    values = initializers.get(name)((50, 40, 30))
    expected = VALUES["initializers"][name]
    assert values.dtype == np.float32
    assert abs(values.mean()) < 4 * expected["std"] / np.sqrt(values.size)
    assert values.std() == pytest.approx(expected["std"], rel=0.02)
    assert np.abs(values).max() == pytest.approx(expected["largest"], rel=0.25 if name == "normal" else 0.01)


def test_constants():
    assert (initializers.get("zeros")((2, 3)) == 0).all()
    assert (initializers.get("ones")((2, 3)) == 1).all()
    assert (initializers.Constant(0.5)((2, 3)) == 0.5).all()
    table = np.arange(6.0).reshape(2, 3)
    assert (initializers.get(table)((2, 3)) == table).all()


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 3, 4)])
def test_orthogonal(shape):
    matrix = initializers.Orthogonal(gain=2.0)(shape).reshape(-1, shape[-1]) / 2
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5)


def test_seeds():
    same = [initializers.GlorotUniform(seed=7)((5, 5)) for _ in range(2)]
    assert (same[0] == same[1]).all()
    assert (initializers.GlorotUniform(seed=8)((5, 5)) != same[0]).any()
    assert (initializers.GlorotUniform()((5, 5)) != initializers.GlorotUniform()((5, 5))).any()
    one = initializers.GlorotUniform()
    assert (one((5, 5)) == one((5, 5))).all()
    utils.set_random_seed(3)
    first = initializers.RandomNormal()((4,))
    utils.set_random_seed(3)
    assert (initializers.RandomNormal()((4,)) == first).all()


def test_configurations():
    for name in initializers.NAMES:
        made = initializers.get(name)
        again = initializers.get(initializers.serialize(made))
        assert repr(again) == repr(made)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: initializers.get("glorot"),
            ValueError,
            "initializer='glorot' is unknown; did you mean 'glorot_",
        ),
        (lambda: initializers.RandomUniform(seed=-1), ValueError, "seed=-1"),
        (lambda: initializers.Orthogonal()((3,)), ValueError, "at least two axes"),
        (lambda: initializers.Constant(np.ones(3))((4,)), ValueError, r"`value` has shape \(3,\)"),
        (lambda: initializers.Constant("one"), TypeError, "value='one'"),
        (lambda: initializers.Constant(["a"]), TypeError, "numbers were expected"),
    ],
)
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()
