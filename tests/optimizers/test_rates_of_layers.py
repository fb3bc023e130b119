"""Learning rates of layers, and several optimizers in one training: the bits of each alone, and files."""

import numpy as np
import pytest

import embedcnn as keras
from embedcnn import layers, optimizers

RANDOM = np.random.default_rng(0)
IDS, X = RANDOM.integers(0, 9, (12, 4)), RANDOM.normal(size=(12, 3)).astype(np.float32)
Y = RANDOM.normal(size=12)


def model_of(optimizer, scale=1.0):
    ids, x = keras.Input((4,), dtype="int32"), keras.Input((3,))
    table = layers.Embedding(9, 3, name="table", learning_rate_scale=scale)
    read = layers.GlobalAveragePooling1D()(table(ids))
    joined = layers.Dense(2, name="hidden", kernel_regularizer="l2")(layers.concatenate([read, x]))
    model = keras.Model([ids, x], layers.Dense(1, name="out")(joined), seed=1)
    start = np.random.default_rng(2)
    model.set_weights([start.normal(size=weight.shape) for weight in model.weights])
    model.compile(optimizer(model) if callable(optimizer) else optimizer, "mse")
    return model


def steps(model, count=3):
    return [model.train_on_batch([IDS, X], Y) for _ in range(count)]


@pytest.mark.parametrize("optimizer", [lambda m: optimizers.SGD(0.2), lambda m: optimizers.Adam(0.2)])
def test_a_scale_is_a_smaller_rate_of_that_layer(optimizer):
    before = model_of(optimizer).get_weights()
    plain, scaled, frozen = (model_of(optimizer, scale) for scale in (1.0, 0.25, 0.0))
    for model in (plain, scaled, frozen):
        steps(model, 1)
    for number, start in enumerate(before):
        moves = [model.get_weights()[number] - start for model in (plain, scaled, frozen)]
        share = 0.25 if number == 0 else 1.0
        np.testing.assert_allclose(moves[1], share * moves[0], rtol=1e-5, atol=1e-7)
        assert number or not moves[2].any()


def test_a_scale_takes_effect_at_the_next_step_and_is_kept(tmp_path):
    model = model_of(lambda m: optimizers.SGD(0.2))
    steps(model)
    model.get_layer("table").learning_rate_scale = 0.0
    table, hidden = model.get_layer("table").get_weights()[0], model.get_layer("hidden").get_weights()[0]
    steps(model)
    np.testing.assert_array_equal(model.get_layer("table").get_weights()[0], table)
    assert (model.get_layer("hidden").get_weights()[0] != hidden).any()
    model.save(tmp_path / "model")
    assert keras.models.load_model(tmp_path / "model").get_layer("table").learning_rate_scale == 0
    with pytest.raises(ValueError, match="`learning_rate_scale` must be .*Received"):
        layers.Dense(1, learning_rate_scale=-1)


def adam_and_sgd(model, momentum=0.9):
    others = [layer for layer in model.layers if layer.name != "table"]
    return optimizers.MultiOptimizer([("adam", "table"), (optimizers.SGD(0.05, momentum=momentum), others)])


def test_each_optimizer_alone_has_the_same_bits():
    """A training in which the other layers are frozen at the values that both gave is one of each."""
    both = model_of(adam_and_sgd)
    one, other = (model_of(lambda m, name=name: name) for name in ("adam", "sgd"))
    other.compile(optimizers.SGD(0.05, momentum=0.9), "mse")
    assert (
        len(
            {
                both.train_on_batch([IDS, X], Y),
                one.train_on_batch([IDS, X], Y),
                other.train_on_batch([IDS, X], Y),
            }
        )
        == 1
    )
    np.testing.assert_array_equal(both.get_weights()[0], one.get_weights()[0])
    for mine, expected in zip(both.get_weights()[1:], other.get_weights()[1:], strict=True):
        np.testing.assert_array_equal(mine, expected)
    assert both.optimizer.iterations == 1 and both.optimizer.optimizers[1].iterations == 1


def test_several_optimizers_go_on_from_a_file_and_in_two_calls(tmp_path):
    model, split = model_of(adam_and_sgd), model_of(adam_and_sgd)
    steps(model)
    for _ in range(3):
        _, gradients = split.compute_gradients([IDS, X], Y)
        split.apply_gradients(gradients)
    for mine, expected in zip(split.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, expected)
    model.save(tmp_path / "model")
    again = keras.models.load_model(tmp_path / "model")
    assert isinstance(again.optimizer, optimizers.MultiOptimizer) and again.optimizer.iterations == 3
    assert steps(again) == steps(model)
    twin = keras.models.clone_model(model)
    assert np.isfinite(steps(twin)).all()
    assert np.isfinite(model.fit([IDS, X], Y, epochs=2, verbose=0).history["loss"]).all()


def test_mistakes():
    with pytest.raises(TypeError, match="must be a list of pairs"):
        optimizers.MultiOptimizer("adam")
    model = model_of(lambda m: optimizers.MultiOptimizer([("adam", "table")]))
    with pytest.raises(ValueError, match="no optimizer for \\['hidden/kernel'"):
        steps(model, 1)
