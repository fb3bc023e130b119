"""Looking into models: why a text has its label. Named after sklearn.inspection."""

from typing import TYPE_CHECKING

from ..base.named_objects import named_object

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from .explanation import explain

__all__ = ["explain"]
_PLACES = {"explain": "embedcnn.inspection.explanation:explain"}
"""Who looks at one thing need not import the others."""


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones

    def __getattr__(name: str) -> object:
        if name in _PLACES:
            return named_object(_PLACES[name])
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
