"""What users do wrong with layers, and what they are told: the argument, the value, what is allowed."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.layers import Conv1D, DepthwiseConv1D, Dot, Masking, Permute, PReLU, Reshape, SeparableConv1D


def flat(size=4):
    return embedcnn.Input((size,))


def sequence(length=6, channels=4):
    return embedcnn.Input((length, channels))


def fitted(layer, x, **options):
    """Trains a model of an input, the layer and a Dense."""
    numbers = embedcnn.Input(np.shape(x)[1:])
    model = embedcnn.Model(numbers, layers.Dense(1)(layer(numbers)))
    model.compile("sgd", "mse", **options)
    return model.fit(x, np.ones(len(x)), verbose=0)


CASES = {
    "relu max": (lambda: layers.ReLU(max_value=-1), "max_value=-1"),
    "relu max text": (lambda: layers.ReLU(max_value="6"), "max_value='6'"),
    "relu slope": (lambda: layers.ReLU(negative_slope=-0.1), "negative_slope=-0.1"),
    "relu threshold": (lambda: layers.ReLU(threshold=float("nan")), "threshold=nan"),
    "relu order": (lambda: layers.ReLU(max_value=1, threshold=2), "`max_value` must be above `threshold`=2"),
    "leaky relu": (lambda: layers.LeakyReLU(None), "negative_slope=None"),
    "leaky relu bool": (lambda: layers.LeakyReLU(True), "negative_slope=True"),
    "elu": (lambda: layers.ELU(alpha=-1), "alpha=-1"),
    "elu infinite": (lambda: layers.ELU(alpha=float("inf")), "alpha=inf"),
    "prelu axes": (lambda: PReLU(shared_axes=[0]), "`shared_axes` must be an integer >= 1"),
    "prelu flat axes": (lambda: PReLU(shared_axes=[2])(flat()), "must be axes of the input, from 1 to 1"),
    "prelu open steps": (lambda: PReLU(shared_axes=[2])(sequence(None)), "shared_axes=[1]"),
    "prelu length": (lambda: PReLU()(sequence(None)), "shared_axes=[1]"),
    "prelu channels": (lambda: [p := PReLU(), p(flat(3)), p(flat(4))], "was built for (3,)"),
    "activation": (lambda: layers.Activation("mesh"), "did you mean 'mish'?"),
    "activation name": (lambda: layers.Dense(1, activation="softmaks"), "did you mean 'softmax'?"),
    "reshape rank": (lambda: Reshape((2, 2, 2, 2, 2)), "target_shape=(2, 2, 2, 2, 2)"),
    "reshape two unknown": (lambda: Reshape((-1, -1)), "one of them -1 at most"),
    "reshape zero": (lambda: Reshape((0, 4)), "target_shape=0"),
    "reshape size": (lambda: Reshape((3, 3))(flat()), "The total size of (4,) is 4"),
    "reshape part": (lambda: Reshape((3, -1))(sequence(5)), "The total size of (5, 4) is 20"),
    "reshape length": (lambda: Reshape((8,))(sequence(None)), "must know the length of the texts"),
    "permute twice": (lambda: Permute((1, 1)), "dims=(1, 1)"),
    "permute batch": (lambda: Permute((0, 1)), "dims=(0, 1)"),
    "permute rank": (lambda: Permute((2, 1))(flat()), "needs 3 axes. Received: shape=(None, 4)"),
    "permute image": (
        lambda: Permute((2, 1, 3))(embedcnn.Input((None, 4, 3))),
        "must know the sizes of its input. Received: shape=(None, None, 4, 3)",
    ),
    "merge image": (
        lambda: layers.Add()([embedcnn.Input((4, 4, 3)), embedcnn.Input((2, 4, 3))]),
        "Received: [(None, 4, 4, 3), (None, 2, 4, 3)]",
    ),
    "permute length": (lambda: Permute((2, 1))(sequence(None)), "must know the length"),
    "repeat": (lambda: layers.RepeatVector(0), "n=0"),
    "repeat float": (lambda: layers.RepeatVector(1.5), "n=1.5 (float)"),
    "repeat sequence": (lambda: layers.RepeatVector(2)(sequence()), "expects an input of 2 axes"),
    "flatten length": (lambda: layers.Flatten()(sequence(None)), "give it in Input((length,))"),
    "masking value": (lambda: Masking("0"), "mask_value='0'"),
    "masking flat": (lambda: Masking()(flat()), "expects an input of 3 axes"),
    "dot one": (lambda: Dot(1)([flat()]), "takes exactly 2 tensors. Received: 1"),
    "dot batch": (lambda: Dot(0), "not the batch (0). Received: axes=0"),
    "dot three axes": (lambda: Dot((1, 1, 1)), "axes=(1, 1, 1)"),
    "dot sizes": (lambda: Dot(1)([flat(3), flat(4)]), "needs axes of one size"),
    "dot axis": (lambda: Dot(2)([flat(), flat()]), "must be axes of the inputs"),
    "dot length": (lambda: Dot(2)([sequence(None), sequence()]), "must know the length of the texts"),
    "noise": (lambda: layers.GaussianNoise(-0.5), "stddev=-0.5"),
    "noise text": (lambda: layers.GaussianNoise("a"), "stddev='a'"),
    "noise seed": (lambda: layers.GaussianNoise(1.0, seed=0.5), "seed=0.5"),
    "gaussian dropout": (lambda: layers.GaussianDropout(1), "rate=1"),
    "dropout seed": (lambda: layers.Dropout(0.5, seed="s"), "seed='s'"),
    "dropout noise_shape": (
        lambda: layers.Dropout(0.5, noise_shape=(1,))(sequence()),
        "1, None or the input's size for each axis",
    ),
    "spatial dropout flat": (lambda: layers.SpatialDropout1D(0.5)(flat()), "expects an input of 3 axes"),
    "batch axis": (lambda: layers.BatchNormalization(axis=0), "axis=0"),
    "batch axis of input": (
        lambda: layers.BatchNormalization(axis=3)(sequence()),
        "must be among 1 to 2, or -1 to -2",
    ),
    "batch momentum": (lambda: layers.BatchNormalization(momentum=1.5), "momentum=1.5"),
    "batch epsilon": (lambda: layers.BatchNormalization(epsilon=0), "epsilon=0"),
    "batch renorm": (lambda: layers.BatchNormalization(renorm=True), "{'renorm': True}"),
    "batch initializer": (
        lambda: layers.BatchNormalization(gamma_initializer="one"),
        "gamma_initializer='one'",
    ),
    "batch moving regularizer": (
        lambda: layers.BatchNormalization(moving_mean_regularizer="l2"),
        "moving_mean_regularizer",
    ),
    "batch channels": (
        lambda: [b := layers.BatchNormalization(), b(flat(3)), b(flat(4))],
        "was built for 3 channels",
    ),
    "batch unknown": (
        lambda: layers.BatchNormalization()(embedcnn.Input((None,))),
        "must know the size of axis=-1",
    ),
    "layer axis": (lambda: layers.LayerNormalization(axis=True), "axis=True"),
    "layer epsilon": (lambda: layers.LayerNormalization(epsilon=-1), "epsilon=-1"),
    "unit axis": (lambda: layers.UnitNormalization(axis=0), "axis=0"),
    "weight of dropout": (lambda: layers.WeightNormalization(layers.Dropout(0.1)), "Dense or Conv1D"),
    "weight of built": (
        lambda: [d := layers.Dense(2), d(flat()), layers.WeightNormalization(d)],
        "must not have been called before",
    ),
    "weight of class": (lambda: layers.WeightNormalization(layers.Dense), "Dense or Conv1D"),
    "weight of flat": (
        lambda: layers.WeightNormalization(Conv1D(2, 2))(flat()),
        "expects an input of 3 axes",
    ),
    "groups": (lambda: Conv1D(4, 3, groups=0), "groups=0"),
    "groups of filters": (lambda: Conv1D(5, 3, groups=2), "filters=5, groups=2"),
    "groups of channels": (lambda: Conv1D(6, 3, groups=3)(sequence()), "a multiple of `groups`=3"),
    "kernel_size": (lambda: Conv1D(2, 0), "kernel_size=0"),
    "strides": (lambda: Conv1D(2, 2, strides=(1, 2)), "strides=(1, 2)"),
    "dilation": (lambda: Conv1D(2, 2, dilation_rate=-1), "dilation_rate=-1"),
    "channels first": (lambda: Conv1D(2, 2, data_format="channels_first"), "must be 'channels_last'"),
    "depth": (lambda: DepthwiseConv1D(3, depth_multiplier=0), "depth_multiplier=0"),
    "depthwise padding": (lambda: DepthwiseConv1D(3, padding="full"), "padding='full'"),
    "depthwise both": (lambda: DepthwiseConv1D(3, 2, dilation_rate=2), "exclude each other"),
    "depthwise flat": (lambda: DepthwiseConv1D(3)(flat()), "expects an input of 3 axes"),
    "depthwise channels": (
        lambda: [d := DepthwiseConv1D(2), d(sequence(6, 3)), d(sequence(6, 4))],
        "was built for 3 channels",
    ),
    "depthwise argument": (lambda: DepthwiseConv1D(3, filters=2), "{'filters': 2}"),
    "separable filters": (lambda: SeparableConv1D(0, 3), "filters=0"),
    "separable activation": (lambda: SeparableConv1D(2, 3, activation=layers.ReLU()), "in a layer behind"),
    "separable initializer": (
        lambda: SeparableConv1D(2, 3, pointwise_initializer="he"),
        "pointwise_initializer='he'",
    ),
    "identity of two": (lambda: layers.Identity()([flat(), flat()]), "takes 1 input. Received: 2"),
    "merge shapes": (lambda: layers.add([flat(3), flat(4)]), "tensors of one shape"),
    "subtract three": (lambda: layers.subtract([flat()] * 3), "exactly 2"),
    "maximum one": (lambda: layers.maximum([flat()]), "at least 2"),
    "keepdims": (lambda: layers.GlobalMaxPooling1D(keepdims=1), "keepdims=1"),
    "pretrained max_norm": (
        lambda: layers.Embedding.from_pretrained(np.eye(3, dtype="f"), max_norm=0),
        "max_norm=0",
    ),
    "pretrained frequency": (
        lambda: layers.Embedding.from_pretrained(np.eye(3, dtype="f"), scale_grad_by_freq=1),
        "scale_grad_by_freq=1",
    ),
    "pretrained padding": (
        lambda: layers.Embedding.from_pretrained(np.eye(3, dtype="f"), padding_idx=3),
        "padding_idx=3",
    ),
    "pool size": (lambda: layers.MaxPooling1D(0), "pool_size=0"),
    "pool causal": (lambda: layers.AveragePooling1D(2, padding="causal"), "padding='causal'"),
    "weight shape": (lambda: layers.Dense(1).add_weight("w", 3), "shape=3"),
    "weight size": (lambda: layers.Dense(1).add_weight("w", (0,)), "shape=0"),
    "weight twice": (
        lambda: [d := layers.Dense(1), d.add_weight("w", (2,)), d.add_weight("w", (2,))],
        "the weights so far: ['w']",
    ),
    "weight name no name": (lambda: layers.Dense(1).add_weight(5, (2, 3)), "name=5"),
    "weight constraint": (
        lambda: layers.Dense(1).add_weight("w", (2,), constraint="positive"),
        "constraint='positive'",
    ),
    "weight initializer": (lambda: layers.Dense(1).add_weight("w", (2,), "ohnes"), "initializer='ohnes'"),
    "short text": (lambda: fitted(_pooled(DepthwiseConv1D(9)), np.ones((2, 4, 3))), "4 tokens long"),
}


def _pooled(layer):
    return lambda x: layers.GlobalMaxPooling1D()(layer(x))


@pytest.mark.parametrize("name", CASES)
def test_message(name):
    call, message = CASES[name]
    with pytest.raises((ValueError, TypeError)) as error:
        call()
    assert message in str(error.value)


def test_how_many_cases_there_are():
    assert len(CASES) >= 80


def test_every_new_layer_comes_back_from_its_configuration_and_a_file(tmp_path):
    x = np.random.default_rng(0).normal(size=(5, 6, 4)).astype(np.float32)
    made = [
        layers.ReLU(3.0, 0.1, 0.5),
        layers.LeakyReLU(0.05),
        layers.ELU(0.5),
        PReLU("ones", [1]),
        layers.Identity(),
        DepthwiseConv1D(2, padding="same", depth_multiplier=2, activation="mish"),
        SeparableConv1D(3, 2, dilation_rate=2, use_bias=False, depthwise_initializer="he_normal"),
        Conv1D(4, 2, groups=2, kernel_regularizer="l2"),
        layers.BatchNormalization(momentum=0.5, center=False, gamma_constraint="non_neg"),
        layers.UnitNormalization(),
        layers.WeightNormalization(Conv1D(3, 2, padding="causal")),
        layers.GaussianNoise(0.2, seed=3),
        layers.GaussianDropout(0.2),
        Masking(0.5),
        Permute((2, 1)),
        Reshape((-1, 3)),
    ]
    for number, layer in enumerate(made):
        again = type(layer).from_config(layer.get_config())
        assert again.get_config() == layer.get_config()
        numbers = embedcnn.Input((6, 4))
        model = embedcnn.Model(numbers, layers.Dense(1)(layers.Flatten()(layer(numbers))))
        model.compile("adam", "mse")
        model.fit(x, np.ones(5), verbose=0)
        model.save(tmp_path / f"m{number}")
        loaded = embedcnn.models.load_model(tmp_path / f"m{number}")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    pair = Dot((2, 1), normalize=True)
    assert Dot.from_config(pair.get_config()).get_config() == pair.get_config()
    repeat = layers.RepeatVector(3)
    assert layers.RepeatVector.from_config(repeat.get_config()).n == 3


def test_batch_normalization_trains_only_while_it_is_not_frozen():
    x = np.random.default_rng(1).normal(3.0, 2.0, size=(64, 4)).astype(np.float32)
    numbers = embedcnn.Input((4,))
    batch = layers.BatchNormalization(momentum=0.5)
    model = embedcnn.Model(numbers, layers.Dense(1)(batch(numbers)))
    model.compile("sgd", "mse")
    model.fit(x, np.ones(64), batch_size=64, epochs=20, verbose=0)
    np.testing.assert_allclose(batch.moving_mean.numpy(), x.mean(0), rtol=1e-3)
    np.testing.assert_allclose(batch.moving_variance.numpy(), x.var(0), rtol=1e-3)
    batch.trainable = False
    before = batch.get_weights()
    model.fit(2 * x, np.ones(64), epochs=2, verbose=0)
    model(x, training=True)
    for one, other in zip(before, batch.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    batch.trainable = True
    model.evaluate(2 * x, np.ones(64), verbose=0)
    model.predict(2 * x)
    np.testing.assert_array_equal(batch.moving_mean.numpy(), before[2])
    model(2 * x, training=True)
    assert (batch.moving_mean.numpy() != before[2]).all()
