"""Small programs that the tests of this folder train: the text CNN of Kim (2014), and one with every
operation."""

import numpy as np
from comparison import Pair


def text_cnn(
    vocabulary=60, width=8, filters=6, kernels=(2, 3), classes=3, rate=0.0, fused=True, seed=0, **settings
):
    """A Pair: embedding, convolutions with relu and max over time, dropout, dense, softmax cross entropy."""
    rng = np.random.default_rng(seed)
    values, names = [rng.normal(size=(vocabulary, width))], ["embeddings"]
    for taps in kernels:
        values += [rng.normal(size=(taps, width, filters)) / 3, rng.normal(size=filters) / 5]
        names += [f"kernel{taps}", f"bias{taps}"]
    convolutions = tuple(range(1, len(values)))
    values += [rng.normal(size=(filters * len(kernels), classes)) / 3, np.zeros(classes)]
    names += ["dense", "dense_bias"]
    mask_zero = settings.pop("mask_zero", False)
    operations = [("lookup", (0,), (1,), (0,), {"mask_zero": mask_zero})]
    if fused:
        operations.append(("token_conv_pool", (1,), (2,), convolutions, {"activation": "relu"}))
        next_tensor = 3
    else:
        operations.append(("embed", (1,), (2,), (), {}))
        next_tensor, pooled = 3, []
        for number in range(len(kernels)):
            first = next_tensor
            operations += [
                ("conv1d", (2,), (first,), (1 + 2 * number, 2 + 2 * number), {}),
                ("activation", (first,), (first + 1,), (), {"activation": "relu"}),
                ("global_max_pool", (first + 1,), (first + 2,), (), {}),
            ]
            pooled.append(first + 2)
            next_tensor += 3
        operations.append(("concatenate", tuple(pooled), (next_tensor,), (), {}))
        next_tensor += 1
    last = next_tensor - 1
    operations += [
        ("dropout", (last,), (last + 1,), (), {"rate": rate, "layer": 0}),
        ("dense", (last + 1,), (last + 2,), (len(values) - 2, len(values) - 1), {}),
        ("cross_entropy", (last + 2,), (last + 3,), (), {"kind": "sparse_categorical"}),
    ]
    parameters = [(name, value.shape) for name, value in zip(names, values, strict=True)]
    inputs = [("x", "int32", -1, ())]
    return Pair(
        inputs, parameters, operations, (last + 3,), values, seed=seed, input_gradients=False, **settings
    )


def text_batch(rng, batch=7, length=9, vocabulary=60, classes=3):
    """Texts of distinct tokens (equal windows would tie), and labels."""
    ids = np.stack([rng.choice(vocabulary, length, replace=False) for _ in range(batch)])
    return ids, rng.integers(0, classes, batch)


def every_operation(seed=0):
    """A Pair with two inputs of ids sharing a table, one of floats and one sequence, all operations, two
    losses."""
    rng = np.random.default_rng(seed)
    shapes = {
        "embeddings": (30, 5),
        "conv": (2, 5, 5),
        "conv_bias": (5,),
        "pool": (3, 5, 4),
        "pool_bias": (4,),
    }
    shapes |= {"mix": (17, 6), "mix_bias": (6,), "classes": (6, 3), "value": (6, 1)}
    number = {name: place for place, name in enumerate(shapes)}
    inputs = [
        ("title", "int32", -1, ()),
        ("body", "int32", -1, ()),
        ("facts", "float32", None, (3,)),
        ("vectors", "float32", -1, (5,)),
    ]
    operations = [
        ("lookup", (0, 1), (4, 5), (number["embeddings"],), {"mask_zero": True}),
        ("token_conv_pool", (5,), (6,), (number["pool"], number["pool_bias"]), {"activation": "tanh"}),
        ("embed", (4,), (7,), (), {}),
        ("conv1d", (7,), (8,), (number["conv"], number["conv_bias"]), {"padding": "same"}),
        ("activation", (8,), (9,), (), {"activation": "gelu"}),
        ("dropout", (9,), (10,), (), {"rate": 0.3, "layer": 1}),
        ("global_average_pool", (10,), (11,), (), {}),
        ("softmax", (3,), (12,), (), {}),
        ("global_max_pool", (12,), (13,), (), {}),
        ("concatenate", (6, 11, 2, 13), (14,), (), {}),
        ("dense", (14,), (15,), (number["mix"], number["mix_bias"]), {}),
        ("activation", (15,), (16,), (), {"activation": "tanh"}),
        ("dense", (16,), (17,), (number["classes"],), {}),
        ("dense", (16,), (18,), (number["value"],), {}),
        ("cross_entropy", (17,), (19,), (), {"kind": "sparse_categorical", "weight": 0.8}),
        ("squared_error", (18,), (20,), (), {"weight": 0.3}),
    ]
    values = [rng.normal(size=shape) / 2 for shape in shapes.values()]
    return Pair(inputs, list(shapes.items()), operations, (19, 20), values, seed=seed)


def every_input(rng, batch=5):
    title, body = (
        rng.permuted(np.tile(np.arange(1, 30), (batch, 1)), axis=1)[:, :length] for length in (4, 8)
    )
    body[:, 6:] = 0
    inputs = [title, body, rng.normal(size=(batch, 3)), rng.normal(size=(batch, 4, 5))]
    return inputs, [rng.integers(0, 3, batch), rng.normal(size=(batch, 1)).astype(np.float32)]


def every_layer(seed=0):
    """A Pair with the operations of further layers: a masked sequence and numbers, moving statistics, two
    losses."""
    rng = np.random.default_rng(seed)
    shapes = {
        "depthwise": (3, 4, 2),
        "bias": (8,),
        "gamma": (8,),
        "beta": (8,),
        "mean": (8,),
        "variance": (8,),
    }
    shapes |= {"alpha": (1, 8), "v": (2, 4, 6), "g": (6,), "classes": (20, 3)}
    shapes |= {"words": (6, 9), "words_bias": (9,)}
    number = {name: place for place, name in enumerate(shapes)}
    statistics = tuple(number[name] for name in ("gamma", "beta", "mean", "variance"))
    same = {"padding": "same"}
    operations = [
        ("masking", (0,), (2,), (), {}),
        ("depthwise_conv1d", (2,), (3,), (number["depthwise"], number["bias"]), same),
        ("batch_normalization", (3,), (4,), statistics, {"momentum": 0.7}),
        ("rectifier", (4,), (5,), (number["alpha"],), {}),
        ("unit_normalization", (5,), (6,), (), {}),
        ("noise", (6,), (7,), (), {"deviation": 0.1, "layer": 3}),
        ("conv1d", (7,), (8,), (number["v"],), {**same, "groups": 2}),
        ("weight_normalization", (8,), (9,), (number["g"], number["v"]), {}),
        ("permute", (9,), (10,), (), {"length": 6}),
        ("unflatten", (1,), (11,), (), {"length": 2}),
        ("dot", (11, 2), (12,), (), {"axis_a": 2, "axis_b": 2, "length_a": 2, "length_b": 6}),
        ("repeat", (1,), (13,), (), {"length": 6}),
        ("global_average_pool", (10,), (14,), (), {}),
        ("global_average_pool", (12,), (15,), (), {}),
        ("global_average_pool", (13,), (16,), (), {}),
        ("concatenate", (14, 15, 16), (17,), (), {}),
        ("dense", (17,), (18,), (number["classes"],), {}),
        ("log_softmax", (18,), (19,), (), {}),
        ("squared_error", (19,), (20,), (), {"weight": 0.3}),
        ("cross_entropy", (18,), (21,), (), {"kind": "sparse_categorical"}),
        ("dense_cross_entropy", (12,), (22,), (number["words"], number["words_bias"]), {"most_rows": 4}),
    ]
    values = [rng.normal(size=shape) / 2 for shape in shapes.values()]
    values[number["variance"]] = rng.uniform(0.5, 2, 8)
    inputs = [("x", "float32", -1, (4,)), ("facts", "float32", None, (8,))]
    moving = (number["mean"], number["variance"])
    return Pair(inputs, list(shapes.items()), operations, (20, 21, 22), values, seed=seed, tracked=moving)


def every_layer_input(rng, batch=5):
    x = rng.normal(size=(batch, 6, 4)) * (rng.random((batch, 6, 1)) < 0.7)
    inputs = [x.astype(np.float32), rng.normal(size=(batch, 8)).astype(np.float32)]
    targets = [rng.normal(size=(batch, 3)).astype(np.float32), rng.integers(0, 3, batch)]
    return inputs, [*targets, rng.integers(0, 9, (batch, 2))]


def documents(seed=0):
    """A Pair with an encoder over the sentences of documents, masked words in them, a recurrent layer over
    the sentences, and a loss for each word.
    """
    rng = np.random.default_rng(seed)
    shapes = {"table": (40, 6), "kernel": (2, 6, 5), "w": (6, 12), "u": (4, 12), "b": (2, 12)}
    shapes |= {"words": (4, 4), "v": (9, 16), "r": (4, 16), "c": (16,), "classes": (4, 3)}
    number = {name: place for place, name in enumerate(shapes)}
    parts = {"gru": ("w", "u", "b"), "lstm": ("v", "r", "c")}
    numbers = {name: tuple(number[part] for part in names) for name, names in parts.items()}
    operations = [
        ("fold", (0,), (1, 2), (), {}),
        ("lookup", (1,), (3,), (number["table"],), {"mask_zero": True}),
        ("token_conv_pool", (3,), (4,), (number["kernel"],), {"use_bias": False, "padding": "same"}),
        ("gru", (3,), (5,), numbers["gru"], {"return_sequences": True}),
        ("unfold", (5, 2), (6,), (), {}),
        ("dense", (6,), (7,), (number["words"],), {}),
        ("fold", (6,), (8, 9), (), {}),
        ("global_max_pool", (8,), (10,), (), {}),
        ("concatenate", (4, 10), (11,), (), {}),
        ("unfold", (11, 9), (12,), (), {}),
        ("lstm", (12,), (13,), numbers["lstm"], {}),
        ("dense", (13,), (14,), (number["classes"],), {}),
        ("cross_entropy", (14,), (15,), (), {"kind": "sparse_categorical"}),
        ("cross_entropy", (7,), (16,), (), {"kind": "sparse_categorical", "weight": 0.5}),
    ]
    values = [rng.normal(size=shape) / 2 for shape in shapes.values()]
    return Pair([("x", "int32", -1, (7,))], list(shapes.items()), operations, (15, 16), values, seed=seed)


def documents_input(rng, batch=5, sentences=4):
    """Sentences of distinct words (equal ones would tie), with padding behind."""
    ids = rng.permuted(np.tile(np.arange(1, 40), (batch, sentences, 1)), axis=2)[:, :, :7]
    ids[np.arange(7) >= rng.integers(0, 8, (batch, sentences, 1))] = 0
    return [ids], [rng.integers(0, 3, batch), rng.integers(0, 4, ids.shape)]
