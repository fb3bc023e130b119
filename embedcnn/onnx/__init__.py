"""Models to and from ONNX (extra `onnx`, imported when it is first used): `export`, also as `model.export`;
`models.load_onnx`. Files of the one begin with export_, of the other with import_.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from .export_model import export

__all__ = ["export"]
_PLACES = {"export": "embedcnn.onnx.export_model:export"}


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
