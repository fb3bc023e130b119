"""Training with carried states (truncated backpropagation through time), and the windows it reads."""

import numpy as np
import pytest

import embedcnn
from embedcnn import CharLanguageModel, callbacks, layers, losses, optimizers
from embedcnn.callbacks import BackupAndRestore, CarryState
from embedcnn.data import split_input_target, text_streams, text_windows
from embedcnn.generation import generate

RNG = np.random.default_rng(0)
TEXT = "".join(RNG.choice(list("abcde "), 700))
SMALL = {"embedding_dim": 5, "units": 12, "learning_rate": 0.02, "seed": 1}


@pytest.fixture(autouse=True)
def same_weights():
    embedcnn.utils.set_random_seed(1)


def test_streams():
    x, y = text_streams(np.arange(26), 3, 4)
    assert x.shape == (6, 4) and (y == x + 1).all()
    assert x[::3].ravel().tolist() == [*range(8)] and x[1::3].ravel().tolist() == [*range(8, 16)]
    assert text_streams(range(13), 3, 4)[0].ravel().tolist() == [*range(12)]
    with pytest.raises(ValueError, match=r"batch_size \* length = 3 \* 4 tokens.*Received: 12"):
        text_streams(range(12), 3, 4)
    with pytest.raises(ValueError, match="`batch_size`"):
        text_streams(range(12), 0, 4)
    with pytest.raises(ValueError, match="`ids` must be the token ids of one text"):
        text_streams(np.zeros((3, 9)), 1, 2)


def test_split_input_target():
    x, y = split_input_target(np.array([[1, 2, 3], [4, 5, 6]]))
    assert x.tolist() == [[1, 2], [4, 5]] and y.tolist() == [[2, 3], [5, 6]]
    for wrong in (3, [1]):
        with pytest.raises(ValueError, match="at least two tokens"):
            split_input_target(wrong)


def stateful_layers(writer, batch_size):
    """The same model as Keras users write it, with the same weights."""
    size = len(writer.vocabulary)
    stack = [embedcnn.Input(batch_shape=(batch_size, None), dtype="int32"), layers.Embedding(size, 5)]
    count = sum(isinstance(layer, layers.LSTM) for layer in writer.model.layers)
    stack += [layers.LSTM(12, return_sequences=True, stateful=True) for _ in range(count)]
    model = embedcnn.Sequential([*stack, layers.Dense(size)], seed=writer.model.seed)
    model.compile(
        optimizers.Adam(0.02, global_clipnorm=1.0), losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.set_weights(writer.model.get_weights())
    return model


def reset(model):
    for layer in model.layers:
        if isinstance(layer, layers.LSTM):
            layer.reset_state()


@pytest.mark.parametrize("layer_count", [1, 2])
def test_the_same_bits_as_stateful_layers(threads, layer_count):
    writer = CharLanguageModel(TEXT, layer_count=layer_count, **SMALL)
    plain = stateful_layers(writer, 6)
    ids = writer.encode(TEXT)
    history = writer.fit(
        TEXT, 9, 6, epochs=3, validation_split=0.2, carry_state=True, reset_rate=0.0, verbose=0
    ).history
    x, y = text_streams(ids[:560], 6, 9)
    held = text_streams(ids[560:], 6, 9)
    for epoch in range(3):
        reset(plain)
        losses_ = [plain.train_on_batch(x[i : i + 6], y[i : i + 6]) for i in range(0, len(x), 6)]
        assert np.mean(losses_) == pytest.approx(history["loss"][epoch], rel=1e-12)
        reset(plain)
        measured = plain.evaluate(*held, batch_size=6, verbose=0)
        assert measured == history["val_loss"][epoch]
    for one, other in zip(writer.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_stateful_layers_as_keras_users_write_them():
    """fit with shuffle=False and a reset in each epoch; the model then writes, and keeps its states."""
    writer = CharLanguageModel(TEXT, **SMALL)
    plain = stateful_layers(writer, 6)
    x, y = text_streams(writer.encode(TEXT), 6, 9)
    resetting = callbacks.LambdaCallback(on_epoch_begin=lambda epoch, logs: reset(plain))
    plain.fit(x, y, batch_size=6, epochs=2, shuffle=False, verbose=0, callbacks=[resetting])
    writer.fit(TEXT, 9, 6, epochs=2, carry_state=True, reset_rate=0.0, verbose=0)
    for one, other in zip(writer.model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    plain.text_encoder = writer.model.text_encoder
    states = [state.numpy() for layer in plain.layers for state in getattr(layer, "states", [])]
    assert states and all(state.any() for state in states)
    written = generate(plain, ["abc", "e"], 20, seed=2)
    assert written == writer.generate(["abc", "e"], 20, seed=2)
    after = [state.numpy() for layer in plain.layers for state in getattr(layer, "states", [])]
    np.testing.assert_array_equal(states, after)


def test_what_was_read_counts():
    """A text in short windows with carried states is worth what it is in one long window."""
    writer = CharLanguageModel(TEXT, **SMALL)
    text = "abcde " * 66 + "abcde"
    writer.fit(text, 20, 4, epochs=20, verbose=0)
    whole = writer.evaluate(text, 400, 1)["loss"]
    carried = writer.evaluate(text, 8, 1, carry_state=True)["loss"]
    assert carried == pytest.approx(whole, rel=1e-6)
    assert writer.evaluate(text, 8, 1)["loss"] > 1.05 * whole
    assert writer.model._programs._carrier is None


def test_the_model_stays_as_it_is(tmp_path):
    writer = CharLanguageModel(TEXT, **SMALL)
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "best", monitor="loss")
    written = []
    look = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: written.append(writer.generate("abc", 20, seed=1))
    )
    writer.fit(TEXT, 20, 5, epochs=2, carry_state=True, verbose=0, callbacks=[checkpoint, look])
    again = CharLanguageModel.load(tmp_path / "best")
    assert again.generate("abc", 20, seed=1) == written[-1] == writer.generate("abc", 20, seed=1)
    assert not any(getattr(layer, "stateful", False) for layer in writer.model.layers)
    writer.fit(TEXT, 20, 3, verbose=0)  # another batch size, windows shuffled
    assert writer.generate(["abc", "de"], 5, seed=1) != writer.generate(["abc", "de"], 5, seed=2)


class Stop(callbacks.Callback):
    def __init__(self, at):
        self.at = at

    def on_train_batch_end(self, batch, logs=None):
        self.at -= 1
        if not self.at:
            raise KeyboardInterrupt


@pytest.mark.parametrize("frequency", [4, "epoch"])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, frequency):
    def weights_of(*stops):
        for at in (*stops, 10**9):
            embedcnn.utils.set_random_seed(3)
            writer = CharLanguageModel(TEXT, dropout=0.2, **SMALL)
            watching = [BackupAndRestore(tmp_path / "backup", frequency), Stop(at)]
            try:
                history = writer.fit(
                    TEXT, 10, 7, epochs=3, carry_state=True, reset_rate=0.3, verbose=0, callbacks=watching
                ).history
            except KeyboardInterrupt:
                continue
            break
        return [*writer.model.get_weights(), np.array(list(history.values()))]

    for one, other in zip(weights_of(), weights_of(15, 3, 6), strict=True):
        np.testing.assert_array_equal(one, other)


def test_any_model_of_recurrent_layers():
    """Without a language model: GRU and SimpleRNN over numbers, against their stateful forms."""
    x = RNG.normal(size=(12, 4, 3)).astype(np.float32)
    y = RNG.normal(size=(12, 4, 1)).astype(np.float32)

    def made(batch, stateful):
        return embedcnn.Sequential(
            [
                embedcnn.Input(batch_shape=(batch, None, 3)),
                layers.GRU(5, return_sequences=True, stateful=stateful),
                layers.SimpleRNN(4, return_sequences=True, stateful=stateful),
                layers.Dense(1),
            ],
            seed=1,
        )

    carried, stateful = made(None, False), made(3, True)
    stateful.set_weights(carried.get_weights())
    for model in (carried, stateful):
        model.compile("sgd", "mse")
    settings = {"batch_size": 3, "shuffle": False, "verbose": 0}
    carried.fit(x, y, callbacks=[CarryState(3)], **settings)
    stateful.fit(x, y, **settings)
    for one, other in zip(carried.get_weights(), stateful.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_some_rows_begin_anew():
    writer = CharLanguageModel(TEXT, **SMALL)
    carried = CarryState(20, reset_rate=0.25)
    zeros, states = [], lambda: carried._states["train"]

    class Look(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            if batch:
                rows = [(state.value == 0).all(1) for state in states()]
                np.testing.assert_array_equal(*rows)
                zeros.append(rows[0])

    x, y = text_streams(np.tile(writer.encode(TEXT), 10), 20, 10)
    writer.model.fit(x, y, 20, verbose=0, shuffle=False, callbacks=[carried, Look()])
    assert 0.15 < np.mean(zeros) < 0.35
    assert len({rows.tobytes() for rows in zeros}) > len(zeros) // 2, "other rows in each step"


def test_misuse():
    writer = CharLanguageModel(TEXT, **SMALL)
    with pytest.raises(ValueError, match="`stride` and `shuffle` have no meaning"):
        writer.fit(TEXT, 10, 7, carry_state=True, stride=5)
    with pytest.raises(ValueError, match=r"batch_size \* length = 7 \* 200"):
        writer.fit(TEXT, 200, 7, carry_state=True)
    with pytest.raises(ValueError, match="`batch_size`"):
        CarryState(0)
    for rate in (-0.1, 1, True, "all"):
        with pytest.raises(ValueError, match=r"`reset_rate` must be a number in \[0, 1\)"):
            CarryState(4, rate)
    x, y = text_windows(writer.encode(TEXT), 10)
    with pytest.raises(ValueError, match="keeps the states of 8 texts; this batch has 5"):
        writer.model.fit(x, y, 5, verbose=0, shuffle=False, callbacks=[CarryState(8)])
    tokens = embedcnn.Input((None,), dtype="int32")
    both = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(layers.Embedding(5, 3)(tokens))
    model = embedcnn.Model(tokens, layers.Dense(5, activation="softmax")(both))
    model.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="reads backwards"):
        model.fit(x % 5, y % 5, verbose=0, callbacks=[CarryState(32)])
    model.fit(x % 5, y % 5, verbose=0)
