import numpy as np
import pytest

import embedcnn
from embedcnn import layers, losses


def tokens_model(build, trainable=True, mask_zero=False, **compile_options):
    tokens = embedcnn.Input((9,), dtype="int32")
    x = layers.Embedding(20, 4, trainable=trainable, mask_zero=mask_zero)(tokens)
    model = embedcnn.Model(tokens, build(x), seed=0)
    if compile_options:
        model.compile(**compile_options)
    return model


def names(model, training=False):
    return [op.name for op in model.lowered(training).operations]


def branch(x, width=3, activation="relu", **options):
    return layers.GlobalMaxPooling1D()(layers.Conv1D(5, width, activation=activation, **options)(x))


def test_branches_become_one_operation():
    model = tokens_model(lambda x: layers.Dense(2)(layers.Concatenate()([branch(x, k) for k in (2, 3, 4)])))
    assert names(model) == ["lookup", "token_conv_pool", "dense"]
    fused = model.lowered().operations[1]
    assert [v.shape[0] for v in fused.variables[::2]] == [2, 3, 4]
    assert fused.attributes == {"use_bias": True, "padding": "valid", "activation": "relu"}


def test_activation_as_its_own_layer_fuses():
    def build(x):
        x = layers.Conv1D(5, 3, use_bias=False)(x)
        return layers.GlobalMaxPooling1D()(layers.Activation("tanh")(x))

    lowered = tokens_model(build).lowered()
    assert [op.name for op in lowered.operations] == ["lookup", "token_conv_pool"]
    assert lowered.operations[1].attributes == {"use_bias": False, "padding": "valid", "activation": "tanh"}


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            lambda x: branch(x, activation="gelu"),
            ["lookup", "token_conv", "activation", "global_max_pool"],
        ),
        (lambda x: branch(x, strides=2), ["lookup", "embed", "conv_pool"]),
        (
            lambda x: branch(x, dilation_rate=2),
            ["lookup", "token_conv", "activation", "global_max_pool"],
        ),
        (
            lambda x: branch(x, activation="softmax"),
            ["lookup", "token_conv", "softmax", "global_max_pool"],
        ),
        (lambda x: branch(layers.Conv1D(4, 2)(x)), ["lookup", "token_conv", "conv_pool"]),
        (
            lambda x: branch(layers.MaxPooling1D(2)(layers.Conv1D(4, 2, activation="relu")(x))),
            ["lookup", "token_conv", "activation", "max_pool", "conv_pool"],
        ),
        (
            lambda x: branch(layers.Conv1D(4, 2)(x), dilation_rate=2),
            ["lookup", "token_conv", "conv1d", "activation", "global_max_pool"],
        ),
        (lambda x: layers.GlobalAveragePooling1D()(x), ["lookup", "token_bag"]),
        (lambda x: layers.GlobalMaxPooling1D()(x), ["lookup", "token_bag"]),
        (lambda x: layers.GlobalSumPooling1D()(x), ["lookup", "token_bag"]),
        (
            lambda x: layers.Concatenate()([layers.GlobalMaxPooling1D()(x), layers.Flatten()(x)]),
            ["lookup", "embed", "global_max_pool", "flatten", "concatenate"],
        ),
        (
            lambda x: layers.GlobalAveragePooling1D()(layers.Conv1D(5, 3)(x)),
            ["lookup", "token_conv", "global_average_pool"],
        ),
    ],
)
def test_what_does_not_fit_takes_the_general_path(build, expected):
    assert names(tokens_model(build)) == expected


def test_dropout_vanishes_in_inference_and_opens_the_fusion():
    model = tokens_model(lambda x: layers.Dense(2)(layers.Dropout(0.5)(branch(layers.Dropout(0.1)(x)))))
    assert names(model) == ["lookup", "token_conv_pool", "dense"]
    training = ["lookup", "embed", "dropout", "conv_pool", "dropout", "dense"]
    assert names(model, True) == training
    assert len({op.attributes["layer"] for op in model.lowered(True).operations if op.name == "dropout"}) == 2


def test_other_consumers_get_the_general_path_beside_it():
    def build(x):
        convolved = layers.Conv1D(5, 3, activation="relu")(x)
        pools = [layers.GlobalMaxPooling1D()(convolved), layers.GlobalAveragePooling1D()(convolved)]
        return layers.Concatenate()(pools)

    expected = [
        "lookup",
        "token_conv",
        "activation",
        "token_conv_pool",
        "global_average_pool",
        "concatenate",
    ]
    model = tokens_model(build)
    assert names(model) == expected
    x = np.random.default_rng(0).integers(0, 20, (6, 9))
    outputs = model.predict(x)
    pooled = embedcnn.Model(model.input, model.layers[3].output)
    assert names(pooled) == ["lookup", "token_conv_pool"]
    np.testing.assert_allclose(outputs[:, :5], pooled.predict(x), rtol=1e-6)


def test_a_sequence_that_others_read_is_not_convolved_twice():
    def build(x):
        convolved = layers.Conv1D(5, 3, activation="relu")(layers.Conv1D(4, 2)(x))
        pools = [layers.GlobalMaxPooling1D()(convolved), layers.GlobalAveragePooling1D()(convolved)]
        return layers.Concatenate()(pools)

    expected = ["lookup", "token_conv", "conv1d", "activation", "global_max_pool", "global_average_pool"]
    assert names(tokens_model(build)) == [*expected, "concatenate"]


def test_only_neighbours_of_one_kind_are_joined():
    def build(x):
        other = branch(x, padding="same")
        return layers.Concatenate()([branch(x, 2), branch(x, 3), other, branch(x, 4)])

    model = tokens_model(build)
    assert names(model) == ["lookup", *["token_conv_pool"] * 3, "concatenate"]
    assert [len(op.variables) for op in model.lowered().operations[1:4]] == [2, 2, 4] or [
        len(op.inputs) for op in model.lowered().operations
    ][-1] == 3
    x = np.random.default_rng(1).integers(0, 20, (4, 9))
    whole = model.predict(x)
    parts = [embedcnn.Model(model.input, part).predict(x) for part in model.layers[-1].input]
    np.testing.assert_allclose(whole, np.concatenate(parts, axis=1), rtol=1e-6)


def test_two_inputs_share_one_lookup():
    a, b = embedcnn.Input((9,), dtype="int32"), embedcnn.Input((5,), dtype="int32")
    table = layers.Embedding(20, 4)
    conv = layers.Conv1D(5, 3, activation="relu")
    pool = layers.GlobalMaxPooling1D()
    model = embedcnn.Model([a, b], layers.Concatenate()([pool(conv(table(side))) for side in (a, b)]))
    lowered = model.lowered()
    assert [op.name for op in lowered.operations] == [
        "lookup",
        "token_conv_pool",
        "token_conv_pool",
        "concatenate",
    ]
    assert lowered.operations[0].inputs == [0, 1]
    assert len(lowered.variables) == 3


@pytest.mark.parametrize(
    ("last", "loss", "expected"),
    [
        ("softmax", "sparse_categorical_crossentropy", ["dense", "cross_entropy"]),
        ("softmax", "categorical_crossentropy", ["dense", "cross_entropy"]),
        ("sigmoid", "binary_crossentropy", ["dense", "activation", "cross_entropy"][::2]),
        ("relu", "binary_crossentropy", ["dense", "activation", "cross_entropy"]),
        ("softmax", "binary_crossentropy", ["dense", "softmax", "cross_entropy"]),
        ("softmax", "mse", ["dense", "softmax", "squared_error"]),
        (None, losses.SparseCategoricalCrossentropy(from_logits=True), ["dense", "cross_entropy"]),
    ],
)
def test_losses(last, loss, expected):
    model = tokens_model(lambda x: layers.Dense(3, activation=last)(branch(x)), optimizer="sgd", loss=loss)
    assert names(model, True) == ["lookup", "token_conv_pool", *expected]
    lowered = model.lowered(True)
    returned = (
        lowered.operations[-1].outputs
        if expected[-1] == "cross_entropy" and last in ("softmax", "sigmoid")
        else []
    )
    if last == ("sigmoid" if loss == "binary_crossentropy" else "softmax") and loss != "mse":
        assert lowered.outputs == returned
        assert lowered.operations[-1].attributes["from_logits"] is True


def test_probabilities_are_the_same_with_and_without_the_loss():
    model = tokens_model(
        lambda x: layers.Dense(3, activation="softmax")(branch(x)),
        optimizer="sgd",
        loss="sparse_categorical_crossentropy",
    )
    x = np.random.default_rng(2).integers(0, 20, (6, 9))
    seen = []
    model.compile(
        "sgd", "sparse_categorical_crossentropy", metrics=[lambda y, p: seen.append(p.copy()) or p[:, 0]]
    )
    model.test_on_batch(x, np.zeros(6, int))
    np.testing.assert_allclose(seen[0], model.predict(x), rtol=1e-5)


def test_listing_is_readable():
    model = tokens_model(
        lambda x: layers.Dense(2, activation="softmax", name="out")(branch(x)),
        optimizer="sgd",
        loss="sparse_categorical_crossentropy",
    )
    embedding, conv, pool, _ = (layer.name for layer in model.layers[1:])
    assert str(model.lowered(training=True)).splitlines() == [
        "%0: int32 (B, 9) = input x",
        "%1: float32 (B, 9, 4) = lookup(%0) mask_zero=False",
        f"    {embedding}/embeddings (20, 4)",
        f"    # {embedding}",
        "%2: float32 (B, 5) = token_conv_pool(%1) use_bias=True padding=valid activation=relu",
        f"    {conv}/kernel (3, 4, 5), {conv}/bias (5)",
        f"    # {embedding}, {conv}, {pool}",
        "%3: float32 (B, 2) = dense(%2)",
        "    out/kernel (5, 2), out/bias (2)",
        "    # out",
        "%4: float32 (B, 2) = cross_entropy(%3) kind=sparse_categorical from_logits=True",
        "    # out, sparse_categorical_crossentropy",
        "return %4",
    ]


def test_masks_reach_the_core():
    model = tokens_model(branch, mask_zero=True)
    assert model.lowered().operations[0].attributes == {"mask_zero": True}
    short = np.array([[3, 4, 5, 6, 0, 0, 0, 0, 0], [0, 0, 0, 3, 4, 5, 6, 0, 0]])
    outputs = model.predict(short)
    np.testing.assert_array_equal(outputs[0], outputs[1])


def test_fused_and_general_path_agree_in_training():
    """Dropout with rate 0 is dropped; a linear Activation keeps the graph different but not the numbers."""
    x = np.random.default_rng(3).integers(0, 20, (8, 9))
    y = np.arange(8) % 2
    weights = None
    results = []
    for general in (False, True):

        def build(x, general=general):
            convolved = layers.Conv1D(5, 3, activation="relu")(x)
            pooled = layers.GlobalMaxPooling1D()(
                layers.Activation("gelu")(convolved) if general else convolved
            )
            return layers.Dense(2, activation="softmax")(pooled)

        model = tokens_model(build, optimizer="sgd", loss="sparse_categorical_crossentropy")
        weights = weights or model.get_weights()
        model.set_weights(weights)
        if general:
            model.layers[3].activation = "linear"
        results.append([model.train_on_batch(x, y) for _ in range(5)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)


def test_one_convolution_called_twice_on_the_same_tokens():
    inputs = embedcnn.Input((10,), dtype="int32")
    embedded = layers.Embedding(20, 4)(inputs)
    convolution, pool = layers.Conv1D(3, 2), layers.GlobalMaxPooling1D()
    twice = layers.Concatenate()([pool(convolution(embedded)), pool(convolution(embedded))])
    out = embedcnn.Model(inputs, twice).predict(np.arange(20).reshape(2, 10), verbose=0)
    np.testing.assert_array_equal(out[:, :3], out[:, 3:])


def test_a_separable_convolution_is_two_operations_and_may_be_pooled():
    numbers = embedcnn.Input((9, 4))
    layer = layers.SeparableConv1D(5, 3, activation="relu")
    model = embedcnn.Model(numbers, layers.GlobalMaxPooling1D()(layer(numbers)))
    assert [operation.name for operation in model.lowered().operations] == ["depthwise_conv1d", "conv_pool"]
    x = np.random.default_rng(0).normal(size=(3, 9, 4))
    depthwise, pointwise, bias = layer.get_weights()
    windows = np.stack([(x[:, t : t + 3] * depthwise[None, :, :, 0]).sum(1) for t in range(7)], 1)
    expected = np.maximum(windows @ pointwise[0] + bias, 0).max(1)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)


def test_grouped_convolutions_keep_the_general_path():
    numbers = embedcnn.Input((9, 4))
    pooled = layers.GlobalMaxPooling1D()(layers.Conv1D(6, 3, groups=2)(numbers))
    names = [operation.name for operation in embedcnn.Model(numbers, pooled).lowered().operations]
    assert names == ["conv1d", "global_max_pool"]


def test_noise_vanishes_in_inference():
    numbers = embedcnn.Input((4,))
    x = layers.GaussianDropout(0.3)(layers.GaussianNoise(0.5)(layers.Dense(3)(numbers)))
    model = embedcnn.Model(numbers, x)
    assert [operation.name for operation in model.lowered().operations] == ["dense"]
    assert [operation.name for operation in model.lowered(training=True).operations] == [
        "dense",
        "noise",
        "noise",
    ]
