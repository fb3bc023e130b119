"""Images given to fit: bytes stay bytes, batches of a Dataset are not copied, and few of them wait."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.data import Dataset
from embedcnn.data.workers import run_ahead
from embedcnn.training import batches, input_data


def network(seed=3):
    model = embedcnn.Sequential(
        [embedcnn.Input((4, 5, 3)), layers.Flatten(), layers.Dense(3, activation="softmax")], seed=seed
    )
    model.compile(embedcnn.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    return model


RNG = np.random.default_rng(1)
IMAGES = RNG.integers(0, 256, (10, 4, 5, 3)).astype(np.uint8)
LABELS = RNG.integers(0, 3, 10)


def test_bytes_train_like_the_floats_they_stand_for():
    ours, theirs = network(), network()
    theirs.set_weights(ours.get_weights())
    ours.fit(IMAGES, LABELS, batch_size=4, epochs=2, verbose=0, validation_split=0.2)
    theirs.fit(IMAGES.astype(np.float32), LABELS, batch_size=4, epochs=2, verbose=0, validation_split=0.2)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    floats = IMAGES.astype(np.float32)
    np.testing.assert_array_equal(ours.predict(IMAGES, verbose=0), ours.predict(floats, verbose=0))
    np.testing.assert_array_equal(
        ours.evaluate(IMAGES, LABELS, verbose=0), ours.evaluate(floats, LABELS, verbose=0)
    )


def test_bytes_are_not_copied_as_a_whole():
    spec = input_data.InputSpec("x", "float32", (None, 4, 5, 3), None)
    prepared = input_data.prepare_input(spec, IMAGES, whole=True)
    assert prepared.images is IMAGES and len(prepared) == 10
    assert prepared[2:4].dtype == np.float32 and (prepared[np.array([3, 1])] == IMAGES[[3, 1]]).all()
    with pytest.raises(
        ValueError, match=r"expected shape \(batch, 4, 5, 3\). Received: shape \(10, 5, 4, 3\)"
    ):
        input_data.prepare_input(spec, IMAGES.reshape(10, 5, 4, 3), whole=True)


def test_batches_of_a_dataset_are_taken_as_they_are():
    data = Dataset.from_tensor_slices((IMAGES.astype(np.float32), LABELS)).batch(4).cache()
    feed = batches.IterableBatches(data, lambda item: ([item[0]], [item[1]], None, len(item[0])), None)
    kept = [x for x, _ in data]
    assert all(np.shares_memory(x[0], y) for (x, *_), y in zip(feed.epoch(0), kept, strict=True))


def test_an_array_that_is_filled_again_is_copied():
    buffer = np.zeros((2, 4, 5, 3), np.float32)

    def generator():
        for number in range(4):
            buffer[:] = number
            yield buffer, np.array([0, 1])

    for source in (generator(), Dataset.from_generator(generator)):
        feed = batches.IterableBatches(source, lambda item: ([item[0]], [item[1]], None, 2), None)
        assert [x[0].flat[0] for x, *_ in feed.epoch(0)] == [0, 1, 2, 3]


def test_read_only_batches_train_like_others():
    ours, theirs = network(), network()
    theirs.set_weights(ours.get_weights())
    data = Dataset.from_tensor_slices((IMAGES, LABELS)).batch(5)
    floats = Dataset.from_tensor_slices((IMAGES.astype(np.float32), LABELS)).batch(5)
    ours.fit(data.cache(), epochs=3, verbose=0)
    theirs.fit(floats.map(lambda x, y: (x.copy(), y)), epochs=3, verbose=0)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_few_large_batches_wait():
    def waiting(size):
        return batches.room(([np.broadcast_to(np.float32(0), size)], [], None, 1))

    assert waiting(1000) == batches.AHEAD
    assert waiting(1 << 20) == 16  # 4 MB each
    assert waiting(1 << 30) == 2


@pytest.mark.parametrize("room", [2, 3, 100])
def test_elements_keep_their_order_whatever_the_room(room):
    made = []

    def numbers():
        for number in range(50):
            made.append(number)
            yield number

    taken = []
    for number in run_ahead(numbers, 8, 4, lambda _: room):
        taken.append(number)
        assert len(made) - len(taken) <= min(room, 8) + 1
    assert taken == list(range(50))
