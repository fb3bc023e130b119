"""Models and layers of one's own, with layers made in `__init__` and a `call`: the bits of their functional
twins, one unit of the graph, files, and mistakes that are told.
"""

import pickle

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, ops

RANDOM = np.random.default_rng(0)
IDS, LABELS = RANDOM.integers(1, 40, (48, 9)), RANDOM.integers(0, 3, 48)
NUMBERS = RANDOM.normal(size=(48, 6)).astype(np.float32)


class Block(layers.Layer):
    """A layer made of layers, a list of them and a weight of its own; other in training than in inference."""

    def __init__(self, units, rate=0.0, **options):
        super().__init__(**options)
        self.units, self.rate = units, rate
        self.first = layers.Dense(units, activation="relu")
        self.rest = [layers.Dense(units), layers.Dense(units, activation="tanh")]
        self.dropout = layers.Dropout(rate)

    def call(self, x, training=None):
        x = self.first(x)
        for layer in self.rest:
            x = x + layer(x)
        if training and self.rate:
            x = self.dropout(x, training=training)
        return x


class Texts(keras.Model):
    """A text CNN as programs write it."""

    def __init__(self, rate=0.0, **options):
        super().__init__(**options)
        self.rate = rate
        self.embedding = layers.Embedding(40, 6)
        self.branches = [layers.Conv1D(5, width, activation="relu") for width in (2, 3)]
        self.pool = layers.GlobalMaxPooling1D()
        self.block = Block(4, rate)
        self.scores = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=None, mask=None):
        x = self.embedding(inputs)
        x = layers.concatenate([self.pool(branch(x)) for branch in self.branches])
        return self.scores(self.block(x, training=training))


def functional():
    tokens = keras.Input((None,), dtype="int32")
    x = layers.Embedding(40, 6)(tokens)
    x = layers.concatenate(
        [layers.GlobalMaxPooling1D()(layers.Conv1D(5, n, activation="relu")(x)) for n in (2, 3)]
    )
    x = layers.Dense(4, activation="relu")(x)
    for activation in (None, "tanh"):
        x = x + layers.Dense(4, activation=activation)(x)
    return keras.Model(tokens, layers.Dense(3, activation="softmax")(x), seed=5)


def start(model):
    random = np.random.default_rng(3)
    model.set_weights([random.normal(size=weight.shape) / 3 for weight in model.weights])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(model):
    history = model.fit(IDS, LABELS, batch_size=16, epochs=3, verbose=0).history
    return history, [*model.get_weights(), model.predict(IDS[:, :7], verbose=0)]


def equal(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_subclass_has_the_bits_of_its_functional_twin():
    own = Texts(seed=5)
    own.build((None, None))
    twin = start(functional())
    (history, weights), (expected, others) = trained(start(own)), trained(twin)
    assert history == expected
    equal(weights, others)
    assert own.evaluate(IDS, LABELS, verbose=0) == twin.evaluate(IDS, LABELS, verbose=0)
    assert [operation.name for operation in own.lowered(training=True).operations] == [
        operation.name for operation in twin.lowered(training=True).operations
    ]


def test_the_first_data_make_the_graph():
    model = Texts()
    assert not model.built and [layer.name for layer in model.layers][0].startswith("embedding")
    with pytest.raises(ValueError, match="is not built yet"):
        model.save("never")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(IDS, LABELS, epochs=1, verbose=0)
    assert model.input_shape == (None, None) and model.output_shape == (None, 3)
    assert model(IDS[:2]).shape == (2, 3) and model.count_params() == 499
    assert [part.name for part in model.layers][-2:] == [model.block.name, model.scores.name]


def test_what_call_does_in_training_alone():
    model = start_of_texts(0.5)
    names = {kind: [one.name for one in model.lowered(kind).operations] for kind in (True, False)}
    assert "dropout" in names[True] and "dropout" not in names[False]
    equal([model.predict(IDS, verbose=0)], [model.predict(IDS, verbose=0)])
    assert (model(IDS, training=True) != model(IDS)).any()
    equal([model.predict(IDS, verbose=0)], [model(IDS)])


def start_of_texts(rate=0.0):
    model = Texts(rate)
    model.build((None, 9))
    return start(model)


def test_a_file_and_a_copy_hold_the_whole_model(tmp_path):
    model = start_of_texts(0.2)
    model.fit(IDS, LABELS, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    copies = [
        keras.models.load_model(tmp_path / "model", custom_objects={"Texts": Texts, "Block": Block}),
        pickle.loads(pickle.dumps(model)),
    ]
    expected = model.train_on_batch(IDS, LABELS), model.predict(IDS, verbose=0)
    for copy in copies:
        assert type(copy) is Texts and copy.rate == 0.2
        assert copy.train_on_batch(IDS, LABELS) == expected[0]
        equal([copy.predict(IDS, verbose=0)], [expected[1]])
    assert list(model.state_dict())[:2] == ["embedding/embeddings", "branches_0/kernel"]
    with pytest.raises(ValueError, match="the class of the model is 'Texts'"):
        keras.models.load_model(tmp_path / "model")
    twin = keras.models.clone_model(model)
    model.save_weights(tmp_path / "weights")
    twin.load_weights(tmp_path / "weights")
    equal([twin.predict(IDS, verbose=0)], [model.predict(IDS, verbose=0)])
    assert keras.models.model_from_json(model.to_json(), {"Texts": Texts}).count_params() == 499


def test_layers_made_of_layers_are_units_of_a_functional_model(tmp_path):
    x = keras.Input((6,))
    block = Block(4)
    model = keras.Model(x, layers.Dense(1)(block(Block(3)(x))))
    assert [type(layer).__name__ for layer in model.layers] == ["InputLayer", "Block", "Block", "Dense"]
    model.compile("sgd", "mse")
    model.fit(NUMBERS, NUMBERS.sum(1), epochs=2, verbose=0)
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Block": Block})
    equal([again.predict(NUMBERS, verbose=0)], [model.predict(NUMBERS, verbose=0)])
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    block.trainable = False
    before = block.get_weights()
    model.fit(NUMBERS, NUMBERS.sum(1), epochs=1, verbose=0)
    equal(before, block.get_weights())
    inner = Block(3)
    equal([inner(NUMBERS)], [keras.Model(x, inner(x)).predict(NUMBERS, verbose=0)])
    chain = keras.Sequential([Block(3), layers.Dense(1)])
    chain.compile("sgd", "mse")
    assert np.isfinite(chain.fit(NUMBERS, NUMBERS.sum(1), verbose=0).history["loss"]).all()


def test_each_step_by_a_layer_made_of_layers():
    x = keras.Input((4, 6))
    block = Block(3)
    model = keras.Model(x, layers.TimeDistributed(block)(x))
    texts = np.random.default_rng(1).normal(size=(5, 4, 6)).astype(np.float32)
    found = model.predict(texts, verbose=0)
    np.testing.assert_allclose(found.reshape(20, 3), block(texts.reshape(20, 6)), rtol=1e-5, atol=1e-6)
    assert model.count_params() == block.count_params() == 45


class Pair(layers.Layer):
    """Several arguments, and two results."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.query, self.value = layers.Dense(units), layers.Dense(units)

    def build(self, query_shape, value_shape):
        self.sizes = query_shape, value_shape

    def call(self, query, value, flag=True):
        found = self.query(query) + self.value(value)
        return found, (query if flag else value)


def test_several_arguments_and_results(tmp_path):
    a, b = keras.Input((3,)), keras.Input((2,))
    pair = Pair(4)
    summed, same = pair(a, b, flag=False)
    assert pair.sizes == ((None, 3), (None, 2))
    model = keras.Model([a, b], [summed, same])
    data = [NUMBERS[:, :3], NUMBERS[:, 3:5]]
    found = model.predict(data, verbose=0)
    equal([found[1]], [data[1]])
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Pair": Pair})
    for one, other in zip(again.predict(data, verbose=0), found, strict=True):
        equal([one], [other])
    equal([pair(*data)[0]], [found[0]])


class Encoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.lstm = layers.LSTM(4, return_state=True)

    def call(self, x):
        _, h, c = self.lstm(x)
        return h, c


class Decoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.lstm = layers.LSTM(4, return_sequences=True)

    def call(self, x, states):
        return self.lstm(x, initial_state=states)


class Translator(keras.Model):
    """Models inside a model, and a dict as input."""

    def __init__(self):
        super().__init__()
        self.encoder, self.decoder, self.out = Encoder(), Decoder(), layers.Dense(2)

    def call(self, inputs):
        return {"next": self.out(self.decoder(inputs["target"], self.encoder(inputs["source"])))}


def test_models_inside_and_inputs_by_name(tmp_path):
    model = Translator()
    model.compile("adam", {"next": "mse"})
    data = {name: np.random.default_rng(2).normal(size=(8, 5, 3)) for name in ("source", "target")}
    history = model.fit(data, {"next": np.zeros((8, 5, 2))}, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    found = model.predict(data, verbose=0)
    assert list(found) == ["next"] and found["next"].shape == (8, 5, 2)
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model", custom_objects={"Translator": Translator})
    equal([again.predict(data, verbose=0)["next"]], [found["next"]])
    assert list(model.state_dict())[0] == "encoder/lstm/kernel"


def built(call, **parts):
    def init(self):
        super(made, self).__init__()
        vars(self).update(parts)

    made = type("Made", (keras.Model,), {"__init__": init, "call": call})
    return made()


MISTAKES = {
    "an if on values": (
        lambda: built(lambda self, x: self.dense(x) if x else x, dense=layers.Dense(1)),
        TypeError,
        "no `if` or `while` can ask for them",
    ),
    "NumPy": (
        lambda: built(lambda self, x: np.tanh(self.dense(x)), dense=layers.Dense(1)),
        TypeError,
        "it must be made of layers and ops",
    ),
    "nothing": (lambda: built(lambda self, x: None), TypeError, "must return tensors. Received: NoneType"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_told(name):
    make, error, message = MISTAKES[name]
    with pytest.raises(error, match=message):
        make().predict(NUMBERS, verbose=0)


def test_a_call_beside_a_graph_is_refused():
    with pytest.raises(TypeError, match="which would never be called"):
        Texts.__mro__[1].__init__(Texts.__new__(Texts), keras.Input((3,)), keras.Input((3,)))
    with pytest.raises(TypeError, match="overrides `call`, which would never be called"):
        type("Chain", (keras.Sequential,), {"call": lambda self, x: x})


class Sized(layers.Layer):
    """Adds the sum of a tensor to the loss of the model."""

    def __init__(self, units):
        super().__init__()
        self.units = units
        self.dense, self.size = layers.Dense(units), layers.Dense(1)

    def call(self, x, training=False):
        y = self.dense(x)
        self.add_loss(self.size(y))
        if training:  # is asked, so that both ways are traced
            return layers.Activation("tanh")(y)
        return y


def test_a_layer_adds_to_the_loss(tmp_path):
    x = keras.Input((6,))
    sized, targets = Sized(3), NUMBERS.sum(1)
    model = keras.Model(x, layers.Dense(1)(sized(x)))
    model.compile("sgd", "mse")
    errors = (model.predict(NUMBERS, verbose=0)[:, 0] - targets) ** 2
    added = sized.size(sized.dense(NUMBERS)).sum()
    np.testing.assert_allclose(
        model.evaluate(NUMBERS, targets, 48, verbose=0), errors.mean() + added, rtol=1e-5
    )
    _, gradients = model.compute_gradients(NUMBERS, targets)
    path = next(path for path in gradients if path.endswith("size/bias"))
    np.testing.assert_allclose(gradients[path], len(NUMBERS))
    model.save(tmp_path / "model")
    copies = [
        keras.models.load_model(tmp_path / "model", {"Sized": Sized}),
        keras.Model(x, model(x)),
    ]
    copies[1].compile("sgd", "mse")
    for copy in copies:
        assert copy.evaluate(NUMBERS, targets, verbose=0) == model.evaluate(NUMBERS, targets, verbose=0)
    with pytest.raises(ValueError, match="must be called within a `call`"):
        layers.Dense(1).add_loss(x)


def test_a_functional_model_adds_to_its_loss(tmp_path):
    x = keras.Input((6,))
    hidden = layers.Dense(2)(x)
    model = keras.Model(x, layers.Dense(1)(hidden))
    model.compile("sgd", "mse")
    plain = model.evaluate(NUMBERS, NUMBERS[:, 0], 48, verbose=0)
    model.add_loss(hidden)
    whole = model.evaluate(NUMBERS, NUMBERS[:, 0], 48, verbose=0)
    np.testing.assert_allclose(whole - plain, keras.Model(x, hidden)(NUMBERS).sum(), rtol=1e-4)
    model.save(tmp_path / "model")
    assert (
        keras.models.load_model(tmp_path / "model").evaluate(NUMBERS, NUMBERS[:, 0], 48, verbose=0) == whole
    )


class Positions(layers.Layer):
    """Keras's TokenAndPositionEmbedding."""

    def __init__(self, length, vocabulary, dimension):
        super().__init__()
        self.token_emb = layers.Embedding(vocabulary, dimension)
        self.pos_emb = layers.Embedding(length, dimension)

    def call(self, x):
        length = ops.shape(x)[-1]
        positions = self.pos_emb(ops.arange(start=0, stop=length, step=1))
        return self.token_emb(x) + positions


def test_positions_are_learned():
    x = keras.Input((9,), dtype="int32")
    layer = Positions(9, 40, 4)
    model = keras.Model(x, layer(x))
    table, places = layer.token_emb.get_weights()[0], layer.pos_emb.get_weights()[0]
    np.testing.assert_allclose(model.predict(IDS, verbose=0), table[IDS] + places, rtol=1e-6)
    model.compile("sgd", "mse")
    model.train_on_batch(IDS, np.zeros((48, 9, 4)))
    assert (layer.pos_emb.get_weights()[0] != places).all()


def test_weights_that_would_not_learn_are_refused():
    class Wrong(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return x + self.dense(np.ones((1, 3), np.float32))

    with pytest.raises(TypeError, match="its weights would not be learned"):
        wrong = Wrong()
        wrong.dense.build((None, 3))
        wrong(keras.Input((2,)))


def test_arguments_by_name():
    class Query(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, query, value):
            return self.dense(query) - value

    layer, a, b = Query(), keras.Input((3,)), keras.Input((2,))
    models = [keras.Model([a, b], layer(query=a, value=b)), keras.Model([a, b], layer(a, b))]
    data = [NUMBERS[:, :3], NUMBERS[:, :2]]
    equal([models[0].predict(data, verbose=0)], [models[1].predict(data, verbose=0)])


def test_each_call_with_training_drops_other_values():
    model = start_of_texts(0.5)
    first, second = model(IDS, training=True), model(IDS, training=True)
    assert (first != second).any() and (model(IDS) == model(IDS)).all()


def test_a_chain_that_is_built_within_a_call():
    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.chain = keras.Sequential([layers.Dense(4, activation="relu"), layers.Dense(6)])

        def call(self, x):
            return x + self.chain(x)

    x, layer = keras.Input((6,)), Inner()
    model = keras.Model(x, layers.Dense(1)(layer(x)))
    model.compile("sgd", "mse")
    model.fit(NUMBERS, NUMBERS.sum(1), verbose=0)
    equal([keras.Model(x, layer(x))(NUMBERS)], [layer(NUMBERS)])
    assert len(layer.weights) == 4 and layer.chain.count_params() == 58
