"""LSTM, GRU, SimpleRNN and the layers around them: against Keras, PyTorch and each other; states; misuse."""

from pathlib import Path

import numpy as np
import pytest
from golden import recurrent_cases as cases
from safetensors.numpy import load_file

import embedcnn
from embedcnn import _core, layers
from embedcnn.graph import flatten
from embedcnn.layers import GRU, LSTM, Bidirectional, Dense, Embedding, SimpleRNN, TimeDistributed

GOLDEN = Path(__file__).parents[1] / "golden"

KERAS = load_file(GOLDEN / "keras_recurrent.safetensors")


def model_of_case(cell, name, mask_given=False):
    x, mask, states, weights = cases.numbers(cell, name)
    inputs = [embedcnn.Input(x.shape[1:]), *[embedcnn.Input(state.shape[1:]) for state in states]]
    layer = cases.build(layers, cell, name)
    options = {"initial_state": inputs[1:]} if states else {}
    if mask_given:  # values at masked steps must not matter
        x = np.where(mask[:, :, None], x, 7.0).astype(np.float32)
        inputs, states = [*inputs, embedcnn.Input((cases.TIME,), dtype="bool")], [*states, mask]
        out = layer(inputs[0], mask=inputs[-1], **options)
    else:
        out = layer(inputs[0] if mask is None else layers.Masking()(inputs[0]), **options)
    model = embedcnn.Model(inputs, flatten(out))
    layer.set_weights(weights)
    return model, layer, [x, *states]


@pytest.mark.parametrize("cell, name", cases.CASES)
def test_outputs_and_gradients_are_those_of_keras(rung, cell, name):
    check_against_keras(cell, name, *model_of_case(cell, name))


@pytest.mark.parametrize("cell, name", [case for case in cases.CASES if "mask" in cases.SETTINGS[case[1]]])
def test_a_mask_given_in_the_call_is_that_of_keras(tmp_path, cell, name):
    model, layer, inputs = model_of_case(cell, name, mask_given=True)
    check_against_keras(cell, name, model, layer, inputs)
    model.save(tmp_path / "model")
    loaded = embedcnn.models.load_model(tmp_path / "model")
    for one, other in zip(*[flatten(m.predict(inputs, verbose=0)) for m in (model, loaded)], strict=True):
        np.testing.assert_array_equal(one, other)


def check_against_keras(cell, name, model, layer, inputs):
    lowered = model.lowered_as("forward")
    program = _core.Program(*lowered.program_arguments(), input_gradients=True)
    for number, variable in enumerate(lowered.variables):
        program.bind(number, variable.value, True, [], np.zeros(1, np.int64))
    inputs = [np.ascontiguousarray(one, np.float32) for one in inputs]
    outs = program.forward(inputs, training=True, step=0)
    for number, out in enumerate(outs):
        np.testing.assert_allclose(out, KERAS[f"{cell}/{name}/output {number}"], atol=2e-6)
    program.backward([cases.output_weights(out.shape, number) for number, out in enumerate(outs)])
    numbers = {id(variable): number for number, variable in enumerate(lowered.variables)}
    given = [number for number, tensor in enumerate(model.inputs) if tensor.shape[1:] != (cases.TIME,)]
    got = [program.input_gradient(number) for number in given]
    got += [program.gradient(numbers[id(variable)]) for variable in layer.weights]
    for number, gradient in enumerate(got):
        expected = KERAS[f"{cell}/{name}/gradient {number}"]
        np.testing.assert_allclose(gradient, expected, atol=1e-5 * max(1, np.abs(expected).max()))


def test_the_golden_file_holds_what_the_test_reads():
    assert len(KERAS) >= 900
    trained = {("trained", name) for name in cases.TRAINED}
    assert {tuple(key.split("/")[:2]) for key in KERAS} == set(cases.CASES) | trained


@pytest.mark.parametrize("name", cases.TRAINED)
def test_regularizers_and_constraints_are_those_of_keras(name):
    """Losses and weights after three steps; the regularizers of layers inside others too."""
    model = cases.training_model(embedcnn, name)
    x, y = cases.training_data(model.output_shape)
    history = model.fit(x, y, batch_size=8, epochs=3, verbose=0)
    np.testing.assert_allclose(history.history["loss"], KERAS[f"trained/{name}/loss"], rtol=2e-5)
    for number, weight in enumerate(model.get_weights()):
        np.testing.assert_allclose(weight, KERAS[f"trained/{name}/weight {number}"], atol=1e-5)


@pytest.mark.parametrize("cell", [LSTM, GRU, SimpleRNN])
def test_weights_of_pytorch(cell):
    torch = pytest.importorskip("torch")
    kinds = {LSTM: torch.nn.LSTM, GRU: torch.nn.GRU, SimpleRNN: torch.nn.RNN}
    torch.manual_seed(1)
    theirs = kinds[cell](6, 17, batch_first=True)
    layer = cell(17, return_sequences=True)
    model = embedcnn.Sequential([embedcnn.Input((None, 6)), layer])
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    layer.set_torch_weights(*[getattr(theirs, name).detach().numpy() for name in names])
    x = np.random.default_rng(2).normal(size=(5, 30, 6)).astype(np.float32)
    expected = theirs(torch.from_numpy(x))[0].detach().numpy()
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=2e-6)
    with pytest.raises(ValueError, match="has a bias: give .*`bias_ih` and `bias_hh`"):
        layer.set_torch_weights(*[getattr(theirs, name).detach().numpy() for name in names[:2]])


@pytest.mark.parametrize("cell", [LSTM, GRU, SimpleRNN])
def test_an_embedding_below_gives_what_vectors_give(cell):
    """The fused path over distinct tokens, Ragged and padded ids, against the general one."""
    rng = np.random.default_rng(3)
    table = rng.normal(size=(12, 5)).astype(np.float32)
    layer = cell(9)
    ids = embedcnn.Input((None,), dtype="int32")
    embedding = Embedding(12, 5, weights=[table], mask_zero=True)
    fused = embedcnn.Model(ids, layer(embedding(ids)))
    assert [op.name for op in fused.lowered().operations] == ["lookup", layer.operation]
    vectors = embedcnn.Input((None, 5))
    general = embedcnn.Model(vectors, layer(vectors))
    texts = [[3, 4, 5], [1], [2, 2, 9, 11, 7, 3]]
    expected = [general.predict(table[text][None], verbose=0)[0] for text in texts]
    padded = [embedcnn.utils.pad_sequences(texts, 8, padding=side) for side in ("pre", "post")]
    for x in (*padded, embedcnn.Ragged.from_sequences(texts)):
        np.testing.assert_allclose(fused.predict(x, verbose=0), expected, atol=1e-6)


def test_dropout_is_the_same_at_each_step_and_absent_in_prediction():
    ids = embedcnn.Input((6,), dtype="int32")
    out = LSTM(8, dropout=0.5, recurrent_dropout=0.5, return_sequences=True, seed=4)(Embedding(9, 4)(ids))
    model = embedcnn.Model(ids, out)
    x = np.arange(12).reshape(2, 6) % 9
    once, again, plain = model(x, training=True), model(x, training=True), model(x)
    assert min(np.abs(once - plain).max(), np.abs(once - again).max()) > 1e-3
    assert (model.predict(x, verbose=0) == plain).all()


def test_stateful_goes_on_and_resets():
    x = np.random.default_rng(5).normal(size=(2, 6, 3)).astype(np.float32)
    layer = LSTM(4, return_sequences=True, stateful=True)
    model = embedcnn.Sequential([embedcnn.Input((None, 3), batch_size=2), layer])
    plain_layer = LSTM(4, return_sequences=True)
    plain = embedcnn.Sequential([embedcnn.Input((None, 3)), plain_layer])
    plain_layer.set_weights(layer.get_weights())
    assert len(layer.get_weights()) == 3
    whole = plain.predict(x, verbose=0)
    first = model.predict_on_batch(x[:, :2])
    second = model.predict_on_batch(x[:, 2:])
    np.testing.assert_allclose(np.concatenate([first, second], 1), whole, atol=1e-6)
    layer.reset_state()
    np.testing.assert_array_equal(model.predict_on_batch(x[:, :2]), first)
    layer.reset_state([np.zeros((2, 4)), np.zeros((2, 4))])
    np.testing.assert_array_equal(model.predict_on_batch(x[:, :2]), first)
    with pytest.raises(
        ValueError, match=r"states of 2 texts; this batch has 1 \(all batches must have batch_size=2\)"
    ):
        model.predict_on_batch(x[:1])


def test_a_text_classifier_learns_saves_and_loads(tmp_path):
    rng = np.random.default_rng(6)
    x = rng.integers(1, 10, (200, 12))
    y = (x == 7).any(1).astype(int)
    model = embedcnn.Sequential(
        [
            Embedding(10, 8, mask_zero=True),
            Bidirectional(GRU(12, return_sequences=True)),
            LSTM(12),
            Dense(2, activation="softmax"),
        ],
        seed=1,
    )
    model.compile(embedcnn.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=20, epochs=15, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    model.save(tmp_path / "model.embedcnn")
    again = embedcnn.models.load_model(tmp_path / "model.embedcnn")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    again.fit(x, y, batch_size=20, epochs=1, verbose=0)


def test_configurations_make_the_same_layer():
    for layer in (
        LSTM(3, dropout=0.1, recurrent_dropout=0.2, unit_forget_bias=False, seed=3, go_backwards=True),
        GRU(3, return_state=True, kernel_regularizer="l2", activation="relu"),
        SimpleRNN(4, use_bias=False, zero_output_for_mask=True),
        Bidirectional(LSTM(3), merge_mode="ave"),
        TimeDistributed(Dense(3, activation="relu")),
    ):
        config = layer.get_config()
        assert type(layer).from_config(config).get_config() == config


def test_forget_gates_start_at_one():
    layer = LSTM(4)
    layer(embedcnn.Input((None, 3)))
    np.testing.assert_array_equal(layer.bias.numpy(), np.repeat([0, 1, 0, 0], 4))


def test_both_outputs_of_bidirectional():
    x = embedcnn.Input((5, 3))
    forward, backward = Bidirectional(SimpleRNN(4), merge_mode=None)(x)
    model = embedcnn.Model(x, [forward, backward])
    value = np.random.default_rng(7).normal(size=(2, 5, 3)).astype(np.float32)
    one, other = model.predict(value, verbose=0)
    assert one.shape == other.shape == (2, 4) and np.abs(one - other).max() > 1e-3


def test_time_distributed_is_the_layer_itself():
    x = embedcnn.Input((5, 3))
    wrapped = TimeDistributed(Dense(4, activation="tanh"))
    model = embedcnn.Model(x, wrapped(x))
    value = np.random.default_rng(8).normal(size=(2, 5, 3)).astype(np.float32)
    kernel, bias = wrapped.get_weights()
    np.testing.assert_allclose(model.predict(value, verbose=0), np.tanh(value @ kernel + bias), atol=1e-6)


@pytest.mark.parametrize("seed", [None, 5])
def test_the_directions_of_bidirectional_drop_different_values(seed):
    ids = embedcnn.Input((6,), dtype="int32")
    one = LSTM(64, dropout=0.5, recurrent_dropout=0.5, kernel_initializer="zeros", seed=seed)
    forward, backward = Bidirectional(one, merge_mode=None)(Embedding(9, 32)(ids))
    model = embedcnn.Model(ids, layers.Concatenate()([forward, backward]), seed=2)
    model.compile("sgd", "mse")
    table, *one_direction = model.get_weights()[:4]
    model.set_weights([table, *one_direction * 2])
    x = np.ones((1, 6), int)  # the same in both directions, but for what is dropped
    before = model.predict(x, verbose=0)
    np.testing.assert_array_equal(before[:, :64], before[:, 64:])
    model.train_on_batch(x, np.ones((1, 128)))
    weights = model.get_weights()
    dropped = [np.abs(weight).max(1) == 0 for weight in (weights[1], weights[4])]
    assert 4 < dropped[0].sum() < 28 and 4 < dropped[1].sum() < 28 and (dropped[0] != dropped[1]).any()


MISUSE = [
    (lambda: LSTM(0), ValueError, "`units`"),
    (lambda: LSTM(2.5), (TypeError, ValueError), "`units`"),
    (lambda: LSTM(2, activation="gelu"), ValueError, "whose slope follows from its value"),
    (lambda: LSTM(2, activation="wrong"), ValueError, "wrong"),
    (lambda: LSTM(2, dropout=1.0), ValueError, r"`dropout` must be a number in \[0, 1\)"),
    (
        lambda: LSTM(2, recurrent_dropout=-0.1),
        ValueError,
        r"`recurrent_dropout` must be a number in \[0, 1\)",
    ),
    (lambda: LSTM(2, return_sequences=1), TypeError, "`return_sequences` must be True or False"),
    (lambda: LSTM(2, seed="a"), ValueError, "`seed` must be an integer"),
    (lambda: LSTM(2, wrong=1), ValueError, "Unrecognized keyword arguments"),
    (lambda: GRU(2, reset_after=0), TypeError, "`reset_after` must be True or False"),
    (lambda: SimpleRNN(2, recurrent_activation="relu"), (TypeError, ValueError), "recurrent_activation"),
    (lambda: LSTM(2)(embedcnn.Input((3,))), ValueError, "expects an input of 3 axes"),
    (
        lambda: LSTM(2)(LSTM(2)(embedcnn.Input((4, 3)))),
        ValueError,
        "give the layer below, .*, return_sequences=True",
    ),
    (lambda: LSTM(2)(embedcnn.Input((4, None))), ValueError, "last axis"),
    (lambda: LSTM(2)(None), TypeError, "must be called on the result of Input"),
    (
        lambda: LSTM(2)(embedcnn.Input((4, 3)), initial_state=[embedcnn.Input((2,))]),
        ValueError,
        r"has 2 state\(s\)",
    ),
    (
        lambda: GRU(2)(embedcnn.Input((4, 3)), initial_state=embedcnn.Input((5,))),
        ValueError,
        r"must have the shape \(batch, 2\)",
    ),
    (lambda: LSTM(2)(embedcnn.Input((4, 3)), mask=1), TypeError, "`mask` must be the result of Input"),
    (
        lambda: LSTM(2)(embedcnn.Input((4, 3)), mask=embedcnn.Input((5,))),
        ValueError,
        "as many steps as the sequence",
    ),
    (lambda: layers.ApplyMask()(embedcnn.Input((4, 3))), ValueError, "a sequence and its mask"),
    (lambda: LSTM(2)(embedcnn.Input((4, 3)), wrong=1), TypeError, "unknown arguments"),
    (lambda: LSTM(2, stateful=True)(embedcnn.Input((4, 3))), ValueError, "must have a fixed size"),
    (lambda: LSTM(2).reset_state(), ValueError, "is not stateful"),
    (lambda: Bidirectional(Dense(2)), TypeError, "must be an LSTM, GRU, SimpleRNN or RNN"),
    (lambda: Bidirectional(LSTM(2), merge_mode="max"), ValueError, "merge_mode"),
    (
        lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2)),
        ValueError,
        "must read in the other direction",
    ),
    (lambda: TimeDistributed(3), TypeError, "must be a layer or model of one input"),
    (
        lambda: TimeDistributed(layers.Conv1D(2, 2))(embedcnn.Input((4, 3))),
        ValueError,
        "to each step of shape .*, which is of shape .*expects an input of 3 axes",
    ),
    (lambda: TimeDistributed(Dense(2))(embedcnn.Input((4,))), ValueError, "expects an input of 3 axes"),
]


@pytest.mark.parametrize("number", range(len(MISUSE)))
def test_misuse(number):
    wrong, error, text = MISUSE[number]
    with pytest.raises(error, match=text):
        wrong()


def test_misuse_of_a_built_layer():
    layer = LSTM(2)
    layer(embedcnn.Input((4, 3)))
    with pytest.raises(ValueError, match="was built for 3 channels"):
        layer(embedcnn.Input((4, 5)))
    with pytest.raises(ValueError, match="has 3 weights"):
        layer.set_weights([np.zeros((3, 8))])
    stateful = GRU(2, stateful=True)
    stateful(embedcnn.Input((4, 3), batch_size=2))
    with pytest.raises(ValueError, match=r"has 1 state\(s\).* Received: 2 arrays"):
        stateful.reset_state([np.zeros((2, 2))] * 2)


def test_input_and_output_of_a_layer_list_several_tensors():
    sequence, state = embedcnn.Input((None, 3)), embedcnn.Input((4,))
    encoder, decoder = LSTM(4, return_state=True), GRU(4)
    _, h, _ = encoder(sequence)
    decoder(sequence, initial_state=state)
    model = embedcnn.Model([sequence, state], decoder.output)
    assert encoder.input is sequence and decoder.input == [sequence, state]
    _, last, cell = encoder.output  # as the seq2seq example of Keras takes a saved model apart
    assert last is h and last.shape == cell.shape == (None, 4)
    states = embedcnn.Model(encoder.input, [last, cell]).predict(np.ones((2, 5, 3), np.float32), verbose=0)
    assert [one.shape for one in states] == [(2, 4), (2, 4)]
    assert model.layers[-1].output.shape == (None, 4)


def test_arrays_of_several_layers_of_pytorch_are_refused_with_a_hint():
    layer = LSTM(2)
    layer(embedcnn.Input((None, 3)))
    arrays = [np.zeros((8, 3)), np.zeros((8, 2)), np.zeros(8), np.zeros(8)]
    with pytest.raises(ValueError, match=r"Received: 8 arrays; PyTorch has as many for each layer and dir"):
        layer.set_torch_weights(*arrays, *arrays)
    layer.set_torch_weights(*arrays)
