"""Settings found by trying: a study of the default classifier's with Optuna (extra `tune`), and a grid with
cross-validation for any estimator without it.
"""

from typing import TYPE_CHECKING

from ..base.named_objects import lazy_names

if TYPE_CHECKING:  # what __getattr__ finds at run time
    from .grid import Cell, Grid, grid_search
    from .pruning import PruningCallback
    from .study import Tuned, tune

__all__ = ["Cell", "Grid", "PruningCallback", "Tuned", "grid_search", "tune"]
_PLACES = {
    "Cell": "embedcnn.tuning.grid:Cell",
    "Grid": "embedcnn.tuning.grid:Grid",
    "PruningCallback": "embedcnn.tuning.pruning:PruningCallback",
    "Tuned": "embedcnn.tuning.study:Tuned",
    "grid_search": "embedcnn.tuning.grid:grid_search",
    "tune": "embedcnn.tuning.study:tune",
}


if not TYPE_CHECKING:  # a checker knows the names from above, and finds the misspelt ones
    __getattr__ = lazy_names(__name__, _PLACES)


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted(__all__)
