"""Parts folded into one table: the margins of the folded table are those of the parts one by one, in plain
NumPy, and the shares of an explanation sum to them."""

from types import SimpleNamespace

import numpy as np
import pytest

from embedcnn.layers import bag_parts
from embedcnn.layers.bag_parts import LinearPart, PartForm


def drawn_bags(rng, documents=7, size=30, longest=12):
    rows = [np.sort(rng.choice(size, rng.integers(0, longest), replace=False)) for _ in range(documents)]
    ids = np.concatenate(rows).astype(np.int32)
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int64)
    counts = rng.integers(1, 5, len(ids)).astype(np.float32)
    return SimpleNamespace(offsets=offsets, ids=ids, counts=counts, size=size)


def drawn_part(rng, units, scale, norm, sublinear, size=30):
    shape = {"none": None, "vector": (size,), "matrix": (size, units)}[scale]
    drawn = None if shape is None else rng.uniform(0, 2, shape) * (rng.uniform(size=shape) < 0.7)
    weights, bias = rng.normal(size=(size, units)), rng.normal(size=units)
    return LinearPart(weights, bias, drawn, norm, sublinear)


def plain_margins(part, bags):
    """The definition, document by document and unit by unit."""
    rows = []
    for begin, end in zip(bags.offsets[:-1], bags.offsets[1:], strict=True):
        ids, counts = bags.ids[begin:end], bags.counts[begin:end].astype(np.float64)
        tf = 1 + np.log(counts) if part.sublinear else counts
        row = []
        for unit in range(part.form.units):
            scale = np.ones(bags.size) if part.scale is None else np.asarray(part.scale, np.float64)
            scale = (scale if scale.ndim == 1 else scale[:, unit])[ids]
            values = tf * scale
            norm = {"l2": np.sqrt((values**2).sum()), "mean": counts[scale != 0].sum(), "none": 1}[part.norm]
            row.append(values @ part.weights[ids, unit] / (norm or 1) + part.bias[unit])
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize("norm", bag_parts.NORMS)
@pytest.mark.parametrize("scale", ["none", "vector", "matrix"])
@pytest.mark.parametrize("sublinear", [False, True])
@pytest.mark.parametrize("units", [1, 3])
def test_a_folded_part_has_the_margins_of_its_definition(norm, scale, sublinear, units):
    rng = np.random.default_rng(5)
    bags, part = drawn_bags(rng), drawn_part(rng, units, scale, norm, sublinear)
    table, bias = bag_parts.folded([part])
    np.testing.assert_allclose(
        bag_parts.margins(table, bias, [part.form], bags), plain_margins(part, bags), rtol=2e-6, atol=2e-6
    )


def drawn_portfolio(rng):
    return [
        drawn_part(rng, 2, "vector", "l2", True),
        drawn_part(rng, 1, "none", "mean", False),
        drawn_part(rng, 3, "matrix", "l2", False),
        drawn_part(rng, 2, "vector", "none", True),
    ]


def test_parts_beside_each_other_do_not_change_each_other():
    rng = np.random.default_rng(6)
    bags, parts = drawn_bags(rng), drawn_portfolio(rng)
    table, bias = bag_parts.folded(parts)
    together = bag_parts.margins(table, bias, [part.form for part in parts], bags)
    alone = [bag_parts.margins(*bag_parts.folded([part]), [part.form], bags) for part in parts]
    np.testing.assert_array_equal(together, np.concatenate(alone, axis=1))
    assert table.shape == (30, 3 + 2 + 6 + 2)


def test_shares_and_bias_sum_to_the_margins():
    rng = np.random.default_rng(7)
    bags, parts = drawn_bags(rng, documents=1, longest=29), drawn_portfolio(rng)
    table, bias = bag_parts.folded(parts)
    forms = [part.form for part in parts]
    shares = bag_parts.shares(table, forms, bags)
    assert shares.shape == (len(bags.ids), 8)
    np.testing.assert_allclose(shares.sum(axis=0) + bias, bag_parts.margins(table, bias, forms, bags)[0])


def test_renumbered_features_have_the_same_margins():
    rng = np.random.default_rng(8)
    bags, parts = drawn_bags(rng), drawn_portfolio(rng)
    order = rng.permutation(bags.size)  # feature i becomes feature order[i]
    moved = [
        LinearPart(
            *(np.empty_like(part.weights), part.bias),
            None if part.scale is None else np.empty_like(part.scale),
            *(part.norm, part.sublinear),
        )
        for part in parts
    ]
    for part, other in zip(parts, moved, strict=True):
        other.weights[order] = part.weights
        if part.scale is not None:
            other.scale[order] = part.scale
    renumbered = SimpleNamespace(offsets=bags.offsets, ids=order[bags.ids], counts=bags.counts)
    found = bag_parts.margins(*bag_parts.folded(moved), [part.form for part in moved], renumbered)
    wanted = bag_parts.margins(*bag_parts.folded(parts), [part.form for part in parts], bags)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_documents_without_features_get_the_bias():
    part = LinearPart(np.ones((3, 2)), np.array([1.5, -2.0]))
    bags = SimpleNamespace(offsets=np.array([0, 0]), ids=np.zeros(0, np.int32), counts=np.zeros(0))
    assert bag_parts.margins(*bag_parts.folded([part]), [part.form], bags).tolist() == [[1.5, -2.0]]


def test_forms_come_back_from_their_configuration():
    form = LinearPart(np.ones((3, 2)), np.zeros(2), np.ones((3, 2)), share=0.5, name="nb").form
    assert PartForm(**form.to_config()) == form
    assert form.columns == 4
