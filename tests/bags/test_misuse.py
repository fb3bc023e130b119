"""What users do wrong with bags, and what they are told: the argument, the value, what is allowed."""

import numpy as np
import pytest
from bags import reviews

import embedcnn
from embedcnn import layers
from embedcnn.bags import (
    BagClassifier,
    Bags,
    LinearPart,
    NgramFeatures,
    Part,
    ProductPart,
    Vectorizer,
    averaged,
    dual_descent,
    explain,
    portfolio_model,
    product_form,
)
from embedcnn.bags.calibration import slope
from embedcnn.bags.labels import labelled

TEXTS, Y = reviews.draw(40)
FEATURES = NgramFeatures(words=(1, 1)).fit(["a b c"])
BAGS = FEATURES.transform(["a", "b c", "c"])
WEIGHTS, BIAS = np.ones((3, 1)), np.zeros(1)
TRAINED = BagClassifier(folds=0).fit(TEXTS, Y)


def part(weights=WEIGHTS, bias=BIAS, **options):
    return LinearPart(weights, bias, **options)


def units(count):
    return part(np.ones((3, count)), np.zeros(count))


def network(labels=("bad", "good"), text_encoder=None):
    model = embedcnn.Sequential([embedcnn.Input((4,)), layers.Dense(2)])
    model.labels, model.text_encoder = labels, text_encoder
    return model


def fitted(y=Y, texts=TEXTS, sample_weight=None, **settings):
    return BagClassifier(folds=0, **settings).fit(texts, y, sample_weight)


FEATURE_CASES = {
    "words text": (lambda: NgramFeatures(words="1, 2"), "words='1, 2'"),
    "words order": (lambda: NgramFeatures(words=(2, 1)), "words=(2, 1)"),
    "words long": (lambda: NgramFeatures(words=(1, 6)), "1 <= a <= b <= 5"),
    "chars float": (lambda: NgramFeatures(chars=(1.0, 2)), "chars=(1.0, 2)"),
    "neither": (lambda: NgramFeatures(words=None), "must not both be None"),
    "tokenizer": (lambda: NgramFeatures(tokenizer="wrods"), "did you mean 'words'?"),
    "min_count": (lambda: NgramFeatures(min_count=0), "min_count=0"),
    "max_features": (lambda: NgramFeatures(max_features=True), "max_features=True"),
    "buckets": (lambda: NgramFeatures(buckets=0), "buckets=0"),
    "buckets and counts": (lambda: NgramFeatures(buckets=9, min_count=2), "`buckets` must be None where"),
    "lowercase": (lambda: NgramFeatures(lowercase="yes"), "`lowercase` must be True or False"),
    "one text": (lambda: NgramFeatures().fit("a text"), "did you mean [text]?"),
    "number": (lambda: NgramFeatures().fit(["a", 5]), "texts[1]"),
    "missing": (lambda: NgramFeatures().fit(["a", float("nan")]), "texts[1] is missing: nan"),
    "before fit": (lambda: NgramFeatures().transform(["a"]), "call fit or fit_transform first"),
    "hashed names": (lambda: NgramFeatures(buckets=9).get_feature_names_out(), "buckets=9"),
    "id": (lambda: FEATURES.names_of([3]), "`ids` must be in [0, 3)"),
    "bags": (lambda: Bags([0, 2], [1], [1], 3), "must have offsets[-1] = 2 entries"),
    "bags index": (lambda: BAGS[1], "takes a slice or an array of indices"),
    "vectorizer": (lambda: Vectorizer(norm="l3"), "norm='l3' is unknown; did you mean"),
    "vectorizer pruned": (lambda: Vectorizer(n_features=9, min_df=2), "n_features=9, min_df=2"),
    "vectorizer new": (lambda: Vectorizer().transform(["a"]), "call fit or fit_transform first"),
}
SOLVER_CASES = {
    "weighting": (lambda: Part(weighting="tf-idf"), "did you mean 'tfidf'?"),
    "loss": (lambda: Part(loss="hinge"), "loss='hinge' is unknown"),
    "cost": (lambda: Part(cost=0), "cost=0"),
    "damping": (lambda: Part(damping=-1), "damping=-1"),
    "kinds text": (lambda: Part(kinds="words 1"), "kinds='words 1'"),
    "kinds": (
        lambda: dual_descent(BAGS, [0, 1, 1], Part(kinds=("word 1",)), kinds=FEATURES.kinds),
        "did you mean 'words 1'?",
    ),
    "not bags": (lambda: dual_descent([[1, 2]], [0]), "`bags` must be Bags"),
    "short y": (lambda: dual_descent(BAGS, [0, 1]), "`y` must have the shape (3,)"),
    "one class": (lambda: dual_descent(BAGS, [1, 1, 1]), "at least two classes"),
    "not a part": (lambda: dual_descent(BAGS, [0, 1, 1], ["tfidf"]), "parts[0]='tfidf'"),
    "folds": (lambda: dual_descent(BAGS, [0, 1, 1], folds=1), "folds=1"),
    "weights": (lambda: dual_descent(BAGS, [0, 1, 1], sample_weight=[1, -1, 1]), "3 finite numbers >= 0"),
    "rate": (lambda: product_form(BAGS, [0, 1, 1], learning_rate=0), "learning_rate=0"),
    "epochs": (lambda: product_form(BAGS, [0, 1, 1], epochs=0), "epochs=0"),
    "patience": (lambda: product_form(BAGS, [0, 1, 1], patience=2), "`patience` needs validation_data"),
    "slope shape": (lambda: slope([1.0, 2.0], [0, 1]), "must have shape (texts, units)"),
    "slope targets": (lambda: slope([[1.0]], [[1], [0]]), "the shape of `margins`, (1, 1)"),
    "slope weights": (lambda: slope([[1.0]], [[1]], [1, 2]), "`sample_weight` must have shape (1,)"),
}
LABEL_CASES = {
    "one str": (lambda: labelled("pos"), "Received: str"),
    "one number": (lambda: labelled(5), "Received: int"),
    "none": (lambda: labelled(None), "Received: NoneType"),
    "one class": (lambda: labelled(["a", "a"]), "at least two classes. Received: 1 class in 2 texts"),
    "empty": (lambda: labelled([]), "at least two classes. Received: 0"),
    "missing": (lambda: labelled(["a", None]), "y[1] is missing: None"),
    "nan": (lambda: labelled(np.array(["a", np.nan], object)), "y[1] is missing: nan"),
    "mixed": (lambda: labelled(["a", 1]), "Received: int, str"),
    "floats": (lambda: labelled([1.0, 1.5]), "cut a scale into classes, as np.digitize(y, bounds)"),
    "unknown": (lambda: labelled(["a", "z"], classes=["a", "b"]), "y[1] = 'z' is not one of the classes"),
    "unknown in list": (lambda: labelled([["a"], ["a", "z"]], classes=["a", "b"]), "y[1][1] = 'z'"),
    "one label": (lambda: labelled([["a"], []]), "at least two labels. Received: ['a']"),
    "one column": (lambda: labelled(np.ones((3, 1)), True), "at least two labels. Received: (3, 1)"),
    "floats and names": (lambda: labelled([0.5, "a"]), "Received: float, str"),
    "infinite": (lambda: labelled([1.0, float("inf")]), "Received: inf"),
    "outside": (lambda: labelled(np.array([[0.5, 0.5], [2, -1]])), "y[1, 0] = 2.0 is outside [0, 1]"),
    "sums": (lambda: labelled(np.array([[0.5, 0.5], [0.5, 0.75]])), "y[1] sums to 1.25"),
    "texts as matrix": (lambda: labelled(np.array([["a", "b"]])), "must be a matrix of numbers"),
    "not several": (lambda: labelled(["a", "b"], True), "multi_label=True and y[0] = 'a'"),
    "several": (lambda: labelled([["a"], ["b"]], False), "Received: multi_label=False"),
    "multi_label": (lambda: labelled(["a", "b"], "yes"), "`multi_label` must be True or False"),
    "classes": (lambda: labelled(np.eye(3), classes=["a", "b"]), "must name the 3 columns of `y`"),
}
CLASSIFIER_CASES = {
    "gap": (lambda: fitted(texts=[*TEXTS[:-1], None]), 'column.fillna("")'),
    "gap in predict": (lambda: TRAINED.predict(["a", float("nan")]), 'column.fillna("")'),
    "gap in predict of a model": (lambda: TRAINED.model.predict(["a", None]), 'column.fillna("")'),
    "top features": (lambda: TRAINED.top_features(0), "n=0"),
    "top features of buckets": (lambda: fitted(buckets=99).top_features(), "buckets=99"),
    "top features before fit": (lambda: BagClassifier().top_features(), "call fit first"),
    "weights before fit": (lambda: BagClassifier().coef_, "call fit first"),
    "mean before fit": (lambda: averaged([BagClassifier()]), "call fit first"),
    "no seed": (lambda: fitted(seed=None), "`seed` must be an integer in [0, 2**63). Received: seed=None"),
    "nothing to score": (lambda: TRAINED.score([], []), "`X` must hold at least one text to score"),
    "lengths": (lambda: fitted(Y[:-1]), "a label for each of the 40 texts. Received: 39"),
    "no texts": (lambda: fitted(Y, [""] * 40), "at least one n-gram that min_count lets stay"),
    "rare": (lambda: fitted(min_count=10**6), "at least one n-gram that min_count lets stay"),
    "one text": (lambda: fitted(["a", "b"], "a text"), "did you mean [text]?"),
    "part": (lambda: fitted(parts=["tfidf"]), "parts[0]='tfidf'"),
    "no parts": (lambda: fitted(parts=[]), "`parts` must hold at least one"),
    "product epochs": (lambda: ProductPart(epochs=0), "epochs=0"),
    "product dim": (lambda: ProductPart(dim=1), "dim=1"),
    "product rate": (lambda: ProductPart(learning_rate=0), "learning_rate=0"),
    "words": (lambda: fitted(words=(0, 1)), "words=(0, 1)"),
    "folds": (lambda: BagClassifier(folds=-1).fit(TEXTS, Y), "folds=-1"),
    "folds float": (lambda: BagClassifier(folds=2.5).fit(TEXTS, Y), "folds=2.5"),
    "seed": (lambda: fitted(seed=-1), "seed=-1"),
    "class weight": (lambda: fitted(class_weight={"fine": 2}), "'fine' is not one of the classes"),
    "class weight value": (lambda: fitted(class_weight={"good": -1}), "must be a finite number > 0"),
    "class weight name": (lambda: fitted(class_weight="even"), "class_weight must be None, 'balanced'"),
    "sample weight": (lambda: fitted(sample_weight=[1, 2]), "`sample_weight` must be 40 finite numbers"),
    "new": (lambda: BagClassifier().predict(["a"]), "learnt nothing yet: call fit first"),
    "new save": (lambda: BagClassifier().save("x"), "learnt nothing yet: call fit first"),
    "new score": (lambda: BagClassifier().score(["a"], ["good"]), "learnt nothing yet: call fit first"),
    "predict str": (lambda: TRAINED.predict("a text"), "`X` must be a list or array of str"),
    "predict numbers": (lambda: TRAINED.predict([1, 2]), "`X` must be a list or array of str"),
    "predict none": (lambda: TRAINED.predict(["a", None]), "X[1] is missing"),
    "score label": (lambda: TRAINED.score(["a"], ["fine"]), "y[0] = 'fine' is not one of the classes"),
    "parameter": (lambda: BagClassifier().set_params(word=(1, 2)), "parameter='word' is unknown"),
    "partial classes": (
        lambda: BagClassifier(buckets=9).partial_fit(TEXTS, Y),
        "`classes` must name all labels in the first call",
    ),
    "partial exact": (
        lambda: BagClassifier().partial_fit(TEXTS, Y, classes=["bad", "good"]),
        "`buckets` must be a number before the first call",
    ),
    "partial label": (
        lambda: BagClassifier(buckets=9).partial_fit(TEXTS, Y, classes=["bad", "fine"]),
        "= 'good' is not one of the classes",
    ),
    "partial other": (lambda: TRAINED.partial_fit(TEXTS, Y, classes=["a", "b"]), "must be ['bad', 'good']"),
    "explain list": (lambda: TRAINED.explain(["a"]), "`text` must be one str. Received: list"),
    "explain label": (lambda: TRAINED.explain("a", "fine"), "label='fine'"),
}
MODEL_CASES = {
    "weights": (lambda: part(np.ones(3)), "`weights` must have shape (features, units)"),
    "weights text": (lambda: part([["a"]]), "weights: numbers were expected"),
    "weights nan": (lambda: part(np.full((3, 1), np.nan)), "weights[0, 0] = nan"),
    "bias": (lambda: part(bias=np.zeros(2)), "`bias` must have shape (1,)"),
    "scale": (lambda: part(scale=np.ones(4)), "`scale` must have shape (3,) or (3, 1)"),
    "scale infinite": (lambda: part(scale=[1, np.inf, 1]), "only finite numbers"),
    "norm": (lambda: part(norm="L3"), "norm='L3' is unknown"),
    "sublinear": (lambda: part(sublinear=1), "`sublinear` must be True or False"),
    "share": (lambda: part(share=-1), "share=-1"),
    "name": (lambda: part(name=5), "name=5"),
    "features": (lambda: layers.BagOfNgrams(["a"], [part()]), "must be a bags.NgramFeatures. Received: list"),
    "new features": (lambda: layers.BagOfNgrams(NgramFeatures(), [part()]), "call fit or fit_transform"),
    "no part": (lambda: layers.BagOfNgrams(FEATURES, []), "at least one LinearPart"),
    "other part": (lambda: layers.BagOfNgrams(FEATURES, [Part()]), "must hold LinearPart. Received: Part"),
    "rows": (
        lambda: layers.BagOfNgrams(FEATURES, [part(np.ones((4, 1)))]),
        "for each of the 3 features. Received: 4 rows",
    ),
    "rows of parts": (
        lambda: layers.BagOfNgrams(FEATURES, [part(), part(np.ones((4, 1)))]),
        "Received: parts[1] with 4",
    ),
    "option": (lambda: layers.BagOfNgrams(FEATURES, [part()], activation="relu"), "Unrecognized keyword"),
    "numbers": (lambda: layers.BagOfNgrams(FEATURES, [part()])([1, 2]), "`inputs` must be a list or array"),
    "ids": (
        lambda: layers.BagOfNgrams(FEATURES, [part()])(embedcnn.Input((None,), dtype="int32")),
        "reads texts: call it on Input",
    ),
    "labels": (lambda: portfolio_model(FEATURES, [part()], ["a"]), "at least two labels. Received: ['a']"),
    "units": (lambda: portfolio_model(FEATURES, [part()], ["a", "b", "c"]), "must have 3 units for 3 labels"),
    "units several": (lambda: portfolio_model(FEATURES, [part()], ["a", "b"], True), "must have 2 units"),
    "units differ": (
        lambda: portfolio_model(FEATURES, [part(), units(2)], ["a", "b"]),
        "the same number of units",
    ),
    "shares": (lambda: portfolio_model(FEATURES, [part(share=0)] * 2, ["a", "b"]), "a number above 0"),
    "no portfolio": (lambda: portfolio_model(FEATURES, [], ["a", "b"]), "at least one LinearPart"),
    "labels twice": (lambda: portfolio_model(FEATURES, [part()], ["a", "a"]), "different from each other"),
    "no models": (lambda: averaged([]), "at least one model"),
    "not a model": (lambda: averaged(["film"]), "models[0] is a str"),
    "other labels": (lambda: averaged([TRAINED.model, network(["a", "b"])]), "models[1] with ['a', 'b']"),
    "no labels": (lambda: averaged([network(None)]), "models[0] with None"),
    "no encoder": (lambda: averaged([TRAINED.model, network()]), "models[1] with NoneType"),
    "weights of models": (lambda: averaged([TRAINED.model], [1, 2]), "`weights` must hold 1 numbers"),
    "negative": (lambda: averaged([TRAINED.model], [-1]), "weights=-1"),
    "explain without bag": (lambda: explain(network(), "a"), "must have one BagOfNgrams layer"),
    "explain text": (lambda: explain(TRAINED.model, 5), "`text` must be one str. Received: int"),
}
CASES = [FEATURE_CASES, SOLVER_CASES, LABEL_CASES, CLASSIFIER_CASES, MODEL_CASES]
NAMES = ["features", "solvers", "labels", "classifier", "models"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(call, message, id=f"{group} {name}")
        for group, cases in zip(NAMES, CASES, strict=True)
        for name, (call, message) in cases.items()
    ],
)
def test_misuse(call, message):
    with pytest.raises((ValueError, TypeError, RuntimeError, IndexError)) as error:
        call()
    assert message in str(error.value)
