"""Numbers for each example without their axis, and ids of documents as numbers."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers


def test_a_number_for_each_example_may_come_without_its_axis():
    """(B,) for an input (B, 1), as in Keras; of other sizes it is an error still."""
    numbers = embedcnn.Input((1,))
    model = embedcnn.Model(numbers, layers.Dense(2)(numbers))
    x = np.arange(5, dtype=np.float32)
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x[:, None], verbose=0))
    wide = embedcnn.Input((3,))
    with pytest.raises(ValueError, match=r"expected shape \(batch, 3\). Received: shape \(5,\)"):
        embedcnn.Model(wide, layers.Dense(2)(wide)).predict(x, verbose=0)


@pytest.mark.parametrize("sentences", [4, None])
def test_ids_of_documents_are_numbers_too(sentences):
    ids = np.random.default_rng(0).integers(0, 9, (5, 4, 7)).astype(np.int32)
    documents = embedcnn.Input((sentences, 7), dtype="int32")
    model = embedcnn.Model(documents, embedcnn.ops.sum(embedcnn.ops.cast(documents, "float32") * 2, axis=2))
    np.testing.assert_array_equal(model.predict(ids, verbose=0), 2 * ids.sum(2))
