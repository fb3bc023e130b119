"""What users do wrong with models of sequences, and what they are told: the argument, the value received and
what is allowed. Nothing is lost: a model goes on as though the wrong call had not been made.
"""

import numpy as np
import pytest

import embedcnn
from embedcnn import CharLanguageModel, Input, callbacks, layers, models
from embedcnn.encoding import CharEncoder
from embedcnn.generation import Stepper, generate, sample
from embedcnn.language_model import text_windows
from embedcnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, SimpleRNN, TimeDistributed
from embedcnn.text import CharVocabulary

X = np.random.default_rng(0).integers(0, 9, (16, 6))
Y = np.roll(X, -1, 1)
TEXT = "abc def"
WRITER = CharLanguageModel(TEXT, 4, 5, seed=1)


def model_of(*hidden, tokens=9, loss="sparse_categorical_crossentropy", **given):
    """A model of token ids with a softmax over the tokens, compiled."""
    stack = [Input(given.pop("shape", (None,)), dtype="int32", **given), Embedding(tokens, 4), *hidden]
    model = embedcnn.Sequential([*stack, Dense(tokens, activation="softmax")], seed=1)
    model.compile("adam", loss)
    return model


def each_step(**options):
    return model_of(LSTM(5, return_sequences=True), **options)


def stateful():
    return model_of(LSTM(5, return_sequences=True, stateful=True), shape=(6,), batch_size=4)


def fit(model, x=X, y=Y, **options):
    return model.fit(x, y, verbose=0, **{"batch_size": 4, **options})


def sequence(**options):
    return Input((4, 3), **options)


def built(layer):
    layer(sequence(batch_size=2) if layer.stateful else sequence())
    return layer


def torch_weights(layer, **changed):
    shapes = {"weight_ih": (8, 3), "weight_hh": (8, 2), "bias_ih": (8,), "bias_hh": (8,)} | changed
    values = {name: None if shape is None else np.zeros(shape) for name, shape in shapes.items()}
    layer.set_torch_weights(*values.values())


def writing(*hidden, tokens=7):
    """A model with an encoder of the 7 characters of TEXT."""
    model = model_of(*hidden, tokens=tokens)
    model.text_encoder = CharEncoder(CharVocabulary(TEXT))
    return model


def with_state():
    x, h = sequence(), Input((2,), name="h")
    return embedcnn.Model([x, h], GRU(2)(x, initial_state=h))


ARGUMENTS = {
    "units zero": (lambda: LSTM(0), ValueError, "`units` must be a positive integer. Received: units=0"),
    "units negative": (lambda: GRU(-1), ValueError, "`units` must be a positive integer. Received: units=-1"),
    "units fraction": (lambda: LSTM(1.5), ValueError, "Received: units=1.5 (float)"),
    "units bool": (lambda: SimpleRNN(True), ValueError, "Received: units=True (bool)"),
    "units text": (lambda: LSTM("8"), ValueError, "Received: units='8' (str)"),
    "units missing": (lambda: LSTM(None), ValueError, "Received: units=None"),
    "dropout": (
        lambda: LSTM(2, dropout=1.5),
        ValueError,
        "`dropout` must be a number in [0, 1). Received: dropout=1.5",
    ),
    "dropout nan": (lambda: GRU(2, dropout=float("nan")), ValueError, "Received: dropout=nan"),
    "recurrent_dropout": (
        lambda: GRU(2, recurrent_dropout=True),
        ValueError,
        "`recurrent_dropout` must be a number in [0, 1). Received: recurrent_dropout=True",
    ),
    "activation": (
        lambda: LSTM(2, activation="tahn"),
        ValueError,
        "activation='tahn' is unknown; did you mean 'tanh'",
    ),
    "activation function": (
        lambda: LSTM(2, activation=np.tanh),
        ValueError,
        "is not a function of embedcnn.activations",
    ),
    "recurrent_activation": (
        lambda: GRU(2, recurrent_activation="softmax"),
        ValueError,
        "Received: recurrent_activation='softmax'",
    ),
    "initializer": (
        lambda: LSTM(2, recurrent_initializer="orthogonl"),
        ValueError,
        "recurrent_initializer='orthogonl' is unknown; did you mean 'orthogonal'",
    ),
    "regularizer": (
        lambda: LSTM(2, recurrent_regularizer="l3"),
        ValueError,
        "recurrent_regularizer='l3' is unknown; did you mean 'l2'",
    ),
    "flag": (
        lambda: LSTM(2, stateful=1),
        TypeError,
        "`stateful` must be True or False. Received: stateful=1",
    ),
    "misspelt": (
        lambda: LSTM(2, return_sequence=True),
        ValueError,
        "passed to LSTM: {'return_sequence': True}",
    ),
    "merge_mode": (
        lambda: Bidirectional(LSTM(2), merge_mode="avg"),
        ValueError,
        "merge_mode='avg' is unknown; did you mean 'ave'? Allowed: ave, concat, mul, sum",
    ),
    "merge of unequal units": (
        lambda: Bidirectional(LSTM(2), "sum", backward_layer=LSTM(3, go_backwards=True)),
        ValueError,
        "merge_mode='sum' needs as many units in both directions; 'concat' takes any. Received: 2 and 3",
    ),
    "one direction with sequences": (
        lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, return_sequences=True)),
        ValueError,
        "`layer` and `backward_layer` must have the same return_sequences",
    ),
    "class in Bidirectional": (
        lambda: Bidirectional(LSTM),
        TypeError,
        "`layer` must be an LSTM, GRU, SimpleRNN or RNN. Received: <class",
    ),
    "state of one direction": (
        lambda: Bidirectional(LSTM(2, stateful=True), backward_layer=LSTM(2, go_backwards=True)),
        ValueError,
        "`layer` and `backward_layer` must have the same stateful",
    ),
    "class in TimeDistributed": (
        lambda: TimeDistributed(Dense),
        TypeError,
        "`layer` must be a layer or model of one input. Received: <class",
    ),
}

GRAPHS = {
    "lstm above lstm": (
        lambda: LSTM(2)(LSTM(2, name="low")(sequence())),
        ValueError,
        "give the layer below, 'low', return_sequences=True. Received: shape=(None, 2)",
    ),
    "lstm above bidirectional": (
        lambda: LSTM(2)(Bidirectional(GRU(2), name="low")(sequence())),
        ValueError,
        "give the layer below, 'low', return_sequences=True. Received: shape=(None, 4)",
    ),
    "convolution above lstm": (
        lambda: layers.Conv1D(2, 2)(LSTM(2, name="low")(sequence())),
        ValueError,
        "give the layer below, 'low', return_sequences=True",
    ),
    "pooling above gru": (
        lambda: layers.GlobalMaxPooling1D()(GRU(2, name="low")(sequence())),
        ValueError,
        "give the layer below, 'low', return_sequences=True",
    ),
    "each step above lstm": (
        lambda: TimeDistributed(Dense(2))(LSTM(2, name="low")(sequence())),
        ValueError,
        "give the layer below, 'low', return_sequences=True",
    ),
    "lstm in TimeDistributed": (
        lambda: TimeDistributed(LSTM(2))(sequence()),
        ValueError,
        "to each step of shape (None, 4, 3), which is of shape (None, 3). Layer",
    ),
    "ids into lstm": (
        lambda: LSTM(2)(Input((4,), dtype="int32")),
        ValueError,
        "expects an input of 3 axes (batch, time, channels). Received: shape=(None, 4)",
    ),
    "data into lstm": (
        lambda: LSTM(2)([sequence(), np.zeros((1, 2))]),
        TypeError,
        "Received: ndarray beside symbolic tensors",
    ),
    "states into dense": (
        lambda: Dense(3)(LSTM(2, return_state=True)(sequence())),
        ValueError,
        "takes 1 input. Received: 3 inputs",
    ),
    "initial_state data": (
        lambda: LSTM(2)(sequence(), initial_state=[np.zeros((1, 2))] * 2),
        TypeError,
        "`initial_state` must hold results of Input(...) or of other layers, of the shape (batch, units). "
        "Received: ndarray",
    ),
    "initial_state count": (
        lambda: LSTM(2)(sequence(), initial_state=[Input((2,))]),
        ValueError,
        "has 2 state(s). Received: an initial_state of 1 tensors",
    ),
    "initial_state units": (
        lambda: LSTM(2)(sequence(), initial_state=[Input((2,)), Input((3,))]),
        ValueError,
        "an initial state must have the shape (batch, 2). Received: shape=(None, 3)",
    ),
    "initial_state sequence": (
        lambda: GRU(2)(sequence(), initial_state=Input((4, 2))),
        ValueError,
        "must have the shape (batch, 2). Received: shape=(None, 4, 2)",
    ),
    "initial_state of other texts": (
        lambda: with_state().predict([np.zeros((4, 4, 3)), np.zeros((3, 2))], verbose=0),
        ValueError,
        "h: 3",
    ),
    "initial_state of stateful": (
        lambda: GRU(2, stateful=True)(sequence(batch_size=2), initial_state=Input((2,))),
        ValueError,
        "is stateful: its states are set by reset_state(values)",
    ),
    "stateful without a batch size": (
        lambda: LSTM(2, stateful=True)(sequence()),
        ValueError,
        "must have a fixed size. Give Input(..., batch_size=32)",
    ),
}

STATES = {
    "not stateful": (
        lambda: built(LSTM(2)).reset_state(),
        ValueError,
        "is not stateful: it has no state to reset",
    ),
    "count": (
        lambda: built(LSTM(2, stateful=True)).reset_state([np.zeros((2, 2))]),
        ValueError,
        "has 2 state(s), set by a list of as many arrays. Received: 1 arrays",
    ),
    "number": (lambda: built(GRU(2, stateful=True)).reset_state(5), ValueError, "Received: 5"),
    "shape": (
        lambda: built(LSTM(2, stateful=True)).reset_state([np.zeros((2, 2)), np.zeros((3, 2))]),
        ValueError,
        "a state has the shape (batch, units) = (2, 2). Received: shape (3, 2)",
    ),
    "text": (
        lambda: built(GRU(2, stateful=True)).reset_state(["a"]),
        TypeError,
        "states: numbers were expected",
    ),
    "other batch": (
        lambda: stateful().predict(X[:2], verbose=0),
        ValueError,
        "keeps the states of 4 texts; this batch has 2",
    ),
    "last batch": (
        lambda: fit(stateful(), X[:6], Y[:6], shuffle=False),
        ValueError,
        "keeps the states of 4 texts; this batch has 2",
    ),
    "both directions": (
        lambda: Bidirectional(LSTM(2)).reset_state(),
        ValueError,
        "is not stateful: it has no state to reset",
    ),
    "count of both directions": (
        lambda: built(Bidirectional(GRU(2, stateful=True))).reset_state([np.zeros((2, 2))]),
        ValueError,
        "has 2 state(s), set by a list of as many arrays. Received: 1 arrays",
    ),
    "weight shape": (
        lambda: torch_weights(built(LSTM(2)), weight_ih=(8, 4)),
        ValueError,
        "`weight_ih` must have the shape (8, 3). Received: shape (8, 4)",
    ),
    "weight of another cell": (
        lambda: torch_weights(built(GRU(2))),
        ValueError,
        "`weight_ih` must have the shape (6, 3). Received: shape (8, 3)",
    ),
    "weights turned": (
        lambda: torch_weights(built(LSTM(2)), weight_hh=(2, 8)),
        ValueError,
        "`weight_hh` must have the shape (8, 2). Received: shape (2, 8)",
    ),
    "bias shape": (
        lambda: torch_weights(built(LSTM(2)), bias_hh=(7,)),
        ValueError,
        "`bias_hh` must have the shape (8,). Received: shape (7,)",
    ),
    "bias missing": (
        lambda: torch_weights(built(LSTM(2)), bias_hh=None),
        ValueError,
        "has a bias: give `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`. Received: 3 arrays",
    ),
    "bias too many": (
        lambda: torch_weights(built(LSTM(2, use_bias=False))),
        ValueError,
        "has no bias: give only `weight_ih`, `weight_hh`. Received: 4 arrays",
    ),
    "not built": (
        lambda: torch_weights(LSTM(2)),
        ValueError,
        "is not built yet, so it has no weights: call it on an input first",
    ),
}

DATA = {
    "float ids": (lambda: fit(each_step(), X + 0.5), ValueError, "x[0, 0] = 7.5: token ids must be integers"),
    "id too large": (lambda: fit(each_step(), X + 1), ValueError, "x[1, 5] = 9 is outside [0, 9)"),
    "id negative": (
        lambda: each_step().predict(X - 1, verbose=0),
        ValueError,
        "x[0, 5] = -1 is outside [0, 9)",
    ),
    "one text": (lambda: each_step().predict(X[0]), ValueError, "for one text use x[None]"),
    "ids with channels": (
        lambda: each_step().predict(X[:, :, None]),
        ValueError,
        "expected token ids of shape (batch, any). Received: shape (16, 6, 1)",
    ),
    "no steps": (lambda: fit(each_step(), X[:, :0], Y[:, :0]), ValueError, "at least 1 step"),
    "targets of each step, output of the last": (
        lambda: fit(model_of(LSTM(5))),
        ValueError,
        "y: expected class numbers of shape (batch). Received: shape (16, 6)",
    ),
    "one target, output of each step": (
        lambda: fit(each_step(), y=Y[:, 0]),
        ValueError,
        "y: expected class numbers of shape (batch, any). Received: shape (16,)",
    ),
    "targets too short": (
        lambda: fit(each_step(), y=Y[:, :4]),
        ValueError,
        "y: the targets have 4 steps (0: no time axis), the predictions have 6",
    ),
    "targets too long": (
        lambda: each_step().train_on_batch(X, np.hstack([Y, Y])),
        ValueError,
        "y: the targets have 12 steps (0: no time axis), the predictions have 6",
    ),
    "label too large": (lambda: fit(each_step(), y=Y + 1), ValueError, "y[1, 4] = 9 is outside [0, 9)"),
    "label negative": (lambda: fit(each_step(), y=Y - 1), ValueError, "y[0, 4] = -1 is outside [0, 9)"),
    "label fraction": (
        lambda: fit(each_step(), y=Y + 0.5),
        ValueError,
        "y[0, 0] = 5.5: class numbers must be integers",
    ),
    "one-hot for sparse": (
        lambda: fit(each_step(), y=np.eye(9)[Y]),
        ValueError,
        "Received: shape (16, 6, 9); for one-hot rows use the loss categorical_crossentropy",
    ),
    "one-hot too wide": (
        lambda: fit(each_step(loss="categorical_crossentropy"), y=np.eye(10)[Y]),
        ValueError,
        "y: expected shape (batch, any, 9), as the output. Received: shape (16, 6, 10)",
    ),
    "weights of steps": (
        lambda: fit(each_step(), sample_weight=np.ones((16, 5))),
        ValueError,
        "sample_weight has 5 steps, the targets have 6",
    ),
    "class_weight of steps": (
        lambda: fit(each_step(), class_weight={1: 2.0}),
        ValueError,
        "class_weight needs one class per example. Received: an output of shape (batch, any, 9)",
    ),
    "window of a short text": (
        lambda: text_windows([1, 2, 3], 3),
        ValueError,
        "more than length = 3 tokens to fill one window. Received: 3",
    ),
    "windows of two rows": (
        lambda: text_windows([[1, 2], [3, 4]], 1),
        ValueError,
        "`ids` must be the token ids of one text, a vector of integers. Received: int64, shape (2, 2)",
    ),
    "windows of floats": (
        lambda: text_windows([0.5, 1, 2], 1),
        ValueError,
        "Received: float64, shape (3,)",
    ),
    "windows of characters": (
        lambda: text_windows(list(TEXT), 2),
        ValueError,
        "a vector of integers. Received: <U1",
    ),
    "short text": (
        lambda: WRITER.fit(TEXT, 10, verbose=0),
        ValueError,
        "more than length = 10 tokens to fill one window. Received: 7",
    ),
    "unseen character": (
        lambda: WRITER.fit(TEXT * 9 + "x", 10, verbose=0),
        ValueError,
        "text[63] = 'x' is none of the 7 characters",
    ),
    "bytes as a text": (
        lambda: WRITER.fit(b"abc" * 9, 10),
        TypeError,
        "`text` must be one str. Received: bytes",
    ),
    "length": (
        lambda: WRITER.fit(TEXT * 9, 1.5),
        ValueError,
        "`length` must be a positive integer. Received: length=1.5",
    ),
    "stride": (lambda: WRITER.fit(TEXT * 9, 5, stride=-1), ValueError, "Received: stride=-1"),
    "evaluation of a short text": (lambda: WRITER.evaluate(TEXT), ValueError, "length = 100 tokens"),
    "settings of a language model": (
        lambda: CharLanguageModel(TEXT, dropout=1.5),
        ValueError,
        "must be a number in [0, 1). Received: dropout=1.5",
    ),
}

GENERATION = {
    "temperature": (
        lambda: WRITER.generate("abc", temperature=-1),
        ValueError,
        "`temperature` must be finite and >= 0. Received: temperature=-1",
    ),
    "temperature text": (lambda: WRITER.generate("abc", temperature="hot"), TypeError, "temperature='hot'"),
    "top_p": (
        lambda: WRITER.generate("abc", top_p=0),
        ValueError,
        "`top_p` must be in (0, 1]. Received: top_p=0",
    ),
    "top_p text": (lambda: sample(np.zeros((1, 3)), top_p="x"), TypeError, "Received: top_p='x'"),
    "top_k": (
        lambda: WRITER.generate("abc", top_k=0),
        ValueError,
        "`top_k` must be a positive integer. Received: top_k=0",
    ),
    "length": (lambda: WRITER.generate("abc", 0), ValueError, "`length` must be a positive integer"),
    "seed": (
        lambda: WRITER.generate("abc", seed=-1),
        ValueError,
        "`seed` must be None or an integer >= 0. Received: seed=-1",
    ),
    "stop": (
        lambda: WRITER.generate("abc", stop=3),
        ValueError,
        "`stop` must hold strings that are not empty. Received: stop=3",
    ),
    "unknown": (
        lambda: WRITER.generate("abc", unknown="xy"),
        ValueError,
        "`unknown` must be a character that the model knows. Received: unknown='xy'",
    ),
    "unseen characters": (
        lambda: WRITER.generate("abx"),
        ValueError,
        "`prompt`: text[2] = 'x' is none of the 7 characters of the vocabulary; give unknown=' '",
    ),
    "empty prompt": (
        lambda: WRITER.generate(""),
        ValueError,
        "`prompt` must be a text of at least one character. Received: prompt=''",
    ),
    "no prompt": (
        lambda: WRITER.generate([]),
        ValueError,
        "`prompt` must hold at least one text. Received: prompt=[]",
    ),
    "prompt of bytes": (lambda: WRITER.generate(b"abc"), TypeError, "Received: prompt=b'abc'"),
    "no encoder": (
        lambda: generate(each_step(), "abc"),
        ValueError,
        "set model.text_encoder = CharEncoder(vocabulary), or a WordEncoder. Received: text_encoder=None",
    ),
    "bidirectional": (
        lambda: generate(writing(Bidirectional(LSTM(3, return_sequences=True))), "abc"),
        ValueError,
        "a layer that reads backwards (Bidirectional, go_backwards) has no state to carry on; it cannot",
    ),
    "convolution": (
        lambda: generate(writing(layers.Conv1D(3, 3, padding="causal")), "abc"),
        ValueError,
        "in recurrent layers (LSTM, GRU, SimpleRNN). Received: token_conv",
    ),
    "output of the last step": (
        lambda: generate(writing(LSTM(3)), "abc"),
        ValueError,
        "the last recurrent layer needs return_sequences=True",
    ),
    "output of other tokens": (
        lambda: generate(writing(LSTM(3, return_sequences=True), tokens=9), "abc"),
        ValueError,
        "the model predicts 9 tokens, but its text encoder knows 7: the last layer needs",
    ),
    "two inputs": (lambda: Stepper(with_state()), ValueError, "has one input of token ids and one output"),
    "float tokens": (
        lambda: Stepper(each_step()).read([[0.5]]),
        ValueError,
        "`ids` must hold integers, the numbers of tokens. Received: [[0.5]]",
    ),
    "unknown token": (
        lambda: Stepper(each_step()).read([[99]]),
        ValueError,
        "x[0, 0] = 99 is outside [0, 9)",
    ),
    "number of texts": (
        lambda: Stepper(each_step(), batch=2).read([[1]]),
        ValueError,
        "`ids` must hold 2 text(s) of at least one token. Received: lengths [1]",
    ),
}

CASES = {
    f"{group} {name}": case
    for group, cases in [
        ("arguments", ARGUMENTS),
        ("graphs", GRAPHS),
        ("states", STATES),
        ("data", DATA),
        ("generation", GENERATION),
    ]
    for name, case in cases.items()
}


@pytest.mark.parametrize("name", CASES)
def test_misuse(name):
    call, error, message = CASES[name]
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_there_are_enough_cases():
    assert len(CASES) >= 100


# -- files ---------------------------------------------------------------------------------------------------
def test_a_classifier_is_no_language_model(tmp_path):
    classifier = model_of(LSTM(5))
    classifier.labels = [str(number) for number in range(9)]
    classifier.save(tmp_path / "classifier")
    with pytest.raises(ValueError, match=r"classifier' holds no language model of characters"):
        CharLanguageModel.load(tmp_path / "classifier")
    (tmp_path / "text").write_text(TEXT)
    with pytest.raises(ValueError, match=r"text' is not a saved model, or is damaged"):
        CharLanguageModel.load(tmp_path / "text")
    with pytest.raises(FileNotFoundError, match="missing"):
        CharLanguageModel.load(tmp_path / "missing")


def test_weights_of_another_size_change_nothing(tmp_path):
    saved, other = (
        embedcnn.Sequential(
            [Input((None,), dtype="int32"), Embedding(9, 4, name="table"), LSTM(units, name="lstm")]
        )
        for units in (5, 6)
    )
    saved.save_weights(tmp_path / "weights")
    before = other.get_weights()
    with pytest.raises(
        ValueError, match=r"lstm/kernel.*\(4, 24\).*\(4, 20\)|lstm/kernel.*\(4, 20\).*\(4, 24\)"
    ):
        other.load_weights(tmp_path / "weights")
    for one, expected in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, expected)


# -- nothing is lost -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("x", "y"), [(X + 9, Y), (X, Y + 9), (X, Y[:, :4]), (X[:, :0], Y[:, :0]), (X[:2], Y[:2]), (X, Y[:2])]
)
def test_a_stateful_model_goes_on_as_before(x, y):
    model, expected = stateful(), stateful()
    expected.set_weights(model.get_weights())
    for one in (model, expected):
        one.train_on_batch(X[:4], Y[:4])
    before = [state.numpy() for state in model.layers[1].states]
    with pytest.raises(ValueError):
        model.train_on_batch(x[:4], y[:4])
    with pytest.raises(ValueError):
        model.layers[1].reset_state([np.ones((4, 5)), np.ones((4, 6))])
    for state, value in zip(model.layers[1].states, before, strict=True):
        np.testing.assert_array_equal(state.numpy(), value)
    assert model.train_on_batch(X[4:8], Y[4:8]) == expected.train_on_batch(X[4:8], Y[4:8])
    for one, other in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_wrong_weights_of_pytorch_change_nothing():
    layer = built(LSTM(2))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="`bias_hh`"):
        torch_weights(layer, bias_hh=(9,))
    for one, expected in zip(layer.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, expected)


def test_a_loss_that_is_not_finite(capsys):
    def broken():
        model = each_step()
        model.set_weights([np.full(weight.shape, np.nan) for weight in model.weights])
        return model

    model = broken()
    history = fit(model, epochs=3, callbacks=callbacks.TerminateOnNaN())
    assert model.optimizer.steps == 1 and np.isnan(history.history["loss"]).all()
    assert "Batch 0: the loss is nan, terminating training" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="Batch 0: the loss is nan, training is terminated"):
        fit(broken(), callbacks=callbacks.TerminateOnNaN(raise_error=True))
    assert np.isnan(fit(broken(), epochs=2).history["loss"]).all(), "without it fit goes on, as in Keras"


def test_a_text_too_short_for_its_windows_leaves_the_writer_alone(tmp_path):
    before = WRITER.generate("abc", 9, seed=1)
    for text in ("", "abc", "x" * 90):
        with pytest.raises(ValueError):
            WRITER.fit(text, 10, verbose=0)
    assert WRITER.generate("abc", 9, seed=1) == before
    WRITER.save(tmp_path / "writer")
    assert models.load_model(tmp_path / "writer").epochs_trained == 0
