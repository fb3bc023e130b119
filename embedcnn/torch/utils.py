"""torch.nn.utils and torch.utils under one name, as `embedcnn.torch` stands for both torch.nn and torch."""

from typing import Any

import torch.utils
import torch.utils.data
from torch.nn import utils as _of_modules


def __getattr__(name: str) -> Any:
    """What torch.nn.utils has, or else torch.utils."""
    found = getattr(_of_modules, name, None)
    return getattr(torch.utils, name) if found is None else found


def __dir__() -> list[str]:
    """The names of both."""
    return sorted({*dir(_of_modules), *dir(torch.utils)})
