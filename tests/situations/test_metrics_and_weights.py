"""Losses and metrics called on arrays, as users do to check a number: logits of any size, weights of any
shape, NaN. Values without a formula beside them are Keras 3.15's (float32).
"""

import math

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import losses, metrics, ops

L = keras.layers
CLASSES = np.array([2, 0, 0, 0])
HOT = np.eye(3)[CLASSES]
SHARES = np.array(
    [[0.355, 0.558, 0.087], [0.324, 0.547, 0.129], [0.659, 0.044, 0.297], [0.683, 0.054, 0.262]]
)
LOGITS = np.array([[-21.1, -7.82, 9.64], [-4.77, 19.16, -4.0], [0.49, 30.92, 10.9], [-10.1, -3.66, 10.81]])
WEIGHT = np.array([0.5, 0, 2, 1])
EACH = np.arange(12.0).reshape(4, 3) / 4
STEPS = np.array([[0, 1, 0], [2, 1, 0]])
STEP_SHARES = np.array(
    [
        [[0.593, 0.389, 0.018], [0.308, 0.648, 0.044], [0.363, 0.06, 0.577]],
        [[0.485, 0.206, 0.309], [0.314, 0.206, 0.48], [0.057, 0.297, 0.646]],
    ]
)
STEP_WEIGHT = np.array([[1, 0, 2], [0.5, 1, 0]])


# -- logits --------------------------------------------------------------------------------------------------
FROM_LOGITS = [
    ("SparseCategoricalCrossentropy", {}, [1], [[30.0, 0.0, 0.0]], 30.0),
    ("SparseCategoricalCrossentropy", {}, [0], [[1000.0, 0.0]], 0.0),
    ("SparseCategoricalCrossentropy", {}, [1], [[1000.0, 0.0]], 1000.0),
    ("SparseCategoricalCrossentropy", {"label_smoothing": 0.1}, [0], [[100, -100, -100]], 13.3333333),
    ("SparseCategoricalCrossentropy", {}, [0], [[1.0, -np.inf]], 0.0),
    ("BinaryCrossentropy", {}, [[0.0]], [[100.0]], 100.0),
    ("BinaryCrossentropy", {}, [[1.0]], [[-800.0]], 800.0),
    ("BinaryCrossentropy", {}, [[1.0]], [[800.0]], 0.0),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, [[0.0]], [[50.0]], 45.0),
    ("CategoricalCrossentropy", {}, [[0, 1, 0]], [[30.0, 0.0, 0.0]], 30.0),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, [[1, 0, 0]], [[100, -100, -100]], 13.3333333),
    ("CategoricalCrossentropy", {}, [[1, 0]], [[1.0, -np.inf]], 0.0),
]


@pytest.mark.parametrize(("name", "options", "y", "logits", "value"), FROM_LOGITS)
def test_logits_are_not_clipped(name, options, y, logits, value):
    assert getattr(losses, name)(from_logits=True, **options)(y, logits) == pytest.approx(value)
    assert getattr(metrics, name)(from_logits=True, **options)(y, logits) == pytest.approx(value)
    function = losses.FUNCTIONS[getattr(losses, name)().name]
    assert function(y, logits, from_logits=True, **options) == pytest.approx([value])


def test_probabilities_are_clipped_as_in_keras():
    assert losses.SparseCategoricalCrossentropy()([1], [[1.0, 0.0]]) == pytest.approx(-math.log(1e-7))
    assert losses.BinaryCrossentropy()([[1.0]], [[0.0]]) == pytest.approx(-math.log(1e-7))


def test_losses_on_arrays_are_those_of_the_core():
    y, big = CLASSES, (LOGITS * 30).astype(np.float32)
    for kind, target, loss in (
        ("sparse_categorical", y, losses.SparseCategoricalCrossentropy(True)),
        ("categorical", HOT, losses.CategoricalCrossentropy(True)),
        ("binary", HOT, losses.BinaryCrossentropy(True)),
    ):
        core = ops.cross_entropy(target.astype(np.float32 if target.ndim == 2 else np.int32), big, kind=kind)
        assert loss(target, big) == pytest.approx(float(np.mean(core)), rel=1e-6)


@pytest.mark.parametrize("text", ["sequence", "flat"])
def test_a_model_shows_one_number_for_its_loss_and_the_metric_of_it(text):
    shape = (2, 1) if text == "sequence" else (1,)
    model = keras.Sequential(
        [keras.Input(shape), L.Dense(3, kernel_initializer=keras.initializers.Constant([[30, 0, 0]]))]
    )
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    same = [metrics.SparseCategoricalCrossentropy(from_logits=True), metrics.BitsPerCharacter()]
    model.compile("sgd", loss, metrics=same)
    y = np.ones((1, *shape[:-1]), np.int32)
    shown = model.evaluate(np.ones((1, *shape), np.float32), y, verbose=0)
    assert shown == pytest.approx([30.0, 30.0, 30.0 / math.log(2)])


def test_a_class_that_is_none_is_said():
    """A negative class is not the last one."""
    for y in ([-1, 0, 0, 0], [3, 0, 0, 0]):
        with pytest.raises(ValueError, match=rf"class {y[0]} is outside \[0, 3\)"):
            losses.SparseCategoricalCrossentropy()(y, SHARES)
        with pytest.raises(ValueError, match=rf"class {y[0]} is outside \[0, 3\)"):
            metrics.SparseCategoricalCrossentropy()(y, SHARES)


# -- weights of losses ---------------------------------------------------------------------------------------
WEIGHTED_LOSSES = {  # sum_over_batch_size, mean_with_sample_weight
    "CategoricalCrossentropy": (0.6088117361, 0.6957848668),
    "BinaryCrossentropy": (0.3514865637, 0.4016989171),
    "MeanSquaredError": (0.1016983315, 0.1162266657),
    "MeanAbsoluteError": (0.2425000072, 0.2771428525),
    "KLDivergence": (0.6090593338, 0.6960678101),
    "Poisson": (0.4946038723, 0.5652615428),
    "CosineSimilarity": (-0.7040873766, -0.8046712875),
    "CategoricalHinge": (0.6476249695, 0.7401428223),
    "Huber": (0.0508491658, 0.0581133328),
    "LogCosh": (0.0481130369, 0.0549863279),
    "BinaryFocalCrossentropy": (0.1159266531, 0.13248761),
    "CategoricalFocalCrossentropy": (0.072047323, 0.0823398009),
}


@pytest.mark.parametrize("name", WEIGHTED_LOSSES)
def test_weights_in_a_column(name):
    loss, (mean, by_weight) = getattr(losses, name), WEIGHTED_LOSSES[name]
    for weight in (WEIGHT, WEIGHT[:, None], WEIGHT.tolist(), WEIGHT[:, None, None]):
        assert loss()(HOT, SHARES, sample_weight=weight) == pytest.approx(mean, rel=1e-5)
        weighted = loss(reduction="mean_with_sample_weight")
        assert weighted(HOT, SHARES, sample_weight=weight) == pytest.approx(by_weight, rel=1e-5)
        assert loss(reduction="sum")(HOT, SHARES, weight) == pytest.approx(4 * mean, rel=1e-5)
        assert loss(reduction="none")(HOT, SHARES, weight).shape == (4,)
    assert loss()(HOT, SHARES, 2.0) == pytest.approx(2 * loss()(HOT, SHARES))


@pytest.mark.parametrize("name", sorted(losses.CLASSES))
def test_every_loss_takes_every_rank_of_weights(name):
    loss = losses.CLASSES[name]()
    y = CLASSES if loss.target == "classes" else HOT
    each = losses.CLASSES[name](reduction="none")(y, SHARES)
    for weight in (WEIGHT, WEIGHT[:, None]):
        assert loss(y, SHARES, weight) == pytest.approx((each * WEIGHT).mean())
    steps = np.broadcast_to(y, (2, *y.shape)), np.broadcast_to(SHARES, (2, 4, 3))
    for weight in (np.array([1.0, 3.0]), np.array([[1.0], [3.0]]), np.array([[[1.0]], [[3.0]]])):
        assert loss(*steps, weight) == pytest.approx(2 * each.mean())
    by_step = np.stack([WEIGHT, 2 * WEIGHT])
    for weight in (by_step, by_step[..., None]):
        assert loss(*steps, weight) == pytest.approx(1.5 * (each * WEIGHT).mean())
    for wrong in (WEIGHT[:3], WEIGHT[:1], np.ones((2, 4)), np.ones((4, 3, 2))):
        with pytest.raises(ValueError, match="sample_weight has the shape"):
            loss(y, SHARES, wrong)


def test_the_instances_of_losses():
    assert (
        losses.MeanSquaredError()([[1, 2], [3, 4]], np.zeros((2, 2)), sample_weight=[[1.0], [2.0]]) == 13.75
    )
    sparse = losses.SparseCategoricalCrossentropy(True)
    for y in (CLASSES, CLASSES[:, None]):
        assert sparse(y, LOGITS, WEIGHT[:, None]) == pytest.approx(20.442501, rel=1e-6)
    for weight in (STEP_WEIGHT, STEP_WEIGHT[..., None]):
        assert losses.SparseCategoricalCrossentropy()(STEPS, STEP_SHARES, weight) == pytest.approx(0.7860586)
        ignoring = losses.SparseCategoricalCrossentropy(ignore_class=1)
        assert ignoring(STEPS, STEP_SHARES, weight) == pytest.approx(0.78411818)


def test_weights_of_single_numbers():
    """One axis: each number is an example; full weights: each prediction has its own."""
    assert losses.MeanAbsoluteError()([2, 4, 6, 8], [1, 3, 2, 3], [0, 1, 0, 1]) == pytest.approx(6 / 4)
    assert losses.MeanSquaredError(reduction="sum")([[1.0], [2.0]], [0.0, 0.0]) == 5.0
    assert losses.MeanSquaredError()(HOT, SHARES, EACH) == pytest.approx(((HOT - SHARES) ** 2 * EACH).mean())
    with pytest.raises(ValueError, match="sample_weight has the shape"):
        losses.CategoricalCrossentropy()(HOT, SHARES, EACH)


@pytest.mark.parametrize("steps", [False, True])
def test_fit_takes_weights_in_a_column(steps):
    def trained(weight):
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((None, 3) if steps else (3,)), L.Dense(1)])
        model.compile("sgd", "mse", weighted_metrics=["mae"])
        x = SHARES[None].repeat(2, 0) if steps else SHARES
        y = x.sum(-1, keepdims=True)
        history = model.fit(x, y, sample_weight=weight, epochs=2, verbose=0, shuffle=False).history
        return history, model.evaluate(x, y, sample_weight=weight, verbose=0), model.get_weights()

    plain = np.stack([WEIGHT, WEIGHT + 1]) if steps else WEIGHT
    (one, shown, weights), (other, same, others) = trained(plain), trained(plain[..., None])
    assert one == other and shown == same
    assert all(np.array_equal(a, b) for a, b in zip(weights, others, strict=True))


# -- weights of metrics --------------------------------------------------------------------------------------
NUMBER, COLUMN, EVERY = "a number", "(N,) and (N, 1)", "(N, C)"
WEIGHTED_METRICS = [
    ("CategoricalCrossentropy", {}, {COLUMN: 0.6957848668, NUMBER: 1.091537714}),
    ("BinaryAccuracy", {}, {COLUMN: 0.9047619, EVERY: 0.84848493, NUMBER: 0.66666669}),
    ("CategoricalAccuracy", {}, {COLUMN: 0.85714286, NUMBER: 0.5}),
    ("TopKCategoricalAccuracy", {"k": 2}, {COLUMN: 0.85714286, NUMBER: 0.75}),
    ("MeanSquaredError", {}, {COLUMN: 0.1162266657, EVERY: 0.34234100580**2, NUMBER: 0.2018549144}),
    ("RootMeanSquaredError", {}, {COLUMN: 0.3409203291, EVERY: 0.3423410058, NUMBER: 0.449282676}),
    ("CosineSimilarity", {}, {COLUMN: 0.8046712875, NUMBER: 0.6177524328}),
    ("KLDivergence", {}, {COLUMN: 0.6960678101, NUMBER: 1.0917848349}),
    ("Poisson", {}, {COLUMN: 0.5652615428, NUMBER: 0.6971791387}),
    ("Hinge", {}, {COLUMN: 0.9438095689, NUMBER: 1.0410833359}),
    ("Precision", {}, {COLUMN: 0.85714286, EVERY: 0.75, NUMBER: 0.5}),
    ("Precision", {"top_k": 1}, {COLUMN: 0.85714286, EVERY: 0.75, NUMBER: 0.5}),
    ("Recall", {}, {COLUMN: 0.85714286, EVERY: 0.75, NUMBER: 0.5}),
    ("TruePositives", {}, {COLUMN: 3.0, EVERY: 3.75, NUMBER: 4.0}),
    ("FalseNegatives", {}, {COLUMN: 0.5, EVERY: 1.25, NUMBER: 4.0}),
    ("AUC", {}, {COLUMN: 0.9183673263, EVERY: 0.9206521511, NUMBER: 0.71875}),
    ("AUC", {"curve": "PR"}, {COLUMN: 0.9211511016, EVERY: 0.9046341181, NUMBER: 0.7052179575}),
    ("F1Score", {}, {COLUMN: [1.0, 0.0, 0.0]}),
    ("FBetaScore", {"average": "weighted"}, {COLUMN: 0.8571429253}),
]


@pytest.mark.parametrize(("name", "options", "expected"), WEIGHTED_METRICS)
def test_weights_of_metrics(name, options, expected):
    given = {NUMBER: [2.0, np.full(4, 2.0)], COLUMN: [WEIGHT, WEIGHT[:, None]], EVERY: [EACH]}
    for kind, value in expected.items():
        for weight in given[kind]:
            shown = getattr(metrics, name)(**options)(HOT, SHARES, sample_weight=weight)
            assert shown == pytest.approx(value, rel=1e-5, abs=1e-6)
        whole = getattr(metrics, name)(**options)
        for row in range(4):  # the same in batches of one
            part = given[kind][-1][row : row + 1]
            whole.update_state(HOT[row : row + 1], SHARES[row : row + 1], part)
        assert whole.result() == pytest.approx(value, rel=1e-5, abs=1e-6)


def test_the_instances_of_metrics():
    shares = [[0.8, 0.1, 0.1], [0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    ignoring = metrics.SparseCategoricalCrossentropy(ignore_class=0)
    assert ignoring([0, 1, 2], shares, [0.5, 1.5, 2.0]) == pytest.approx(1.337746, abs=1e-6)
    root = metrics.RootMeanSquaredError()
    assert root([2, 4, 6, 8], [1, 3, 2, 3], [0, 1, 0, 1]) == pytest.approx(3.605551, abs=1e-6)


STEPWISE = {  # plain, ignore_class=1, accuracy
    "none": (1.26479578, 5.575031338 / 4, 0.33333334),  # four steps count, as they do with weights of 1
    "steps": (1.04807818, 0.89613503, 0.22222222),
    "examples": (1.56889746, 1.70665848, 0.16666667),
}


@pytest.mark.parametrize("kind", STEPWISE)
def test_weights_of_steps(kind):
    given = {
        "none": [None],
        "steps": [STEP_WEIGHT, STEP_WEIGHT[..., None]],
        "examples": [np.array([1.0, 3.0]), np.array([[1.0], [3.0]])],
    }
    for weight in given[kind]:
        shown = [
            metrics.SparseCategoricalCrossentropy()(STEPS, STEP_SHARES, weight),
            metrics.SparseCategoricalCrossentropy(ignore_class=1)(STEPS, STEP_SHARES, weight),
            metrics.SparseCategoricalAccuracy()(STEPS, STEP_SHARES, weight),
        ]
        assert shown == pytest.approx(STEPWISE[kind], rel=1e-6)
        perplexity = metrics.Perplexity(mask_token_id=1)(STEPS, STEP_SHARES, weight)
        assert perplexity == pytest.approx(math.exp(STEPWISE[kind][1]), rel=1e-6)


BOUNDS = dict.fromkeys(
    ("PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity", "SpecificityAtSensitivity"), [0.5]
)  # what they cannot do without


@pytest.mark.parametrize("name", sorted(metrics.CLASSES))
def test_no_metric_drops_weights(name):
    """Examples of weight 0 count as though they were not there, in every metric, weights of every rank."""
    y, p = (CLASSES, SHARES)
    if not name.startswith(("Sparse", "Perp", "Bits", "Conf")):
        y = HOT
    if name == "Accuracy":
        y, p = CLASSES, CLASSES[::-1]
    kept = WEIGHT > 0

    def made():
        return metrics.CLASSES[name](*BOUNDS.get(name, []))

    for weight in (kept.astype(float), kept[:, None].astype(float), kept.tolist()):
        shown = made()(y, p, weight)
        assert np.asarray(shown) == pytest.approx(np.asarray(made()(y[kept], p[kept])))
    for wrong in (WEIGHT[:3], np.ones(1), np.ones((4, 5))):
        with pytest.raises(ValueError, match="sample_weight has the shape"):
            made()(y, p, wrong)


def test_a_function_that_averages_by_itself_is_weighed_between_batches():
    metric = metrics.get(lambda y, p: float(np.abs(y - p).mean()))
    metric.update_state(np.zeros(2), np.ones(2), [1.0, 1.0])
    metric.update_state(np.zeros(2), np.full(2, 4.0), [0.5, 0.5])
    assert metric.result() == pytest.approx((2 * 1 + 1 * 4) / 3)


# -- NaN -----------------------------------------------------------------------------------------------------
NAN = np.full((4, 3), np.nan)
NOTHING_IS_POSITIVE = {
    "TruePositives": 0,
    "FalsePositives": 0,
    "TrueNegatives": 8,
    "FalseNegatives": 4,
    "Precision": 0,
    "Recall": 0,
    "PrecisionAtRecall": 0,
    "RecallAtPrecision": 0,
    "SensitivityAtSpecificity": 0,
    "AUC": 0,
    "F1Score": [0, 0, 0],
    "FBetaScore": [0, 0, 0],
    "CategoricalAccuracy": 0,
    "SparseCategoricalAccuracy": 0,
    "TopKCategoricalAccuracy": 0,
    "SparseTopKCategoricalAccuracy": 0,
    "ConfusionMatrix": np.zeros((3, 3)),
    "Accuracy": 0,
    "BinaryAccuracy": 8 / 12,
}


@pytest.mark.parametrize("name", NOTHING_IS_POSITIVE)
def test_nan_is_never_positive(name):
    y = CLASSES if name.startswith(("Sparse", "Conf")) else HOT
    for options in (
        [{}] + [{"top_k": 2}] * (name in ("Precision", "Recall")) + [{"curve": "PR"}] * (name == "AUC")
    ):
        shown = metrics.CLASSES[name](*BOUNDS.get(name, []), **options)(y, NAN)
        assert np.asarray(shown) == pytest.approx(np.asarray(NOTHING_IS_POSITIVE[name]))


def test_some_nan_among_numbers():
    predicted = np.array(
        [[np.nan, 0.2, 0.8], [0.9, np.nan, 0.1], [np.nan, np.nan, np.nan], [0.1, np.nan, 0.2]]
    )
    assert metrics.SparseCategoricalAccuracy()(CLASSES, predicted) == 0.5
    assert metrics.CategoricalAccuracy()(HOT, predicted) == 0.5
    assert metrics.Recall()(HOT, predicted) == 0.5 and metrics.Precision()(HOT, predicted) == 1.0
    assert metrics.TruePositives([0.1, 0.5])(HOT, predicted).tolist() == [2, 2]
    assert metrics.F1Score()(HOT, predicted).tolist() == pytest.approx([0.5, 0, 2 / 3], abs=1e-6)
    assert metrics.ConfusionMatrix()(CLASSES, predicted).sum() == 3
    assert metrics.AUC(multi_label=True)(HOT, NAN) == 0


@pytest.mark.parametrize("classes", [2, 40])
@pytest.mark.parametrize("steps", [False, True])
def test_a_model_that_gives_nan_is_never_right(classes, steps):
    """The accuracy that the core counts: the first class is not the answer of a broken model."""
    shape = (4, 3) if steps else (3,)
    for activation, loss in (
        ("softmax", "sparse_categorical_crossentropy"),
        (None, losses.SparseCategoricalCrossentropy(True)),
        ("softmax", "categorical_crossentropy"),
    ):
        model = keras.Sequential([keras.Input(shape), L.Dense(classes, activation=activation)])
        model.compile("sgd", loss, metrics=["accuracy"])
        model.layers[0].bias.assign(np.full(classes, np.nan))
        y = np.zeros((5, *shape[:-1]), np.int32)
        y = np.eye(classes)[y] if loss == "categorical_crossentropy" else y
        assert model.evaluate(np.ones((5, *shape)), y, verbose=0)[1] == 0


class Shapes(metrics.Metric):
    """Keeps the shapes that it is shown."""

    def __init__(self, name="shapes"):
        super().__init__(name=name)
        self.shown = []

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.shown.append((np.shape(y_true), np.shape(y_pred)))

    def result(self):
        return 0.0


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", lambda y, p: ops.mean(ops.square(p), -1)]
)
@pytest.mark.parametrize("shape", [(6,), (6, 1)])
@pytest.mark.parametrize("dtype", [np.int64, np.float32])
def test_a_metric_of_one_s_own_gets_class_numbers_in_their_shape(loss, shape, dtype):
    """As in Keras: one that compares a column with a column would count each pair of a row's."""
    function = []

    def of_function(y, p):
        function.append((np.shape(y), np.shape(p)))
        return np.zeros(len(p))

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="softmax")])
    metric = Shapes()
    model.compile("sgd", loss, metrics=[metric, of_function, "sparse_categorical_accuracy"])
    x, y = np.zeros((6, 3), np.float32), (np.arange(6) % 4).astype(dtype).reshape(shape)
    model.fit(x, y, batch_size=4, verbose=0, validation_data=(x, y))
    model.evaluate(x, y, batch_size=6, verbose=0)
    model.train_on_batch(x, y)
    rows = [4, 2, 4, 2, 6, 6]
    assert metric.shown == function == [((count, *shape[1:]), (count, 4)) for count in rows]
