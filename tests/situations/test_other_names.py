"""Other names that Keras's programs use for what is here: aliases, snake case, places, and near misses."""

import pathlib

import numpy as np
import pytest

import embedcnn
from embedcnn import (
    constraints,
    data,
    initializers,
    layers,
    optimizers,
    preprocessing,
    regularizers,
    saving,
    utils,
)


def test_snake_case_names_are_the_classes():
    assert regularizers.l2(0.5).get_config() == {"l2": 0.5}
    assert (regularizers.l1, regularizers.l1_l2) == (regularizers.L1, regularizers.L1L2)
    assert constraints.max_norm(3).max_value == 3.0
    assert (constraints.unit_norm, constraints.min_max_norm, constraints.non_neg) == (
        constraints.UnitNorm, constraints.MinMaxNorm, constraints.NonNeg
    )  # fmt: skip
    for name in [*set(initializers.NAMES) - {"uniform", "normal"}]:
        assert getattr(initializers, name) is initializers.NAMES[name]
    layer = layers.Dense(
        2, kernel_initializer=initializers.glorot_uniform(seed=1), kernel_regularizer=regularizers.l2
    )
    assert layer.kernel_regularizer.l2 == 0.01


def test_names_stand_where_keras_has_them():
    assert embedcnn.Loss is embedcnn.losses.Loss
    assert embedcnn.Metric is embedcnn.metrics.Metric
    assert embedcnn.Optimizer is optimizers.Optimizer
    assert utils.text_dataset_from_directory is data.text_dataset_from_directory
    assert preprocessing.text_dataset_from_directory is data.text_dataset_from_directory
    assert preprocessing.timeseries_dataset_from_array is data.timeseries_dataset_from_array
    assert layers.InputLayer((3,), name="x").name == "x"
    with pytest.raises(AttributeError, match="embedcnn has no preprocessing.nothing"):
        preprocessing.nothing  # noqa: B018


@pytest.mark.parametrize("name", ["adam", "Adam", "ADAM", "RMSprop", "rmsPROP", "adamw"])
def test_optimizers_of_any_case(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()


def test_amsgrad_is_stored_and_refused_where_keras_has_none():
    for kind in (optimizers.Adam, optimizers.AdamW):
        assert kind.from_config(kind(amsgrad=True).get_config()).amsgrad
    for kind in (optimizers.Adamax, optimizers.Nadam):
        assert "amsgrad" not in kind().get_config()
        with pytest.raises(ValueError, match="`amsgrad` must be False.*Received: amsgrad=True"):
            kind(amsgrad=True)


def test_input_dim_is_the_shape_of_the_first_layer():
    model = embedcnn.Sequential([layers.Dense(2, input_dim=np.int64(5)), layers.Dense(1)])
    assert model.input_shape == (None, 5)
    assert layers.Embedding(7, 2).input_dim == 7
    with pytest.raises(ValueError, match="`input_dim` must be a positive integer"):
        layers.Dense(2, input_dim=0)


def test_layers_are_serialized_and_made_again():
    layer = layers.Dense(3, activation="relu", name="d")
    again = layers.deserialize(layers.serialize(layer))
    assert again.get_config() == layer.get_config()
    with pytest.raises(ValueError, match="unknown layer class 'Nothing'"):
        layers.deserialize({"class_name": "Nothing", "config": {}})


class Halved(layers.Layer):
    """Half of its input."""

    def __init__(self, times=1, **options):
        super().__init__(**options)
        self.times = times

    def forward(self, x):
        return x / 2**self.times, lambda d_y: d_y / 2**self.times


def test_own_classes_by_custom_objects_or_registration(tmp_path: pathlib.Path, monkeypatch):
    config = layers.serialize(Halved(2, name="h"))
    with pytest.raises(ValueError, match="unknown layer class 'Halved'"):
        layers.deserialize(config)
    assert layers.deserialize(config, {"Halved": Halved}).times == 2
    x = embedcnn.Input((2,))
    embedcnn.Model(x, Halved(2)(x)).save(tmp_path / "m")
    monkeypatch.setattr("embedcnn.base.custom_objects._registered", {})
    assert saving.register_keras_serializable(package="mine")(Halved) is Halved
    model = embedcnn.models.load_model(tmp_path / "m")
    assert model.predict([[4.0, 8.0]], verbose=0).tolist() == [[1.0, 2.0]]
    assert utils.register_keras_serializable is saving.register_keras_serializable
    with pytest.raises(ValueError, match="`name` must be None or 'Halved'. Received: name='Other'"):
        saving.register_keras_serializable(name="Other")(Halved)


@pytest.mark.parametrize(
    ("name", "meant"), [("Conv1d", "Conv1D"), ("lstm", "LSTM"), ("maxpooling1D", "MaxPooling1D")]
)
def test_layers_of_another_case_are_named(name, meant):
    with pytest.raises(AttributeError, match=f"embedcnn has no layers.{name}; did you mean '{meant}'"):
        getattr(layers, name)
