"""What a model of n-grams goes by, whatever the text: the n-grams that speak most for each label."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..bags.explanation import bag_layer
from ..bags.top_features import Feature, top_features
from ..base.arguments import integer
from ..layers.bag_parts import value_columns


def word_weights(model: Any, n: int = 10) -> dict[Any, list[Feature]]:
    """The `n` n-grams that speak most for each label, (name, weight), the strongest first.

    `model`: a BagClassifier, or a Model with one BagOfNgrams layer (beside others it is explained alone);
    weights are those of a count before a text is divided by its norm, the mean over the parts. Raises
    ValueError for other models, for `n` below 1, and where n-grams are hashed, so that they have no names.

    >>> from embedcnn.bags import BagClassifier
    >>> classifier = BagClassifier().fit(["good", "fine", "bad", "dull"] * 2, ["yes", "yes", "no", "no"] * 2)
    >>> sorted(name for name, weight in word_weights(classifier)["yes"])
    ['fine', 'good']
    """
    model = model.model if hasattr(type(model), "model") else model
    layer = bag_layer(model)
    forms = layer.forms
    columns = np.split(value_columns(forms), np.cumsum([form.units for form in forms])[:-1])
    total = sum(form.share for form in forms)
    weights = np.zeros((forms[0].units, len(layer.table.value)))
    for form, own in zip(forms, columns, strict=True):
        weights += layer.table.value[:, own].T * (form.share / total)
    labels = model.labels if model.labels is not None else range(max(2, len(weights)))
    return top_features(weights, layer.features, np.array(list(labels), object), integer("n", n, 1))
