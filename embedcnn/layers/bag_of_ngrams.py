"""BagOfNgrams: texts to the margins of linear models over their n-grams.

What it computes is tokenizing and a sum over rows of one table, so the texts never become ids that a program
would read: the layer gives a model's program its margins, and plain layers stand behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import initializers
from ..base.arguments import positive_integer
from ..base.arrays import MAPPED_BYTES
from ..base.configuration import described
from ..base.named_objects import named_object
from ..graph.nodes import Shape
from ..graph.variables import Variable
from ..initializers import initial_value
from . import bag_parts
from .bag_parts import LinearPart, PartForm
from .text_reader import TextReader, text_list

FEATURES = {"NgramFeatures": "embedcnn.bags.features:NgramFeatures"}
"""The features that a file may name: nothing else is ever built from one."""


class BagOfNgrams(TextReader):
    """Texts to margins of linear models over n-grams: an Input of strings to float32 (B, units of all parts).

    `features`: a fitted bags.NgramFeatures; `parts`: `LinearPart`s over them, folded into one table. The
    table and the biases are weights that training leaves alone: bags.BagClassifier finds them. A model of
    such a layer is saved with the features. Raises TypeError and ValueError where parts and features do not
    fit.

    >>> import embedcnn, numpy as np
    >>> from embedcnn.bags import LinearPart, NgramFeatures
    >>> features = NgramFeatures(words=(1, 1)).fit(["good film", "bad film"])
    >>> weights = [[{"good": 2.0, "bad": -2.0}.get(name, 0.0)] for name in features.get_feature_names_out()]
    >>> layer = BagOfNgrams(features, [LinearPart(np.array(weights), np.array([0.25]), norm="none")])
    >>> layer(["a good film", "bad"]).ravel().tolist()
    [2.25, -1.75]
    >>> model = embedcnn.Sequential([layer, embedcnn.layers.Activation("sigmoid")])
    >>> (model.predict(["bad", "good"], verbose=0) > 0.5).ravel().tolist()
    [False, True]
    """

    output_dtype = "float32"

    def __init__(self, features: Any, parts: Sequence[LinearPart], **options: Any) -> None:
        super().__init__(**options)
        table, bias = bag_parts.folded(list(parts))
        self._check(features, len(table))
        self._begin(features, [part.form for part in parts], table, bias)
        self._ready = True

    def _begin(self, features: Any, forms: Sequence[PartForm], table: Any, bias: Any) -> None:
        self.features, self.forms = features, tuple(forms)
        self.table = self.track(Variable("table", table, self, tracked=True))
        self.bias = self.track(Variable("bias", bias, self, tracked=True))

    def _check(self, features: Any, rows: int) -> None:
        if type(features).__name__ not in FEATURES:
            raise TypeError(f"`features` must be a bags.NgramFeatures. Received: {type(features).__name__}")
        if features.size != rows:
            raise ValueError(
                f"`parts` must have a row of weights for each of the {features.size} features. Received: "
                f"{rows} rows"
            )

    # -- sizes -----------------------------------------------------------------------------------------------
    @property
    def units(self) -> int:
        """How many margins a text gets."""
        return sum(form.units for form in self.forms)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.units)

    # -- texts -----------------------------------------------------------------------------------------------
    def encode(self, texts: Sequence[str]) -> np.ndarray:
        parts = [form.of_core() for form in self.forms]
        return self._known().scores(texts, self.table.value, self.bias.value, parts)

    def on_texts(self, texts: Any) -> Any:
        if isinstance(texts, str):
            return self.encode([texts])[0]
        return self.encode(text_list("inputs", texts))

    def bags_of(self, texts: Sequence[str]) -> Any:
        """The features of texts, a bags.Bags."""
        return self._known().transform(texts)

    def _known(self) -> Any:
        if not self._ready:
            raise ValueError(
                f"Layer {self.name!r} has no features yet: they stand in a file of model.save, not in a "
                "configuration"
            )
        return self.features

    def margins_of(self, bags: Any) -> np.ndarray:
        """The margins of bags, float64 (documents, units)."""
        return bag_parts.margins(self.table.value, self.bias.value, self.forms, bags)

    def shares_of(self, bags: Any) -> np.ndarray:
        """What each feature of a bag of one document adds to each margin, float64 (features, units)."""
        return bag_parts.shares(self.table.value, self.forms, bags)

    # -- files -----------------------------------------------------------------------------------------------
    def text_state(self) -> dict[str, np.ndarray]:
        """The arrays of the features, for the file of a model."""
        return dict(self.features.state()) if self._ready else {}

    def set_text_state(self, state: dict[str, np.ndarray]) -> None:
        """Takes the arrays of `text_state`; ValueError where they do not fit the table."""
        self.features.set_state(state)
        self._check(self.features, len(self.table.value))
        if self.table.nbytes < MAPPED_BYTES:
            self.table.replace(self.table.value.copy())  # out of the file's bytes, into NumPy's huge pages
        self._ready = True

    def get_config(self) -> dict[str, Any]:
        """The features' settings and the forms of the parts; their arrays are `text_state` and weights."""
        return {
            "features": described(self.features),
            "rows": len(self.table.value),
            "parts": [form.to_config() for form in self.forms],
            "name": self.name,
            "trainable": self.trainable,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> BagOfNgrams:
        """The layer with a table of zeros, without features until `set_text_state`."""
        given = dict(config)
        features, rows, parts = given.pop("features"), given.pop("rows"), given.pop("parts")
        if not isinstance(features, dict) or features.get("class_name") not in FEATURES:
            raise ValueError(f"`features` must be one of {', '.join(FEATURES)}. Received: {features!r}"[:300])
        forms = [PartForm(**part) for part in parts]
        if not forms:
            raise ValueError("`parts` must hold at least one part. Received: none")
        layer = cls.__new__(cls)
        TextReader.__init__(layer, **given)
        zeros = initializers.Zeros()
        rows, columns = positive_integer("rows", rows), sum(form.columns for form in forms)
        table = initial_value(zeros, (rows, columns))
        bias = initial_value(zeros, (sum(form.units for form in forms),))
        made = named_object(FEATURES[features["class_name"]]).from_config(features["config"])
        layer._begin(made, forms, table, bias)
        layer._ready = False
        return layer
