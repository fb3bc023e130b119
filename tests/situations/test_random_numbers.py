"""keras.random: arrays, and numbers that a model draws anew in each run."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, ops, random

COUNT = 20000


@pytest.mark.parametrize(
    ("draw", "mean", "deviation"),
    [
        (lambda seed: random.normal((COUNT,), 2.0, 3.0, seed=seed), 2.0, 3.0),
        (lambda seed: random.uniform((COUNT,), -1.0, 3.0, seed=seed), 1.0, 4 / 12**0.5),
        (lambda seed: random.randint((COUNT,), 2, 6, seed=seed), 3.5, (15 / 12) ** 0.5),
        (lambda seed: random.truncated_normal((COUNT,), 1.0, 2.0, seed=seed), 1.0, 2 * 0.8796),
        (lambda seed: random.gamma((COUNT,), 4.0, seed=seed), 4.0, 2.0),
        (lambda seed: random.beta((COUNT,), 2.0, 2.0, seed=seed), 0.5, 0.05**0.5),
        (lambda seed: random.binomial((COUNT,), 10, 0.3, seed=seed), 3.0, 2.1**0.5),
        (lambda seed: random.dropout(np.ones(COUNT), 0.25, seed=seed), 1.0, (1 / 3) ** 0.5),
        (lambda seed: random.categorical(np.log([[0.25, 0.75]]), COUNT, seed=seed), 0.75, 0.1875**0.5),
    ],
)
def test_arrays_have_the_distribution_and_the_seed_s_numbers(draw, mean, deviation):
    found = draw(7)
    assert found.mean() == pytest.approx(mean, abs=5 * deviation / COUNT**0.5)
    assert found.std() == pytest.approx(deviation, rel=0.05)
    np.testing.assert_array_equal(found, draw(7))
    assert (found != draw(8)).any()
    one, other = random.SeedGenerator(7), random.SeedGenerator(7)
    first = draw(one)
    np.testing.assert_array_equal(first, draw(other))
    assert (first != draw(one)).any()
    embedcnn.utils.set_random_seed(3)
    first = draw(None)
    assert (first != draw(None)).any()
    embedcnn.utils.set_random_seed(3)
    np.testing.assert_array_equal(first, draw(None))


def test_dtypes_ends_and_shuffles():
    assert random.normal((2,), dtype="float64", seed=1).dtype == np.float64
    assert random.randint((2,), 0, 9, seed=1).dtype == np.int32 == random.categorical([[1.0, 1.0]], 2).dtype
    found = random.uniform((COUNT,), 0.0, 1e-7, seed=1)
    assert found.min() >= 0 and found.max() < np.float32(1e-7)
    assert sorted(random.shuffle(np.arange(9), seed=1).tolist()) == list(range(9))
    rows = random.shuffle(np.arange(6).reshape(2, 3), axis=1, seed=2)
    assert (np.diff(rows, axis=0) == 3).all()
    dropped = random.dropout(np.ones((40, 3)), 0.5, noise_shape=(None, 1), seed=1)
    assert (dropped == dropped[:, :1]).all() and len(np.unique(dropped)) == 2


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: random.randint((2,), 3, 3), "`maxval` must be above"),
        (lambda: random.normal((2,), stddev=-1), "`stddev`"),
        (lambda: random.normal((2,), seed=-1), "`seed` must be an integer"),
        (lambda: random.categorical([1.0], 2), "`logits` must have the shape"),
        (lambda: random.categorical([[1.0]], 0), "`num_samples`"),
        (lambda: random.dropout([1.0], 1.0), "`rate`"),
        (lambda: random.normal((None, 3)), "a shape with None must be that of the batch"),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


class Drawn(layers.Layer):
    """Adds nothing of its inputs: what is drawn alone."""

    def __init__(self, draw, **options):
        super().__init__(**options)
        self.draw, self.seeds = draw, random.SeedGenerator(3)

    def call(self, x):
        return ops.cast(self.draw(x, self.seeds), "float32")


IN_A_CALL = {
    "normal": (lambda x, seed: random.normal((ops.shape(x)[0], 50), 2.0, 3.0, seed=seed), 2.0, 3.0),
    "of the inputs' shape": (lambda x, seed: random.normal(ops.shape(x), seed=seed), 0.0, 1.0),
    "uniform": (lambda x, seed: random.uniform((ops.shape(x)[0], 5, 10), -1, 3, seed=seed), 1.0, 4 / 12**0.5),
    "randint": (
        lambda x, seed: random.randint((ops.shape(x)[0], 50), 2, 6, seed=seed),
        3.5,
        (15 / 12) ** 0.5,
    ),
    "dropout": (lambda x, seed: random.dropout(ops.ones_like(x), 0.25, seed=seed), 1.0, (1 / 3) ** 0.5),
    "categorical": (
        lambda x, seed: random.categorical(ops.zeros_like(x)[:, :2] + np.log([0.25, 0.75]), 50, seed=seed),
        0.75,
        0.1875**0.5,
    ),
    "one a text": (
        lambda x, seed: ops.expand_dims(random.normal((ops.shape(x)[0],), seed=seed), 1),
        0.0,
        1.0,
    ),
    "no seed": (lambda x, seed: random.normal((ops.shape(x)[0], 50)), 0.0, 1.0),
}


@pytest.mark.parametrize("name", IN_A_CALL)
def test_a_call_draws_anew_in_each_run(name):
    draw, mean, deviation = IN_A_CALL[name]
    x = np.full((400, 30), np.nan, np.float32)  # what is drawn does not hang on it
    x[0] = 1

    def made():
        inputs = embedcnn.Input((30,))
        return embedcnn.Model(inputs, Drawn(draw)(inputs), seed=5)

    model = made()
    found = [model.predict_on_batch(x) for _ in range(2)]
    for one in found:
        assert one.mean() == pytest.approx(mean, abs=6 * deviation / one.size**0.5)
        assert one.std() == pytest.approx(deviation, rel=0.15)
    assert (found[0] != found[1]).any()


def variational(seed=1):
    """An autoencoder that samples, as keras.io has it; z is drawn in training and in prediction."""
    embedcnn.utils.set_random_seed(seed)

    class Sampling(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.seed_generator = random.SeedGenerator(1337)

        def call(self, inputs):
            mean, spread = inputs
            noise = random.normal(shape=ops.shape(mean), seed=self.seed_generator)
            return mean + ops.exp(0.5 * spread) * noise

    x = embedcnn.Input((6,))
    mean, spread = layers.Dense(2, name="mean")(x), layers.Dense(2, name="spread")(x)
    model = embedcnn.Model(x, layers.Dense(6, name="out")(Sampling()([mean, spread])))
    model.compile(embedcnn.optimizers.Adam(0.01), "mse")
    return model


def test_training_through_what_is_drawn_repeats_at_any_number_of_threads():
    x = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    found = []
    for threads in (1, 2):
        embedcnn.set_num_threads(threads)
        model = variational()
        history = model.fit(x, x, epochs=4, batch_size=16, verbose=0).history["loss"]
        found.append((history, model.get_weights()))
    embedcnn.set_num_threads(0)
    assert found[0][0] == found[1][0] and found[0][0][-1] < found[0][0][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)
    assert variational(2).fit(x, x, verbose=0).history["loss"] != found[0][0][:1]


def test_a_shape_without_the_batch_and_an_integer_as_seed_are_refused_in_a_call():
    for draw, words in (
        (lambda x, seed: random.normal((3, 4)), "must begin with the batch"),
        (
            lambda x, seed: random.normal((ops.shape(x)[0], 4), seed=1),
            "`seed` must be None or a SeedGenerator",
        ),
        (lambda x, seed: random.dropout(x, 0.5, seed=1), "`seed` must be None or a SeedGenerator"),
        (lambda x, seed: random.gamma((ops.shape(x)[0], 4), 1.0), "random.gamma makes arrays alone"),
        (lambda x, seed: random.shuffle(x), "random.shuffle makes arrays alone"),
        (lambda x, seed: random.normal((None, None, 4)), "its other sizes known"),
    ):
        with pytest.raises(ValueError, match=words):
            Drawn(draw)(embedcnn.Input((30,)))


def test_weights_are_drawn_as_arrays_in_build():
    class Own(layers.Layer):
        def build(self, input_shape):
            self.start = random.normal((input_shape[-1],), seed=1)

        def call(self, x):
            return x + self.start

    x = np.zeros((2, 3), np.float32)
    inputs = embedcnn.Input((3,))
    model = embedcnn.Model(inputs, Own()(inputs))
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.tile(random.normal((3,), seed=1), (2, 1)))


def test_a_loss_may_need_an_input_that_no_output_needs():
    """As the endpoint layers of keras.io, which are given the targets."""

    class Endpoint(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.loss_fn = embedcnn.losses.BinaryCrossentropy(from_logits=True)

        def call(self, targets, logits):
            self.add_loss(self.loss_fn(targets, logits))
            return ops.sigmoid(logits)

    x, y = embedcnn.Input((3,), name="x"), embedcnn.Input((2,), name="y")
    model = embedcnn.Model([x, y], Endpoint(name="end")(y, layers.Dense(2, name="logits")(x)))
    model.compile("sgd")
    rng = np.random.default_rng(0)
    given = [rng.normal(size=(8, 3)).astype("f"), rng.integers(0, 2, (8, 2)).astype("f")]
    before = model.get_weights()
    loss = model.train_on_batch(given)
    logits = given[0] @ before[0] + before[1]
    assert loss == pytest.approx(
        embedcnn.losses.BinaryCrossentropy(from_logits=True)(given[1], logits), rel=1e-5
    )
    assert (model.get_weights()[0] != before[0]).any()
    assert model.predict(given, verbose=0).shape == (8, 2)
    with pytest.raises(ValueError, match=r"inputs \['y'\] are not connected"):
        embedcnn.Model([x, y], layers.Dense(2)(x))
