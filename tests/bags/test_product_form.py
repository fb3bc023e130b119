"""fastText's classifier in folded form against its own formulas, unfolded, in float64 and slow; and laws."""

import numpy as np
import pytest
from bags.drawn_bags import chosen, dense, draw, of_dense

import embedcnn
from embedcnn.bags import ProductModel, product_form
from embedcnn.base.random_seeds import generator


def reference(
    bags, y, rows, output, *, rate, epochs, seed=0, loss="softmax", weights=None, table=None, batch=1
):
    """fastText 0.9.3's Model::update, document by document, on rows of any width; y: (N, K) distributions."""
    x, rows, output = dense(bags), rows.astype(np.float64), output.astype(np.float64)
    rate_of = weights if weights is not None else np.ones(len(x))
    table = np.ones(y.shape[1]) if table is None else table
    total, losses = x.sum() * epochs, []
    done = 0
    for epoch in range(epochs):
        losses.append(0)
        order = generator(seed, 2, epoch).permutation(len(x))
        for begin in range(0, len(x), batch):
            before, moved = output.copy(), np.zeros_like(rows)
            for document in order[begin : begin + batch]:
                length = x[document].sum()
                if not length:
                    continue
                hidden = x[document] @ rows / length
                logits = before @ hidden
                if loss == "softmax":
                    shares = np.exp(logits - logits.max())
                    shares /= shares.sum()
                    errors = y[document] - shares
                    losses[-1] -= rate_of[document] * y[document] @ np.log(shares)
                else:
                    shares = 1 / (1 + np.exp(-logits))
                    errors = table * y[document] * (1 - shares) - (1 - y[document]) * shares
                scale = rate * (1 - done / total) * rate_of[document]
                output += scale * np.outer(errors, hidden)
                moved += np.outer(x[document], scale * errors @ before / length)
                done += length
            rows += moved
    return x @ rows @ output.T / np.maximum(x.sum(axis=1, keepdims=True), 1), np.array(losses) / rate_of.sum()


def orthogonal(classes, width, length):
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(width, width)))
    return length * q[:classes]


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("loss", ["softmax", "one_vs_all"])
def test_folded_is_unfolded(classes, loss):
    """Rows of zeros and an output of orthogonal rows of length `initial`, ten columns wide."""
    bags, y = draw(classes=classes)
    if loss == "one_vs_all" and classes == 2:
        y = np.eye(2, dtype=np.float32)[y]
    model = product_form(bags, y, loss=loss, epochs=3, learning_rate=0.7, initial=0.3, seed=5)
    columns = np.eye(classes)[y] if np.ndim(y) == 1 else y
    margins, losses = reference(
        bags,
        columns,
        np.zeros((bags.size, 10)),
        orthogonal(classes, 10, 0.3),
        rate=0.7,
        epochs=3,
        seed=5,
        loss=loss,
    )
    if loss == "softmax":
        np.testing.assert_allclose(model.history["loss"], losses, rtol=1e-5)
    if classes == 2 and loss == "softmax":
        margins = margins[:, 1:] - margins[:, :1]
    got = model.decision_function(bags)
    assert abs(margins).max() > 0.3
    np.testing.assert_allclose(got, margins, atol=2e-5)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize(("dim", "batch"), [(2, 1), (4, 1), (7, 3), (16, 1), (16, 16), (40, 1), (40, 32)])
def test_wide_rows_are_fasttext(classes, dim, batch):
    """A batch sees the weights before it, whatever the number of threads."""
    bags, y = draw(classes=classes)
    start = (2 * generator(3, 1).random((bags.size, dim), np.float32) - 1) / dim
    model = product_form(bags, y, dim=dim, epochs=4, learning_rate=0.5, batch_size=batch, seed=3)
    margins, losses = reference(
        bags, np.eye(classes)[y], start, np.zeros((classes, dim)), rate=0.5, epochs=4, seed=3, batch=batch
    )
    np.testing.assert_allclose(model.history["loss"], losses, rtol=1e-5)
    if classes == 2:
        margins = margins[:, 1:] - margins[:, :1]
    np.testing.assert_allclose(model.decision_function(bags), margins, atol=5e-5)
    vectors = model.document_vectors(bags)
    np.testing.assert_allclose(
        vectors, dense(bags) @ model.rows / np.maximum(dense(bags).sum(axis=1, keepdims=True), 1), atol=1e-5
    )


def test_weights_of_documents_and_classes():
    bags, y = draw(classes=3)
    weights = np.random.default_rng(1).random(len(y)).astype(np.float32)
    table = np.array([1, 2, 0.5])
    model = product_form(
        bags, y, sample_weight=weights, class_weight={1: 2.0, 2: 0.5}, epochs=2, initial=1, seed=1
    )
    margins, losses = reference(
        bags,
        np.eye(3)[y],
        np.zeros((bags.size, 3)),
        np.eye(3),
        rate=0.5,
        epochs=2,
        seed=1,
        weights=weights * table[y],
    )
    np.testing.assert_allclose(model.decision_function(bags), margins, atol=1e-5)
    np.testing.assert_allclose(model.history["loss"], losses, rtol=1e-5)
    labels = (np.random.default_rng(2).random((len(y), 3)) < 0.4).astype(np.float32)
    model = product_form(
        bags, labels, loss="one_vs_all", class_weight={1: 2.0, 2: 0.5}, epochs=2, initial=1, seed=1
    )
    margins, _ = reference(
        bags,
        labels,
        np.zeros((bags.size, 3)),
        np.eye(3),
        rate=0.5,
        epochs=2,
        seed=1,
        loss="one_vs_all",
        table=table,
    )
    np.testing.assert_allclose(model.decision_function(bags), margins, atol=1e-5)


def test_two_classes_weighed():
    bags, y = draw()
    weighed = product_form(bags, y, class_weight={1: 3.0}, initial=1)
    same = product_form(bags, y, sample_weight=np.where(y == 1, 3.0, 1.0), initial=1)
    np.testing.assert_array_equal(weighed.rows, same.rows)
    each = product_form(bags, y, class_weight={1: 3.0}, initial=1, loss="one_vs_all")
    also = product_form(bags, y, sample_weight=np.where(y == 1, 3.0, 1.0), initial=1, loss="one_vs_all")
    np.testing.assert_array_equal(each.rows, also.rows)
    assert (each.rows != weighed.rows).any()


def test_soft_labels():
    bags, y = draw()
    soft = np.random.default_rng(3).random(len(y)).astype(np.float32)
    one = product_form(bags, soft)
    two = product_form(bags, np.stack([1 - soft, soft], axis=1))
    margins = two.decision_function(bags)
    np.testing.assert_allclose(one.decision_function(bags)[:, 0], margins[:, 1] - margins[:, 0], atol=1e-5)
    np.testing.assert_allclose(one.predict_proba(bags)[:, 0], two.predict_proba(bags)[:, 1], atol=1e-5)
    doubled = product_form(bags, 2 * np.stack([(1 - soft) / 2, soft / 2], axis=1))
    np.testing.assert_allclose(doubled.rows, two.rows, atol=1e-6)


def test_probabilities():
    bags, y = draw(classes=3)
    model = product_form(bags, y, epochs=20)
    shares = model.predict_proba(bags)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert (shares.argmax(axis=1) == y).mean() > 0.8
    labels = np.stack([y == 0, y != 2], axis=1).astype(np.float32)
    each = product_form(bags, labels, loss="one_vs_all", epochs=20).predict_proba(bags)
    assert ((each > 0.5) == labels).mean() > 0.8 and each.sum(axis=1).max() > 1.2
    assert (each[-1] == 0.5).all(), "a document without features"


@pytest.mark.parametrize(
    "settings",
    [{}, {"dim": 20}, {"dim": 20, "batch_size": 16}, {"dim": 3, "batch_size": 8}, {"loss": "one_vs_all"}],
)
def test_the_same_bits_on_any_number_of_threads(settings):
    bags, y = draw(documents=600, classes=3)
    results = set()
    for threads in (1, 2, 8):
        embedcnn.set_num_threads(threads)
        model = product_form(bags, y, validation_data=(bags, y), patience=2, epochs=5, **settings)
        history = np.concatenate(list(model.history.values()))
        results.add(model.rows.tobytes() + model.output.tobytes() + history.tobytes())
    embedcnn.set_num_threads(0)
    assert len(results) == 1


def test_features_may_be_renumbered():
    bags, y = draw(classes=3)
    features = np.random.default_rng(4).permutation(bags.size)
    changed = of_dense(dense(bags)[:, features])
    np.testing.assert_allclose(product_form(changed, y).rows, product_form(bags, y).rows[features], atol=1e-6)


def test_the_seed_decides_the_order():
    bags, y = draw()
    first = product_form(bags, y, seed=1).rows
    np.testing.assert_array_equal(first, product_form(bags, y, seed=1).rows)
    assert (first != product_form(bags, y, seed=2).rows).any()
    order = np.random.default_rng(5).permutation(len(y))
    as_they_are = product_form(bags, y, shuffle=False)
    again = product_form(chosen(bags, order), y[order], shuffle=False)
    assert (as_they_are.rows != again.rows).any()
    back = np.argsort(order)
    np.testing.assert_array_equal(
        product_form(chosen(chosen(bags, order), back), y[order][back], shuffle=False).rows, as_they_are.rows
    )


def test_it_stops_early_and_keeps_the_best_epoch():
    bags, y = draw(documents=120, size=200, longest=10)
    held_out, wanted = draw(documents=120, size=200, longest=10, seed=0)
    flipped = np.where(np.arange(120) % 4 == 0, 1 - wanted, wanted)
    model = product_form(
        bags, y, epochs=400, learning_rate=2, validation_data=(held_out, flipped), patience=3
    )
    losses = model.history["val_loss"]
    assert len(losses) == len(model.history["loss"]) < 400
    assert np.argmin(losses) == len(losses) - 4
    margins = model.decision_function(held_out)[:, 0].astype(np.float64)
    np.testing.assert_allclose(np.mean(np.logaddexp(0, margins) - flipped * margins), min(losses), rtol=1e-9)
    assert model.history["val_accuracy"][-1] == pytest.approx(0.75, abs=0.1)
    ends = product_form(bags, y, epochs=5, validation_data=(held_out, flipped))
    assert len(ends.history["val_loss"]) == 5
    np.testing.assert_array_equal(ends.rows, product_form(bags, y, epochs=5).rows)


@pytest.mark.parametrize("settings", [{}, {"dim": 5}])
def test_training_continues(settings):
    bags, y = draw(classes=3)
    begun = product_form(bags, y, epochs=2, seed=1, **settings)
    kept = begun.rows.copy()
    more = product_form(bags, y, epochs=2, seed=2, start=begun, **settings)
    assert more.history["loss"][0] < begun.history["loss"][-1]
    np.testing.assert_array_equal(begun.rows, kept)
    columns, output = np.eye(3)[y], begun.output
    margins, _ = reference(bags, columns, begun.rows, output, rate=0.5, epochs=2, seed=2)
    np.testing.assert_allclose(more.decision_function(bags), margins, atol=3e-5)


def test_a_part_of_the_classes():
    bags, y = draw(classes=4)
    first = chosen(bags, np.flatnonzero(y < 2))
    model = product_form(first, y[y < 2], classes=4)
    assert model.rows.shape == (bags.size, 4)
    only = product_form(chosen(bags, np.flatnonzero(y == 0)), y[y == 0], classes=4, start=model)
    assert only.predict_proba(bags)[:, 0].mean() > model.predict_proba(bags)[:, 0].mean()


MISUSE = [
    ({"epochs": 0}, "`epochs` must be an integer >= 1"),
    ({"learning_rate": 0}, "`learning_rate` must be a finite number > 0"),
    ({"learning_rate": 1e9, "initial": 1e3}, "`learning_rate` must be smaller"),
    ({"initial": -1}, "`initial` must be a finite number > 0"),
    ({"dim": 1}, r"`dim` must be an integer in \[2, 4096\] or None"),
    ({"batch_size": 4}, "`batch_size` must be 1 without `dim`"),
    ({"batch_size": 0}, r"`batch_size` must be an integer in \[1, 1024\]"),
    ({"loss": "hs"}, "loss='hs' is unknown; allowed: one_vs_all, softmax"),
    ({"classes": 2}, r"`y` must be classes in \[0, 2\). Received: 2"),
    ({"classes": 1}, "`classes` must be an integer >= 2 or None"),
    ({"patience": 2}, "`patience` needs validation_data"),
    ({"validation_data": 3}, r"`validation_data` must be \(bags, y\)"),
    ({"validation_data": (draw(size=7)[0], np.zeros(300, int))}, "must have 120 features. Received: 7"),
    ({"validation_data": (draw()[0], np.full(300, 0.5))}, "labels of 3 columns. Received: 1"),
    ({"shuffle": None}, "`shuffle` must be True or False"),
    ({"seed": 0.5}, "`seed` must be an integer"),
    ({"start": 5}, "`start` must be a ProductModel. Received: int"),
    ({"class_weight": {3: 1}}, r"`class_weight` must be an integer in \[0, 2\]"),
    ({"sample_weight": [1]}, "`sample_weight` must be 300 finite numbers"),
]


@pytest.mark.parametrize(("change", "message"), MISUSE)
def test_misuse(change, message):
    bags, y = draw(classes=3)
    with pytest.raises((TypeError, ValueError), match=message):
        product_form(bags, y, **change)


def test_models_that_do_not_fit():
    bags, y = draw(classes=3)
    model = product_form(bags, y)
    with pytest.raises(ValueError, match=r"rows and an output of shapes \(\(120, 7\), \(3, 7\)\)"):
        product_form(bags, y, start=model, dim=7)
    with pytest.raises(ValueError, match="`bags` must have 120 features. Received: 60"):
        model.predict_proba(draw(size=60)[0])
    with pytest.raises(ValueError, match="`classes` needs class numbers"):
        product_form(bags, np.eye(3)[y], classes=3)
    with pytest.raises(ValueError, match="at least one feature"):
        product_form(of_dense(np.zeros((3, 2))), [0, 1, 0])
    assert isinstance(model, ProductModel)


def test_running_out_of_memory():
    bags, y = draw(classes=3)
    made = 0
    for number in range(1, 12):
        embedcnn.runtime._core._memory_fail_at(number, False)
        try:
            product_form(bags, y, epochs=2)
        except MemoryError:
            made += 1
        finally:
            embedcnn.runtime._core._memory_fail_at(0, False)
    assert made >= 4
