"""Dual coordinate descent against scikit-learn, golden values, the condition of an optimum, and laws."""

import signal
from types import SimpleNamespace

import numpy as np
import pytest
from bags.drawn_bags import chosen, dense, draw, of_dense
from bags.test_weighting import reference_values

import embedcnn
from embedcnn.bags import Part, dual_descent, product_form, stratified_folds
from embedcnn.bags.weighting import inverse_document_frequencies

PARTS = [
    Part(),
    Part(weighting="counts", sublinear=False, norm=False, cost=0.05),
    Part(weighting="naive_bayes", cost=3),
    Part(loss="logistic", cost=2),
    Part(weighting="naive_bayes", loss="logistic"),
    Part(kinds=("b",)),
    Part(kinds=("a", "c"), weighting="naive_bayes"),
]
KINDS = [("a", 0, 30), ("b", 30, 70), ("c", 70, 120)]
NAMES = [f"{part.weighting}-{part.loss}-{part.kinds}" for part in PARTS]


def solve(bags, y, part=PARTS[0], **settings):
    settings = {"tolerance": 1e-6, "kinds": KINDS, **settings}
    [model] = dual_descent(bags, y, part, **settings)
    return model


def decisions(model, bags):
    """In float64, from the parts of the model."""
    columns = model.weights.shape[1]
    scales = np.broadcast_to(model.scale, (bags.size, columns)).T
    parts = [reference_values(bags, scale, model.part.sublinear, model.part.norm) for scale in scales]
    return np.stack([x @ w for x, w in zip(parts, model.weights.T, strict=True)], axis=1) + model.bias


def ratio_scale(bags, of_class, base, damping=0.5):
    present = (dense(bags) > 0).astype(float)
    used = base > 0
    first, second = of_class @ present + 1, (1 - of_class) @ present + 1
    ratios = np.log(first / first[used].sum()) - np.log(second / second[used].sum())
    return base * (abs(ratios) + damping)


def objective_gradient(model, bags, targets, costs):
    """The gradient of |w|^2 / 2 + b^2 / 2 + sum cost * loss for one column, float64: zero at the solution."""
    x = reference_values(bags, model.scale[:, 0], model.part.sublinear, model.part.norm)
    w, b = model.weights[:, 0].astype(float), float(model.bias[0])
    margin = x @ w + b
    d_margin = np.zeros(len(x))
    for sign, share in ((1, targets), (-1, 1 - targets)):
        if model.part.loss == "logistic":
            slope = -sign / (1 + np.exp(sign * margin))
        else:
            slope = -2 * sign * np.maximum(0, 1 - sign * margin)
        d_margin += costs * share * slope
    used = model.scale[:, 0] > 0
    return np.concatenate([(w + x.T @ d_margin)[used], [b + d_margin.sum()]])


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
def test_the_gradient_of_the_objective_is_zero(part):
    bags, y = draw()
    weights = np.random.default_rng(5).gamma(1, size=len(y)).astype(np.float32)
    soft = np.clip(y + np.random.default_rng(6).normal(0, 0.2, len(y)), 0, 1)
    model = solve(bags, soft, part, sample_weight=weights, tolerance=5e-6)
    assert model.converged and model.out_of_fold is None
    gradient = objective_gradient(model, bags, soft, part.cost * weights)
    assert abs(gradient).max() < 1e-4
    assert abs(model.weights).max() > 0.05


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
def test_decisions_are_those_of_the_formula(part):
    bags, y = draw(classes=3)
    model = solve(bags, y, part)
    np.testing.assert_allclose(model.decision_function(bags), decisions(model, bags), atol=2e-6)
    outside = np.ones(bags.size, bool)
    for name, first, end in KINDS:
        if part.kinds is None or name in part.kinds:
            outside[first:end] = False
    assert not model.weights[outside].any() and not model.folded[outside].any()


def test_ratios():
    bags, y = draw(classes=3)
    model = solve(bags, y, Part(kinds=("a", "c"), weighting="naive_bayes"))
    base = inverse_document_frequencies(bags).astype(float)
    base[30:70] = 0
    expected = np.stack([ratio_scale(bags, y == c, base) for c in range(3)], axis=1)
    np.testing.assert_allclose(model.scale, expected, rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("class_weight", [None, "balanced", {1: 3.0}])
def test_as_linear_svc(classes, class_weight):
    svm = pytest.importorskip("sklearn.svm")
    bags, y = draw(classes=classes)
    x = reference_values(bags, inverse_document_frequencies(bags), True, True)
    model = solve(bags, y, Part(cost=0.7), class_weight=class_weight)
    peer = svm.LinearSVC(C=0.7, tol=1e-8, max_iter=10**6, class_weight=class_weight).fit(x, y)
    expected = peer.decision_function(x).reshape(len(x), -1)
    np.testing.assert_allclose(model.decision_function(bags), expected, atol=1e-3)
    np.testing.assert_allclose(model.decision_function(bags), expected, atol=2e-5)


@pytest.mark.parametrize("intercept", [0.0, 1.0, 2.5])
def test_as_logistic_regression(intercept):
    linear = pytest.importorskip("sklearn.linear_model")
    bags, y = draw()
    x = reference_values(bags, inverse_document_frequencies(bags), True, True)
    weights = np.random.default_rng(7).random(len(y)).astype(np.float32)
    model = solve(bags, y, Part(loss="logistic", cost=3), intercept=intercept, tolerance=1e-7)
    peer = linear.LogisticRegression(
        solver="liblinear",
        C=3,
        tol=1e-10,
        max_iter=10**5,
        fit_intercept=intercept > 0,
        intercept_scaling=intercept or 1,
    ).fit(x, y)
    np.testing.assert_allclose(model.decision_function(bags)[:, 0], peer.decision_function(x), atol=1e-4)
    weighted = linear.LogisticRegression(C=2, fit_intercept=False, tol=1e-10, max_iter=10**5)
    expected = weighted.fit(x, y, sample_weight=weights).decision_function(x)
    base = inverse_document_frequencies(bags)
    assert not np.allclose(base, inverse_document_frequencies(bags, weights))  # so without it here
    part = Part(weighting="counts", loss="logistic", cost=2, sublinear=False, norm=False)
    given = of_dense(np.ones((1, 1)))
    rows, ids = np.nonzero(x)
    given.offsets, given.ids, given.size = bags.offsets, ids.astype(np.int32), bags.size
    given.counts = x[rows, ids].astype(np.float32)
    again = solve(given, y, part, sample_weight=weights, intercept=0, tolerance=1e-7)
    np.testing.assert_allclose(again.decision_function(given)[:, 0], expected, atol=1e-4)


GOLDEN_COUNTS = [[2, 1, 0, 0], [1, 0, 1, 0], [0, 1, 2, 1], [0, 0, 1, 3], [1, 1, 1, 1], [0, 3, 0, 1]]
GOLDEN_Y = [1, 1, 0, 0, 1, 0]
# sklearn 1.9.1 on TfidfTransformer(sublinear_tf=True) of these counts: LinearSVC(C=1, tol=1e-12) and
# LogisticRegression(solver="liblinear", C=1, tol=1e-12)
GOLDEN = {
    "squared_hinge": [0.903937, 0.832716, -0.534135, -0.676340, 0.189547, -0.626593],
    "logistic": [0.643599, 0.592307, -0.345219, -0.475620, 0.115455, -0.391180],
}


@pytest.mark.parametrize("loss", GOLDEN)
def test_golden_values(loss):
    bags = of_dense(GOLDEN_COUNTS)
    model = solve(bags, GOLDEN_Y, Part(loss=loss), tolerance=1e-7)
    np.testing.assert_allclose(model.decision_function(bags)[:, 0], GOLDEN[loss], atol=2e-5)


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
def test_weights_count_like_repetitions(part):
    bags, y = draw()
    weights = np.random.default_rng(8).integers(0, 3, len(y))
    weighted = solve(bags, y, part, sample_weight=weights)
    repeated = np.repeat(np.arange(len(y)), weights)
    again = solve(chosen(bags, repeated), y[repeated], part)
    np.testing.assert_allclose(weighted.decision_function(bags), again.decision_function(bags), atol=1e-4)


def test_soft_labels_count_like_both_labels():
    bags, y = draw()
    soft = np.random.default_rng(9).random(len(y)).astype(np.float32)
    twice = np.repeat(np.arange(len(y)), 2)
    labels = np.tile([1, 0], len(y))
    weights = np.stack([soft, 1 - soft], axis=1).ravel()
    for part in (PARTS[0], PARTS[3]):
        expected = solve(chosen(bags, twice), labels, part, sample_weight=weights)
        got = solve(bags, soft, part).decision_function(bags)
        np.testing.assert_allclose(got, expected.decision_function(bags), atol=1e-4)


def test_columns_are_problems_of_their_own():
    bags, y = draw(classes=3)
    labels = np.stack([y == 0, y != 1, np.arange(len(y)) % 2], axis=1).astype(np.float32)
    together = solve(bags, labels, PARTS[2])
    for column in range(3):
        alone = solve(bags, labels[:, column], PARTS[2])
        np.testing.assert_array_equal(together.weights[:, column], alone.weights[:, 0])
        np.testing.assert_array_equal(together.scale[:, column], alone.scale[:, 0])
    np.testing.assert_array_equal(solve(bags, y).weights, solve(bags, np.eye(3, dtype=np.float32)[y]).weights)


def test_parts_are_solved_as_alone():
    bags, y = draw(classes=3)
    together = dual_descent(bags, y, PARTS, kinds=KINDS, folds=4)
    for part, model in zip(PARTS, together, strict=True):
        [alone] = dual_descent(bags, y, [part], kinds=KINDS, folds=4)
        np.testing.assert_array_equal(model.weights, alone.weights)
        np.testing.assert_array_equal(model.bias, alone.bias)
        np.testing.assert_array_equal(model.out_of_fold, alone.out_of_fold)


def test_the_same_bits_on_any_number_of_threads():
    bags, y = draw(documents=500, classes=3)
    results = set()
    for threads in (1, 2, 3, 8):
        embedcnn.set_num_threads(threads)
        models = dual_descent(bags, y, PARTS, kinds=KINDS, folds=5, tolerance=1e-4)
        results.add(
            b"".join(
                array.tobytes()
                for model in models
                for array in (model.weights, model.bias, model.scale, model.out_of_fold)
            )
        )
    embedcnn.set_num_threads(0)
    assert len(results) == 1


@pytest.mark.parametrize("part", PARTS[:5], ids=NAMES[:5])
def test_order_of_documents_and_numbers_of_features_do_not_matter(part):
    bags, y = draw(classes=3)
    model = solve(bags, y, part)
    random = np.random.default_rng(10)
    documents, features = random.permutation(len(y)), random.permutation(bags.size)
    changed = of_dense(dense(bags)[documents][:, features])
    again = solve(changed, y[documents], part)
    np.testing.assert_allclose(again.weights, model.weights[features], atol=2e-4)
    np.testing.assert_allclose(
        again.decision_function(changed), model.decision_function(bags)[documents], atol=1e-4
    )


def test_the_seed_decides_the_order():
    bags, y = draw()
    settings = {"max_epochs": 2}
    first, same = (solve(bags, y, seed=3, **settings).weights for _ in range(2))
    np.testing.assert_array_equal(first, same)
    assert (first != solve(bags, y, seed=4, **settings).weights).any()
    np.testing.assert_allclose(solve(bags, y, seed=3).weights, solve(bags, y, seed=4).weights, atol=1e-4)
    assert not solve(bags, y, **settings).converged and solve(bags, y, **settings).epochs == 2


@pytest.mark.parametrize("part", PARTS, ids=NAMES)
def test_margins_of_held_out_documents(part):
    """They are those of a model that never saw the fold."""
    bags, y = draw(classes=3)
    folds = stratified_folds(y, 3, seed=1)
    model = solve(bags, y, part, folds=folds)
    np.testing.assert_array_equal(model.weights, solve(bags, y, part).weights)
    held_out = folds == 2
    weights = (~held_out).astype(np.float32)
    if part.weighting == "tfidf":  # whose document frequencies are those of all documents
        return
    alone = solve(bags, y, part, sample_weight=weights)
    if part.weighting == "counts":
        expected = alone.decision_function(bags)[held_out]
        np.testing.assert_allclose(model.out_of_fold[held_out], expected, atol=1e-4)
    assert (abs(model.out_of_fold).max(axis=1) > 0).all()


def test_a_held_out_label_changes_nothing():
    bags, y = draw()
    folds = stratified_folds(y, 5)
    turned = np.where(folds == 0, 1 - y, y)
    for part in (PARTS[0], PARTS[2], PARTS[4]):
        first = solve(bags, y, part, folds=folds, final=False)
        second = solve(bags, turned, part, folds=folds, final=False)
        np.testing.assert_array_equal(first.out_of_fold[folds == 0], second.out_of_fold[folds == 0])
        assert (first.out_of_fold[folds == 1] != second.out_of_fold[folds == 1]).any()
        assert not first.weights.any()


def test_held_out_margins_tell_classes_apart_less_than_seen_ones():
    bags, y = draw(longest=8)
    model = solve(bags, y, folds=10)
    held_out = ((model.out_of_fold[:, 0] > 0) == y).mean()
    assert 0.6 < held_out < ((model.decision_function(bags)[:, 0] > 0) == y).mean()


def test_folds_are_stratified():
    y = np.repeat([0, 1, 2], [40, 25, 12])
    folds = stratified_folds(y, 5, seed=2)
    for label, most in ((0, 8), (1, 5), (2, 3)):
        counts = np.bincount(folds[y == label], minlength=5)
        assert counts.max() <= most and counts.min() >= most - 1
    assert (folds != stratified_folds(y, 5, seed=3)).any()
    np.testing.assert_array_equal(stratified_folds(np.eye(3)[y], 5, seed=2), stratified_folds(y, 5, seed=2))


def test_training_continues_from_a_model():
    bags, y = draw(documents=400)
    first = chosen(bags, np.arange(200))
    begun = solve(first, y[:200])
    second = chosen(bags, np.arange(200, 400))
    [unmoved] = dual_descent(second, y[200:], Part(cost=1e-9), start=[begun], tolerance=1e-6)
    np.testing.assert_allclose(unmoved.folded, begun.folded, atol=1e-6)
    [more] = dual_descent(second, y[200:], Part(), start=[begun], tolerance=1e-6)
    np.testing.assert_array_equal(more.scale, begun.scale)
    accuracy = [((model.decision_function(bags)[:, 0] > 0) == y).mean() for model in (begun, more)]
    assert accuracy[1] > accuracy[0]
    # centred at the solution of the same problem, only the loss pulls: the gradient of |w - w0|^2 / 2 + loss
    shifted = SimpleNamespace(
        part=more.part, scale=more.scale, weights=more.weights - begun.weights, bias=more.bias
    )
    x = reference_values(second, more.scale[:, 0], True, True)
    margin = decisions(more, second)[:, 0]
    sign = np.where(y[200:] == 1, 1, -1)
    d_margin = -2 * sign * np.maximum(0, 1 - sign * margin)
    assert abs(shifted.weights[:, 0] + x.T @ d_margin).max() < 1e-3


@pytest.mark.parametrize("loss", ["squared_hinge", "logistic"])
def test_documents_without_features(loss):
    bags = of_dense([[1, 0], [0, 0], [0, 1], [0, 0]])
    model = solve(bags, [1, 1, 0, 1], Part(loss=loss), kinds=None)
    margins = model.decision_function(bags)[:, 0]
    assert margins[1] == margins[3] == model.bias[0] > 0
    bare = solve(bags, [1, 1, 0, 1], Part(loss=loss), kinds=None, intercept=0)
    assert bare.decision_function(bags)[1, 0] == 0 and np.isfinite(bare.weights).all()


def test_read_only_arrays_are_taken_as_they_are(tmp_path):
    bags, y = draw()
    expected = solve(bags, y).weights
    for name in ("offsets", "ids", "counts"):
        np.save(tmp_path / f"{name}.npy", getattr(bags, name))
        setattr(bags, name, np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    np.testing.assert_array_equal(solve(bags, y).weights, expected)


MISUSE = [
    ({"y": [0, 1]}, "`y` must have the shape"),
    ({"y": np.zeros(300, int)}, "at least two classes"),
    ({"y": np.arange(300) - 1}, "at least two classes, from 0 on. Received: -1 to 298"),
    ({"y": np.full(300, 1.5)}, r"numbers in \[0, 1\]"),
    ({"y": np.full(300, np.nan)}, r"numbers in \[0, 1\]"),
    ({"y": ["a"] * 300}, "y: numbers were expected"),
    ({"parts": "tfidf"}, "`parts` must be Part or a list of Part"),
    ({"folds": 1}, "`folds` must be an integer"),
    ({"folds": np.zeros(300, int)}, "`folds` must be a number or 300 integers"),
    ({"folds": np.zeros(299, int)}, "`folds` must be a number or 300 integers"),
    ({"final": False}, "`final` must be True where no folds"),
    ({"sample_weight": -np.ones(300)}, "`sample_weight` must be 300 finite numbers >= 0"),
    ({"sample_weight": np.ones(3)}, "shape"),
    ({"sample_weight": np.zeros(300)}, "only zeros"),
    ({"class_weight": "even"}, "class_weight must be None, 'balanced', or a dict"),
    ({"class_weight": {2: 1.0}}, r"`class_weight` must be an integer in \[0, 1\]"),
    ({"class_weight": {1: 0}}, "finite number > 0"),
    ({"intercept": -1}, "`intercept` must be a finite number >= 0"),
    ({"tolerance": 0}, "`tolerance` must be a finite number > 0"),
    ({"max_epochs": 0}, "`max_epochs` must be an integer >= 1"),
    ({"seed": -1}, "`seed` must be an integer"),
    ({"start": [None, None]}, "`start` must have a model for each part"),
    ({"start": [3]}, "`start` must be a list of LinearModel"),
    ({"parts": Part(kinds=("z",))}, "kind='z' is unknown"),
]


@pytest.mark.parametrize(("change", "message"), MISUSE)
def test_misuse(change, message):
    bags, y = draw()
    given = {"y": y, "kinds": KINDS, **change}
    with pytest.raises((TypeError, ValueError), match=message):
        dual_descent(bags, given.pop("y"), given.pop("parts", Part()), **given)


def test_models_and_bags_of_other_features():
    bags, y = draw()
    model = solve(bags, y)
    other, _ = draw(size=50)
    with pytest.raises(ValueError, match="`bags` must have 120 features. Received: 50"):
        model.decision_function(other)
    with pytest.raises(ValueError, match=r"`start` must have weights of shape \(50, 1\)"):
        dual_descent(other, y, start=[model])


def test_running_out_of_memory():
    bags, y = draw()
    made = 0
    for number in range(1, 40):
        embedcnn.runtime._core._memory_fail_at(number, False)
        try:
            dual_descent(bags, y, PARTS[:2], folds=2)
        except MemoryError:
            made += 1
        finally:
            embedcnn.runtime._core._memory_fail_at(0, False)
    assert made > 10


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers")
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("work", ["dual_descent", "product_form"])
def test_ctrl_c_ends_the_work(work, threads):
    """What the core computes without the interpreter's lock looks at signals now and then."""
    bags, y = draw(documents=2000, size=500, longest=60)
    raised = []

    def interrupt(number, frame):
        raised.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    embedcnn.set_num_threads(threads)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            if work == "dual_descent":
                dual_descent(bags, y, Part(loss="logistic"), folds=2, tolerance=1e-300, max_epochs=10**9)
            else:
                product_form(bags, y, epochs=10**9)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        embedcnn.set_num_threads(0)
    assert raised
