"""What users do wrong with tables and bags, and what they are told: argument, value, what is allowed."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.layers import Embedding, EmbeddingBag, EmbedReduce
from embedcnn.ragged import Ragged

IDS = np.array([[1, 2], [0, 1]])
ONES = np.ones((2, 2), np.float32)


def ids(length=3):
    return embedcnn.Input((length,))


def summed():
    return EmbeddingBag(4, 2, mode="sum")


def rows(value):
    return lambda: Embedding(4, 2, trainable_rows=value)


CASES = {
    # -- EmbeddingBag
    "bag rows": (
        lambda: EmbeddingBag(0, 2),
        "`num_embeddings` must be a positive integer. Received: num_embeddings=0",
    ),
    "bag width": (lambda: EmbeddingBag(4, 2.5), "embedding_dim=2.5"),
    "bag mode": (lambda: EmbeddingBag(4, 2, mode="median"), "Allowed: max, mean, sqrtn, sum"),
    "bag mode number": (lambda: EmbeddingBag(4, 2, mode=1), "mode"),
    "bag sparse": (lambda: EmbeddingBag(4, 2, sparse=1), "sparse=1"),
    "bag last offset": (lambda: EmbeddingBag(4, 2, include_last_offset="yes"), "include_last_offset='yes'"),
    "bag padding": (lambda: EmbeddingBag(4, 2, padding_idx=4), "must be in [-4, 4)"),
    "bag padding bool": (lambda: EmbeddingBag(4, 2, padding_idx=True), "padding_idx=True"),
    "bag padding float": (lambda: EmbeddingBag(4, 2, padding_idx=1.0), "padding_idx=1.0"),
    "bag frequency of a maximum": (
        lambda: EmbeddingBag(4, 2, mode="max", scale_grad_by_freq=True),
        "must be False with mode='max'",
    ),
    "bag weight shape": (lambda: EmbeddingBag(4, 2, _weight=np.ones((3, 2))), "(4, 2)"),
    "bag weight rank": (lambda: EmbeddingBag(4, 2, _weight=np.ones(4)), "_weight must be a matrix"),
    "bag weight nan": (lambda: EmbeddingBag(1, 1, _weight=[[float("nan")]]), "_weight[0, 0] = nan"),
    "bag norm": (lambda: EmbeddingBag(4, 2, max_norm=-1), "max_norm=-1"),
    "bag unknown": (lambda: EmbeddingBag(4, 2, combiner="sum"), "combiner"),
    "bag vector": (lambda: EmbeddingBag(4, 2)(np.array([1, 2])), "`offsets` must say where each bag begins"),
    "bag texts with offsets": (lambda: EmbeddingBag(4, 2)(IDS, [0]), "`offsets` must be None"),
    "bag ragged with offsets": (
        lambda: EmbeddingBag(4, 2)(Ragged([1], [0, 1]), [0]),
        "`offsets` must be None",
    ),
    "bag offsets rank": (lambda: EmbeddingBag(4, 2)(np.array([1]), [[0]]), "a vector of integers"),
    "bag offsets float": (lambda: EmbeddingBag(4, 2)(np.array([1]), [0.0]), "dtype float64"),
    "bag offsets start": (lambda: EmbeddingBag(4, 2)(np.array([1, 2]), [1]), "offsets[0] = 1"),
    "bag offsets fall": (lambda: EmbeddingBag(4, 2)(np.array([1, 2, 3]), [0, 2, 1]), "offsets[2] = 1"),
    "bag offsets beyond": (lambda: EmbeddingBag(4, 2)(np.array([1, 2]), [0, 5]), "less than"),
    "bag last offset short": (
        lambda: EmbeddingBag(4, 2, include_last_offset=True)(np.array([1, 2]), [0, 1]),
        "ends at 1, but there are 2 ids",
    ),
    "bag weights of a mean": (lambda: EmbeddingBag(4, 2)(IDS, None, ONES), "need mode='sum'"),
    "bag weights of a maximum": (
        lambda: EmbeddingBag(4, 2, mode="max")(IDS, None, ONES),
        "Received: mode='max'",
    ),
    "bag weights shape": (lambda: summed()(IDS, None, ONES[:, :1]), "the shape of the ids, (2, 2)"),
    "bag weights of a vector": (lambda: summed()(np.array([1, 2]), [0], [1.0]), "the shape of the ids, (2,)"),
    "bag weights of ragged": (lambda: summed()(Ragged([1, 2], [0, 2]), None, [1.0]), "a weight for each id"),
    "bag weights text": (lambda: summed()(IDS, None, [["a", "b"]] * 2), "per_sample_weights"),
    "bag id": (lambda: EmbeddingBag(4, 2)(IDS + 3), "is outside [0, 4)"),
    "bag negative id": (lambda: EmbeddingBag(4, 2)(IDS - 1), "= -1"),
    "bag symbolic offsets": (lambda: EmbeddingBag(4, 2)(ids(), [0]), "give texts of ids (B, T), or a Ragged"),
    "bag symbolic rank": (lambda: EmbeddingBag(4, 2)(embedcnn.Input((3, 3))), "expects an input of 2 axes"),
    "bag symbolic weights": (lambda: summed()(ids(), None, ids(4)), "(batch, 3) with a known size"),
    "bag weights of open size": (lambda: summed()(ids(), None, ids(None)), "shape=(None, None)"),
    "bag weights of two": (
        lambda: summed()(ids(), None, embedcnn.Input((3, 2))),
        "or (batch, tokens, 1). Received: shape=(None, 3, 2)",
    ),
    "bag three inputs": (lambda: summed()([ids(), ids(), ids()]), "takes ids and weights of them"),
    "bag symbolic mode": (lambda: EmbeddingBag(4, 2)(ids(), None, ids()), "need mode='sum'"),
    "bag of one input as both": (
        lambda: [x := ids(), embedcnn.Model(x, summed()([x, x])).predict(IDS)],
        "use two Inputs",
    ),
    "pretrained bag": (lambda: EmbeddingBag.from_pretrained(np.ones(3)), "embeddings must be a matrix"),
    "pretrained bag mode": (
        lambda: EmbeddingBag.from_pretrained(ONES, mode="median"),
        "did you mean 'mean'?",
    ),
    # -- EmbedReduce
    "reduce combiner": (lambda: EmbedReduce(4, 2, combiner="max"), "Allowed: mean, sqrtn, sum"),
    "reduce rows": (lambda: EmbedReduce(-1, 2), "input_dim=-1"),
    "reduce weights": (lambda: EmbedReduce(4, 2)(IDS, ONES[:1]), "`weights` must have the shape of the ids"),
    "reduce rank": (lambda: EmbedReduce(4, 2)(embedcnn.Input((2, 2))), "expects an input of 2 axes"),
    "reduce matrix": (lambda: EmbedReduce(4, 2, weights=[np.ones((4, 3))]), "(4, 2)"),
    "reduce symbolic weights": (lambda: EmbedReduce(4, 2)(ids(), weights=ids(2)), "`weights` of"),
    # -- norms and padding of an Embedding
    "norm of 0": (lambda: Embedding(4, 2, max_norm=0), "max_norm=0"),
    "norm nan": (lambda: Embedding(4, 2, max_norm=float("nan")), "max_norm=nan"),
    "norm infinite": (lambda: Embedding(4, 2, max_norm=float("inf")), "max_norm=inf"),
    "norm text": (lambda: Embedding(4, 2, max_norm="1"), "max_norm='1'"),
    "norm type": (lambda: Embedding(4, 2, norm_type=0), "norm_type=0"),
    "norm type text": (lambda: Embedding(4, 2, norm_type="l2"), "norm_type='l2'"),
    "frequency": (lambda: Embedding(4, 2, scale_grad_by_freq=None), "scale_grad_by_freq=None"),
    "padding": (lambda: Embedding(4, 2, padding_idx=-5), "must be in [-4, 4)"),
    "padding text": (lambda: Embedding(4, 2, padding_idx="0"), "padding_idx='0'"),
    # -- trainable_rows
    "rows number": (rows(3), "a mask of 4 bools, a list of row numbers"),
    "rows text": (rows("all"), "Received: 'all'"),
    "rows float": (rows([0.5]), "dtype float64"),
    "rows matrix": (rows([[1, 2]]), "shape (1, 2)"),
    "rows outside": (rows([0, 4]), "trainable_rows[1] = 4"),
    "rows before": (rows([1, -1]), "which has 4: 0 to 3. Received: trainable_rows[1] = -1"),
    "rows of int8": (
        lambda: Embedding(4, 2, storage_dtype="int8", trainable_rows=[1]),
        "`trainable_rows` of 'embedding",
    ),
    "rows of int8 set later": (
        lambda: setattr(Embedding(4, 2, storage_dtype="int8"), "trainable_rows", [1]),
        "a table of int8 never learns",
    ),
    "rows mask": (rows([True, False]), "a bool for each of the 4 rows. Received: 2 bools"),
    "rows objects": (rows([None, 1]), "a mask of 4 bools"),
    "rows set later": (lambda: setattr(Embedding(4, 2), "trainable_rows", [9]), "trainable_rows[0] = 9"),
}


@pytest.mark.parametrize("case", CASES)
def test_message(case):
    call, message = CASES[case]
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert message in str(caught.value)


def test_rows_keep_what_they_were_where_a_change_is_refused():
    layer = layers.Embedding(4, 2, trainable_rows=[1])
    with pytest.raises(ValueError, match="rows of the table"):
        layer.trainable_rows = [7]
    assert layer.trainable_rows.tolist() == [False, True, False, False]


def test_a_norm_over_all_rows_is_refused_where_rows_rest():
    layer = layers.Embedding(
        4, 2, trainable_rows=[1], embeddings_constraint=embedcnn.constraints.MaxNorm(1.0, axis=0)
    )
    model = embedcnn.Sequential([layer, layers.GlobalAveragePooling1D(), layers.Dense(1)])
    model.compile(embedcnn.optimizers.SGD(embedding_update="dense"), "mse")
    with pytest.raises(ValueError, match="Use axis=1"):
        model.train_on_batch(IDS, np.ones(2))
