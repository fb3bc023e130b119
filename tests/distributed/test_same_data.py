"""Ranks that each take their part of the same arrays were given the same; where they were not, all are told.
And predict, which each rank calls for itself, prints on the first alone.
"""

import numpy as np
import pytest
import rank_models as models
from rank_threads import errors_on_ranks, on_ranks

import embedcnn
from embedcnn.training import batches
from embedcnn.training.batches import _looked_at

x, y = models.words()
weights = np.arange(len(y), dtype=np.float32)


def other(array, rank):
    """The array, on rank 1 with another number in the middle."""
    changed = np.array(array)
    if rank == 1:
        changed[len(changed) // 2] = changed[len(changed) // 2 - 1]
        assert (changed != array).any()
    return changed


def ragged(ids):
    return embedcnn.Ragged(ids.ravel(), np.arange(0, ids.size + 1, ids.shape[1]))


WAYS = {
    "x of fit": lambda model, rank: model.fit(other(x, rank), y, verbose=0),
    "y of fit": lambda model, rank: model.fit(x, other(np.arange(len(y)) % 3, rank), verbose=0),
    "weights of fit": lambda model, rank: model.fit(x, y, sample_weight=other(weights, rank), verbose=0),
    "ragged": lambda model, rank: model.fit(ragged(other(x, rank)), y, verbose=0),
    "x of evaluate": lambda model, rank: model.evaluate(other(x, rank), y, verbose=0),
    "weights of evaluate": lambda model, rank: model.evaluate(
        x, y, sample_weight=other(weights, rank), verbose=0
    ),
    "validation": lambda model, rank: model.fit(x, y, validation_data=(other(x, rank), y), verbose=0),
    "validation alone has another size": lambda model, rank: model.fit(
        x, y, validation_data=(x[rank:], y[rank:]), verbose=0
    ),
    "validation split": lambda model, rank: model.fit(other(x, rank), y, validation_split=0.7, verbose=0),
}


@pytest.mark.parametrize("way", WAYS)
def test_other_arrays_of_one_shape_are_told(way):
    name = "validation_data" if way.startswith("validation") else "data"

    def train(rank):
        WAYS[way](models.text_cnn(), rank)

    for error in errors_on_ranks(2, train):
        assert type(error) is ValueError and f"rank 1 differs from rank 0 in `{name}`" in str(error)


def test_large_arrays_that_begin_and_end_alike_are_told(monkeypatch):
    monkeypatch.setattr(batches, "MARKED_BYTES", x.nbytes // 2)

    def train(rank):
        data = x.copy()
        data[12:-12] = data[12:-12] if rank == 0 else 1
        models.text_cnn().fit(data, y, verbose=0)

    for error in errors_on_ranks(2, train):
        assert type(error) is ValueError and "rank 1 differs from rank 0 in `data`" in str(error)


@pytest.mark.parametrize("count", [10, 29, 30, 31, 1000, 10**7])
def test_rows_that_are_looked_at(count):
    rows = _looked_at(count, 30)
    assert len(rows) == min(count, 30) and rows[0] == 0 and rows[-1] == count - 1
    assert (np.diff(rows) > 0).all()
    if count > 30:  # the middle third is spread over all
        assert np.diff(rows[10:20]).max() <= count // 10 + 1


def test_each_rank_may_have_its_own_where_that_is_said():
    def train(rank):
        model = models.text_cnn()
        model.fit(other(x, rank), y, validation_data=(x[rank:], y[rank:]), batch_size=8, verbose=0)
        return model.get_weights()

    first, second = on_ranks(2, train, auto_shard_dataset=False)
    assert models.same_bits(first, second)


def test_predict_shows_on_the_first_rank_alone(capfd):
    models.text_cnn().predict(x, batch_size=10, verbose=2)
    assert capfd.readouterr().out.count("4/4") == 1
    found = on_ranks(2, lambda rank: models.text_cnn().predict(x, batch_size=10, verbose=2))
    assert capfd.readouterr().out.count("4/4") == 1
    np.testing.assert_array_equal(*found)
