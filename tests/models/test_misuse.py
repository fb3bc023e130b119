"""What users do wrong, and what they are told: the type of the error, the argument, the value, what is
allowed.
"""

import numpy as np
import pytest
from keras_values import data, text_model

import embedcnn
from embedcnn import layers, metrics, models, utils
from embedcnn.encoding import TokenizerEncoder

X, Y = data(2)


def compiled(loss="sparse_categorical_crossentropy", **options):
    model = text_model()
    model.compile("adam", loss, **options)
    return model


def binary():
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1, activation="sigmoid")])
    model.compile("adam", "binary_crossentropy")
    return model


def two_inputs():
    a, b = embedcnn.Input((7,), name="a"), embedcnn.Input((2,), name="b")
    joined = layers.Concatenate()([layers.GlobalMaxPooling1D()(layers.Embedding(12, 4)(a)), b])
    model = embedcnn.Model([a, b], layers.Dense(3, activation="softmax")(joined))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def changed(array, where, value):
    array = array.copy()
    array[where] = value
    return array


def tokens():
    return embedcnn.Input((9,), dtype="int32")


NAN_TABLE = np.array([[0, 1], [2, np.nan]], np.float32)
FLOATS = np.ones((4, 3), np.float32)

LAYERS = {
    "units zero": (
        lambda: layers.Dense(0),
        ValueError,
        "`units` must be a positive integer. Received: units=0",
    ),
    "units bool": (lambda: layers.Dense(True), ValueError, "units=True (bool)"),
    "units float": (lambda: layers.Dense(2.5), ValueError, "units=2.5 (float)"),
    "unknown activation": (lambda: layers.Dense(2, activation="rellu"), ValueError, "did you mean 'relu'"),
    "activation function": (
        lambda: layers.Dense(2, activation=3),
        ValueError,
        "activation",
    ),
    "unknown argument": (lambda: layers.Dense(2, unit=3), ValueError, "passed to Dense: {'unit': 3}"),
    "unknown initializer": (
        lambda: layers.Dense(2, kernel_initializer="he"),
        ValueError,
        "kernel_initializer='he' is unknown",
    ),
    "regularizer": (
        lambda: layers.Dense(2, kernel_regularizer="l3"),
        ValueError,
        "kernel_regularizer='l3' is unknown; did you mean 'l2'",
    ),
    "dtype of a layer": (lambda: layers.Dense(2, dtype="float64"), ValueError, "dtype='float64'"),
    "name": (lambda: layers.Dense(2, name="a/b"), ValueError, "name='a/b'"),
    "trainable": (lambda: layers.Dense(2, trainable="no"), TypeError, "`trainable` must be True or False"),
    "rate": (
        lambda: layers.Dropout(1.0),
        ValueError,
        "`rate` must be a number in [0, 1). Received: rate=1.0",
    ),
    "filters": (lambda: layers.Conv1D(0, 3), ValueError, "filters=0"),
    "kernel_size": (lambda: layers.Conv1D(4, (3, 3)), ValueError, "kernel_size=(3, 3)"),
    "padding": (lambda: layers.Conv1D(4, 3, padding="full"), ValueError, "padding='full' is unknown"),
    "data_format": (lambda: layers.Conv1D(4, 3, data_format="channels_first"), ValueError, "'channels_last'"),
    "groups": (lambda: layers.Conv1D(4, 3, groups=3), ValueError, "filters=4, groups=3"),
    "stride and dilation": (
        lambda: layers.Conv1D(4, 3, 2, dilation_rate=2),
        ValueError,
        "exclude each other",
    ),
    "conv of flat": (
        lambda: layers.Conv1D(4, 3)(embedcnn.Input((5,))),
        ValueError,
        "expects an input of 3 axes",
    ),
    "pooling of flat": (
        lambda: layers.GlobalMaxPooling1D()(embedcnn.Input((5,))),
        ValueError,
        "(batch, time, channels)",
    ),
    "embedding of floats": (
        lambda: layers.Embedding(5, 2)(layers.Dense(3)(embedcnn.Input((5,)))),
        ValueError,
        "must be called on an Input of token ids",
    ),
    "input_dim": (lambda: layers.Embedding(0, 3), ValueError, "input_dim=0"),
    "matrix shape": (
        lambda: layers.Embedding(5, 3, weights=[np.zeros((4, 3), np.float32)]),
        ValueError,
        "(input_dim, output_dim) = (5, 3). Received a matrix of shape (4, 3)",
    ),
    "matrix with nan": (
        lambda: layers.Embedding(2, 2, weights=[NAN_TABLE]),
        ValueError,
        "weights[1, 1] = nan",
    ),
    "matrix of text": (lambda: layers.Embedding(1, 1, weights=[[["a"]]]), TypeError, "numbers were expected"),
    "two matrices": (
        lambda: layers.Embedding(2, 2, weights=[NAN_TABLE, NAN_TABLE]),
        ValueError,
        "a list of 2",
    ),
    "vector as matrix": (lambda: layers.Embedding.from_pretrained(np.zeros(4)), ValueError, "shape (4,)"),
    "padding_idx": (
        lambda: layers.Embedding.from_pretrained(np.zeros((3, 2), "f"), padding_idx=-4),
        ValueError,
        "padding_idx=-4",
    ),
    "concatenate one": (
        lambda: layers.Concatenate()([embedcnn.Input((3,))]),
        ValueError,
        "at least 2 tensors",
    ),
    "concatenate ranks": (
        lambda: layers.Concatenate()([embedcnn.Input((3,)), embedcnn.Input((3, 4))]),
        ValueError,
        "agree in all but the last axis",
    ),
    "concatenate axis": (lambda: layers.Concatenate(axis=0), ValueError, "axis=0"),
    "layer on data": (
        lambda: layers.Dense(2)("data"),
        TypeError,
        "must be called on the result of Input(...)",
    ),
    "two inputs to dense": (lambda: layers.Dense(2)([embedcnn.Input((3,))] * 2), ValueError, "takes 1 input"),
    "other channels": (
        lambda: [dense := layers.Dense(2), dense(embedcnn.Input((3,))), dense(embedcnn.Input((4,)))],
        ValueError,
        "was built for 3 channels",
    ),
    "unknown channels": (
        lambda: layers.Dense(2)(embedcnn.Input((None,))),
        ValueError,
        "must know the last axis",
    ),
    "count before build": (lambda: layers.Dense(2).count_params(), ValueError, "is not built yet"),
    "input shape": (lambda: embedcnn.Input(5), ValueError, "`shape` must be a tuple"),
    "input rank": (lambda: embedcnn.Input((1, 2, 3, 4, 5)), ValueError, "shape=(1, 2, 3, 4, 5)"),
    "input size": (lambda: embedcnn.Input((0,)), ValueError, "shape=0"),
    "input dtype": (lambda: embedcnn.Input((1,), dtype="complex64"), ValueError, "int64 or string"),
    "relu": (lambda: layers.ReLU(max_value=-3), ValueError, "max_value=-3"),
    "softmax axis": (lambda: layers.Softmax(axis=0), ValueError, "axis=0"),
    "layer weights": (
        lambda: text_model().layers[1].set_weights([]),
        ValueError,
        "has 1 weights ['embeddings']",
    ),
    "data on a symbol": (lambda: np.asarray(tokens()), TypeError, "stands for values that are not known yet"),
}


class Subclass(embedcnn.Model):
    def __init__(self):
        super().__init__(self)
        self.embedding = layers.Embedding(3, 2)


MODELS = {
    "not connected": (
        lambda: embedcnn.Model(tokens(), layers.Dense(1)(tokens())),
        ValueError,
        "not among `inputs`",
    ),
    "unused input": (
        lambda: embedcnn.Model(
            [a := embedcnn.Input((3,)), embedcnn.Input((3,), name="spare")], layers.Dense(1)(a)
        ),
        ValueError,
        "['spare'] are not connected",
    ),
    "no outputs": (lambda: embedcnn.Model(tokens(), None), ValueError, "`outputs` is missing: a Model is"),
    "a subclass without tensors and call": (
        lambda: Subclass(),
        ValueError,
        "or has a call(), which is traced. Received: in",
    ),
    "empty outputs": (lambda: embedcnn.Model(tokens(), []), ValueError, "`outputs` must be a tensor"),
    "arrays as inputs": (
        lambda: embedcnn.Model(FLOATS, FLOATS),
        TypeError,
        "`inputs` must be made by Input(...)",
    ),
    "input twice": (
        lambda: embedcnn.Model([a := embedcnn.Input((3,)), a], layers.Dense(1)(a)),
        ValueError,
        "twice",
    ),
    "hidden as input": (
        lambda: embedcnn.Model(h := layers.Dense(2)(embedcnn.Input((3,))), layers.Dense(1)(h)),
        ValueError,
        "`inputs` must be made by Input(...)",
    ),
    "same names": (
        lambda: embedcnn.Model(
            i := embedcnn.Input((3,)), layers.Dense(1, name="d")(layers.Dense(1, name="d")(i))
        ),
        ValueError,
        "Received twice: ['d']",
    ),
    "ids and numbers": (
        lambda: embedcnn.Model(
            i := embedcnn.Input((3,)),
            layers.Concatenate()(
                [layers.GlobalMaxPooling1D()(layers.Embedding(4, 2)(i)), layers.Dense(2)(i)]
            ),
        ),
        ValueError,
        "use two Inputs",
    ),
    "seed": (lambda: embedcnn.Sequential(seed=-1), ValueError, "seed=-1"),
    "layer class": (
        lambda: embedcnn.Sequential([layers.Dense]),
        TypeError,
        "did you forget to call the class?",
    ),
    "not a list": (lambda: embedcnn.Sequential(layers.Dense(1)), TypeError, "`layers` must be a list"),
    "concatenate in a chain": (lambda: embedcnn.Sequential([layers.Concatenate()]), ValueError, "use Model"),
    "input in the middle": (
        lambda: embedcnn.Sequential([layers.Dense(1), tokens()]),
        ValueError,
        "must be the first",
    ),
    "empty chain": (lambda: embedcnn.Sequential().build((None, 3)), ValueError, "has no layers"),
    "pop of nothing": (lambda: embedcnn.Sequential().pop(), ValueError, "has no layers"),
    "unknown layer": (
        lambda: text_model().get_layer("embed"),
        ValueError,
        "No such layer: 'embed'. Existing layers:",
    ),
    "layer index": (lambda: text_model().get_layer(index=99), ValueError, "`index`=99 is outside [0, 8)"),
    "number of weights": (
        lambda: text_model().set_weights([1]),
        ValueError,
        "has 7 weights. Received: 1 arrays",
    ),
    "shape of weights": (
        lambda: text_model().set_weights([np.zeros((1, 1))] * 7),
        ValueError,
        "is (12, 4). Received a value of shape (1, 1)",
    ),
    "labels": (lambda: setattr(text_model(), "labels", ["a", "b"]), ValueError, "must hold 3 names"),
    "labels twice": (
        lambda: setattr(text_model(), "labels", ["a", "b", "a"]),
        ValueError,
        "different from each other",
    ),
    "labels str": (lambda: setattr(text_model(), "labels", "abc"), TypeError, "one string 'abc'"),
}

COMPILE = {
    "uncompiled fit": (lambda: text_model().fit(X, Y), ValueError, "You must call compile() before fit()"),
    "uncompiled evaluate": (lambda: text_model().evaluate(X, Y), ValueError, "compile() before evaluate()"),
    "uncompiled batch": (
        lambda: text_model().train_on_batch(X, Y),
        ValueError,
        "compile() before train_on_batch()",
    ),
    "unknown loss": (
        lambda: compiled("sparse_crossentropy"),
        ValueError,
        "loss='sparse_crossentropy' is unknown",
    ),
    "no loss": (lambda: compiled(None).train_on_batch(X, Y), ValueError, "needs a loss"),
    "unknown optimizer": (lambda: text_model().compile("adamm", "mse"), ValueError, "did you mean 'adam'"),
    "unknown metric": (lambda: compiled(metrics=["acuracy"]), ValueError, "did you mean 'accuracy'"),
    "too many losses": (
        lambda: compiled(["mse", "mse"]),
        ValueError,
        "the model has 1 outputs. Received: 2 values",
    ),
    "unknown output": (lambda: compiled({"out": "mse"}), ValueError, "no output is called 'out'"),
    "loss weight": (
        lambda: compiled(loss_weights=-1),
        ValueError,
        "`loss_weights` must be a finite number >= 0",
    ),
    "one unit": (
        lambda: embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1, activation="softmax")]).compile(
            "sgd", "sparse_categorical_crossentropy"
        ),
        ValueError,
        "an output of 1 unit has only one class",
    ),
    "metric threshold": (lambda: metrics.BinaryAccuracy(threshold=2), ValueError, "threshold=2"),
}

DATA = {
    "id too large": (
        lambda: compiled().fit(changed(X, (3, 2), 12), Y),
        ValueError,
        "x[3, 2] = 12 is outside [0, 12)",
    ),
    "id negative": (
        lambda: compiled().predict(changed(X, (5, 0), -1)),
        ValueError,
        "x[5, 0] = -1 is outside [0, 12)",
    ),
    "id in a batch": (
        lambda: compiled().train_on_batch(changed(X, (3, 2), 12), Y),
        ValueError,
        "x[3, 2] = 12 is outside [0, 12)",
    ),
    "too short": (lambda: compiled().fit(X[:, :5], Y), ValueError, "expected token ids of shape (batch, 7)"),
    "one text": (lambda: compiled().predict(X[0]), ValueError, "for one text use x[None]"),
    "three axes": (lambda: compiled().predict(X[None]), ValueError, "Received: shape (1, 16, 7)"),
    "fractions as ids": (lambda: compiled().predict(X + 0.5), ValueError, "x[0, 0] = "),
    "nan as id": (
        lambda: compiled().predict(changed(X.astype(float), (1, 1), np.nan)),
        ValueError,
        "x[1, 1] = nan",
    ),
    "strings as ids": (
        lambda: compiled().predict(np.array([[b"a"]])),
        TypeError,
        "token ids must be integers",
    ),
    "unequal rows": (lambda: compiled().fit([[1, 2], [3]], [0, 1]), ValueError, "Ragged.from_sequences(x)"),
    "unequal objects": (
        lambda: compiled().fit(np.array([[1, 2], [3]], dtype=object), [0, 1]),
        ValueError,
        "utils.pad_sequences(x)",
    ),
    "empty": (lambda: compiled().fit(X[:0], Y[:0]), ValueError, "x holds no examples"),
    "empty batch": (lambda: compiled().train_on_batch(X[:0], Y[:0]), ValueError, "x holds no examples"),
    "missing x": (lambda: compiled().fit(None, Y), ValueError, "x is missing"),
    "missing y": (lambda: compiled().fit(X), ValueError, "y is missing"),
    "lengths": (lambda: compiled().fit(X, Y[:5]), ValueError, "Received: x: 16, y: 5"),
    "texts without encoder": (lambda: compiled().predict(["good film"]), TypeError, "has no text encoder"),
    "one string": (lambda: compiled().predict("good film"), TypeError, "did you mean [x]?"),
    "floats for numbers": (lambda: binary().predict(FLOATS[:, :2]), ValueError, "expected shape (batch, 3)"),
    "nan in numbers": (
        lambda: binary().fit(changed(FLOATS, (2, 1), np.nan), [0, 1, 0, 1]),
        ValueError,
        "x[2, 1] = nan",
    ),
    "objects as numbers": (
        lambda: binary().predict(np.array([[b"a"] * 3])),
        TypeError,
        "numbers were expected",
    ),
    "ragged for numbers": (
        lambda: binary().predict(embedcnn.Ragged([1], [0, 1])),
        TypeError,
        "takes no Ragged",
    ),
    "one of two inputs": (lambda: two_inputs().predict(X), ValueError, "has 2 inputs ['a', 'b']"),
    "three for two inputs": (lambda: two_inputs().predict([X, X, X]), ValueError, "Received: 3 values"),
    "keys of inputs": (lambda: two_inputs().predict({"a": X}), ValueError, "must have the keys ['a', 'b']"),
    "lengths of inputs": (
        lambda: two_inputs().fit([X, np.ones((4, 2))], Y),
        ValueError,
        "Received: a: 16, b: 4, y: 16",
    ),
    "id of a named input": (
        lambda: two_inputs().fit([changed(X, (0, 0), 99), np.ones((16, 2))], Y),
        ValueError,
        "a[0, 0] = 99 is outside [0, 12)",
    ),
}

TARGETS = {
    "label too large": (
        lambda: compiled().fit(X, changed(Y, 5, 7)),
        ValueError,
        "y[5] = 7 is outside [0, 3)",
    ),
    "label in a batch": (
        lambda: compiled().train_on_batch(X, changed(Y, 5, 7)),
        ValueError,
        "y[5] = 7 is outside [0, 3)",
    ),
    "label fraction": (lambda: compiled().fit(X, Y + 0.5), ValueError, "class numbers must be integers"),
    "label names": (lambda: compiled().fit(X, ["a"] * 16), ValueError, "y holds 1 different labels ('a')"),
    "unknown names": (lambda: compiled().evaluate(X, ["a"] * 16), ValueError, "set model.labels"),
    "one-hot for sparse": (
        lambda: compiled().fit(X, utils.to_categorical(Y, 3)),
        ValueError,
        "use the loss categorical_crossentropy",
    ),
    "classes for categorical": (
        lambda: compiled("categorical_crossentropy").fit(X, Y),
        ValueError,
        "use the loss sparse_categorical_crossentropy",
    ),
    "width of one-hot": (
        lambda: compiled("categorical_crossentropy").fit(X, np.zeros((16, 4))),
        ValueError,
        "expected shape (batch, 3), as the output. Received: shape (16, 4)",
    ),
    "binary 2": (lambda: binary().fit(FLOATS, [0, 1, 2, 1]), ValueError, "y[2] = 2 is outside [0, 1]"),
    "binary text": (
        lambda: binary().fit(FLOATS, ["n", "y", "n", "?"]),
        ValueError,
        "y holds 3 different labels ('?', 'n', 'y'), but the output has 2 classes",
    ),
    "binary shape": (lambda: binary().fit(FLOATS, np.ones((4, 2))), ValueError, "expected shape (batch, 1)"),
    "nan target": (
        lambda: compiled("mse").fit(X, changed(np.zeros((16, 3)), (2, 1), np.nan)),
        ValueError,
        "y[2, 1] = nan is not finite",
    ),
    "unknown target key": (lambda: compiled().fit(X, {"out": Y}), ValueError, "y must have keys out of"),
    "sample_weight length": (
        lambda: compiled().fit(X, Y, sample_weight=np.ones(3)),
        ValueError,
        "sample_weight: expected shape (16,), one per example. Received: shape (3,)",
    ),
    "sample_weight negative": (
        lambda: compiled().fit(X, Y, sample_weight=changed(np.ones(16), 4, -1)),
        ValueError,
        "sample_weight[4] = -1.0: finite numbers >= 0 are allowed",
    ),
    "sample_weight text": (
        lambda: compiled().fit(X, Y, sample_weight=["a"] * 16),
        TypeError,
        "sample_weight: numbers",
    ),
    "class_weight class": (
        lambda: compiled().fit(X, Y, class_weight={3: 1.0}),
        ValueError,
        "class 3 is outside [0, 3)",
    ),
    "class_weight list": (
        lambda: compiled().fit(X, Y, class_weight=[1, 1, 1]),
        TypeError,
        "or a dict of class",
    ),
    "to_categorical": (lambda: utils.to_categorical([0, 5], 3), ValueError, "x[1] = 5 is outside [0, 3)"),
    "to_categorical float": (
        lambda: utils.to_categorical([0.5]),
        TypeError,
        "class numbers must be integers",
    ),
}

FIT = {
    "epochs": (lambda: compiled().fit(X, Y, epochs=-1), ValueError, "epochs=-1"),
    "batch_size": (lambda: compiled().fit(X, Y, batch_size=0), ValueError, "batch_size=0"),
    "verbose": (lambda: compiled().fit(X, Y, verbose=3), ValueError, "verbose=3"),
    "shuffle": (lambda: compiled().fit(X, Y, shuffle="batch"), TypeError, "shuffle='batch'"),
    "split": (lambda: compiled().fit(X, Y, validation_split=1.5), ValueError, "validation_split=1.5"),
    "split too small": (
        lambda: compiled().fit(X[:1], Y[:1], validation_split=0.5, verbose=0),
        ValueError,
        "no examples",
    ),
    "validation_data": (lambda: compiled().fit(X, Y, validation_data=X), ValueError, "must be (x, y)"),
    "validation_freq": (lambda: compiled().fit(X, Y, validation_freq=0), ValueError, "validation_freq=0"),
    "steps": (lambda: compiled().fit(X, Y, steps_per_epoch=0), ValueError, "steps_per_epoch=0"),
    "y with batches": (lambda: compiled().fit(iter([(X, Y)]), Y), ValueError, "`y` must not be given"),
    "batch_size with batches": (
        lambda: compiled().fit(iter([]), batch_size=3),
        ValueError,
        "`batch_size` must not",
    ),
    "empty generator": (lambda: compiled().fit(iter([]), verbose=0), ValueError, "x gave no batches"),
    "batch of one": (
        lambda: compiled().fit(iter([(X,)]), verbose=0),
        ValueError,
        "must be (x, y) or (x, y, sample",
    ),
    "split of batches": (lambda: compiled().fit(iter([]), validation_split=0.1), ValueError, "needs arrays"),
    "callback class": (
        lambda: compiled().fit(X, Y, callbacks=[print], verbose=0),
        TypeError,
        "instances of Callback",
    ),
    "seed text": (lambda: utils.set_random_seed("a"), ValueError, "seed='a'"),
    "seed large": (lambda: utils.set_random_seed(2**32), ValueError, "seed=4294967296"),
    "load nothing": (lambda: models.load_model("/nowhere/file"), FileNotFoundError, "/nowhere/file"),
    "tokenizer": (
        lambda: TokenizerEncoder("tokenizer"),
        TypeError,
        "`tokenizer` must be a preprocessing.text.Tokenizer",
    ),
}

CASES = {
    f"{group} {name}": case
    for group, cases in [
        ("layers", LAYERS),
        ("models", MODELS),
        ("compile", COMPILE),
        ("data", DATA),
        ("targets", TARGETS),
        ("fit", FIT),
    ]
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_misuse(name):
    call, error, message = CASES[name]
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_texts_shorter_than_the_kernel():
    model = embedcnn.Sequential(
        [
            layers.Embedding(9, 2),
            layers.Conv1D(3, 5),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("sgd", "binary_crossentropy")
    with pytest.raises(ValueError, match="5"):
        model.fit(np.ones((4, 3), int), [0, 1, 0, 1], verbose=0)


def test_an_error_leaves_the_model_usable():
    model = compiled()
    for _ in range(2):
        with pytest.raises(ValueError, match="outside"):
            model.train_on_batch(changed(X, (3, 2), 12), Y)
        assert model.train_on_batch(X, Y) > 0
