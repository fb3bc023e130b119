"""Metadata routing: how an estimator tells scikit-learn's tools that it wants `sample_weight` handed on.

Only where `sklearn.set_config(enable_metadata_routing=True)` is on; scikit-learn is imported when it asks.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

UNCHANGED = "$UNCHANGED$"  # scikit-learn's own mark
METHODS = ("fit", "partial_fit", "score")  # that take sample_weight


class Routed:
    """The base of estimators whose `fit`, `partial_fit` and `score` take `sample_weight`."""

    _metadata_request: Any  # clone of scikit-learn copies it

    def get_metadata_routing(self) -> Any:
        """Which of its arguments an estimator wants. As in scikit-learn."""
        if hasattr(self, "_metadata_request"):
            return copy.deepcopy(self._metadata_request)
        from sklearn.utils.metadata_routing import MetadataRequest  # extra

        request = MetadataRequest(owner=self)
        for method in METHODS:
            if hasattr(self, method):
                getattr(request, method).add_request(param="sample_weight", alias=None)
        if hasattr(type(self), "predict_proba"):
            request.partial_fit.add_request(param="classes", alias=None)
        return request

    def set_fit_request(self, *, sample_weight: Any = UNCHANGED) -> Self:
        """Whether tools hand `sample_weight` to `fit`: True, False, another name, or None: an error."""
        return self._request("fit", sample_weight=sample_weight)

    def set_partial_fit_request(self, *, classes: Any = UNCHANGED, sample_weight: Any = UNCHANGED) -> Self:
        """The same of `partial_fit`."""
        return self._request("partial_fit", classes=classes, sample_weight=sample_weight)

    def set_score_request(self, *, sample_weight: Any = UNCHANGED) -> Self:
        """The same of `score`."""
        return self._request("score", sample_weight=sample_weight)

    def _request(self, method: str, **wanted: Any) -> Self:
        request = self.get_metadata_routing()
        for name, alias in wanted.items():
            if not (isinstance(alias, str) and alias == UNCHANGED):
                getattr(request, method).add_request(param=name, alias=alias)
        self._metadata_request = request
        return self
