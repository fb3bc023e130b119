"""fold and unfold: the steps of texts as texts of their own, and back, against the float64 reference; and
rows of any rank, as operations between them and losses behind them have them.
"""

import numpy as np
import pytest
from comparison import Pair, masks

from embedcnn import _core


def document_masks(batch, steps, rng):
    return {name: mask for name, mask in masks(batch, steps, rng).items() if mask is None or mask.any()}


def test_ids_of_documents_reach_a_sentence_encoder():
    """[B, S, W] ids: a convolution over each sentence, then an LSTM over the sentences."""
    rng = np.random.default_rng(0)
    for mask_zero in (False, True):
        operations = [
            ("fold", (0,), (1, 2), (), {}),
            ("lookup", (1,), (3,), (0,), {"mask_zero": mask_zero}),
            ("token_conv_pool", (3,), (4,), (1, 2), {"padding": "same"}),
            ("unfold", (4, 2), (5,), (), {}),
            ("lstm", (5,), (6,), (3, 4, 5), {}),
        ]
        shapes = [(30, 5), (3, 5, 7), (7,), (7, 16), (4, 16), (16,)]
        values = [rng.normal(size=shape) / 2 for shape in shapes]
        parameters = [(f"p{n}", shape) for n, shape in enumerate(shapes)]
        pair = Pair([("x", "int32", -1, (-1,))], parameters, operations, (5, 6), values)
        ids = rng.integers(1, 30, (4, 3, 9))
        ids[rng.random(ids.shape) < 0.4] = 0
        ids[1, 2:] = 0
        pair.check_gradients([ids])
        pair.check_gradients([ids[:2, :, :5]])  # other sizes of the same program


@pytest.mark.parametrize("mask_words", [False, True])
def test_numbers_of_four_axes(mask_words):
    """Inner sequences through a recurrent layer, whose masked steps repeat, and back into rows."""
    rng = np.random.default_rng(1)
    operations = [
        ("fold", (0,), (1, 2), (), {}),
        (
            "masking" if mask_words else "activation",
            (1,),
            (3,),
            (),
            {} if mask_words else {"activation": "tanh"},
        ),
        ("gru", (3,), (4,), (0, 1, 2), {"return_sequences": True}),
        ("unfold", (4, 2), (5,), (), {}),
        ("dense", (5,), (6,), (3, 4), {}),
        ("layer_normalization", (6,), (7,), (), {"scale": False, "center": False, "epsilon": 0.1}),
        ("flatten", (7,), (8,), (), {"length": 5}),
    ]
    shapes = [(3, 12), (4, 12), (2, 12), (4, 6), (6,)]
    values = [rng.normal(size=shape) for shape in shapes]
    parameters = [(f"p{n}", shape) for n, shape in enumerate(shapes)]
    pair = Pair([("x", "float32", -1, (4, 3))], parameters, operations, (5, 7, 8), values)
    for mask in document_masks(3, 5, rng).values():
        x = rng.normal(size=(3, 5, 4, 3)).astype(np.float32)
        x[rng.random(x.shape[:3]) < 0.3] = 0
        pair.check_gradients([x if mask is None else (x, mask)])


def test_rows_without_steps():
    rng = np.random.default_rng(2)
    operations = [
        ("fold", (0,), (1, 2), (), {"steps": 0}),
        ("unflatten", (1,), (3,), (), {"length": 3, "second": 2}),
        ("dropout", (3,), (4,), (), {"rate": 0.4, "layer": 3}),
        ("batch_normalization", (4,), (5,), (0, 1, 2, 3), {}),
        ("concatenate", (5, 3), (6,), (), {}),
        ("unfold", (6, 2), (7,), (), {}),
    ]
    shapes = [(2,)] * 4
    values = [rng.uniform(0.5, 2, size=shape) for shape in shapes]
    parameters = [(f"p{n}", shape) for n, shape in enumerate(shapes)]
    pair = Pair([("x", "float32", 4, (12,))], parameters, operations, (6, 7), values, seed=5, tracked=(2, 3))
    pair.check_gradients([rng.normal(size=(3, 4, 12))], step=2)
    assert pair.core.shapes[6:] == [("float32", 3, (2, 4)), ("float32", 4, (3, 2, 4))]


@pytest.mark.parametrize("kind", ["sparse_categorical", "categorical", "binary", None])
@pytest.mark.parametrize("weights", ["none", "texts", "steps", "each"])
def test_losses_over_the_last_axis(kind, weights):
    """[B, T, W, C]: a loss for each vector; sample weights of as many axes as are given."""
    rng = np.random.default_rng(3)
    name, settings = ("cross_entropy", {"kind": kind}) if kind else ("squared_error", {})
    operations = [("activation", (0,), (1,), (), {"activation": "tanh"}), (name, (1,), (2,), (), settings)]
    pair = Pair([("x", "float32", -1, (3, 4))], [], operations, (2,), [])
    pair.set_optimizer("sgd")
    given = {"none": None, "texts": (5,), "steps": (5, 6), "each": (5, 6, 3)}[weights]
    weight = None if given is None else rng.random(given).astype(np.float32)
    for mask in document_masks(5, 6, rng).values():
        x = rng.normal(size=(5, 6, 3, 4)).astype(np.float32)
        y = rng.random(x.shape).astype(np.float32)
        y = rng.integers(0, 2, x.shape).astype(np.float32) if kind == "binary" else y
        y = rng.integers(0, 4, x.shape[:3]) if kind == "sparse_categorical" else y
        pair.check_train_step([x if mask is None else (x, mask)], [y], 0.1, 0, weight)
        pair.compare_gradients()


def test_misuse():
    def build(*operations, inputs=(("x", "float32", -1, (4, 3)),), outputs=()):
        return _core.Program(list(inputs), [], list(operations), outputs)

    with pytest.raises(ValueError, match="unfold: texts of any number of steps"):
        _core.Program(
            [("x", "int32", -1, (-1,))],
            [("table", (9, 2))],
            [
                ("fold", (0,), (1, 2), (), {}),
                ("lookup", (1,), (3,), (0,), {}),
                ("embed", (3,), (4,), (), {}),
                ("unfold", (4, 2), (5,), (), {}),
            ],
            (5,),
        )
    with pytest.raises(ValueError, match="fold: a row of numbers with 1 axes"):
        build(("fold", (0,), (1, 2), (), {}), inputs=[("x", "float32", -1, (4,))])
    with pytest.raises(ValueError, match="holds no floats"):
        build(("fold", (0,), (1, 2), (), {}), inputs=[("x", "int32", -1, (4,))], outputs=(1,))
    program = _core.Program(
        [("x", "int32", -1, (-1,))],
        [("table", (9, 2))],
        [
            ("fold", (0,), (1, 2), (), {}),
            ("lookup", (1,), (3,), (0,), {}),
            ("token_bag", (3,), (4,), (), {}),
        ],
        (4,),
    )
    program.bind(0, np.zeros((9, 2), np.float32), False, [], np.zeros(1, np.int64))
    with pytest.raises(ValueError, match=r"x\[1, 2, 0\] = 9 is outside \[0, 9\)"):
        program.forward([np.array([[[1]] * 3, [[2], [3], [9]]])])
    with pytest.raises(ValueError, match="x: a ragged batch has texts of ids"):
        program.forward([(np.zeros(3, np.int32), np.array([0, 1, 3]))])


@pytest.mark.parametrize(
    "operation",
    [
        ("merge", (1, 3), (4,), (), {"kind": "add"}),
        ("concatenate", (3, 1), (4,), (), {}),
        ("dot", (1, 3), (4,), (), {}),
        ("simple_rnn", (0, 1), (4,), (0, 1), {"initial_state": True, "use_bias": False}),
        ("squared_error", (1,), (4,), (), {}),
        ("element_loss", (1,), (4,), (), {"kind": "hinge"}),
        ("dense_cross_entropy", (1,), (4,), (0,), {}),
    ],
    ids=lambda operation: operation[0],
)
def test_texts_and_what_was_folded_out_of_them_do_not_meet(operation):
    """Twelve rows beside three texts, or the targets of three: reading both would go past an end."""
    fold = ("fold", (0,), (1, 2), (), {"steps": 0})
    average = ("global_average_pool", (0,), (3,), (), {})
    shapes = [("kernel", (5, 5)), ("recurrent", (5, 5))]
    core = _core.Program([("x", "float32", 4, (5,))], shapes, [fold, average, operation], (4,))
    for number, (_, shape) in enumerate(shapes):
        core.bind(number, np.zeros(shape, np.float32), False, [], np.zeros(1, np.int64))
    x, y = np.ones((3, 4, 5), np.float32), np.ones((3, 5), np.float32)
    y = np.ones(3, np.int64) if operation[0] == "dense_cross_entropy" else y
    loss = len(operation[1]) == 1
    with pytest.raises(ValueError, match=rf"{operation[0]}: input \d holds \d+ texts; expected \d+"):
        core.test_step([x], [y], None) if loss else core.forward([x])
