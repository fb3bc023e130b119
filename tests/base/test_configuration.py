"""Configurations: `get_config` gives what an earlier version gave, and makes an equal object again."""

import importlib
import inspect
import json
import pathlib

import numpy as np
import pytest

import embedcnn
from embedcnn import constraints, initializers, layers, losses, metrics, optimizers, regularizers, text
from embedcnn.base.configuration import Configurable, argument_names
from embedcnn.optimizers import schedules


@pytest.fixture(autouse=True)
def names_begin_anew():
    """Automatic names stand in configurations."""
    embedcnn.utils.clear_session()


CASES = json.loads((pathlib.Path(__file__).parents[1] / "golden" / "configurations.json").read_text())
"""Of each class pairs [arguments, configuration], made by the version where each class had a get_config."""

NEWER = {
    "layers.ActivityRegularization": {"l1": 0.5, "name": "a"},
    "layers.AdditiveAttention": {"name": "a"},
    "layers.Attention": {"score_mode": "dot", "name": "a"},
    "layers.CategoryEncoding": {"num_tokens": 3, "name": "a"},
    "layers.Conv1DTranspose": {
        "filters": 2,
        "kernel_size": 3,
        "output_padding": 1,
        "strides": 2,
        "name": "a",
    },
    "layers.Cropping1D": {"cropping": [1, 2], "name": "a"},
    "layers.AlphaDropout": {"rate": 0.25, "seed": 3, "name": "a"},
    "layers.Discretization": {"bin_boundaries": [0.0, 1.5], "name": "a"},
    "layers.EinsumDense": {
        "equation": "abc,cd->abd",
        "output_shape": [None, 2],
        "bias_axes": "d",
        "name": "a",
    },
    "layers.EmbedReduce": {"input_dim": 3, "output_dim": 2, "name": "a"},
    "layers.EmbeddingBag": {"num_embeddings": 3, "embedding_dim": 2, "name": "a"},
    "layers.GlobalSumPooling1D": {"name": "a"},
    "layers.GroupNormalization": {"groups": 2, "name": "a"},
    "layers.Hashing": {"num_bins": 3, "name": "a"},
    "layers.IntegerLookup": {"vocabulary": [1], "name": "a"},
    "layers.MultiHeadAttention": {"num_heads": 2, "key_dim": 3, "name": "a"},
    "layers.Normalization": {"mean": 1.0, "variance": 2.0, "name": "a"},
    "layers.RMSNormalization": {"epsilon": 0.5, "name": "a"},
    "layers.Rescaling": {"scale": 0.5, "offset": 1.0, "name": "a"},
    "layers.UpSampling1D": {"size": 3, "name": "a"},
    "layers.ZeroPadding1D": {"padding": [1, 2], "name": "a"},
    "layers.AttentionPooling1D": {"units": 2, "name": "a"},
    "layers.StringLookup": {"vocabulary": ["a"], "name": "a"},
    "layers.TextVectorization": {"vocabulary": ["a"], "name": "a"},
    "layers.AveragePooling2D": {"pool_size": (2, 3), "padding": "same", "name": "a"},
    "layers.CenterCrop": {"height": 2, "width": 3, "name": "a"},
    "layers.Conv2D": {"filters": 2, "kernel_size": (2, 3), "groups": 2, "activation": "relu", "name": "a"},
    "layers.Conv2DTranspose": {
        "filters": 2,
        "kernel_size": 3,
        "strides": 2,
        "output_padding": 1,
        "name": "a",
    },
    "layers.Cropping2D": {"cropping": ((1, 2), (0, 1)), "name": "a"},
    "layers.DepthwiseConv2D": {"kernel_size": 3, "depth_multiplier": 2, "strides": (1, 2), "name": "a"},
    "layers.GlobalAveragePooling2D": {"keepdims": True, "name": "a"},
    "layers.GlobalMaxPooling2D": {"keepdims": True, "name": "a"},
    "layers.MaxPooling2D": {"pool_size": 3, "strides": 1, "name": "a"},
    "layers.RandomBrightness": {"factor": 0.1, "value_range": (0, 1), "seed": 1, "name": "a"},
    "layers.RandomContrast": {"factor": (0.1, 0.2), "name": "a"},
    "layers.RandomCrop": {"height": 2, "width": 3, "seed": 1, "name": "a"},
    "layers.RandomFlip": {"mode": "vertical", "seed": 1, "name": "a"},
    "layers.RandomRotation": {"factor": (-0.1, 0.2), "fill_mode": "nearest", "name": "a"},
    "layers.RandomTranslation": {"height_factor": 0.1, "width_factor": (0.0, 0.2), "name": "a"},
    "layers.RandomZoom": {"height_factor": 0.1, "fill_value": 2.0, "name": "a"},
    "layers.Resizing": {"height": 2, "width": 3, "interpolation": "bicubic", "name": "a"},
    "layers.SeparableConv2D": {"filters": 2, "kernel_size": 3, "dilation_rate": 2, "name": "a"},
    "layers.SpatialDropout2D": {"rate": 0.5, "seed": 1, "name": "a"},
    "layers.UpSampling2D": {"size": (2, 3), "interpolation": "bilinear", "name": "a"},
    "layers.ZeroPadding2D": {"padding": ((1, 2), (0, 1)), "name": "a"},
    "metrics.Mean": {"name": "a"},
    "metrics.PrecisionAtRecall": {"recall": 0.5, "num_thresholds": 3},
    "metrics.RecallAtPrecision": {"precision": 0.5, "class_id": 1},
    "metrics.SensitivityAtSpecificity": {"specificity": 0.5},
    "metrics.SpecificityAtSensitivity": {"sensitivity": 0.5, "name": "a"},
    "metrics.Sum": {"name": "a"},
}
"""Classes that came later, with arguments."""


def class_of(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"embedcnn.{module}"), name)


@pytest.mark.parametrize("path", CASES)
def test_configuration_is_that_of_the_version_before(path):
    cls = class_of(path)
    for arguments, expected in CASES[path]:
        config = cls(**arguments).get_config()
        assert json.loads(json.dumps(config)) == config
        assert {name: config[name] for name in expected} == expected
        parameters = inspect.signature(cls).parameters
        later = {name: value for name, value in config.items() if name not in expected}
        assert later == {name: parameters[name].default for name in later}  # arguments that came later


@pytest.mark.parametrize("path", CASES)
def test_from_config_gives_an_equal_object(path):
    cls = class_of(path)
    for arguments, expected in CASES[path]:
        again = cls.from_config(expected) if hasattr(cls, "from_config") else cls(**arguments)
        assert type(again) is cls
        config = again.get_config()
        assert {name: config[name] for name in expected} == expected


@pytest.mark.parametrize("path", NEWER)
def test_newer_classes_go_there_and_back(path):
    cls = class_of(path)
    config = cls(**NEWER[path]).get_config()
    assert json.loads(json.dumps(config)) == config
    assert cls.from_config(config).get_config() == config


def test_every_public_configurable_class_has_a_case():
    modules = (layers, losses, metrics, optimizers, schedules, initializers, regularizers, constraints, text)
    bases = {
        "Loss", "Metric", "Optimizer", "LearningRateSchedule", "Initializer", "Regularizer", "Constraint"
    }  # fmt: skip
    of_functions = {
        "FunctionLoss",
        "FunctionMetric",
        "MeanMetricWrapper",
        "LossMetric",
        "Lambda",
        "Configurable",
    }
    of_other_objects = {
        "BagOfNgrams",
        "MultiOptimizer",
        "Operation",
        "OwnCellRNN",
        "TiedDense",
        "Wrapper",
    }  # tested there
    covered = {class_of(path) for path in [*CASES, *NEWER]}
    missing = {
        name
        for module in modules
        for name, cls in vars(module).items()
        if inspect.isclass(cls) and issubclass(cls, Configurable) and not name.startswith("_")
        if cls not in covered and cls.__name__ not in bases | of_functions | of_other_objects
    }
    assert not missing, missing


class Scaled(layers.Layer):
    """A layer of the user's own, with an argument and an option."""

    def __init__(self, factor, shift=0.0, **options):
        super().__init__(**options)
        self.factor, self.shift = factor, shift

    def forward(self, x):
        return x * self.factor + self.shift, lambda d_y: d_y * self.factor


def test_layer_of_ones_own_needs_no_get_config(tmp_path):
    inputs = embedcnn.Input((3,))
    model = embedcnn.Model(inputs, Scaled(np.float32(2.0), shift=1, name="scaled")(inputs))
    model.save(tmp_path / "m.keras")
    again = embedcnn.models.load_model(tmp_path / "m.keras", custom_objects={"Scaled": Scaled})
    assert again.get_layer("scaled").get_config() == {
        "name": "scaled", "trainable": True, "factor": 2.0, "shift": 1
    }  # fmt: skip
    np.testing.assert_array_equal(again.predict(np.ones((1, 3)), verbose=0), [[3.0, 3.0, 3.0]])


def test_argument_without_attribute_is_said():
    class Forgetful(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self._times = factor

    with pytest.raises(ValueError, match=r"Forgetful keeps no attribute 'factor'.*get_config"):
        Forgetful(2).get_config()

    class Careful(Forgetful):
        def get_config(self):
            return {**super().get_config(), "factor": self._times}

    assert Careful(3, name="c").get_config() == {"name": "c", "trainable": True, "factor": 3}
    assert Careful.from_config(Careful(3, name="c").get_config())._times == 3


def test_names_come_from_all_constructors_of_a_class():
    assert argument_names(optimizers.AdamW)[:2] == ("learning_rate", "weight_decay")
    assert {"beta_1", "epsilon", "name"} <= set(argument_names(optimizers.AdamW))
    assert argument_names(initializers.HeNormal) == ("seed",)
    assert "recurrent_activation" not in argument_names(layers.SimpleRNN)


NUMPY = [
    ("optimizers.Adam",
     {"clipnorm": np.float32(1), "beta_1": np.float32(0.5), "learning_rate": np.float16(0.5)}),
    ("optimizers.SGD", {"momentum": np.float32(0.5), "nesterov": np.bool_(True), "clipvalue": np.int64(2)}),
    ("optimizers.RMSprop",
     {"rho": np.float32(0.5), "centered": np.bool_(True), "global_clipnorm": np.float64(2)}),
    ("optimizers.Adagrad", {"ema_overwrite_frequency": np.int32(3), "weight_decay": np.float32(0.5)}),
    ("optimizers.schedules.PiecewiseConstantDecay",
     {"boundaries": np.array([1, 2]), "values": np.array([1.0, 0.5, 0.25], np.float32)}),
    ("optimizers.schedules.CosineDecay",
     {"initial_learning_rate": np.float32(0.5), "decay_steps": np.int64(10), "warmup_target": np.float32(1)}),
    ("losses.CategoricalCrossentropy", {"label_smoothing": np.float32(0.5), "from_logits": np.bool_(True)}),
    ("losses.SparseCategoricalCrossentropy", {"ignore_class": np.int64(0)}),
    ("losses.BinaryFocalCrossentropy", {"alpha": np.float32(0.5), "gamma": np.int64(1)}),
    ("losses.Huber", {"delta": np.float32(0.5)}),
    ("metrics.AUC", {"num_thresholds": np.int64(50), "multi_label": np.bool_(True), "num_labels": np.int8(2),
                     "label_weights": np.array([1, 2])}),
    ("metrics.AUC", {"thresholds": np.array([0.25, 0.5], np.float32)}),
    ("metrics.Precision", {"thresholds": np.float32(0.25), "class_id": np.int64(1), "top_k": np.int64(2)}),
    ("metrics.TruePositives", {"thresholds": np.array([0.25, 0.75])}),
    ("metrics.BinaryAccuracy", {"threshold": np.float32(0.25)}),
    ("metrics.FBetaScore", {"beta": np.float32(2), "threshold": np.float32(0.5)}),
    ("metrics.TopKCategoricalAccuracy", {"k": np.int64(2)}),
    ("metrics.Perplexity", {"mask_token_id": np.int64(2)}),
    ("layers.Dense", {"units": np.int64(2)}),
    ("layers.Conv1D", {"filters": np.int32(2), "kernel_size": np.int64(3), "groups": np.int64(1)}),
    ("layers.Dropout", {"rate": np.float32(0.5), "seed": np.int64(3)}),
    ("layers.GRU", {"units": np.int64(2), "dropout": np.float32(0.5), "stateful": np.bool_(False)}),
    ("layers.LayerNormalization", {"epsilon": np.float32(0.5), "axis": np.int64(-1)}),
    ("layers.BatchNormalization", {"momentum": np.float32(0.5), "center": np.bool_(False)}),
    ("layers.ReLU", {"max_value": np.float32(6), "threshold": np.int64(1)}),
    ("layers.PReLU", {"shared_axes": np.array([1])}),
    ("layers.Embedding", {"input_dim": np.int64(5), "output_dim": np.int16(2), "mask_zero": np.bool_(True)}),
    ("layers.Reshape", {"target_shape": np.array([2, -1])}),
    ("layers.Permute", {"dims": np.array([2, 1])}),
    ("layers.Concatenate", {"axis": np.int64(-1)}),
    ("layers.Masking", {"mask_value": np.float32(0.5)}),
    ("layers.HashedNgrams", {"input_dim": np.int64(5), "buckets": np.int64(7), "n": np.int64(2)}),
    ("layers.GlobalMaxPooling1D", {"keepdims": np.bool_(True)}),
    ("layers.MaxPooling1D", {"pool_size": np.int64(2), "strides": np.int64(1)}),
    ("layers.Dot", {"axes": np.int64(1), "normalize": np.bool_(True)}),
    ("initializers.RandomUniform", {"minval": np.float32(-1), "maxval": np.float32(1), "seed": np.int64(1)}),
    ("initializers.VarianceScaling", {"scale": np.float32(2)}),
    ("initializers.Constant", {"value": np.float32(2)}),
    ("initializers.Orthogonal", {"gain": np.float32(2)}),
    ("regularizers.L1L2", {"l1": np.float32(0.5), "l2": np.int64(1)}),
    ("constraints.MinMaxNorm", {"min_value": np.float32(0.5), "rate": np.float32(0.5), "axis": np.int64(1)}),
    ("constraints.MaxNorm", {"max_value": np.float32(2), "axis": np.array([0, 1])}),
    ("text.TextEncoder",
     {"max_tokens": np.int64(3), "ngrams": np.int64(2), "output_sequence_length": np.int32(4)}),
    ("text.TextEncoder", {"ngrams": np.array([1, 3])}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "arguments"), NUMPY)
def test_numbers_of_numpy_become_plain(path, arguments):
    cls = class_of(path)
    config = cls(**arguments).get_config()
    stored = json.loads(json.dumps(config))
    assert stored == config
    for name, value in arguments.items():
        assert stored[name] == np.asarray(value).tolist()
        assert type(stored[name]) is not str
    assert cls.from_config(stored).get_config() == config


def test_model_with_numbers_of_numpy_is_saved(tmp_path):
    model = embedcnn.Sequential([embedcnn.Input((3,)), layers.Dense(1)])
    model.compile(optimizers.Adam(clipnorm=np.float32(1)), losses.Huber(np.float32(0.5)))
    model.fit(np.ones((4, 3)), np.ones(4), verbose=0, validation_split=np.float32(0.5))
    model.save(tmp_path / "m.keras")
    assert embedcnn.models.load_model(tmp_path / "m.keras").optimizer.clipnorm == 1.0


def test_configuration_of_a_frozen_matrix_draws_no_seed():
    layer = layers.Embedding(2, 2, embeddings_initializer=initializers.Constant(np.eye(2)))
    embedcnn.utils.set_random_seed(1)
    expected = initializers.GlorotUniform()((2, 2))
    embedcnn.utils.set_random_seed(1)
    layer.get_config()
    np.testing.assert_array_equal(initializers.GlorotUniform()((2, 2)), expected)
