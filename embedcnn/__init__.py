"""embedcnn trains text models that stand on word embeddings, on a plain CPU."""

__version__ = "0.1.0"

import importlib as _importlib

from embedcnn.runtime import (
    get_float32_matmul_precision,
    get_num_threads,
    set_float32_matmul_precision,
    set_num_threads,
    show_config,
)  # first: it loads the core

_MODULES = frozenset(
    (
        "activations",
        "callbacks",
        "classifier",
        "constraints",
        "data",
        "datasets",
        "encoding",
        "generation",
        "initializers",
        "language_model",
        "layers",
        "losses",
        "metrics",
        "models",
        "ops",
        "optimizers",
        "preprocessing",
        "ragged",
        "regularizers",
        "runtime",
        "saving",
        "text",
        "utils",
        "variables",
        "vectors",
        "vocabulary",
    )
)
_NAMES = {
    "CharLanguageModel": "language_model",
    "Input": "layers",
    "LanguageModel": "language_model",
    "Layer": "layers",
    "Model": "models",
    "Ragged": "ragged",
    "Sequential": "models",
    "WordLanguageModel": "language_model",
}
__all__ = [
    "__version__",
    "get_float32_matmul_precision",
    "get_num_threads",
    "set_float32_matmul_precision",
    "set_num_threads",
    "show_config",
    *_NAMES,
]


def __getattr__(name: str) -> object:
    """Modules and public names are imported when first used: `import embedcnn` alone stays fast."""
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        return getattr(_importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, whether they have been used or not."""
    return sorted({*__all__, *_MODULES})
