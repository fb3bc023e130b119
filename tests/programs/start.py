"""What the programs share, on Keras and on embedcnn alike: tiny data, weights to begin with, ten losses."""

import numpy as np

LOSSES = 10


def words(texts, length, vocabulary, seed=0):
    """Ids of texts, padded with zeros in front, and a class of each that its words tell."""
    random = np.random.default_rng(seed)
    ids = random.integers(1, vocabulary, (texts, length))
    for row, pads in enumerate(random.integers(0, length // 2, texts)):
        ids[row, :pads] = 0
    return ids, (ids.sum(axis=1) % 2).astype("float32")


def numbers(*shape, seed=0):
    """Numbers around 0."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def begin(model, seed=1):
    """The same weights in both libraries, small ones, in the order of `model.weights`."""
    random = np.random.default_rng(seed)
    weights = [random.normal(size=tuple(weight.shape)) * 0.3 for weight in model.weights]
    named = zip(weights, model.weights, strict=True)
    model.set_weights([abs(value) + 0.5 if "variance" in weight.name else value for value, weight in named])


def ten_steps(model, x, y, **options):
    """The losses of ten training steps on one batch."""
    found = [model.train_on_batch(x, y, return_dict=True, **options) for _ in range(LOSSES)]
    return [float(one["loss"]) for one in found]


def ten_epochs(model, x, y, **options):
    """The losses of ten epochs, each of one batch."""
    size = len(x if not isinstance(x, (list, dict)) else y)
    options = {"epochs": LOSSES, "batch_size": size, "shuffle": False, "verbose": 0, **options}
    return [float(loss) for loss in model.fit(x, y, **options).history["loss"]]
