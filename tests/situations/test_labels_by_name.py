"""Labels as they come: names. fit, evaluate and class weights take them, and learn which they are."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn.text import TextEncoder

L = keras.layers
TEXTS = ["a good film", "a bad film", "so so", "good good", "bad", "bad bad", "so"]
NAMES = ["pos", "neg", "neutral", "pos", "neg", "neg", "neutral"]
NUMBERS = np.array([2, 0, 1, 2, 0, 0, 1])  # in the order of the sorted names
TWO, TWO_NUMBERS = ["yes", "no", "no", "yes", "no", "no", "no"], np.array([1, 0, 0, 1, 0, 0, 0])


def classifier(units=3, loss="sparse_categorical_crossentropy"):
    keras.utils.set_random_seed(1)
    encoder = TextEncoder()
    encoder.adapt(TEXTS)
    activation = "sigmoid" if units == 1 else "softmax"
    model = keras.Sequential(
        [L.Embedding(10, 4), L.GlobalAveragePooling1D(), L.Dense(units, activation=activation)]
    )
    model.text_encoder = encoder
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def bits(model):
    return [weight.tobytes() for weight in model.get_weights()]


CASES = {
    "sparse": (3, "sparse_categorical_crossentropy", NAMES, NUMBERS, ["neg", "neutral", "pos"]),
    "one-hot": (3, "categorical_crossentropy", NAMES, np.eye(3)[NUMBERS], ["neg", "neutral", "pos"]),
    "focal": (3, "categorical_focal_crossentropy", NAMES, np.eye(3)[NUMBERS], ["neg", "neutral", "pos"]),
    "sigmoid": (1, "binary_crossentropy", TWO, TWO_NUMBERS, ["no", "yes"]),
    "two units": (2, "sparse_categorical_crossentropy", TWO, TWO_NUMBERS, ["no", "yes"]),
}


@pytest.mark.parametrize("case", CASES)
def test_names_are_learnt_and_mean_their_numbers(case):
    units, loss, names, numbers, sorted_names = CASES[case]
    ours, other = classifier(units, loss), classifier(units, loss)
    weight = np.linspace(0.5, 2, 7)
    for model, y in ((ours, names), (other, numbers)):
        model.fit(TEXTS, y, epochs=3, batch_size=2, verbose=0, sample_weight=weight, validation_split=0.3)
        model.fit(TEXTS, y, verbose=0, validation_data=(TEXTS, y))
        model.train_on_batch(TEXTS, y)
        model.fit(iter([(TEXTS, y)]), verbose=0)
    assert bits(ours) == bits(other)
    assert ours.labels == sorted_names and other.labels is None
    assert ours.evaluate(TEXTS, names, verbose=0) == other.evaluate(TEXTS, numbers, verbose=0)
    weighted = [
        m.evaluate(TEXTS, y, sample_weight=weight, verbose=0) for m, y in ((ours, names), (other, numbers))
    ]
    assert weighted[0] == weighted[1]
    assert ours.test_on_batch(TEXTS, names) == other.test_on_batch(TEXTS, numbers)
    assert set(ours.predict_labels(TEXTS)) <= set(sorted_names)


@pytest.mark.parametrize("kind", [np.array, tuple, lambda names: np.array(names, object)[:, None], "Series"])
def test_names_come_in_columns(kind):
    if kind == "Series":
        kind = pytest.importorskip("pandas").Series
    ours, other = classifier(), classifier()
    ours.fit(TEXTS, kind(NAMES), verbose=0)
    other.fit(TEXTS, NUMBERS, verbose=0)
    assert bits(ours) == bits(other)


def test_the_order_that_was_set_holds():
    ours, other = classifier(), classifier()
    ours.labels = ["pos", "neutral", "neg"]
    ours.fit(TEXTS, NAMES, verbose=0)
    other.fit(TEXTS, 2 - NUMBERS, verbose=0)
    assert bits(ours) == bits(other) and ours.labels == ["pos", "neutral", "neg"]


def test_names_outlive_a_file(tmp_path):
    model = classifier()
    model.fit(TEXTS, NAMES, verbose=0)
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model")
    assert again.evaluate(TEXTS, NAMES, verbose=0) == model.evaluate(TEXTS, NAMES, verbose=0)


# -- class weights -------------------------------------------------------------------------------------------
BALANCED = {0: 7 / (3 * 3), 1: 7 / (3 * 2), 2: 7 / (3 * 2)}


@pytest.mark.parametrize(
    ("y", "given", "same"),
    [
        (NAMES, "balanced", BALANCED),
        (NUMBERS, "balanced", BALANCED),
        (NAMES, {"pos": 3.0, "neg": np.float32(0.5)}, {2: 3.0, 0: 0.5}),
        (NUMBERS, {"pos": 3.0}, {2: 3.0}),
        (NAMES, {2: 3.0}, {2: 3.0}),
    ],
)
@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 2, 7)])
def test_class_weights_by_name_and_balanced(y, given, same, sample_weight):
    ours, other = classifier(), classifier()
    ours.labels = ["neg", "neutral", "pos"]
    ours.fit(TEXTS, y, class_weight=given, sample_weight=sample_weight, batch_size=3, verbose=0)
    other.fit(TEXTS, NUMBERS, class_weight=same, sample_weight=sample_weight, batch_size=3, verbose=0)
    assert bits(ours) == bits(other)


def test_balanced_weights_of_a_sigmoid_and_of_one_hot_rows():
    ours, other = classifier(1, "binary_crossentropy"), classifier(1, "binary_crossentropy")
    ours.fit(TEXTS, TWO, class_weight="balanced", verbose=0)
    other.fit(TEXTS, TWO_NUMBERS, class_weight={0: 7 / 10, 1: 7 / 4}, verbose=0)
    assert bits(ours) == bits(other)
    ours, other = classifier(3, "categorical_crossentropy"), classifier(3, "categorical_crossentropy")
    ours.fit(TEXTS, np.eye(3)[NUMBERS], class_weight="balanced", verbose=0)
    other.fit(TEXTS, np.eye(3)[NUMBERS], class_weight=BALANCED, verbose=0)
    assert bits(ours) == bits(other)


def test_balanced_weights_count_what_is_learnt_and_classes_that_occur():
    ours, other = classifier(), classifier()
    ours.fit(TEXTS, NUMBERS, class_weight="balanced", validation_split=0.3, verbose=0)  # learns 4
    other.fit(TEXTS[:4], NUMBERS[:4], class_weight={0: 4 / 3, 1: 4 / 3, 2: 4 / 6}, verbose=0)
    assert bits(ours) == bits(other)
    ours, other = classifier(), classifier()
    ours.fit(TEXTS, TWO_NUMBERS, class_weight="balanced", verbose=0)  # class 2 does not occur
    other.fit(TEXTS, TWO_NUMBERS, class_weight={0: 7 / 10, 1: 7 / 4}, verbose=0)
    assert bits(ours) == bits(other)


def test_balanced_weights_by_output():
    tokens = keras.Input((3,))
    made = [L.Dense(3, name="a")(tokens), L.Dense(1, name="b")(tokens)]
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    x, y = np.ones((7, 3), "float32"), {"a": NUMBERS, "b": np.ones(7)}
    weights = []
    for given in ({"a": "balanced"}, {"a": BALANCED}):
        keras.utils.set_random_seed(3)
        model = keras.Model(
            tokens, [keras.models.clone_model(keras.Model(tokens, made))(tokens)[i] for i in (0, 1)]
        )
        model.compile("adam", [loss, "mse"])
        name = model.metrics_names[1].removesuffix("_loss")
        model.fit(x, [y["a"], y["b"]], class_weight={name: given["a"]}, verbose=0)
        weights.append(bits(model))
    assert weights[0] == weights[1]


# -- errors --------------------------------------------------------------------------------------------------
def test_what_is_no_label():
    model = classifier()
    with pytest.raises(ValueError, match=r"set model.labels to all names .* or call fit"):
        model.evaluate(TEXTS, NAMES, verbose=0)
    with pytest.raises(ValueError, match=r"set model.labels"):
        model.fit(iter([(TEXTS, NAMES)]), verbose=0)
    with pytest.raises(ValueError, match=r"y holds 2 different labels \('no', 'yes'\), but .* 3 classes"):
        model.fit(TEXTS, TWO, verbose=0)
    assert model.labels is None
    model.fit(TEXTS, NAMES, verbose=0)
    with pytest.raises(
        ValueError, match=r"y\[1\] = 'bad' is none of model.labels: \['neg', 'neutral', 'pos'\]"
    ):
        model.evaluate(TEXTS[:2], ["pos", "bad"], verbose=0)
    with pytest.raises(TypeError, match=r"y\[1\] is missing"):
        model.evaluate(TEXTS[:2], ["pos", None], verbose=0)
    with pytest.raises(TypeError, match=r"y\[1\] = 3 is a int"):
        model.fit(TEXTS[:2], ["pos", 3], verbose=0)


NAN = float("nan")
GAPS = {
    "names": (
        3,
        "sparse_categorical_crossentropy",
        ["pos", None, "neg", "neutral"],
        r"y\[1\] is missing: None",
    ),
    "NaN among names": (
        3,
        "sparse_categorical_crossentropy",
        np.array(["pos", "neg", NAN], object),
        r"y\[2\]",
    ),
    "numbers": (3, "sparse_categorical_crossentropy", [0, 1, None], r"y\[2\] is missing: None"),
    "first": (3, "sparse_categorical_crossentropy", [None, 1, 2], r"y\[0\] is missing: None"),
    "none at all": (3, "sparse_categorical_crossentropy", [None, None], r"y\[0\] is missing: None"),
    "NaN": (3, "sparse_categorical_crossentropy", [0, NAN, 2], r"y\[1\] = nan"),
    "sigmoid": (1, "binary_crossentropy", [True, None, False], r"y\[1\] is missing: None"),
    "NaN for a sigmoid": (1, "binary_crossentropy", [1, 0, NAN], r"y\[2\] = nan"),
    "value": (1, "mse", [1.5, None, 0.0], r"y\[1\] is missing: None"),
    "one-hot": (3, "categorical_crossentropy", [[1, 0, 0], [0, None, 1]], r"y\[1, 1\] is missing: None"),
    "one-hot row": (3, "categorical_crossentropy", [[1, 0, 0], None], r"y\[1\] is missing: None"),
}


@pytest.mark.parametrize("case", GAPS)
def test_a_missing_label_is_named_and_no_text(case):
    units, loss, y, message = GAPS[case]
    model = classifier(units, loss)
    with pytest.raises((TypeError, ValueError), match=message) as raised:
        model.fit(TEXTS[: len(y)], y, verbose=0)
    assert "TextEncoder" not in str(raised.value)
    if "NaN" not in case:
        assert "eave out" in str(raised.value)


def test_what_is_no_class_weight():
    model = classifier()
    with pytest.raises(ValueError, match=r"class_weight: 'pos' is none of model.labels, which are not set"):
        model.fit(TEXTS, NUMBERS, class_weight={"pos": 1.0}, verbose=0)
    model.labels = ["neg", "neutral", "pos"]
    with pytest.raises(ValueError, match=r"class_weight: 'best' is none of model.labels: \['neg'"):
        model.fit(TEXTS, NUMBERS, class_weight={"best": 1.0}, verbose=0)
    with pytest.raises(ValueError, match=r"class_weight\['pos'\] must be a finite number"):
        model.fit(TEXTS, NUMBERS, class_weight={"pos": -1.0}, verbose=0)
    with pytest.raises(TypeError, match=r"must be 'balanced', or a dict.*Received: 'balance'"):
        model.fit(TEXTS, NUMBERS, class_weight="balance", verbose=0)
    with pytest.raises(ValueError, match=r"'balanced' counts the classes of all of y"):
        model.fit(iter([(TEXTS, NUMBERS)]), class_weight="balanced", verbose=0)


# -- a label for each step -----------------------------------------------------------------------------------
def tagger(units=2):
    keras.utils.set_random_seed(1)
    ids = keras.Input((None,), dtype="int32")
    model = keras.Model(ids, L.Dense(units, activation="softmax")(L.Embedding(5, 4)(ids)))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TAGS, TAG_NUMBERS = [["N", "V", "N"], ["V", "N", "V"]], np.array([[0, 1, 0], [1, 0, 1]])
TAGGED = np.array([[1, 2, 3], [2, 3, 4]])


@pytest.mark.parametrize(
    "kind", [list, np.array, lambda y: np.array(y, object), tuple, lambda y: [np.array(row) for row in y]]
)
def test_names_of_steps(kind):
    ours, numbers = tagger(), tagger()
    ours.fit(TAGGED, kind(TAGS), epochs=2, verbose=0, validation_split=0.5)
    numbers.fit(TAGGED, TAG_NUMBERS, epochs=2, verbose=0, validation_split=0.5)
    assert ours.labels == ["N", "V"]
    assert ours.evaluate(TAGGED, kind(TAGS), verbose=0) == numbers.evaluate(TAGGED, TAG_NUMBERS, verbose=0)
    assert ours.train_on_batch(TAGGED, kind(TAGS)) == numbers.train_on_batch(TAGGED, TAG_NUMBERS)


def test_names_of_steps_of_unequal_lengths():
    ours, numbers, texts = tagger(), tagger(), keras.Ragged([1, 2, 3], [0, 1, 3, 3])
    ours.fit(texts, [["N"], ["V", "N"], []], verbose=0)
    numbers.fit(texts, [[0], [1, 0], []], verbose=0)
    assert all(map(np.array_equal, ours.get_weights(), numbers.get_weights()))


def test_names_of_steps_that_are_none():
    texts, model = keras.Ragged([1, 2, 3], [0, 1, 3]), tagger()
    with pytest.raises(ValueError, match=r"y\[0\] holds labels, as 'N', .* set model.labels"):
        model.evaluate(texts, [["N"], ["V", "N"]], verbose=0)
    with pytest.raises(ValueError, match=r"y holds 2 different labels .* 3 classes"):
        tagger(3).fit(texts, [["N"], ["V", "N"]], verbose=0)
    model.labels = ["N", "V"]
    with pytest.raises(ValueError, match=r"y\[1\]\[1\] = 'X' is none of model.labels"):
        model.fit(texts, [["N"], ["V", "X"]], verbose=0)
    with pytest.raises(TypeError, match=r"y\[1\]\[1\] is missing"):
        model.fit(texts, [["N"], ["V", None]], verbose=0)
