"""Subclasses of Model and Sequential that are made of a graph, not of a `call`: what is copied, cloned and
read from a file has their class, and so their loss, or is refused.
"""

import copy
import pickle

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, models, saving

RNG = np.random.default_rng(5)
X, Y = RNG.integers(0, 9, (8, 3)).astype(np.int32), RNG.integers(0, 2, 8)


class Tripled(embedcnn.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 3 * super().compute_loss(x, y, y_pred, sample_weight)


class Scaled(embedcnn.Model):
    """With an argument besides the graph."""

    def __init__(self, *args, scale=1.0, **kwargs):
        super().__init__(*args, **kwargs)
        self.scale = scale

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return self.scale * super().compute_loss(x, y, y_pred, sample_weight)


class Whole(embedcnn.Model):
    """Makes its graph itself."""

    def __init__(self, units, **kwargs):
        inputs = embedcnn.Input((3,), dtype="int32")
        super().__init__(inputs, head(inputs, units), **kwargs)
        self.units = units

    def test_step(self, data):
        return {"loss": 7.0}


class Chain(embedcnn.Sequential):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return 3 * super().compute_loss(x, y, y_pred, sample_weight)


class WholeChain(Chain):
    """Makes its layers itself, and has no shape before there is data."""

    def __init__(self, units=2):
        super().__init__([layers.Embedding(9, units), layers.Flatten(), layers.Dense(2, "softmax")])
        self.units = units


class Named(embedcnn.Model):
    """Overrides nothing."""

    def helper(self):
        return 5


def head(inputs, units=2):
    return layers.Dense(2, "softmax")(layers.Flatten()(layers.Embedding(9, units)(inputs)))


def graph(cls, **options):
    inputs = embedcnn.Input((3,), dtype="int32")
    return cls(inputs, head(inputs), **options)


MADE = {
    "Tripled": lambda: graph(Tripled),
    "Scaled": lambda: graph(Scaled, scale=2.5, name="scaled"),
    "Whole": lambda: Whole(4),
    "Chain": lambda: Chain(
        [embedcnn.Input((3,)), layers.Embedding(9, 2), layers.Flatten(), layers.Dense(2, "softmax")]
    ),
    "WholeChain": lambda: WholeChain(3),
    "Named": lambda: graph(Named),
}
CHANGED = [name for name in MADE if name != "Named"]


def made(name):
    model = MADE[name]()
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    return model


def same(model, other):
    assert type(other) is type(model) and other.name == model.name
    assert other.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert vars(other).get("scale") == vars(model).get("scale")
    for one, twin in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, twin)


@pytest.mark.parametrize("name", MADE)
def test_copies_are_of_the_class(name):
    model = made(name)
    same(model, copy.deepcopy(model))
    same(model, pickle.loads(pickle.dumps(model)))


@pytest.mark.parametrize("name", MADE)
def test_new_weights_in_the_class(name):
    model = made(name)
    twins = [models.clone_model(model), models.model_from_json(model.to_json(), {name: type(model)})]
    made_again = type(model).from_config(model.get_config())
    if made_again.built:
        twins.append(made_again)
    with saving.custom_object_scope({name: type(model)}):
        twins.append(saving.deserialize_keras_object(saving.serialize_keras_object(model)))
    for twin in twins:
        twin.compile("sgd", "sparse_categorical_crossentropy")
        twin.set_weights(model.get_weights())
        same(model, twin)


@pytest.mark.parametrize("name", MADE)
def test_a_file_is_read_as_the_class(name, tmp_path):
    model = made(name)
    model.save(tmp_path / "m")
    same(model, models.load_model(tmp_path / "m", custom_objects={name: type(model)}))
    try:
        saving.register_keras_serializable()(type(model))
        same(model, models.load_model(tmp_path / "m"))
    finally:
        del saving.get_custom_objects()[name]
    with pytest.raises(ValueError, match=f"'{name}'.* must be a subclass of (Model|Sequential)"):
        models.load_model(tmp_path / "m", custom_objects={name: layers.Dense})


@pytest.mark.parametrize("name", CHANGED)
def test_a_class_that_is_not_given_is_refused(name, tmp_path):
    model = made(name)
    model.save(tmp_path / "m")
    said = f"the class of the model is '{name}', which is Python of your own.*custom_objects="
    with pytest.raises(ValueError, match=said):
        models.load_model(tmp_path / "m")
    with pytest.raises(ValueError, match=said):
        models.model_from_json(model.to_json())


def test_a_class_that_overrides_nothing_is_as_good_as_model(tmp_path):
    model = made("Named")
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m")
    assert type(again) is embedcnn.Model
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert copy.deepcopy(model).helper() == 5


def test_an_argument_that_is_not_kept_is_told():
    class Forgets(Tripled):
        def __init__(self, inputs, outputs, scale):
            super().__init__(inputs, outputs)

    with pytest.raises(ValueError, match="Forgets keeps no attribute 'scale'.*set self.scale in __init__"):
        copy.deepcopy(graph(Forgets, scale=2.0))


def test_inside_another_model():
    inner = graph(Tripled)
    inputs = embedcnn.Input((3,), dtype="int32")
    outer = embedcnn.Model(inputs, layers.Dense(1)(inner(inputs)))
    twin = copy.deepcopy(outer)
    assert [type(layer) for layer in twin.layers] == [type(layer) for layer in outer.layers]
    np.testing.assert_array_equal(twin.predict(X, verbose=0), outer.predict(X, verbose=0))


def test_layers_that_were_added_later():
    model = Chain()
    for layer in (layers.Embedding(9, 2), layers.Flatten(), layers.Dense(2, "softmax")):
        model.add(layer)
    model.compile("sgd", "sparse_categorical_crossentropy")
    before = copy.deepcopy(model)
    assert type(before) is Chain and len(before.layers) == 3
    model.fit(X, Y, verbose=0)
    same(model, copy.deepcopy(model))


def test_classes_that_have_the_names_of_ours():
    class Model(embedcnn.Model):
        def compute_loss(self, **given):
            return 3 * super().compute_loss(**given)

    model = graph(Model)
    model.compile("sgd", "sparse_categorical_crossentropy")
    same(model, copy.deepcopy(model))
