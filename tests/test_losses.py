import numpy as np
import pytest
from keras_values import VALUES

import embedcnn
from embedcnn import layers, losses


def case_name(case):
    return f"{case['name']} {case['arguments']}"


@pytest.mark.parametrize("case", VALUES["losses"], ids=case_name)
def test_numpy_form_as_keras(case):
    loss = getattr(losses, case["name"])(**case["arguments"])
    assert loss(case["y"], case["x"]) == pytest.approx(case["plain"], rel=1e-5)
    assert loss(case["y"], case["x"], case["w"]) == pytest.approx(case["weighted"], rel=1e-5)


@pytest.mark.parametrize("case", VALUES["losses"], ids=case_name)
def test_in_a_model_as_keras(case):
    """The numbers go through a Dense layer that is the identity, so that the core sees what Keras saw."""
    x = np.array(case["x"], np.float32)
    units = x.shape[1]
    numbers = embedcnn.Input((units,))
    model = embedcnn.Model(numbers, layers.Dense(units, use_bias=False)(numbers))
    model.set_weights([np.eye(units)])
    model.compile("sgd", getattr(losses, case["name"])(**case["arguments"]))
    y = np.array(case["y"], np.int64 if case["name"].startswith("Sparse") else np.float32)
    assert model.test_on_batch(x, y) == pytest.approx(case["plain"], rel=1e-5)
    assert model.test_on_batch(x, y, case["w"]) == pytest.approx(case["weighted"], rel=1e-5)
    assert model.evaluate(x, y, batch_size=2, verbose=0) == pytest.approx(case["plain"], rel=1e-5)


def test_names_classes_and_configurations():
    for name, cls in losses.NAMES.items():
        assert type(losses.get(name)) is cls is type(losses.get(cls.__name__)) is type(losses.get(cls))
        assert losses.get(losses.serialize(losses.get(name))).get_config() == losses.get(name).get_config()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.get("binary_crossentropi"), ValueError, "did you mean 'binary_crossentropy'"),
        (lambda: losses.get(lambda y, p: 0), TypeError, "the core has no gradient of a Python function"),
        (
            lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
            ValueError,
            r"`label_smoothing` must be in \[0, 1\]",
        ),
        (
            lambda: losses.BinaryCrossentropy(from_logits="yes"),
            TypeError,
            "`from_logits` must be True or False",
        ),
        (lambda: losses.MeanSquaredError(reduction="sum"), ValueError, "reduction='sum' is unknown"),
        (lambda: losses.CategoricalCrossentropy(axis=0), ValueError, "`axis` must be -1"),
    ],
)
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()
