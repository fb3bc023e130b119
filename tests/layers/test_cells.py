"""Cells, RNN and stacks of cells; states of Bidirectional; weights from PyTorch and back."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.graph import flatten
from embedcnn.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Dense,
    Embedding,
    GRUCell,
    LSTMCell,
    SimpleRNN,
    SimpleRNNCell,
    StackedRNNCells,
)

PAIRS = {
    "SimpleRNN": (SimpleRNNCell, SimpleRNN, {}),
    "LSTM": (LSTMCell, LSTM, {}),
    "GRU": (GRUCell, GRU, {}),
    "GRU before": (GRUCell, GRU, {"reset_after": False}),
}
RNG = np.random.default_rng(1)
X = RNG.normal(size=(4, 6, 3)).astype(np.float32)


def randomize(layer, seed=2):
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(size=weight.shape) / 2 for weight in layer.weights])


@pytest.mark.parametrize("name", PAIRS)
def test_a_cell_run_is_the_layer(name):
    cell, kind, options = PAIRS[name]
    x = embedcnn.Input((6, 3))
    settings = {"return_sequences": True, "return_state": True, "go_backwards": True}
    run, layer = RNN(cell(5, **options), **settings), kind(5, **options, **settings)
    outs = [run(x), layer(x)]
    randomize(run)
    layer.set_weights(run.get_weights())
    assert [weight.name for weight in run.weights] == [weight.name for weight in layer.weights]
    models = [embedcnn.Model(x, out) for out in outs]
    for one, other in zip(*[model.predict(X, verbose=0) for model in models], strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", PAIRS)
def test_steps_of_a_cell_are_the_layer(name):
    """The cell called on each step, with the states before it, against RNN of the same cell."""
    cell, _, options = PAIRS[name]
    cell = cell(5, **options)
    whole = embedcnn.Input((6, 3))
    run = embedcnn.Model(whole, RNN(cell, return_sequences=True)(whole))
    randomize(cell)
    steps = [embedcnn.Input((3,)) for _ in range(6)]
    first = [embedcnn.Input((5,)) for _ in flatten(cell.state_shapes)]
    states, outs = first, []
    for step in steps:
        out, states = cell(step, states)
        outs.append(out)
    model = embedcnn.Model([*steps, *first], outs)
    zeros = cell.get_initial_state(4)
    assert [state.shape for state in zeros] == [(4, 5)] * len(first)
    got = model.predict([*[X[:, t] for t in range(6)], *zeros], verbose=0)
    np.testing.assert_allclose(np.stack(got, 1), run.predict(X, verbose=0), atol=1e-6)


def test_stacked_cells_called_on_a_step_and_trained():
    stack = StackedRNNCells([LSTMCell(4), GRUCell(3)])
    assert stack.state_size == [[4, 4], 3] and stack.output_size == 3 and LSTMCell(2).state_size == [2, 2]
    x = embedcnn.Input((3,))
    given = [[embedcnn.Input((4,)), embedcnn.Input((4,))], [embedcnn.Input((3,))]]
    out, states = stack(x, given)
    assert out.shape == (None, 3) and [[s.shape[1] for s in one] for one in states] == [[4, 4], [3]]
    model = embedcnn.Model([x, *flatten(given)], [out, *flatten(states)], seed=1)
    whole = embedcnn.Input((1, 3))
    run = embedcnn.Model(whole, RNN(stack)(whole))
    zeros = flatten(stack.get_initial_state(4))
    assert [state.shape[1] for state in zeros] == [4, 4, 3]
    first = X[:, 0]
    expected = run.predict(first[:, None], verbose=0)
    np.testing.assert_allclose(model.predict([first, *zeros], verbose=0)[0], expected, atol=1e-6)
    trained = embedcnn.Model([x, *flatten(given)], Dense(1)(out), seed=1)
    trained.compile(embedcnn.optimizers.Adam(0.05), "mse")
    losses = trained.fit([first, *zeros], first[:, :1], epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    assert np.abs(run.predict(first[:, None], verbose=0) - expected).max() > 1e-2  # the weights are shared


@pytest.mark.parametrize("bottom", [LSTMCell(4), GRUCell(4, reset_after=False, dropout=0.1)])
def test_stacks_are_saved_and_loaded(tmp_path, bottom):
    ids = embedcnn.Input((6,), dtype="int32")
    cells = [bottom, SimpleRNNCell(3, recurrent_dropout=0.2, kernel_regularizer="l2")]
    run = RNN(cells, return_sequences=True, go_backwards=True)
    out, *states = RNN(LSTMCell(3), return_state=True)(run(Embedding(9, 5, mask_zero=True)(ids)))
    both = Bidirectional(RNN(GRUCell(2), return_state=True))(run.output)
    model = embedcnn.Model(ids, [out, *states, *both], seed=3)
    x = np.random.default_rng(3).integers(0, 9, (5, 6))
    expected = model.predict(x, verbose=0)
    model.save(tmp_path / "stack.embedcnn")
    loaded = embedcnn.models.load_model(tmp_path / "stack.embedcnn")
    for one, other in zip(loaded.predict(x, verbose=0), expected, strict=True):
        np.testing.assert_array_equal(one, other)
    for layer in (run, run.cell, bottom):
        assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    inner = embedcnn.Input((6,), dtype="int32")
    nested = embedcnn.Model(inner, model(inner))
    for one, other in zip(nested.predict(x, verbose=0), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_dropout_of_stacked_cells():
    """The same weights and sizes above each other: each cell drops other channels."""
    settings = {"dropout": 0.5, "kernel_initializer": "zeros", "recurrent_initializer": "zeros"}
    for options in ({}, {"seed": 5}):
        cells = [SimpleRNNCell(64, activation="linear", **settings, **options) for _ in range(2)]
        x = embedcnn.Input((1, 64))
        run = RNN(cells)
        model = embedcnn.Model(x, run(x), seed=1)
        run.set_weights([np.eye(64), np.zeros((64, 64)), np.zeros(64)] * 2)
        out = model(np.ones((1, 1, 64), np.float32), training=True)
        assert 4 <= np.count_nonzero(out) <= 30  # a quarter, not a half


def test_a_cell_that_two_layers_share(tmp_path):
    cell = GRUCell(4)
    x = embedcnn.Input((6, 3))
    model = embedcnn.Model(x, layers.Add()([RNN(cell)(x), RNN(cell, go_backwards=True)(x)]))
    assert len(model.weights) == 3
    cell.trainable = False
    assert model.trainable_weights == []
    cell.trainable = True
    model.compile(embedcnn.optimizers.SGD(0.1), "mse")
    before = model.get_weights()
    model.fit(X, np.zeros((4, 4)), epochs=1, verbose=0)
    assert all((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))
    with pytest.raises(ValueError, match="share weights"):
        model.save(tmp_path / "model")
    model.save_weights(tmp_path / "weights")
    model.load_weights(tmp_path / "weights")


def test_layers_inside_others_stay_frozen():
    both = Bidirectional(LSTM(2, trainable=False))
    both(embedcnn.Input((4, 3)))
    assert both.trainable_weights == [] and len(both.weights) == 6
    both.backward_layer.trainable = True
    assert len(both.trainable_weights) == 3


@pytest.mark.parametrize("stateful_in", [lambda layer: layer, Bidirectional])
def test_stateful_stacks_go_on(stateful_in):
    cells = [LSTMCell(3), GRUCell(2, reset_after=False)]
    layer = stateful_in(RNN(cells, stateful=True))
    x = embedcnn.Input((None, 3), batch_size=4)
    model = embedcnn.Model(x, layer(x))
    plain_layer = stateful_in(RNN([LSTMCell(3), GRUCell(2, reset_after=False)]))
    y = embedcnn.Input((None, 3))
    plain = embedcnn.Model(y, plain_layer(y))
    plain_layer.set_weights(layer.get_weights())
    model.predict_on_batch(X[:, :2])
    got = model.predict_on_batch(X[:, 2:])
    forward = slice(0, 2)  # the backward layer goes on from what it read before: no text read whole
    np.testing.assert_allclose(got[:, forward], plain.predict(X, verbose=0)[:, forward], atol=1e-6)
    assert len(layer.states) == (3 if layer is not None and isinstance(layer, RNN) else 6)
    layer.reset_state()
    np.testing.assert_allclose(model.predict_on_batch(X), plain.predict(X, verbose=0), atol=1e-6)
    layer.reset_state([np.ones_like(state.value) for state in layer.states])
    assert all((state.value == 1).all() for state in layer.states)


def test_a_stack_writes_text():
    """Step by step with carried states, against the whole text at once."""
    from embedcnn.generation import Stepper

    model = embedcnn.Sequential(
        [
            Embedding(7, 4),
            RNN([GRUCell(5, reset_after=False), LSTMCell(6)], return_sequences=True),
            Dense(7, activation="softmax"),
        ],
        seed=2,
    )
    model.build((None, None))
    ids = np.array([[1, 5, 2, 6, 0]])
    stepper = Stepper(model)
    got = [stepper.read(ids[:, t : t + 1])[0] for t in range(5)]
    np.testing.assert_allclose(np.exp(got), model.predict(ids, verbose=0)[0], atol=1e-6)


KINDS = {"LSTM": LSTM, "GRU": GRU, "RNN": SimpleRNN}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", KINDS)
def test_two_bidirectional_layers_of_pytorch(name, bias):
    """Outputs and gradients of torch.nn.LSTM(num_layers=2, bidirectional=True), and its weights back."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(4)
    theirs = getattr(torch.nn, name)(3, 7, num_layers=2, bidirectional=True, batch_first=True, bias=bias)
    x = embedcnn.Input((6, 3))
    stack = [Bidirectional(KINDS[name](7, return_sequences=True, use_bias=bias)) for _ in range(2)]
    model = embedcnn.Model(x, stack[1](stack[0](x)))
    parameters, count = list(theirs.parameters()), 8 if bias else 4
    for number, layer in enumerate(stack):
        layer.set_torch_weights(*parameters[count * number : count * (number + 1)])
    out = theirs(torch.from_numpy(X))[0]
    np.testing.assert_allclose(model.predict(X, verbose=0), out.detach().numpy(), atol=1e-5)
    back = [array for layer in stack for array in layer.torch_weights()]
    again = getattr(torch.nn, name)(3, 7, num_layers=2, bidirectional=True, batch_first=True, bias=bias)
    with torch.no_grad():
        for parameter, array in zip(again.parameters(), back, strict=True):
            parameter.copy_(torch.from_numpy(array))
    once_more = again(torch.from_numpy(X))[0].detach().numpy()
    np.testing.assert_allclose(once_more, out.detach().numpy(), atol=1e-5)
    # gradients: of the mean square, by one step of SGD
    model.compile(embedcnn.optimizers.SGD(1.0), "mse")
    before = model.get_weights()
    model.train_on_batch(X, np.zeros((4, 6, 14), np.float32))
    (again(torch.from_numpy(X))[0] ** 2).mean().backward()
    gradients = [parameter.grad.numpy() for parameter in again.parameters()]
    both = name == "GRU" or not bias  # else one bias of ours is the sum of theirs: both have its gradient
    kept = [gradient for n, gradient in enumerate(gradients) if both or n % 4 != 3]
    ours = [one - other for one, other in zip(before, model.get_weights(), strict=True)]
    for one, expected in zip(ours, expected_layout(name, kept, bias), strict=True):
        np.testing.assert_allclose(one, expected, atol=1e-5)


def expected_layout(name, gradients, bias):
    """PyTorch's arrays of each layer and direction as ours."""
    columns = np.arange({"LSTM": 28, "GRU": 21, "RNN": 7}[name])
    if name == "GRU":
        columns = columns.reshape(3, 7)[[1, 0, 2]].ravel()
    count = (4 if name == "GRU" else 3) if bias else 2
    for first in range(0, len(gradients), count):
        kernel, recurrent, *biases = gradients[first : first + count]
        yield kernel.T[:, columns]
        yield recurrent.T[:, columns]
        if biases:
            yield np.stack(biases)[:, columns] if name == "GRU" else biases[0][columns]


@pytest.mark.parametrize("name", KINDS)
def test_stacked_cells_are_layers_of_pytorch(name):
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, name)(3, 5, num_layers=2, batch_first=True)
    run = RNN([PAIRS[KINDS[name].__name__][0](5) for _ in range(2)], return_sequences=True)
    x = embedcnn.Input((6, 3))
    model = embedcnn.Model(x, run(x))
    run.set_torch_weights(*theirs.parameters())
    expected = theirs(torch.from_numpy(X))[0].detach().numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, atol=1e-5)
    other = RNN([PAIRS[KINDS[name].__name__][0](5) for _ in range(2)])
    other(x)
    other.set_torch_weights(*run.torch_weights())
    for one, two in zip(run.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


GOVERNING = [
    f"{weight}_{rule}" for weight in ("kernel", "recurrent", "bias") for rule in ("regularizer", "constraint")
]
RUN = {"return_sequences": False, "return_state": False, "go_backwards": False, "stateful": False}
CELL = {
    "activation": "tanh",
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "recurrent_initializer": "orthogonal",
    "bias_initializer": "zeros",
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "seed": None,
    "name": "a",
    "trainable": True,
    "dtype": "float32",
    **dict.fromkeys(GOVERNING),
}
GATED = {**CELL, "recurrent_activation": "sigmoid"}
RUN_OF_A_CELL = {**RUN, "unroll": False, "activity_regularizer": None}


@pytest.mark.parametrize(
    "kind, arguments",
    [
        (SimpleRNNCell, CELL),
        (LSTMCell, {**GATED, "unit_forget_bias": True}),
        (GRUCell, {**GATED, "reset_after": True}),
        (SimpleRNN, {**CELL, **RUN_OF_A_CELL}),
        (LSTM, {**GATED, **RUN_OF_A_CELL, "unit_forget_bias": True, "use_cudnn": "auto"}),
        (GRU, {**GATED, **RUN_OF_A_CELL, "reset_after": True, "use_cudnn": "auto"}),
    ],
)
def test_every_argument_of_keras_with_its_default(kind, arguments):
    """Those that inspect.signature finds in Keras 3.15, and those of all layers."""
    named, plain = kind(2, **arguments), kind(2, name="a")
    assert named.get_config() == plain.get_config()


def test_sizes_of_states_as_keras_says_them():
    assert RNN(LSTMCell(3)).state_size == [3, 3] and RNN([GRUCell(3), LSTMCell(2)]).state_size == [3, [2, 2]]
    states = RNN([GRUCell(3), LSTMCell(2)]).get_initial_state(4)
    assert [[state.shape for state in one] for one in states] == [[(4, 3)], [(4, 2), (4, 2)]]
    assert LSTM(3).state_size == [3, 3] and GRU(3).get_initial_state(2)[0].shape == (2, 3)


class PythonCell(layers.Layer):
    """A cell that computes on NumPy arrays."""

    state_size = 3

    def call(self, inputs, states):
        return np.tanh(inputs), states


def built(layer):
    layer(embedcnn.Input((4, 3)))
    return layer


MISUSE = [
    (lambda: RNN(3), TypeError, "`cell` must be LSTMCell, GRUCell, SimpleRNNCell or StackedRNNCells"),
    (lambda: RNN(LSTM(3)), TypeError, "`cell` must be LSTMCell"),
    (lambda: RNN(PythonCell())(embedcnn.Input((4, 3))), TypeError, "write the whole recurrence as a Layer"),
    (lambda: RNN([LSTMCell(3), PythonCell()]), TypeError, "`cells` must be LSTMCell"),
    (lambda: RNN([]), ValueError, "`cells` must be a list of cells"),
    (lambda: StackedRNNCells([StackedRNNCells([LSTMCell(2)])]), TypeError, "not stacks of them"),
    (lambda: RNN(LSTMCell(2, activity_regularizer="l2")), ValueError, "give it to the layer"),
    (lambda: LSTMCell(2, return_sequences=True), ValueError, "Unrecognized keyword arguments"),
    (lambda: LSTMCell(2)(embedcnn.Input((4, 3)), []), ValueError, "one step of a text"),
    (lambda: LSTMCell(2)(embedcnn.Input((3,))), ValueError, r"has 2 state\(s\)"),
    (lambda: LSTMCell(2)(embedcnn.Input((3,)), [np.zeros((1, 2))] * 2), TypeError, "For a whole sequence"),
    (lambda: GRUCell(2)(embedcnn.Input((3,)), embedcnn.Input((4,))), ValueError, r"\(batch, 2\)"),
    (lambda: RNN(LSTMCell(2))(embedcnn.Input((3,))), ValueError, "expects an input of 3 axes"),
    (
        lambda: RNN([LSTMCell(2), GRUCell(3)])(embedcnn.Input((4, 3)), initial_state=[embedcnn.Input((2,))]),
        ValueError,
        r"has 3 state\(s\)",
    ),
    (
        lambda: Bidirectional(LSTM(2))(embedcnn.Input((4, 3)), initial_state=[embedcnn.Input((2,))] * 2),
        ValueError,
        r"has 4 state\(s\), the forward layer's",
    ),
    (
        lambda: Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, return_state=True)),
        ValueError,
        "must have the same return_state",
    ),
    (lambda: Bidirectional(LSTMCell(2)), TypeError, "must be an LSTM, GRU, SimpleRNN or RNN"),
    (lambda: built(RNN(LSTMCell(2)))(embedcnn.Input((4, 5))), ValueError, "was built for 3 channels"),
    (
        lambda: built(Bidirectional(LSTM(2))).set_torch_weights(np.zeros(3)),
        ValueError,
        "takes 8 arrays of PyTorch.*Received: 1 arrays",
    ),
    (
        lambda: built(GRU(2, reset_after=False)).torch_weights(),
        ValueError,
        "a form that torch.nn.GRU does not have",
    ),
    (lambda: LSTM(2).torch_weights(), ValueError, "is not built yet"),
    (
        lambda: built(LSTM(2)).set_torch_weights(*[np.zeros((6, 3))] * 4),
        ValueError,
        r"`weight_ih` must have the shape \(8, 3\). Received: shape \(6, 3\)",
    ),
    (
        lambda: layers.TimeDistributed(Dense(2, activity_regularizer="l2")),
        ValueError,
        "give TimeDistributed the activity_regularizer",
    ),
]


@pytest.mark.parametrize("number", range(len(MISUSE)))
def test_misuse(number):
    wrong, error, text = MISUSE[number]
    with pytest.raises(error, match=text):
        wrong()
