"""Images whose height and width each batch decides: the same numbers and bits as models of known sizes, in
prediction, training and files.
"""

import threading

import numpy as np
import pytest

import embedcnn
from embedcnn import layers as L
from embedcnn.lowering import programs


def net(shape=(None, None, 3), seed=3):
    """A fully convolutional net with most of what may stand in one."""
    embedcnn.utils.set_random_seed(seed)
    x = embedcnn.Input(shape, name="photograph")
    h = L.RandomFlip("horizontal", seed=5)(L.Rescaling(0.5)(x))
    h = L.ReLU()(L.BatchNormalization()(L.Conv2D(6, 3, padding="same", use_bias=False)(h)))
    h = L.MaxPooling2D()(L.SeparableConv2D(8, 3, padding="same", activation="relu")(h))
    h = L.Add()([h, L.DepthwiseConv2D(3, padding="same")(h)])
    h = L.PReLU(shared_axes=[1, 2])(L.SpatialDropout2D(0.2)(h))
    gate = L.Dense(8, activation="sigmoid")(L.GlobalAveragePooling2D(keepdims=True)(h))
    h = L.Concatenate()([L.Multiply()([h, gate]), h])
    h = L.Dropout(0.1)(L.Cropping2D(1)(L.ZeroPadding2D(2)(h)))
    h = L.GlobalAveragePooling2D()(L.LayerNormalization()(h))
    return embedcnn.Model(x, L.Dense(3, activation="softmax")(h), seed=1)


SIZES = [(8, 8), (13, 9), (8, 8), (6, 20)]


def batches(count=8, labels=True):
    rng = np.random.default_rng(7)
    for number in range(count):
        x = rng.normal(size=(4 + number % 3, *SIZES[number % len(SIZES)], 3)).astype(np.float32)
        yield (x, rng.integers(0, 3, len(x))) if labels else x


def test_the_graph_is_known_and_its_weights():
    model = net()
    assert model.input_shape == (None, None, None, 3) and model.output_shape == (None, 3)
    assert model.count_params() == net((8, 8, 3)).count_params()
    with pytest.raises(ValueError, match="follow from their sizes, which the first batch gives"):
        model.lowered()


def test_predictions_are_those_of_models_of_known_size():
    model = net()
    for x in batches(labels=False):
        known = net((*x.shape[1:3], 3))
        known.set_weights(model.get_weights())
        np.testing.assert_array_equal(model.predict(x, verbose=0), known.predict(x, verbose=0))
        np.testing.assert_array_equal(model(x), known(x))
        assert f"float32 (B, {x.shape[1]}, {x.shape[2]}, 3) = input" in str(model.lowered())
    bytes_of = (np.random.default_rng(0).random((3, 7, 7, 3)) * 255).astype(np.uint8)
    assert model.predict(bytes_of, verbose=0).shape == (3, 3)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_training_has_the_bits_of_models_of_known_size(optimizer):
    # which train batch by batch, each on weights and slots of the one before
    model = net()
    make = {"adam": embedcnn.optimizers.Adam, "sgd": lambda: embedcnn.optimizers.SGD(0.1, momentum=0.9)}
    model.compile(make[optimizer](), "sparse_categorical_crossentropy", metrics=["accuracy"])
    losses = [model.train_on_batch(x, y) for x, y in batches()]
    known = {}
    before = net()
    shared = make[optimizer]()
    for number, (x, y) in enumerate(batches()):
        if x.shape[1:3] not in known:  # a model on the same layers
            images = embedcnn.Input(x.shape[1:], name="photograph")
            known[x.shape[1:3]] = embedcnn.Model(images, before(images), seed=1)
            known[x.shape[1:3]].compile(shared, "sparse_categorical_crossentropy", metrics=["accuracy"])
        assert known[x.shape[1:3]].train_on_batch(x, y) == losses[number]
    for one, other in zip(model.get_weights(), before.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fit_evaluate_and_resume(tmp_path):
    def compiled():
        model = net()
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    model, halved = compiled(), compiled()
    for _ in range(2):
        model.fit(batches(), steps_per_epoch=8, epochs=1, validation_data=next(batches()), verbose=0)
    halved.fit(batches(), steps_per_epoch=8, epochs=1, verbose=0)
    halved.save(tmp_path / "half.model")
    halved = embedcnn.models.load_model(tmp_path / "half.model")
    assert halved.input_shape == (None, None, None, 3)
    halved.fit(batches(), steps_per_epoch=8, epochs=1, verbose=0)
    for one, other in zip(model.get_weights(), halved.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    loss, accuracy = model.evaluate(batches(), steps=8, verbose=0)
    singly = [(*model.evaluate(x, y, verbose=0), len(x)) for x, y in batches()]
    count = sum(one[-1] for one in singly)
    assert loss == pytest.approx(sum(one[0] * one[2] for one in singly) / count, rel=1e-5)
    assert accuracy == pytest.approx(sum(one[1] * one[2] for one in singly) / count)
    assert model.predict(batches(labels=False), verbose=0).shape == (count, 3)


def test_gradients_and_profile():
    model = net()
    model.compile("adam", "sparse_categorical_crossentropy")
    for x, y in batches(3):
        known = net((*x.shape[1:3], 3))
        known.set_weights(model.get_weights())
        known.compile(model.optimizer, "sparse_categorical_crossentropy")  # which counts the steps
        loss, gradients = model.compute_gradients(x, y)
        wanted, others = known.compute_gradients(x, y)
        assert loss == wanted
        for one, other in zip(gradients.values(), others.values(), strict=True):
            np.testing.assert_array_equal(one, other)
        model.apply_gradients(gradients)
    assert "conv2d" in str(model.profile(x, y, steps=2))


def segmenter():
    x = embedcnn.Input((None, 12, 2))  # one side open
    h = L.Conv2D(4, 3, padding="same", activation="relu")(x)
    h = L.UpSampling2D()(L.MaxPooling2D()(h))
    h = L.Conv2DTranspose(4, 3, padding="same", activation="relu")(h)
    return embedcnn.Model(x, L.Conv2D(3, 1)(h))


def test_a_class_for_each_pixel():
    rng = np.random.default_rng(2)
    model = segmenter()
    loss = embedcnn.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    seen = []
    images = {height: rng.normal(size=(5, height, 12, 2)) for height in (4, 10)}
    for height in (4, 10) * 4:
        x = images[height]
        seen.append(model.train_on_batch(x, (x[..., 0] > 0).astype(int) + (x[..., 1] > 0)))
        assert model.predict(x, verbose=0).shape == (5, height, 12, 3)
    assert np.isfinite(seen).all() and seen[-2] < seen[0] and seen[-1] < seen[1]
    with pytest.raises(ValueError, match=r"forms no array: .* shapes \(4, 12, 3\) and \(6, 12, 3\)"):
        model.predict((np.zeros((2, height, 12, 2)) for height in (6, 4)), verbose=0)
    with pytest.raises(ValueError, match="expected shape"):
        model.predict(np.zeros((2, 4, 13, 2)), verbose=0)


def test_models_in_models_and_added_losses():
    inner = net()
    x = embedcnn.Input((None, None, 3))
    model = embedcnn.Model(x, L.Dense(2)(inner(x)))
    model.add_loss(embedcnn.ops.mean(L.GlobalAveragePooling2D()(L.Conv2D(2, 1)(x))))
    model.compile("sgd", "mse")
    known = embedcnn.Input((7, 9, 3))
    twin = embedcnn.Model(known, L.Dense(2)(net()(known)))
    twin.add_loss(embedcnn.ops.mean(L.GlobalAveragePooling2D()(L.Conv2D(2, 1)(known))))
    twin.compile("sgd", "mse")
    twin.set_weights(model.get_weights())
    given = np.random.default_rng(1).normal(size=(4, 7, 9, 3))
    np.testing.assert_array_equal(model.predict(given, verbose=0), twin.predict(given, verbose=0))
    assert model.evaluate(given, np.zeros((4, 2)), verbose=0) == twin.evaluate(
        given, np.zeros((4, 2)), verbose=0
    )


def test_programs_of_the_last_sizes_are_kept():
    model = net()
    for size in range(6, 6 + 2 * programs.KEPT):
        model.predict(np.zeros((1, size, 6, 3)), verbose=0)
    assert len(model._programs._pools) == programs.KEPT
    kept = model._programs.pool("predict", ((size, 6, 3),))
    model.predict(np.zeros((1, size, 6, 3)), verbose=0)
    assert model._programs.pool("predict", ((size, 6, 3),)) is kept
    assert all(len(layer.nodes) == 1 for layer in model.layers)  # the calls of other sizes are forgotten


def test_threads_predict_different_sizes():
    model = net()
    given = [np.random.default_rng(n).normal(size=(3, 6 + n, 8, 3)) for n in range(4)]
    wanted = [model.predict(x, verbose=0) for x in given]
    found = [None] * 4

    def run(number):
        found[number] = [model.predict(given[number], verbose=0) for _ in range(5)]

    running = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    for results, right in zip(found, wanted, strict=True):
        for result in results:
            np.testing.assert_array_equal(result, right)


def test_what_needs_known_sizes_says_so():
    x = embedcnn.Input((None, None, 3))
    with pytest.raises(ValueError, match="must know the sizes of its input"):
        L.Flatten()(x)
    with pytest.raises(ValueError, match="must know the channels of its input"):
        L.Conv2D(3, 3)(embedcnn.Input((8, 8, None)))
    model = net()
    with pytest.raises(ValueError, match="need images at least as large"):
        embedcnn.Model(x, L.Conv2D(3, 5)(x)).predict(np.zeros((1, 4, 9, 3)), verbose=0)
    assert model.predict(np.zeros((1, 8, 8, 3)), verbose=0).shape == (
        1,
        3,
    )  # a size that failed spoils nothing


def test_no_graph_of_onnx(tmp_path):
    pytest.importorskip("onnx")
    model = net()
    model.predict(np.zeros((1, 8, 8, 3)), verbose=0)
    with pytest.raises(ValueError, match="leaves the size of its images open"):
        model.export(tmp_path / "m.onnx")
