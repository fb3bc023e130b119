"""Batches by number, as Keras's PyDataset: their `len()` ends a pass, the seed decides their order."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.callbacks import LambdaCallback


class Numbered:
    """No IndexError beyond its end, as slices of arrays have none."""

    def __init__(self):
        self.asked, self.passes = [], 0
        self.x = np.arange(24, dtype=np.float32).reshape(12, 2) / 24
        self.y = self.x.sum(1)

    def __len__(self):
        return 3

    def __getitem__(self, number):
        assert type(number) is int
        self.asked.append(number)
        rows = slice(4 * number, 4 * number + 4)
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.passes += 1


def dense():
    embedcnn.utils.set_random_seed(1)
    model = embedcnn.Sequential([embedcnn.Input((2,)), layers.Dense(1)], seed=5)
    model.compile("sgd", "mse")
    return model


def test_a_pass_has_as_many_batches_as_len_says():
    source, model = Numbered(), dense()
    ends = []
    model.fit(
        source,
        epochs=2,
        shuffle=False,
        verbose=0,
        callbacks=LambdaCallback(on_train_batch_end=lambda b, _: ends.append(b)),
    )
    assert source.asked == [0, 1, 2, 0, 1, 2] and ends == [0, 1, 2, 0, 1, 2] and source.passes == 2
    arrays = dense()
    arrays.fit(source.x, source.y, epochs=2, batch_size=4, shuffle=False, verbose=0)
    assert all(map(np.array_equal, model.get_weights(), arrays.get_weights()))


def test_fit_shuffles_the_order_by_the_seed():
    first, second = Numbered(), Numbered()
    dense().fit(first, epochs=6, verbose=0)
    dense().fit(second, epochs=6, verbose=0)
    passes = [tuple(first.asked[start : start + 3]) for start in range(0, 18, 3)]
    assert first.asked == second.asked and len(set(passes)) > 1
    assert all(sorted(one) == [0, 1, 2] for one in passes)


def test_evaluate_predict_and_validation_take_them_in_order():
    source, model = Numbered(), dense()
    assert model.evaluate(source, verbose=0) == pytest.approx(model.evaluate(source.x, source.y, verbose=0))
    assert np.array_equal(model.predict(source, verbose=0), model.predict(source.x, verbose=0))
    assert source.asked == [0, 1, 2, 0, 1, 2]
    history = model.fit(source.x, source.y, validation_data=source, verbose=0).history
    assert "val_loss" in history


def test_keras_names_and_a_base_without_methods():
    assert embedcnn.utils.PyDataset is embedcnn.utils.Sequence
    assert type("Three", (embedcnn.utils.PyDataset,), {"__len__": Numbered.__len__})().num_batches == 3
    with pytest.raises(NotImplementedError, match="__len__"):
        dense().fit(embedcnn.utils.PyDataset(), verbose=0)
    assert list(embedcnn.utils.timeseries_dataset_from_array(np.arange(4), None, 3))[0].shape == (2, 3)


def test_a_dataset_of_pytorch_is_told_of_its_loader():
    data = pytest.importorskip("torch.utils.data")
    torch = pytest.importorskip("torch")
    examples = data.TensorDataset(torch.ones(4, 2), torch.ones(4))
    with pytest.raises(TypeError, match="DataLoader"):
        dense().fit(examples, verbose=0)
    dense().fit(data.DataLoader(examples, batch_size=2), verbose=0)
