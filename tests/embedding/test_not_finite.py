"""NaN and infinite numbers in a table or its gradient are reported with their row."""

import numpy as np
import pytest

import embedcnn
from embedcnn import layers
from embedcnn.callbacks import TerminateOnNaN

X, Y = np.array([[1, 2, 3], [4, 5, 6]]), np.ones(2)


def model_of(**options):
    words = layers.Embedding(10, 4, name="words", **options)
    model = embedcnn.Sequential([words, layers.GlobalSumPooling1D(), layers.Dense(1, name="out")])
    model.compile(embedcnn.optimizers.SGD(0.1), "mse")
    return model, words


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_row_of_the_table(dtype, capsys):
    model, words = model_of(storage_dtype=dtype)
    table = words.embeddings.numpy()
    table[5, 2] = np.nan
    words.set_weights([table])
    model.fit(X, Y, verbose=0, callbacks=[TerminateOnNaN()])
    shown = capsys.readouterr().out
    # the rows of its text: they have had one update
    assert (
        "the loss is nan, terminating training; not finite: words/embeddings[4, 0] = nan and 11 more" in shown
    )


def test_a_row_that_no_step_has_touched_is_named_alone(capsys):
    model, words = model_of(trainable=False)
    table = words.embeddings.numpy()
    table[5, 2] = np.inf
    words.set_weights([table])
    model.layers[-1].trainable = False
    model.fit(X, Y, verbose=0, callbacks=[TerminateOnNaN()])
    assert "not finite: words/embeddings[5, 2] = inf\n" in capsys.readouterr().out


def test_rows_whose_gradient_is_not_finite():
    model, words = model_of()
    gradients = model.compute_gradients(X, Y)[1]
    rows, values = gradients["words/embeddings"]
    values[rows == 4] = np.inf
    model.apply_gradients({**gradients, "words/embeddings": (rows, values)})
    with pytest.raises(
        RuntimeError, match=r"not finite: words/embeddings\[4, 0\] = -inf and 3 more"
    ) as caught:
        model.layers[-1].trainable = False
        words.trainable = False
        model.fit(X, Y, verbose=0, callbacks=[TerminateOnNaN(raise_error=True)])
    assert "Batch 0" in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_a_matrix_that_is_given(dtype):
    matrix = np.ones((10, 4), np.float32)
    matrix[7, 3] = np.nan
    with pytest.raises(ValueError, match=r"weights\[7, 3\] = nan"):
        layers.Embedding(10, 4, weights=[matrix], storage_dtype=dtype)
