"""Linear parts over one bag of n-grams as a Model, and means over models that read the same texts.

All parts stand in one `layers.BagOfNgrams`; behind it plain layers make probabilities of the margins of each
part and take their weighted mean.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from .. import layers
from ..base.arguments import finite_number
from ..base.checked import checked
from ..graph.nesting import inline
from ..layers.bag_parts import LinearPart
from ..models.model import Model


@checked
def portfolio_model(
    features: Any, parts: Sequence[LinearPart], labels: Sequence[Any], multi_label: bool = False
) -> Model:
    """A Model from texts to one probability for each label: the mean, by their `share`, of those of the
    parts.

    All parts have one unit for each label, or one in all for two labels (the margin of the second). The
    probabilities of a part are the softmax of its margins, with `multi_label` the sigmoid of each. Raises
    ValueError where parts and labels do not fit.

    >>> from embedcnn.bags import NgramFeatures
    >>> features = NgramFeatures(words=(1, 1)).fit(["good film", "bad film"])
    >>> weights = [[{"good": 2.0, "bad": -2.0}.get(name, 0.0)] for name in features.get_feature_names_out()]
    >>> model = portfolio_model(features, [LinearPart(np.array(weights), np.zeros(1))], ["neg", "pos"])
    >>> model.predict_labels(["a good one", "a bad one"])
    ['pos', 'neg']
    """
    parts, labels = list(parts), list(labels)
    units = 1 if len(labels) == 2 and not multi_label else len(labels)
    if len(labels) < 2:
        raise ValueError(f"`labels` must hold at least two labels. Received: {labels}")
    for number, part in enumerate(parts):
        if isinstance(part, LinearPart) and part.form.units not in (units, len(labels)):
            raise ValueError(
                f"`parts` must have {units} units for {len(labels)} labels. Received: parts[{number}] with "
                f"{part.form.units}"
            )
    if len({part.form.units for part in parts if isinstance(part, LinearPart)}) > 1:
        raise ValueError("`parts` must all have the same number of units")
    texts = layers.Input((1,), dtype="string", name="texts")
    x = layers.BagOfNgrams(features, parts, name="ngrams")(texts)
    units = parts[0].form.units
    if len(parts) > 1:
        x = layers.Reshape((len(parts), units), name="margins")(x)
    if units == 1:
        x = _fixed(np.array([[-0.5, 0.5]]), "logits", x)
    if multi_label:
        x = layers.Activation("sigmoid", name="probabilities")(x)
    else:
        x = layers.Softmax(name="probabilities")(x)
    if len(parts) > 1:
        x = _mean_of(x, len(labels), _shares("share", [part.share for part in parts]), "parts")
    model = Model(texts, x, name="bag_of_ngrams")
    model.labels = labels
    if multi_label:  # says of the labels that each is decided alone
        model.compile("sgd", "binary_crossentropy")
    return model


def averaged(models: Sequence[Any], weights: Sequence[float] | None = None) -> Model:
    """A Model whose probabilities are the weighted mean of those of models with the same labels.

    A model takes texts, as those of `portfolio_model`, or ids that its `text_encoder`, a TextEncoder, makes
    of texts; the layers are shared with it, in a model inside where layers of two have the same names. A
    BagClassifier stands for its `model`. `weights`: one for each model; None: equal ones. Raises TypeError
    and ValueError where the models do not fit each other.

    >>> from embedcnn.bags import NgramFeatures
    >>> features = NgramFeatures(words=(1, 1)).fit(["a b"])
    >>> weights = np.array([[1.0], [-1.0]])
    >>> one = portfolio_model(features, [LinearPart(weights, np.zeros(1))], ["x", "y"])
    >>> averaged([one], [1.0]).predict(["a"]).shape
    (1, 2)
    """
    models = [one.model if hasattr(type(one), "model") else one for one in models]
    if not models:
        raise ValueError("`models` must hold at least one model. Received: none")
    for number, model in enumerate(models):
        if not isinstance(model, Model):
            kind = type(model).__name__
            raise TypeError(f"`models` must hold models. Received: models[{number}] is a {kind}")
        if model.labels is None or model.labels != models[0].labels:
            raise ValueError(
                f"`models` must have the same labels: models[0] has {models[0].labels}. Received: "
                f"models[{number}] with {model.labels}"
            )
        shapes = [tensor.shape for tensor in model.outputs]
        if shapes != [(None, len(model.labels))]:
            raise ValueError(
                f"`models` must have one output with a probability for each label. Received: "
                f"models[{number}] with {shapes}"
            )
    shares = _shares("weights", [1.0] * len(models) if weights is None else list(weights))
    if len(shares) != len(models):
        raise ValueError(f"`weights` must hold {len(models)} numbers. Received: {len(shares)}")
    labels = models[0].labels
    texts = layers.Input((1,), dtype="string", name="texts")
    outputs: list[Any] = []
    taken: dict[str, Any] = {texts.name: None}
    for number, model in enumerate(models):
        read = _input_of(model, texts, number, taken)
        outputs.append(_placed(model, read, taken))
    x = outputs[0]
    if len(models) > 1:
        name = _free_name("models", taken)
        x = layers.Concatenate(name=f"probabilities_of_{name}")(outputs)
        x = layers.Reshape((len(models), len(labels)), name=name)(x)
        x = _mean_of(x, len(labels), shares, name)
    made = Model(texts, x, name="average")
    made.labels = labels
    return made


def _placed(model: Model, read: Any, taken: dict[str, Any]) -> Any:
    """The output of the layers of a model on `read`: by themselves, or where other layers have `taken` their
    names, in a model inside, whose names are its own.
    """
    own = {layer.name: layer for layer in model.layers if not isinstance(layer, layers.InputLayer)}
    if all(taken.get(name, layer) is layer for name, layer in own.items()):
        taken |= own
        return inline(model, [read])[0]
    inside = Model(model.inputs, model.outputs, name=_free_name(model.name, taken))
    taken[inside.name] = inside
    return inside(read)


def _free_name(name: str, taken: Collection[str]) -> str:
    """The name, with a number where another layer has it."""
    numbers = (f"{name}_{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbers) if one not in taken)


def _shares(argument: str, given: Sequence[Any]) -> np.ndarray:
    """Weights of a mean, which sum to 1."""
    shares = np.array([finite_number(argument, one, least=0) for one in given], np.float64)
    if not shares.sum() > 0:
        raise ValueError(f"`{argument}` must hold a number above 0. Received: {list(given)}")
    return shares / shares.sum()


def _mean_of(x: Any, classes: int, shares: np.ndarray, name: str) -> Any:
    """The weighted mean over the first axis of (things, classes)."""
    x = layers.Permute((2, 1), name=f"of_{name}")(x)
    x = _fixed(shares[:, None], f"mean_of_{name}", x)
    return layers.Reshape((classes,), name=f"mean_over_{name}")(x)


def _fixed(kernel: np.ndarray, name: str, x: Any) -> Any:
    """A product with these numbers, which do not learn."""
    dense = layers.Dense(kernel.shape[1], use_bias=False, name=name, trainable=False)
    made = dense(x)
    dense.set_weights([kernel])
    return made


def _input_of(model: Model, texts: Any, number: int, taken: dict[str, Any]) -> Any:
    """What a model reads of an Input of texts: the texts, or the ids of its own encoder."""
    if len(model.inputs) != 1:
        raise ValueError(f"`models` must have one input. Received: models[{number}] with {len(model.inputs)}")
    if model.inputs[0].dtype == "string":
        return texts
    encoder = model.text_encoder
    if type(encoder).__name__ != "TextEncoder" or encoder.filters:
        raise TypeError(
            "`models` must take texts, or have a TextEncoder without `filters` as text_encoder. Received: "
            f"models[{number}] with {type(encoder).__name__}"
        )
    reader = layers.TextVectorization(
        encoder.max_tokens,
        encoder.standardize,
        encoder.split,
        encoder.ngrams,
        output_sequence_length=encoder.output_sequence_length,
        vocabulary=encoder.vocabulary,
        name=_free_name(f"tokens_of_{model.name}", taken),
    )
    taken[reader.name] = reader
    return reader(texts)
