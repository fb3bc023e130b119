"""Attributes of tables that are set after the layer was made: checked as arguments, or refused."""

import copy

import numpy as np
import pytest

import embedcnn
from embedcnn import layers, optimizers

ROWS = np.array([[3, 4], [6, 8], [30, 40], [0.3, 0.4]], np.float32)
LAYERS = {
    "Embedding": lambda **options: layers.Embedding(4, 2, **options),
    "EmbeddingBag": lambda **options: layers.EmbeddingBag(4, 2, **options),
    "EmbedReduce": lambda **options: layers.EmbedReduce(4, 2, **options),
}
WRONG = {
    "storage_dtype": ("int8", "is 'float16' and says how its table is kept; use model.convert_tables(dtype)"),
    "storage_dtype unknown": ("foo", "Received: storage_dtype='foo'"),
    "storage_rounding": ("foo", "give it to a new layer. Received: storage_rounding='foo'"),
    "storage_rounding master": ("master", "is 'stochastic' and says how its table is kept"),
    "max_norm": (-1, "`max_norm` must be a finite number > 0 or None. Received: max_norm=-1"),
    "norm_type": (0, "norm_type=0"),
    "norm_type text": ("2", "norm_type='2'"),
    "padding_idx": (77, "`padding_idx` must be in [-4, 4)"),
    "padding_idx float": (1.0, "padding_idx=1.0"),
    "scale_grad_by_freq": ("no", "`scale_grad_by_freq` must be True or False. Received"),
    "mask_zero": (2, "`mask_zero` must be True or False. Received: mask_zero=2"),
}


@pytest.mark.parametrize("built", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("case", WRONG)
def test_wrong_values_are_refused_and_nothing_changes(case, kind, built):
    layer, (value, message), name = LAYERS[kind](storage_dtype="float16"), WRONG[case], case.split()[0]
    if built:
        layer.build()
    before = layer.get_config()
    with pytest.raises((TypeError, ValueError)) as caught:
        setattr(layer, name, value)
    assert message in str(caught.value)
    assert layer.get_config() == before and layer.embeddings.dtype == "float16"


def test_right_values_are_taken():
    layer = layers.Embedding(4, 2)
    layer.max_norm, layer.norm_type, layer.scale_grad_by_freq = np.float32(2), float("inf"), True
    layer.storage_dtype = "float32"  # as it is
    assert (layer.max_norm, layer.norm_type, layer.scale_grad_by_freq) == (2.0, float("inf"), True)
    again = layers.Embedding.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() == copy.deepcopy(layer).get_config()
    layer.max_norm = None
    assert layer.max_norm is None


def test_tables_of_int8_take_no_norm():
    with pytest.raises(ValueError, match="`max_norm` of .* would do nothing"):
        layers.Embedding(4, 2, storage_dtype="int8").max_norm = 1.0


def test_a_conversion_says_what_the_table_is():
    layer = layers.Embedding(4, 2)
    model = embedcnn.Sequential([embedcnn.Input((2,)), layer])
    model.convert_tables("bfloat16")
    assert layer.storage_dtype == layer.get_config()["storage_dtype"] == layer.embeddings.dtype == "bfloat16"


def model_of(**options):
    layer = layers.Embedding(4, 2, weights=[ROWS], **options)
    model = embedcnn.Sequential([embedcnn.Input((2,)), layer, layers.GlobalSumPooling1D()])
    model.compile(optimizers.SGD(0.5), "mse")
    return model, layer


def test_another_padding_row_rests_from_the_next_step():
    model, layer = model_of(padding_idx=0)
    layer.padding_idx = -3
    assert layer.padding_idx == 1
    model.train_on_batch([[0, 1]], [[0.0, 0.0]])
    changed = (layer.embeddings.numpy() != ROWS).any(axis=1)
    assert changed.tolist() == [True, False, False, False]


@pytest.mark.parametrize("pooling", [layers.GlobalSumPooling1D, layers.Flatten])
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_the_row_of_padding_is_bounded_too(dtype, pooling):
    """torch.nn.functional.embedding([[0, 1]], padding_idx=0, max_norm=1) of PyTorch 2.13 leaves [0.6, 0.8] in
    rows 0 and 1, and the others as they are.
    """
    layer = layers.Embedding(4, 2, weights=[ROWS], padding_idx=0, max_norm=1.0, storage_dtype=dtype)
    model = embedcnn.Sequential([embedcnn.Input((2,)), layer, pooling()])
    model.compile(optimizers.SGD(0.0), "mse")
    rows = layer.embeddings.numpy()
    model.train_on_batch([[0, 1]], np.zeros((1, model.output_shape[1])))
    found, last = layer.embeddings.numpy(), {"float32": 1e-6, "float16": 1e-3, "bfloat16": 4e-3}[dtype]
    np.testing.assert_allclose(found[:2], [[0.6, 0.8]] * 2, atol=last)
    np.testing.assert_array_equal(found[2:], rows[2:])


def test_a_padding_row_that_rests_anyway_keeps_its_bits():
    layer = layers.Embedding(4, 2, weights=[ROWS], padding_idx=0, max_norm=1.0, trainable_rows=[1])
    model = embedcnn.Sequential([embedcnn.Input((2,)), layer, layers.GlobalSumPooling1D()])
    model.compile(optimizers.SGD(0.0), "mse")
    model.train_on_batch([[0, 1]], [[0.0, 0.0]])
    np.testing.assert_array_equal(layer.embeddings.numpy()[[0, 2, 3]], ROWS[[0, 2, 3]])
