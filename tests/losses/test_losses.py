import json
from pathlib import Path

import numpy as np
import pytest
from golden.make_keras_losses import CASES, REDUCTIONS, arrays
from keras_values import VALUES

import embedcnn
from embedcnn import _core, layers, losses

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("golden", "keras_losses.json").read_text())
DATA = arrays()


def core_step(loss, y, x, weights=None):
    """(loss, gradient of x, predictions) of one step of the core."""
    program = _core.Program(
        [("x", "float32", None, (x.shape[1],))],
        [],
        [(loss.operation, (0,), (1,), (), loss.attributes())],
        (1,),
        0,
        True,
    )
    program.set_optimizer("sgd")
    values, _, _, outputs = program.train_step([x], [y], weights, 0.0, 0, True)
    return values[0], program.input_gradient(0), outputs[0]


@pytest.mark.parametrize("name", CASES)
def test_numpy_values_as_keras(name):
    target, predicted, arguments = CASES[name]
    cls, y, x = getattr(losses, name.split()[0]), DATA[target], DATA[predicted]
    np.testing.assert_allclose(
        cls(reduction=None, **arguments)(y, x), GOLDEN[name]["each"], rtol=2e-5, atol=2e-6
    )
    for reduction in REDUCTIONS:
        loss = cls(reduction=reduction, **arguments)
        assert loss(y, x) == pytest.approx(GOLDEN[name][reduction], rel=2e-5)
        assert loss(y, x, DATA["weight"]) == pytest.approx(GOLDEN[name][reduction + " weighted"], rel=2e-5)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", CASES)
def test_core_values_and_gradients_as_keras(name, reduction):
    target, predicted, arguments = CASES[name]
    loss = getattr(losses, name.split()[0])(reduction=reduction, **arguments)
    y, x = DATA[target], DATA[predicted]
    for weights, end in ((None, ""), (DATA["weight"], " weighted")):
        value, gradient, _ = core_step(loss, y, x, weights)
        assert value == pytest.approx(GOLDEN[name][reduction + end], rel=2e-5)
        if reduction == "sum":  # Keras's gradients of the mean, times the number of examples that count
            counted = loss.counted(y, x)
            expected = np.array(GOLDEN[name]["sum_over_batch_size" + end + " gradient"])
            expected *= len(x) if counted is None else counted.sum()
        else:
            expected = GOLDEN[name][reduction + end + " gradient"]
        np.testing.assert_allclose(gradient.ravel(), expected, rtol=2e-4, atol=2e-6)


def test_sparse_label_smoothing_is_the_categorical_one():
    y, x = DATA["classes"], DATA["z"]
    for logits in (True, False):
        x = DATA["z" if logits else "q"]
        sparse = losses.SparseCategoricalCrossentropy(logits, label_smoothing=0.2)
        dense = losses.CategoricalCrossentropy(logits, label_smoothing=0.2)
        assert sparse(y, x) == pytest.approx(dense(DATA["hot"], x))
        for one, other in zip(core_step(sparse, y, x), core_step(dense, DATA["hot"], x), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


def test_ignored_examples_still_get_predictions():
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    value, gradient, predictions = core_step(loss, np.array([-1, 1]), np.zeros((2, 4), np.float32))
    assert value == pytest.approx(np.log(4))
    np.testing.assert_allclose(predictions, 0.25)
    assert not gradient[0].any() and gradient[1].any()
    nothing = core_step(loss, np.array([-1, -1]), np.zeros((2, 4), np.float32))
    assert nothing[0] == 0 and not nothing[1].any()


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
        (
            lambda: losses.BinaryCrossentropy(label_smoothing=1.5),
            ValueError,
            r"`label_smoothing` must be a number in \[0, 1\]",
        ),
        (
            lambda: losses.BinaryCrossentropy(from_logits="yes"),
            TypeError,
            "`from_logits` must be True or False",
        ),
        (lambda: losses.MeanSquaredError(reduction="total"), ValueError, "reduction='total' is unknown"),
        (lambda: losses.Huber(delta=0), ValueError, "`delta` must be a finite number > 0. Received: delta=0"),
        (lambda: losses.Huber(delta="1"), ValueError, "delta='1'"),
        (
            lambda: losses.BinaryFocalCrossentropy(gamma=-1),
            ValueError,
            "`gamma` must be a finite number >= 0",
        ),
        (lambda: losses.CategoricalFocalCrossentropy(alpha=None), ValueError, "`alpha` must be a finite"),
        (lambda: losses.CosineSimilarity(axis=0), ValueError, "`axis` must be -1"),
        (
            lambda: losses.SparseCategoricalCrossentropy(ignore_class=1.5),
            ValueError,
            "`ignore_class` must be an integer in .* or None",
        ),
        (
            lambda: losses.SparseCategoricalCrossentropy(ignore_class=2**30),
            ValueError,
            "ignore_class=1073741824",
        ),
        (lambda: losses.serialize(losses.get(lambda y, p: 0)), ValueError, "cannot be stored in a file"),
        (
            lambda: losses.MeanSquaredError()([[1.0, 2.0]], [[1.0]]),
            ValueError,
            r"expected \(1, 1\), as y_pred",
        ),
        (lambda: losses.CategoricalCrossentropy(axis=0), ValueError, "`axis` must be -1"),
    ],
)
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()


# -- Python functions ----------------------------------------------------------------------------------------
def dense_model(loss, units=3, **options):
    numbers = embedcnn.Input((4,))
    layer = layers.Dense(units, kernel_initializer=embedcnn.initializers.GlorotUniform(seed=1))
    model = embedcnn.Model(numbers, layer(numbers), seed=0)
    model.compile(embedcnn.optimizers.SGD(0.1), loss, **options)
    return model


def rows(y_true, y_pred):
    error = y_pred - y_true
    return (error**2).mean(axis=-1), 2 * error / error.shape[-1]


def mean(y_true, y_pred):
    error = y_pred - y_true
    return (error**2).mean(), 2 * error / error.size


@pytest.mark.parametrize("function", [rows, mean])
def test_a_function_trains_as_its_twin(function):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 3))
    weight = rng.uniform(0.5, 2, 40) if function is rows else None
    models = [dense_model("mse"), dense_model(function)]
    histories = [
        model.fit(x, y, batch_size=16, epochs=3, verbose=0, sample_weight=weight).history["loss"]
        for model in models
    ]
    np.testing.assert_allclose(*histories, rtol=1e-5)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)
    results = [model.evaluate(x, y, verbose=0) for model in models]
    assert results[0] == pytest.approx(results[1])


def test_a_function_beside_a_loss_of_the_core():
    """Two outputs, one of them with a Python loss; sequences reach the function in padded form."""
    rng = np.random.default_rng(1)
    ids = rng.integers(1, 9, (6, 5))
    ids[2, 3:] = 0

    def model_of(second):
        tokens = embedcnn.Input((5,), dtype="int32")
        x = layers.Embedding(9, 3, embeddings_initializer="ones", mask_zero=True)(tokens)
        steps = layers.Dense(2, kernel_initializer="ones")(x)
        pooled = layers.Dense(2, kernel_initializer="ones", activation="softmax")(
            layers.GlobalMaxPooling1D()(x)
        )
        model = embedcnn.Model(tokens, [pooled, steps])
        model.compile("sgd", ["sparse_categorical_crossentropy", second], loss_weights=[1.0, 0.5])
        return model

    y = [rng.integers(0, 2, 6), rng.normal(size=(6, 5, 2)).astype(np.float32)]
    models = [model_of("mse"), model_of(rows)]
    for _ in range(3):
        results = [model.train_on_batch(ids, y) for model in models]
        np.testing.assert_allclose(*results, rtol=1e-5)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda y, p: 0.0, TypeError, r"gives no gradients.*return \(losses, gradients\)"),
        (lambda y, p: (0.0, p[:1]), ValueError, r"the shape of y_pred, \(2, 3\). Received: \(1, 3\)"),
        (lambda y, p: (np.zeros(5), p), ValueError, r"the losses must have the shape \(2,\)"),
        (lambda y, p: 1 / 0, ZeroDivisionError, "division by zero"),
    ],
)
def test_what_a_function_may_return(function, error, message):
    model = dense_model(function)
    with pytest.raises(error, match=message):
        model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 3)))
    model.compile("sgd", rows)  # the model serves on
    assert model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 3))) == 0


def test_a_file_keeps_the_name_of_a_function(tmp_path):
    dense_model(rows).save(tmp_path / "named")
    again = embedcnn.models.load_model(tmp_path / "named", custom_objects={"rows": rows})
    again.fit(np.zeros((2, 4)), np.zeros((2, 3)), verbose=0)
    model = dense_model(lambda y, p: rows(y, p))
    with pytest.warns(UserWarning, match="compile again after loading"):
        model.save(tmp_path / "m")
    again = embedcnn.models.load_model(tmp_path / "m")
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    with pytest.raises(ValueError, match="You must call compile"):
        again.fit(np.zeros((2, 4)), np.zeros((2, 3)))


# -- weights of outputs and steps ----------------------------------------------------------------------------
def two_outputs(**options):
    numbers = embedcnn.Input((4,))
    model = embedcnn.Model(
        numbers,
        [layers.Dense(3, name="a")(numbers), layers.Dense(1, activation="sigmoid", name="b")(numbers)],
    )
    model.set_weights([np.ones(w.shape) * 0.1 for w in model.weights])
    sparse = losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("sgd", {"a": sparse, "b": "binary_crossentropy"}, **options)
    return model


def test_weights_of_each_output():
    rng = np.random.default_rng(2)
    x, a, b = rng.normal(size=(8, 4)), rng.integers(0, 3, 8), rng.integers(0, 2, 8)
    wa, wb = rng.uniform(0.5, 2, (2, 8))
    model = two_outputs(weighted_metrics={"b": "binary_accuracy"})
    pa, pb = model.predict(x, verbose=0)
    one = losses.SparseCategoricalCrossentropy(from_logits=True)(a, pa, wa)
    other = losses.BinaryCrossentropy()(b, pb, wb)
    for weight in ([wa, wb], {"a": wa, "b": wb}):
        logs = model.evaluate(x, [a, b], sample_weight=weight, batch_size=8, return_dict=True, verbose=0)
        assert logs["a_loss"] == pytest.approx(one, rel=1e-5)
        assert logs["b_loss"] == pytest.approx(other, rel=1e-5)
        right = (pb[:, 0] > 0.5) == b
        assert logs["b_binary_accuracy"] == pytest.approx((right * wb).sum() / wb.sum(), rel=1e-5)
    only = model.evaluate(x, [a, b], sample_weight={"b": wb}, return_dict=True, verbose=0)
    assert only["a_loss"] == pytest.approx(
        losses.SparseCategoricalCrossentropy(from_logits=True)(a, pa), rel=1e-5
    )
    split = model.fit(
        x, [a, b], sample_weight=[wa, wb], validation_split=0.25, batch_size=3, verbose=0, shuffle=False
    )
    assert np.isfinite(split.history["val_loss"]).all()


def test_class_weight_of_each_output_is_a_sample_weight():
    rng = np.random.default_rng(3)
    x, a, b = rng.normal(size=(8, 4)), rng.integers(0, 3, 8), rng.integers(0, 2, 8)
    models = [two_outputs(), two_outputs()]
    settings = {"batch_size": 4, "verbose": 0, "shuffle": False}
    models[0].fit(x, [a, b], class_weight={"a": {0: 2.0, 2: 0.5}, "b": {1: 3.0}}, **settings)
    wa, wb = np.array([2.0, 1.0, 0.5])[a], np.array([1.0, 3.0])[b]
    models[1].fit(x, [a, b], sample_weight=[wa, wb], **settings)
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_steps():
    rng = np.random.default_rng(4)
    x, y, w = rng.normal(size=(5, 6, 4)), rng.normal(size=(5, 6, 2)), rng.uniform(0, 2, (5, 6))
    steps = embedcnn.Input((6, 4))
    model = embedcnn.Model(steps, layers.Dense(2)(steps))
    model.compile("sgd", losses.MeanSquaredError(reduction="mean_with_sample_weight"))
    p = model.predict(x, verbose=0)
    expected = (((p - y) ** 2).mean(-1) * w).sum() / w.sum()
    assert model.evaluate(x, y, sample_weight=w, verbose=0) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("fit", "message"),
    [
        ({"sample_weight": {"c": np.ones(8)}}, "sample_weight: no output is called 'c'"),
        ({"sample_weight": [np.ones(7), None]}, r"sample_weight: expected shape \(8,\)"),
        ({"sample_weight": [np.full(8, -1.0), None]}, r"sample_weight\[0\] = -1.0: finite numbers >= 0"),
        ({"class_weight": {0: 1.0}}, "must be a dict of output name to a dict"),
        ({"class_weight": {"c": {0: 1.0}}}, "no output with a loss is called 'c'"),
        ({"class_weight": {"a": {5: 1.0}}}, r"class 5 is outside \[0, 3\)"),
        (
            {"class_weight": {"a": {0: -1.0}}},
            r"class_weight\[0\] must be a finite number >= 0. Received: -1.0",
        ),
    ],
)
def test_refused_weights(fit, message):
    with pytest.raises(ValueError, match=message):
        two_outputs().fit(np.zeros((8, 4)), [np.zeros(8, int), np.zeros(8)], verbose=0, **fit)


def test_reduction_none_cannot_train():
    with pytest.raises(ValueError, match="reduction='none': a model needs one number"):
        dense_model(losses.MeanSquaredError(reduction=None))
