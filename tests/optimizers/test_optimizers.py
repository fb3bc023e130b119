import numpy as np
import pytest
from keras_values import VALUES, data, text_model, weights

from embedcnn import optimizers


@pytest.mark.parametrize("name", VALUES["optimizers"])
def test_ten_steps_as_keras(name):
    kind, arguments = VALUES["settings"][name]
    model = text_model()
    model.set_weights(weights([w.shape for w in model.weights], 1))
    optimizer = getattr(optimizers, kind)(**arguments, embedding_update="dense")
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = data(2)
    losses = [model.train_on_batch(x, y)[0] for _ in range(10)]
    np.testing.assert_allclose(losses, VALUES["optimizers"][name]["losses"], rtol=2e-5)
    sums = [np.abs(w).sum() for w in model.get_weights()]
    np.testing.assert_allclose(sums, VALUES["optimizers"][name]["sums"], rtol=2e-4)


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_lazy_equals_dense_where_every_row_is_touched(kind):
    results = []
    x = np.arange(12).repeat(7).reshape(12, 7)
    for update in ("lazy", "dense"):
        model = text_model()
        model.set_weights(weights([w.shape for w in model.weights], 1))
        model.compile(
            getattr(optimizers, kind)(0.1, embedding_update=update), "sparse_categorical_crossentropy"
        )
        for _ in range(5):
            model.train_on_batch(x, np.arange(12) % 3)
        results.append(model.get_weights())
    for lazy, dense in zip(*results, strict=True):
        np.testing.assert_array_equal(lazy, dense)


def test_lazy_leaves_other_rows_alone():
    model = text_model()
    before = model.get_weights()[0]
    model.compile(optimizers.Adam(0.1, weight_decay=0.1), "sparse_categorical_crossentropy")
    for _ in range(3):
        model.train_on_batch(np.full((4, 7), 5), [0, 1, 2, 0])
    after = model.get_weights()[0]
    assert [row for row in range(12) if (before[row] != after[row]).any()] == [5]


def test_learning_rate_takes_effect_at_the_next_step():
    model = text_model()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data(2)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.train_on_batch(x, y)
    assert all((a == b).all() for a, b in zip(before, model.get_weights(), strict=True))
    model.optimizer.lr = 0.5
    assert model.optimizer.learning_rate == 0.5
    model.train_on_batch(x, y)
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


def test_learning_rate_may_be_a_function_of_the_step():
    asked = []
    model = text_model()
    model.compile(optimizers.SGD(lambda step: asked.append(step) or 0.1), "sparse_categorical_crossentropy")
    x, y = data(2)
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert asked == [0, 1, 2, 3]


def test_configuration_goes_back_and_forth():
    for optimizer in (
        optimizers.SGD(0.3, momentum=0.5),
        optimizers.Adam(lr=0.1, clipnorm=1.0),
        optimizers.AdamW(),
    ):
        again = optimizers.get(optimizers.serialize(optimizer))
        assert type(again) is type(optimizer)
        assert again.get_config() == optimizer.get_config()
    assert optimizers.get(optimizers.SGD).learning_rate == 0.01


def test_state_appears_only_where_it_is_needed():
    model = text_model()
    model.layers[1].trainable = False
    model.compile(optimizers.Adam(), "sparse_categorical_crossentropy")
    assert model.optimizer.states == {}
    x, y = data(2)
    model.train_on_batch(x, y)
    assert model.layers[1].embeddings not in model.optimizer.states
    model.layers[1].trainable = True
    model.train_on_batch(x, y)
    states = model.optimizer.states
    assert states[model.layers[1].embeddings].steps[0] == 1
    assert states[model.layers[-1].kernel].steps[0] == 2


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: optimizers.Adam(lr=0.1, learning_rate=0.1),
            TypeError,
            "`lr` is an alias of `learning_rate`",
        ),
        (
            lambda: optimizers.Adam(0.1, momentum=0.9),
            TypeError,
            "Unknown arguments of Adam: {'momentum': 0.9}",
        ),
        (lambda: optimizers.RMSprop(rho=1.0), ValueError, r"`rho` must be a number in \[0, 1\)"),
        (
            lambda: optimizers.Adagrad(initial_accumulator_value=-1),
            ValueError,
            "`initial_accumulator_value` must be",
        ),
        (
            lambda: optimizers.Adadelta(beta_1=0.9),
            TypeError,
            "Unknown arguments of Adadelta: {'beta_1': 0.9}. Allowed: lea",
        ),
        (lambda: optimizers.SGD(clipnorm=1, clipvalue=1), ValueError, "Only one of `clipnorm`, `clipvalue`"),
        (lambda: optimizers.SGD(clipnorm=-1.0), ValueError, "`clipnorm` must be a finite number > 0"),
        (lambda: optimizers.SGD(clipvalue=0), ValueError, "`clipvalue` must be a finite number > 0 or None"),
        (lambda: optimizers.SGD(-0.1), ValueError, "`learning_rate` must be a finite number >= 0"),
        (lambda: optimizers.SGD(float("nan")), ValueError, "learning_rate=nan"),
        (lambda: optimizers.SGD(momentum=2), ValueError, r"`momentum` must be a number in \[0, 1\]"),
        (lambda: optimizers.Adam(beta_1=1.0), ValueError, r"`beta_1` must be a number in \[0, 1\)"),
        (lambda: optimizers.Adam(epsilon=0), ValueError, "`epsilon` must be a finite number > 0"),
        (
            lambda: optimizers.Adam(embedding_update="sparse"),
            ValueError,
            "embedding_update='sparse' is unknown",
        ),
        (lambda: optimizers.get("adamm"), ValueError, "did you mean 'adam'"),
        (lambda: optimizers.get(3), ValueError, "optimizer=3 is unknown"),
    ],
)
def test_misuse(make, error, message):
    with pytest.raises(error, match=message):
        make()
